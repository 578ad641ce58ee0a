"""One session on every device: live, in the review, as SVG and PNG, and by ``analyze --plot``."""

from __future__ import annotations

import itertools
from xml.etree import ElementTree

import numpy as np
import pytest
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QApplication

from realtime_ser.base.config import Config, WindowConfig
from realtime_ser.base.labels import COLORS, LABELS
from realtime_ser.base.records import STEP_S, Estimate, Marker, Segment, State, Update
from realtime_ser.commands.analyze import draw_file
from realtime_ser.exchange.registry import ExportRequest, export
from realtime_ser.gui.live.window import MainWindow
from realtime_ser.gui.review.window import ReviewWindow
from realtime_ser.gui.theme.rasterise import png_of_svg
from realtime_ser.gui.timeline.qt_surface import QtSurface
from realtime_ser.timeline.printed import PAPER, timeline_svg
from realtime_ser.timeline.signal_tracks import (
    LevelTrack,
    ProbabilityTrack,
    VoiceTrack,
    line_strokes,
)
from realtime_ser.timeline.style import line_style
from realtime_ser.timeline.tracks import MarkerTrack, SegmentTrack
from tests import kept_sessions

SPAN_S = 30.0
SHARES = {"calm": 0.3, "happy": 0.3, "sad": 0.2, "surprised": 0.2}
TRACKS = [MarkerTrack, SegmentTrack, ProbabilityTrack, LevelTrack, VoiceTrack]
WORDS = {"k1: laughs", "happy 30\u202f%", "sound lost", "paused"}
"""Words that stand in every picture, beside scales and legends."""


def records():
    """Two segments of the same shares, a loss and a pause that are wide enough for their words."""
    values = np.array([SHARES.get(label, 0.0) for label in LABELS], np.float32)
    said = Estimate(values, "happy", 0.3, certain=True)
    made = [Marker(1.0, "laughs", "k1")]
    for step in range(round(SPAN_S / STEP_S)):
        time_s = step * STEP_S
        number = 1 if 2.0 <= time_s < 8.0 else 2 if 10.0 <= time_s < 15.0 else None
        state = State.SPEECH if number else State.SILENCE
        state = State.LOST if 16.0 <= time_s < 22.0 else state
        state = State.PAUSED if 23.0 <= time_s < 29.0 else state
        estimate = said if number else None
        made.append(Update(step, 1, state, number, estimate, -20.0, voiced=4 if number else 0))
    made += [Segment(1, 1, 2.0, 8.0, 5.0, said), Segment(2, 1, 10.0, 15.0, 4.0, said)]
    return made


@pytest.fixture
def noted(monkeypatch):
    """Words that are written on Qt's surface, and the colours of its rectangles."""
    found = {"words": set(), "colors": set()}
    write, fill = QtSurface.text, QtSurface.rectangle

    def text(self, words, *arguments):
        found["words"].add(words)
        write(self, words, *arguments)

    def rectangle(self, rect, color, stroke=None):
        found["colors"].add(color)
        fill(self, rect, color, stroke)

    monkeypatch.setattr(QtSurface, "text", text)
    monkeypatch.setattr(QtSurface, "rectangle", rectangle)
    return found


@pytest.fixture
def info(store):
    return kept_sessions.keep(store, records(), title="One")


def live(qtbot, style):
    """The tracks of a live window's plots, and a picture of the upper one."""
    window = MainWindow(WindowConfig(theme="light"))
    qtbot.addWidget(window)
    window.resize(1400, 800)
    window.choose(theme="light", timeline_s=SPAN_S, stacked=style == "areas")
    window.show()
    window.feed(records(), 0.0)
    plots = window.channels[1].plots
    for _ in range(4):
        plots.advance(SPAN_S)
        QApplication.processEvents()
    plots.finish_columns()
    tracks = [track for item in plots._items for track, _ in item.rows]
    image = window.grab().toImage()
    corner = plots.mapTo(window, plots.level_rect.topLeft().toPoint())
    scale = plots.value_scale
    width = plots.level_rect.width()
    y = [corner.y() - plots.level_rect.top() + edge for edge in (scale.bottom, scale.top)]
    return tracks, image, corner.x() + width * 5.0 / SPAN_S, y


def review(qtbot, store, info, style):
    """The tracks of a review's canvas, and a picture of them."""
    window = ReviewWindow(Config.model_validate({"window": {"theme": "light"}}), store, info.id)
    qtbot.addWidget(window)
    window.resize(1800, 900)
    window.show()
    canvas = window.review_view.canvas
    canvas.set_curve_style(style)
    canvas.axis.show(0.0, SPAN_S)
    QApplication.processEvents()
    tracks = [row.track for row in canvas.rows]
    plot = next(row.place.plot for row in canvas.rows if isinstance(row.track, ProbabilityTrack))
    image = canvas.grab().toImage()
    return tracks, image, canvas.viewport.x(5.0), (plot.bottom, plot.top)


def stack(image, x, edges):
    """Colours of labels in a column of a picture, from the foot up, in runs of some pixels."""
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    names = {color.lower(): label for label, color in COLORS.items()}
    column = [
        names.get(image.pixelColor(round(x), y).name()) for y in range(round(edges[0]) - 1, 0, -1)
    ]
    column = [label for label in column[: round(edges[0] - edges[1])] if label]
    return [label for label, run in itertools.groupby(column) if len(list(run)) > 1]


def shapes(svg):
    """Words of a document, and colours of its areas from the foot up and of its lines."""
    root = ElementTree.fromstring(svg)
    space = "{http://www.w3.org/2000/svg}"
    words = {text.text for text in root.iter(f"{space}text")}
    areas = [shape.get("fill").lower() for shape in root.iter(f"{space}polygon")]
    lines = {
        (line.get("stroke").lower(), line.get("stroke-dasharray"))
        for line in root.iter(f"{space}polyline")
    }
    return words, areas, lines


def test_the_live_window_and_the_review_have_the_same_tracks(qtbot, store, info, noted):
    live_tracks = [type(track) for track in live(qtbot, "areas")[0]]
    live_words = set(noted["words"])
    noted["words"].clear()
    review_tracks = [type(track) for track in review(qtbot, store, info, "areas")[0]]
    assert live_tracks == TRACKS
    assert [kind for kind in review_tracks if kind in TRACKS] == TRACKS
    assert live_words >= WORDS
    assert noted["words"] >= WORDS


def test_print_has_the_same_tracks_and_words(store, info):
    words, areas, _ = shapes(timeline_svg(store, info))
    assert words >= WORDS | {"markers", "speech", "level", "voice"}
    order = [COLORS[label].lower() for label in SHARES]
    shown = [color for color in areas if color in order]
    assert shown[: len(order)] == order


def test_the_plot_of_an_analysis_is_the_exported_picture(store, info, tmp_path):
    draw_file(store, info, tmp_path / "plot.png")
    export(store, info, ExportRequest(tmp_path / "export.png"), png_of_svg)
    assert (tmp_path / "plot.png").read_bytes() == (tmp_path / "export.png").read_bytes()


def test_the_stack_begins_on_the_same_side_everywhere(qtbot, store, info):
    # Patterns cross a column, so that a label may come back within its area.
    def order(labels):
        return list(dict.fromkeys(labels))

    assert order(stack(*live(qtbot, "areas")[1:])) == list(SHARES)
    assert order(stack(*review(qtbot, store, info, "areas")[1:])) == list(SHARES)
    png = QImage.fromData(png_of_svg(timeline_svg(store, info), 1.0))
    x = round(78 + 960 * 5.0 / SPAN_S)
    assert order(stack(png, x, (png.height(), 90.0))) == list(SHARES)


def test_lines_have_the_same_colours_and_dashes_on_paper_as_on_a_screen(store, info):
    _, _, lines = shapes(timeline_svg(store, info, "lines"))
    for number, label in enumerate(LABELS):
        for stroke in line_strokes(line_style(label, number), PAPER):
            dashes = " ".join(f"{dash:g}" for dash in stroke.dashes) or None
            assert (stroke.color.lower(), dashes) in lines, label

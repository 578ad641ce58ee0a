"""The timeline of a session as a page that prints well: heading, legend, rows of tracks.

A session of more than a minute is broken into rows, as text into lines. The ground is white, and
nothing is told by colour alone: segments carry their labels, areas lie in the order of the legend
and have patterns of their own, as lines have dashes.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from realtime_ser.base.records import STEP_S
from realtime_ser.base.text import clock_text, length_text, one_line
from realtime_ser.session.store import SessionInfo, Store
from realtime_ser.timeline.content import (
    AnnotationItem,
    Content,
    end_of,
    load_content,
    start_of,
    stored_annotations,
)
from realtime_ser.timeline.session_tracks import session_tracks
from realtime_ser.timeline.signal_tracks import SignalTrack, draw_key
from realtime_ser.timeline.style import Curves, CurveStyle, Palette, TrackStyle, whole_days_s
from realtime_ser.timeline.surface import Font, Rect, Surface, shortened, write
from realtime_ser.timeline.svg import SvgSurface, text_width
from realtime_ser.timeline.tracks import (
    MarkerTrack,
    RulerTrack,
    TierTrack,
    Track,
    gutter_width,
    lay_out,
)
from realtime_ser.timeline.viewport import Viewport

PNG_SCALE = 3.0
"""Pixels of a PNG for a unit of the drawing: 300 dpi and more across a page."""

_ROWS = 8  # at most
_SPANS_S = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600, 43200)
_ONE_ROW_S = 60  # what is not longer is not broken
_SHORT_ROW_S = 120  # single steps are seen
_COLUMNS, _FEW_COLUMNS = 960, 240  # at most, in a short row and in a longer one
_FEW_ROWS = 3  # more of them are lower

_WIDTH, _LEAST_LEFT, _RIGHT = 1072.0, 78.0, 34.0
_HEADING, _LEGEND = 62.0, 24.0
_SPACE, _BETWEEN = 12.0, 3.0  # between rows, and between tracks
_TITLE, _FACTS = Font(18.0, bold=True), Font(13.0)


PAPER = TrackStyle(
    theme=Palette(
        background="#ffffff",
        panel="#ffffff",
        raised="#ffffff",
        border="#8c8c8c",
        grid="#dedede",
        band="#f4f4f4",
        text="#1a1a1a",
        muted="#595959",
        wave="#bdbdbd",
        voice="#7d7d7d",
        danger="#b3261e",
    ),
    scale=0.9,
    small_px=12,
)
"""Dark on white, in user units."""


@dataclass(frozen=True)
class _PrintedPage:
    """A page: heading, legend and rows of tracks."""

    content: Content
    annotations: Sequence[AnnotationItem]
    curves: Curves

    @classmethod
    def of(cls, store: Store, info: SessionInfo, curve_style: CurveStyle) -> _PrintedPage:
        content = load_content(store, info.id)
        return cls(content, stored_annotations(store, info.id), Curves(curve_style))

    @property
    def title(self) -> str:
        info = self.content.info
        return one_line(info.metadata.title) or one_line(info.metadata.source.name) or info.id

    def document(self) -> str:
        """The whole page as an SVG document."""
        rows = [_PrintedRow(self, *span) for span in self._spans()]
        top = _HEADING + _LEGEND
        surface = _new_svg(top + sum(row.height for row in rows), f"Timeline of {self.title}")
        self._draw_heading(surface)
        self._draw_legend(surface, _HEADING)
        for row in rows:
            row.draw(surface, top)
            top += row.height
        return surface.document()

    def parts(self) -> list[str]:
        """Documents for the legend and each row, without the heading; a page may break between."""
        legend = _new_svg(_LEGEND, "Legend")
        self._draw_legend(legend, 0.0)
        surfaces = [legend]
        for span in self._spans():
            row = _PrintedRow(self, *span)
            words = f"Timeline from {clock_text(row.start_s)} to {clock_text(row.end_s)}"
            surfaces.append(_new_svg(row.height, words))
            row.draw(surfaces[-1], 0.0)
        return [surface.document() for surface in surfaces]

    @functools.cached_property
    def left(self) -> float:
        """Left edge of the plots: as far as the titles of all tracks need."""
        tracks = session_tracks(self.content.channels, self.annotations, self.curves)
        return gutter_width(tracks, text_width, PAPER, _LEAST_LEFT)

    @property
    def plot(self) -> float:
        """Width of the plots."""
        return _WIDTH - self.left - _RIGHT

    def _spans(self) -> Iterator[tuple[float, float, int]]:
        """Start and end of each row in seconds, and how many there are."""
        ends_s = (end_of(item.value) for item in self.annotations)
        end_s = max([self.content.duration_s, *ends_s])
        if end_s <= _ONE_ROW_S:
            span_s = 2 * math.ceil(end_s / 2)  # whole steps
        else:
            long = (span for span in _SPANS_S if span * _ROWS >= end_s)
            span_s = next(long, whole_days_s(end_s / _ROWS))
        count = math.ceil(end_s / span_s)
        for number in range(count):
            yield number * span_s, (number + 1) * span_s, count

    def _draw_heading(self, surface: Surface) -> None:
        info, metadata = self.content.info, self.content.info.metadata
        source = one_line(metadata.source.name)
        facts = [
            metadata.started.strftime("%Y-%m-%d %H:%M"),
            length_text(info.duration_s),
            *([source] if source != self.title else []),
            *(["synthesised speech"] if metadata.source.demo else []),
            *([info.state_text] if info.state_text != "complete" else []),
            f"model {metadata.model_text}",
        ]
        title = shortened(surface, self.title, _TITLE, self.plot)
        surface.text(title, (self.left, 26), _TITLE, PAPER.theme.text)
        words = shortened(surface, "  ·  ".join(facts), _FACTS, self.plot)
        surface.text(words, (self.left, 46), _FACTS, PAPER.theme.muted)

    def _draw_legend(self, surface: Surface, top: float) -> None:
        """A key and a name each, in the order in which the areas are stacked from below."""
        labels = self.content.labels
        gap, key = self.plot / max(1, len(labels)), 13.0 if self.curves.style == "areas" else 26.0
        for number, label in enumerate(labels):
            box = Rect(self.left + gap * number, top, key, 14.0)
            draw_key(surface, box, label, number, self.curves, PAPER)
            words = Rect(box.right + 5, top, gap - key - 8, 14.0)
            write(surface, words, one_line(label), Font(PAPER.small_px), PAPER.theme.text)


@dataclass(frozen=True, slots=True)
class _PrintedRow:
    """A line of the page, from one time to another in seconds; so many there are."""

    page: _PrintedPage
    start_s: float
    end_s: float
    rows: int

    @property
    def height(self) -> float:
        tracks = self._tracks()
        return sum(self._height(track) + _BETWEEN for track in tracks) + _SPACE

    def draw(self, surface: Surface, top: float) -> None:
        viewport, markers = self._viewport, None
        plots = []
        tracks = self._tracks()
        heights = map(self._height, tracks)
        rows = lay_out(heights, top, _BETWEEN, self.page.left, self.page.plot, _RIGHT - 4.0)
        for track, row in zip(tracks, rows, strict=True):
            track.draw(surface, row, viewport, PAPER)
            markers = track if isinstance(track, MarkerTrack) else markers
            plots += [row.plot] if isinstance(track, SignalTrack) else []
        if markers is not None:
            markers.draw_lines(surface, plots, viewport, PAPER)

    @property
    def _viewport(self) -> Viewport:
        page, span_s = self.page, self.end_s - self.start_s
        most = _COLUMNS if span_s <= _SHORT_ROW_S else _FEW_COLUMNS
        columns = min(most, round(span_s / STEP_S))
        return Viewport.of(self.start_s, span_s, page.left, page.plot, columns / page.plot)

    def _tracks(self) -> list[Track]:
        """Tracks of the row; without markers and intervals where there are none."""
        page, short = self.page, self.end_s - self.start_s <= _SHORT_ROW_S
        annotations = [
            item
            for item in page.annotations
            if start_of(item.value) < self.end_s
            and (end_of(item.value) > self.start_s or start_of(item.value) >= self.start_s)
        ]
        lanes, channels = 2 if short else 0, page.content.channels
        tracks = session_tracks(channels, annotations, page.curves, lanes=lanes, names=short)
        shown = [
            track
            for track in tracks
            if not isinstance(track, MarkerTrack | TierTrack) or track.items()
        ]
        return [*shown, RulerTrack("middle")]

    def _height(self, track: Track) -> float:
        many = self.rows > _FEW_ROWS
        if track.weight > 1:
            return 64.0 if many else 104.0
        return float(track.height(PAPER))


def timeline_svg(store: Store, info: SessionInfo, curve_style: CurveStyle = "areas") -> str:
    """Timeline of a session as an SVG document of a fixed width, with title, date and model above.

    A stretch of time that is narrower than a dot shows the mean of its speech steps and the largest
    of its levels.
    """
    return _PrintedPage.of(store, info, curve_style).document()


def timeline_parts(store: Store, info: SessionInfo, curve_style: CurveStyle = "areas") -> list[str]:
    """The same, without the heading, as documents for the legend and each row."""
    return _PrintedPage.of(store, info, curve_style).parts()


def _new_svg(height: float, title: str) -> SvgSurface:
    surface = SvgSurface(_WIDTH, height, title)
    surface.rectangle(Rect(0, 0, _WIDTH, height), "#ffffff")
    return surface

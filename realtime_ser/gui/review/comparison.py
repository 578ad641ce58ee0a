"""Two takes of the same passage, one below the other on one time axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from PyQt6.QtCore import QRectF, QSignalBlocker, Qt, pyqtSignal
from PyQt6.QtGui import (
    QCloseEvent,
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PyQt6.QtWidgets import QGridLayout, QHeaderView, QSizePolicy, QTableWidget, QWidget

from realtime_ser.base.config import Config
from realtime_ser.base.errors import SerError
from realtime_ser.base.records import STEP_S
from realtime_ser.base.text import length_text
from realtime_ser.exchange.audio import has_sound
from realtime_ser.gui.review.session_player import SessionPlayer
from realtime_ser.gui.theme.style_watcher import StyleWatcher, pad, set_size, style_of
from realtime_ser.gui.theme.theme import Style
from realtime_ser.gui.timeline.axis import TimeAxis
from realtime_ser.gui.timeline.qt_surface import QtSurface
from realtime_ser.gui.widgets.dialogs import Window
from realtime_ser.gui.widgets.localised import local_numbers, moment_text
from realtime_ser.gui.widgets.parts import ChevronComboBox, button, column, label, row, seconds_box
from realtime_ser.gui.widgets.tables import fill_table, header_of, set_up_table
from realtime_ser.session.corrections import SegmentKey
from realtime_ser.session.statistics import NOT_CORRECTED, labels_by_hand
from realtime_ser.session.store import SessionInfo, Store
from realtime_ser.session.store.values import CORRECTED
from realtime_ser.timeline.alignment import (
    Alignment,
    Take,
    align_by_loudness,
    align_by_onset,
    alignment_at,
    comparison_figures,
    make_take,
)
from realtime_ser.timeline.content import (
    AnnotationItem,
    Content,
    load_content,
    stored_annotations,
)
from realtime_ser.timeline.raster import blank, draw_band
from realtime_ser.timeline.signal_tracks import level_share
from realtime_ser.timeline.style import FLOOR_DB, rgb
from realtime_ser.timeline.surface import Rect, Stroke, write
from realtime_ser.timeline.tracks import (
    SegmentTrack,
    TierTrack,
    draw_title,
    draw_words,
    line_height,
    row_height,
    small,
    tick_text,
    ticks,
    tier_tracks,
)
from realtime_ser.timeline.viewport import RowRect, Viewport

TAKE_NAMES = ("A", "B")

_NOWHERE = Rect(0.0, 0.0, 0.0, 0.0)


class TakesView(QWidget):
    """Loudness, segments and pauses of both takes; the second is dragged until they agree."""

    #: A person has moved the second take: seconds by which it begins later.
    shifted = pyqtSignal(float)

    def __init__(self) -> None:
        super().__init__()
        set_size(self, min_height=26)
        self._takes: list[Take | None] = [None, None]
        self._tiers: list[Sequence[TierTrack]] = [(), ()]
        self.shift_s = 0.0
        self.playing: tuple[int, float] | None = None
        self.axis = TimeAxis(1.0, self)
        self._drag: tuple[int, float, float] | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName("Both takes on one time axis")
        self.setToolTip(
            "Drag take B to shift it (or Left and Right), take A to move both; wheel: zoom"
        )
        self.axis.moved.connect(self.update)

    def show_takes(
        self, takes: list[Take | None], tiers: list[Sequence[TierTrack]], shift_s: float
    ) -> None:
        """Show other takes, with tiers of each."""
        self._takes, self._tiers = takes, tiers
        self.shift_s = shift_s
        self._measure()
        self.axis.show(0.0, self.axis.duration_s)

    def show_shift(self, shift_s: float) -> None:
        """Let the second take begin later than the first by so much."""
        whole = self.axis.span_s >= self.axis.duration_s - 1e-9
        before = self._start_of(0)
        self.shift_s = shift_s
        self._measure()
        by_s = self._start_of(0) - before  # the first take stays where it is on the screen
        if whole:
            self.axis.show(0.0, self.axis.duration_s)
        else:
            self.axis.pan(by_s)
        self.update()

    def row_box(self, number: int) -> Rect:
        """Row of a take, in pixels."""
        grid = style_of(self).grid
        top = float(grid(3.5))
        height = (self.height() - top) / 2
        left = float(grid(9))
        width = max(10.0, self.width() - left - grid(2))
        return Rect(left, round(top + number * height), width, round(height - grid(1)))

    def viewport(self, origin_s: float = 0.0) -> Viewport:
        """Viewport on the common axis, or on one that has its zero later by ``origin_s``."""
        box, axis, ratio = self.row_box(0), self.axis, self.devicePixelRatioF()
        return Viewport.of(axis.start_s - origin_s, axis.span_s, box.left, box.width, ratio)

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        """Draw both."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(style_of(self).theme.background))
        surface = QtSurface(painter, style_of(self).family)
        self._draw_times(surface, self.viewport())
        for number, take in enumerate(self._takes):
            self._draw_take(surface, number, take)
        if self.hasFocus():
            painter.setPen(QPen(QColor(style_of(self).theme.accent), 2.0))
            painter.drawRect(QRectF(self.rect()).adjusted(1, 1, -1, -1))
        painter.end()

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Zoom at the pointer."""
        if event is not None:
            at_s = self.viewport().time(event.position().x())
            self.axis.zoom(2.0 ** (-event.angleDelta().y() / 240.0), at_s)
            event.accept()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Take hold of a take."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            second = event.position().y() >= self.row_box(1).top
            drag = self.shift_s if second else self.axis.start_s
            self._drag = (int(second), event.position().x(), drag)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Shift the second take, or move both."""
        if event is None or self._drag is None:
            return
        number, from_x, drag = self._drag
        seconds = (event.position().x() - from_x) / self.viewport().px_per_s
        if number:
            self.shifted.emit(drag + seconds)
        else:
            self.axis.pan(drag - seconds - self.axis.start_s)

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:  # noqa: ARG002
        """Let go."""
        self._drag = None

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Shift by a step, with Shift by a second; zoom."""
        keys = Qt.Key
        if event is None:
            return
        by_s = 1.0 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else STEP_S
        acts: dict[int, Callable[[], object]] = {
            keys.Key_Left: lambda: self.shifted.emit(self.shift_s - by_s),
            keys.Key_Right: lambda: self.shifted.emit(self.shift_s + by_s),
            keys.Key_Plus: lambda: self.axis.zoom(0.5),
            keys.Key_Up: lambda: self.axis.zoom(0.5),
            keys.Key_Minus: lambda: self.axis.zoom(2.0),
            keys.Key_Down: lambda: self.axis.zoom(2.0),
            keys.Key_F: self.axis.fit,
        }
        act = acts.get(event.key())
        if act is None:
            super().keyPressEvent(event)
        else:
            act()

    def _start_of(self, number: int) -> float:
        """Start of a take on the common axis, in seconds."""
        return max(0.0, self.shift_s) if number else max(0.0, -self.shift_s)

    def _measure(self) -> None:
        ends = [
            self._start_of(number) + take.length_s
            for number, take in enumerate(self._takes)
            if take is not None
        ]
        self.axis.set_duration(max(ends, default=1.0))

    def _draw_times(self, surface: QtSurface, viewport: Viewport) -> None:
        style, theme = style_of(self), style_of(self).theme
        spacing, numbers = ticks(viewport, style)
        for number in numbers:
            x = round(viewport.x(number * spacing)) + 0.5
            surface.line((x, style.grid(3)), (x, self.row_box(1).bottom), Stroke(theme.grid))
            if x + 4 < self.width() - style.grid(6):
                cell = Rect(x + 4, 0, style.grid(12), style.grid(3))
                words = tick_text(number * spacing, spacing)
                write(surface, cell, words, small(style), theme.muted)

    def _draw_take(self, surface: QtSurface, number: int, take: Take | None) -> None:
        style, theme, box = style_of(self), style_of(self).theme, self.row_box(number)
        line = line_height(style) + style.grid(0.5)
        gutter = Rect(0, box.top, box.left, line)
        draw_title(surface, gutter, f"take {TAKE_NAMES[number]}", style, strong=True)
        if take is None:
            draw_words(surface, box, "Choose a session above.", style, theme.muted)
            return
        track = SegmentTrack(take.channel, lanes=1)
        segments = Rect(box.left, box.top, box.width, track.height(style))
        tiers = self._tiers[number]
        rows = [
            Rect(
                box.left, segments.bottom + place * row_height(style), box.width, row_height(style)
            )
            for place in range(len(tiers))
        ]
        pauses = Rect(box.left, (rows or [segments])[-1].bottom, box.width, line)
        plot = box.inset(top=pauses.bottom - box.top)
        draw_title(surface, Rect(0, plot.top, box.left, line), "0 dBFS", style)
        foot = Rect(0, plot.bottom - line, box.left, line)
        draw_title(surface, foot, f"\u2212{-FLOOR_DB:.0f}", style)
        seen = self._visible_part(number, take)
        if seen is None:
            return
        _draw_loudness(surface, seen, plot, take, style)
        place = seen.span(take.start_s, take.end_s, segments.top, segments.height)
        track.draw(surface, RowRect(place, _NOWHERE, _NOWHERE), seen, style)
        for tier, place in zip(tiers, rows, strict=True):
            gutter = Rect(0, place.top, box.left, place.height)
            tier.draw(surface, RowRect(place, gutter, _NOWHERE), seen, style)
        _draw_pauses(surface, seen, pauses, take, style)
        if self.playing is not None and self.playing[0] == number and seen.shows(self.playing[1]):
            x = round(seen.x(self.playing[1]))
            surface.line((x, box.top), (x, box.bottom), Stroke(theme.accent, 2.0))

    def _visible_part(self, number: int, take: Take) -> Viewport | None:
        """What is seen of a take, on the time axis of its session; ``None``: nothing."""
        whole = self.viewport(self._start_of(number) - take.start_s)
        first = max(whole.first, round(take.start_s / whole.s_per_px))
        last = min(whole.first + whole.columns, round(take.end_s / whole.s_per_px))
        return whole.part(first, last - first) if last > first else None


def _draw_loudness(
    surface: QtSurface, viewport: Viewport, plot: Rect, take: Take, style: Style
) -> None:
    height = max(1, round(plot.height * viewport.ratio))
    bins = take.channel.bins(viewport)
    shades = np.array([rgb(style.theme.panel), rgb(style.theme.band)], np.uint32)
    image = blank(height, shades[bins.speech.astype(np.intp)])
    tops = height * (1.0 - level_share(bins.level_dbfs))
    draw_band(image, tops, np.full(len(tops), float(height)), style.theme.voice)
    place = Rect(viewport.left, plot.top, viewport.width, height / viewport.ratio)
    surface.image(image, place)


def _draw_pauses(
    surface: QtSurface, viewport: Viewport, row: Rect, take: Take, style: Style
) -> None:
    font, stroke = small(style), Stroke(style.theme.border)
    for begin, end in take.pauses:
        span = viewport.span(begin, end, row.top, row.height)
        words = local_numbers(f"{end - begin:.1f} s")
        room = surface.text_width(words, font) + style.grid(1)
        x, y = span.middle
        if span.width >= room:
            surface.line((span.left, y), (x - room / 2, y), stroke)
            surface.line((x + room / 2, y), (span.right, y), stroke)
            write(surface, span, words, font, style.theme.text, "middle")
        elif span.width > 2:
            surface.line((span.left, y), (span.right, y), stroke)


class _TakePicker(QWidget):
    """Chooses a session, a channel and a stretch."""

    changed = pyqtSignal()

    #: The session that was chosen cannot be read; one sentence.
    failed = pyqtSignal(str)

    def __init__(self, name: str, store: Store, infos: list[SessionInfo]) -> None:
        super().__init__()
        self._store = store
        self.content: Content | None = None
        self._corrected: Mapping[SegmentKey, str] = NOT_CORRECTED
        self._annotations: list[AnnotationItem] = []
        self.session = ChevronComboBox(
            f"Session of take {name}", f"The session that holds take {name}"
        )
        self.session.setSizeAdjustPolicy(
            ChevronComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.session.setMinimumContentsLength(24)
        sessions = [(_title(info), info.id) for info in infos]
        self.session.fill([("choose a session", None), *sessions], None)
        self.channel = ChevronComboBox(f"Channel of take {name}", "The channel that is compared")
        tip = "Seconds from the start of the session"
        self.start = seconds_box(f"Start of take {name}", tip)
        self.end = seconds_box(f"End of take {name}", tip)
        self.play = button(f"Play {name}", f"Play take {name}")
        self.play.setEnabled(False)
        self.session.currentIndexChanged.connect(self._load)
        self.channel.currentIndexChanged.connect(self.changed)
        for box in (self.start, self.end):
            box.setKeyboardTracking(False)
            box.valueChanged.connect(self.changed)

    def take(self) -> Take | None:
        """What is chosen; ``None``: nothing that could be compared."""
        number = self.channel.currentData()
        if self.content is None or number is None or self.end.value() <= self.start.value():
            return None
        channel = self.content.channels[number]
        return make_take(channel, self.start.value(), self.end.value(), self._corrected)

    def tiers(self) -> list[TierTrack]:
        """Labels by hand of the channel that is chosen, where there are any."""
        number = self.channel.currentData()
        if self.content is None or number is None:
            return []
        found = [
            tier
            for channel in (None, number)
            for tier in tier_tracks(self._annotations, channel, self.content.labels)
        ]
        return [tier for tier in found if tier.tier == CORRECTED]

    def choose(self, session_id: str, span: tuple[float, float] | None) -> None:
        """Choose a session, and a stretch of it; without one, the whole."""
        self.session.setCurrentIndex(max(0, self.session.findData(session_id)))
        if span is not None:
            self.start.setValue(span[0])
            self.end.setValue(span[1])

    def _load(self) -> None:
        name = self.session.currentData()
        content, fault = None, ""
        self._corrected, self._annotations = NOT_CORRECTED, []
        try:
            if name is not None:
                content = load_content(self._store, name)
                self._corrected = labels_by_hand(self._store, name)
                self._annotations = stored_annotations(self._store, name)
        except SerError as error:  # deleted in another window, perhaps
            fault = str(error)
        self.content = content
        channels = {} if content is None else content.channels
        self.channel.fill([(one.title, number) for number, one in channels.items()], None)
        self.channel.setEnabled(len(channels) > 1)
        if content is not None:
            with QSignalBlocker(self.start), QSignalBlocker(self.end):
                for box, time_s in ((self.start, 0.0), (self.end, content.duration_s)):
                    box.setRange(0.0, content.duration_s)
                    box.setValue(time_s)
        self.play.setEnabled(content is not None and has_sound(content.info))
        self.changed.emit()
        if fault:
            self.failed.emit(fault)


class TakesWindow(Window):
    """Compares two takes of a passage; the window does not close the store."""

    def __init__(self, config: Config, store: Store, *, parent: QWidget | None = None) -> None:
        super().__init__("Two takes", parent)
        self.setMinimumSize(640, 480)
        self.resize(1120, 720)
        infos = sorted(store.sessions(), key=lambda info: info.metadata.started, reverse=True)
        self.pickers = [_TakePicker(name, store, infos) for name in TAKE_NAMES]
        self._takes: list[Take | None] = [None, None]
        self._tiers: list[Sequence[TierTrack]] = [(), ()]
        self._player: SessionPlayer | None = None
        self._played = 0
        self.loudness = button(
            "Align by loudness",
            "Shift take B so that its loudness correlates best with that of take A; one shift for "
            "the whole take",
        )
        self.onset = button("Align by onset", "Shift take B so that both begin to speak together")
        self.shift = seconds_box(
            "Take B begins later by", "Take B begins so much later than take A; or drag it"
        )
        self.shift.setRange(-1e6, 1e6)
        self.message = label("", "small muted", wrap=True)
        self.table = QTableWidget(0, 3)
        set_up_table(self.table, "Both takes in figures")
        self.table.setHorizontalHeaderLabels(["", "take A", "take B"])
        header_of(self.table).setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.view = TakesView()
        self._lay_out()
        self._connect()
        StyleWatcher(self, config.window.theme)
        self._refresh()

    def choose(self, number: int, session_id: str, span: tuple[float, float] | None = None) -> None:
        """Choose a take: 0 or 1, its session, and a stretch; without one, the whole session."""
        self.pickers[number].choose(session_id, span)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Stop playing."""
        self._stop()
        super().closeEvent(event)

    def _connect(self) -> None:
        for number, picker in enumerate(self.pickers):
            picker.changed.connect(self._refresh)
            picker.failed.connect(self.message.setText)
            picker.play.clicked.connect(lambda _=False, n=number: self._play(n))
        self.loudness.clicked.connect(lambda: self._align(align_by_loudness))
        self.onset.clicked.connect(lambda: self._align(align_by_onset))
        self.shift.valueChanged.connect(self._show_shift)
        self.view.shifted.connect(self.shift.setValue)

    def _refresh(self) -> None:
        self._stop()
        self._takes = [picker.take() for picker in self.pickers]
        both = None not in self._takes
        for control in (self.loudness, self.onset, self.shift):
            control.setEnabled(both)
        tiers: list[Sequence[TierTrack]] = [picker.tiers() for picker in self.pickers]
        self.view.show_takes(self._takes, tiers, self.shift.value())
        self._fill_table()
        if both:
            self._align(align_by_loudness)
        else:
            self.message.setText("Choose two sessions, or two stretches of one.")

    def _align(self, aligner: Callable[[Take, Take], Alignment]) -> None:
        one, other = self._takes
        if one is not None and other is not None:
            self.shift.setValue(aligner(one, other).shift_s)
            self._show_shift()

    def _show_shift(self) -> None:
        one, other = self._takes
        self.view.show_shift(self.shift.value())
        if one is None or other is None:
            return
        found = alignment_at(one, other, self.shift.value())
        agreed = (
            "they do not overlap"
            if math.isnan(found.correlation)
            else f"correlation of the loudness there {found.correlation:.2f}"
        )
        by_s = self.shift.value()
        order = f"{abs(by_s):.2f} s {'before' if by_s < 0 else 'after'}" if by_s else "with"
        self.message.setText(local_numbers(f"Take B begins {order} take A; {agreed}."))

    def _fill_table(self) -> None:
        figures = [{} if take is None else comparison_figures(take) for take in self._takes]
        names = list(figures[0] or figures[1])
        fill_table(
            self.table,
            [[name, *(local_numbers(take.get(name, "")) for take in figures)] for name in names],
        )

    def _play(self, number: int) -> None:
        playing = self._player is not None and self._player.playing and self._played == number
        self._stop()
        take, content = self._takes[number], self.pickers[number].content
        if playing or take is None or content is None:
            return
        self._player, self._played = SessionPlayer(content.info, self), number
        self._player.moved.connect(self._follow_player)
        self._player.message.connect(self.message.setText)
        self._player.state_changed.connect(self._label_play_button)
        self._player.play(take.start_s, take.end_s)

    def _follow_player(self, time_s: float) -> None:
        self.view.playing = (self._played, time_s)
        self.view.update()

    def _label_play_button(self, playing: bool) -> None:
        words = "Stop" if playing else "Play"
        self.pickers[self._played].play.setText(f"{words} {TAKE_NAMES[self._played]}")

    def _stop(self) -> None:
        if self._player is not None:
            self._player.stop()

    def _lay_out(self) -> None:
        grid = QGridLayout()
        pad(grid, 0, 1)
        set_size(self.table, rows=2.5, height=26.5)  # with its header, nine rows
        for number, picker in enumerate(self.pickers):
            widgets = (
                label(f"Take {TAKE_NAMES[number]}", "bold"),
                picker.session,
                picker.channel,
                label("from", "muted"),
                picker.start,
                label("to", "muted"),
                picker.end,
                picker.play,
            )
            for place, widget in enumerate(widgets):
                grid.addWidget(widget, number, place)
        grid.setColumnStretch(1, 1)
        later = label("B later by", "muted")
        tools = row(self.loudness, self.onset, later, self.shift, (self.message, 1))
        self.setLayout(column(grid, tools, (self.view, 1), self.table, margins=1.5, spacing=1.0))


def _title(info: SessionInfo) -> str:
    metadata, length = info.metadata, length_text(info.duration_s)
    return f"{metadata.name}, {moment_text(metadata.started)}, {length}"

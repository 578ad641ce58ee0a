"""Two takes of the same passage, one below the other on one time axis."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QCloseEvent,
    QColor,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PyQt6.QtWidgets import (
    QGridLayout,
    QHeaderView,
    QMainWindow,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from realtime_ser.base.config import Config
from realtime_ser.base.errors import SerError
from realtime_ser.base.records import STEP_S
from realtime_ser.base.text import clock_text, result_text
from realtime_ser.exchange.audio import has_sound
from realtime_ser.gui.review.session_player import SessionPlayer
from realtime_ser.gui.theme.style_watcher import StyleWatcher, pad, set_size, style_of
from realtime_ser.gui.theme.theme import line_style
from realtime_ser.gui.timeline.axis import TimeAxis, exact_clock
from realtime_ser.gui.timeline.tracks import draw_title, draw_words, rgb, ticks
from realtime_ser.gui.timeline.viewport import Viewport, put_image
from realtime_ser.gui.widgets.parts import ChevronComboBox, button, label, row, seconds_box
from realtime_ser.session.store import SessionInfo, Store
from realtime_ser.timeline.alignment import (
    FLOOR_DB,
    Alignment,
    Take,
    align_by_loudness,
    align_by_onset,
    alignment_at,
    comparison_figures,
    make_take,
)
from realtime_ser.timeline.content import Content, load_content
from realtime_ser.timeline.raster import blank, draw_band

TAKE_NAMES = ("A", "B")


class TakesView(QWidget):
    """Loudness, segments and pauses of both takes; the second is dragged until they agree."""

    #: A person has moved the second take: seconds by which it begins later.
    shifted = pyqtSignal(float)

    def __init__(self) -> None:
        super().__init__()
        set_size(self, min_height=26)
        self._takes: list[Take | None] = [None, None]
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

    def show_takes(self, takes: list[Take | None], shift_s: float) -> None:
        """Show other takes."""
        self._takes = takes
        self.shift_s = shift_s
        self._measure()
        self.axis.show(0.0, self.axis.duration_s)

    def show_shift(self, shift_s: float) -> None:
        """Let the second take begin later than the first by so much."""
        whole = self.axis.span_s >= self.axis.duration_s - 1e-9
        before = self._origin()
        self.shift_s = shift_s
        self._measure()
        by_s = self._origin() - before  # the first take stays where it is on the screen
        if whole:
            self.axis.show(0.0, self.axis.duration_s)
        else:
            self.axis.show(self.axis.start_s + by_s, self.axis.end_s + by_s)
        self.update()

    def row_box(self, number: int) -> QRectF:
        """Where a take is drawn."""
        top = float(style_of(self).grid(3.5))
        height = (self.height() - top) / 2
        left = float(style_of(self).grid(9))
        width = max(10.0, self.width() - left - style_of(self).grid(2))
        return QRectF(left, top + number * height, width, height - style_of(self).grid(1))

    def viewport(self) -> Viewport:
        """The visible stretch and where it is."""
        box = self.row_box(0)
        axis, ratio = self.axis, self.devicePixelRatioF()
        return Viewport.of(axis.start_s, axis.end_s, box.left(), box.width(), ratio)

    def start_of(self, number: int) -> float:
        """Where a take begins on the common axis, in seconds."""
        return self._origin() + (self.shift_s if number else 0.0)

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        """Draw both."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(style_of(self).theme.background))
        viewport = self.viewport()
        self._paint_times(painter, viewport)
        for number, take in enumerate(self._takes):
            self._paint_take(painter, viewport, number, take)
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
            second = event.position().y() >= self.row_box(1).top()
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
            start = drag - seconds
            self.axis.show(start, start + self.axis.span_s)

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

    def _origin(self) -> float:
        return max(0.0, -self.shift_s)

    def _measure(self) -> None:
        ends = [
            self.start_of(number) + take.length_s
            for number, take in enumerate(self._takes)
            if take is not None
        ]
        self.axis.set_duration(max(ends, default=1.0))

    def _paint_times(self, painter: QPainter, viewport: Viewport) -> None:
        style, theme = style_of(self), style_of(self).theme
        spacing, numbers = ticks(viewport, style)
        painter.setFont(style.small)
        bottom = self.row_box(1).bottom()
        for number in numbers:
            x = round(viewport.x(number * spacing)) + 0.5
            painter.setPen(QPen(QColor(theme.grid), 1.0))
            painter.drawLine(QPointF(x, style.grid(3)), QPointF(x, bottom))
            painter.setPen(QColor(theme.muted))
            cell = QRectF(x + 4, 0, style.grid(12), style.grid(3))
            if cell.left() < self.width() - style.grid(6):
                words = exact_clock(number * spacing, spacing)
                painter.drawText(cell, Qt.AlignmentFlag.AlignVCenter, words)

    def _paint_take(
        self, painter: QPainter, viewport: Viewport, number: int, take: Take | None
    ) -> None:
        style, theme = style_of(self), style_of(self).theme
        box = self.row_box(number).toAlignedRect().toRectF()
        gutter = QRectF(0, box.top(), box.left(), box.height())
        line = QFontMetricsF(style.small).height() + style.grid(0.5)
        head = QRectF(gutter.left(), gutter.top(), gutter.width(), line)
        draw_title(painter, head, f"take {TAKE_NAMES[number]}", style, strong=True)
        if take is None:
            draw_words(painter, box, "Choose a session above.", style, theme.muted)
            return
        start = self.start_of(number)
        lane = 2 * line
        plot = QRectF(box.left(), box.top() + lane, box.width(), box.height() - lane)
        draw_title(
            painter, QRectF(gutter.left(), plot.top(), gutter.width(), line), "0 dBFS", style
        )
        draw_title(
            painter,
            QRectF(gutter.left(), plot.bottom() - line, gutter.width(), line),
            f"\u2212{-FLOOR_DB:.0f}",
            style,
        )
        self._paint_loudness(painter, viewport, plot, take, start)
        painter.save()
        painter.setClipRect(box)
        self._paint_segments(painter, viewport, box, line, take, start)
        self._paint_pauses(
            painter, viewport, QRectF(box.left(), box.top() + line, box.width(), line), take, start
        )
        if self.playing is not None and self.playing[0] == number:
            x = round(viewport.x(start + self.playing[1] - take.start_s))
            painter.setPen(QPen(QColor(theme.accent), 2.0))
            painter.drawLine(QPointF(x, box.top()), QPointF(x, box.bottom()))
        painter.restore()

    def _paint_loudness(
        self, painter: QPainter, viewport: Viewport, plot: QRectF, take: Take, start_s: float
    ) -> None:
        theme = style_of(self).theme
        height = max(1, round(plot.height() * viewport.ratio))
        times = (viewport.edges_s[:-1] + viewport.edges_s[1:]) / 2 - start_s
        inside = (times >= 0) & (times < take.length_s)
        bins = take.channel.pyramid.read(viewport.edges_s - start_s + take.start_s)
        shades = np.array([rgb(theme.background), rgb(theme.panel), rgb(theme.band)], np.uint32)
        kind = np.where(inside, 1 + bins.speech.astype(np.intp), 0)
        image = blank(height, shades[kind])
        share = np.clip(1.0 - bins.level_dbfs / FLOOR_DB, 0.0, 1.0)
        tops = np.where(inside, height * (1.0 - share), np.nan)
        bottoms = np.where(inside, float(height), np.nan)
        draw_band(image, tops, bottoms, rgb(theme.voice))
        put_image(painter, image, plot.topLeft(), viewport.ratio)

    def _paint_segments(
        self,
        painter: QPainter,
        viewport: Viewport,
        box: QRectF,
        line: float,
        take: Take,
        start_s: float,
    ) -> None:
        style = style_of(self)
        labels = take.channel.pyramid.columns.labels
        for segment in take.segments:
            from_s = max(segment.start_s, take.start_s) - take.start_s + start_s
            to_s = min(segment.end_s, take.end_s) - take.start_s + start_s
            span = viewport.span(from_s, to_s, box.top(), line)
            estimate = segment.estimate
            color = line_style(estimate.label, labels.index(estimate.label)).color
            foot = QRectF(span.left(), span.bottom() - 3, span.width() - 1, 3)
            painter.fillRect(foot, QColor(style.theme.outline(color) or color))
            words = result_text(
                estimate.label, estimate.confidence, certain=estimate.certain, short=True
            )
            least = QFontMetricsF(style.small).horizontalAdvance(words)
            above = span.adjusted(0, 0, 0, -4)
            draw_words(painter, above, words, style, style.theme.text, least=least)

    def _paint_pauses(
        self, painter: QPainter, viewport: Viewport, row: QRectF, take: Take, start_s: float
    ) -> None:
        style = style_of(self)
        metrics = QFontMetricsF(style.small)
        painter.setFont(style.small)
        for begin, end in take.pauses:
            left = viewport.x(begin - take.start_s + start_s)
            right = viewport.x(end - take.start_s + start_s)
            y = row.center().y()
            words = f"{end - begin:.1f} s"
            room = metrics.horizontalAdvance(words) + style.grid(1)
            painter.setPen(QPen(QColor(style.theme.border), 1.0))
            if right - left >= room:
                middle = (left + right) / 2
                painter.drawLine(QPointF(left, y), QPointF(middle - room / 2, y))
                painter.drawLine(QPointF(middle + room / 2, y), QPointF(right, y))
                painter.setPen(QColor(style.theme.text))
                cell = QRectF(middle - room / 2, row.top(), room, row.height())
                painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, words)
            elif right - left > 2:
                painter.drawLine(QPointF(left, y), QPointF(right, y))


class _TakePicker(QWidget):
    """Chooses a session, a channel and a stretch."""

    changed = pyqtSignal()

    #: The session that was chosen cannot be read; one sentence.
    failed = pyqtSignal(str)

    def __init__(self, name: str, store: Store, infos: list[SessionInfo]) -> None:
        super().__init__()
        self._store = store
        self._content: Content | None = None
        self.session = ChevronComboBox(
            f"Session of take {name}", f"The session that holds take {name}"
        )
        self.session.setSizeAdjustPolicy(
            ChevronComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.session.setMinimumContentsLength(24)
        self.session.addItem("choose a session", None)
        for info in infos:
            self.session.addItem(_title(info), info.id)
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

    @property
    def content(self) -> Content | None:
        """The session."""
        return self._content

    def take(self) -> Take | None:
        """What is chosen; ``None``: nothing that could be compared."""
        number = self.channel.currentData()
        if self._content is None or number is None or self.end.value() <= self.start.value():
            return None
        return make_take(self._content.channels[number], self.start.value(), self.end.value())

    def choose(self, session_id: str, span: tuple[float, float] | None) -> None:
        """Choose a session, and a stretch of it; without one, the whole."""
        self.session.setCurrentIndex(max(0, self.session.findData(session_id)))
        if span is not None:
            self.start.setValue(span[0])
            self.end.setValue(span[1])

    def _load(self) -> None:
        name = self.session.currentData()
        content, fault = None, ""
        try:
            content = None if name is None else load_content(self._store, name)
        except SerError as error:  # deleted in another window, perhaps
            fault = str(error)
        self._content = content
        for box in (self.channel, self.start, self.end):
            box.blockSignals(True)
        self.channel.clear()
        if content is not None:
            for number, one in content.channels.items():
                self.channel.addItem(one.title, number)
            for box in (self.start, self.end):
                box.setRange(0.0, content.duration_s)
            self.start.setValue(0.0)
            self.end.setValue(content.duration_s)
        self.channel.setEnabled(self.channel.count() > 1)
        for box in (self.channel, self.start, self.end):
            box.blockSignals(False)
        self.play.setEnabled(content is not None and has_sound(content.info))
        self.changed.emit()
        if fault:
            self.failed.emit(fault)


class TakesWindow(QMainWindow):
    """Compares two takes of a passage.

    Parameters
    ----------
    config
        All settings.
    store
        Where the sessions are; not closed by the window.
    """

    def __init__(self, config: Config, store: Store, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Two takes")
        self.setMinimumSize(QSize(640, 480))
        self.resize(1120, 720)
        infos = sorted(store.sessions(), key=lambda info: info.metadata.started, reverse=True)
        self.pickers = [_TakePicker(name, store, infos) for name in TAKE_NAMES]
        self._takes: list[Take | None] = [None, None]
        self._players: list[SessionPlayer | None] = [None, None]
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
        self.table = _table()
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
        for player in self._players:
            if player is not None:
                player.stop()
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
        self.view.show_takes(self._takes, self.shift.value())
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
        self.message.setText(f"Take B begins {order} take A; {agreed}.")

    def _fill_table(self) -> None:
        columns = [{} if take is None else comparison_figures(take) for take in self._takes]
        names = list(columns[0] or columns[1])
        self.table.setRowCount(len(names))
        for line, name in enumerate(names):
            for place, words in enumerate((name, *(column.get(name, "") for column in columns))):
                self.table.setItem(line, place, QTableWidgetItem(words))

    def _play(self, number: int) -> None:
        player, take = self._players[number], self._takes[number]
        playing = player is not None and player.playing
        self._stop()
        content = self.pickers[number].content
        if playing or take is None or content is None:
            return
        player = SessionPlayer(content.info, self)
        player.moved.connect(lambda time_s: self._follow_player(number, time_s))
        player.message.connect(self.message.setText)
        player.state_changed.connect(lambda on: self._label_play_button(number, playing=on))
        self._players[number] = player
        player.play(take.start_s, take.end_s)

    def _follow_player(self, number: int, time_s: float) -> None:
        self.view.playing = (number, time_s)
        self.view.update()

    def _label_play_button(self, number: int, *, playing: bool) -> None:
        words = "Stop" if playing else "Play"
        self.pickers[number].play.setText(f"{words} {TAKE_NAMES[number]}")

    def _stop(self) -> None:
        for player in self._players:
            if player is not None:
                player.stop()

    def _lay_out(self) -> None:
        whole = QWidget()
        whole.setObjectName("body")
        page = QVBoxLayout(whole)
        pad(page, 1.5, 1)
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
            for column, widget in enumerate(widgets):
                grid.addWidget(widget, number, column)
        grid.setColumnStretch(1, 1)
        later = label("B later by", "muted")
        tools = row(self.loudness, self.onset, later, self.shift, self.message)
        tools.setStretchFactor(self.message, 1)
        page.addLayout(grid)
        page.addLayout(tools)
        page.addWidget(self.view, 1)
        page.addWidget(self.table)
        self.setCentralWidget(whole)


def _table() -> QTableWidget:
    table = QTableWidget(0, 3)
    table.setAccessibleName("Both takes in figures")
    table.setHorizontalHeaderLabels(["", "take A", "take B"])
    table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
    table.setSelectionMode(QTableWidget.SelectionMode.SingleSelection)
    table.setShowGrid(False)
    table.setTabKeyNavigation(False)
    rows, header = table.verticalHeader(), table.horizontalHeader()
    assert rows is not None
    assert header is not None
    rows.hide()
    header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    header.setHighlightSections(False)
    return table


def _title(info: SessionInfo) -> str:
    name = info.metadata.title or info.metadata.source.name
    started = info.metadata.started.strftime("%Y-%m-%d %H:%M")
    return f"{name}, {started}, {clock_text(info.duration_s)}"

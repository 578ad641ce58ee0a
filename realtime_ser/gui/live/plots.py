"""The plots of one channel: eight lines, below them sound and voice, on one scrolling time axis."""

from __future__ import annotations

import math
from typing import Any

import pyqtgraph as pg
from PyQt6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QMouseEvent, QPen, QResizeEvent, QWheelEvent
from PyQt6.QtWidgets import QGraphicsItem, QHBoxLayout, QWidget

from realtime_ser.base.text import clock_text
from realtime_ser.gui.theme.theme import Look
from realtime_ser.gui.timeline.live_layers import Frame, Sound, Style, Traces, tick_spacing
from realtime_ser.gui.timeline.tile_cache import Paper
from realtime_ser.gui.widgets.hover_card import HoverCard
from realtime_ser.timeline.live import Timeline

#: Frames for which new steps wait for the time axis to move on.
_PATIENCE = 3

#: How long one painting may begin tiles of each strip: a whole one takes up to 5 ms, so that two of
#: them, one after another, would miss a frame of a screen with 60 a second.
_ALLOWANCE_S = 0.002


class Plots(QWidget):
    """Both plots of a channel.

    Parameters
    ----------
    timeline
        What to show.
    channel
        Number of the channel, from 1.
    span_s
        Seconds of the time axis.
    compact
        Whether several channels share the window.
    axis
        Whether to show the time axis: only the lowest channel does.
    """

    #: The plots have another size; the legend beside them must follow.
    arranged = pyqtSignal()

    #: The wheel was turned over the plots: by so many notches, away from the person.
    wheeled = pyqtSignal(int)

    def __init__(
        self,
        timeline: Timeline,
        channel: int,
        span_s: float,
        look: Look,
        *,
        compact: bool,
        axis: bool,
    ) -> None:
        super().__init__()
        self._timeline = timeline
        self._channel = timeline.channels[channel]
        self._span_s = span_s
        self._axis = axis
        self._compact = compact
        self._look = look
        self._right_s = 0.0
        self._waited = 0
        self._shown = -1
        self._ticks: tuple[int, int] | None = None
        self._pointer: QPointF | None = None
        self._view: Any = pg.GraphicsLayoutWidget()
        self._view.setAccessibleName("Timeline")
        self._view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view)
        self._traces = self._plot(0)
        self._sound = self._plot(1)
        self._drawings = (
            Traces(timeline, self._channel, look),
            Sound(timeline, self._channel, look),
        )
        self._papers = (
            Paper(self._traces.vb, self._drawings[0]),
            Paper(self._sound.vb, self._drawings[1]),
        )
        self._cross = [pg.InfiniteLine(angle=90, movable=False) for _ in range(2)]
        self._cursor = [pg.InfiniteLine(angle=90, movable=False) for _ in range(2)]
        self._cursor_s: float | None = None
        for plot, *lines in zip(
            (self._traces, self._sound), self._cross, self._cursor, strict=True
        ):
            for line in lines:
                line.setVisible(False)
                plot.addItem(line, ignoreBounds=True)
            plot.vb.sigResized.connect(self._arrange)
        self.card = HoverCard(timeline.labels, self)
        viewport = self._view.viewport()
        viewport.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        viewport.setMouseTracking(True)
        viewport.installEventFilter(self)
        self.set_look(look)

    def set_look(self, look: Look) -> None:
        """Change theme and sizes."""
        self._look = look
        theme = look.theme
        self._view.setBackground(theme.background)
        for drawing in self._drawings:
            drawing.set_look(look)
        for paper in self._papers:
            paper.forget()
        for plot in (self._traces, self._sound):
            for side in ("left", "bottom"):
                axis = plot.getAxis(side)
                axis.setPen(QColor(theme.background))
                axis.setTextPen(QColor(theme.muted))
                axis.setTickFont(look.small)
            plot.getAxis("left").setWidth(look.grid(7))
            plot.getAxis("left").setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)
        self._sound.setFixedHeight(self.sound_height())
        if self._axis:
            self._sound.getAxis("bottom").setHeight(look.grid(2.75))
        for line in self._cross:
            line.setPen(QPen(QColor(theme.text), 0))
        for line in self._cursor:
            line.setPen(pg.mkPen(QColor(theme.accent), width=2 * look.scale))
        self._view.ci.layout.setVerticalSpacing(look.grid(1))
        self.card.set_look(look)
        self._ticks = None
        self._arrange()

    def set_span(self, span_s: float) -> None:
        """Change the length of the time axis, in seconds."""
        if span_s != self._span_s:
            self._span_s = span_s
            self._arrange()

    def set_style(self, style: Style) -> None:
        """Draw the probabilities otherwise."""
        if style != self._drawings[0].style:
            self._drawings[0].set_style(style)
            self._papers[0].forget()

    def show_cursor(self, time_s: float | None) -> None:
        """Show the moment that is being played; ``None``: nothing is."""
        self._cursor_s = time_s
        for line in self._cursor:
            line.setVisible(time_s is not None and time_s >= self._right_s - self._span_s)
            if time_s is not None:
                line.setValue(time_s)

    def complete(self) -> None:
        """Leave no tile for later: a picture is wanted."""
        for paper in self._papers:
            paper.allowance_s = math.inf
            paper.update()

    def sound_height(self) -> int:
        """Height of the lower plot with its axis, in logical pixels."""
        return self._look.grid((6.75 if self._compact else 10) + (2.75 if self._axis else 0))

    @property
    def frame(self) -> Frame:
        """Where 0 and 100 % lie, within this widget."""
        box = self._box(self._traces)
        frame = self._drawings[0].frame(box.height())
        return Frame(box.top() + frame.top, box.top() + frame.bottom)

    @property
    def sound_box(self) -> QRectF:
        """Where the sound is drawn, within this widget."""
        return self._box(self._sound)

    def advance(self, right_s: float) -> None:
        """Show the stretch that ends at a time.

        Does nothing while that is the same pixel. What has arrived meanwhile comes with the next
        pixel, or soon where the time axis stands still.
        """
        ratio = self.devicePixelRatioF()
        scale = self._px_per_s
        # Whole device pixels: tiles are copied, not blended, and text does not tremble.
        right_s = round(right_s * scale * ratio) / ratio / scale
        moved = right_s != self._right_s
        self._waited = 0 if moved else self._waited + 1
        for paper in self._papers:
            paper.allowance_s = _ALLOWANCE_S
            if paper.waiting:
                paper.update()
        if moved or (self._waited >= _PATIENCE and self._timeline.revision != self._shown):
            self._show(right_s)

    def _show(self, right_s: float) -> None:
        self._shown = self._timeline.revision
        self._right_s = right_s
        left_s = right_s - self._span_s
        for paper in self._papers:
            paper.scroll_to(right_s)
        for plot in (self._traces, self._sound):
            plot.vb.setRange(xRange=(left_s, right_s), padding=0, disableAutoRange=False)
        self._set_time_ticks(left_s, right_s)
        self._point()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Follow the pointer over the plots."""
        if isinstance(event, QMouseEvent) and event.type() is QEvent.Type.MouseMove:
            self.point_at(event.position())
        elif event is not None and event.type() is QEvent.Type.Leave:
            self.point_at(None)
        elif isinstance(event, QWheelEvent):
            notches = event.angleDelta().y() // 120
            if notches:
                self.wheeled.emit(notches)
            return True
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Keep the reading card inside."""
        super().resizeEvent(event)
        self.point_at(None)

    def point_at(self, place: QPointF | None) -> None:
        """Read off the values at a place within this widget; ``None`` hides them."""
        self._pointer = place
        self._point()

    @property
    def _px_per_s(self) -> float:
        return max(1.0, float(self._traces.vb.width())) / self._span_s

    def _plot(self, row: int) -> Any:
        plot = self._view.addPlot(row=row, col=0)
        plot.hideButtons()
        plot.setMenuEnabled(False)
        plot.setMouseEnabled(x=False, y=False)
        plot.disableAutoRange()
        plot.layout.setContentsMargins(0, 0, 0, 0)
        for side in ("left", "bottom"):
            plot.getAxis(side).setStyle(tickLength=0, showValues=side == "left")
            plot.getAxis(side).enableAutoSIPrefix(False)  # lays a label out anew in each frame
        if row == 0 or not self._axis:
            plot.hideAxis("bottom")
        else:
            plot.getAxis("bottom").setStyle(showValues=True)
        self._view.ci.layout.setContentsMargins(0, 0, 0, 0)
        return plot

    def _box(self, plot: Any) -> QRectF:
        return QRectF(plot.vb.sceneBoundingRect())

    def _arrange(self) -> None:
        """Fit papers and axes to the plots' size."""
        drawing = self._drawings[0]
        for plot, paper in zip((self._traces, self._sound), self._papers, strict=True):
            paper.resize(plot.vb.width(), plot.vb.height(), self._px_per_s)
        height = float(self._traces.vb.height())
        frame = drawing.frame(height)
        unit = max(1.0, frame.bottom - frame.top)
        self._traces.vb.setYRange(
            -(height - frame.bottom) / unit, 1.0 + frame.top / unit, padding=0
        )
        values = [(0.0, "0"), (0.25, "25"), (0.5, "50"), (0.75, "75"), (1.0, "100\u202f%")]
        self._traces.getAxis("left").setTicks([values])
        self._name_strips()
        self._ticks = None
        self._show(self._right_s)
        self.arranged.emit()

    def _name_strips(self) -> None:
        height = float(self._sound.vb.height())
        self._sound.vb.setYRange(0.0, max(1.0, height), padding=0)
        voice = self._drawings[1].voice_height()
        middle = voice + self._look.grid(0.5) + (height - voice - self._look.grid(0.5)) / 2
        self._sound.getAxis("left").setTicks([[(middle, "level"), (voice / 2, "voice")]])

    def _set_time_ticks(self, left_s: float, right_s: float) -> None:
        if not self._axis:
            return
        spacing = tick_spacing(self._px_per_s, 9.0 * self._look.body_px)
        shown = (math.ceil(max(0.0, left_s) / spacing), math.floor(right_s / spacing))
        if shown != self._ticks:
            self._ticks = shown
            ticks = [
                (float(number * spacing), clock_text(number * spacing))
                for number in range(shown[0], shown[1] + 1)
            ]
            self._sound.getAxis("bottom").setTicks([ticks])

    def _point(self) -> None:
        """Read off the values under the pointer."""
        moment = None
        box = self._box(self._traces)
        if self._pointer is not None and box.left() <= self._pointer.x() <= box.right():
            time_s = self._right_s - (box.right() - self._pointer.x()) / self._px_per_s
            moment = self._channel.at(time_s)
            for line in self._cross:
                line.setValue(time_s)
        for line in self._cross:
            line.setVisible(moment is not None)
        self.card.show_moment(moment, self._pointer)

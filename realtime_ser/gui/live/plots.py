"""The plots of one channel: tracks on a scrolling time axis, in two plots of pyqtgraph.

pyqtgraph draws the axes, the cursor and the crosshair; the tracks are drawn by themselves.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import pyqtgraph as pg
from PyQt6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QMouseEvent, QPen, QResizeEvent, QWheelEvent
from PyQt6.QtWidgets import QGraphicsItem

from realtime_ser.base.records import STEP_S
from realtime_ser.gui.live.legend import ValueScale
from realtime_ser.gui.theme.style_watcher import StyledWidget
from realtime_ser.gui.theme.theme import Style
from realtime_ser.gui.timeline.hover_card import HoverCard
from realtime_ser.gui.timeline.qt_surface import text_width
from realtime_ser.gui.timeline.track_painter import TrackItem
from realtime_ser.gui.widgets.parts import row
from realtime_ser.timeline.content import LiveContent
from realtime_ser.timeline.session_tracks import channel_tracks
from realtime_ser.timeline.signal_tracks import ProbabilityTrack
from realtime_ser.timeline.style import Curves
from realtime_ser.timeline.tracks import MarkerTrack, SegmentTrack, gutter_width, tick_text, ticks
from realtime_ser.timeline.voice_tracks import MeasureTrack

#: How long one painting may begin columns of each track that have been there before: a whole window
#: of them would miss a frame of a screen with 60 a second.
_ALLOWANCE_S = 0.002

_NEXT_STEP_S = 1.25 * STEP_S
"""Time since the last step in which the next is on its way: until then one column more waits for
it, so that both are painted at once."""


class Plots(StyledWidget):
    """Both plots of a channel, by its number from 1; only the lowest shows the time axis."""

    layout_changed = pyqtSignal()  # the plots have another size; the legend beside them must follow
    wheeled = pyqtSignal(int)  # over the plots: by so many notches, away from the person

    def __init__(
        self, content: LiveContent, channel: int, span_s: float, *, compact: bool, axis: bool
    ) -> None:
        super().__init__()
        self._content = content
        self._channel = content.channels[channel]
        self._span_s = span_s
        self._axis = axis
        self._compact = compact
        self._right_s = 0.0
        self._shown_revision, self._shown_end_s = -1, 0.0
        self._shown_words: tuple[object, ...] = ()
        self._arrived_s = -math.inf
        self.next_pixel_s = 0.0
        self._ticks: tuple[float, list[int]] | None = None
        self._curves = Curves()
        self._pointer: QPointF | None = None
        self._view: Any = pg.GraphicsLayoutWidget()
        self._view.setAccessibleName("Timeline")
        self._view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setLayout(row(self._view))
        self._curve_plot = self._plot(0)
        self._level_plot = self._plot(1)
        self._plots = (self._curve_plot, self._level_plot)
        self._items = tuple(TrackItem(plot.vb) for plot in self._plots)
        self._crosshair = [pg.InfiniteLine(angle=90, movable=False) for _ in range(2)]
        self._cursor = [pg.InfiniteLine(angle=90, movable=False) for _ in range(2)]
        for plot, *lines in zip(self._plots, self._crosshair, self._cursor, strict=True):
            for line in lines:
                line.setVisible(False)
                plot.addItem(line, ignoreBounds=True)
            plot.vb.sigResized.connect(self._arrange)
        self.card = HoverCard(content.labels, self)
        viewport = self._view.viewport()
        viewport.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        viewport.setMouseTracking(True)
        viewport.installEventFilter(self)
        self.restyle(self._style)

    def restyle(self, style: Style) -> None:
        """Draw in another style."""
        theme = style.theme
        self._view.setBackground(theme.background)
        self._make_tracks()
        names = [track for track, _ in self._items[1].rows]
        measure = functools.partial(text_width, style.family)
        gutter = gutter_width(names, measure, style, style.grid(7))
        for plot in self._plots:
            for side in ("left", "bottom"):
                axis = plot.getAxis(side)
                axis.setPen(QColor(theme.background))
                axis.setTextPen(QColor(theme.muted))
                axis.setTickFont(style.small)
            plot.getAxis("left").setWidth(gutter)
            plot.getAxis("left").setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)
        self._level_plot.setFixedHeight(self._level_height())
        if self._axis:
            self._level_plot.getAxis("bottom").setHeight(style.grid(2.75))
        for line in self._crosshair:
            line.setPen(QPen(QColor(theme.text), 0))
        for line in self._cursor:
            line.setPen(pg.mkPen(QColor(theme.accent), width=2 * style.scale))
        self._view.ci.layout.setVerticalSpacing(style.grid(1))
        self._arrange()

    def set_span(self, span_s: float) -> None:
        """Change the length of the time axis, in seconds."""
        if span_s != self._span_s:
            self._span_s = span_s
            self._arrange()

    def set_curves(self, curves: Curves) -> None:
        """Draw the probabilities otherwise."""
        if curves != self._curves:
            self._curves = curves
            self._make_tracks()
            self._arrange()

    def show_cursor(self, time_s: float | None) -> None:
        """Show the moment that is being played; ``None``: nothing is."""
        for line in self._cursor:
            line.setVisible(time_s is not None and time_s >= self._right_s - self._span_s)
            if time_s is not None:
                line.setValue(time_s)

    def finish_columns(self) -> None:
        """Leave no column for later: a picture is wanted."""
        for item in self._items:
            item.allowance_s = math.inf
            item.update()

    @property
    def value_scale(self) -> ValueScale:
        """Where 0 and 100 % lie, within this widget."""
        top = self._plot_rect(self._curve_plot).top()
        inner = self._inner_scale()
        return ValueScale(top + inner.top, top + inner.bottom)

    @property
    def level_rect(self) -> QRectF:
        """Where level and voice are drawn, within this widget."""
        rect = self._plot_rect(self._level_plot)
        bottoms = (
            at.plot.bottom
            for track, at in self._items[1].rows
            if not isinstance(track, MeasureTrack)
        )
        rect.setHeight(max(bottoms))
        return rect

    def advance(self, right_s: float) -> None:
        """Show the stretch that ends at a time, and what has arrived.

        Does nothing while both are the same.
        """
        # Whole device pixels: tiles are copied, not blended, and text does not tremble.
        columns_per_s = self._px_per_s * self.devicePixelRatioF()
        if self._channel.pyramid.has_voice is not self._has_voice:
            self.restyle(self._style)
        column = round(right_s * columns_per_s)
        self.next_pixel_s = (column + 0.5) / columns_per_s - right_s
        for item in self._items:
            item.allowance_s = _ALLOWANCE_S
            if item.incomplete:
                item.update()
        arrived = self._content.revision != self._shown_revision
        if arrived:
            self._arrived_s = right_s
        moved = column - round(self._right_s * columns_per_s)
        waits = moved == 1 and right_s - self._arrived_s < _NEXT_STEP_S
        if moved and (arrived or not waits):
            self._show_until(column / columns_per_s)
        elif arrived:
            self._show_arrived()

    def _show_arrived(self) -> None:
        """Paint what has arrived, which mostly changes the last columns alone."""
        if self._words() != self._shown_words:
            self._show_until(self._right_s)
            return
        self._shown_revision = self._content.revision
        for item in self._items:
            item.renew(self._shown_end_s, self._shown_revision)
        self._shown_end_s = self._channel.end_s
        self._update_hover()

    def _words(self) -> tuple[object, ...]:
        """What words and bars stand beside the newest, which is the same as long as they are."""
        return self._channel.segments[-1:], self._channel.open is None, len(self._content.markers)

    def _show_until(self, right_s: float) -> None:
        self._shown_revision, self._shown_words = self._content.revision, self._words()
        self._shown_end_s = self._channel.end_s
        self._right_s = right_s
        left_s = right_s - self._span_s
        for item in self._items:
            item.scroll_to(right_s, self._shown_revision)
        for plot in self._plots:
            plot.vb.setRange(xRange=(left_s, right_s), padding=0, disableAutoRange=False)
        self._set_time_ticks()
        self._update_hover()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Follow the pointer over the plots."""
        if isinstance(event, QMouseEvent) and event.type() is QEvent.Type.MouseMove:
            self.hover_at(event.position())
        elif event is not None and event.type() is QEvent.Type.Leave:
            self.hover_at(None)
        elif isinstance(event, QWheelEvent):
            notches = event.angleDelta().y() // 120
            if notches:
                self.wheeled.emit(notches)
            return True
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Keep the reading card inside."""
        super().resizeEvent(event)
        self.hover_at(None)

    def hover_at(self, place: QPointF | None) -> None:
        """Read off the values at a place within this widget; ``None`` hides them."""
        self._pointer = place
        self._update_hover()

    @property
    def _px_per_s(self) -> float:
        return max(1.0, float(self._curve_plot.vb.width())) / self._span_s

    def _plot(self, number: int) -> Any:
        plot = self._view.addPlot(row=number, col=0)
        plot.hideButtons()
        plot.setMenuEnabled(False)
        plot.setMouseEnabled(x=False, y=False)
        plot.disableAutoRange()
        plot.layout.setContentsMargins(0, 0, 0, 0)
        for side in ("left", "bottom"):
            plot.getAxis(side).setStyle(tickLength=0)
            plot.getAxis(side).enableAutoSIPrefix(False)  # lays a label out anew in each frame
        hidden = ["top", "right"]  # follow each change of range all the same, unless unlinked
        if number == 0 or not self._axis:
            plot.hideAxis("bottom")
            hidden.append("bottom")
        for side in hidden:
            plot.getAxis(side).unlinkFromView()
        self._view.ci.layout.setContentsMargins(0, 0, 0, 0)
        return plot

    def _plot_rect(self, plot: Any) -> QRectF:
        return QRectF(plot.vb.sceneBoundingRect())

    def _level_height(self) -> int:
        style, unit = self._style, 5 if self._compact else 8
        tracks = [track for track, _ in self._items[1].rows]
        heights = (style.grid(unit * t.weight) if t.weight else t.height(style) for t in tracks)
        return round(sum(heights)) + style.grid((2.75 if self._axis else 0) + 0.25 * len(tracks))

    def _make_tracks(self) -> None:
        self._has_voice = self._channel.pyramid.has_voice
        tracks = channel_tracks(
            self._channel, self._curves, names=False, measures=not self._compact
        )
        words = MarkerTrack(self._content.markers), SegmentTrack(self._channel)
        self._items[0].show_tracks([*words, tracks[0]], self._style)
        self._items[1].show_tracks(tracks[1:], self._style)

    def _inner_scale(self) -> ValueScale:
        """Where 0 and 100 % lie within the upper plot."""
        for track, at in self._items[0].rows:
            if isinstance(track, ProbabilityTrack):
                ends = (track.y(at.plot, share, self._style) for share in (1.0, 0.0))
                return ValueScale(*ends)
        raise LookupError("no track of probabilities")

    def _arrange(self) -> None:
        """Fit tracks and axes to the plots' size."""
        for plot, item in zip(self._plots, self._items, strict=True):
            item.resize(plot.vb.width(), plot.vb.height(), self._span_s)
        height = float(self._curve_plot.vb.height())
        scale = self._inner_scale()
        unit = max(1.0, scale.bottom - scale.top)
        bottom, top = (scale.bottom - height) / unit, 1.0 + scale.top / unit
        self._curve_plot.vb.setYRange(bottom, top, padding=0)
        values = [(0.0, "0"), (0.25, "25"), (0.5, "50"), (0.75, "75"), (1.0, "100\u202f%")]
        self._curve_plot.getAxis("left").setTicks([values])
        height = max(1.0, float(self._level_plot.vb.height()))
        self._level_plot.vb.setYRange(0.0, height, padding=0)
        names = [(height - at.plot.middle[1], track.title) for track, at in self._items[1].rows]
        self._level_plot.getAxis("left").setTicks([names])
        self._ticks = None
        self._show_until(self._right_s)
        self.layout_changed.emit()

    def _set_time_ticks(self) -> None:
        if not self._axis:
            return
        shown = ticks(self._items[1].viewport(self.devicePixelRatioF()), self._style)
        if shown != self._ticks:
            self._ticks = shown
            spacing, numbers = shown
            times_s = [number * spacing for number in numbers]
            labels = [(time_s, tick_text(time_s, spacing)) for time_s in times_s]
            self._level_plot.getAxis("bottom").setTicks([labels])

    def _update_hover(self) -> None:
        """Read off the values under the pointer."""
        moment = None
        box = self._plot_rect(self._curve_plot)
        if self._pointer is not None and box.left() <= self._pointer.x() <= box.right():
            time_s = self._right_s - (box.right() - self._pointer.x()) / self._px_per_s
            moment = self._channel.moment(time_s)
            for line in self._crosshair:
                line.setValue(time_s)
        for line in self._crosshair:
            line.setVisible(moment is not None)
        self.card.show_moment(moment, self._pointer)

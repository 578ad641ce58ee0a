"""Draws a participant's sessions over time: shares of labels above, speaking time below."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from PyQt6.QtCore import QPointF, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PyQt6.QtWidgets import QToolTip, QWidget

from realtime_ser.base.text import clock_text, percent_text
from realtime_ser.gui.live.legend import spread_labels
from realtime_ser.gui.theme.style_watcher import set_size, style_of
from realtime_ser.gui.timeline.qt_surface import QtSurface, pen
from realtime_ser.session.trend import TrendPoint, labels_of
from realtime_ser.timeline.signal_tracks import draw_key, line_strokes
from realtime_ser.timeline.style import Curves, line_style
from realtime_ser.timeline.surface import Rect

_CERTAIN = "certain"
_SPEECH_SHARE = 0.28
"""Of the height: the strip of the speaking time."""

_SCALE_TOPS_S = (10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800)


class TrendPlot(QWidget):
    """Lines with styles and direct labels; a session is chosen by a click or the arrow keys."""

    chosen = pyqtSignal(int)
    activated = pyqtSignal(int)

    def __init__(self) -> None:
        super().__init__()
        self._points: list[TrendPoint] = []
        self._labels: list[str] = []
        self._current = -1
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Trend")
        self.setToolTip("")
        set_size(self, min_width=40, min_height=32)

    def show_points(self, points: Sequence[TrendPoint]) -> None:
        """Show sessions, in order of time."""
        self._points = list(points)
        self._labels = [
            label
            for label in labels_of(points)
            if any(point.shares.get(label, 0.0) > 0 for point in points)
        ]
        self._current = min(self._current, len(self._points) - 1)
        self.setAccessibleDescription(
            f"{len(points)} sessions; the table below holds the same numbers"
        )
        self.update()

    def choose(self, index: int) -> None:
        """Mark a session."""
        if index != self._current:
            self._current = index
            self.update()

    # ------------------------------------------------------------------------------------ drawing

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        """Draw everything."""
        style, theme = style_of(self), style_of(self).theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(style.small)
        painter.fillRect(self.rect(), QColor(theme.background))
        if not any(point.segments for point in self._points):
            painter.setPen(QColor(theme.muted))
            painter.drawText(
                self.rect(), Qt.AlignmentFlag.AlignCenter, "No session with speech to show yet."
            )
        else:
            self._draw_current(painter)
            self._draw_shares(painter)
            self._draw_speech(painter)
            self._draw_dates(painter)
        if self.hasFocus():
            painter.setPen(QPen(QColor(theme.accent), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def _draw_current(self, painter: QPainter) -> None:
        if 0 <= self._current < len(self._points):
            x = self._x(self._current)
            half = style_of(self).grid(1)
            band = QRectF(x - half, self._shares_rect.top(), 2 * half, 0)
            band.setBottom(self._speech_rect.bottom())
            painter.fillRect(band, QColor(style_of(self).theme.band))

    def _draw_shares(self, painter: QPainter) -> None:
        style, box = style_of(self), self._shares_rect
        ticks = {value: percent_text(value) for value in (0.0, 0.25, 0.5, 0.75, 1.0)}
        self._draw_axis(painter, box, "Share of the speech that carries a label", ticks)
        ends = []
        for position, label in enumerate(self._labels):
            places = self._places(
                box, [p.shares.get(label, 0.0) if p.segments else None for p in self._points]
            )
            look = line_style(label, position)
            for stroke in line_strokes(look, style):
                painter.setPen(pen(stroke))
                painter.drawPolyline(QPolygonF(places))
            self._draw_dots(painter, places, QColor(look.color))
            ends.append(places[-1])
        self._draw_end_labels(painter, ends)

    def _draw_dots(self, painter: QPainter, places: Sequence[QPointF], color: QColor) -> None:
        rim = style_of(self).theme.outline(color.name())
        painter.setPen(QPen(QColor(rim), 1) if rim else Qt.PenStyle.NoPen)
        painter.setBrush(color)
        radius = 2.5 * style_of(self).scale
        for place in places:
            painter.drawEllipse(place, radius, radius)

    def _draw_end_labels(self, painter: QPainter, ends: Sequence[QPointF]) -> None:
        style, theme, box = style_of(self), style_of(self).theme, self._shares_rect
        line = QFontMetricsF(style.small).height() + 1
        places = spread_labels([end.y() for end in ends], line, box.top(), box.bottom())
        left, swatch = box.right() + style.grid(1), float(style.grid(4))
        last = next(point for point in reversed(self._points) if point.segments)
        for position, (label, end, y) in enumerate(zip(self._labels, ends, places, strict=True)):
            painter.setPen(QPen(QColor(theme.border), style.scale))
            painter.drawLine(end, QPointF(left, y))
            key = Rect(left, y - line / 2, swatch, line)
            draw_key(QtSurface(painter, style.family), key, label, position, Curves("lines"), style)
            words = f"{label} {percent_text(last.shares.get(label, 0.0))}"
            self._draw_words(painter, left + swatch + style.grid(0.75), y, words)

    def _draw_speech(self, painter: QPainter) -> None:
        style, theme, box = style_of(self), style_of(self).theme, self._speech_rect
        most = max(point.speech_s for point in self._points) or 1.0
        top = next((nice for nice in _SCALE_TOPS_S if nice >= most), math.ceil(most / 3600) * 3600)
        ticks = {value: clock_text(value * top) for value in (0.0, 0.5, 1.0)}
        self._draw_axis(painter, box, "Speaking time (bars), certain share (dashed line)", ticks)
        half = max(2.0, min(style.grid(1.0), box.width() / (4 * len(self._points) + 1)))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.voice))
        for index, point in enumerate(self._points):
            height = box.height() * point.speech_s / top
            painter.drawRect(QRectF(self._x(index) - half, box.bottom() - height, 2 * half, height))
        shares = [point.certain_share for point in self._points]
        places = self._places(box, shares)
        dashes = QPen(QColor(theme.accent), 2 * style.scale, Qt.PenStyle.DashLine)
        painter.setPen(dashes)
        painter.drawPolyline(QPolygonF(places))
        self._draw_dots(painter, places, QColor(theme.accent))
        left, y = box.right() + style.grid(1), places[-1].y()
        painter.setPen(dashes)
        painter.drawLine(QPointF(left, y), QPointF(left + style.grid(4), y))
        last = next(share for share in reversed(shares) if share is not None)
        self._draw_words(painter, left + style.grid(4.75), y, f"{_CERTAIN} {percent_text(last)}")

    def _draw_dates(self, painter: QPainter) -> None:
        """Dates under the sessions, as many as have room."""
        style, box = style_of(self), self._speech_rect
        metrics = QFontMetricsF(style.small)
        first, last = (self._points[at].info.metadata.started for at in (0, -1))
        pattern = "%d %b" if first.year == last.year else "%b %Y"
        if (last - first) < timedelta(days=2):
            pattern = "%d %b %H:%M"
        painter.setPen(QColor(style.theme.muted))
        free = -math.inf
        for index, point in enumerate(self._points):
            words = point.info.metadata.started.strftime(pattern)
            width = metrics.horizontalAdvance(words)
            x = min(max(self._x(index) - width / 2, 0.0), self.width() - width)
            if x >= free:
                cell = QRectF(x, box.bottom() + style.grid(0.5), width + 1, metrics.height())
                painter.drawText(cell, 0, words)
                free = x + width + style.grid(2)

    def _draw_axis(
        self, painter: QPainter, box: QRectF, caption: str, ticks: Mapping[float, str]
    ) -> None:
        """Draw a caption, and lines at shares of the height with their words at the left."""
        style, theme = style_of(self), style_of(self).theme
        line = QFontMetricsF(style.small).height()
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for value, words in ticks.items():
            y = box.bottom() - value * box.height()
            painter.setPen(QPen(QColor(theme.grid), style.scale))
            painter.drawLine(QPointF(box.left(), y), QPointF(box.right(), y))
            painter.setPen(QColor(theme.muted))
            cell = QRectF(0, y - line / 2, box.left() - style.grid(2.5), line)
            painter.drawText(cell, right, words)
        self._draw_words(painter, box.left(), box.top() - line / 2 - style.grid(0.75), caption)

    def _draw_words(self, painter: QPainter, left: float, y: float, words: str) -> None:
        """Draw words, whose middle is at ``y``."""
        style = style_of(self)
        line = QFontMetricsF(style.small).height()
        painter.setPen(QColor(style.theme.text))
        cell = QRectF(left, y - line / 2, self.width(), line)
        painter.drawText(cell, Qt.AlignmentFlag.AlignVCenter, words)

    # ------------------------------------------------------------------------------------- places

    @property
    def _plot_rect(self) -> QRectF:
        style = style_of(self)
        metrics = QFontMetricsF(style.small)
        left = metrics.horizontalAdvance("00:00:00") + style.grid(4.5)
        names = [*self._labels, _CERTAIN]
        right = max(metrics.horizontalAdvance(f"{name} 100 %") for name in names)
        right += style.grid(7)
        return QRectF(0, 0, self.width(), self.height()).adjusted(
            left, style.grid(4), -right, -style.grid(4)
        )

    @property
    def _shares_rect(self) -> QRectF:
        room = self._plot_rect
        gap = style_of(self).grid(5)
        room.setHeight(room.height() * (1 - _SPEECH_SHARE) - gap)
        return room

    @property
    def _speech_rect(self) -> QRectF:
        room = self._plot_rect
        room.setTop(room.bottom() - room.height() * _SPEECH_SHARE)
        return room

    def _places(self, box: QRectF, values: Sequence[float | None]) -> list[QPointF]:
        """Places of shares in a strip, of those sessions that have one."""
        return [
            QPointF(self._x(index), box.bottom() - value * box.height())
            for index, value in enumerate(values)
            if value is not None
        ]

    def _x(self, index: int) -> float:
        """Place of a session: by its date."""
        room = self._plot_rect
        times = [point.info.metadata.started.timestamp() for point in self._points]
        span = times[-1] - times[0]
        if not span:
            return room.center().x()
        return room.left() + room.width() * (times[index] - times[0]) / span

    # -------------------------------------------------------------------------------------- hands

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Choose the nearest session."""
        if event is not None and self._points:
            self._select(self._nearest(event.position().x()))

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Open the nearest session."""
        if event is not None and self._points:
            self.activated.emit(self._nearest(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Tell all values of the nearest session."""
        if event is not None and self._points:
            index = self._nearest(event.position().x())
            QToolTip.showText(
                event.globalPosition().toPoint(), point_text(self._points[index]), self
            )

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Walk through the sessions by the arrow keys, and open one by Enter."""
        if event is None or not self._points:
            return
        last = len(self._points) - 1
        goal = {
            Qt.Key.Key_Left: max(0, self._current - 1),
            Qt.Key.Key_Right: min(last, self._current + 1),
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: last,
        }.get(Qt.Key(event.key()))
        if goal is not None:
            self._select(goal)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._current >= 0:
            self.activated.emit(self._current)
        else:
            super().keyPressEvent(event)

    def _select(self, index: int) -> None:
        self.choose(index)
        self.chosen.emit(index)

    def _nearest(self, x: float) -> int:
        return min(range(len(self._points)), key=lambda index: abs(self._x(index) - x))


def point_text(point: TrendPoint) -> str:
    """All values of a session in words."""
    metadata = point.info.metadata
    started: datetime = metadata.started
    lines = [f"{started:%Y-%m-%d %H:%M}  {metadata.name}"]
    lines += [f"{label} {percent_text(share)}" for label, share in point.shares.items()]
    lines.append(f"speaking time {clock_text(point.speech_s)}")
    if point.certain_share is not None:
        lines.append(f"certain {percent_text(point.certain_share)}")
    return "\n".join(lines)

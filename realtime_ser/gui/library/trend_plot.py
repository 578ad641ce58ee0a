"""Draws a participant's sessions over time: shares of labels above, speaking time below."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta

from PyQt6.QtCore import QPointF, Qt, pyqtSignal
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
from PyQt6.QtWidgets import QToolTip

from realtime_ser.base.text import clock_text, length_text, percent_text
from realtime_ser.gui.live.legend import spread_labels
from realtime_ser.gui.theme.style_watcher import StyledWidget, set_size
from realtime_ser.gui.timeline.qt_surface import QtSurface, pen
from realtime_ser.gui.widgets.localised import moment_text
from realtime_ser.session.trend import TrendPoint, labels_of
from realtime_ser.timeline.signal_tracks import draw_key, line_strokes
from realtime_ser.timeline.style import Curves, line_style
from realtime_ser.timeline.surface import Rect, Stroke, write
from realtime_ser.timeline.tracks import line_height, small

_CERTAIN = "certain"
_SPEECH_SHARE = 0.28
"""Of the height: the strip of the speaking time."""

_SCALE_TOPS_S = (10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800)


class TrendPlot(StyledWidget):
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
        style, theme = self._style, self._style.theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(theme.background))
        surface = QtSurface(painter, style.family)
        if not any(point.segments for point in self._points):
            whole = Rect(0, 0, self.width(), self.height())
            words = "No session with speech to show yet."
            write(surface, whole, words, small(style), theme.muted, "middle")
        else:
            self._draw_current(surface)
            self._draw_shares(painter, surface)
            self._draw_speech(painter, surface)
            self._draw_dates(surface)
        if self.hasFocus():
            painter.setPen(QPen(QColor(theme.accent), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def _draw_current(self, surface: QtSurface) -> None:
        if 0 <= self._current < len(self._points):
            half, top = self._style.grid(1), self._shares_rect.top
            height = self._speech_rect.bottom - top
            band = Rect(self._x(self._current) - half, top, 2 * half, height)
            surface.rectangle(band, self._style.theme.band)

    def _draw_shares(self, painter: QPainter, surface: QtSurface) -> None:
        box = self._shares_rect
        ticks = {value: percent_text(value) for value in (0.0, 0.25, 0.5, 0.75, 1.0)}
        self._draw_axis(surface, box, "Share of the speech that carries a label", ticks)
        ends = []
        for position, label in enumerate(self._labels):
            shares = [p.shares.get(label, 0.0) if p.segments else None for p in self._points]
            strokes = line_strokes(line_style(label, position), self._style)
            ends.append(self._draw_line(painter, box, shares, strokes))
        self._draw_end_labels(surface, ends)

    def _draw_line(
        self,
        painter: QPainter,
        box: Rect,
        values: Sequence[float | None],
        strokes: Sequence[Stroke],
    ) -> QPointF:
        """Draw a line, with a dot at each session that has a value; return its end."""
        places = [
            QPointF(self._x(index), box.bottom - value * box.height)
            for index, value in enumerate(values)
            if value is not None
        ]
        for stroke in strokes:
            painter.setPen(pen(stroke))
            painter.drawPolyline(QPolygonF(places))
        color = strokes[-1].color
        rim = self._style.theme.outline(color)
        painter.setPen(QPen(QColor(rim), 1) if rim else Qt.PenStyle.NoPen)
        painter.setBrush(QColor(color))
        radius = 2.5 * self._style.scale
        for place in places:
            painter.drawEllipse(place, radius, radius)
        return places[-1]

    def _draw_end_labels(self, surface: QtSurface, ends: Sequence[QPointF]) -> None:
        style, box = self._style, self._shares_rect
        line = line_height(style)
        places = spread_labels([end.y() for end in ends], line, box.top, box.bottom)
        left, swatch = box.right + style.grid(1), float(style.grid(4))
        last = next(point for point in reversed(self._points) if point.segments)
        stroke = Stroke(style.theme.border, style.scale)
        for position, (label, end, y) in enumerate(zip(self._labels, ends, places, strict=True)):
            surface.line((end.x(), end.y()), (left, y), stroke)
            key = Rect(left, y - line / 2, swatch, line)
            draw_key(surface, key, label, position, Curves("lines"), style)
            words = f"{label} {percent_text(last.shares.get(label, 0.0))}"
            self._write(surface, left + swatch + style.grid(0.75), y, words)

    def _draw_speech(self, painter: QPainter, surface: QtSurface) -> None:
        style, theme, box = self._style, self._style.theme, self._speech_rect
        most = max(point.speech_s for point in self._points) or 1.0
        top = next((nice for nice in _SCALE_TOPS_S if nice >= most), math.ceil(most / 3600) * 3600)
        ticks = {value: clock_text(value * top) for value in (0.0, 0.5, 1.0)}
        self._draw_axis(surface, box, "Speaking time (bars), certain share (dashed line)", ticks)
        half = max(2.0, min(style.grid(1.0), box.width / (4 * len(self._points) + 1)))
        for index, point in enumerate(self._points):
            height = box.height * point.speech_s / top
            bar = Rect(self._x(index) - half, box.bottom - height, 2 * half, height)
            surface.rectangle(bar, theme.voice)
        shares = [point.certain_share for point in self._points]
        width = 2 * style.scale
        dashes = Stroke(theme.accent, width, (4 * width, 2 * width))
        y = self._draw_line(painter, box, shares, [dashes]).y()
        left = box.right + style.grid(1)
        surface.line((left, y), (left + style.grid(4), y), dashes)
        last = next(share for share in reversed(shares) if share is not None)
        self._write(surface, left + style.grid(4.75), y, f"{_CERTAIN} {percent_text(last)}")

    def _draw_dates(self, surface: QtSurface) -> None:
        """Dates under the sessions, as many as have room."""
        style, box = self._style, self._speech_rect
        first, last = (self._points[at].info.metadata.started for at in (0, -1))
        pattern = "dd MMM" if first.year == last.year else "MMM yyyy"
        if (last - first) < timedelta(days=2):
            pattern = "dd MMM HH:mm"
        free = -math.inf
        for index, point in enumerate(self._points):
            words = moment_text(point.info.metadata.started, pattern)
            width = surface.text_width(words, small(style)) + 1
            x = min(max(self._x(index) - width / 2, 0.0), self.width() - width)
            if x >= free:
                cell = Rect(x, box.bottom + style.grid(0.5), width, line_height(style))
                write(surface, cell, words, small(style), style.theme.muted)
                free = x + width + style.grid(2)

    def _draw_axis(
        self, surface: QtSurface, box: Rect, caption: str, ticks: Mapping[float, str]
    ) -> None:
        """Draw a caption, and lines at shares of the height with their words at the left."""
        style, line = self._style, line_height(self._style)
        for value, words in ticks.items():
            y = box.bottom - value * box.height
            surface.line((box.left, y), (box.right, y), Stroke(style.theme.grid, style.scale))
            cell = Rect(0, y - line / 2, box.left - style.grid(2.5), line)
            write(surface, cell, words, small(style), style.theme.muted, "end")
        self._write(surface, box.left, box.top - line / 2 - style.grid(0.75), caption)

    def _write(self, surface: QtSurface, left: float, y: float, words: str) -> None:
        """Write words, whose middle is at ``y``."""
        cell = Rect(left, y, self.width() - left, 0)
        write(surface, cell, words, small(self._style), self._style.theme.text)

    # ------------------------------------------------------------------------------------- places

    @property
    def _plot_rect(self) -> Rect:
        style = self._style
        metrics = QFontMetricsF(style.small)
        left = metrics.horizontalAdvance("00:00:00") + style.grid(4.5)
        names = [*self._labels, _CERTAIN]
        right = max(metrics.horizontalAdvance(f"{name} 100 %") for name in names)
        whole = Rect(0, 0, self.width(), self.height())
        return whole.inset(left, style.grid(4), right + style.grid(7), style.grid(4))

    @property
    def _shares_rect(self) -> Rect:
        plot = self._plot_rect
        return plot.inset(bottom=plot.height * _SPEECH_SHARE + self._style.grid(5))

    @property
    def _speech_rect(self) -> Rect:
        plot = self._plot_rect
        return plot.inset(top=plot.height * (1 - _SPEECH_SHARE))

    def _x(self, index: int) -> float:
        """Place of a session: by its date."""
        plot = self._plot_rect
        times = [point.info.metadata.started.timestamp() for point in self._points]
        span = times[-1] - times[0]
        share = (times[index] - times[0]) / span if span else 0.5
        return plot.left + plot.width * share

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
            words = _point_text(self._points[index])
            QToolTip.showText(event.globalPosition().toPoint(), words, self)

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


def _point_text(point: TrendPoint) -> str:
    """All values of a session in words."""
    metadata = point.info.metadata
    lines = [f"{moment_text(metadata.started)}  {metadata.name}"]
    lines += [f"{label} {percent_text(share)}" for label, share in point.shares.items()]
    lines.append(f"speaking time {length_text(point.speech_s)}")
    if point.certain_share is not None:
        lines.append(f"certain {percent_text(point.certain_share)}")
    return "\n".join(lines)

"""Right of the plots: each line's label at its end, and the level meter."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PyQt6.QtCore import QPointF, QRectF, QSizeF, Qt
from PyQt6.QtGui import QColor, QFontMetricsF, QLinearGradient, QPainter, QPaintEvent, QPen, QPixmap

from realtime_ser.base.text import decibels
from realtime_ser.gui.theme.style_watcher import StyledWidget
from realtime_ser.gui.theme.theme import Style
from realtime_ser.gui.timeline.qt_surface import QtSurface, blank_picture
from realtime_ser.gui.widgets.icons import draw_glyph
from realtime_ser.timeline.signal_tracks import draw_key, level_share
from realtime_ser.timeline.style import FLOOR_DB, Curves
from realtime_ser.timeline.surface import Rect


@dataclass(frozen=True, slots=True)
class ValueScale:
    """Where 100 % and 0 % lie, in logical pixels."""

    top: float
    bottom: float

    def y(self, value: float) -> float:
        """Place of a probability."""
        return self.bottom - value * (self.bottom - self.top)


def spread_labels(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move labels apart as little as needed.

    Parameters
    ----------
    places
        Where each would like to be.
    gap
        Least distance between two.
    low, high
        Bounds; where they are too narrow, labels share the room evenly.
    """
    count = len(places)
    gap = min(gap, (high - low) / max(1, count - 1))
    order = np.argsort(places, kind="stable")
    ranks = np.arange(count)
    sums = np.append(0.0, np.cumsum(np.take(places, order) - gap * ranks))
    # The least squares in this order: isotonic regression, by its formula of maximum and minimum
    # of the means from each place to each later one.
    sizes = ranks + 1.0 - ranks[:, None]
    means = np.where(sizes > 0, sums[1:] - sums[:-1, None], np.inf) / np.maximum(sizes, 1.0)
    least = np.minimum.accumulate(means[:, ::-1], axis=1)[:, ::-1]
    fitted = np.where(sizes > 0, least, -np.inf).max(axis=0, initial=-np.inf)
    result = np.empty(count)
    result[order] = np.clip(fitted, low, high - (count - 1) * gap) + gap * ranks
    return result.tolist()


class CurveLegend(StyledWidget):
    """Labels at the lines' ends, each with its line's look; the level below."""

    def __init__(self, labels: Sequence[str]) -> None:
        super().__init__()
        self._labels = tuple(labels)
        self._values = [0.0] * len(labels)
        self._ends: tuple[int, ...] = ()  # in half pixels: less is not worth a repaint
        self._live = False
        self._level = round(FLOOR_DB)
        self._peak = round(FLOOR_DB)
        self._clipping = False
        self._value_scale = ValueScale(0, 100)
        self._meter = QRectF()
        self._curves = Curves()
        self._pictures: dict[tuple[int, bool], QPixmap] = {}
        self.restyle(self._style)

    def restyle(self, style: Style) -> None:
        """Keep room for the longest label."""
        text = max(QFontMetricsF(style.small).horizontalAdvance(name) for name in self._labels)
        self.setFixedWidth(round(style.grid(7.5) + text))
        self._pictures.clear()
        self.update()

    def set_curves(self, curves: Curves) -> None:
        """Follow the way in which the plots draw."""
        self._curves = curves
        self._ends = ()
        self._pictures.clear()
        self.update()

    def place(self, value_scale: ValueScale, meter: QRectF) -> None:
        """Take the places of the plots beside it."""
        self._value_scale, self._meter = value_scale, meter
        self.update()

    def show_values(self, values: Sequence[float], *, live: bool) -> None:
        """Move labels to the lines' ends; without speech they rest where they are."""
        span = self._value_scale.bottom - self._value_scale.top
        ends = tuple(round(2 * value * span) for value in values) if live else self._ends
        if (ends, live) != (self._ends, self._live):
            self._ends, self._live = ends, live
            self._values = list(values) if live else self._values
            self.update()

    def show_level(self, level_dbfs: float, peak_dbfs: float, *, clipping: bool) -> None:
        """Change the meter."""
        shown = (round(level_dbfs), round(peak_dbfs), clipping)
        if shown != (self._level, self._peak, self._clipping):
            self._level, self._peak, self._clipping = shown
            self.update(0, round(self._meter.top()), self.width(), self.height())

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw labels and meter."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._style.small)
        painter.fillRect(self.rect(), QColor(self._style.theme.background))
        if event is None or event.rect().top() < self._meter.top():
            self._draw_labels(painter)
        self._draw_meter(painter)
        painter.end()

    def _draw_labels(self, painter: QPainter) -> None:
        style, scale = self._style, self._value_scale
        line = QFontMetricsF(style.small).height() + 1
        shown = [i for i, name in enumerate(self._labels) if name not in self._curves.hidden]
        values = [self._values[index] for index in shown]
        if self._curves.style == "areas":  # the middle of each area
            tops = list(itertools.accumulate(values))
            values = [top - value / 2 for top, value in zip(tops, values, strict=True)]
        ends = [scale.y(value) for value in values]
        places = spread_labels(ends, line, scale.top, scale.bottom)
        painter.setPen(QPen(QColor(style.theme.border), style.scale))
        for index, end, y in zip(shown, ends, places, strict=True):
            if self._live:
                painter.drawLine(QPointF(0, end), QPointF(style.grid(1), y))
            painter.drawPixmap(
                QPointF(style.grid(1), round(y - line / 2)), self._label(index, line)
            )

    def _label(self, index: int, line: float) -> QPixmap:
        """Picture of a label with its key, which stays the same for long."""
        key, style, ratio = (index, self._live), self._style, self.devicePixelRatioF()
        label = self._pictures.get(key)
        if label is None or label.devicePixelRatio() != ratio:
            size = QSizeF(self.width() - style.grid(1), line)
            label = self._pictures[key] = blank_picture(size, ratio, "transparent")
            painter, name, swatch = QPainter(label), self._labels[index], float(style.grid(4.5))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            box, surface = Rect(0.0, 0.0, swatch, line), QtSurface(painter, style.family)
            draw_key(surface, box, name, index, self._curves, style)
            painter.setFont(style.small)
            painter.setPen(QColor(style.theme.text if self._live else style.theme.muted))
            cell = QRectF(swatch + style.grid(0.5), 0, size.width(), line)
            painter.drawText(cell, Qt.AlignmentFlag.AlignVCenter, name)
            painter.end()
        return label

    def _draw_meter(self, painter: QPainter) -> None:
        style, theme = self._style, self._style.theme
        bar = QRectF(style.grid(1), self._meter.top(), style.grid(1), self._meter.height())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.grid))
        painter.drawRect(bar)
        share = float(level_share(self._level))
        fill = QLinearGradient(bar.bottomLeft(), bar.topLeft())
        fill.setColorAt(0.0, QColor(theme.wave))
        fill.setColorAt(1.0, QColor(theme.text))
        painter.setBrush(fill)
        painter.drawRect(bar.adjusted(0, bar.height() * (1 - share), 0, 0))
        if self._peak > FLOOR_DB:
            y = bar.bottom() - bar.height() * float(level_share(self._peak))
            painter.fillRect(
                QRectF(bar.left(), y, bar.width(), style.scale * 1.5), QColor(theme.text)
            )
        left = bar.right() + style.grid(0.75)
        height = QFontMetricsF(style.small).height()
        cell = QRectF(left, self._meter.top(), self.width() - left, height)
        painter.setPen(QColor(theme.text))
        painter.drawText(cell, Qt.AlignmentFlag.AlignVCenter, decibels(self._level, "dB"))
        if self._clipping:
            cell.translate(0, height)
            side = height * 0.8
            box = QRectF(left, cell.center().y() - side / 2, side, side)
            draw_glyph(painter, "warning", box, theme.danger)
            painter.setPen(QColor(theme.danger))
            cell.setLeft(box.right() + style.grid(0.25))
            painter.drawText(cell, Qt.AlignmentFlag.AlignVCenter, "clipping")

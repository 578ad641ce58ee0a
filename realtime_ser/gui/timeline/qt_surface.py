"""A surface over Qt's painter."""

from __future__ import annotations

import functools

import numpy as np
from PyQt6.QtCore import QPointF, QRectF, QSizeF, Qt
from PyQt6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QImage,
    QPainter,
    QPen,
    QPixmap,
    QPolygonF,
)

from realtime_ser.timeline.surface import Anchor, Font, Image, Places, Point, Rect, Stroke


class QtSurface:
    """Draws with a painter, in logical pixels.

    Parameters
    ----------
    painter
        The painter; its clip stays as it is.
    family
        Family of the type.
    """

    pixels = True

    def __init__(self, painter: QPainter, family: str) -> None:
        self._painter = painter
        self._family = family

    def rectangle(self, rect: Rect, fill: str | None, stroke: Stroke | None = None) -> None:
        """Draw a rectangle; its edge lies within."""
        box = qrect(rect)
        if fill is not None:
            self._painter.fillRect(box, QColor(fill))
        if stroke is not None:
            half = stroke.width / 2
            self._painter.setPen(pen(stroke))
            self._painter.setBrush(Qt.BrushStyle.NoBrush)
            self._painter.drawRect(box.adjusted(half, half, -half, -half))

    def line(self, start: Point, end: Point, stroke: Stroke) -> None:
        """Draw a straight line."""
        self._painter.setPen(pen(stroke))
        self._painter.drawLine(QPointF(*start), QPointF(*end))

    def polyline(self, xs: Places, ys: Places, stroke: Stroke) -> None:
        """Draw a line of several corners; NaN interrupts the line."""
        places = np.column_stack([xs, ys])
        gaps = np.flatnonzero(np.isnan(places).any(axis=1))
        self._painter.save()
        self._painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._painter.setPen(pen(stroke))
        for part in np.split(places, gaps):
            self._painter.drawPolyline(_polygon(part[~np.isnan(part).any(axis=1)]))
        self._painter.restore()

    def polygon(self, xs: Places, ys: Places, fill: str, stroke: Stroke | None = None) -> None:
        """Fill a shape."""
        self._painter.save()
        self._painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._painter.setPen(Qt.PenStyle.NoPen if stroke is None else pen(stroke))
        self._painter.setBrush(QColor(fill))
        self._painter.drawPolygon(_polygon(np.column_stack([xs, ys])))
        self._painter.restore()

    def text(self, words: str, at: Point, font: Font, color: str, anchor: Anchor = "start") -> None:
        """Write a line of words on whole pixels, so that nothing trembles."""
        width = 0.0 if anchor == "start" else self.text_width(words, font)
        x = at[0] - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
        self._painter.setFont(_font(self._family, font))
        self._painter.setPen(QColor(color))
        self._painter.drawText(QPointF(round(x), round(at[1])), words)

    def image(self, image: Image, rect: Rect, *, smooth: bool = False) -> None:
        """Stretch a picture over a rectangle."""
        height, width = image.shape
        pixels = image.tobytes()  # outlives the picture
        picture = QImage(pixels, width, height, 4 * width, QImage.Format.Format_RGB32)
        self._painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        self._painter.drawImage(qrect(rect), picture)

    def text_width(self, words: str, font: Font) -> float:
        """Width of a line of words."""
        return text_width(self._family, words, font)


def blank_picture(size: QSizeF, ratio: float, color: str) -> QPixmap:
    """A picture of a size in logical pixels, in one colour."""
    picture = QPixmap((size * ratio).toSize())
    picture.setDevicePixelRatio(ratio)
    picture.fill(QColor(color))
    return picture


def qrect(rect: Rect) -> QRectF:
    """A rectangle as Qt's."""
    return QRectF(rect.left, rect.top, rect.width, rect.height)


def pen(stroke: Stroke) -> QPen:
    """An opaque pen; dashes end where they are told to."""
    result = QPen(QColor(stroke.color), stroke.width)
    result.setCapStyle(Qt.PenCapStyle.FlatCap)
    result.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    if stroke.dashes:
        result.setDashPattern([dash / stroke.width for dash in stroke.dashes])
    return result


@functools.lru_cache(maxsize=64)
def _font(family: str, font: Font) -> QFont:
    """Type with figures of one width where the family has them."""
    result = QFont(family)
    result.setPixelSize(round(font.size))
    result.setFeature(QFont.Tag("tnum"), 1)
    if font.bold:
        result.setWeight(QFont.Weight.DemiBold)
    return result


@functools.lru_cache(maxsize=512)
def text_width(family: str, words: str, font: Font) -> float:
    """Width of a line of words, in logical pixels."""
    return QFontMetricsF(_font(family, font)).horizontalAdvance(words)


def _polygon(places: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> QPolygonF:
    return QPolygonF([QPointF(x, y) for x, y in places.tolist()])

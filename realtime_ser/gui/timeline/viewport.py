"""Where times lie on the screen, and what a strip is painted with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QPointF, QRectF
from PyQt6.QtGui import QImage, QPainter

from realtime_ser.timeline.raster import Image


@dataclass(frozen=True, slots=True)
class Viewport:
    """The visible stretch of the time axis, in whole device pixels so that nothing shimmers.

    Attributes
    ----------
    left, width
        Of the plots, in logical pixels.
    first
        Number of the left column of device pixels on the endless axis.
    s_per_px
        Seconds of a device pixel.
    ratio
        Device pixels of a logical one.
    """

    left: float
    width: float
    first: int
    s_per_px: float
    ratio: float

    @classmethod
    def of(cls, start_s: float, end_s: float, left: float, width: float, ratio: float) -> Viewport:
        """What is seen between two times."""
        scale = (end_s - start_s) / max(1.0, width * ratio)
        return cls(left, width, round(start_s / scale), scale, ratio)

    @property
    def columns(self) -> int:
        """Device pixels."""
        return max(1, round(self.width * self.ratio))

    @property
    def start_s(self) -> float:
        """Time at the left edge."""
        return self.first * self.s_per_px

    @property
    def end_s(self) -> float:
        """Time at the right edge."""
        return (self.first + self.columns) * self.s_per_px

    @property
    def edges_s(self) -> NDArray[np.float64]:
        """Times between the columns, shape ``(columns + 1,)``."""
        columns = np.arange(self.first, self.first + self.columns + 1, dtype=np.float64)
        return columns * self.s_per_px

    @property
    def px_per_s(self) -> float:
        """Logical pixels of a second."""
        return 1.0 / (self.s_per_px * self.ratio)

    def x(self, time_s: float) -> float:
        """Place of a time, in logical pixels."""
        return self.left + (time_s / self.s_per_px - self.first) / self.ratio

    def time(self, x: float) -> float:
        """Time at a place."""
        return (self.first + (x - self.left) * self.ratio) * self.s_per_px

    def span(self, start_s: float, end_s: float, top: float, height: float) -> QRectF:
        """Box of a stretch, cut off at the edges of the plots, a pixel wide at least."""
        left = max(self.left - 4.0, self.x(start_s))
        right = min(self.left + self.width + 4.0, self.x(end_s))
        return QRectF(left, top, max(1.0, right - left), height)


@dataclass(frozen=True, slots=True)
class RowRect:
    """Where a strip is painted: its plot, what is left of it, and what is right."""

    plot: QRectF
    gutter: QRectF
    margin: QRectF


def put_image(painter: QPainter, image: Image, at: QPointF, ratio: float) -> None:
    """Paint a picture whose pixels are the device's."""
    height, width = image.shape
    pixels = image.tobytes()  # outlives the picture
    picture = QImage(pixels, width, height, 4 * width, QImage.Format.Format_RGB32)
    picture.setDevicePixelRatio(ratio)
    painter.drawImage(at, picture)

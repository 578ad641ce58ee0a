"""Viewport: the places of times on a device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime_ser.timeline.surface import Rect


@dataclass(frozen=True, slots=True)
class Viewport:
    """The visible stretch of the time axis, in whole columns so that nothing shimmers.

    Attributes
    ----------
    left, width
        Of the plots, in logical pixels.
    first
        Number of the left column on the endless axis.
    s_per_px
        Seconds of a column: a device pixel.
    ratio
        Columns of a logical pixel.
    """

    left: float
    width: float
    first: int
    s_per_px: float
    ratio: float

    @classmethod
    def of(cls, start_s: float, span_s: float, left: float, width: float, ratio: float) -> Viewport:
        """The viewport from a time on, so many seconds long."""
        scale = span_s / max(1.0, width * ratio)
        return cls(left, width, round(start_s / scale), scale, ratio)

    def part(self, first: int, columns: int) -> Viewport:
        """Other columns of the same axis, at their place on the device."""
        left = self.left + (first - self.first) / self.ratio
        width = columns / self.ratio
        return Viewport(left, width, first, self.s_per_px, self.ratio)

    @property
    def columns(self) -> int:
        """Number of columns."""
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

    def span(self, start_s: float, end_s: float, top: float, height: float) -> Rect:
        """Box of a stretch, cut off at the edges of the plots, a pixel wide at least."""
        last = self.left + self.width
        left = min(max(self.left, self.x(start_s)), last - 1.0)
        return Rect(left, top, max(1.0, min(last, self.x(end_s)) - left), height)

    def shows(self, time_s: float) -> bool:
        """Whether a time lies within."""
        return self.start_s <= time_s <= self.end_s


@dataclass(frozen=True, slots=True)
class RowRect:
    """Rectangles of a track: its plot, the gutter left and the margin right of the plot."""

    plot: Rect
    gutter: Rect
    margin: Rect

"""Surface that tracks are drawn on: six calls and the width of a text, whatever the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint32]
"""Pixels ``0xffRRGGBB``, shape ``(height, width)``, top row first."""

Point: TypeAlias = tuple[float, float]
Places: TypeAlias = NDArray[np.floating] | Sequence[float]
Anchor = Literal["start", "middle", "end"]

_BASELINE = 0.36
"""A line of type is centred where its base line lies so many sizes below the middle."""


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle, in logical pixels."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Lower edge."""
        return self.top + self.height

    @property
    def middle(self) -> Point:
        """Its centre."""
        return self.left + self.width / 2, self.top + self.height / 2

    def inset(
        self, left: float = 0.0, top: float = 0.0, right: float = 0.0, bottom: float = 0.0
    ) -> Rect:
        """Less on each side."""
        width, height = self.width - left - right, self.height - top - bottom
        return Rect(self.left + left, self.top + top, width, height)


@dataclass(frozen=True, slots=True)
class Stroke:
    """How a line is drawn.

    Attributes
    ----------
    color
        ``#rrggbb``.
    width
        In pixels.
    dashes
        Lengths of strokes and gaps in turn, in pixels; empty: solid.
    """

    color: str
    width: float = 1.0
    dashes: tuple[float, ...] = ()

    def scaled(self, ratio: float) -> Stroke:
        """The same, so many times as large."""
        dashes = tuple(dash * ratio for dash in self.dashes)
        return Stroke(self.color, self.width * ratio, dashes)


@dataclass(frozen=True, slots=True)
class Font:
    """Size of type in pixels, and weight."""

    size: float
    bold: bool = False


class Surface(Protocol):
    """A device to draw on."""

    @property
    def pixels(self) -> bool:
        """Whether pictures of its own pixels come out best, as on a screen, or else shapes."""

    def rectangle(self, rect: Rect, fill: str | None, stroke: Stroke | None = None) -> None:
        """Draw a rectangle."""

    def line(self, start: Point, end: Point, stroke: Stroke) -> None:
        """Draw a straight line."""

    def polyline(self, xs: Places, ys: Places, stroke: Stroke) -> None:
        """Draw a line of several corners; NaN interrupts the line."""

    def polygon(self, xs: Places, ys: Places, fill: str, stroke: Stroke | None = None) -> None:
        """Fill a shape."""

    def text(self, words: str, at: Point, font: Font, color: str, anchor: Anchor = "start") -> None:
        """Write a line of words; ``at`` lies on the base line."""

    def image(self, image: Image, rect: Rect, *, smooth: bool = False) -> None:
        """Stretch a picture over a rectangle."""

    def text_width(self, words: str, font: Font) -> float:
        """Width of a line of words, in logical pixels."""


def shortened(surface: Surface, words: str, font: Font, width: float) -> str:
    """Words, cut off where they become too wide; empty where not even a few letters fit."""
    if surface.text_width(words, font) <= width:
        return words
    fits, cut = 0, len(words)
    while cut - fits > 1:
        half = (fits + cut) // 2
        if surface.text_width(f"{words[:half].rstrip()}…", font) <= width:
            fits = half
        else:
            cut = half
    return f"{words[:fits].rstrip()}…" if fits > 1 else ""


def write(
    surface: Surface,
    rect: Rect,
    words: str,
    font: Font,
    color: str,
    anchor: Anchor = "start",
) -> None:
    """Write words in the middle of a rectangle's height, cut off at its width."""
    words = shortened(surface, words, font, rect.width)
    if words:
        x = {"start": rect.left, "middle": rect.middle[0], "end": rect.right}[anchor]
        surface.text(words, (x, rect.middle[1] + _BASELINE * font.size), font, color, anchor)

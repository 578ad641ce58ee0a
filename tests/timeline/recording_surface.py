"""A surface that notes what is drawn on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from realtime_ser.base.labels import COLORS


@dataclass(frozen=True)
class Text:
    words: str
    left: float
    right: float
    y: float


class RecordingSurface:
    """Characters of 0.6 sizes; pictures or shapes, as wished."""

    def __init__(self, *, pixels=False):
        self.pixels = pixels
        self.texts = []
        self.calls = []

    def rectangle(self, rect, fill, stroke=None):
        self.calls.append(("rectangle", fill or stroke.color))

    def line(self, start, end, stroke):
        self.calls.append(("line", stroke.color))

    def polyline(self, xs, ys, stroke):
        self.calls.append(("polyline", stroke.color))

    def polygon(self, xs, ys, fill, stroke=None):
        self.calls.append(("polygon", fill, np.asarray(xs), np.asarray(ys)))

    def text(self, words, at, font, color, anchor="start"):
        width = self.text_width(words, font)
        left = at[0] - {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor] * width
        self.texts.append(Text(words, left, left + width, at[1]))

    def image(self, image, rect, *, smooth=False):
        self.calls.append(("image", image, rect))

    def text_width(self, words, font):
        return 0.6 * font.size * len(words)

    def colors(self, kind):
        return {call[1] for call in self.calls if call[0] == kind}

    def stack_at(self, x):
        """Colours of the areas at a place, from the foot up."""
        if not self.pixels:
            return [call[1].lower() for call in self.calls if call[0] == "polygon"]
        _, image, rect = next(call for call in self.calls if call[0] == "image")
        column = image[::-1, round((x - rect.left) / rect.width * image.shape[1])]
        found = []
        for color in (f"#{int(value) & 0xFFFFFF:06x}" for value in column):
            if color not in found:
                found.append(color)
        known = {color.lower() for color in COLORS.values()}
        return [color for color in found if color in known]

"""Pictures of many values made by NumPy at once, a column of pixels at a time. No Qt.

Qt strokes eight long antialiased lines in some 45 ms; a frame has 16. All pictures are arrays of
``0xffRRGGBB``, shape ``(height, width)``, top row first.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint32]

_STEEP = 2.0
"""Rise over two columns, in widths of the line, from which it is not dashed."""

_EDGE_SHADES = 17
"""Shades of the edge between two areas."""

_SEAM = 0.3
"""How strongly the seam between two areas covers them."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """How a line is drawn; lengths in pixels.

    Attributes
    ----------
    color
        ``0xRRGGBB``.
    width
        Its thickness.
    dashes
        Lengths of strokes and gaps in turn; empty: solid.
    """

    color: int
    width: float
    dashes: tuple[float, ...] = ()


def blank(height: int, columns: NDArray[np.uint32]) -> Image:
    """A picture whose columns have one colour each."""
    return np.tile(columns | np.uint32(0xFF000000), (height, 1))


def draw_areas(
    image: Image, probabilities: NDArray[np.float32], colors: Sequence[int], seam: int
) -> None:
    """Stack probabilities from the top down, antialiased, a faint seam between them.

    Parameters
    ----------
    image
        Is drawn over, where there are values.
    probabilities
        Shape ``(width, labels)``; NaN where nothing is drawn.
    colors, seam
        ``0xRRGGBB`` of each label, and of what is between them.
    """
    height, width = image.shape
    spoken = ~np.isnan(probabilities[:, 0])
    if not spoken.any():
        return
    whole = np.cumsum(np.nan_to_num(probabilities), axis=1)
    whole[~spoken] = 1.0
    bounds = (whole / whole[:, -1:] * height).astype(np.float32)[:, :-1].T
    # The label of a pixel is the number of bounds above it.
    columns = np.arange(width)
    number = np.zeros((height + 1, width), np.uint8)
    for bound in bounds:
        number[np.ceil(bound).astype(np.intp), columns] += 1
    np.cumsum(number, axis=0, out=number)
    palette = np.array(colors, np.uint32) | np.uint32(0xFF000000)
    picture = palette[number[:-1]]
    flat = picture.reshape(-1)
    for label, bound in enumerate(bounds):
        row = bound.astype(np.int64)
        inside = np.flatnonzero((row > 0) & (row < height))
        row, share = row[inside], bound[inside] - row[inside]
        mixed = _seam_colors(colors[label], colors[label + 1], seam)
        flat[row * width + inside] = mixed[(share * (_EDGE_SHADES - 1)).astype(np.intp)]
    np.copyto(image, picture, where=spoken)


def draw_line(image: Image, ys: NDArray[np.float32], stroke: Stroke, phase: float) -> None:
    """Draw one value a column as a smooth line, antialiased from top to bottom.

    Parameters
    ----------
    image
        Is drawn over.
    ys
        Places in pixels from the top, shape ``(width,)``; NaN is a gap.
    stroke
        Its look. Dashes are measured along the time axis, so that they stand still while the
        picture scrolls; what is steep is not interrupted.
    phase
        Place of the first column on the endless time axis, in pixels.
    """
    height, width = image.shape
    columns = np.flatnonzero(~np.isnan(ys))
    y = ys[columns]
    before = _neighbour_values(ys, columns - 1, y)
    after = _neighbour_values(ys, columns + 1, y)
    if stroke.dashes:
        # A jump within a few columns would fall into a gap and leave two loose ends.
        steep = np.abs(after - before) > _STEEP * stroke.width
        inked = steep | _dash_mask(columns + phase, stroke.dashes)
        columns, y, before, after = (values[inked] for values in (columns, y, before, after))
    if not len(columns):
        return
    slope = np.minimum(np.abs(after - before), 4.0)
    half = stroke.width / 2 * np.sqrt(1.0 + slope * slope / 4.0)
    middles = np.stack([y, (y + before) / 2, (y + after) / 2])
    top = np.clip(middles.min(axis=0) - half, 0, height)
    bottom = np.clip(middles.max(axis=0) + half, 0, height)
    first = np.floor(top).astype(np.int64)
    counts = np.ceil(bottom).astype(np.int64) - first
    row = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts - first, counts)
    cover = np.minimum(row + 1, np.repeat(bottom, counts))
    cover -= np.maximum(row, np.repeat(top, counts))
    place = row * width + np.repeat(columns, counts)
    _blend(image, place, np.clip(cover, 0, 1), stroke.color)


def draw_band(
    image: Image, tops: NDArray[np.floating], bottoms: NDArray[np.floating], color: int
) -> None:
    """Fill each column from one place to another, a pixel at least; NaN is a gap."""
    rows = np.arange(len(image))[:, None]
    with np.errstate(invalid="ignore"):
        first = np.floor(tops)
        inside = (rows >= first) & (rows < np.maximum(np.ceil(bottoms), first + 1))
    image[inside] = np.uint32(color | 0xFF000000)


def color_ramp(stops: Sequence[int]) -> NDArray[np.uint32]:
    """256 colours that lead from the first of some to the last."""
    parts = np.array([[stop >> shift & 0xFF for shift in (16, 8, 0)] for stop in stops], float)
    at = np.linspace(0, len(stops) - 1, 256)
    rgb = [np.round(np.interp(at, np.arange(len(stops)), part)) for part in parts.T]
    red, green, blue = (channel.astype(np.uint32) for channel in rgb)
    colors: NDArray[np.uint32] = (
        np.uint32(0xFF000000) | red << np.uint32(16) | green << np.uint32(8) | blue
    )
    return colors


def _dash_mask(places: NDArray[np.floating], dashes: tuple[float, ...]) -> NDArray[np.bool_]:
    """Where a pattern has ink."""
    ends = np.cumsum(dashes)
    inked: NDArray[np.bool_] = np.searchsorted(ends, places % ends[-1], "right") % 2 == 0
    return inked


def _neighbour_values(
    ys: NDArray[np.float32], columns: NDArray[np.intp], own: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Value of the next column, or the own one where there is none."""
    values = ys[np.clip(columns, 0, len(ys) - 1)]
    return np.where(np.isnan(values), own, values)


def _blend(
    image: Image, places: NDArray[np.int64], cover: NDArray[np.floating], color: int
) -> None:
    """Mix a colour into pixels that differ from each other."""
    flat = image.reshape(-1)
    under = flat[places]
    share = (cover * 256).astype(np.uint32)
    rest = np.uint32(256) - share
    mixed: NDArray[np.uint32] = np.full(len(places), 0xFF000000, np.uint32)
    for mask in (0xFF00FF, 0x00FF00):  # red and blue at once
        part = (under & np.uint32(mask)) * rest
        part += np.uint32(color & mask) * share
        part >>= np.uint32(8)
        mixed |= part & np.uint32(mask)
    flat[places] = mixed


@functools.cache
def _seam_colors(upper: int, lower: int, seam: int) -> NDArray[np.uint32]:
    """Colours of a pixel in which one area ends and the next begins, by the share of the first."""
    colors = [np.array([color >> shift & 0xFF for shift in (16, 8, 0)]) for color in (upper, lower)]
    between = np.array([seam >> shift & 0xFF for shift in (16, 8, 0)])
    share = np.linspace(0.0, 1.0, _EDGE_SHADES)[:, None]
    rgb = (1 - _SEAM) * (share * colors[0] + (1 - share) * colors[1]) + _SEAM * between
    red, green, blue = np.round(rgb).astype(np.uint32).T
    packed: NDArray[np.uint32] = red << np.uint32(16) | green << np.uint32(8) | blue
    return packed | np.uint32(0xFF000000)

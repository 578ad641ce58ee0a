"""Pictures of many values made by NumPy at once, a column of pixels at a time.

Qt strokes eight long antialiased lines in some 45 ms; a frame has 16. All pictures are arrays of
``0xffRRGGBB``, shape ``(height, width)``, top row first.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from realtime_ser.timeline.style import HATCH_PX, Hatch, LineStyle, darker, rgb
from realtime_ser.timeline.surface import Image, Stroke

_OPAQUE = np.uint32(0xFF000000)

PATTERN_DARKER = 1.35
"""How much darker than its area a pattern is."""

DASH_RUN = 256
"""Columns after which dashes are counted anew: so far a picture looks back."""

_EDGE_SHADES = 17
"""Shades of the edge between two areas."""

_BLOCK_ROWS = 32
"""Rows that are put together at once: what they need stays in the processor's cache."""

_INK_AT_ONCE = 8192
"""Pixels of several lines that are worked out at once at most."""

_DASH_PARTS = 16
"""Parts of a pixel to which dashes are exact."""

LINE_REACH = 8
"""Columns beside its own in which a line may have ink: it is no wider than twice as much."""

_ROUNDED = 1e-3
"""Less than that is missing from a whole by rounding alone."""

_SEAM = 0.3
"""How strongly the seam between two areas covers them."""


def blank(height: int, columns: NDArray[np.uint32]) -> Image:
    """A picture whose columns have one colour each."""
    image = np.empty((height, len(columns)), np.uint32)
    image[:] = columns | _OPAQUE
    return image


def draw_areas(
    image: Image,
    probabilities: NDArray[np.floating],
    styles: Sequence[LineStyle],
    seam: str,
    first: int = 0,
    dot: int = 0,
) -> None:
    """Stack probabilities, the first label at the foot, antialiased, a faint seam between them.

    Parameters
    ----------
    image
        Is drawn over, where there are values.
    probabilities
        Shape ``(width, labels)``; NaN where nothing is drawn.
    styles
        Colour and pattern of each label.
    seam
        Colour between two areas.
    first
        Number of the left column on the endless axis: patterns go on from picture to picture.
    dot
        Pixels of a pattern's line; 0: no patterns.
    """
    height, width = image.shape
    spoken = ~np.isnan(probabilities[:, 0])
    if not spoken.any():
        return
    # Rows run downwards: first what is above all areas, then the areas from the last one.
    values = np.nan_to_num(probabilities[:, ::-1]).astype(np.float64)
    above = np.maximum(1.0 - values.sum(axis=1, keepdims=True), 0.0)
    above[above < _ROUNDED] = 0.0
    whole = np.cumsum(np.hstack([above, values]), axis=1)
    whole[~spoken] = 1.0
    bounds = (whole / whole[:, -1:] * height).astype(np.float32)[:, :-1].T
    # The area of a pixel is the number of bounds above it.
    columns = np.arange(width)
    number = np.zeros((height + 1, width), np.uint8)
    for bound in bounds:
        number[np.ceil(bound).astype(np.intp), columns] += 1
    np.cumsum(number, axis=0, out=number)
    areas = list(reversed(styles))
    textures = np.stack([_texture(area, dot) for area in (None, *areas)])
    size = textures.shape[1]
    block = -(-_BLOCK_ROWS // size) * size
    tile = (np.arange(block) % size * size)[:, None] + (columns + first) % size
    places, picture = np.empty_like(tile), np.empty(tile.shape, np.uint32)
    for top in range(0, height, block):
        part = slice(top, min(top + block, height))
        rows = part.stop - part.start
        np.multiply(number[part], size * size, out=places[:rows], dtype=np.intp)
        places[:rows] += tile[:rows]
        textures.take(places[:rows], out=picture[:rows], mode="clip")
        np.copyto(image[part], picture[:rows], where=number[part] > 0)
    row = bounds[1:].astype(np.intp)
    inside = (row > 0) & (row < height) & (number[np.minimum(row, height), columns] > 0)
    share = (bounds[1:] - row)[inside] * (_EDGE_SHADES - 1)
    edges = [
        _seam_colors(rgb(upper.color), rgb(lower.color), rgb(seam))
        for upper, lower in pairwise(areas)
    ]
    edge, column = np.nonzero(inside)
    if len(edge):
        image[row[inside], column] = np.stack(edges)[edge, share.astype(np.intp)]


def draw_hatch(
    image: Image,
    columns: NDArray[np.bool_],
    pattern: tuple[Hatch, ...],
    color: str,
    first: int = 0,
    dot: int = 1,
) -> None:
    """Draw a pattern over some columns from top to bottom."""
    mask = _hatch_mask(pattern, dot)
    height, width = image.shape
    inked = mask[np.arange(height) % len(mask)][:, (np.arange(width) + first) % len(mask)]
    image[inked & columns] = np.uint32(rgb(color)) | _OPAQUE


def draw_lines(
    image: Image,
    ys: NDArray[np.float32],
    strokes: Sequence[Sequence[Stroke]],
    lengths: NDArray[np.float64] | None = None,
) -> None:
    """Draw lines of one value a column, antialiased on all sides.

    A column's ink is as high as the line is anywhere within half its width: so a jump is as thick
    as a level stretch.

    Parameters
    ----------
    image
        Is drawn over.
    ys
        Places in pixels from the top, shape ``(lines, width)``; NaN is a gap.
    strokes
        How each line is drawn, the widest stroke first; all of a line have its dashes. The later
        lie above.
    lengths
        Length of each line at each column, shape ``(lines, width)``, by which dashes are measured;
        ``None``: no line has dashes.
    """
    height, width = image.shape
    columns = np.flatnonzero(~np.isnan(ys[0]))
    padded = np.full((len(ys), width + 2 * LINE_REACH), np.nan, np.float32)
    padded[:, LINE_REACH : LINE_REACH + width] = ys
    ways = None if lengths is None else _ways(ys, columns, lengths)
    pens = [(line, stroke) for line, pair in enumerate(strokes) for stroke in pair]
    edges = np.empty((2, 2, len(pens), len(columns)), np.float32)
    for stroke_width in {stroke.width for _, stroke in pens}:
        alike = [number for number, (_, pen) in enumerate(pens) if pen.width == stroke_width]
        lines = padded[[pens[number][0] for number in alike]]
        for end_of_ink, beyond in enumerate((0.5, -0.5)):
            reach = max(0.0, stroke_width / 2 + beyond)
            edges[end_of_ink][:, alike] = _stroke_edges(lines, width, reach)[..., columns]
    outer, inner = edges
    # Ink grows from nothing at the outer edge to all of a pixel at the inner one.
    rates = 1.0 / np.maximum(np.abs(inner - outer), np.float32(1e-3))
    starts = outer * rates
    begins, ends = np.clip(np.ceil(outer - 0.5), 0, height).astype(np.intp)
    numbers = np.cumsum([0, *map(len, strokes)])[:-1]
    inks = (ends - begins).sum(axis=1)[numbers]
    for some in _together(inks.tolist()):
        first = numbers[some]  # the widest stroke, in whose pixels all of its line lie
        # Values of a column are repeated for each of its pixels.
        counts = (ends[first] - begins[first]).ravel()
        stops = np.cumsum(counts)
        row = np.arange(counts.sum()) - (stops - counts - begins[first].ravel()).repeat(counts)
        middle = row.astype(np.float32)
        middle += np.float32(0.5)
        row *= width
        row += np.tile(columns, len(first)).repeat(counts)
        along = None if ways is None else _along(middle, counts, ways[:, some])
        cover = _ink_cover(middle, counts, rates[:, first], starts[:, first])
        for line, stop in zip(range(*some.indices(len(ys))), np.cumsum(inks[some]), strict=True):
            part = slice(stop - inks[line], stop)
            share = cover[part]
            dashes = strokes[line][0].dashes
            inked: NDArray[np.float32] | np.float32 = np.float32(1.0)
            if along is not None and dashes:
                inked = _dash_cover(along[part], dashes)
            for number, stroke in enumerate(strokes[line], numbers[line]):
                if number > numbers[line]:
                    count = ends[numbers[line]] - begins[numbers[line]]
                    share = _ink_cover(middle[part], count, rates[:, number], starts[:, number])
                _blend(image, row[part], share * inked, rgb(stroke.color))


def _together(inks: Sequence[int]) -> Iterator[slice]:
    """Lines that are worked out at once: many with little ink, or one with much.

    A narrow picture takes few steps so, and what a wide one needs stays in the processor's cache.
    """
    begin, total = 0, 0
    for line, ink in enumerate(inks):
        if total and total + ink > _INK_AT_ONCE:
            yield slice(begin, line)
            begin, total = line, 0
        total += ink
    if total:
        yield slice(begin, len(inks))


def _ink_cover(
    middles: NDArray[np.float32],
    counts: NDArray[np.intp],
    rates: NDArray[np.float32],
    starts: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Share of ink in pixels at places in their columns, so many of each column."""
    upper, lower = rates.reshape(2, -1)
    from_top, to_bottom = starts.reshape(2, -1)
    cover = middles * upper.repeat(counts)
    cover -= from_top.repeat(counts)
    beneath = to_bottom.repeat(counts)
    beneath -= middles * lower.repeat(counts)
    np.minimum(cover, beneath, out=cover)
    np.maximum(cover, np.float32(0.0), out=cover)
    np.minimum(cover, np.float32(1.0), out=cover)
    return cover


def _stroke_edges(padded: NDArray[np.float32], width: int, reach: float) -> NDArray[np.float32]:
    """Highest and lowest place, in each column, that is no farther than so much from its line.

    Parameters
    ----------
    padded
        The lines, with :data:`LINE_REACH` columns more at both sides.
    width
        Columns without these.
    reach
        In pixels.
    """
    begins, onward, shares, chords = _circle(reach)
    columns = np.arange(width)
    near = padded[:, begins[:, None] + columns]  # shape (lines, places beside, width)
    near += shares * (padded[:, onward[:, None] + columns] - near)
    return np.stack([np.fmin.reduce(near - chords, axis=1), np.fmax.reduce(near + chords, axis=1)])


@functools.cache
def _circle(
    reach: float,
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32], NDArray[np.float32]]:
    """Places beside a column that are no farther than so much.

    They lie between the column of the first number and that of the second, at a share of the way;
    the last is how far above and below the reach goes there.
    """
    beside = {0.0, 0.7 * reach, reach, *range(1, math.ceil(reach))}
    shifts = np.array(sorted(beside | {-shift for shift in beside}))
    begins = np.floor(shifts)
    shares = (shifts - begins).astype(np.float32)
    chords = np.sqrt(reach * reach - shifts * shifts).astype(np.float32)
    places = LINE_REACH + begins.astype(np.intp)
    return places, places + (shares > 0), shares[:, None], chords[:, None]


def _along(
    middles: NDArray[np.float32], counts: NDArray[np.intp], ways: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Places along their lines of pixels at places in their columns, so many of each column."""
    at, length, above, below = ways.reshape(4, -1)
    off = middles - at.repeat(counts)
    along: NDArray[np.float32] = np.maximum(off, np.float32(0.0)) * below.repeat(counts)
    along += np.minimum(off, np.float32(0.0)) * above.repeat(counts)
    along += length.repeat(counts)
    return along


def _ways(
    ys: NDArray[np.float32], columns: NDArray[np.intp], lengths: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Places and lengths of lines in some columns, and what a pixel above and below adds to them.

    A line goes up or down within a column too. Shape ``(4, lines, columns)``.
    """
    edged = ys[:, np.clip(np.arange(-2, ys.shape[1] + 2), 0, ys.shape[1] - 1)]
    # Before and behind, in this order.
    near, far = (
        np.stack([edged[:, columns + 2 - by], edged[:, columns + 2 + by]]) - ys[:, columns]
        for by in (1, 2)
    )
    near[np.isnan(near)] = far[np.isnan(far)] = 0.0
    rises = np.where(np.abs(near) < np.float32(0.5), far, near)  # beside a jump too
    back, onward = rises / np.sqrt(1.0 + rises * rises)
    # What lies above or below belongs to the way to the next column, or else from the one before.
    above = np.where(onward < 0, onward, np.where(back < 0, -back, np.float32(0.0)))
    below = np.where(onward > 0, onward, np.where(back > 0, -back, np.float32(0.0)))
    return np.stack([ys[:, columns], lengths[:, columns].astype(np.float32), above, below])


def path_lengths(ys: NDArray[np.float32], first: int) -> NDArray[np.float64]:
    """Length of lines at each of their columns, from the start of a run on, in pixels.

    A run begins after a gap, and at every :data:`DASH_RUN` columns of the endless axis, so that the
    length at a column does not depend on where a picture begins. Shapes ``(lines, width)``; all
    lines have the same gaps.
    """
    known = ~np.isnan(ys[0])
    rises = np.nan_to_num(np.diff(ys, axis=1, prepend=ys[:, :1]).astype(np.float64))
    lengths = np.cumsum(np.sqrt(1.0 + rises * rises), axis=1)
    starts = known & ~np.concatenate([[False], known[:-1]])
    starts |= (first + np.arange(len(known))) % DASH_RUN == 0
    starts[0] = True
    last = np.maximum.accumulate(np.where(starts, np.arange(len(known)), 0))
    measured: NDArray[np.float64] = lengths - lengths[:, last]
    return measured


def draw_band(
    image: Image, tops: NDArray[np.floating], bottoms: NDArray[np.floating], color: str
) -> None:
    """Fill each column from one place to another, a pixel at least; NaN is a gap."""
    rows = np.arange(len(image))[:, None]
    with np.errstate(invalid="ignore"):
        first = np.floor(tops)
        inside = (rows >= first) & (rows < np.maximum(np.ceil(bottoms), first + 1))
    image[inside] = np.uint32(rgb(color)) | _OPAQUE


def color_ramp(stops: Sequence[int]) -> NDArray[np.uint32]:
    """256 colours that lead from the first of some to the last."""
    at = np.linspace(0, len(stops) - 1, 256)
    channels = [np.interp(at, np.arange(len(stops)), part) for part in _channels(stops).T]
    return _packed(np.stack(channels, axis=1))


def _channels(colors: Sequence[int]) -> NDArray[np.float64]:
    """Red, green and blue of ``0xRRGGBB``, shape ``(colors, 3)``."""
    return np.array([[color >> shift & 0xFF for shift in (16, 8, 0)] for color in colors], float)


def _packed(channels: NDArray[np.float64]) -> NDArray[np.uint32]:
    """Opaque pixels of red, green and blue."""
    red, green, blue = np.round(channels).astype(np.uint32).T
    packed: NDArray[np.uint32] = red << np.uint32(16) | green << np.uint32(8) | blue
    return packed | _OPAQUE


@functools.cache
def _hatch_mask(pattern: tuple[Hatch, ...], dot: int) -> NDArray[np.bool_]:
    """Ink of a pattern, shape ``(size, size)``; repeats at all its edges."""
    y, x = np.mgrid[:HATCH_PX, :HATCH_PX]
    masks = {
        "horizontal": y == 0,
        "vertical": x == 0,
        "rising": (x + y) % HATCH_PX == 0,
        "falling": (x - y) % HATCH_PX == 0,
        "dots": (x == y) & (x % 4 == 0),
        "dense dots": (x % 4 == y % 4) & (x % 2 == 0) & (y % 2 == 0),
    }
    mask = np.zeros((HATCH_PX, HATCH_PX), np.bool_)
    for hatch in pattern:
        mask |= masks[hatch]
    return np.kron(mask, np.ones((dot, dot), np.bool_))


@functools.cache
def _texture(style: LineStyle | None, dot: int) -> Image:
    """A colour under a darker pattern, shape ``(size, size)``; plain without a dot."""
    size = HATCH_PX * max(1, dot)
    if style is None or not dot:
        return np.full((size, size), rgb(style.color) if style else 0, np.uint32) | _OPAQUE
    ink = rgb(darker(style.color, PATTERN_DARKER))
    mask = _hatch_mask(style.pattern, dot)
    return np.where(mask, np.uint32(ink), np.uint32(rgb(style.color))) | _OPAQUE


def _dash_cover(places: NDArray[np.floating], dashes: tuple[float, ...]) -> NDArray[np.float32]:
    """Share of the pixel at each place along a line, in pixels, that dashes cover."""
    table = _dash_table(dashes)
    part = np.floor(places * np.float32(_DASH_PARTS))
    # Seven times as fast as the remainder of integers, and as exact: these are whole numbers.
    periods = part * np.float32(1.0 / (len(table) - 1))
    np.floor(periods, out=periods)
    part -= periods * np.float32(len(table) - 1)
    cover: NDArray[np.float32] = table.take(part.astype(np.intp))
    return cover


@functools.cache
def _dash_table(dashes: tuple[float, ...]) -> NDArray[np.float32]:
    """Share of ink in the pixel that begins at each part of a period, its end included."""
    ends = np.cumsum(dashes) * _DASH_PARTS
    inked = np.searchsorted(ends, np.arange(round(ends[-1])), "right") % 2 == 0
    pixel = [np.roll(inked, -part) for part in range(_DASH_PARTS)]
    shares: NDArray[np.float32] = np.mean(pixel, axis=0, dtype=np.float32)
    return np.append(shares, shares[:1])


def _blend(
    image: Image, places: NDArray[np.integer], cover: NDArray[np.float32], color: int
) -> None:
    """Mix a colour into pixels that differ from each other."""
    flat = image.reshape(-1)
    shares = (cover * np.float32(256.0)).astype(np.uint32)
    flat[places.compress(shares == 256)] = np.uint32(color) | _OPAQUE
    partly = np.flatnonzero(shares - np.uint32(1) < 255)
    places, share = places.take(partly), shares.take(partly)
    under, rest = flat.take(places), np.uint32(256) - share
    mixed: NDArray[np.uint32] = np.full(len(places), _OPAQUE)
    for mask in (0xFF00FF, 0x00FF00):  # red and blue at once
        part = (under & np.uint32(mask)) * rest
        part += np.uint32(color & mask) * share
        part >>= np.uint32(8)
        mixed |= part & np.uint32(mask)
    flat[places] = mixed


@functools.cache
def _seam_colors(upper: int, lower: int, seam: int) -> NDArray[np.uint32]:
    """Colours of a pixel in which one area ends and the next begins, by the share of the first."""
    above, below, between = _channels([upper, lower, seam])
    share = np.linspace(0.0, 1.0, _EDGE_SHADES)[:, None]
    return _packed((1 - _SEAM) * (share * above + (1 - share) * below) + _SEAM * between)

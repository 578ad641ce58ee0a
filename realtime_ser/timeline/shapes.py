"""Shapes of a track of values, column by column, and drawing them on a surface.

On a screen all shapes of a track become one picture of pixels, which takes less than a frame for a
day; in a document they are polygons and lines. Values are shares of the track's height, 0 at its
foot; NaN is a gap.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from realtime_ser.timeline.pyramid import Bins, runs
from realtime_ser.timeline.raster import (
    PATTERN_DARKER,
    blank,
    draw_areas,
    draw_band,
    draw_hatch,
    draw_lines,
    path_lengths,
)
from realtime_ser.timeline.style import (
    GAP_HATCH,
    GAP_WORDS,
    HATCH_PX,
    Hatch,
    LineStyle,
    TrackStyle,
    darker,
    rgb,
)
from realtime_ser.timeline.surface import Image, Rect, Stroke, Surface
from realtime_ser.timeline.viewport import Viewport

FLAG_COLUMNS = 4
"""Columns that a flagged column fills at most."""

_LEAST_SEAM_PX = 6.0
"""Areas of a narrower run have no seams: there would be more of them than of colour."""

Values: TypeAlias = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Stack:
    """Areas on each other, the first at the foot; ``values`` has shape ``(columns, areas)``."""

    values: Values
    styles: tuple[LineStyle, ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines, the later ones above.

    Attributes
    ----------
    values
        Shape ``(lead + columns, lines)``; all lines have the same gaps.
    strokes
        Of each line: a rim, if it has one, and itself.
    lead
        Values before the columns, from which dashes are measured along the lines.
    """

    values: Values
    strokes: Sequence[Sequence[Stroke]]
    lead: int = 0


@dataclass(frozen=True, slots=True)
class Band:
    """An area between two lines, each of shape ``(columns,)``."""

    low: Values
    high: Values
    color: str


@dataclass(frozen=True, slots=True)
class Flags:
    """Columns that are filled from top to bottom, shape ``(columns,)``."""

    columns: NDArray[np.bool_]
    color: str


Shape: TypeAlias = Stack | Lines | Band | Flags


@dataclass(frozen=True, slots=True)
class Ground:
    """Ground below the shapes: speech, gaps, grid lines.

    Attributes
    ----------
    bins
        Whose speech is shaded and whose gaps are hatched.
    ticks
        Columns of vertical grid lines.
    shares
        Heights of horizontal ones.
    pad
        Logical pixels above and below the values.
    """

    bins: Bins
    ticks: NDArray[np.intp]
    shares: tuple[float, ...] = ()
    pad: float = 0.0

    @property
    def gaps(self) -> NDArray[np.bool_]:
        """Columns without sound, shape ``(columns,)``."""
        gaps = np.zeros(len(self.bins.known), np.bool_)
        for name in GAP_WORDS:
            gaps |= getattr(self.bins, name)
        return gaps


def rasterise(
    shapes: Sequence[Shape],
    ground: Ground,
    viewport: Viewport,
    style: TrackStyle,
    height: int,
) -> Image:
    """A picture of the columns, ``height`` pixels high; lengths in logical pixels."""
    theme, ratio = style.theme, viewport.ratio
    shades = np.array([rgb(theme.background), rgb(theme.band)], np.uint32)
    columns = shades[ground.bins.speech.astype(np.intp)]
    columns[ground.ticks] = rgb(theme.grid)
    image = blank(height, columns)
    rim = ground.pad * ratio

    def y(values: Values) -> NDArray[np.float32]:
        return (rim + (height - 2 * rim) * (1.0 - values)).astype(np.float32)

    for share in ground.shares:
        row = min(height - 1, int(rim + (height - 2 * rim) * (1.0 - share)))
        image[row] = np.uint32(rgb(theme.grid) | 0xFF000000)
    dot = max(1, round(style.scale * ratio))
    gaps = ground.gaps
    if gaps.any():
        draw_hatch(image, gaps, GAP_HATCH, theme.border, viewport.first, dot)
    for shape in shapes:
        if isinstance(shape, Stack):
            draw_areas(image, shape.values, shape.styles, theme.background, viewport.first, dot)
        elif isinstance(shape, Lines):
            _rasterise_lines(image, y(shape.values.T), shape, viewport)
        elif isinstance(shape, Band):
            draw_band(image, y(shape.high), y(shape.low), shape.color)
        elif shape.columns.any():
            flagged = shape.columns.copy()
            for shift in range(1, min(FLAG_COLUMNS, round(1.5 * style.scale * ratio))):
                flagged[shift:] |= shape.columns[:-shift]  # a pixel alone is easily missed
            image[:, flagged] = np.uint32(rgb(shape.color) | 0xFF000000)
    return image


def _rasterise_lines(
    image: Image, ys: NDArray[np.float32], lines: Lines, viewport: Viewport
) -> None:
    strokes = [[stroke.scaled(viewport.ratio) for stroke in line] for line in lines.strokes]
    lengths = None
    if any(stroke.dashes for line in strokes for stroke in line):
        lengths = path_lengths(ys, viewport.first - lines.lead)[:, lines.lead :]
    draw_lines(image, ys[:, lines.lead :], strokes, lengths)


def draw_shapes(
    surface: Surface,
    rect: Rect,
    shapes: Sequence[Shape],
    ground: Ground,
    viewport: Viewport,
    style: TrackStyle,
) -> None:
    """Draw the same as polygons and lines."""
    painter = _ShapePainter(surface, rect, viewport, style, ground.pad)
    painter.ground(ground)
    for shape in shapes:
        painter.shape(shape)


def draw_swatch(surface: Surface, rect: Rect, look: LineStyle, style: TrackStyle) -> None:
    """Fill a rectangle as an area is filled."""
    if surface.pixels:
        dot = max(1, round(style.scale))
        surface.image(_swatch(look, round(rect.height), max(1, round(rect.width)), dot), rect)
        return
    edges = np.array([rect.left, rect.right])
    tops, bottoms = np.full(2, rect.top), np.full(2, rect.bottom)
    surface.rectangle(rect, look.color)
    _hatch(surface, look.pattern, edges, tops, bottoms, darker(look.color, PATTERN_DARKER))


@functools.lru_cache(maxsize=64)
def _swatch(look: LineStyle, height: int, width: int, dot: int) -> Image:
    image = blank(height, np.zeros(width, np.uint32))
    draw_areas(image, np.ones((width, 1), np.float32), (look,), look.color, dot=dot)
    return image


@dataclass(frozen=True, slots=True)
class _ShapePainter:
    """Draws on one rectangle."""

    surface: Surface
    rect: Rect
    viewport: Viewport
    style: TrackStyle
    pad: float

    def ground(self, ground: Ground) -> None:
        theme, rect = self.style.theme, self.rect
        known = runs(ground.bins.known)
        for begin, end in runs(ground.bins.speech):
            self.surface.rectangle(self._columns(begin, end), theme.band)
        end_x = self._edge(known[-1][1]) if known else rect.right
        for share in ground.shares:
            y = float(self._y(np.float64(share)))
            self.surface.line((rect.left, y), (end_x, y), Stroke(theme.grid, 0.8))
        for column in ground.ticks:
            x = self._edge(int(column))
            if x <= end_x:
                self.surface.line((x, rect.top), (x, rect.bottom), Stroke(theme.grid, 0.8))
        for begin, end in runs(ground.gaps):
            gap = self._columns(begin, end)
            edges = np.array([gap.left, gap.right])
            tops, bottoms = np.full(2, rect.top), np.full(2, rect.bottom)
            _hatch(self.surface, GAP_HATCH, edges, tops, bottoms, theme.border)

    def shape(self, shape: Shape) -> None:
        if isinstance(shape, Stack):
            self._stack(shape)
        elif isinstance(shape, Lines):
            values = shape.values[shape.lead :]
            for begin, end in runs(~np.isnan(values[:, 0])):
                xs = self._xs(begin, end)
                for line, strokes in zip(values[begin:end].T, shape.strokes, strict=True):
                    for stroke in strokes:
                        self.surface.polyline(xs, self._ys(line), stroke)
        elif isinstance(shape, Band):
            for begin, end in runs(~np.isnan(shape.high)):
                xs, low = self._xs(begin, end), self._ys(shape.low[begin:end])
                high = np.minimum(self._ys(shape.high[begin:end]), low)
                self.surface.polygon(
                    np.append(xs, xs[::-1]), np.append(high, low[::-1]), shape.color
                )
        else:
            for begin, end in runs(shape.columns):
                self.surface.rectangle(self._columns(begin, end), shape.color)

    def _stack(self, stack: Stack) -> None:
        for begin, end in runs(~np.isnan(stack.values[:, 0])):
            xs = self._xs(begin, end)
            edges = np.cumsum(np.pad(stack.values[begin:end], ((0, 0), (1, 0))), axis=1)
            edges = edges / edges[:, -1:]
            wide = xs[-1] - xs[0] >= _LEAST_SEAM_PX
            seam = Stroke(self.style.theme.background, 0.5) if wide else None
            for index, style in enumerate(stack.styles):
                low, high = self._ys(edges[:, index]), self._ys(edges[:, index + 1])
                self.surface.polygon(
                    np.append(xs, xs[::-1]), np.append(low, high[::-1]), style.color, seam
                )
                if wide:
                    ink = darker(style.color, PATTERN_DARKER)
                    _hatch(self.surface, style.pattern, xs, high, low, ink)

    def _columns(self, begin: int, end: int) -> Rect:
        left, right = self._edge(begin), self._edge(end)
        return Rect(left, self.rect.top, right - left, self.rect.height)

    def _edge(self, column: int) -> float:
        return self.viewport.left + column / self.viewport.ratio

    def _xs(self, begin: int, end: int) -> NDArray[np.float64]:
        """Places of the columns' middles, and of the outer edges."""
        middles = np.arange(begin, end) + 0.5
        columns = np.concatenate([[begin], middles, [end]])
        places: NDArray[np.float64] = self.viewport.left + columns / self.viewport.ratio
        return places

    def _ys(self, values: Values) -> NDArray[np.float64]:
        return np.asarray(self._y(np.pad(values.astype(np.float64), 1, mode="edge")))

    def _y(self, share: Values | np.float64) -> Values | np.float64:
        height = self.rect.height - 2 * self.pad
        return self.rect.top + self.pad + height * (1.0 - np.clip(share, 0.0, 1.0))


def _hatch(
    surface: Surface,
    pattern: tuple[Hatch, ...],
    xs: Values,
    tops: Values,
    bottoms: Values,
    color: str,
) -> None:
    """Draw a pattern between two lines."""
    grid = np.arange(np.ceil(xs[0]), xs[-1])
    if not len(grid):
        return
    top, bottom = np.interp(grid, xs, tops), np.interp(grid, xs, bottoms)
    for hatch in pattern:
        lines = _hatch_lines(hatch, grid, top, bottom)
        if len(lines[0]):
            surface.polyline(*lines, Stroke(color, 0.7))


def _hatch_lines(hatch: Hatch, xs: Values, tops: Values, bottoms: Values) -> tuple[Values, Values]:
    """Lines or dots of a pattern within a shape whose edges are known at whole pixels."""
    if hatch == "vertical":
        chosen = (xs % HATCH_PX == 0) & (bottoms - tops > 1)
        return _pieces(xs[chosen], tops[chosen], xs[chosen], bottoms[chosen])
    step = 2 if hatch == "dense dots" else 4 if hatch == "dots" else HATCH_PX
    slope = {"rising": -1.0, "falling": 1.0}.get(hatch, 0.0)
    starts = np.array([(edge - slope * xs).min() for edge in (tops, bottoms)])
    ends = np.array([(edge - slope * xs).max() for edge in (tops, bottoms)])
    places = np.arange(np.ceil(starts.min() / step), ends.max() / step) * step
    ys = places[:, None] + slope * xs
    inside = (ys > tops + 0.4) & (ys < bottoms - 0.4)
    if step != HATCH_PX:
        rest, period = places[:, None] % HATCH_PX, 4 if hatch == "dense dots" else HATCH_PX
        inside &= xs % period == rest % period
        line, column = np.nonzero(inside)
        return _pieces(xs[column], ys[line, column], xs[column] + 0.9, ys[line, column])
    edges = np.diff(np.pad(inside, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    line, begin = np.nonzero(edges == 1)
    end = np.nonzero(edges == -1)[1] - 1
    return _pieces(xs[begin], ys[line, begin], xs[end], ys[line, end])


def _pieces(x0: Values, y0: Values, x1: Values, y1: Values) -> tuple[Values, Values]:
    """Separate lines as one line with gaps."""
    gap = np.full(len(x0), np.nan)
    return np.stack([x0, x1, gap], axis=1).ravel(), np.stack([y0, y1, gap], axis=1).ravel()

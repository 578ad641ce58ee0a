"""What is drawn on the two strips of a channel: probabilities above, sound and voice below."""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QBrush, QColor, QFontMetricsF, QPainter, QPen, QPixmap, QPolygonF

from realtime_ser.base.records import STEP_FRAMES, STEP_S, State
from realtime_ser.gui.theme.theme import Style, line_style
from realtime_ser.gui.timeline.tile_cache import Tile
from realtime_ser.timeline.label_placement import LabelPlacement, SegmentLabels
from realtime_ser.timeline.live import (
    CLIPPED,
    STATE_CODES,
    UNKNOWN,
    ChannelTimeline,
    LiveTimeline,
    NumberedMarker,
    StepSlice,
    bin_envelope,
)

_GAP_TEXTS = {
    STATE_CODES[State.PAUSED]: "paused",
    STATE_CODES[State.LOST]: "sound lost",
    UNKNOWN: "not shown",
}

#: Quietest level of the sound strip, in dBFS.
FLOOR_DB = -60.0

_TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)


def tick_spacing(px_per_s: float, min_px: float) -> int:
    """Seconds between two ticks that are at least ``min_px`` apart."""
    return next((s for s in _TICKS_S if s * px_per_s >= min_px), _TICKS_S[-1])


@dataclass(frozen=True, slots=True)
class ValueScale:
    """Vertical places on the probability strip, in logical pixels.

    Attributes
    ----------
    top
        Where 100 % lies; labels are above.
    bottom
        Where 0 % lies; markers' texts are below.
    """

    top: float
    bottom: float

    def y(self, value: NDArray[np.floating]) -> NDArray[np.floating]:
        """Place of a probability."""
        return self.bottom - value * (self.bottom - self.top)


@dataclass(frozen=True, slots=True)
class GapLabel:
    """What a gap is called, where it is long enough for the word."""

    start_s: float
    width_s: float
    gap_text: str


#: Patterns over the areas, by the labels' places.
AREA_PATTERNS = (
    Qt.BrushStyle.Dense6Pattern,
    Qt.BrushStyle.HorPattern,
    Qt.BrushStyle.NoBrush,
    Qt.BrushStyle.FDiagPattern,
    Qt.BrushStyle.BDiagPattern,
    Qt.BrushStyle.Dense5Pattern,
    Qt.BrushStyle.VerPattern,
    Qt.BrushStyle.DiagCrossPattern,
)


#: A run of areas narrower than this has no edges.
_MIN_EDGED_PX = 6.0


def area_brush(label: str, position: int) -> QBrush:
    """Colour and pattern of a label's area in one, which is painted faster than one on the other.

    The pattern repeats each 16 pixels, so that it goes on from tile to tile.
    """
    color = QColor(line_style(label, position).color)
    texture = QPixmap(16, 16)
    texture.fill(color)
    painter = QPainter(texture)
    painter.fillRect(
        texture.rect(), QBrush(color.darker(135), AREA_PATTERNS[position % len(AREA_PATTERNS)])
    )
    painter.end()
    return QBrush(texture)


def steps_per_point(px_per_s: float) -> int:
    """Over how many steps a mean is drawn: a pixel's, where at least two fit into one; else 1."""
    return max(1, math.floor(1.0 / (STEP_S * px_per_s)))


@dataclass(frozen=True, slots=True)
class _CurveRun:
    """Values that one unbroken line joins: the first step, and their times in steps."""

    step: int
    ends: NDArray[np.floating]
    values: NDArray[np.floating]


def _segment_runs(steps: StepSlice) -> Iterable[_CurveRun]:
    """Each segment's steps."""
    bounds = np.flatnonzero(np.diff(steps.segment, prepend=-1, append=-1))
    for begin, end in itertools.pairwise(bounds):
        if steps.segment[begin] != 0 and end - begin >= 2:
            ends = steps.first + np.arange(begin, end) + 1.0
            yield _CurveRun(steps.first + int(begin), ends, steps.probabilities[begin:end])


def _mean_runs(steps: StepSlice, size: int) -> Iterable[_CurveRun]:
    """Means over the speech of ``size`` steps at a time, on multiples of it whatever the slice."""
    if not len(steps):
        return
    starts = np.arange(-(steps.first % size), len(steps), size).clip(min=0)
    spoken = steps.segment != 0
    counts = np.add.reduceat(spoken.astype(np.float64), starts)
    sums = np.add.reduceat(np.where(spoken[:, None], steps.probabilities, 0.0), starts, axis=0)
    first = steps.first // size
    edges = np.flatnonzero(np.diff(counts > 0, prepend=False, append=False))
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        values = sums[begin:end] / counts[begin:end, None]
        ends = size * (first + np.arange(begin, end) + 1.0)
        if end - begin == 1:  # alone: as wide as it lasted
            ends, values = np.array([ends[0] - size, ends[0]]), np.repeat(values, 2, axis=0)
        yield _CurveRun(size * (first + int(begin)), ends, values)


def _polygon(xs: NDArray[np.floating], ys: NDArray[np.floating]) -> QPolygonF:
    return QPolygonF([QPointF(x, y) for x, y in zip(xs.tolist(), ys.tolist(), strict=True)])


class _CachedLayer:
    """What both strips share: background, grid, markers."""

    def __init__(self, timeline: LiveTimeline, channel: ChannelTimeline, style: Style) -> None:
        self.timeline = timeline
        self.channel = channel
        self._markers: dict[float, tuple[NumberedMarker, ...]] = {}
        self._markers_state = (-1, 0.0)
        self.set_style(style)

    def set_style(self, style: Style) -> None:
        """Change theme and sizes."""
        self.style = style
        self.metrics = QFontMetricsF(style.small)
        self._markers_state = (-1, 0.0)

    @property
    def background(self) -> QColor:
        """Colour of the blank paper."""
        return QColor(self.style.theme.background)

    def step_range(self, tile: Tile) -> tuple[int, int]:
        """Steps that leave ink on a tile, its neighbours' lines and joins included."""
        spare = 2 * steps_per_point(tile.px_per_s)
        spare += math.ceil(self._reach_px / (STEP_S * tile.px_per_s))
        first = math.floor(tile.start_s / STEP_S) - spare
        return max(0, first), max(0, math.ceil(tile.end_s / STEP_S) + spare)

    def shading_top(self, height: float) -> float:  # noqa: ARG002
        """Where shading and markers begin."""
        return 0.0

    def settled_px(self, tile: Tile) -> float:
        """Up to where a tile stays as it is when more steps arrive."""
        stop = min(self.step_range(tile)[1], self.channel.newest + 1)
        size = steps_per_point(tile.px_per_s)
        # Two points back: lines join them, and a point alone has no line yet.
        return tile.x(STEP_S * size * (stop // size - 2)) - self._reach_px

    @property
    def _reach_px(self) -> float:
        """How far from its place the ink of a step reaches, in logical pixels."""
        return 6 * self.style.scale

    def markers(self, tile: Tile) -> tuple[NumberedMarker, ...]:
        """Markers that leave ink on a tile."""
        state = (self.timeline.markers_revision, tile.px_per_s)
        if state != self._markers_state:
            self._markers_state = state
            self._markers.clear()
        found = self._markers.get(tile.left)
        if found is None:
            reach = self._marker_label_width / tile.px_per_s
            found = self._markers[tile.left] = tuple(
                marker
                for marker in self.timeline.markers
                if tile.start_s - reach <= marker.end_s
                and marker.start_s <= tile.end_s + 1.0 / tile.px_per_s
            )
        return found

    @property
    def _marker_label_width(self) -> float:
        return 24.0 * self.style.body_px

    def draw_background(self, painter: QPainter, tile: Tile, steps: StepSlice) -> None:
        """Grid lines of the time axis, shaded speech, hatched gaps."""
        theme = self.style.theme
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for begin, end in steps.runs(STATE_CODES[State.SPEECH]):
            self._fill_steps(painter, tile, steps, (begin, end), QBrush(QColor(theme.band)))
        hatch = QBrush(QColor(theme.wave), Qt.BrushStyle.BDiagPattern)
        for code in _GAP_TEXTS:
            for run in steps.runs(code):
                self._fill_steps(painter, tile, steps, run, hatch)
        painter.setPen(QPen(QColor(theme.grid), 1.0))
        spacing = tick_spacing(tile.px_per_s, 9.0 * self.style.body_px)
        for tick in range(
            max(0, math.floor(tile.start_s / spacing)), math.ceil(tile.end_s / spacing) + 1
        ):
            x = round(tile.x(tick * spacing))
            painter.drawLine(QPointF(x, self.shading_top(tile.height)), QPointF(x, tile.height))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)

    def draw_markers(self, painter: QPainter, tile: Tile) -> None:
        """Thin lines at markers."""
        pen = QPen(QColor(self.style.theme.text), self.style.scale)
        pen.setDashPattern([4.0, 3.0])
        painter.setPen(pen)
        for marker in self.markers(tile):
            x = round(tile.x(marker.start_s)) + 0.5
            painter.drawLine(QPointF(x, self.shading_top(tile.height)), QPointF(x, tile.height))

    def _fill_steps(
        self, painter: QPainter, tile: Tile, steps: StepSlice, run: tuple[int, int], brush: QBrush
    ) -> None:
        left = round(tile.x(STEP_S * (steps.first + run[0])))
        right = round(tile.x(STEP_S * (steps.first + run[1])))
        top = round(self.shading_top(tile.height))
        painter.fillRect(QRectF(left, top, right - left, tile.height - top), brush)


@dataclass(frozen=True, slots=True)
class CurveStyle:
    """How probabilities are drawn.

    Attributes
    ----------
    stacked
        As areas above each other, or as lines.
    hidden
        Labels that are left out.
    """

    stacked: bool = False
    hidden: frozenset[str] = frozenset()


class CurveLayer(_CachedLayer):
    """A line or an area an emotion, over shaded speech; results above it, markers' texts below.

    Where a step is at most half a pixel wide, the mean over a pixel's steps is drawn instead.
    """

    def __init__(
        self,
        timeline: LiveTimeline,
        channel: ChannelTimeline,
        style: Style,
        curve_style: CurveStyle | None = None,
    ) -> None:
        self.curve_style = CurveStyle() if curve_style is None else curve_style
        super().__init__(timeline, channel, style)

    def set_curve_style(self, curve_style: CurveStyle) -> None:
        """Draw otherwise from now on; the paper must forget what it has."""
        self.curve_style = curve_style

    def set_style(self, style: Style) -> None:
        """Change theme and sizes."""
        super().set_style(style)
        names = self.timeline.labels
        self._pens = [style.pen(name, index) for index, name in enumerate(names)]
        self._rims = [style.rim(name, index) for index, name in enumerate(names)]
        self._areas = [area_brush(name, index) for index, name in enumerate(names)]
        self._labels: SegmentLabels | None = None
        self._scale = 0.0
        self._gaps: tuple[GapLabel, ...] = ()
        self._gaps_state = (-1, 0.0)
        self.lane = math.ceil(self.metrics.height()) + 1.0
        self.cap_height = 3.0 * style.scale

    def value_scale(self, height: float) -> ValueScale:
        """Vertical places for a strip of some height."""
        top = 2 * self.lane + self.cap_height + self.style.grid(1)
        return ValueScale(top, height - self.lane - self.style.grid(0.75))

    def shading_top(self, height: float) -> float:
        """Results stand above, on plain ground."""
        return self.value_scale(height).top

    def cache_key(self, tile: Tile) -> Hashable:
        """Changes with the results and markers that leave ink on the tile.

        Dashes through means begin anew with each tile, so that such lines do not grow by parts.
        """
        caps = tuple(
            (segment.number, segment.estimate is None)
            for segment in self.channel.between(tile.start_s - STEP_S, tile.end_s)
        )
        results, gaps = tuple(self._placements(tile)), tuple(self._gap_labels(tile))
        whole = not self.curve_style.stacked and steps_per_point(tile.px_per_s) > 1
        grown = self.settled_px(tile) if whole else 0.0
        return grown, caps, results, gaps, self.markers(tile)

    def draw(self, painter: QPainter, tile: Tile) -> None:
        """Draw everything of a tile."""
        value_scale = self.value_scale(tile.height)
        first, stop = self.step_range(tile)
        steps = self.channel.steps(first, stop)
        self.draw_background(painter, tile, steps)
        self._draw_grid_lines(painter, value_scale)
        self._draw_segment_bars(painter, tile, value_scale)
        self._draw_curves(painter, tile, value_scale, steps)
        self._draw_gap_labels(painter, tile, value_scale)
        self._draw_segment_labels(painter, tile, value_scale)
        self.draw_markers(painter, tile)
        self._draw_marker_labels(painter, tile, value_scale)

    def _placements(self, tile: Tile) -> Iterable[LabelPlacement]:
        if self._labels is None or self._scale != tile.px_per_s:
            self._scale = tile.px_per_s
            self._labels = SegmentLabels(
                self.metrics.horizontalAdvance, tile.px_per_s, self.style.grid(0.75)
            )
        self._labels.place(self.channel.speech, STEP_S * self.channel.oldest)
        return self._labels.between(tile.start_s, tile.end_s)

    def _draw_grid_lines(self, painter: QPainter, value_scale: ValueScale) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QPen(QColor(self.style.theme.grid), 1.0))
        for value in (0.0, 0.25, 0.5, 0.75, 1.0):
            y = round(value_scale.bottom - value * (value_scale.bottom - value_scale.top))
            painter.drawLine(QPointF(-1, y), QPointF(1e4, y))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)

    def _draw_segment_bars(self, painter: QPainter, tile: Tile, value_scale: ValueScale) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        for segment in self.channel.between(tile.start_s, tile.end_s):
            left, right = tile.x(segment.start_s), tile.x(segment.end_s)
            box = QRectF(left, value_scale.top - self.cap_height, right - left, self.cap_height)
            color, rim = self.style.theme.muted, None
            if segment.estimate is not None and segment.estimate.certain:
                label = segment.estimate.label
                color = line_style(label, self.timeline.labels.index(label)).color
                rim = self.style.theme.outline(color)
            if rim is not None:
                painter.fillRect(box.adjusted(-1, -1, 1, 1), QColor(rim))
            painter.fillRect(box, QColor(color))

    def _draw_curves(
        self, painter: QPainter, tile: Tile, value_scale: ValueScale, steps: StepSlice
    ) -> None:
        size = steps_per_point(tile.px_per_s)
        for run in _segment_runs(steps) if size == 1 else _mean_runs(steps, size):
            xs = tile.px_per_s * STEP_S * run.ends - tile.left
            if self.curve_style.stacked:
                self._draw_areas(painter, xs, run.values, value_scale)
            else:
                dash_offsets = (
                    self._dash_offsets(run.step, tile, value_scale) if size == 1 else None
                )
                self._stroke_lines(painter, xs, value_scale.y(run.values), dash_offsets)

    def _visible_labels(self) -> list[int]:
        names = self.timeline.labels
        return [i for i, name in enumerate(names) if name not in self.curve_style.hidden]

    def _stroke_lines(
        self,
        painter: QPainter,
        xs: NDArray[np.floating],
        ys: NDArray[np.floating],
        dash_offsets: NDArray[np.floating] | None,
    ) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for index in self._visible_labels():
            line = _polygon(xs, ys[:, index])
            for stroke in (self._rims[index], self._pens[index]):
                if stroke is not None:
                    pen = (
                        stroke
                        if dash_offsets is None
                        else _with_dash_offset(stroke, float(dash_offsets[index]))
                    )
                    painter.setPen(pen)
                    painter.drawPolyline(line)

    def _draw_areas(
        self,
        painter: QPainter,
        xs: NDArray[np.floating],
        values: NDArray[np.floating],
        value_scale: ValueScale,
    ) -> None:
        """Areas in the labels' order, the first at the bottom, each with its pattern and an edge.

        The patterns tell neighbours apart without their colours. Where a hundred segments share a
        tile, their edges would be all that there is to see, and are left out.
        """
        shown = self._visible_labels()
        tops = np.cumsum(values[:, shown], axis=1)
        below = np.full(len(xs), value_scale.bottom)
        edged = xs[-1] - xs[0] >= _MIN_EDGED_PX * self.style.scale
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        edge = QPen(QColor(self.style.theme.background), self.style.scale)
        for place, index in enumerate(shown):
            above = value_scale.y(tops[:, place])
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._areas[index])
            outline = np.concatenate([xs, xs[::-1]]), np.concatenate([above, below[::-1]])
            painter.drawPolygon(_polygon(*outline))
            if edged:
                painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
                painter.setPen(edge)
                painter.drawPolyline(_polygon(xs, above))
                painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            below = above
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)

    def _dash_offsets(self, step: int, tile: Tile, value_scale: ValueScale) -> NDArray[np.floating]:
        """Lengths of the lines before a step, so that dashes go on from tile to tile."""
        start = self.channel.segment_start(step)
        if start == step:
            return np.zeros(len(self.timeline.labels))
        past = self.channel.steps(start, step + 1).probabilities
        rise = np.diff(value_scale.y(past), axis=0)
        lengths: NDArray[np.floating] = np.hypot(tile.px_per_s * STEP_S, rise).sum(axis=0)
        return lengths

    def _gap_labels(self, tile: Tile) -> Iterable[GapLabel]:
        """Words of the gaps that leave ink on a tile."""
        state = (self.timeline.revision, tile.px_per_s)
        if state != self._gaps_state:
            self._gaps_state = state
            self._gaps = tuple(self._find_gap_labels(tile.px_per_s))
        return (
            gap
            for gap in self._gaps
            if gap.start_s <= tile.end_s and tile.start_s <= gap.start_s + gap.width_s
        )

    def _find_gap_labels(self, px_per_s: float) -> Iterable[GapLabel]:
        steps = self.channel.steps(self.channel.oldest, self.channel.newest + 1)
        pad = self.style.grid(0.5) / px_per_s
        for code, gap_text in _GAP_TEXTS.items():
            width = self.metrics.horizontalAdvance(gap_text) / px_per_s + 2 * pad
            for begin, end in steps.runs(code):
                if STEP_S * (end - begin) >= width + 2 * pad:
                    yield GapLabel(STEP_S * (steps.first + begin) + pad, width, gap_text)

    def _draw_gap_labels(self, painter: QPainter, tile: Tile, value_scale: ValueScale) -> None:
        theme, height = self.style.theme, self.metrics.height() + self.style.grid(0.5)
        for gap in self._gap_labels(tile):
            box = QRectF(
                round(tile.x(gap.start_s)),
                round((value_scale.top + value_scale.bottom - height) / 2),
                gap.width_s * tile.px_per_s,
                height,
            )
            self._draw_text(painter, box, gap.gap_text, theme.text, theme.background)

    def _draw_segment_labels(self, painter: QPainter, tile: Tile, value_scale: ValueScale) -> None:
        for item in self._placements(tile):
            y = value_scale.top - self.cap_height - 2 - (item.lane + 1) * self.lane
            box = QRectF(round(tile.x(item.start_s)), y, item.width_px + 2, self.lane)
            color = self.style.theme.text if item.certain else self.style.theme.muted
            self._draw_text(painter, box, item.text, color, None)

    def _draw_marker_labels(self, painter: QPainter, tile: Tile, value_scale: ValueScale) -> None:
        pad = self.style.grid(0.5)
        for marker in self.markers(tile):
            text = self.metrics.elidedText(
                marker.name, Qt.TextElideMode.ElideRight, self._marker_label_width - 4 * pad
            )
            width = self.metrics.horizontalAdvance(text) + 2 * pad
            x = round(tile.x(marker.start_s))
            box = QRectF(x + 1, value_scale.bottom + pad, width, self.lane)
            if marker.end_s > marker.start_s:
                length = (marker.end_s - marker.start_s) * tile.px_per_s
                bar = QRectF(x, value_scale.bottom + 1, length, pad - 2)
                painter.fillRect(bar, QColor(self.style.theme.text))
            self._draw_text(painter, box, text, self.style.theme.background, self.style.theme.text)

    def _draw_text(
        self, painter: QPainter, box: QRectF, text: str, color: str, background: str | None
    ) -> None:
        painter.setFont(self.style.small)
        if background is not None:
            painter.fillRect(box, QColor(background))
        painter.setPen(QColor(color))
        flags = Qt.AlignmentFlag.AlignVCenter
        flags |= Qt.AlignmentFlag.AlignHCenter if background else Qt.AlignmentFlag.AlignLeft
        painter.drawText(box, flags, text)


class LevelLayer(_CachedLayer):
    """Peaks and RMS level on a scale of decibels, mirrored; clipping; the voice detector below."""

    def voice_height(self) -> float:
        """Height of the voice detector's lane, in logical pixels."""
        return float(self.style.grid(1.5))

    def cache_key(self, tile: Tile) -> Hashable:
        """Changes with the markers that leave ink on the tile."""
        return self.markers(tile)

    def draw(self, painter: QPainter, tile: Tile) -> None:
        """Draw everything of a tile."""
        steps = self.channel.steps(*self.step_range(tile))
        self.draw_background(painter, tile, steps)
        painter.setPen(QPen(QColor(self.style.theme.grid), 1.0))
        floor = tile.height - 0.5
        painter.drawLine(QPointF(-1, floor), QPointF(1e4, floor))
        if len(steps):
            bottom = tile.height - self.voice_height() - self.style.grid(0.5)
            self._draw_level(painter, tile, steps, bottom)
            self._draw_voice(painter, tile, steps)
        self.draw_markers(painter, tile)

    def _draw_level(self, painter: QPainter, tile: Tile, steps: StepSlice, bottom: float) -> None:
        theme = self.style.theme
        middle, half = bottom / 2, bottom / 2
        hop_px = STEP_S / STEP_FRAMES * tile.px_per_s
        size = max(1, round(1.0 / hop_px))
        first_hop = steps.first * STEP_FRAMES
        envelope = steps.envelope.reshape(-1, 2)
        peaks = bin_envelope(envelope, first_hop, size)
        left = tile.x(first_hop * STEP_S / STEP_FRAMES)
        offset = -(first_hop % size)
        xs = left + hop_px * (offset + size * (np.arange(len(peaks)) + 0.5))
        painter.setPen(QPen(QColor(theme.wave), 1.0))
        painter.setBrush(QColor(theme.wave))
        self._draw_mirrored(
            painter,
            xs,
            middle - half * _decibel_share(peaks[:, 1]),
            middle + half * _decibel_share(-peaks[:, 0]),
        )
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.voice))
        level, size = steps.level, steps_per_point(tile.px_per_s)
        if size > 1:
            starts = np.arange(-(steps.first % size), len(steps), size).clip(min=0)
            level = np.maximum.reduceat(level, starts)
        rms = half * np.clip(1.0 - level / FLOOR_DB, 0.0, 1.0)
        places = size * (steps.first // size + np.arange(len(level)) + 0.5)
        middles = tile.px_per_s * STEP_S * places - tile.left
        self._draw_mirrored(painter, middles, middle - rms, middle + rms)
        self._draw_clipping(painter, left, hop_px, envelope, bottom)

    def _draw_clipping(
        self,
        painter: QPainter,
        left: float,
        hop_px: float,
        envelope: NDArray[np.float32],
        bottom: float,
    ) -> None:
        """Full-height bars, which no waveform looks like, wherever a sample is at full scale."""
        red = QColor(self.style.theme.danger)
        width = max(2.0 * self.style.scale, hop_px)
        hops = np.flatnonzero(np.abs(envelope).max(axis=1) >= CLIPPED)
        for x in np.unique(np.floor(hops * hop_px) if hop_px < 1.0 else hops * hop_px):
            painter.fillRect(QRectF(left + float(x), 0, width, bottom), red)

    def _draw_voice(self, painter: QPainter, tile: Tile, steps: StepSlice) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        color = QColor(self.style.theme.voice)
        height = self.voice_height()
        voiced: NDArray[np.floating] = steps.voiced.astype(np.float32)
        size = steps_per_point(tile.px_per_s)
        first = steps.first // size
        if size > 1 and len(steps):
            starts = np.arange(-(steps.first % size), len(steps), size).clip(min=0)
            voiced = np.add.reduceat(voiced, starts) / np.diff(starts, append=len(steps))
        edges = np.flatnonzero(np.diff(voiced, prepend=-1, append=-1))
        for begin, end in itertools.pairwise(edges):
            share = height * float(voiced[begin]) / 4.0
            left = round(tile.x(STEP_S * size * (first + int(begin))))
            right = round(tile.x(STEP_S * size * (first + int(end))))
            painter.fillRect(QRectF(left, tile.height - share, right - left, share), color)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)

    @staticmethod
    def _draw_mirrored(
        painter: QPainter,
        xs: NDArray[np.floating],
        upper: NDArray[np.floating],
        lower: NDArray[np.floating],
    ) -> None:
        outline = np.concatenate([xs, xs[::-1]]), np.concatenate([upper, lower[::-1]])
        painter.drawPolygon(_polygon(*outline))


def _with_dash_offset(pen: QPen, offset_px: float) -> QPen:
    """A pen whose dashes go on where a line of that length has left off."""
    if pen.style() is Qt.PenStyle.SolidLine:
        return pen
    pen = QPen(pen)
    pen.setDashOffset(offset_px / pen.widthF())
    return pen


def _decibel_share(samples: NDArray[np.float32]) -> NDArray[np.floating]:
    """Magnitude on a scale of decibels: 0 at the floor and below, 1 at full scale."""
    decibels = 20.0 * np.log10(np.maximum(samples, 1e-6))
    return np.clip(1.0 - decibels / FLOOR_DB, 0.0, 1.0)

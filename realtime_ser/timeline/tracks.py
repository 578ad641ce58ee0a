"""Tracks of words and boxes along the time axis: the ruler, markers, intervals, segments.

A track is one class, and is drawn alike on each surface: live, in the review, in print.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.records import Marker, Segment
from realtime_ser.base.text import clock_text, exact_clock, one_line, result_text
from realtime_ser.session.corrections import CORRECTED
from realtime_ser.session.store import Interval
from realtime_ser.timeline.content import (
    AnnotationItem,
    ChannelContent,
    OpenSegment,
    annotation_text,
    end_of,
    start_of,
)
from realtime_ser.timeline.style import TICKS_S, TrackStyle, line_style, outline, rgb
from realtime_ser.timeline.surface import Anchor, Font, Rect, Stroke, Surface, write
from realtime_ser.timeline.viewport import RowRect, Viewport

MOST_BOXES = 300
"""Boxes with words that are drawn at most; more of them are only colours."""

_DENSE_PX = 16.0
"""Segments that are narrower on average are drawn as colours only."""

LANES = 2
"""Lines of words above the segments: neighbours take turns, so that each has more room."""


class Track(Protocol):
    """A strip along the time axis."""

    @property
    def title(self) -> str:
        """Name, in the gutter and for those who do not see."""

    @property
    def weight(self) -> int:
        """Share of the height that is left; 0: :meth:`height` is enough."""

    @property
    def tip(self) -> str:
        """Hint for a window: what a person can do with the track."""

    def height(self, style: TrackStyle) -> int:
        """Height that is needed at least, in logical pixels."""

    def draw(self, surface: Surface, row: RowRect, viewport: Viewport, style: TrackStyle) -> None:
        """Draw everything that does not follow the pointer or the cursor."""


def small(style: TrackStyle, *, bold: bool = False) -> Font:
    """Type of a track's words."""
    return Font(style.small_px, bold)


def line_height(style: TrackStyle) -> float:
    """Height of a line of words."""
    return 1.2 * style.small_px


def row_height(style: TrackStyle) -> int:
    """Height of a track with one line of words."""
    return round(line_height(style) + style.grid(0.75))


def draw_title(
    surface: Surface, box: Rect, words: str, style: TrackStyle, *, strong: bool = False
) -> None:
    """Write the name of a track, at the right of its gutter, if there is one."""
    if not box.width:
        return
    color = style.theme.text if strong else style.theme.muted
    cell = box.inset(left=style.grid(1), right=style.grid(1))
    write(surface, cell, words, small(style, bold=strong), color, "end")


def draw_words(surface: Surface, box: Rect, words: str, style: TrackStyle, color: str) -> None:
    """Write words at the left of a box, cut off if need be; nothing where two letters are."""
    write(
        surface, box.inset(left=style.grid(0.5), right=style.grid(0.5)), words, small(style), color
    )


def ticks(viewport: Viewport, style: TrackStyle) -> tuple[float, list[int]]:
    """Distance of the time axis' ticks in seconds, and the numbers of those that are seen."""
    least_s = 9.0 * style.small_px / viewport.px_per_s
    spacing = next((s for s in TICKS_S if s >= least_s), TICKS_S[-1])
    first = max(0, int(np.ceil(viewport.start_s / spacing - 1e-9)))
    return spacing, list(range(first, int(viewport.end_s / spacing + 1e-9) + 1))


def tick_text(time_s: float, spacing_s: float) -> str:
    """Time of a tick, as exactly as its neighbours are far away."""
    return clock_text(time_s) if spacing_s >= 1.0 else exact_clock(time_s, spacing_s)


class RulerTrack:
    """Times."""

    title = "time"
    weight = 0
    tip = "Drag to select a stretch; a click lets it go"

    def __init__(self, anchor: Anchor = "start") -> None:
        self._anchor = anchor

    def height(self, style: TrackStyle) -> int:
        """A line of words and its ticks."""
        return row_height(style) + style.grid(0.5)

    def draw(self, surface: Surface, row: RowRect, viewport: Viewport, style: TrackStyle) -> None:
        """Draw ticks with their times."""
        spacing, numbers = ticks(viewport, style)
        box, below = row.plot, self._anchor == "middle"
        tick = style.grid(0.5 if below else 0.75)
        top = box.top if below else box.bottom - tick
        for number in numbers:
            x = round(viewport.x(number * spacing), 1 if below else 0)
            surface.line((x, top), (x, top + tick), Stroke(style.theme.border))
            words = tick_text(number * spacing, spacing)
            width = surface.text_width(words, small(style)) + 1
            if below:
                cell = Rect(x - width / 2, top + tick, width, box.height - tick)
                write(surface, cell, words, small(style), style.theme.muted, "middle")
            elif x + style.grid(0.5) + width <= box.right:
                cell = Rect(x + style.grid(0.5), box.top, width, box.height)
                write(surface, cell, words, small(style), style.theme.muted)
        if not below:
            draw_title(surface, row.gutter, self.title, style)


class MarkerTrack:
    """Markers: flags, and bars where they last."""

    title = "markers"
    weight = 0
    tip = "M sets a marker at the cursor; drag one to move it, double click to edit it"

    def __init__(self, annotations: Iterable[AnnotationItem]) -> None:
        self._annotations = annotations

    def height(self, style: TrackStyle) -> int:
        """A line of words."""
        return row_height(style)

    def items(self) -> list[AnnotationItem]:
        """The markers, in order of time."""
        return [item for item in self._annotations if isinstance(item.value, Marker)]

    def draw(self, surface: Surface, row: RowRect, viewport: Viewport, style: TrackStyle) -> None:
        """Draw the flags; words end where the next flag stands."""
        draw_title(surface, row.gutter, self.title, style)
        visible = _visible(self.items(), viewport, style)
        box, ink = row.plot, style.theme.text
        for number, item in enumerate(visible):
            start, end = start_of(item.value), end_of(item.value)
            x = round(viewport.x(start))
            after = visible[number + 1 :]
            nexts = viewport.x(start_of(after[0].value)) if after else row.margin.right
            left = max(float(x), box.left)  # a stretch that began before keeps its words
            if end > start:
                surface.rectangle(viewport.span(start, end, box.bottom - 3, 2), ink)
            words = annotation_text(item.value)
            width = surface.text_width(words, small(style)) + style.grid(1.25)
            width = min(width, max(2.0, min(nexts, row.margin.right) - left - 1))
            if len(visible) <= MOST_BOXES and width > style.grid(2):
                cell = Rect(left, box.top + 1, width, box.height - 4)
                surface.rectangle(cell, style.theme.raised)
                draw_words(surface, cell, words, style, ink)
            if start >= viewport.start_s:
                surface.rectangle(Rect(x, box.top, 1.5 * style.scale, box.height), ink)

    def draw_lines(
        self, surface: Surface, plots: Sequence[Rect], viewport: Viewport, style: TrackStyle
    ) -> None:
        """Draw a dashed line at each marker across other tracks' plots."""
        stroke = Stroke(style.theme.text, style.scale, (3.0 * style.scale, 3.0 * style.scale))
        visible = [
            start_of(item.value)
            for item in self.items()
            if viewport.start_s <= start_of(item.value) <= viewport.end_s
        ]
        if len(visible) <= viewport.columns // 8:
            for time_s in visible:
                x = round(viewport.x(time_s)) + 0.5
                for box in plots:
                    surface.line((x, box.top), (x, box.bottom), stroke)


class TierTrack:
    """Intervals of one tier."""

    weight = 0
    tip = "Drag over a free place to make an interval; drag one to move it, its edges to stretch it"

    def __init__(
        self,
        annotations: Iterable[AnnotationItem],
        tier: str,
        channel: int | None,
        labels: Sequence[str],
    ) -> None:
        self._annotations = annotations
        self.tier = tier
        self.channel = channel
        self.title = "corrected" if tier == CORRECTED else one_line(tier)
        self._labels = tuple(labels)

    def height(self, style: TrackStyle) -> int:
        """A line of words."""
        return row_height(style)

    def items(self) -> list[AnnotationItem]:
        """The tier's intervals, in order of time."""
        return [
            item
            for item in self._annotations
            if isinstance(item.value, Interval)
            and (item.value.tier, item.value.channel) == (self.tier, self.channel)
        ]

    def draw(self, surface: Surface, row: RowRect, viewport: Viewport, style: TrackStyle) -> None:
        """Draw a box each, with its label's colour at its foot."""
        draw_title(surface, row.gutter, self.title, style)
        surface.rectangle(row.plot, style.theme.panel)
        visible = _visible(self.items(), viewport, style)
        for item in visible:
            words = len(visible) <= MOST_BOXES
            self.draw_item(surface, row.plot, viewport, style, item, words=words)

    def draw_item(
        self,
        surface: Surface,
        row: Rect,
        viewport: Viewport,
        style: TrackStyle,
        item: AnnotationItem,
        *,
        words: bool = True,
    ) -> None:
        """Draw one interval."""
        value = item.value
        box = viewport.span(start_of(value), end_of(value), row.top + 1, row.height - 2)
        color = style.theme.muted
        if isinstance(value, Interval) and value.label in self._labels:
            color = _label_color(value.label, self._labels.index(value.label), style)
        surface.rectangle(box, style.theme.raised)
        surface.rectangle(Rect(box.left, box.bottom - 3, box.width, 3), color)
        surface.rectangle(box, None, Stroke(style.theme.border))
        if words:
            draw_words(
                surface, box.inset(bottom=2), annotation_text(value), style, style.theme.text
            )


class SegmentTrack:
    """Result of each segment: words over a bar of the label's colour.

    The bar of an uncertain result is hollow, and of an open segment grey.
    """

    weight = 0
    tip = "Click a segment; then the key of a label, 1 to 8, corrects it and 0 withdraws that"

    def __init__(self, channel: ChannelContent, lanes: int = LANES) -> None:
        self.channel = channel
        self.title = channel.title
        self._lanes = lanes

    def height(self, style: TrackStyle) -> int:
        """Lines of words over a bar of colour."""
        return round(max(self._lanes * line_height(style) + style.grid(1.25), row_height(style)))

    def draw(self, surface: Surface, row: RowRect, viewport: Viewport, style: TrackStyle) -> None:
        """Draw words over bars; where segments are too many, only bars."""
        draw_title(surface, row.gutter, self.title, style, strong=True)
        channel, box, cap = self.channel, row.plot, 4.0 * style.scale
        first = channel.first_after(viewport.start_s)
        segments = channel.segments_between(viewport.start_s, viewport.end_s)
        if len(segments) > viewport.width / _DENSE_PX:
            self._draw_dense(surface, box, viewport, style, cap)
            return
        # The word of a segment before may reach into the picture.
        for place in range(max(0, first - self._lanes), first + len(segments)):
            self._draw_segment(surface, box, viewport, style, place)
        if channel.open is not None and channel.open.end_s > viewport.start_s:
            self._draw_bar(surface, box, viewport, style, channel.open)

    def _draw_segment(
        self, surface: Surface, box: Rect, viewport: Viewport, style: TrackStyle, place: int
    ) -> None:
        segments = self.channel.segments
        segment, after = segments[place], segments[place + self._lanes : place + self._lanes + 1]
        if segment.end_s > viewport.start_s:
            self._draw_bar(surface, box, viewport, style, segment)
        elif not viewport.bleed:
            return
        if not self._lanes:
            return
        estimate, left = segment.estimate, viewport.x(segment.start_s)
        if segment.end_s > viewport.start_s:  # a segment that began before keeps its words
            left = max(left, viewport.left)
        right = math.inf if viewport.bleed else box.right
        right = min(right, viewport.x(after[0].start_s) - style.grid(0.75)) if after else right
        words = result_words(surface, segment, right - left, style)
        height = line_height(style)
        lane = (segment.number % self._lanes) * height
        cell = Rect(left, box.bottom - 4.0 * style.scale - 2 - lane - height, math.inf, height)
        color = style.theme.text if estimate.certain else style.theme.muted
        write(surface, cell, words, small(style), color)

    def _draw_bar(
        self,
        surface: Surface,
        box: Rect,
        viewport: Viewport,
        style: TrackStyle,
        segment: Segment | OpenSegment,
    ) -> None:
        cap, estimate = 4.0 * style.scale, segment.estimate
        bar = viewport.span(segment.start_s, segment.end_s, box.bottom - cap, cap)
        bar = Rect(bar.left, bar.top, max(1.0, bar.width - 1.0), cap)
        color = style.theme.muted
        if estimate is not None:
            position = self.channel.labels.index(estimate.label)
            color = _label_color(estimate.label, position, style)
        if estimate is None or estimate.certain:
            surface.rectangle(bar, color)
        else:
            surface.rectangle(bar, None, Stroke(color))

    def _draw_dense(
        self, surface: Surface, box: Rect, viewport: Viewport, style: TrackStyle, cap: float
    ) -> None:
        """Colour each column by the label of the segment that holds its middle, or the next."""
        arrays, labels = self.channel.arrays, self.channel.labels
        edges = viewport.edges_s
        place = np.searchsorted(arrays.ends_s, (edges[:-1] + edges[1:]) / 2)
        place = np.minimum(place, len(arrays.ends_s) - 1)
        found = arrays.starts_s[place] < edges[1:]
        tones = [rgb(_label_color(label, code, style)) for code, label in enumerate(labels)]
        ground = rgb(style.theme.background)
        columns = np.where(
            found, np.array(tones, np.uint32)[arrays.codes[place]], np.uint32(ground)
        )
        rows = columns, np.where(arrays.certain[place], columns, np.uint32(ground))
        if surface.pixels:
            image = np.stack([rows[1], rows[0]]) | np.uint32(0xFF000000)
            width = len(columns) / viewport.ratio
            surface.image(image, Rect(box.left, box.bottom - cap, width, cap))
            return
        for colors, top in zip(rows, (box.bottom - cap / 2, box.bottom - cap), strict=True):
            bounds = np.flatnonzero(np.diff(colors.astype(np.int64), prepend=-1, append=-1))
            for begin, end in pairwise(bounds.tolist()):
                if colors[begin] != ground:
                    left, width = viewport.left + begin / viewport.ratio, end - begin
                    bar = Rect(left, top, width / viewport.ratio, cap / 2)
                    surface.rectangle(bar, f"#{int(colors[begin]):06x}")


def _label_color(label: str, position: int, style: TrackStyle) -> str:
    """Colour of a label's bar, dark enough for the ground."""
    color = line_style(label, position).color
    return outline(color, style.theme.background) or color


def result_words(surface: Surface, segment: Segment, room: float, style: TrackStyle) -> str:
    """The longest words for a segment's result that are no wider than some room; else none."""
    estimate = segment.estimate
    for short in (False, True):
        words = result_text(
            estimate.label, estimate.confidence, certain=estimate.certain, short=short
        )
        if surface.text_width(words, small(style)) <= room:
            return words
    return ""


def tick_columns(viewport: Viewport, style: TrackStyle) -> NDArray[np.intp]:
    """Columns of a viewport in which ticks lie."""
    spacing, numbers = ticks(viewport, style)
    places = np.round(np.array(numbers, float) * spacing / viewport.s_per_px) - viewport.first
    columns = places.astype(np.intp)
    return columns[(columns >= 0) & (columns < viewport.columns)]


def tier_tracks(
    annotations: Iterable[AnnotationItem],
    channel: int | None,
    labels: Sequence[str],
    always: Sequence[str] = (),
) -> list[TierTrack]:
    """Tiers of a channel, or those of none; corrected segments first, the others by name.

    Parameters
    ----------
    always
        Tiers that are there even without an interval.
    """
    found = {
        item.value.tier
        for item in annotations
        if isinstance(item.value, Interval) and item.value.channel == channel
    }
    names = sorted(found | set(always), key=lambda name: (name != CORRECTED, name))
    return [TierTrack(annotations, name, channel, labels) for name in names]


def _visible(
    items: Sequence[AnnotationItem], viewport: Viewport, style: TrackStyle
) -> list[AnnotationItem]:
    """Those that leave ink on the screen; words reach to the right of a moment."""
    reach_s = viewport.bleed and 26.0 * style.small_px / viewport.px_per_s
    return [
        item
        for item in items
        if start_of(item.value) <= viewport.end_s
        and viewport.start_s <= max(end_of(item.value), start_of(item.value) + reach_s)
    ]

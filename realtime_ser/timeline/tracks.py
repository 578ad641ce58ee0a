"""Tracks of words and boxes along the time axis: the ruler, markers, intervals, segments.

A track is one class, and is drawn alike on each surface: live, in the review, in print.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.records import Marker, Segment
from realtime_ser.base.text import clock_text, exact_clock, one_line, result_text
from realtime_ser.session.store import Interval
from realtime_ser.session.store.values import CORRECTED
from realtime_ser.timeline.content import (
    AnnotationItem,
    ChannelContent,
    UnfinishedSegment,
    annotation_text,
    end_of,
    start_of,
)
from realtime_ser.timeline.style import TICKS_S, TrackStyle, line_style, outline, rgb, whole_days_s
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


def gutter_width(
    tracks: Iterable[Track],
    text_width: Callable[[str, Font], float],
    style: TrackStyle,
    least: float,
) -> float:
    """Width of a gutter with room for every title, within reason, in logical pixels."""
    names = [text_width(track.title, small(style, bold=True)) for track in tracks]
    return max(least, min(math.ceil(max(names)), style.grid(24)) + style.grid(2))


def lay_out(
    heights: Iterable[float], top: float, gap: float, left: float, plot: float, right: float
) -> list[RowRect]:
    """Places of tracks below each other, from the widths of gutter, plots and margin."""
    rows = []
    for height in heights:
        row = RowRect(
            Rect(left, top, plot, height),
            Rect(0.0, top, left, height),
            Rect(left + plot, top, right, height),
        )
        rows.append(row)
        top += height + gap
    return rows


def shared_heights(
    tracks: Sequence[Track], style: TrackStyle, height: float, gap: float
) -> list[float]:
    """Heights of tracks: what is left of all goes to those with weight."""
    needed = sum(track.height(style) + gap for track in tracks) - gap
    unit = max(0.0, height - needed) / max(1, sum(track.weight for track in tracks))
    return [float(round(track.height(style) + unit * track.weight)) for track in tracks]


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
    spacing = next((s for s in TICKS_S if s >= least_s), whole_days_s(least_s))
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
        visible = _visible(self.items(), viewport)
        box, ink, pole = row.plot, style.theme.text, 1.5 * style.scale
        stops = [viewport.x(start_of(item.value)) - 1 for item in visible[1:]]
        for item, stop in zip(visible, [*stops, box.right], strict=False):
            start, end = start_of(item.value), end_of(item.value)
            # A stretch that began before keeps its words.
            left = min(max(box.left, round(viewport.x(start))), box.right - pole)
            if end > start:
                surface.rectangle(viewport.span(start, end, box.bottom - 3, 2), ink)
            words = annotation_text(item.value)
            width = surface.text_width(words, small(style)) + style.grid(1.25)
            width = min(width, stop - left)
            if len(visible) <= MOST_BOXES and width > style.grid(2):
                cell = Rect(left, box.top + 1, width, box.height - 4)
                surface.rectangle(cell, style.theme.raised)
                draw_words(surface, cell, words, style, ink)
            if start >= viewport.start_s:
                surface.rectangle(Rect(left, box.top, pole, box.height), ink)

    def draw_lines(
        self, surface: Surface, plots: Sequence[Rect], viewport: Viewport, style: TrackStyle
    ) -> None:
        """Draw a dashed line at each marker across other tracks' plots."""
        stroke = Stroke(style.theme.text, style.scale, (3.0 * style.scale, 3.0 * style.scale))
        starts = (start_of(item.value) for item in self.items())
        visible = [time_s for time_s in starts if viewport.shows(time_s)]
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
        visible = _visible(self.items(), viewport)
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
        sides = [Rect(box.left, box.top, box.width, 1)]
        for time_s, x in ((start_of(value), box.left), (end_of(value), box.right - 1)):
            sides += [Rect(x, box.top, 1, box.height)] if viewport.shows(time_s) else []
        for side in sides:
            surface.rectangle(side, style.theme.border)
        if words:
            draw_words(
                surface, box.inset(bottom=2), annotation_text(value), style, style.theme.text
            )


class SegmentTrack:
    """Result of each segment: words over a bar of the label's colour.

    The bar of an uncertain result is hollow, that of a sound that is not usable is hollow and grey,
    and that of an open segment grey.
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
        for segment in segments:
            self._draw_bar(surface, box, viewport, style, segment)
        if self._lanes:
            stop = first + len(segments)
            lanes = self._lanes_between(surface, viewport, style, first, stop + 2 * self._lanes)
            for place in range(first, stop):
                self._write_result(surface, box, viewport, style, place, lanes)
        if channel.open is not None and channel.open.end_s > viewport.start_s:
            self._draw_bar(surface, box, viewport, style, channel.open)

    def _write_result(
        self,
        surface: Surface,
        box: Rect,
        viewport: Viewport,
        style: TrackStyle,
        place: int,
        lanes: Mapping[int, int],
    ) -> None:
        """Write as much of a result as there is room for, or nothing.

        With its probability it ends before the next segment begins; a label alone may reach as far
        as the next words of its lane.
        """
        segments = self.channel.segments
        segment, lane = segments[place], lanes[place]
        # A segment that began before keeps its words.
        gap = style.grid(0.75) / 2  # on each side
        left = max(viewport.x(segment.start_s), box.left) + gap
        room = short_room = box.right - left
        for after in range(min(place + 2 * self._lanes, len(segments) - 1), place, -1):
            room = min(box.right, viewport.x(segments[after].start_s) - gap) - left
            if lanes[after] == lane:
                short_room = room
        words = result_words(surface, segment, room, style, short_room)
        height = line_height(style)
        top = box.bottom - 4.0 * style.scale - 2 - (lane + 1) * height
        color = style.theme.text if segment.estimate.certain else style.theme.muted
        write(surface, Rect(left, top, math.inf, height), words, small(style), color)

    def _lanes_between(
        self, surface: Surface, viewport: Viewport, style: TrackStyle, first: int, stop: int
    ) -> dict[int, int]:
        """Lanes of segments' words: those that do not fit beside a neighbour's take turns."""
        segments = self.channel.segments[max(0, first - 1) : stop + 1]
        taking_turns = {
            place
            for before, (one, other) in enumerate(pairwise(segments), max(0, first - 1))
            if surface.text_width(result_text(one.estimate, short=True), small(style))
            + style.grid(0.75)
            > (other.start_s - one.start_s) * viewport.px_per_s
            for place in (before, before + 1)
        }
        return {
            place: segment.number % self._lanes if place in taking_turns else 0
            for place, segment in enumerate(segments, max(0, first - 1))
        }

    def _draw_bar(
        self,
        surface: Surface,
        box: Rect,
        viewport: Viewport,
        style: TrackStyle,
        segment: Segment | UnfinishedSegment,
    ) -> None:
        cap, estimate = 4.0 * style.scale, segment.estimate
        bar = viewport.span(segment.start_s, segment.end_s, box.bottom - cap, cap)
        bar = Rect(bar.left, bar.top, max(1.0, bar.width - 1.0), cap)
        color = style.theme.muted
        if estimate is not None and estimate.quality.usable:
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
        records, labels = self.channel.segment_records, self.channel.labels
        edges = viewport.edges_s
        place = np.searchsorted(records["end_s"], (edges[:-1] + edges[1:]) / 2)
        shown = records[np.minimum(place, len(records) - 1)]
        found = shown["start_s"] < edges[1:]
        tones = [rgb(_label_color(label, code, style)) for code, label in enumerate(labels)]
        tones.append(rgb(style.theme.muted))  # of sounds that are not usable
        ground = rgb(style.theme.background)
        columns = np.where(found, np.array(tones, np.uint32)[shown["label"]], np.uint32(ground))
        rows = columns, np.where(shown["certain"], columns, np.uint32(ground))
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


def result_words(
    surface: Surface,
    segment: Segment,
    room: float,
    style: TrackStyle,
    short_room: float | None = None,
) -> str:
    """The longest words for a segment's result that are no wider than some room; else none.

    The label alone may have another room.
    """
    rooms = ((False, room), (True, room if short_room is None else short_room))
    for short, width in rooms:
        words = result_text(segment.estimate, short=short)
        if surface.text_width(words, small(style)) <= width:
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


def _visible(items: Sequence[AnnotationItem], viewport: Viewport) -> list[AnnotationItem]:
    """Those that touch a viewport."""
    return [
        item
        for item in items
        if start_of(item.value) <= viewport.end_s and viewport.start_s <= end_of(item.value)
    ]

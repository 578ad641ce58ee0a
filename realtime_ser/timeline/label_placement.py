"""Where the labels of finished segments go, so that none covers another. No Qt."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from realtime_ser.base.text import result_text
from realtime_ser.timeline.live import LiveSegment

#: Lanes above the lines: short segments in a row take turns.
LANES = 2


@dataclass(frozen=True, slots=True)
class LabelPlacement:
    """A segment's label.

    Attributes
    ----------
    start_s
        Where its text begins, in seconds.
    lane
        0 is nearest to the lines.
    label
        The emotion, for its colour.
    """

    number: int
    start_s: float
    width_px: float
    lane: int
    text: str
    label: str
    certain: bool


class SegmentLabels:
    """Places each label once, so that none moves while the picture scrolls.

    Parameters
    ----------
    measure
        Width of a text in pixels.
    px_per_s
        Scale of the time axis.
    gap_px
        Least distance between two labels of a lane.
    """

    def __init__(self, measure: Callable[[str], float], px_per_s: float, gap_px: float) -> None:
        self._measure = measure
        self._scale = px_per_s
        self._gap = gap_px
        self._free_from_px = [float("-inf")] * LANES
        self._last = 0
        self._widest = 0.0
        self._placed: list[LabelPlacement] = []

    def place(self, speech: Sequence[LiveSegment], oldest_s: float) -> Sequence[LabelPlacement]:
        """Labels of all finished segments that end after ``oldest_s``."""
        fresh = []
        for segment in reversed(speech):
            if segment.number <= self._last:
                break
            if segment.estimate is not None:
                fresh.append(segment)
        for segment in reversed(fresh):
            self._place_one(segment)
        expired = 0
        while expired < len(self._placed) and self._end_s(self._placed[expired]) <= oldest_s:
            expired += 1
        del self._placed[:expired]
        return self._placed

    def between(self, start_s: float, end_s: float) -> Sequence[LabelPlacement]:
        """Those that were placed and leave ink on a stretch of time."""
        reach = (self._widest + 2) / self._scale
        begin = bisect_left(self._placed, start_s - reach, key=lambda item: item.start_s)
        stop = bisect_left(self._placed, end_s, lo=begin, key=lambda item: item.start_s)
        near = self._placed[begin:stop]
        return [item for item in near if start_s <= self._end_s(item) + 2 / self._scale]

    def _end_s(self, item: LabelPlacement) -> float:
        return item.start_s + item.width_px / self._scale

    def _place_one(self, segment: LiveSegment) -> None:
        self._last = segment.number
        estimate = segment.estimate
        assert estimate is not None
        left = segment.start_s * self._scale
        room = (segment.end_s - segment.start_s) * self._scale
        for short in (False, True):
            text = result_text(
                estimate.label, estimate.confidence, certain=estimate.certain, short=short
            )
            width = self._measure(text)
            if short or width <= room:
                break
        lane = next(
            (lane for lane, free_from_px in enumerate(self._free_from_px) if free_from_px <= left),
            None,
        )
        if lane is None:
            return
        self._free_from_px[lane] = left + width + self._gap
        self._widest = max(self._widest, width)
        self._placed.append(
            LabelPlacement(
                segment.number,
                segment.start_s,
                width,
                lane,
                text,
                estimate.label,
                estimate.certain,
            )
        )

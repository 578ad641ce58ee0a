"""Where the labels of finished segments go, so that none covers another. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from realtime_ser.gui.timeline import Speech
from realtime_ser.words import result_text

#: Lanes above the lines: short segments in a row take turns.
LANES = 2


@dataclass(frozen=True, slots=True)
class Placement:
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
        self._free = [float("-inf")] * LANES
        self._last = 0
        self._placed: list[Placement] = []

    def place(self, speech: Iterable[Speech], oldest_s: float) -> Sequence[Placement]:
        """Labels of all finished segments that end after ``oldest_s``."""
        for segment in speech:
            if segment.number > self._last and segment.estimate is not None:
                self._add(segment)
        self._placed = [
            item for item in self._placed if item.start_s + item.width_px / self._scale > oldest_s
        ]
        return self._placed

    def _add(self, segment: Speech) -> None:
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
        lane = next((lane for lane, free in enumerate(self._free) if free <= left), None)
        if lane is None:
            return
        self._free[lane] = left + width + self._gap
        self._placed.append(
            Placement(
                segment.number,
                segment.start_s,
                width,
                lane,
                text,
                estimate.label,
                estimate.certain,
            )
        )

"""Labels by hand that stand for the model's."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from realtime_ser.base.records import Segment
from realtime_ser.session.store.values import CORRECTED, Interval

SegmentKey: TypeAlias = tuple[int, int]
"""Channel and number of a segment, by which a session knows it."""


def corrections(
    segments: Iterable[Segment], intervals: Sequence[Interval]
) -> dict[SegmentKey, Interval]:
    """Interval that stands for each segment of a session that has one.

    An interval stands for the segments of its channel, or of all channels, with which it shares
    most of the shorter of the two; of several intervals, the one that shares most.
    """
    channels: defaultdict[int, list[Segment]] = defaultdict(list)
    for segment in sorted(segments, key=lambda segment: segment.start_s):
        channels[segment.channel].append(segment)
    found: dict[SegmentKey, Interval] = {}
    shared_s: defaultdict[SegmentKey, float] = defaultdict(float)
    for channel, ordered in channels.items():
        starts_s = [segment.start_s for segment in ordered]
        ends_s = [segment.end_s for segment in ordered]
        # Where two share as much, the one that names its channel counts.
        for interval in sorted(intervals, key=lambda interval: interval.channel is None):
            if interval.channel not in (None, channel):
                continue
            first = bisect_right(ends_s, interval.start_s)
            for segment in ordered[first : bisect_left(starts_s, interval.end_s)]:
                key, overlap = (channel, segment.number), overlap_s(segment, interval)
                if overlap > shared_s[key] and overlap_mostly(segment, interval):
                    found[key], shared_s[key] = interval, overlap
    return found


def corrected_labels(
    segments: Iterable[Segment], intervals: Iterable[Interval]
) -> dict[SegmentKey, str]:
    """Label that a person gave to each segment that they corrected; other tiers do not count."""
    by_hand = [one for one in intervals if one.tier == CORRECTED and one.label]
    return {key: one.label for key, one in corrections(segments, by_hand).items()}


def overlap_s(one: Segment | Interval, other: Segment | Interval) -> float:
    """Seconds that two stretches share."""
    return max(0.0, min(one.end_s, other.end_s) - max(one.start_s, other.start_s))


def overlap_mostly(one: Segment | Interval, other: Segment | Interval) -> bool:
    """Whether two stretches share more than half of the shorter of the two."""
    shorter_s = min(one.end_s - one.start_s, other.end_s - other.start_s)
    return overlap_s(one, other) > shorter_s / 2

"""Tiers of labelled spans of a session, as annotation tools have them.

A tier holds spans that do not overlap, or moments. Spans of a single channel are on a tier whose
name ends in ``@`` and the channel's title, ELAN's custom for speakers.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush

from realtime_ser.base.records import Marker, Segment
from realtime_ser.base.text import one_line
from realtime_ser.session.store import SessionInfo, Store
from realtime_ser.timeline.content import annotation_text

SEGMENTS = "segments"
"""Tier of the model's results for the segments."""

MARKERS = "markers"
"""Tier of the moments that were marked."""

MARKED = "marked intervals"
"""Tier of the markers that have a duration."""

OWN_NOTES = ("confidence", "certainty")
"""Names of the notes on a segment."""

UNNAMED_SPAN = "-"
"""Text of a span that carries none."""


@dataclass(frozen=True, slots=True)
class LabelledSpan:
    """A labelled stretch in seconds from the start of the session; a moment ends as it starts.

    ``notes`` are further texts, by the names of the tiers that are to hold them.
    """

    start_s: float
    end_s: float
    text: str
    notes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class AnnotationTier:
    """Spans in order of time that do not overlap, or moments, under a name of their own.

    ``speaker`` is the title of the tier's channel; empty: no single channel.
    """

    name: str
    spans: tuple[LabelledSpan, ...]
    moments: bool = False
    speaker: str = ""


def session_tiers(store: Store, info: SessionInfo) -> list[AnnotationTier]:
    """Tiers of a session: segments of each channel, markers, and intervals by their tiers."""
    tiers: list[AnnotationTier] = []
    for channel in info.channels:
        spans = [_segment_span(segment) for segment in store.segments(info.id, channel.number)]
        tiers += _spread_overlaps(SEGMENTS, spans, speaker=info.speaker(channel.number))
    marked = [_marker_span(marker) for marker in store.markers(info.id)]
    moments = [span for span in marked if span.end_s <= span.start_s]
    tiers += _spread_overlaps(MARKERS, moments, moments=True)
    if len(moments) < len(marked):
        tiers += _spread_overlaps(MARKED, [span for span in marked if span.end_s > span.start_s])
    by_hand: defaultdict[tuple[str, str], list[LabelledSpan]] = defaultdict(list)
    for interval in store.intervals(info.id):
        words = annotation_text(interval, UNNAMED_SPAN)
        span = LabelledSpan(interval.start_s, interval.end_s, words)
        by_hand[one_line(interval.tier), info.speaker(interval.channel)].append(span)
    for (tier, speaker), spans in by_hand.items():
        tiers += _spread_overlaps(tier, spans, speaker=speaker)
    return _with_unique_names(tiers)


def split_name(info: SessionInfo, name: str) -> tuple[str, int | None]:
    """Name of a tier without the number of its row and its channel, and the channel."""
    plain = re.sub(r" \(\d+\)$", "", name)
    tier, at, speaker = plain.rpartition("@")
    if at and tier:
        for channel in info.channels:
            if speaker and speaker == info.speaker(channel.number):
                return tier, channel.number
    return plain, None


def end_of(info: SessionInfo, tiers: Iterable[AnnotationTier]) -> float:
    """Latest end of a session and of all its spans, in seconds."""
    ends = [span.end_s for tier in tiers for span in tier.spans]
    return max([info.duration_s, *ends])


def _segment_span(segment: Segment) -> LabelledSpan:
    estimate = segment.estimate
    certainty, label = "certain" if estimate.certain else "uncertain", estimate.label
    if not estimate.quality.usable:
        certainty = label = estimate.quality.value
    values = (f"{estimate.confidence:.3f}", certainty)
    notes = tuple(zip(OWN_NOTES, values, strict=True))
    return LabelledSpan(segment.start_s, segment.end_s, one_line(label), notes)


def _marker_span(marker: Marker) -> LabelledSpan:
    start_s = max(0.0, marker.time_s)
    end_s = start_s + max(0.0, marker.duration_s)
    return LabelledSpan(start_s, end_s, annotation_text(marker))


def _spread_overlaps(
    tier: str, spans: Sequence[LabelledSpan], *, moments: bool = False, speaker: str = ""
) -> list[AnnotationTier]:
    """Share overlapping spans out among as few tiers as possible; the first may be empty.

    Times count to the millisecond, the resolution of ELAN.
    """
    name = f"{tier}@{speaker}" if speaker else tier
    rows: list[list[LabelledSpan]] = [[]]
    free, taken = [0], list[tuple[int, int]]()  # rows, and the ends of those that are not free
    for span in sorted(spans, key=lambda span: (span.start_s, span.end_s)):
        start_ms = round(1000 * span.start_s)
        while taken and taken[0][0] <= start_ms:
            heappush(free, heappop(taken)[1])
        if not free:
            free.append(len(rows))
            rows.append([])
        row = heappop(free)
        rows[row].append(span)
        heappush(taken, (max(start_ms + 1, round(1000 * span.end_s)), row))
    return [
        AnnotationTier(name if number == 1 else f"{name} ({number})", tuple(row), moments, speaker)
        for number, row in enumerate(rows, 1)
    ]


def _with_unique_names(tiers: Iterable[AnnotationTier]) -> list[AnnotationTier]:
    """Tiers with unique names: a person may have called a tier ``markers``, too."""
    taken: dict[str, AnnotationTier] = {}
    for tier in tiers:
        name, number = tier.name, 2
        while name in taken:
            name, number = f"{tier.name} ({number})", number + 1
        taken[name] = replace(tier, name=name)
    return list(taken.values())

"""Statistics of a finished session: shares, transitions, pauses, most certain moments."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np

from realtime_ser.base.records import STEP_S, Segment, State
from realtime_ser.session.store import Columns, SessionInfo, Store
from realtime_ser.session.store.blobs import STATES


@dataclass(frozen=True, slots=True)
class PeakMoment:
    """The step of a segment at which the model was surest.

    ``time_s`` is its time in seconds from the start of the session.
    """

    time_s: float
    segment: int
    label: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Pauses:
    """Silence between two segments in which no sound was lost and nothing was paused.

    Attributes
    ----------
    count
        Number of pauses.
    median_s, longest_s, total_s
        Durations of the pauses, in seconds.
    longest_at_s
        Start of the longest pause, in seconds from the start of the session.
    """

    count: int
    median_s: float
    longest_s: float
    total_s: float
    longest_at_s: float


@dataclass(frozen=True, slots=True)
class ChannelStatistics:
    """Statistics of a channel.

    Attributes
    ----------
    channel
        Number of the channel, from 1.
    duration_s, speech_s, lost_s, paused_s
        Time of all steps, and of speech, lost and paused steps.
    segments
        Number of segments.
    voiced_s
        Voiced duration of these segments, in seconds.
    shares
        Share of the voiced duration whose segments carry a label, the largest first.
    certain_share
        Share of the voiced duration whose segments are certain; ``None`` without segments.
    transitions
        Number of times that a segment of a label was followed by a segment of a label.
    pauses
        Statistics of the pauses; ``None``: there was no pause.
    moments
        The most certain moments, at most one a segment, the surest first.
    """

    channel: int
    duration_s: float
    speech_s: float
    lost_s: float
    paused_s: float
    segments: int
    voiced_s: float
    shares: Mapping[str, float]
    certain_share: float | None
    transitions: Mapping[tuple[str, str], int]
    pauses: Pauses | None
    moments: tuple[PeakMoment, ...]


def speech_statistics(store: Store, info: SessionInfo, moments: int = 5) -> list[ChannelStatistics]:
    """Statistics of each channel of a session.

    Parameters
    ----------
    store, info
        The session.
    moments
        Number of most certain moments to find.

    Raises
    ------
    StoreError
        The store cannot be read.
    """
    segments: defaultdict[int, list[Segment]] = defaultdict(list)
    for segment in store.segments(info.id):
        segments[segment.channel].append(segment)
    return [
        channel_statistics(
            store.columns(info.id, channel.number),
            sorted(segments[channel.number], key=lambda segment: segment.start_s),
            moments,
        )
        for channel in info.channels
    ]


def channel_statistics(
    columns: Columns, segments: Sequence[Segment], moments: int
) -> ChannelStatistics:
    """Statistics of a channel of a session.

    Parameters
    ----------
    columns
        All updates of the channel.
    segments
        All segments of the channel, in order of time.
    moments
        Number of most certain moments to find.
    """
    voiced: defaultdict[str, float] = defaultdict(float)
    for segment in segments:
        voiced[segment.estimate.label] += segment.voiced_s
    whole = sum(voiced.values())
    certain = sum(segment.voiced_s for segment in segments if segment.estimate.certain)
    by_share = sorted(voiced.items(), key=lambda item: -item[1])
    names = [segment.estimate.label for segment in segments]
    return ChannelStatistics(
        channel=columns.channel,
        duration_s=float(columns.time_s[-1]) if len(columns) else 0.0,
        speech_s=_time(columns, State.SPEECH),
        lost_s=_time(columns, State.LOST),
        paused_s=_time(columns, State.PAUSED),
        segments=len(segments),
        voiced_s=whole,
        shares={label: value / whole for label, value in by_share} if whole else {},
        certain_share=certain / whole if whole else None,
        transitions=Counter(pairwise(names)),
        pauses=_pauses(columns, segments),
        moments=_moments(columns, moments),
    )


def _time(columns: Columns, state: State) -> float:
    return int(np.count_nonzero(columns.state == STATES.index(state))) * STEP_S


def _pauses(columns: Columns, segments: Sequence[Segment]) -> Pauses | None:
    interrupted = np.isin(columns.state, [STATES.index(s) for s in (State.LOST, State.PAUSED)])
    times_s = columns.time_s[interrupted]
    found = []
    for before, after in pairwise(segments):
        start_s, length_s = before.end_s, after.start_s - before.end_s
        missing = np.searchsorted(times_s, (start_s, after.start_s), "right")
        if length_s > STEP_S / 2 and missing[0] == missing[1]:
            found.append((length_s, start_s))
    if not found:
        return None
    lengths = [length_s for length_s, _ in found]
    longest_s, at_s = max(found)
    return Pauses(len(found), median(lengths), longest_s, sum(lengths), at_s)


def _moments(columns: Columns, count: int) -> tuple[PeakMoment, ...]:
    speech = np.flatnonzero(columns.speech & (columns.label >= 0))
    if not len(speech):
        return ()
    numbers, confidence = columns.segment[speech], columns.confidence[speech]
    starts = np.flatnonzero(np.diff(numbers, prepend=numbers[0] + 1))
    best = np.maximum.reduceat(confidence, starts)
    ends = [*starts[1:].tolist(), len(speech)]
    runs = heapq.nlargest(count, range(len(starts)), key=lambda run: best[run])
    surest = (
        int(speech[starts[run] + int(np.argmax(confidence[starts[run] : ends[run]]))])
        for run in runs
    )
    return tuple(
        PeakMoment(
            float(columns.time_s[index]),
            int(columns.segment[index]),
            columns.labels[int(columns.label[index])],
            float(columns.confidence[index]),
        )
        for index in surest
    )

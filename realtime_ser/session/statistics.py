"""Statistics of sessions: sums while one runs, and what a finished one was like."""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from statistics import median
from types import MappingProxyType
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.labels import label_shares
from realtime_ser.base.records import (
    STEP_S,
    Quality,
    Record,
    Segment,
    SegmentVoice,
    State,
    Update,
)
from realtime_ser.recogniser.speaker_calibration import SEGMENT_STEPS, VoiceDistance
from realtime_ser.session.corrections import SegmentKey, corrected_labels
from realtime_ser.session.metadata import voice_reference
from realtime_ser.session.store import Columns, Reader, SessionInfo, Store
from realtime_ser.session.store.values import CORRECTED

_LONGEST_MS = 10_000
_MOMENTS = 5  # the most certain ones of a session

LeftOut: TypeAlias = dict[Quality, float]
"""Voiced duration that is left out of shares, in seconds, by the quality of the sound."""

NOT_CORRECTED: Mapping[SegmentKey, str] = MappingProxyType({})

# --------------------------------------------------------------------------------------- segments


class SegmentTally:
    """Sums over segments, in constant memory.

    A segment whose sound is not usable counts in no share, unless a person gave it a label.

    Attributes
    ----------
    segments
        Number of segments, those left out of the shares among them.
    voiced_s
        Voiced duration of the segments that count in the shares, in seconds.
    left_out_s
        Voiced duration of the others by the quality of their sound, in seconds.
    """

    def __init__(self) -> None:
        self.segments = 0
        self.voiced_s = 0.0
        self.left_out_s: LeftOut = {}
        self._certain_s = 0.0
        self._estimated_s = 0.0
        self._by_quality: defaultdict[Quality, float] = defaultdict(float)
        self._by_label: defaultdict[str, float] = defaultdict(float)
        self._weighted: NDArray[np.float64] | None = None

    @classmethod
    def of(
        cls, segments: Iterable[Segment], corrected: Mapping[SegmentKey, str] = NOT_CORRECTED
    ) -> Self:
        """Sums over all of ``segments``, some of which a person gave a label."""
        tally = cls()
        for segment in segments:
            tally.feed(segment, corrected.get((segment.channel, segment.number)))
        return tally

    def feed(self, segment: Segment, corrected: str | None = None) -> None:
        """Take the next segment, and the label that a person gave to it."""
        estimate, voiced_s = segment.estimate, segment.voiced_s
        self.segments += 1
        self._by_quality[estimate.quality] += voiced_s
        if estimate.quality.usable:
            weighted = voiced_s * estimate.probabilities.astype(np.float64)
            self._weighted = weighted if self._weighted is None else self._weighted + weighted
            self._estimated_s += voiced_s
        elif corrected is None:
            so_far_s = self.left_out_s.get(estimate.quality, 0.0)
            self.left_out_s[estimate.quality] = so_far_s + voiced_s
            return
        self._by_label[corrected or estimate.label] += voiced_s
        self._certain_s += voiced_s if estimate.certain or corrected else 0.0
        self.voiced_s += voiced_s

    @property
    def quality(self) -> Quality:
        """Quality of the sound for most of the voiced duration."""
        found = self._by_quality
        return max(found, key=found.__getitem__, default=Quality.UNMEASURED)

    @property
    def probabilities(self) -> NDArray[np.float64] | None:
        """The model's results averaged by voiced duration, shape ``(labels,)``; ``None``: none."""
        return None if self._weighted is None else self._weighted / self._estimated_s

    @property
    def shares(self) -> dict[str, float]:
        """Share of the voiced duration whose segments carry a label, the largest first."""
        return label_shares(self._by_label)

    @property
    def certain_share(self) -> float | None:
        """Share of the voiced duration whose segments are certain, by the model or by a person.

        ``None`` without segments that count.
        """
        return self._certain_s / self.voiced_s if self.voiced_s else None


# ------------------------------------------------------------------------------- a running session


@dataclass(frozen=True, slots=True)
class ChannelSummary:
    """Summary of a channel.

    Attributes
    ----------
    speech_s, lost_s
        Time of speech steps, and lost time.
    segments
        Number of finished segments.
    voiced_s
        Voiced duration of these segments, in seconds.
    probabilities
        The segments' results averaged by voiced duration, shape ``(labels,)``; ``None`` without
        speech.
    shares
        Share of the voiced duration whose segments carry a label, the largest first.
    left_out_s
        Voiced duration in no share, as its sound was not usable, in seconds by its quality.
    certain_share
        Share of the voiced duration whose segments are certain; ``None`` without any that counts.
    far
        Whether the voice is far from the model's reference of neutral speech.
    latency_ms
        Latency that half of the updates, and 95 % of them, do not exceed; ``None`` for files.
    """

    speech_s: float = 0.0
    lost_s: float = 0.0
    segments: int = 0
    voiced_s: float = 0.0
    probabilities: NDArray[np.float64] | None = None
    shares: dict[str, float] = field(default_factory=dict)
    left_out_s: LeftOut = field(default_factory=dict)
    certain_share: float | None = None
    far: bool = False
    latency_ms: tuple[float, float] | None = None


class _ChannelTally:
    """Sums over the records of a channel."""

    def __init__(self, reference: Sequence[float] | None) -> None:
        self.segments = SegmentTally()
        self.voice = VoiceDistance(reference)
        self._steps = dict.fromkeys(State, 0)
        self._latencies = np.zeros(_LONGEST_MS, np.int64)

    def add(self, update: Update) -> None:
        self._steps[update.state] += 1
        self.voice.feed(update)
        if update.latency_ms is not None:
            self._latencies[min(max(0, int(update.latency_ms)), _LONGEST_MS - 1)] += 1

    def summary(self) -> ChannelSummary:
        return ChannelSummary(
            speech_s=self._steps[State.SPEECH] * STEP_S,
            lost_s=self._steps[State.LOST] * STEP_S,
            segments=self.segments.segments,
            voiced_s=self.segments.voiced_s,
            probabilities=self.segments.probabilities,
            shares=self.segments.shares,
            left_out_s=dict(self.segments.left_out_s),
            certain_share=self.segments.certain_share,
            far=self.voice.far,
            latency_ms=self._latency() if self._latencies.any() else None,
        )

    def _latency(self) -> tuple[float, float]:
        """Median and 95th percentile, to the millisecond."""
        reached = np.cumsum(self._latencies)
        median_ms, most_ms = (int(np.searchsorted(reached, q * reached[-1])) for q in (0.5, 0.95))
        return float(median_ms), float(most_ms)


class SummaryAccumulator:
    """Sums of all records so far.

    ``reference`` is the model's of neutral speech, as :func:`voice_reference` gives it.
    """

    def __init__(self, reference: Sequence[float] | None = None) -> None:
        self._channels: defaultdict[int, _ChannelTally] = defaultdict(
            partial(_ChannelTally, reference)
        )

    @property
    def far(self) -> bool:
        """Whether a voice so far is far from the model's reference of neutral speech."""
        return any(channel.voice.far for channel in list(self._channels.values()))

    def feed(self, record: Record) -> None:
        """Take the next record."""
        if isinstance(record, Update):
            self._channels[record.channel].add(record)
        elif isinstance(record, Segment):
            channel = self._channels[record.channel]
            channel.segments.feed(record)
            channel.voice.end_segment(record)

    def summary(self) -> dict[int, ChannelSummary]:
        """Summary of each channel so far."""
        return {channel: self._channels[channel].summary() for channel in sorted(self._channels)}


# ------------------------------------------------------------------------------- a finished session


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
    shares
        Share of the voiced duration whose segments carry a label, the largest first.
    certain_share
        Share of the voiced duration whose segments are certain; ``None`` without segments.
    left_out_s
        Voiced duration in no share, as its sound was not usable, in seconds by its quality.
    transitions
        Number of times that a segment of a label was followed by a segment of a label.
    pauses
        Statistics of the pauses; ``None``: there was no pause.
    moments
        The most certain moments, at most one a segment, the surest first.
    far
        Whether the voice is far from the model's reference of neutral speech.
    voice
        What the voice did in all segments together; ``None`` where it was not measured.
    """

    channel: int
    duration_s: float
    speech_s: float
    lost_s: float
    paused_s: float
    segments: int
    shares: Mapping[str, float]
    certain_share: float | None
    left_out_s: Mapping[Quality, float]
    transitions: Mapping[tuple[str, str], int]
    pauses: Pauses | None
    moments: tuple[PeakMoment, ...]
    far: bool = False
    voice: SegmentVoice | None = None


def labels_by_hand(store: Reader, name: str) -> dict[SegmentKey, str]:
    """Label that a person gave to each segment of a session that they corrected."""
    intervals = [one for one in store.intervals(name) if one.tier == CORRECTED and one.label]
    return corrected_labels(store.segments(name), intervals) if intervals else {}


def session_tally(store: Reader, name: str, channels: Container[int] | None = None) -> SegmentTally:
    """Sums over a session's segments, of all or some channels, as a person corrected them."""
    segments = store.segments(name)
    return SegmentTally.of(
        (one for one in segments if channels is None or one.channel in channels),
        labels_by_hand(store, name),
    )


def session_shares(store: Reader, name: str) -> dict[str, float]:
    """Share of the voiced duration whose segments carry a label, the largest first."""
    by_hand = labels_by_hand(store, name)
    if by_hand:
        return SegmentTally.of(store.segments(name), by_hand).shares
    return store.shares(name)


def speech_statistics(store: Store, info: SessionInfo) -> list[ChannelStatistics]:
    """Statistics of each channel of a session."""
    corrected, reference = labels_by_hand(store, info.id), voice_reference(info.metadata)
    return [
        channel_statistics(
            store.columns(info.id, channel.number),
            sorted(store.segments(info.id, channel.number), key=lambda segment: segment.start_s),
            corrected,
            reference,
        )
        for channel in info.channels
    ]


def channel_statistics(
    columns: Columns,
    segments: Sequence[Segment],
    corrected: Mapping[SegmentKey, str] = NOT_CORRECTED,
    reference: Sequence[float] | None = None,
) -> ChannelStatistics:
    """Statistics of a channel from all its updates, and all its segments in order of time.

    ``corrected`` are the labels that a person gave to segments, ``reference`` is what
    :func:`voice_reference` gives.
    """
    tally = SegmentTally.of(segments, corrected)
    names = [
        label or segment.estimate.label
        for segment in segments
        if (label := corrected.get((segment.channel, segment.number)))
        or segment.estimate.quality.usable
    ]
    return ChannelStatistics(
        channel=columns.channel,
        duration_s=float(columns.time_s[-1]) if len(columns) else 0.0,
        speech_s=_time(columns, State.SPEECH),
        lost_s=_time(columns, State.LOST),
        paused_s=_time(columns, State.PAUSED),
        segments=tally.segments,
        shares=tally.shares,
        certain_share=tally.certain_share,
        left_out_s=tally.left_out_s,
        transitions=Counter(pairwise(names)),
        pauses=_pauses(columns, segments),
        moments=_moments(columns),
        far=_is_far(columns, segments, reference),
        voice=_voice(columns, segments),
    )


def _voice(columns: Columns, segments: Sequence[Segment]) -> SegmentVoice | None:
    """F0 over all steps of speech; the rest is the segments' by their lengths."""
    found = [
        (segment.end_s - segment.start_s, segment.voice)
        for segment in segments
        if segment.voice is not None
    ]
    if not found:
        return None
    f0 = columns.voice["f0_hz"][columns.within(State.SPEECH)]
    low, middle, high = (
        np.percentile(f0[np.isfinite(f0)], (5, 50, 95)) if np.isfinite(f0).any() else [None] * 3
    )
    power = _mean((length_s, 10 ** (voice.loudness_lufs / 10)) for length_s, voice in found)
    return SegmentVoice(
        f0_hz=None if middle is None else float(middle),
        f0_range_semitones=None if high is None else 12 * math.log2(high / low),
        loudness_lufs=10 * math.log10(power or 1e-12),
        speaking_rate=_mean((length_s, voice.speaking_rate) for length_s, voice in found),
        pause_share=_mean((length_s, voice.pause_share) for length_s, voice in found) or 0.0,
        activation=_mean((length_s, voice.activation) for length_s, voice in found),
    )


def _mean(weighted: Iterable[tuple[float, float | None]]) -> float | None:
    """Mean of the values that are known, by their weights; ``None``: there are none."""
    known = [(weight, value) for weight, value in weighted if value is not None]
    total = sum(weight for weight, _ in known)
    return sum(weight * value for weight, value in known) / total if total else None


def _is_far(
    columns: Columns, segments: Sequence[Segment], reference: Sequence[float] | None
) -> bool:
    voice = VoiceDistance(reference)
    for segment in segments:
        if voice.known:
            break
        steps = np.flatnonzero(columns.segment == segment.number)
        if len(steps):
            early = steps[columns.step[steps] - columns.step[steps[0]] < SEGMENT_STEPS]
            voice.add(columns.probabilities[early[-1]], segment)
    return voice.far


def _time(columns: Columns, state: State) -> float:
    return int(np.count_nonzero(columns.within(state))) * STEP_S


def _pauses(columns: Columns, segments: Sequence[Segment]) -> Pauses | None:
    interrupted = columns.within(State.LOST, State.PAUSED)
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


def _moments(columns: Columns) -> tuple[PeakMoment, ...]:
    speech = np.flatnonzero(columns.speech & (columns.label >= 0) & columns.usable)
    if not len(speech):
        return ()
    numbers, confidence = columns.segment[speech], columns.confidence[speech]
    starts = np.flatnonzero(np.diff(numbers, prepend=numbers[0] + 1))
    best = np.maximum.reduceat(confidence, starts)
    ends = [*starts[1:].tolist(), len(speech)]
    runs = heapq.nlargest(_MOMENTS, range(len(starts)), key=lambda run: best[run])
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

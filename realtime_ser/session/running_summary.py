"""Summary of a session while it runs, in constant memory."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.records import STEP_S, Record, Segment, State, Update

_LONGEST_MS = 10_000


@dataclass(frozen=True, slots=True)
class ChannelSummary:
    """Summary of a channel.

    Attributes
    ----------
    duration_s, speech_s, lost_s
        Time covered by steps, time of speech steps, and lost time.
    segments
        Number of finished segments.
    voiced_s
        Voiced duration of these segments, in seconds.
    probabilities
        The segments' results averaged by voiced duration, shape ``(labels,)``; ``None`` without
        speech.
    shares
        Share of the voiced duration whose segments carry a label, the largest first.
    latency_ms
        Latency that half of the updates, and 95 % of them, do not exceed; ``None`` for files.
    """

    duration_s: float = 0.0
    speech_s: float = 0.0
    lost_s: float = 0.0
    segments: int = 0
    voiced_s: float = 0.0
    probabilities: NDArray[np.float64] | None = None
    shares: dict[str, float] = field(default_factory=dict)
    latency_ms: tuple[float, float] | None = None


@dataclass(slots=True)
class _ChannelAccumulator:
    steps: dict[State, int] = field(default_factory=lambda: dict.fromkeys(State, 0))
    segments: int = 0
    voiced_s: float = 0.0
    weighted: NDArray[np.float64] | None = None
    voiced_by_label: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    latencies: NDArray[np.int64] = field(default_factory=lambda: np.zeros(_LONGEST_MS, np.int64))

    def add_update(self, update: Update) -> None:
        self.steps[update.state] += 1
        if update.latency_ms is not None:
            self.latencies[min(max(0, int(update.latency_ms)), _LONGEST_MS - 1)] += 1

    def add_segment(self, segment: Segment) -> None:
        share = segment.voiced_s * segment.estimate.probabilities.astype(np.float64)
        self.weighted = share if self.weighted is None else self.weighted + share
        self.voiced_s += segment.voiced_s
        self.voiced_by_label[segment.estimate.label] += segment.voiced_s
        self.segments += 1

    def summary(self) -> ChannelSummary:
        by_share = sorted(self.voiced_by_label.items(), key=lambda item: -item[1])
        return ChannelSummary(
            duration_s=sum(self.steps.values()) * STEP_S,
            speech_s=self.steps[State.SPEECH] * STEP_S,
            lost_s=self.steps[State.LOST] * STEP_S,
            segments=self.segments,
            voiced_s=self.voiced_s,
            probabilities=None if self.weighted is None else self.weighted / self.voiced_s,
            shares={label: voiced / self.voiced_s for label, voiced in by_share},
            latency_ms=self._latency() if self.latencies.any() else None,
        )

    def _latency(self) -> tuple[float, float]:
        """Median and 95th percentile, to the millisecond."""
        reached = np.cumsum(self.latencies)
        median, most = (int(np.searchsorted(reached, q * reached[-1])) for q in (0.5, 0.95))
        return float(median), float(most)


class SummaryAccumulator:
    """Sums of all records so far."""

    def __init__(self) -> None:
        self._channels: defaultdict[int, _ChannelAccumulator] = defaultdict(_ChannelAccumulator)

    def feed(self, record: Record) -> None:
        """Take the next record."""
        if isinstance(record, Update):
            self._channels[record.channel].add_update(record)
        elif isinstance(record, Segment):
            self._channels[record.channel].add_segment(record)

    def summary(self) -> dict[int, ChannelSummary]:
        """Summary of each channel so far."""
        return {channel: self._channels[channel].summary() for channel in sorted(self._channels)}

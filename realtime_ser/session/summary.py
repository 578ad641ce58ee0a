"""How a session or a file went, in a few numbers."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from realtime_ser.records import STEP_S, Record, Segment, State, Update


@dataclass(frozen=True, slots=True)
class ChannelSummary:
    """One channel of a session.

    Attributes
    ----------
    duration_s, speech_s, lost_s
        Time covered by steps, time of speech steps, and lost time.
    segments
        Number of finished segments.
    probabilities
        The segments' results averaged by voiced duration, shape ``(labels,)``; ``None`` without
        speech.
    """

    duration_s: float = 0.0
    speech_s: float = 0.0
    lost_s: float = 0.0
    segments: int = 0
    probabilities: NDArray[np.float64] | None = None


@dataclass(slots=True)
class _Tally:
    steps: dict[State, int] = field(default_factory=lambda: dict.fromkeys(State, 0))
    segments: int = 0
    voiced_s: float = 0.0
    weighted: NDArray[np.float64] | None = None

    def add(self, segment: Segment) -> None:
        share = segment.voiced_s * segment.estimate.probabilities.astype(np.float64)
        self.weighted = share if self.weighted is None else self.weighted + share
        self.voiced_s += segment.voiced_s
        self.segments += 1

    def summary(self) -> ChannelSummary:
        return ChannelSummary(
            duration_s=sum(self.steps.values()) * STEP_S,
            speech_s=self.steps[State.SPEECH] * STEP_S,
            lost_s=self.steps[State.LOST] * STEP_S,
            segments=self.segments,
            probabilities=None if self.weighted is None else self.weighted / self.voiced_s,
        )


class Tally:
    """Sums up records as they come, with constant memory."""

    def __init__(self) -> None:
        self._channels: defaultdict[int, _Tally] = defaultdict(_Tally)

    def add(self, record: Record) -> None:
        """Count one record."""
        if isinstance(record, Update):
            self._channels[record.channel].steps[record.state] += 1
        elif isinstance(record, Segment):
            self._channels[record.channel].add(record)

    def summary(self) -> dict[int, ChannelSummary]:
        """Summary of each channel so far."""
        return {channel: self._channels[channel].summary() for channel in sorted(self._channels)}

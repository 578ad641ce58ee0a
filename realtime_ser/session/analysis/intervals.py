"""What the steps of an analysed file say of intervals that a person brings."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.errors import UsageError
from realtime_ser.base.records import STEP_S, Estimate, Quality, SegmentVoice
from realtime_ser.base.text import exact_clock
from realtime_ser.recogniser.bundle import Decoder
from realtime_ser.recogniser.voice_measures import (
    ACTIVATION_WINDOW_S,
    PAUSE_STEPS,
    RATE_WINDOW_S,
    f0_statistics,
)
from realtime_ser.session.store import Columns, SessionInfo, Store
from realtime_ser.session.store.blobs import QUALITIES

_LOUDNESS_WINDOW_S = 0.4
_TOLERANCE_S = 1.0  # by which other programs' intervals may end behind the sound


@dataclass(frozen=True, slots=True)
class GivenInterval:
    """A labelled stretch of a recording by a person, in seconds from the recording's start."""

    tier: str
    label: str
    start_s: float
    end_s: float


ReadIntervals: TypeAlias = Callable[[Path], Sequence[GivenInterval]]
"""Reads the intervals of a file; processes are given it by name."""


@dataclass(frozen=True, slots=True)
class IntervalSummary:
    """Summary of a channel within an interval.

    Attributes
    ----------
    given, channel
        The interval, and the channel's number.
    speech_s
        Time of the speech steps, in seconds.
    estimate
        Mean of the speech steps whose sound is usable; ``None``: there are none.
    certain_share
        Share of those steps that are certain.
    left_out_s
        Time of the other speech steps, in seconds.
    quality
        Quality of the sound of most speech steps.
    voice
        What the voice did; ``None`` where it is not measured, and without speech.
    """

    given: GivenInterval
    channel: int
    speech_s: float
    estimate: Estimate | None
    certain_share: float | None
    left_out_s: float
    quality: Quality
    voice: SegmentVoice | None


def summarise_intervals(
    store: Store, info: SessionInfo, decoder: Decoder, given: Sequence[GivenInterval]
) -> Iterator[IntervalSummary]:
    """Summaries of the intervals in order, each for every channel.

    A step belongs to the interval that holds its middle.

    Raises
    ------
    UsageError
        An interval lies behind the end of the recording.
    """
    outside = [one for one in given if one.end_s > info.duration_s + _TOLERANCE_S]
    if outside:
        raise UsageError(
            f"An interval '{outside[0].label}' ends at {exact_clock(outside[0].end_s)}, but "
            f"{info.metadata.name} at {exact_clock(info.duration_s)}: are they another "
            "recording's intervals?"
        )
    heard = [
        _ChannelSteps(store.columns(info.id, channel.number), decoder) for channel in info.channels
    ]
    for interval in given:
        for channel in heard:
            yield channel.summary(interval)


class _ChannelSteps:
    """Steps of a channel, of which parts are summed up."""

    def __init__(self, columns: Columns, decoder: Decoder) -> None:
        self._columns = columns
        self._decoder = decoder
        self._middle_s = columns.time_s - STEP_S / 2
        self._paused = _pauses(columns.voiced)

    def summary(self, given: GivenInterval) -> IntervalSummary:
        first, end = np.searchsorted(self._middle_s, (given.start_s, given.end_s)).tolist()
        columns = self._columns.part(slice(first, end))
        spoken = columns.speech
        counted = spoken & columns.usable
        qualities = np.bincount(columns.quality[spoken], minlength=len(QUALITIES))
        estimate = certain_share = None
        if counted.any():
            mean = columns.probabilities[counted].mean(axis=0, dtype=np.float64)
            estimate = self._decoder.estimate(mean)
            certain_share = float(columns.certain[counted].mean())
        return IntervalSummary(
            given,
            columns.channel,
            float(np.count_nonzero(spoken)) * STEP_S,
            estimate,
            certain_share,
            float(np.count_nonzero(spoken & ~counted)) * STEP_S,
            QUALITIES[int(qualities.argmax())] if spoken.any() else Quality.UNMEASURED,
            self._voice(columns, spoken, first) if spoken.any() else None,
        )

    def _voice(
        self, columns: Columns, spoken: NDArray[np.bool_], first: int
    ) -> SegmentVoice | None:
        voice = columns.voice
        if np.isnan(voice["loudness_lufs"]).all():
            return None
        f0 = voice["f0_hz"][spoken].astype(np.float64)
        f0_hz, f0_range = f0_statistics(f0[~np.isnan(f0)])
        powers = 10.0 ** (_within(voice["loudness_lufs"], _LOUDNESS_WINDOW_S) / 10.0)
        return SegmentVoice(
            f0_hz=f0_hz,
            f0_range_semitones=f0_range,
            loudness_lufs=10.0 * math.log10(float(powers.mean())),
            speaking_rate=_mean(_within(voice["speaking_rate"], RATE_WINDOW_S)),
            pause_share=float(self._paused[first : first + len(columns)].mean()),
            activation=_mean(_within(voice["activation"], ACTIVATION_WINDOW_S)),
        )


def _pauses(voiced: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whether each step is part of a pause: of enough steps without a voiced gate frame."""
    edges = np.flatnonzero(np.diff(voiced == 0)) + 1
    paused = np.zeros(len(voiced), np.bool_)
    for start, end in zip([0, *edges.tolist()], [*edges.tolist(), len(voiced)], strict=True):
        paused[start:end] = end - start >= PAUSE_STEPS and voiced[start] == 0
    return paused


def _within(values: NDArray[np.float32], window_s: float) -> NDArray[np.float64]:
    """Values whose window lies in the interval; of a shorter interval the last alone."""
    return values[min(round(window_s / STEP_S), len(values)) - 1 :].astype(np.float64)


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None

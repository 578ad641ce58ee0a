"""Two takes of a passage: what each is like, and how they lie best above each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.records import STEP_S, Segment
from realtime_ser.base.text import percent_text
from realtime_ser.session.corrections import SegmentKey
from realtime_ser.session.statistics import NOT_CORRECTED, SegmentTally
from realtime_ser.timeline.content import ChannelContent
from realtime_ser.timeline.style import FLOOR_DB

_SHORTEST_PAUSE_S = 0.2
"""Shorter silence between two segments is none that one hears as a pause."""

_LEAST_OVERLAP = 0.5
"""Share of the shorter take that has to lie on the other one."""


@dataclass(frozen=True)
class Take:
    """A stretch of one channel of a session, in seconds of the session.

    ``level_dbfs`` is the RMS level of each step from the floor to 0, shape ``(steps,)``;
    ``segments`` are those that touch the stretch, ``corrected`` what a person called some of them.
    """

    channel: ChannelContent
    start_s: float
    end_s: float
    level_dbfs: NDArray[np.float64]
    segments: list[Segment]
    corrected: Mapping[SegmentKey, str]

    @property
    def length_s(self) -> float:
        """Its length."""
        return self.end_s - self.start_s

    @property
    def pauses(self) -> list[tuple[float, float]]:
        """Silence between two of its segments, from and to in seconds of the session."""
        return [
            (before.end_s, after.start_s)
            for before, after in pairwise(self.segments)
            if after.start_s - before.end_s >= _SHORTEST_PAUSE_S
        ]

    @property
    def onset_s(self) -> float:
        """When its first segment begins, in seconds from its start; 0 without speech."""
        first = self.segments[0].start_s if self.segments else self.start_s
        return max(0.0, first - self.start_s)


def make_take(
    channel: ChannelContent,
    start_s: float,
    end_s: float,
    corrected: Mapping[SegmentKey, str] = NOT_CORRECTED,
) -> Take:
    """A stretch of a channel, with the labels that a person gave to the session's segments."""
    count = max(1, round((end_s - start_s) / STEP_S))
    edges = start_s + np.arange(count + 1) * STEP_S
    level = channel.pyramid.read(edges).level_dbfs.astype(np.float64)
    return Take(
        channel,
        start_s,
        end_s,
        np.clip(level, FLOOR_DB, 0.0),
        channel.segments_between(start_s, end_s),
        corrected,
    )


@dataclass(frozen=True, slots=True)
class Alignment:
    """How much later the second take begins, and how their loudness correlates, -1 to 1."""

    shift_s: float
    correlation: float


def align_by_loudness(one: Take, other: Take) -> Alignment:
    """The shift, in whole steps, at which the loudness of two takes correlates best.

    Every shift is tried at which at least half of the shorter take lies on the other one; for each,
    Pearson's correlation of the levels in decibels is taken over what lies on each other. One shift
    holds for the whole take: a take that is spoken more slowly is not stretched.
    """
    first, second = one.level_dbfs, other.level_dbfs
    least = max(2, int(_LEAST_OVERLAP * min(len(first), len(second))))
    shifts = np.arange(least - len(second), len(first) - least + 1)
    ones_first, ones_second = np.ones(len(first)), np.ones(len(second))
    counts = np.round(_cross_correlation(ones_first, ones_second, shifts))
    sum_first = _cross_correlation(first, ones_second, shifts)
    sum_second = _cross_correlation(ones_first, second, shifts)
    power_first = _cross_correlation(first**2, ones_second, shifts) - sum_first**2 / counts
    power_second = _cross_correlation(ones_first, second**2, shifts) - sum_second**2 / counts
    common = _cross_correlation(first, second, shifts) - sum_first * sum_second / counts
    # A stretch of one level correlates with nothing.
    spread = np.sqrt(np.maximum(power_first, 0.0) * np.maximum(power_second, 0.0))
    flat = spread < 1e-6 * counts
    found = np.where(flat, -1.0, common / np.where(flat, 1.0, spread))
    best = int(np.argmax(found))
    return Alignment(float(shifts[best]) * STEP_S, float(np.clip(found[best], -1.0, 1.0)))


def align_by_onset(one: Take, other: Take) -> Alignment:
    """The shift at which the first segments begin together."""
    return alignment_at(one, other, one.onset_s - other.onset_s)


def alignment_at(one: Take, other: Take, shift_s: float) -> Alignment:
    """A shift that somebody chose, and the correlation of the loudness there; NaN without any."""
    shift = round(shift_s / STEP_S)
    begin, end = max(0, shift), min(len(one.level_dbfs), len(other.level_dbfs) + shift)
    first = one.level_dbfs[begin:end]
    second = other.level_dbfs[begin - shift : end - shift]
    correlation = float("nan")
    if end - begin >= 2 and first.std() > 0 and second.std() > 0:
        correlation = float(np.corrcoef(first, second)[0, 1])
    return Alignment(shift_s, correlation)


def comparison_figures(take: Take) -> dict[str, str]:
    """Figures of a take by their names, as text with units."""
    speech_s = sum(
        min(one.end_s, take.end_s) - max(one.start_s, take.start_s) for one in take.segments
    )
    lengths = [end - start for start, end in take.pauses]
    bins = take.channel.pyramid.read(take.start_s + np.arange(len(take.level_dbfs) + 1) * STEP_S)
    spoken = take.level_dbfs[bins.speech]
    low, level, high = np.percentile(spoken, (10, 50, 90)) if len(spoken) else (0.0, 0.0, 0.0)
    shares = [*SegmentTally.of(take.segments, take.corrected).shares.items()][:2]
    mostly = ", ".join(f"{label} {percent_text(share)}" for label, share in shares)
    return {
        "length": f"{take.length_s:.1f} s",
        "speaking time": f"{speech_s:.1f} s",
        "pauses": f"{len(lengths)}",
        "in pauses": f"{sum(lengths):.1f} s",
        "median pause": f"{median(lengths):.2f} s" if lengths else "–",
        "longest pause": f"{max(lengths):.2f} s" if lengths else "–",
        "loudness, median": f"{level:.1f} dBFS".replace("-", "\u2212") if len(spoken) else "–",
        "loudness, 10 to 90 %": f"{high - low:.1f} dB" if len(spoken) else "–",
        "sounds mostly": mostly or "–",
    }


def _cross_correlation(
    one: NDArray[np.float64], other: NDArray[np.float64], shifts: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Sums of products, the second shifted so much to the right."""
    size = 1 << int(len(one) + len(other) - 1).bit_length()
    spectrum = np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size))
    return np.fft.irfft(spectrum, size)[shifts % size]

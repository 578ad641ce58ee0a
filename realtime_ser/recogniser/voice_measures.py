"""What a voice does, step by step: pitch, loudness, speaking rate, pauses, activation.

Measured of the same samples as the model hears, beside it and without a bundle. Nothing looks
ahead of its step, and a result does not depend on how the samples were cut into blocks.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import median
from typing import overload

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.records import (
    HOP,
    SAMPLE_RATE,
    STEP,
    STEP_FRAMES,
    STEP_S,
    SegmentVoice,
    VoiceMeasures,
)
from realtime_ser.recogniser.activation import RunningBaseline, VoiceBaseline, VoiceStep
from realtime_ser.recogniser.features import windows_of
from realtime_ser.recogniser.loudness import LoudnessMeter, loudness
from realtime_ser.recogniser.periodicity import POWER_FLOOR
from realtime_ser.recogniser.pitch import FFT, WINDOW, PitchTracker
from realtime_ser.recogniser.segmenter import Step
from realtime_ser.recogniser.syllables import SyllableDetector

PAUSE_STEPS = 3
"""Steps without a voiced gate frame that make a pause, 240 ms: less is part of speaking."""

PAUSE_WINDOW_S = 10.0
"""Time that a pause share is of, in seconds."""

RATE_WINDOW_S = 4.0
"""Time in which syllables are counted, in seconds."""

ACTIVATION_WINDOW_S = 3.0
"""Time over which activation is averaged, in seconds."""

_LEAST_SPEAKING_S = 1.0
_LEAST_RATED = 4
_OVERHANG = WINDOW // 2 - HOP // 2
"""Samples of the first pitch window that lie before the step."""

_LOW = slice(round(80.0 * FFT / SAMPLE_RATE), round(500.0 * FFT / SAMPLE_RATE))
_HIGH = slice(_LOW.stop, round(4000.0 * FFT / SAMPLE_RATE))
_RANGE_PERCENTILES = (5.0, 95.0)


@dataclass(slots=True)
class StepFacts:
    """What is known of a step; pauses and syllables may be found out a little later.

    ``f0_hz`` and ``activation`` are NaN without a voice.
    """

    index: int
    f0_hz: float
    power: float  # after K-weighting
    activation: float
    paused: bool = False
    syllables: int = 0


class VoiceMeter:
    """Meter of the voice of one channel.

    Parameters
    ----------
    baseline
        How the person speaks, by a profile; ``None``: as in the session so far.
    """

    def __init__(self, baseline: VoiceBaseline | None = None) -> None:
        self._baseline = baseline
        self._heard = RunningBaseline()
        self._pitch = PitchTracker()
        self._loudness = LoudnessMeter()
        self._syllables = SyllableDetector()
        self._facts: deque[StepFacts] = deque(maxlen=round(PAUSE_WINDOW_S / STEP_S))
        self.reset()

    def reset(self) -> None:
        """Forget the sound, where time was lost; the baseline stays."""
        self._pitch.reset()
        self._loudness.reset()
        self._syllables.reset()
        self._facts.clear()
        self._past = np.zeros(_OVERHANG, np.float32)
        self._silent = 0

    def push(self, step: Step) -> VoiceMeasures:
        """Measures of the next step."""
        sound = step.span[:STEP]
        samples = np.concatenate([self._past, step.span])
        self._past = sound[STEP - _OVERHANG :]
        windows = windows_of(samples, WINDOW, HOP)
        power = self._pitch.spectra.power(windows)
        f0 = self._pitch.push(windows, power)
        has_f0 = ~np.isnan(f0)
        in_speech = step.speech or step.voiced > 0
        voiced = in_speech and 2 * int(np.count_nonzero(has_f0)) >= STEP_FRAMES
        f0_hz = median(f0[has_f0].tolist()) if voiced else math.nan
        hf500_db = _hf500(power[has_f0]) if voiced else math.nan
        activation = self._rate(f0_hz, step.level_dbfs, hf500_db) if voiced else math.nan
        facts = StepFacts(step.index, f0_hz, self._loudness.push(sound), activation)
        self._facts.append(facts)
        self._count(self._syllables.push(sound, has_f0), step)
        return VoiceMeasures(
            f0_hz=_single(_known(f0_hz)),
            loudness_lufs=_single(self._loudness.momentary),
            speaking_rate=_single(_speaking_rate(self._last(RATE_WINDOW_S))),
            pause_share=_single(_pause_share(self._facts)),
            activation=_single(_activation(self._last(ACTIVATION_WINDOW_S))),
            hf500_db=_single(_known(hf500_db)),
        )

    def since(self, step: int) -> list[StepFacts]:
        """Facts of the last steps from a step on."""
        return [facts for facts in self._facts if facts.index >= step]

    @property
    def newest(self) -> StepFacts:
        """Facts of the newest step."""
        return self._facts[-1]

    def _rate(self, f0_hz: float, level_dbfs: float, hf500_db: float) -> float:
        """Activation of a step with an F0; NaN: there is no baseline yet."""
        heard = VoiceStep(math.log2(f0_hz), level_dbfs, hf500_db)
        baseline = self._baseline or self._heard.so_far()
        self._heard.feed(heard)
        return math.nan if baseline is None else baseline.activation(heard)

    def _count(self, syllables: Sequence[int], step: Step) -> None:
        """Note pauses, and the steps of syllables."""
        self._silent = 0 if step.voiced else self._silent + 1
        if self._silent >= PAUSE_STEPS:
            for facts in self._last(PAUSE_STEPS * STEP_S):
                facts.paused = True
        for back in syllables:
            if -back < len(self._facts):
                self._facts[back - 1].syllables += 1

    def _last(self, seconds: float) -> list[StepFacts]:
        return list(self._facts)[-round(seconds / STEP_S) :]


def segment_voice(facts: Sequence[StepFacts]) -> SegmentVoice:
    """What the voice did in a segment, by its steps."""
    f0 = np.array([one.f0_hz for one in facts])
    f0_hz, f0_range = f0_statistics(f0[~np.isnan(f0)])
    return SegmentVoice(
        f0_hz=_single(f0_hz),
        f0_range_semitones=_single(f0_range),
        loudness_lufs=_single(loudness(sum(one.power for one in facts) / len(facts))),
        speaking_rate=_single(_speaking_rate(facts, least_s=0.0)),
        pause_share=_single(_pause_share(facts)),
        activation=_single(_activation(facts, least=1)),
    )


def f0_statistics(f0: NDArray[np.float64]) -> tuple[float | None, float | None]:
    """Median in Hz, and range from the 5th to the 95th percentile in semitones; no F0: ``None``."""
    if not len(f0):
        return None, None
    # np.percentile brings numpy.ma along, 1.6 MB for the rest of the session.
    places = np.array(_RANGE_PERCENTILES) / 100.0 * (len(f0) - 1)
    low, high = np.interp(places, np.arange(len(f0)), np.sort(f0))
    return median(f0.tolist()), 12.0 * math.log2(float(high) / float(low))


def _hf500(power: NDArray[np.float64]) -> float:
    """Energy from 500 Hz to 4 kHz over that from 80 to 500 Hz, in dB."""
    low, high = (max(float(power[:, band].sum()), POWER_FLOOR) for band in (_LOW, _HIGH))
    return 10.0 * math.log10(high / low)


def _speaking_rate(facts: Sequence[StepFacts], least_s: float = _LEAST_SPEAKING_S) -> float | None:
    """Syllables a second of the time that is no pause; ``None``: too little of it."""
    speaking_s = STEP_S * [one.paused for one in facts].count(False)
    if speaking_s <= least_s:
        return None
    return sum([one.syllables for one in facts]) / speaking_s


def _pause_share(facts: Collection[StepFacts]) -> float:
    return [one.paused for one in facts].count(True) / len(facts)


def _activation(facts: Sequence[StepFacts], least: int = _LEAST_RATED) -> float | None:
    """Mean activation; ``None``: too few steps have any."""
    rated = [one.activation for one in facts if not math.isnan(one.activation)]
    return sum(rated) / len(rated) if len(rated) >= least else None


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


@overload
def _single(value: float) -> float: ...
@overload
def _single(value: float | None) -> float | None: ...
def _single(value: float | None) -> float | None:
    """A value as exact as the store keeps it, so that it is the same live and later."""
    return None if value is None else float(np.float32(value))

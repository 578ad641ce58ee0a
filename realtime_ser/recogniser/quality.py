"""Quality of the sound behind a result: its level, its background, its band, and its kind.

Measured of the same samples that the model hears, beside it and without a bundle, so that each
model gets the same answer. What is measured is remembered about as long as the model remembers.
"""

from __future__ import annotations

import math

import numpy as np

from realtime_ser.base.records import SILENCE_DBFS, STEP_S, Quality
from realtime_ser.recogniser.segmenter import Step
from realtime_ser.recogniser.voice_features import SegmentFeatures
from realtime_ser.recogniser.voice_judge import VoiceJudge

QUIET_DBFS = -66.0
"""Level of the loudest step below which 16 bits leave too little: half of the right answers go."""

FULL_SCALE = 0.985
"""Share of full scale from which a sample counts as clipped."""

CLIPPED_SHARE = 0.03
"""Share of the samples that may be clipped: recordings of the corpora have 0.001 at most."""

BACKGROUND_DB = 6.0
"""Least height of the voice above the gate's noise floor: a third of the voices have less in noise
as loud as they are, and hardly any without."""

STEADY_DB = 2.5
"""The same before the gate has heard a whole window, when its floor may be the voice's own: of
recordings that begin with a soft voice 42 % rise less than 6 dB in half a second, and 5 % less than
this; of steady noises 95 % stay below."""

TELEPHONE_DB = -30.0
"""Level from 4 to 5 kHz, in dB below the loudest band, that a whole voice reaches in time."""

_UNTIL_TELEPHONE = 12
"""Steps before a missing upper band counts: not every word has a consonant that reaches it."""

_HEIGHT_FALL_DB = 4.0 * STEP_S
_LEVEL_FALL_DB = 8.0 * STEP_S
_FADE = math.exp(-STEP_S / 1.5)


class QualityMeter:
    """Quality of the running segment of a channel."""

    def __init__(self, judge: VoiceJudge) -> None:
        self._judge = judge
        self._features = SegmentFeatures()
        self.restart()

    def restart(self) -> None:
        """Begin a segment."""
        self._features.restart()
        self._peak_dbfs = SILENCE_DBFS
        self._height_db = 0.0
        self._clipped = 0.0
        self._heard = 1e-9
        self._steps = 0

    def feed(self, step: Step) -> Quality:
        """Quality of the segment up to a step of it."""
        for span in step.spans:
            self._features.push(span)
        samples = step.spans[-1]
        clipped = float(np.count_nonzero(np.abs(samples) >= FULL_SCALE)) / len(samples)
        self._clipped = self._clipped * _FADE + clipped
        self._heard = self._heard * _FADE + 1.0
        self._peak_dbfs = max(step.level_dbfs, self._peak_dbfs - _LEVEL_FALL_DB)
        self._height_db = max(step.above_floor_db, self._height_db - _HEIGHT_FALL_DB)
        if self._peak_dbfs < QUIET_DBFS:
            return Quality.TOO_QUIET
        if self._clipped / self._heard > CLIPPED_SHARE:
            return Quality.OVERLOADED
        kind = self._judge.kind(self._features.vector())
        least_db = BACKGROUND_DB if step.floor_known else STEADY_DB
        if kind is not Quality.NOT_A_VOICE and self._height_db < least_db:
            return Quality.LOUD_BACKGROUND
        if kind is Quality.GOOD and self._height_db < BACKGROUND_DB:
            kind = Quality.DOUBTFUL_VOICE
        self._steps += 1
        narrow = self._features.upper_db < TELEPHONE_DB and self._steps > _UNTIL_TELEPHONE
        return Quality.TELEPHONE if kind is Quality.GOOD and narrow else kind

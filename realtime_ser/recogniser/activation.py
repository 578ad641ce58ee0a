"""Activation of a voice: pitch, intensity and upper energy against the speaker's own baseline.

A rule, not a model (Bone, Lee & Narayanan, Robust unsupervised arousal rating, IEEE Transactions on
Affective Computing 5(2), 2014): of each of the three, 2 P(x > baseline) - 1, and the mean of them.
Here each step with an F0 is rated, the baseline is a normal distribution, and the three weigh the
same: the weights of the paper need the whole recording.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field

from realtime_ser.base.records import Update

LEAST_STEPS = 63
"""Steps with an F0, five seconds of them, before a session is a baseline."""

_LEAST_DEVIATIONS = (0.05, 1.0, 1.0)
"""Octaves and dB: a baseline that hardly varies would make much of little."""


@dataclass(frozen=True, slots=True)
class VoiceStep:
    """What is rated of a step with an F0: octaves of F0 above 1 Hz, dBFS, and HF500 in dB."""

    octaves: float
    level_dbfs: float
    hf500_db: float

    @property
    def values(self) -> tuple[float, float, float]:
        """All three, in order."""
        return self.octaves, self.level_dbfs, self.hf500_db


class VoiceBaseline(BaseModel):
    """How a person speaks: mean and deviation of F0 in octaves, level in dBFS, HF500 in dB."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    means: tuple[float, float, float]
    deviations: tuple[float, float, float]
    steps: int = Field(ge=1)

    def activation(self, step: VoiceStep) -> float:
        """Activation of a step, from -1, below all of the baseline, to 1, above all of it."""
        parts = zip(step.values, self.means, self.deviations, _LEAST_DEVIATIONS, strict=True)
        rated = (
            math.erf((value - mean) / max(deviation, least) / math.sqrt(2.0))
            for value, mean, deviation, least in parts
        )
        return sum(rated) / len(_LEAST_DEVIATIONS)


@dataclass
class RunningBaseline:
    """Baseline that grows with each step (Welford, Technometrics 4, 1962)."""

    steps: int = 0
    means: list[float] = field(default_factory=lambda: [0.0] * 3)
    squares: list[float] = field(default_factory=lambda: [0.0] * 3)

    def feed(self, step: VoiceStep) -> None:
        """Take a step with an F0."""
        self.steps += 1
        for place, value in enumerate(step.values):
            before = value - self.means[place]
            self.means[place] += before / self.steps
            self.squares[place] += before * (value - self.means[place])

    def feed_update(self, update: Update) -> None:
        """Take the step of an update, if it has an F0."""
        voice = update.voice
        if voice is not None and voice.f0_hz is not None and voice.hf500_db is not None:
            self.feed(VoiceStep(math.log2(voice.f0_hz), update.level_dbfs, voice.hf500_db))

    def so_far(self) -> VoiceBaseline | None:
        """The baseline; ``None``: too little was heard."""
        if self.steps < LEAST_STEPS:
            return None
        m, s = self.means, [math.sqrt(square / self.steps) for square in self.squares]
        return VoiceBaseline.model_construct(
            means=(m[0], m[1], m[2]), deviations=(s[0], s[1], s[2]), steps=self.steps
        )

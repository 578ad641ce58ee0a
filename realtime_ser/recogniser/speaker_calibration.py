"""Speaker calibration: the correction of a model for a person's normal voice.

A voice, a microphone and a room shift a model's probabilities, whatever the emotion. The shift is
the difference between the mean log-probabilities of the person's neutral speech and those of many
speakers; the correction takes it off all later log-probabilities before they are renormalised, as
for a change of priors (Saerens et al., Adjusting the Outputs of a Classifier to New a Priori
Probabilities, Neural Computation 2002). Neutral speech alone serves for all emotions, as in Busso
et al., Iterative Feature Normalization for Emotional Speech Detection, ICASSP 2011, who normalise
features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from realtime_ser.base.records import STEP_S, Segment, Update
from realtime_ser.recogniser.activation import VoiceBaseline

LogProbability: TypeAlias = Annotated[float, Field(ge=-1000, le=0)]

SPEECH_S = 20.0  # voiced speech that a profile is made of, in seconds
SEGMENT_S = 2.4
"""Longest segment of a profile's speech: somebody who talks on is heard as the sentences of the
reference are, since the longer a segment, the surer the model of it."""

SEGMENT_STEPS = round(SEGMENT_S / STEP_S)
DISTANCE_S = 12.0  # voiced speech of which a distance is measured, in seconds: five whole segments
FAR = 3.0
"""Distance from the reference, in nats, from which a voice is far from it: of 41 actors of five
corpora, neutral speech lies up to 2.4 away and that of all emotions up to 2.9."""


class SpeakerCalibration(BaseModel):
    """A bundle's reference of neutral speech: an optional part of ``bundle.json``.

    Attributes
    ----------
    reference
        Mean log-probabilities of the neutral speech of many speakers, in the order of the labels.
    strength
        Share of a person's difference from the reference that is taken off.
    enabled
        Whether profiles helped speakers that the model was not trained on, and are offered.
    validation
        Results on those speakers; see the card.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    reference: tuple[float, ...] = Field(min_length=2)
    strength: float = Field(ge=0, le=2)
    enabled: bool
    validation: dict[str, Any] = Field(default_factory=dict)

    def shift(self, means: Sequence[float] | NDArray[np.floating]) -> NDArray[np.float64]:
        """Summands of log-probabilities, shape ``(labels,)``, by the means of neutral speech.

        Zeros for a person who is like the reference.
        """
        shift: NDArray[np.float64] = np.asarray(self.reference) - np.asarray(means, np.float64)
        return self.strength * shift


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """The model of a profile or a session; ``sha256`` is the digest of its bundle."""

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

    name: str
    version: str
    sha256: str


class Profile(BaseModel):
    """Mean log-probabilities of a person's neutral speech by one model."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str  # of the person
    device: str  # name of the microphone or file
    model: ModelIdentity  # a profile is good for no other
    seconds: float = Field(gt=0)  # of voiced speech
    made: datetime
    log_probabilities: dict[str, LogProbability]  # means over that speech, by label
    voice: VoiceBaseline | None = None  # of that speech; ``None`` in profiles of earlier versions


class VoiceDistance:
    """Distance of a voice from a model's reference of neutral speech.

    Root mean square over labels of the difference of mean log-probabilities, in nats, of the first
    :data:`DISTANCE_S` seconds of usable voice, taken of segments no longer than those of a profile.

    Parameters
    ----------
    reference
        :attr:`SpeakerCalibration.reference`; ``None``: there is none, and no voice is far from it.
    """

    def __init__(self, reference: Sequence[float] | None) -> None:
        self._reference = reference
        self._first = 0
        self._answer: NDArray[np.float32] | None = None
        self._answers: list[NDArray[np.float32]] = []
        self._weights: list[float] = []

    def feed(self, update: Update) -> None:
        """Take the next update of the voice's channel."""
        if update.estimate is None or self.known:
            return
        if self._answer is None:
            self._first = update.step
        if update.step - self._first < SEGMENT_STEPS:
            self._answer = update.estimate.probabilities

    def end_segment(self, segment: Segment) -> None:
        """Take the segment whose updates have come."""
        if self._answer is not None and not self.known:
            self.add(self._answer, segment)
        self._answer = None

    def add(self, answer: NDArray[np.float32], segment: Segment) -> None:
        """Take a segment, with the probabilities at :data:`SEGMENT_STEPS`, or at its end."""
        if segment.estimate.quality.usable:
            self._answers.append(answer)
            self._weights.append(min(segment.voiced_s, SEGMENT_S))

    @property
    def known(self) -> bool:
        """Whether as much was heard as is needed, or no more is asked for."""
        return self._reference is None or sum(self._weights) >= DISTANCE_S

    @property
    def distance(self) -> float | None:
        """The distance, in nats; ``None``: not known (yet)."""
        if self._reference is None or not self.known:
            return None
        means = mean_log_probabilities(np.stack(self._answers), np.array(self._weights))
        return float(np.sqrt(np.mean((means - np.asarray(self._reference)) ** 2)))

    @property
    def far(self) -> bool:
        """Whether it is farther away than the speech of the speakers that were measured."""
        distance = self.distance
        return distance is not None and distance > FAR


def shifted(
    probabilities: NDArray[np.floating], shift: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Probabilities whose logarithms are shifted, renormalised; ``-shift`` undoes it.

    Shapes ``(..., labels)`` and ``(labels,)``.
    """
    odds = probabilities * np.exp(shift - shift.max())
    renormalised: NDArray[np.float64] = odds / odds.sum(axis=-1, keepdims=True)
    return renormalised


def mean_log_probabilities(
    probabilities: NDArray[np.floating], weights: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Mean log-probabilities over speech segments, shape ``(labels,)``.

    Of probabilities of shape ``(segments, labels)``, not corrected; each segment weighs as much as
    its voiced duration.
    """
    floor = float(np.finfo(np.float32).tiny)
    logs = np.log(np.maximum(probabilities.astype(np.float64), floor))
    mean: NDArray[np.float64] = np.average(logs, axis=0, weights=weights)
    return mean

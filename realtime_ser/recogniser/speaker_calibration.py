"""A person's own baseline: what a model says of their normal voice, and the correction for it.

A voice, a microphone and a room shift what a model says, whatever the emotion. How far shows in the
mean log-probabilities of neutral speech beside those of many speakers; the difference is taken off
all later log-probabilities before they are renormalised, as a change of priors is (Saerens et al.,
Adjusting the Outputs of a Classifier to New a Priori Probabilities, Neural Computation 2002). That
neutral speech alone tells it, and so serves for all emotions, follows Busso et al., Iterative
Feature Normalization for Emotional Speech Detection, ICASSP 2011, who normalise features.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

SPEECH_S = 20.0
"""Voiced speech that a profile is made of."""


class SpeakerCalibration(BaseModel):
    """What a bundle knows of neutral speech: an optional part of ``bundle.json``.

    Attributes
    ----------
    reference
        Mean log-probabilities of the neutral speech of many speakers, in the order of the labels.
    strength
        Share of a person's difference from it that is taken off.
    enabled
        Whether it helped speakers that the model was not trained on, and is offered.
    validation
        What it gave there; see the card.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    reference: tuple[float, ...] = Field(min_length=2)
    strength: float = Field(ge=0, le=2)
    enabled: bool
    validation: dict[str, Any] = Field(default_factory=dict)

    def shift(self, means: Sequence[float] | NDArray[np.floating]) -> NDArray[np.float64]:
        """What is added to log-probabilities, given a person's means over neutral speech.

        Parameters
        ----------
        means
            Shape ``(labels,)``.

        Returns
        -------
        ndarray, shape (labels,)
            Zeros for somebody who is like the reference.
        """
        shift: NDArray[np.float64] = np.asarray(self.reference) - np.asarray(means, np.float64)
        return self.strength * shift


class ModelReference(BaseModel):
    """The model that a profile is good for; ``sha256`` is its bundle's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    version: str
    sha256: str


class Profile(BaseModel):
    """A person on a microphone, as one model hears them.

    Attributes
    ----------
    name
        What the person is called here.
    device
        Name of the microphone, or of the file that was heard.
    model
        The model that heard them: a profile is good for no other.
    seconds
        Voiced speech that was heard.
    made
        When.
    log_probabilities
        Their means over that speech, by label.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    device: str
    model: ModelReference
    seconds: float = Field(gt=0)
    made: datetime
    log_probabilities: dict[str, float]


def shifted(
    probabilities: NDArray[np.floating], shift: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Probabilities whose logarithms are shifted, renormalised; ``-shift`` undoes it.

    Parameters
    ----------
    probabilities
        Shape ``(..., labels)``.
    shift
        Shape ``(labels,)``.
    """
    odds = probabilities * np.exp(shift - shift.max())
    renormalised: NDArray[np.float64] = odds / odds.sum(axis=-1, keepdims=True)
    return renormalised


def mean_log_probabilities(
    probabilities: NDArray[np.floating], weights: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Means over the results of speech segments, shape ``(labels,)``.

    Parameters
    ----------
    probabilities
        Shape ``(segments, labels)``, not corrected.
    weights
        How much voice each segment holds, shape ``(segments,)``.
    """
    floor = float(np.finfo(np.float32).tiny)
    logs = np.log(np.maximum(probabilities.astype(np.float64), floor))
    mean: NDArray[np.float64] = np.average(logs, axis=0, weights=weights)
    return mean

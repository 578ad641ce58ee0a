"""Judge of whether a sound is a voice, and one like those that the models learned from.

Its numbers lie in ``models/voice.json`` and are the same for every bundle;
``realtime-ser-train voice`` fits them.
"""

from __future__ import annotations

import json
from functools import cache

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from realtime_ser.base.errors import BundleError
from realtime_ser.base.paths import shipped
from realtime_ser.base.records import Quality
from realtime_ser.recogniser.voice_features import FEATURES

NUMBERS = "voice.json"
"""File of the judge's numbers, beside the bundles."""

CLEAR_VOICE = 0.8
"""Probability of a voice from which a result may be certain: the first second of an instrument or
of a whisper often lies below, and a voice hardly ever."""

KINDS = ("voice", "unusual voice", "no voice")
"""Outputs of the network, in order."""

Matrix = tuple[tuple[float, ...], ...]
Vector = tuple[float, ...]


class JudgeNumbers(BaseModel):
    """Contents of ``voice.json``.

    Attributes
    ----------
    features
        Names of the inputs, :data:`~realtime_ser.recogniser.voice_features.FEATURES`.
    centre, scale
        What is taken off each input, and what it is divided by.
    weights, biases
        Layers of a network with rectifiers between them and :data:`KINDS` as outputs.
    voice_threshold
        Probability of a voice below which a sound is none.
    mean, whitening, distance_threshold
        Centre of the voices, the matrix that makes their spread round, and the mean square distance
        from which a voice is unusual.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    features: tuple[str, ...]
    centre: Vector
    scale: Vector
    weights: tuple[Matrix, ...]
    biases: tuple[Vector, ...]
    voice_threshold: float
    mean: Vector
    whitening: Matrix
    distance_threshold: float


class VoiceJudge:
    """Judge of the features of a segment."""

    def __init__(self, numbers: JudgeNumbers) -> None:
        self._centre, self._scale = np.array(numbers.centre), np.array(numbers.scale)
        self._weights = [np.array(weights) for weights in numbers.weights]
        self._biases = [np.array(biases) for biases in numbers.biases]
        self._threshold = numbers.voice_threshold
        self._mean, self._whitening = np.array(numbers.mean), np.array(numbers.whitening)
        self._farthest = numbers.distance_threshold

    def kind(self, features: NDArray[np.float64]) -> Quality:
        """Good, a doubtful voice, an unusual one, or no voice."""
        probabilities, distance = self.measure(features)
        if probabilities[0] < self._threshold:
            unusual = probabilities[1] > probabilities[2]
            return Quality.UNUSUAL_VOICE if unusual else Quality.NOT_A_VOICE
        if distance > self._farthest:
            return Quality.UNUSUAL_VOICE
        return Quality.GOOD if probabilities[0] >= CLEAR_VOICE else Quality.DOUBTFUL_VOICE

    def measure(self, features: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """Probabilities of :data:`KINDS`, and the mean square distance from the voices."""
        values = (features - self._centre) / self._scale
        away = (values - self._mean) @ self._whitening
        for number, (weights, biases) in enumerate(zip(self._weights, self._biases, strict=True)):
            values = (values if number == 0 else np.maximum(values, 0.0)) @ weights + biases
        odds = np.exp(values - values.max())
        return odds / odds.sum(), float(np.mean(away * away))


@cache
def shipped_judge() -> VoiceJudge:
    """The judge that ships.

    Raises
    ------
    BundleError
        Its file is missing or damaged.
    """
    path = shipped("models") / NUMBERS
    try:
        numbers = JudgeNumbers.model_validate(json.loads(path.read_bytes()))
    except (OSError, ValueError, ValidationError) as error:
        raise BundleError(f"{path} cannot be read: install the program again.") from error
    if numbers.features != FEATURES:
        raise BundleError(f"{path} is of another version: install the program again.")
    return VoiceJudge(numbers)

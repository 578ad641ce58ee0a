"""Batches of segments of like length, the same under the same seed, whatever was interrupted."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from realtime_ser.features import dct_matrix
from realtime_ser.labels import LABELS
from realtime_ser.records import STEP_FRAMES, STEP_S
from training.clips import GatedSegment
from training.corpora import CORPORA
from training.recipe import EncoderStage, HeadStage

_LENGTH_STEPS = 8  # lengths are rounded up to whole multiples, so that few graphs are traced
ABSENT = -1e9
"""Added to the logits of classes that a corpus does not have."""


def class_mask(corpus: str) -> NDArray[np.float32]:
    """0 for the classes that a corpus has, :data:`ABSENT` for the others, shape ``(labels,)``."""
    present = np.isin(LABELS, CORPORA[corpus].labels)
    return np.where(present, 0.0, ABSENT).astype(np.float32)


def mfcc(log_mel: NDArray[np.float32], coefficients: int) -> NDArray[np.float32]:
    """MFCC of log-mel steps ``(steps, 8, bands)`` as one sequence ``(8 steps, coefficients)``."""
    basis = dct_matrix(coefficients, log_mel.shape[-1]).astype(np.float32)
    return (log_mel @ basis.T).reshape(-1, coefficients)


def padded_length(steps: Sequence[int]) -> int:
    """Steps of a batch whose sequences have these lengths."""
    return math.ceil(max(steps) / _LENGTH_STEPS) * _LENGTH_STEPS


Inputs: TypeAlias = NDArray[np.float32] | dict[str, NDArray[np.float32]]
Batch: TypeAlias = tuple[Inputs, NDArray[np.float32], NDArray[np.float32]]
"""Inputs, targets and weights."""


class Epochs(ABC):
    """Batches of like length; each epoch's draw depends on the seed and its number only."""

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self._lengths = np.array(lengths)
        self._batch_size = batch_size
        self._seed = seed
        self.begin(0)

    def begin(self, epoch: int) -> None:
        """Draw the batches of an epoch."""
        self.random = np.random.default_rng((self._seed, epoch))
        drawn = self._draw()
        jitter = self.random.normal(0.0, 3.0, len(drawn))
        ordered = drawn[np.argsort(self._lengths[drawn] + jitter)]
        batches = [
            ordered[k : k + self._batch_size] for k in range(0, len(ordered), self._batch_size)
        ]
        self._batches = [batches[k] for k in self.random.permutation(len(batches))]

    def _draw(self) -> NDArray[np.intp]:
        return self.random.permutation(len(self._lengths))

    def __len__(self) -> int:
        """Number of batches of an epoch."""
        return len(self._batches)

    @abstractmethod
    def __getitem__(self, index: int) -> Batch:
        """One batch of the epoch that was begun."""


class ImitationBatches(Epochs):
    """MFCC of segments at changed levels, and the teacher's vectors of the unchanged ones."""

    def __init__(
        self,
        segments: Sequence[GatedSegment],
        targets: Sequence[NDArray[np.float16]],
        coefficients: int,
        stage: EncoderStage,
        seed: int,
    ) -> None:
        self._segments = segments
        self._targets = targets
        self._coefficients = coefficients
        self._gain_db = stage.gain_db
        super().__init__([len(target) for target in targets], stage.batch_size, seed)

    def __getitem__(self, index: int) -> Batch:
        """Frames, targets and weights of one batch."""
        chosen = self._batches[index]
        steps = padded_length([len(self._targets[k]) for k in chosen])
        frames = np.zeros((len(chosen), steps * STEP_FRAMES, self._coefficients), np.float32)
        targets = np.zeros((len(chosen), steps, self._targets[0].shape[1]), np.float32)
        weights = np.zeros((len(chosen), steps), np.float32)
        gains = self.random.uniform(-self._gain_db, self._gain_db, len(chosen))
        for row, k in enumerate(chosen):
            length = len(self._targets[k])
            louder = self._segments[k].log_mel + np.float32(gains[row])
            frames[row, : length * STEP_FRAMES] = mfcc(louder, self._coefficients)
            targets[row, :length] = self._targets[k]
            weights[row, :length] = 1.0
        return frames, targets, weights


@dataclass(frozen=True, slots=True)
class Labelled:
    """A segment as the head sees it: its encoded steps, its label, and its teachers' answer.

    ``answers`` holds probabilities at every step, shape ``(steps, labels)``.
    """

    vectors: NDArray[np.float16]
    label: str
    corpus: str
    last_voiced: int
    answers: NDArray[np.float32] | None = None


class LabelBatches(Epochs):
    """Encoded segments, the classes their corpora have, and soft labels at every step."""

    def __init__(self, segments: Sequence[Labelled], stage: HeadStage, seed: int) -> None:
        self._segments = segments
        self._stage = stage
        counts = Counter((s.corpus, s.label) for s in segments)
        rarity = np.array([counts[s.corpus, s.label] ** -stage.balance for s in segments])
        self._chances = rarity / rarity.sum()
        super().__init__([len(s.vectors) for s in segments], stage.batch_size, seed)

    def _draw(self) -> NDArray[np.intp]:
        count = len(self._segments)
        return self.random.choice(count, size=count, p=self._chances)

    def __getitem__(self, index: int) -> Batch:
        """Inputs, soft labels and weights of one batch."""
        chosen = [self._segments[k] for k in self._batches[index]]
        steps = padded_length([len(segment.vectors) for segment in chosen])
        units = chosen[0].vectors.shape[1]
        vectors = np.zeros((len(chosen), steps, units), np.float32)
        masks = np.stack([class_mask(segment.corpus) for segment in chosen])
        labels = np.zeros((len(chosen), steps, len(LABELS)), np.float32)
        weights = np.zeros((len(chosen), steps), np.float32)
        for row, segment in enumerate(chosen):
            vectors[row, : len(segment.vectors)] = segment.vectors
            weights[row, : len(segment.vectors)] = self._weights(segment)
            labels[row, : len(segment.vectors)] = self._soft_labels(segment)
        return {"vectors": vectors, "mask": masks}, labels, weights

    def _weights(self, segment: Labelled) -> NDArray[np.float64]:
        time_s = STEP_S * np.arange(1, len(segment.vectors) + 1)
        ramp = np.minimum(1.0, time_s / self._stage.prefix_ramp_s)
        weights: NDArray[np.float64] = ramp / ramp.sum()
        weights[segment.last_voiced] += self._stage.result_weight
        return weights

    def _soft_labels(self, segment: Labelled) -> NDArray[np.float64]:
        """Labels of one step, shape ``(labels,)``, or of each, shape ``(steps, labels)``."""
        present = class_mask(segment.corpus) == 0.0
        smoothing = self._stage.label_smoothing
        soft = smoothing * present / present.sum()
        soft[LABELS.index(segment.label)] += 1.0 - smoothing
        if segment.answers is not None:
            share = self._stage.distillation
            soft = (1.0 - share) * soft + share * segment.answers
        labels: NDArray[np.float64] = soft
        return labels

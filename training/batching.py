"""Batches of sequences of like length, reproducible by seed: padding, soft labels, masks, mixup."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.labels import LABELS
from training.corpora import Clip

_LENGTH_MULTIPLE = 8  # lengths are rounded up to whole multiples, so that few graphs are traced
_MASK_FRAMES = 12

Inputs: TypeAlias = NDArray[np.float32] | dict[str, NDArray[np.float32]]
Batch: TypeAlias = tuple[Inputs, NDArray[np.float32], NDArray[np.float32]]
"""Inputs, targets and weights."""


def bucket_length(steps: Sequence[int]) -> int:
    """Common length of a batch's sequences after padding, in steps."""
    longest = max(steps)
    if longest < _LENGTH_MULTIPLE:
        return longest
    return math.ceil(longest / _LENGTH_MULTIPLE) * _LENGTH_MULTIPLE


def stack_padded(sequences: Sequence[NDArray[np.floating]], length: int) -> NDArray[np.float32]:
    """Sequences ``(steps, width)``, zero-padded to shape ``(sequences, length, width)``."""
    stacked = np.zeros((len(sequences), length, sequences[0].shape[1]), np.float32)
    for row, sequence in zip(stacked, sequences, strict=True):
        row[: len(sequence)] = sequence
    return stacked


class BucketedBatches(ABC):
    """Batches of like length; the draw of an epoch depends on seed and epoch number alone."""

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self._lengths = np.array(lengths)
        self._batch_size = batch_size
        self._seed = seed
        self.start_epoch(0)

    def start_epoch(self, epoch: int) -> None:
        """Draw the batches of an epoch."""
        self.random = np.random.default_rng((self._seed, epoch))
        drawn = self._draw_indices()
        jitter = self.random.normal(0.0, 3.0, len(drawn))
        ordered = drawn[np.argsort(self._lengths[drawn] + jitter)]
        batches = [
            ordered[k : k + self._batch_size] for k in range(0, len(ordered), self._batch_size)
        ]
        self._batches = [batches[k] for k in self.random.permutation(len(batches))]

    def _draw_indices(self) -> NDArray[np.intp]:
        return self.random.permutation(len(self._lengths))

    def __len__(self) -> int:
        """Number of batches of an epoch."""
        return len(self._batches)

    @abstractmethod
    def __getitem__(self, index: int) -> Batch:
        """Inputs, targets and weights of a batch of the current epoch."""


# ----------------------------------------------------------------------------- labels and changes


def soft_label(
    clip: Clip, labels: Sequence[str], votes_share: float, smoothing: float
) -> NDArray[np.float64]:
    """Target probabilities of a clip, shape ``(labels,)``.

    Parameters
    ----------
    clip
        The clip; its label is one of ``labels``.
    labels
        Classes of the model.
    votes_share
        Share of the target that the listeners' votes make up, where a clip has any.
    smoothing
        Share of the target that is spread evenly over the classes of the clip's corpus.
    """
    present = np.isin(labels, clip.classes)
    soft = (np.array(labels) == clip.label).astype(np.float64)
    if clip.votes is not None:
        votes = present * np.array([clip.votes[LABELS.index(label)] for label in labels])
        if votes.any():
            soft = (1.0 - votes_share) * soft + votes_share * votes / votes.sum()
    smoothed: NDArray[np.float64] = (1.0 - smoothing) * soft + smoothing * present / present.sum()
    return smoothed


def mix(
    values: NDArray[np.float32], partners: NDArray[np.intp], share: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Rows of a batch, each mixed with its partner; ``share`` is the row's own part."""
    own = share.reshape(-1, *[1] * (values.ndim - 1))
    mixed: NDArray[np.float32] = own * values + (1.0 - own) * values[partners]
    return mixed


def spec_augment(
    log_mel: NDArray[np.floating], count: int, random: np.random.Generator
) -> NDArray[np.floating]:
    """Replace ``count`` runs of bands and as many runs of frames by the segment's mean.

    Parameters
    ----------
    log_mel
        In dB, shape ``(..., bands)``.
    count
        Number of runs of each kind; a run spans up to an eighth of the bands, or 12 frames.
    random
        Source of the widths and places.

    Returns
    -------
    ndarray
        Of the same shape; the same array where ``count`` is 0.
    """
    if not count:
        return log_mel
    bands = log_mel.shape[-1]
    masked = log_mel.reshape(-1, bands).copy()
    mean = masked.mean()
    for _ in range(count):
        width = random.integers(0, bands // 8 + 1)
        first = random.integers(0, bands - width + 1)
        masked[:, first : first + width] = mean
        width = random.integers(0, min(_MASK_FRAMES, len(masked)) + 1)
        first = random.integers(0, len(masked) - width + 1)
        masked[first : first + width] = mean
    return masked.reshape(log_mel.shape)

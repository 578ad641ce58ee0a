"""Batches of sequences of like length, the same under the same seed, whatever was interrupted."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

_LENGTH_MULTIPLE = 8  # lengths are rounded up to whole multiples, so that few graphs are traced

Inputs: TypeAlias = NDArray[np.float32] | dict[str, NDArray[np.float32]]
Batch: TypeAlias = tuple[Inputs, NDArray[np.float32], NDArray[np.float32]]
"""Inputs, targets and weights."""


def bucket_length(steps: Sequence[int]) -> int:
    """Steps of a batch whose sequences have these lengths."""
    longest = max(steps)
    if longest < _LENGTH_MULTIPLE:
        return longest
    return math.ceil(longest / _LENGTH_MULTIPLE) * _LENGTH_MULTIPLE


class BucketedBatches(ABC):
    """Batches of like length; each epoch's draw depends on the seed and its number only."""

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self._lengths = np.array(lengths)
        self._batch_size = batch_size
        self._seed = seed
        self.begin(0)

    def begin(self, epoch: int) -> None:
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
        """One batch of the epoch that was begun."""

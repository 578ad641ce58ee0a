"""Batches of whole clips with soft labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.batching import (
    Batch,
    BucketedBatches,
    bucket_length,
    mix,
    soft_label,
    spec_augment,
    stack_padded,
)
from training.corpora import Clip
from training.offline.frontend import ClipFrames
from training.offline.recipe import OfflineFit


@dataclass(frozen=True, slots=True, eq=False)
class BatchLayout:
    """Layout of clips in a batch.

    Attributes
    ----------
    frames
        Frames of every clip; ``None``: those of the longest one of a batch.
    mel
        Indices of the mel bands among the features of a frame.
    """

    frames: int | None
    mel: slice

    def stack(self, clips: ClipFrames) -> NDArray[np.float32]:
        """Clips padded to one length, shape ``(clips, frames, features)``."""
        frames = self.frames or bucket_length([len(rows) for rows in clips])
        return stack_padded(clips, frames)


@dataclass(frozen=True, slots=True, eq=False)
class ClipTrainingSet:
    """Inputs, targets and weights of clips.

    Attributes
    ----------
    inputs
        Each ``(frames, features)``.
    targets
        Shape ``(clips, labels)``.
    weights
        Shape ``(clips,)``.
    """

    inputs: ClipFrames
    targets: NDArray[np.float32]
    weights: NDArray[np.float32]


def training_set(
    clips: Sequence[Clip], inputs: ClipFrames, labels: Sequence[str], stage: OfflineFit
) -> ClipTrainingSet:
    """Inputs, targets and weights of clips in a stage."""
    counts = Counter(clip.label for clip in clips)
    weights = np.ones(len(clips))
    if stage.class_weights:
        weights = np.array([1.0 / counts[clip.label] for clip in clips])
    return ClipTrainingSet(
        inputs,
        np.stack(
            [soft_label(clip, labels, stage.soft_labels, stage.label_smoothing) for clip in clips]
        ).astype(np.float32),
        (weights / weights.mean()).astype(np.float32),
    )


class ClipBatches(BucketedBatches):
    """Batches of clips in random order, augmented anew in every epoch as the stage asks.

    Parameters
    ----------
    training_set
        Clips to draw from.
    layout
        Layout of clips in a batch.
    stage
        Settings of the augmentation.
    seed
        Seed of the draw and of the augmentation.
    """

    def __init__(
        self, training_set: ClipTrainingSet, layout: BatchLayout, stage: OfflineFit, seed: int
    ) -> None:
        self._training_set = training_set
        self._layout = layout
        self._stage = stage
        super().__init__([len(rows) for rows in training_set.inputs], stage.batch_size, seed)

    def __getitem__(self, index: int) -> Batch:
        """Inputs, soft labels and weights of one batch."""
        chosen, stage = self._batches[index], self._stage
        inputs = self._layout.stack([self._masked(self._training_set.inputs[k]) for k in chosen])
        targets = self._training_set.targets[chosen]
        if stage.noise:
            inputs += self.random.normal(0.0, stage.noise, inputs.shape).astype(np.float32)
        if stage.mixup:
            partners = self.random.permutation(len(chosen))
            share = self.random.beta(stage.mixup, stage.mixup, len(chosen)).astype(np.float32)
            inputs = mix(inputs, partners, share)
            targets = mix(targets, partners, share)
        return inputs, targets, self._training_set.weights[chosen]

    def _masked(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        if not self._stage.spec_augment:
            return rows
        rows = rows.copy()
        rows[:, self._layout.mel] = spec_augment(
            rows[:, self._layout.mel], self._stage.spec_augment, self.random
        )
        return rows


def make_validation_batches(
    training_set: ClipTrainingSet, layout: BatchLayout, batch_size: int
) -> list[Batch]:
    """Batches of clips as they are, those of like length together."""
    order = np.argsort([len(rows) for rows in training_set.inputs], kind="stable")
    chosen = [order[k : k + batch_size] for k in range(0, len(order), batch_size)]
    return [
        (
            layout.stack([training_set.inputs[k] for k in own]),
            training_set.targets[own],
            training_set.weights[own],
        )
        for own in chosen
    ]

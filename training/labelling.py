"""Second stage: the head learns the labels behind an encoder that stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax  # type: ignore[import-untyped]

from training.architecture import Architecture, Encoder, Head, StreamingSer, new_model
from training.batches import LabelBatches, Labelled, class_mask
from training.clips import GatedSegment
from training.fitting import fit, load_weights, run_causal, save_weights, warm_then_cosine
from training.imitation import encode
from training.recipe import HeadStage, Recipe


def labelled(
    segments: Sequence[GatedSegment], vectors: Sequence[NDArray[np.float16]]
) -> list[Labelled]:
    """Segments as a head sees them."""
    return [
        Labelled(own, segment.clip.label, segment.clip.corpus, segment.last_voiced)
        for own, segment in zip(vectors, segments, strict=True)
    ]


def train_head(
    recipe: Recipe, segments: Sequence[Labelled], folder: Path, name: str, seed: int
) -> Head:
    """Train a head, or go on where an interrupted run stopped.

    Parameters
    ----------
    recipe
        What to do.
    segments
        What it learns from.
    folder, name
        Where checkpoints are kept, and under which name.
    seed
        Seeds initial weights, dropout and the order of the batches.
    """
    keras.utils.set_random_seed(seed)
    head = _new_head(recipe.architecture)
    done = folder / f"{name}.npz"
    if done.exists():
        load_weights(head, done)
    else:
        _learn(head, recipe.head, segments, folder / f"{name}-backup.npz", seed)
        save_weights(head, done)
    return head


def with_answers(
    segments: Sequence[Labelled], heads: Sequence[Head], units: Sequence[NDArray[np.float16]]
) -> list[Labelled]:
    """Segments with what some heads together say of them at every step.

    Parameters
    ----------
    segments
        The segments.
    heads
        Those that are asked; none: the segments stay as they are.
    units
        The vectors that these heads learned from, of the same segments.
    """
    if not heads:
        return list(segments)
    inputs = [vectors.astype(np.float32) for vectors in units]
    masks = [class_mask(segment.corpus) for segment in segments]
    said = [
        [softmax(logits + mask, axis=1) for logits, mask in zip(rows, masks, strict=True)]
        for rows in (run_causal(head, inputs, 1) for head in heads)
    ]
    return [
        replace(segment, answers=np.mean(answers, axis=0))
        for segment, *answers in zip(segments, *said, strict=True)
    ]


def assemble(recipe: Recipe, encoder: Encoder, head: Head) -> StreamingSer:
    """One model of both stages."""
    model = new_model(recipe.architecture)
    model.encoder.set_weights(encoder.get_weights())
    model.head.set_weights(head.get_weights())
    return model


def logits_at_results(model: StreamingSer, segments: Sequence[GatedSegment]) -> NDArray[np.float32]:
    """Logits of the training graph at each segment's result, shape ``(segments, labels)``."""
    vectors = [own.astype(np.float32) for own in encode(model.encoder, segments)]
    logits = run_causal(model.head, vectors, 1)
    return np.stack([rows[s.last_voiced] for rows, s in zip(logits, segments, strict=True)])


def _new_head(architecture: Architecture) -> Head:
    head = Head(architecture)
    head.build((None, None, architecture.units[-1]))
    return head


def _learn(
    head: Head, stage: HeadStage, segments: Sequence[Labelled], backup: Path, seed: int
) -> None:
    sample = np.concatenate([s.vectors for s in segments[::3]]).astype(np.float32)
    head.mean.assign(sample.mean(axis=0))
    head.deviation.assign(sample.std(axis=0) + 1e-3)
    vectors = keras.Input((None, sample.shape[1]), name="vectors")
    mask = keras.Input((head.architecture.labels,), name="mask")
    model = keras.Model([vectors, mask], head(vectors) + mask[:, None, :])
    batches = LabelBatches(segments, stage, seed)
    optimizer = keras.optimizers.AdamW(
        warm_then_cosine(stage.learning_rate, stage.epochs * len(batches), warm=0.3),
        weight_decay=stage.weight_decay,
        clipnorm=5.0,
        use_ema=stage.average > 0,
        ema_momentum=stage.average,
    )
    loss = keras.losses.CategoricalCrossentropy(
        from_logits=True, reduction="mean_with_sample_weight"
    )
    model.compile(optimizer, loss)
    fit(model, batches, stage.epochs, backup, "Learning the labels")

"""Fits to labels: of the heads behind the frozen encoder, or of the whole network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax  # type: ignore[import-untyped]

from training.batching import Batch
from training.fitting import delete_backup, fit, load_weights, optimizer, save_weights
from training.run_folder import Run
from training.streaming.architecture import StepEncoder
from training.streaming.batches import FrameBatches, LabelBatches, LabelledSegment, class_mask
from training.streaming.gated_segments import GatedSegment
from training.streaming.heads import Head, Heads, RunningStatistics, StatisticsAnswer
from training.streaming.imitation import encode
from training.streaming.inference import run_causal
from training.streaming.network import StreamingSer, new_model
from training.streaming.recipe import LabelStage, StreamingRecipe, WholeStage


def label_segments(
    segments: Sequence[GatedSegment], inputs: Sequence[NDArray[np.floating]]
) -> list[LabelledSegment]:
    """Segments with ``inputs`` as the network's inputs, and their labels."""
    return [
        LabelledSegment(own, segment.clips, segment.last_voiced, changed=not segment.recorded)
        for own, segment in zip(inputs, segments, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class LabelTrainingSet:
    """Segments and settings of a fit to labels.

    Attributes
    ----------
    stage
        Settings of the fit.
    segments
        Training segments: encoded for a head, log-mel frames for the whole network.
    validation
        Segments for early stopping and for the learning rate.
    run, name
        Run whose folder holds the checkpoints, and their name.
    seed
        Seed of dropout and of the order of the batches.
    """

    stage: LabelStage
    segments: Sequence[LabelledSegment]
    validation: Sequence[LabelledSegment]
    run: Run
    name: str
    seed: int


def train_head(head: Head, training_set: LabelTrainingSet) -> Head:
    """Train a head from its present weights, or resume an interrupted fit."""
    width = head.architecture.lstm_head_width
    training_set = replace(
        training_set,
        segments=_last_units(training_set.segments, width),
        validation=_last_units(training_set.validation, width),
    )
    sample = np.concatenate([s.inputs for s in training_set.segments[::3]]).astype(np.float32)
    standardise_units(head, sample)
    _fit(head, width, training_set)
    return head


def _last_units(segments: Sequence[LabelledSegment], width: int) -> list[LabelledSegment]:
    """Segments with the output of the encoder's last layer alone as inputs."""
    return [replace(segment, inputs=segment.inputs[:, -width:]) for segment in segments]


_MIN_DEVIATION, _FLOOR = 1e-4, 1e-2


def standardise_units(layer: Head | StatisticsAnswer, sample: NDArray[np.float32]) -> None:
    """Set a layer's input mean and deviation to those of a sample, shape ``(rows, units)``.

    The deviation is raised by a floor. For a unit that is constant in the sample it is 1, so that
    other sound is not scaled up.
    """
    deviation = sample.std(axis=0)
    layer.mean.assign(sample.mean(axis=0))
    layer.deviation.assign(np.where(deviation > _MIN_DEVIATION, deviation + _FLOOR, 1.0))


def train_statistics_head(
    head: StatisticsAnswer, training_set: LabelTrainingSet
) -> StatisticsAnswer:
    """Train a head of statistics on segments from :func:`rows_at_steps`, or resume."""
    results = np.stack([row.inputs[row.last_voiced] for row in training_set.segments])
    standardise_units(head, results.astype(np.float32))
    _fit(head, results.shape[1], training_set)
    return head


_EARLY_STEPS = (7, 13, 20)
"""Steps that heads of statistics train on, beside the result: after 0.64, 1.12 and 1.68 s."""


def statistics_at_steps(
    statistics: RunningStatistics,
    segments: Sequence[GatedSegment],
    vectors: Sequence[NDArray[np.float16]],
) -> list[NDArray[np.float16]]:
    """Running statistics at the learned steps of each segment, shape ``(steps, 3 units)``.

    They have no weights, so they are computed once.
    """

    def select(k: int, own: NDArray[np.float32]) -> NDArray[np.float16]:
        return own[_learned_steps(segments[k].last_voiced)].astype(np.float16)

    return run_causal(statistics, [len(own) for own in vectors], lambda k: vectors[k], select)


def rows_at_steps(
    segments: Sequence[LabelledSegment], statistics: Sequence[NDArray[np.float16]]
) -> list[LabelledSegment]:
    """Segments reduced to the learned steps, with their statistics as inputs."""
    found = []
    for segment, values in zip(segments, statistics, strict=True):
        steps = _learned_steps(segment.last_voiced)
        found.append(
            replace(
                segment,
                inputs=values,
                clips=[segment.clips[step] for step in steps],
                last_voiced=len(steps) - 1,
                soft_targets=None if segment.soft_targets is None else segment.soft_targets[steps],
            )
        )
    return found


def _learned_steps(last_voiced: int) -> list[int]:
    return [*(step for step in _EARLY_STEPS if step < last_voiced), last_voiced]


def train_whole(model: StreamingSer, training_set: LabelTrainingSet) -> StreamingSer:
    """Train encoder and heads together from their present weights, or resume."""
    _fit(model, model.architecture.coefficients, training_set)
    return model


def _fit(
    layer: Head | StatisticsAnswer | StreamingSer, width: int, training_set: LabelTrainingSet
) -> None:
    weights_path = training_set.run.folder / f"{training_set.name}.npz"
    if weights_path.exists():
        load_weights(layer, weights_path)
        return
    keras.utils.set_random_seed(training_set.seed)
    inputs = keras.Input((None, width), name="inputs")
    mask = keras.Input((layer.architecture.labels,), name="mask")
    model = keras.Model([inputs, mask], layer(inputs) + mask[:, None, :])
    train_batches = _batches(training_set.segments, training_set.stage, width, training_set.seed)
    validation_batches: list[Batch] = []
    if training_set.validation:
        fixed = _batches(training_set.validation, training_set.stage, width, None)
        validation_batches = [fixed[k] for k in range(len(fixed))]
    loss = keras.losses.CategoricalCrossentropy(
        from_logits=True, reduction="mean_with_sample_weight"
    )
    model.compile(optimizer(training_set.stage, len(train_batches)), loss)
    fit(
        model,
        train_batches,
        training_set.stage,
        training_set.run,
        training_set.name,
        validation_batches,
    )
    save_weights(layer, weights_path)
    delete_backup(training_set.run, training_set.name)


def _batches(
    segments: Sequence[LabelledSegment], stage: LabelStage, width: int, seed: int | None
) -> LabelBatches:
    if isinstance(stage, WholeStage):
        return FrameBatches(segments, stage, width, seed)
    return LabelBatches(segments, stage, seed)


def with_soft_targets(
    segments: Sequence[LabelledSegment],
    heads: Sequence[Head],
    units: Sequence[NDArray[np.float16]],
    share: float,
) -> list[LabelledSegment]:
    """Segments with the mean probabilities of some heads at every step as soft targets.

    Parameters
    ----------
    segments
        The segments.
    heads
        The distillation heads; without any, the segments stay as they are.
    units
        Inputs of these heads, vectors of the same segments, each ``(steps, units)``.
    share
        Share of each label that the soft targets make up.
    """
    if not heads:
        return list(segments)

    def probabilities_of(k: int, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        probabilities: NDArray[np.float32] = softmax(
            logits + class_mask(segments[k].clip.classes), axis=1
        )
        return probabilities

    steps = [len(own) for own in units]
    head_probabilities = [
        run_causal(head, steps, lambda k: units[k], probabilities_of) for head in heads
    ]
    return [
        replace(segment, soft_targets=np.mean(soft_targets, axis=0), share=share)
        for segment, *soft_targets in zip(segments, *head_probabilities, strict=True)
    ]


def assemble_model(recipe: StreamingRecipe, encoder: StepEncoder, head: Heads) -> StreamingSer:
    """New model with the weights of an encoder and of heads."""
    model = new_model(recipe.architecture)
    model.encoder.set_weights(encoder.get_weights())
    model.head.set_weights(head.get_weights())
    return model


def logits_at_results(model: StreamingSer, segments: Sequence[GatedSegment]) -> NDArray[np.float32]:
    """Logits of the training graph at each segment's result, shape ``(segments, labels)``."""
    vectors = encode(model.encoder, segments)
    steps = [len(own) for own in vectors]
    return np.stack(
        run_causal(
            model.head,
            steps,
            lambda k: vectors[k],
            lambda k, rows: rows[segments[k].last_voiced],
        )
    )

"""Stages that learn labels: the head behind a frozen encoder, or the whole network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax  # type: ignore[import-untyped]

from training.batching import Batch
from training.fitting import fit, forget_backup, load_weights, optimizer, save_weights
from training.runs import Run
from training.streaming.batches import FrameBatches, LabelBatches, Labelled, class_mask
from training.streaming.clips import GatedSegment
from training.streaming.encoder import Encoder
from training.streaming.heads import Head, Heads, RunningStatistics, StatisticsAnswer
from training.streaming.imitation import encode
from training.streaming.inference import run_causal
from training.streaming.network import StreamingSer, new_model
from training.streaming.recipe import LabelStage, StreamingRecipe, WholeStage


def labelled(
    segments: Sequence[GatedSegment], inputs: Sequence[NDArray[np.floating]]
) -> list[Labelled]:
    """Segments, as what is to be learned from ``inputs``."""
    return [
        Labelled(own, segment.clips, segment.last_voiced, changed=not segment.recorded)
        for own, segment in zip(inputs, segments, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Lessons:
    """What labels are learned from.

    Attributes
    ----------
    stage
        What to do.
    segments
        What is learned from: encoded segments for a head, log-mel frames for the whole network.
    validation
        What early stopping and the learning rate may go by.
    run, name
        Where checkpoints are kept, and under which name.
    seed
        Seeds dropout and the order of the batches.
    """

    stage: LabelStage
    segments: Sequence[Labelled]
    validation: Sequence[Labelled]
    run: Run
    name: str
    seed: int


def train_head(head: Head, lessons: Lessons) -> Head:
    """Train a head from where it stands, or go on where an interrupted run stopped."""
    width = head.architecture.units[-1]
    lessons = replace(
        lessons,
        segments=_last_units(lessons.segments, width),
        validation=_last_units(lessons.validation, width),
    )
    sample = np.concatenate([s.inputs for s in lessons.segments[::3]]).astype(np.float32)
    standardise_units(head, sample)
    _learn(head, width, lessons)
    return head


def _last_units(segments: Sequence[Labelled], width: int) -> list[Labelled]:
    """Segments with what the encoder's last layer gave, whichever others come with it."""
    return [replace(segment, inputs=segment.inputs[:, -width:]) for segment in segments]


_STILL, _FLOOR = 1e-4, 1e-2


def standardise_units(layer: Head | StatisticsAnswer, sample: NDArray[np.float32]) -> None:
    """Let a layer see its units around 0, about 1 wide, by what they are in a sample of rows.

    Each is divided by a little more than its deviation; by 1 where it never moved: nothing was
    learned of it, so it must not be scaled up when some other sound moves it.
    """
    deviation = sample.std(axis=0)
    layer.mean.assign(sample.mean(axis=0))
    layer.deviation.assign(np.where(deviation > _STILL, deviation + _FLOOR, 1.0))


def train_answer(answer: StatisticsAnswer, lessons: Lessons) -> StatisticsAnswer:
    """Train an answer from statistics likewise, by segments from :func:`at_steps`."""
    results = np.stack([row.inputs[row.last_voiced] for row in lessons.segments])
    standardise_units(answer, results.astype(np.float32))
    _learn(answer, results.shape[1], lessons)
    return answer


_EARLY_STEPS = (7, 13, 20)
"""Steps at which an early answer is learned, beside the result: after 0.64, 1.12 and 1.68 s."""


def statistics_at_steps(
    statistics: RunningStatistics,
    segments: Sequence[GatedSegment],
    vectors: Sequence[NDArray[np.float16]],
) -> list[NDArray[np.float16]]:
    """What answers from statistics learn from: the statistics until each of a segment's few steps.

    They have no weights of their own, so they are computed once.
    """

    def learned(k: int, own: NDArray[np.float32]) -> NDArray[np.float16]:
        return own[_steps(segments[k].last_voiced)].astype(np.float16)

    return run_causal(statistics, [len(own) for own in vectors], lambda k: vectors[k], learned)


def at_steps(
    segments: Sequence[Labelled], statistics: Sequence[NDArray[np.float16]]
) -> list[Labelled]:
    """Segments of a few steps, with what :func:`statistics_at_steps` gives of each."""
    found = []
    for segment, values in zip(segments, statistics, strict=True):
        steps = _steps(segment.last_voiced)
        found.append(
            replace(
                segment,
                inputs=values,
                clips=[segment.clips[step] for step in steps],
                last_voiced=len(steps) - 1,
                answers=None if segment.answers is None else segment.answers[steps],
            )
        )
    return found


def _steps(last_voiced: int) -> list[int]:
    return [*(step for step in _EARLY_STEPS if step < last_voiced), last_voiced]


def train_whole(model: StreamingSer, lessons: Lessons) -> StreamingSer:
    """Train encoder and head together from where they stand, or go on likewise."""
    _learn(model, model.architecture.coefficients, lessons)
    return model


def _learn(layer: Head | StatisticsAnswer | StreamingSer, width: int, lessons: Lessons) -> None:
    done = lessons.run.folder / f"{lessons.name}.npz"
    if done.exists():
        load_weights(layer, done)
        return
    keras.utils.set_random_seed(lessons.seed)
    inputs = keras.Input((None, width), name="inputs")
    mask = keras.Input((layer.architecture.labels,), name="mask")
    model = keras.Model([inputs, mask], layer(inputs) + mask[:, None, :])
    learned = _batches(lessons.segments, lessons.stage, width, lessons.seed)
    held_out: list[Batch] = []
    if lessons.validation:
        fixed = _batches(lessons.validation, lessons.stage, width, None)
        held_out = [fixed[k] for k in range(len(fixed))]
    loss = keras.losses.CategoricalCrossentropy(
        from_logits=True, reduction="mean_with_sample_weight"
    )
    model.compile(optimizer(lessons.stage, len(learned)), loss)
    fit(model, learned, lessons.stage, lessons.run, lessons.name, held_out)
    save_weights(layer, done)
    forget_backup(lessons.run, lessons.name)


def _batches(
    segments: Sequence[Labelled], stage: LabelStage, width: int, seed: int | None
) -> LabelBatches:
    if isinstance(stage, WholeStage):
        return FrameBatches(segments, stage, width, seed)
    return LabelBatches(segments, stage, seed)


def with_answers(
    segments: Sequence[Labelled],
    heads: Sequence[Head],
    units: Sequence[NDArray[np.float16]],
    share: float,
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
    share
        Share of each label that their answers make up.
    """
    if not heads:
        return list(segments)

    def answer(k: int, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        probabilities: NDArray[np.float32] = softmax(
            logits + class_mask(segments[k].clip.classes), axis=1
        )
        return probabilities

    steps = [len(own) for own in units]
    said = [run_causal(head, steps, lambda k: units[k], answer) for head in heads]
    return [
        replace(segment, answers=np.mean(answers, axis=0), share=share)
        for segment, *answers in zip(segments, *said, strict=True)
    ]


def assemble(recipe: StreamingRecipe, encoder: Encoder, head: Heads) -> StreamingSer:
    """One model of both stages."""
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

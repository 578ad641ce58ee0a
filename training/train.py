"""Training: the encoder learns to imitate its teacher, then the head learns the labels.

Keras 3 without backend-specific calls. Each stage resumes at its last epoch after an interruption.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from realtime_ser.records import STEP_FRAMES
from training.architecture import Encoder, Head, StreamingSer, Tensor, new_model
from training.batches import (
    BeginEpoch,
    ImitationBatches,
    LabelBatches,
    Labelled,
    mfcc,
    padded_length,
)
from training.clips import GatedSegment
from training.recipe import EncoderStage, HeadStage, Recipe
from training.teacher import CONTEXT_FRAMES, Scale, fit_map, load_teacher

_MAP_SEGMENTS = 2000
_RUN_BATCH = 32


@dataclass(frozen=True, slots=True)
class Material:
    """Training segments and the teacher's input for each, aligned."""

    segments: Sequence[GatedSegment]
    spectra: Sequence[NDArray[np.float16]]


class ImitationLoss(keras.losses.Loss):
    """Squared error in units of each output's deviation, averaged over the outputs."""

    def __init__(self, deviation: NDArray[np.float32]) -> None:
        super().__init__(reduction="mean_with_sample_weight")
        self._deviation = deviation

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Loss of each step, shape ``(batch, steps)``."""
        return ops.mean(ops.square((y_pred - y_true) / self._deviation), axis=-1)


def train(
    recipe: Recipe, material: Material, teacher: Path, folder: Path, seed: int
) -> StreamingSer:
    """Train a model, or go on where an interrupted run stopped.

    Parameters
    ----------
    recipe
        What to do.
    material
        Segments of the training speakers.
    teacher
        Weights of the pretrained encoder.
    folder
        Where checkpoints are kept.
    seed
        Seeds initial weights, dropout and the order of the batches.
    """
    keras.utils.set_random_seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    model = new_model(recipe.architecture)
    done = folder / "encoder.weights.h5"
    if done.exists():
        model.encoder.load_weights(done)
    else:
        _train_encoder(model.encoder, recipe.encoder, material, teacher, folder, seed)
        model.encoder.save_weights(done)
    vectors = encode(model.encoder, material.segments)
    labelled = [
        Labelled(v, s.clip.label, s.clip.corpus, s.last_voiced)
        for v, s in zip(vectors, material.segments, strict=True)
    ]
    _train_head(model.head, recipe.head, labelled, folder, seed)
    return model


def encode(encoder: Encoder, segments: Sequence[GatedSegment]) -> list[NDArray[np.float16]]:
    """Vectors of all steps of each segment, ``(steps, units)``, in the segments' order."""
    coefficients = encoder.architecture.coefficients
    frames = [mfcc(segment.log_mel, coefficients) for segment in segments]
    return [vectors.astype(np.float16) for vectors in _run(encoder, frames, STEP_FRAMES)]


def _run(
    layer: Encoder | Head, sequences: Sequence[NDArray[np.float32]], frames_per_step: int
) -> list[NDArray[np.float32]]:
    """Outputs of a causal layer for sequences of any length, those of like length together."""
    width = sequences[0].shape[1]
    model = keras.Sequential([keras.Input((None, width)), layer])
    out: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(sequences)
    order = np.argsort([len(sequence) for sequence in sequences])
    for start in range(0, len(order), _RUN_BATCH):
        chosen = order[start : start + _RUN_BATCH]
        steps = padded_length([len(sequences[k]) // frames_per_step for k in chosen])
        batch = np.zeros((len(chosen), steps * frames_per_step, width), np.float32)
        for row, k in enumerate(chosen):
            batch[row, : len(sequences[k])] = sequences[k]
        results = np.asarray(model.predict_on_batch(batch))
        for row, k in enumerate(chosen):
            out[k] = results[row, : len(sequences[k]) // frames_per_step]
    return out


def _train_encoder(
    encoder: Encoder,
    stage: EncoderStage,
    material: Material,
    teacher_path: Path,
    folder: Path,
    seed: int,
) -> None:
    teacher = load_teacher(teacher_path)
    scale = Scale.of(material.spectra)
    spectra = [scale.apply(spectrum) for spectrum in material.spectra]
    targets = [
        vectors[CONTEXT_FRAMES // STEP_FRAMES :].astype(np.float16)
        for vectors in _run(teacher, spectra, STEP_FRAMES)
    ]
    _start_from(encoder, teacher, material.segments, spectra)
    if not stage.epochs:
        return
    deviation = np.concatenate([t[::5] for t in targets]).astype(np.float32).std(axis=0) + 0.05

    batches = ImitationBatches(
        material.segments, targets, encoder.architecture.coefficients, stage, seed
    )
    model = keras.Sequential([keras.Input((None, encoder.architecture.coefficients)), encoder])
    total = stage.epochs * len(batches)
    schedule = keras.optimizers.schedules.CosineDecay(
        stage.learning_rate / 20,
        decay_steps=total - total // 10,
        warmup_target=stage.learning_rate,
        warmup_steps=total // 10,
    )
    model.compile(
        keras.optimizers.Adam(schedule, clipnorm=1.0),
        ImitationLoss(deviation),
    )
    _fit(model, batches, stage.epochs, folder / "encoder-backup")


def _start_from(
    encoder: Encoder,
    teacher: Encoder,
    segments: Sequence[GatedSegment],
    spectra: Sequence[NDArray[np.float32]],
) -> None:
    """Give the encoder the teacher's weights, and the map that makes its input from MFCC."""
    shape = encoder.architecture
    inputs = [mfcc(segment.log_mel, shape.coefficients) for segment in segments[::5]]
    joined = np.concatenate(inputs)
    mean, deviation = joined.mean(axis=0), joined.std(axis=0)
    encoder.mean.assign(mean)
    encoder.deviation.assign(deviation)
    chosen = np.random.default_rng(0).permutation(len(segments))[:_MAP_SEGMENTS]
    kernel, bias = fit_map(
        [(mfcc(segments[k].log_mel, shape.coefficients) - mean) / deviation for k in chosen],
        [spectra[k][CONTEXT_FRAMES:] for k in chosen],
        shape.map_frames,
    )
    encoder.map.set_weights([kernel, bias])
    for own, pretrained in zip(
        [*encoder.convolutions, *encoder.norms, *encoder.dense],
        [*teacher.convolutions, *teacher.norms, *teacher.dense],
        strict=True,
    ):
        own.set_weights(pretrained.get_weights())


def _train_head(
    head: Head, stage: HeadStage, segments: Sequence[Labelled], folder: Path, seed: int
) -> None:
    sample = np.concatenate([s.vectors for s in segments[::3]]).astype(np.float32)
    head.mean.assign(sample.mean(axis=0))
    head.deviation.assign(sample.std(axis=0) + 1e-3)
    vectors = keras.Input((None, sample.shape[1]), name="vectors")
    mask = keras.Input((head.architecture.labels,), name="mask")
    model = keras.Model([vectors, mask], head(vectors) + mask[:, None, :])
    batches = LabelBatches(segments, stage, seed)
    total = stage.epochs * len(batches)
    warm_up = int(0.3 * total)
    schedule = keras.optimizers.schedules.CosineDecay(
        stage.learning_rate / 25,
        decay_steps=total - warm_up,
        warmup_target=stage.learning_rate,
        warmup_steps=warm_up,
    )
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=stage.weight_decay, clipnorm=5.0),
        keras.losses.CategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight"),
    )
    _fit(model, batches, stage.epochs, folder / "head-backup")


def _fit(
    model: keras.Model, batches: ImitationBatches | LabelBatches, epochs: int, backup: Path
) -> None:
    model.fit(
        batches,
        epochs=epochs,
        callbacks=[keras.callbacks.BackupAndRestore(str(backup)), BeginEpoch(batches)],
    )


def logits_at_results(model: StreamingSer, segments: Sequence[GatedSegment]) -> NDArray[np.float32]:
    """Logits of the training graph at each segment's result, shape ``(segments, labels)``."""
    vectors = [v.astype(np.float32) for v in encode(model.encoder, segments)]
    logits = _run(model.head, vectors, 1)
    return np.stack([rows[s.last_voiced] for rows, s in zip(logits, segments, strict=True)])

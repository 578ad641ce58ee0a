"""First stage: without labels, the encoder learns to give the teacher's vectors from MFCC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from realtime_ser.base.records import STEP_FRAMES
from training.fitting import delete_backup, fit, load_weights, optimizer, save_weights
from training.run_folder import Run
from training.streaming.architecture import Tensor
from training.streaming.batches import ImitationBatches, mfcc
from training.streaming.encoder import Encoder
from training.streaming.gated_segments import GatedSegment
from training.streaming.inference import run_causal
from training.streaming.network import new_model
from training.streaming.pretrained import fit_input_map
from training.streaming.recipe import EncoderStage, StreamingRecipe
from training.streaming.spectra import CONTEXT_FRAMES

_MAP_SEGMENTS = 2000
_SAMPLE = 64

ENCODER_STAGE = "encoder"
"""Name of the stage in a run."""


@dataclass(frozen=True, slots=True)
class ImitationSet:
    """Segments, and what the teacher hears and makes of each.

    Attributes
    ----------
    segments
        The segments.
    spectra
        The teacher's standardised input, each ``(32 + 8 steps, 64)``.
    vectors
        Its output, each ``(steps, units)``.
    """

    segments: Sequence[GatedSegment]
    spectra: Sequence[NDArray[np.float32]]
    vectors: Sequence[NDArray[np.float16]]


def pretrained_vectors(
    teacher: Encoder, spectra: Sequence[NDArray[np.float32]]
) -> list[NDArray[np.float16]]:
    """The teacher's vectors of segments from its standardised input, its context left out."""
    context = CONTEXT_FRAMES // STEP_FRAMES
    return run_causal(
        teacher,
        [len(spectrum) // STEP_FRAMES for spectrum in spectra],
        lambda k: spectra[k],
        lambda _, vectors: vectors[context:].astype(np.float16),
    )


def encode(encoder: Encoder, segments: Sequence[GatedSegment]) -> list[NDArray[np.float16]]:
    """Vectors of all steps of each segment, ``(steps, units)``, in the segments' order."""
    coefficients = encoder.architecture.coefficients
    return run_causal(
        encoder,
        [len(segment.log_mel) for segment in segments],
        lambda k: mfcc(segments[k].log_mel, coefficients),
        lambda _, vectors: vectors.astype(np.float16),
    )


def standardise(
    encoder: Encoder, segments: Sequence[GatedSegment]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Set the mean and deviation of the encoder's input to those of training segments."""
    coefficients = encoder.architecture.coefficients
    joined = np.concatenate([mfcc(segment.log_mel, coefficients) for segment in segments[::5]])
    mean, deviation = joined.mean(axis=0), joined.std(axis=0)
    encoder.mean.assign(mean)
    encoder.deviation.assign(deviation)
    return mean, deviation


def initialise_batch_norm(encoder: Encoder, segments: Sequence[GatedSegment]) -> None:
    """Give an encoder with random weights the statistics of training segments.

    Its input and the output of each convolution get mean 0 and deviation 1 over a sample of them,
    and stay scaled like that.
    """
    standardise(encoder, segments)
    coefficients = encoder.architecture.coefficients
    chosen = sorted(segments, key=lambda s: len(s.log_mel))[:: max(1, len(segments) // _SAMPLE)]
    frames = np.concatenate([mfcc(s.log_mel, coefficients) for s in chosen])
    encoder.initialise_batch_norm(frames[None])


class ImitationLoss(keras.losses.Loss):
    """Squared error in units of each output's deviation, averaged over the outputs."""

    def __init__(self, deviation: NDArray[np.float32]) -> None:
        super().__init__(reduction="mean_with_sample_weight")
        self._deviation = deviation

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Loss of each step, shape ``(batch, steps)``."""
        return ops.mean(ops.square((y_pred - y_true) / self._deviation), axis=-1)


def train_encoder(
    recipe: StreamingRecipe, imitation_set: ImitationSet, teacher: Encoder, run: Run, seed: int
) -> Encoder:
    """Train an encoder, or go on where an interrupted run stopped.

    Parameters
    ----------
    recipe
        What to do.
    imitation_set
        Of the training speakers.
    teacher
        From :func:`training.streaming.pretrained.load_teacher`.
    run
        Where checkpoints are kept.
    seed
        Seeds the order of the batches and their gains.
    """
    keras.utils.set_random_seed(seed)
    encoder = new_model(recipe.architecture.encoder_alone).encoder
    weights_path = run.folder / f"{ENCODER_STAGE}.npz"
    if weights_path.exists():
        load_weights(encoder, weights_path)
        return encoder
    _initialise_from_pretrained(encoder, teacher, imitation_set)
    if recipe.encoder.epochs:
        _fit_encoder(encoder, recipe.encoder, imitation_set, run, seed)
    save_weights(encoder, weights_path)
    delete_backup(run, ENCODER_STAGE)
    return encoder


def _fit_encoder(
    encoder: Encoder, stage: EncoderStage, imitation_set: ImitationSet, run: Run, seed: int
) -> None:
    coefficients = encoder.architecture.coefficients
    batches = ImitationBatches(
        imitation_set.segments, imitation_set.vectors, coefficients, stage, seed
    )
    sample = np.concatenate([vectors[::5] for vectors in imitation_set.vectors]).astype(np.float32)
    model = keras.Sequential([keras.Input((None, coefficients)), encoder])
    model.compile(optimizer(stage, len(batches)), ImitationLoss(sample.std(axis=0) + 0.05))
    fit(model, batches, stage, run, ENCODER_STAGE)


def _initialise_from_pretrained(
    encoder: Encoder, teacher: Encoder, imitation_set: ImitationSet
) -> None:
    """Give the encoder the teacher's weights, and the map that makes its input from MFCC."""
    shape = encoder.architecture
    mean, deviation = standardise(encoder, imitation_set.segments)
    chosen = np.random.default_rng(0).permutation(len(imitation_set.segments))[:_MAP_SEGMENTS]
    cepstra = [mfcc(imitation_set.segments[k].log_mel, shape.coefficients) for k in chosen]
    kernel, bias = fit_input_map(
        [(frames - mean) / deviation for frames in cepstra],
        [imitation_set.spectra[k][CONTEXT_FRAMES:] for k in chosen],
        shape.map_frames,
    )
    encoder.map.set_weights([kernel, bias])
    for own, pretrained in zip(
        [*encoder.convolutions, *encoder.norms, *encoder.dense],
        [*teacher.convolutions, *teacher.norms, *teacher.dense],
        strict=True,
    ):
        own.set_weights(pretrained.get_weights())

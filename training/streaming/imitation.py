"""First stage: the encoder learns, without labels, to give a pretrained encoder's vectors."""

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
from training.streaming.architecture import StepEncoder, Tensor
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
    """Segments with inputs and outputs of the pretrained encoder.

    Attributes
    ----------
    segments
        The segments.
    spectra
        Standardised inputs of the pretrained encoder, each ``(32 + 8 steps, 64)``.
    vectors
        Outputs of the pretrained encoder, each ``(steps, units)``.
    """

    segments: Sequence[GatedSegment]
    spectra: Sequence[NDArray[np.float32]]
    vectors: Sequence[NDArray[np.float16]]


def pretrained_vectors(
    pretrained: Encoder, spectra: Sequence[NDArray[np.float32]]
) -> list[NDArray[np.float16]]:
    """Vectors of segments by the pretrained encoder, each ``(steps, units)``, without context."""
    context = CONTEXT_FRAMES // STEP_FRAMES
    return run_causal(
        pretrained,
        [len(spectrum) // STEP_FRAMES for spectrum in spectra],
        lambda k: spectra[k],
        lambda _, vectors: vectors[context:].astype(np.float16),
    )


def encode(encoder: StepEncoder, segments: Sequence[GatedSegment]) -> list[NDArray[np.float16]]:
    """Vectors of each segment, shape ``(steps, units)``."""
    coefficients = encoder.architecture.coefficients
    return run_causal(
        encoder,
        [len(segment.log_mel) for segment in segments],
        lambda k: mfcc(segments[k].log_mel, coefficients),
        lambda _, vectors: vectors.astype(np.float16),
    )


def standardise(
    encoder: StepEncoder, segments: Sequence[GatedSegment]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Set the encoder's input mean and deviation to those of training segments, and return both."""
    coefficients = encoder.architecture.coefficients
    joined = np.concatenate([mfcc(segment.log_mel, coefficients) for segment in segments[::5]])
    mean, deviation = joined.mean(axis=0), joined.std(axis=0)
    encoder.mean.assign(mean)
    encoder.deviation.assign(deviation)
    return mean, deviation


def initialise_batch_norm(encoder: Encoder, segments: Sequence[GatedSegment]) -> None:
    """Initialise the statistics of an encoder with random weights on training segments.

    Input and convolution outputs get mean 0 and deviation 1 over a sample of the segments; the
    statistics stay fixed afterwards.
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
    recipe: StreamingRecipe, imitation_set: ImitationSet, pretrained: Encoder, run: Run, seed: int
) -> Encoder:
    """Train an encoder to imitate a pretrained one, or resume an interrupted fit.

    Parameters
    ----------
    recipe
        The recipe.
    imitation_set
        Segments of the training speakers.
    pretrained
        From :func:`training.streaming.pretrained.load_pretrained_encoder`.
    run
        Run whose folder holds the checkpoints.
    seed
        Seed of the order of the batches and of their gains.
    """
    keras.utils.set_random_seed(seed)
    encoder = new_model(recipe.architecture.encoder_alone).encoder
    weights_path = run.folder / f"{ENCODER_STAGE}.npz"
    if weights_path.exists():
        load_weights(encoder, weights_path)
        return encoder
    _initialise_from_pretrained(encoder, pretrained, imitation_set)
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
    encoder: Encoder, pretrained: Encoder, imitation_set: ImitationSet
) -> None:
    """Set the pretrained weights, and the map from MFCC to the pretrained encoder's input."""
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
    for own, other in zip(
        [*encoder.convolutions, *encoder.norms, *encoder.dense],
        [*pretrained.convolutions, *pretrained.norms, *pretrained.dense],
        strict=True,
    ):
        own.set_weights(other.get_weights())

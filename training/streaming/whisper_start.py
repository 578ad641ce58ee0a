"""First stage of an encoder that starts from Whisper: imitation of the bidirectional encoder.

Without labels, a causal encoder, a transformer with Whisper's own weights or a CNN with random
ones, learns to give the upper layers' vectors that the published encoder, which attends to a whole
segment, gives of the clean voice; its own input is the same voice at other levels and in noise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import keras
import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.errors import OutputError, SerError, UsageError
from realtime_ser.base.records import STEP_FRAMES
from training.batching import bucket_length
from training.fitting import delete_backup, fit, load_weights, optimizer, save_weights
from training.job import Job
from training.sound.examples import Example
from training.streaming.architecture import Architecture, ImitatedLayers
from training.streaming.batches import ImitationBatches
from training.streaming.gated_segments import GatedSegment
from training.streaming.imitation import ENCODER_STAGE, ImitationLoss, encode, standardise
from training.streaming.network import new_model
from training.streaming.recipe import StreamingRecipe
from training.streaming.residual import ResidualEncoder
from training.streaming.transformer import FLOOR, RANGE, TOKENS, TransformerEncoder
from training.streaming.whisper_encoder import PublishedEncoder
from training.streaming.whisper_encoder import load_weights as load_published_weights
from training.streaming.whisper_weights import BANDS, WhisperWeights, read_weights

ImitatingEncoder: TypeAlias = ResidualEncoder | TransformerEncoder

_BATCH = 32
_SILENCE_FRAMES = 48  # about half a second behind a segment, as a clip has
_SAMPLE = 5
_LEAST_DEVIATION = 1e-2


def start_from_whisper(
    job: Job[StreamingRecipe],
    encoder: ImitatingEncoder,
    segments: Sequence[GatedSegment],
) -> None:
    """Load Whisper's weights into a transformer, run the encoder's stage, or resume.

    Parameters
    ----------
    job
        Recipe, file of the weights, and run for checkpoints and result.
    encoder
        The encoder.
    segments
        Segments of the training speakers; the stage uses those of single clips as recorded.

    Raises
    ------
    SerError
        The weights cannot be read, or do not fit the recipe's architecture.
    """
    assert job.pretrained is not None
    weights = read_weights(job.pretrained)
    _expect_shape(weights, encoder, job.pretrained)
    done = job.run.folder / f"{ENCODER_STAGE}.npz"
    if done.exists():
        load_weights(encoder, done)
        return
    if isinstance(encoder, TransformerEncoder):
        load_published_weights(weights, encoder.convolutions, encoder.stack)
    recorded = [s for s in segments if s.recorded and isinstance(s.example, Example)]
    standardise(encoder, recorded)
    if job.recipe.encoder.epochs:
        _imitate(job, encoder, weights, recorded)
    standardise_vectors(encoder, recorded)
    save_weights(encoder, done)
    delete_backup(job.run, ENCODER_STAGE)


def published_start(architecture: Architecture, path: Path) -> TransformerEncoder:
    """New transformer of a recipe's architecture with Whisper's own weights, taught nothing.

    Raises
    ------
    SerError
        The weights cannot be read, or do not fit.
    """
    encoder = new_model(architecture).encoder
    if not isinstance(encoder, TransformerEncoder):
        raise UsageError("Only a recipe with architecture.transformer starts from Whisper.")
    weights = read_weights(path)
    _expect_shape(weights, encoder, path)
    load_published_weights(weights, encoder.convolutions, encoder.stack)
    return encoder


def standardise_vectors(encoder: ImitatingEncoder, segments: Sequence[GatedSegment]) -> None:
    """Set mean and deviation of the encoder's vectors to those of a sample of segments."""
    width = encoder.vector_mean.shape[0]
    _set_vectors(encoder, np.zeros(width), np.ones(width))
    vectors = encode(encoder, segments[::_SAMPLE])
    joined = np.concatenate(vectors).astype(np.float32)
    _set_vectors(encoder, joined.mean(axis=0), joined.std(axis=0))


def _set_vectors(
    encoder: ImitatingEncoder,
    mean: NDArray[np.floating],
    deviation: NDArray[np.floating],
) -> None:
    encoder.vector_mean.assign(mean)
    encoder.vector_deviation.assign(np.maximum(deviation, _LEAST_DEVIATION))


def _set_upper_vectors(
    encoder: TransformerEncoder, mean: NDArray[np.floating], deviation: NDArray[np.floating]
) -> None:
    """Set mean and deviation of the last units; those of the others become 0 and 1."""
    width = encoder.vector_mean.shape[0]
    lower = width - len(mean)
    _set_vectors(
        encoder,
        np.concatenate([np.zeros(lower), mean]),
        np.concatenate([np.ones(lower), deviation]),
    )


def _expect_shape(weights: WhisperWeights, encoder: ImitatingEncoder, path: Path) -> None:
    imitated = encoder.imitated
    fits = weights.width == imitated.width and weights.layers > max(imitated.numbers)
    if isinstance(encoder, TransformerEncoder):
        shape = encoder.transformer
        inner = (weights.heads, weights.feed_forward)
        fits = fits and inner == (shape.attention_heads, shape.feed_forward)
    if not fits:
        raise SerError(
            f"{path} holds {weights.layers} layers, {weights.width} wide, with {weights.heads} "
            f"heads and {weights.feed_forward} inside, which the recipe's encoder does not match: "
            "set architecture.transformer or architecture.residual to the same."
        )


# --------------------------------------------------------------------------------------- imitation


def published_vectors(
    weights: WhisperWeights,
    segments: Sequence[GatedSegment],
    layers: Sequence[int],
    used_bands: int,
) -> list[NDArray[np.float16]]:
    """Outputs of layers of the published encoder for whole segments, step by step.

    Parameters
    ----------
    weights
        Weights of the encoder.
    segments
        The segments, which are padded with silence.
    layers
        Numbers of the layers, from 0.
    used_bands
        Number of bands in use; those above are held at the floor.

    Returns
    -------
    list of ndarray, shape (steps, layers x width)
        Outputs averaged over a step, concatenated.
    """
    published = PublishedEncoder(weights, max(layers) + 1)
    inputs = [keras.Input((None, BANDS)), keras.Input((None,))]
    model = keras.Model(inputs, published(*inputs))
    found: dict[int, NDArray[np.float16]] = {}
    order = np.argsort([len(segment.log_mel) for segment in segments], kind="stable")
    for start in range(0, len(order), _BATCH):
        chosen = order[start : start + _BATCH].tolist()
        scaled, mask = _padded([segments[k] for k in chosen], used_bands)
        vectors = model.predict_on_batch([scaled, mask])
        for row, k in enumerate(chosen):
            steps = len(segments[k].log_mel)
            own = (vectors[layer][row, : TOKENS * steps] for layer in layers)
            means = [one.reshape(steps, TOKENS, -1).mean(axis=1) for one in own]
            found[k] = np.concatenate(means, axis=1).astype(np.float16)
    return [found[k] for k in range(len(segments))]


def _padded(
    segments: Sequence[GatedSegment], used_bands: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Padded inputs of the published encoder, and their masks.

    One frame of silence ahead aligns the stride of the second convolution with the stream's.
    """
    steps = bucket_length([len(segment.log_mel) for segment in segments])
    longest = steps * STEP_FRAMES + _SILENCE_FRAMES
    bands = segments[0].log_mel.shape[-1]
    frames = np.zeros((len(segments), longest, bands), np.float32)
    mask = np.zeros((len(segments), longest // 2), np.float32)
    for row, segment in enumerate(segments):
        spectrum = segment.log_mel.reshape(-1, bands)[:, :used_bands] / 10.0
        floor = max(FLOOR, float(spectrum.max())) - RANGE
        frames[row] = (floor + 4.0) / 4.0
        kept = np.maximum(spectrum, floor)
        frames[row, 1 : 1 + len(kept), :used_bands] = (kept + 4.0) / 4.0
        mask[row, : (len(kept) + _SILENCE_FRAMES) // 2] = 1.0
    return frames, mask


def _imitate(
    job: Job[StreamingRecipe],
    encoder: ImitatingEncoder,
    weights: WhisperWeights,
    segments: Sequence[GatedSegment],
) -> None:
    imitated, stage = encoder.imitated, job.recipe.encoder
    vectors = _cached_vectors(job, weights, segments, imitated)
    sample = np.concatenate([own[::_SAMPLE] for own in vectors[::_SAMPLE]]).astype(np.float32)
    mean, deviation = sample.mean(axis=0), np.maximum(sample.std(axis=0), _LEAST_DEVIATION)
    targets = [
        _delayed((own - mean) / deviation, imitated.delays, imitated.width) for own in vectors
    ]
    if isinstance(encoder, TransformerEncoder):  # its output is in the published scale
        _set_upper_vectors(encoder, mean, deviation)
    coefficients = job.recipe.architecture.coefficients
    batches = ImitationBatches(segments, targets, coefficients, stage, job.seed)
    inputs = keras.Input((None, coefficients))
    model = keras.Model(inputs, encoder(inputs)[..., -len(mean) :])
    model.compile(optimizer(stage, len(batches)), ImitationLoss(np.ones(len(mean), np.float32)))
    fit(model, batches, stage, job.run, ENCODER_STAGE)


def _delayed(
    vectors: NDArray[np.floating], delays: Sequence[int], width: int
) -> NDArray[np.float16]:
    """Vectors delayed like the encoder's layers, behind zeros."""
    delayed = np.zeros(vectors.shape, np.float16)
    for k, delay in enumerate(delays):
        own = slice(k * width, (k + 1) * width)
        delayed[delay:, own] = vectors[: len(vectors) - delay, own]
    return delayed


def _cached_vectors(
    job: Job[StreamingRecipe],
    weights: WhisperWeights,
    segments: Sequence[GatedSegment],
    imitated: ImitatedLayers,
) -> list[NDArray[np.float16]]:
    """Result of :func:`published_vectors`, kept in one file of the cache."""
    digest = hashlib.sha256(
        repr((list(imitated.numbers), imitated.used_bands, weights.width)).encode()
    )
    for name in sorted(weights.arrays):
        digest.update(weights.arrays[name].tobytes())
    for segment in segments:
        digest.update(segment.example.digest() + str(segment.first_step).encode())
    kept = job.cache / f"published-{digest.hexdigest()[:24]}.npy"
    steps = [len(segment.log_mel) for segment in segments]
    if not kept.exists():
        joined = np.concatenate(
            published_vectors(weights, segments, imitated.numbers, imitated.used_bands)
        )
        draft = kept.with_suffix(".part.npy")
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            np.save(draft, joined)
            draft.replace(kept)
        except OSError as error:
            raise OutputError(
                f"The cache {job.cache} cannot be written ({error.strerror}); make room or name "
                "another folder with --runs."
            ) from error
    return np.split(np.load(kept), np.cumsum(steps)[:-1])

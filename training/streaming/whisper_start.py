"""First stage of a transformer: Whisper's weights, and imitation of the bidirectional encoder.

Without labels, the causal encoder learns to give the upper layers' vectors that the published
encoder, which attends to a whole segment, gives of the clean voice; its own input is the same voice
at other levels and in noise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.errors import OutputError, SerError
from realtime_ser.base.records import STEP_FRAMES
from training.batching import bucket_length
from training.fitting import delete_backup, fit, load_weights, optimizer, save_weights
from training.job import Job
from training.sound.examples import Example
from training.streaming.architecture import Transformer
from training.streaming.batches import ImitationBatches
from training.streaming.gated_segments import GatedSegment
from training.streaming.imitation import ENCODER_STAGE, ImitationLoss, encode, standardise
from training.streaming.recipe import StreamingRecipe
from training.streaming.transformer import FLOOR, RANGE, TOKENS, TransformerEncoder
from training.streaming.whisper_encoder import PublishedEncoder
from training.streaming.whisper_encoder import load_weights as load_published_weights
from training.streaming.whisper_weights import BANDS, WhisperWeights, read_weights

IMITATED = 2
"""Number of upper layers whose vectors are imitated."""

_BATCH = 32
_SILENCE_FRAMES = 48  # about half a second behind a segment, as a clip has
_SAMPLE = 5
_LEAST_DEVIATION = 1e-2


def start_from_whisper(
    job: Job[StreamingRecipe], encoder: TransformerEncoder, segments: Sequence[GatedSegment]
) -> None:
    """Load Whisper's weights into an encoder and run its stage of the recipe, or resume.

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
    _expect_shape(weights, encoder.transformer, job.pretrained)
    done = job.run.folder / f"{ENCODER_STAGE}.npz"
    if done.exists():
        load_weights(encoder, done)
        return
    load_published_weights(weights, encoder.convolutions, encoder.stack)
    recorded = [s for s in segments if s.recorded and isinstance(s.example, Example)]
    standardise(encoder, recorded)  # for the parity test
    if job.recipe.encoder.epochs:
        _imitate(job, encoder, weights, recorded)
    standardise_vectors(encoder, recorded)
    save_weights(encoder, done)
    delete_backup(job.run, ENCODER_STAGE)


def standardise_vectors(encoder: TransformerEncoder, segments: Sequence[GatedSegment]) -> None:
    """Set mean and deviation of the encoder's vectors to those of a sample of segments."""
    width = encoder.vector_mean.shape[0]
    _set_vectors(encoder, np.zeros(width), np.ones(width))
    vectors = encode(encoder, segments[::_SAMPLE])
    joined = np.concatenate(vectors).astype(np.float32)
    _set_vectors(encoder, joined.mean(axis=0), joined.std(axis=0))


def _set_vectors(
    encoder: TransformerEncoder, mean: NDArray[np.floating], deviation: NDArray[np.floating]
) -> None:
    encoder.vector_mean.assign(mean)
    encoder.vector_deviation.assign(np.maximum(deviation, _LEAST_DEVIATION))


def _expect_shape(weights: WhisperWeights, shape: Transformer, path: Path) -> None:
    theirs = (weights.width, weights.heads, weights.feed_forward)
    ours = (shape.width, shape.attention_heads, shape.feed_forward)
    if theirs != ours or weights.layers < shape.layers:
        raise SerError(
            f"{path} holds {weights.layers} layers, {theirs[0]} wide, with {theirs[1]} heads and "
            f"{theirs[2]} inside, and the recipe's transformer has {shape.layers}, {ours[0]}, "
            f"{ours[1]} and {ours[2]}: set architecture.transformer to the same."
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
    encoder: TransformerEncoder,
    weights: WhisperWeights,
    segments: Sequence[GatedSegment],
) -> None:
    shape, stage = encoder.transformer, job.recipe.encoder
    layers = range(shape.layers)[-IMITATED:]
    vectors = _cached_vectors(job, weights, segments, layers, shape.used_bands)
    sample = np.concatenate([own[::_SAMPLE] for own in vectors[::_SAMPLE]]).astype(np.float32)
    mean, deviation = sample.mean(axis=0), np.maximum(sample.std(axis=0), _LEAST_DEVIATION)
    targets = [
        _delayed((own - mean) / deviation, [shape.delays[k] for k in layers], shape.width)
        for own in vectors
    ]
    whole = np.zeros(shape.width * shape.layers), np.ones(shape.width * shape.layers)
    for all_layers, imitated in zip(whole, (mean, deviation), strict=True):
        all_layers[-len(imitated) :] = imitated
    _set_vectors(encoder, *whole)
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
    layers: Sequence[int],
    used_bands: int,
) -> list[NDArray[np.float16]]:
    """Result of :func:`published_vectors`, kept in one file of the cache."""
    digest = hashlib.sha256(repr((list(layers), used_bands, weights.width)).encode())
    for name in sorted(weights.arrays):
        digest.update(weights.arrays[name].tobytes())
    for segment in segments:
        digest.update(segment.example.digest() + str(segment.first_step).encode())
    kept = job.cache / f"published-{digest.hexdigest()[:24]}.npy"
    steps = [len(segment.log_mel) for segment in segments]
    if not kept.exists():
        joined = np.concatenate(published_vectors(weights, segments, layers, used_bands))
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

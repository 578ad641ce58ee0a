"""What both stages of training share: schedules, fits that resume, and batched inference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from training.architecture import Encoder, Head
from training.batches import BeginEpoch, Epochs, padded_length

_BATCH = 32


def warm_then_cosine(
    rate: float, steps: int, warm: float
) -> keras.optimizers.schedules.CosineDecay:
    """Learning rate that rises to ``rate`` over a share ``warm`` of the steps, then decays."""
    warm_steps = int(warm * steps)
    return keras.optimizers.schedules.CosineDecay(
        rate / 20,
        decay_steps=steps - warm_steps,
        warmup_target=rate,
        warmup_steps=warm_steps,
    )


def fit(model: keras.Model, batches: Epochs, epochs: int, backup: Path) -> None:
    """Fit a compiled model; after an interruption, go on behind its last whole epoch."""
    model.fit(
        batches,
        epochs=epochs,
        callbacks=[keras.callbacks.BackupAndRestore(str(backup)), BeginEpoch(batches)],
    )


def run_causal(
    layer: Encoder | Head, sequences: Sequence[NDArray[np.floating]], frames_per_step: int
) -> list[NDArray[np.float32]]:
    """Outputs of a causal layer for sequences of any length, those of like length together.

    Parameters
    ----------
    layer
        Gives one vector for each ``frames_per_step`` frames.
    sequences
        Each of shape ``(frames, width)``.
    frames_per_step
        Frames of a step of the layer.

    Returns
    -------
    list of ndarray, shape (steps, units)
    """
    width = sequences[0].shape[1]
    model = keras.Sequential([keras.Input((None, width)), layer])
    out: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(sequences)
    order = np.argsort([len(sequence) for sequence in sequences])
    for start in range(0, len(order), _BATCH):
        chosen = order[start : start + _BATCH]
        steps = padded_length([len(sequences[k]) // frames_per_step for k in chosen])
        batch = np.zeros((len(chosen), steps * frames_per_step, width), np.float32)
        for row, k in enumerate(chosen):
            batch[row, : len(sequences[k])] = sequences[k]
        results = model.predict_on_batch(batch)
        for row, k in enumerate(chosen):
            out[k] = results[row, : len(sequences[k]) // frames_per_step]
    return out


def save_weights(layer: keras.layers.Layer, path: Path) -> None:
    """Write a layer's weights in one step, so that an interruption leaves no half of them."""
    draft = path.with_name(f"draft-{path.name}")
    np.savez(draft, *layer.get_weights())
    draft.replace(path)


def load_weights(layer: keras.layers.Layer, path: Path) -> None:
    """Read what :func:`save_weights` wrote into a layer of the same shape."""
    with np.load(path, allow_pickle=False) as weights:
        layer.set_weights([weights[name] for name in weights.files])

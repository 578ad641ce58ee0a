"""Outputs of causal layers for many sequences of different lengths."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from numpy.typing import NDArray

from training.batching import padded_length
from training.streaming.encoder import Encoder
from training.streaming.heads import Head, Heads, RunningStatistics

_BATCH = 32


def run_causal(
    layer: Encoder | Head | Heads | RunningStatistics,
    sequences: Sequence[NDArray[np.floating]],
    frames_per_step: int,
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

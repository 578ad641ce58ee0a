"""Outputs of causal layers for many sequences of different lengths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import keras
import numpy as np
from numpy.typing import NDArray

from training.batching import padded_length
from training.streaming.encoder import Encoder
from training.streaming.heads import Head, Heads, RunningStatistics

_BATCH = 32

_Kept = TypeVar("_Kept")


def run_causal(
    layer: Encoder | Head | Heads | RunningStatistics,
    sequences: Sequence[NDArray[np.floating]],
    frames_per_step: int,
    keep: Callable[[int, NDArray[np.float32]], _Kept],
) -> list[_Kept]:
    """What is kept of a causal layer's outputs for sequences of any length, in their order.

    Those of like length run together.

    Parameters
    ----------
    layer
        Gives one vector for each ``frames_per_step`` frames.
    sequences
        Each of shape ``(frames, width)``.
    frames_per_step
        Frames of a step of the layer.
    keep
        Gives what is kept of a sequence, from its number and the layer's output for it, shape
        ``(steps, units)``; all the rest is forgotten at once.
    """
    if not sequences:
        return []
    width = sequences[0].shape[1]
    model = keras.Sequential([keras.Input((None, width)), layer])
    kept: dict[int, _Kept] = {}
    order = np.argsort([len(sequence) for sequence in sequences])
    for start in range(0, len(order), _BATCH):
        chosen = order[start : start + _BATCH]
        steps = padded_length([len(sequences[k]) // frames_per_step for k in chosen])
        batch = np.zeros((len(chosen), steps * frames_per_step, width), np.float32)
        for row, k in enumerate(chosen):
            batch[row, : len(sequences[k])] = sequences[k]
        results = model.predict_on_batch(batch)
        for row, k in enumerate(chosen):
            kept[k] = keep(k, results[row, : len(sequences[k]) // frames_per_step])
    return [kept[k] for k in range(len(sequences))]

"""Outputs of causal layers for many sequences of different lengths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import keras
import numpy as np
from numpy.typing import NDArray

from training.batching import bucket_length, stack_padded
from training.streaming.architecture import StepEncoder
from training.streaming.heads import Head, Heads, RunningStatistics

_BATCH = 32

_Selected = TypeVar("_Selected")


def run_causal(
    layer: StepEncoder | Head | Heads | RunningStatistics | keras.Sequential,
    steps: Sequence[int],
    load_sequence: Callable[[int], NDArray[np.floating]],
    select: Callable[[int, NDArray[np.float32]], _Selected],
) -> list[_Selected]:
    """Selected outputs of a causal layer for sequences of any length, in their order.

    Those of like length run together. Only a batch of them is in memory at a time.

    Parameters
    ----------
    layer
        Causal layer with one output vector for each step; as a model, it is compiled once for
        several calls.
    steps
        Length of each sequence.
    load_sequence
        Function that gives a sequence by its number, shape ``(frames, width)``, with as many frames
        for each step as the layer takes.
    select
        Function that gives what to keep of a sequence, from its number and the layer's output for
        it, shape ``(steps, units)``.
    """
    if not steps:
        return []
    first = load_sequence(0)
    frames_per_step, width = len(first) // steps[0], first.shape[1]
    model = layer
    if not isinstance(model, keras.Sequential):
        model = keras.Sequential([keras.Input((None, width)), layer])
    selected: dict[int, _Selected] = {}
    order = np.argsort(steps)
    for start in range(0, len(order), _BATCH):
        chosen = order[start : start + _BATCH].tolist()
        longest = bucket_length([steps[k] for k in chosen])
        batch = stack_padded([load_sequence(k) for k in chosen], longest * frames_per_step)
        results = model.predict_on_batch(batch)
        for row, k in enumerate(chosen):
            selected[k] = select(k, results[row, : steps[k]].copy())
    return [selected[k] for k in range(len(steps))]

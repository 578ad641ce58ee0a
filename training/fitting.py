"""What both stages of training share: schedules, fits that resume, and batched inference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from training.architecture import Encoder, Head
from training.batches import Epochs, padded_length
from training.workers import progress

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


def fit(model: keras.Model, batches: Epochs, epochs: int, backup: Path, title: str) -> None:
    """Fit a compiled model; after an interruption, go on behind its last whole epoch.

    Batch by batch, since lengths differ and ``Model.fit`` settles on those of the first ones.

    Parameters
    ----------
    model
        Compiled.
    batches, epochs
        What it learns from, and how often.
    backup
        File that holds the model and its optimizer after each epoch; gone at the end.
    title
        Stands beside the progress bar.
    """
    model.optimizer.build(model.trainable_variables)
    done = _restore(model, backup)
    with progress(title) as bar:
        task = bar.add_task(title, total=epochs * len(batches), completed=done * len(batches))
        for epoch in range(done, epochs):
            batches.begin(epoch)
            model.reset_metrics()
            for index in range(len(batches)):
                inputs, targets, weights = batches[index]
                loss = float(model.train_on_batch(inputs, targets, sample_weight=weights))
                bar.update(task, advance=1, description=f"{title}, epoch {epoch + 1}: {loss:.4f}")
            _store(model, backup, epoch + 1)
    model.optimizer.finalize_variable_values(model.trainable_variables)
    backup.unlink(missing_ok=True)


def _variables(model: keras.Model) -> list[keras.Variable]:
    return [*model.variables, *model.optimizer.variables]


def _store(model: keras.Model, backup: Path, epochs: int) -> None:
    values = [keras.ops.convert_to_numpy(variable) for variable in _variables(model)]
    _write(backup, [np.array(epochs), *values])


def _restore(model: keras.Model, backup: Path) -> int:
    """Give a model what was stored of it, and return how many epochs it has behind it."""
    if not backup.exists():
        return 0
    epochs, *values = _read(backup)
    for variable, value in zip(_variables(model), values, strict=True):
        variable.assign(value)
    return int(epochs)


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
    """Write a layer's weights."""
    _write(path, layer.get_weights())


def load_weights(layer: keras.layers.Layer, path: Path) -> None:
    """Read what :func:`save_weights` wrote into a layer of the same shape."""
    layer.set_weights(_read(path))


def _write(path: Path, arrays: Sequence[NDArray[np.generic]]) -> None:
    """Write arrays in one step, so that an interruption leaves no half of them."""
    draft = path.with_name(f"draft-{path.name}")
    np.savez(draft, *arrays)
    draft.replace(path)


def _read(path: Path) -> list[NDArray[np.generic]]:
    with np.load(path, allow_pickle=False) as arrays:
        return [arrays[name] for name in arrays.files]

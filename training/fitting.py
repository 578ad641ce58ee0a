"""Fits that resume at their last epoch, stop in time, and say how they go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from tensorboard.summary import Writer

from realtime_ser.base.errors import OutputError
from training.batching import Batch, Epochs
from training.runs import HISTORY, Run
from training.settings import Fit
from training.workers import progress

_PLATEAU_EPOCHS, _PLATEAU_FACTOR = 3, 0.2


def optimizer(settings: Fit, batches: int) -> keras.optimizers.Optimizer:
    """The optimizer of a fit of ``settings.epochs`` times so many batches."""
    options: dict[str, Any] = {
        "clipnorm": settings.clip_norm,
        "use_ema": settings.average > 0,
        "ema_momentum": settings.average or 0.99,
    }
    rate = _rate(settings, settings.epochs * batches)
    if settings.weight_decay:
        return keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay, **options)
    return keras.optimizers.Adam(rate, **options)


@contextmanager
def precision(settings: Fit) -> Iterator[None]:
    """Half precision for models that are built within, where there is a GPU and it is asked for.

    Their weights stay in single precision, so that they fit into a model built without.
    """
    before = keras.config.dtype_policy()
    if settings.mixed_precision and keras.distribution.list_devices("gpu"):
        keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _rate(settings: Fit, batches: int) -> float | keras.optimizers.schedules.CosineDecay:
    if settings.schedule != "cosine":
        return settings.learning_rate
    warm = int(settings.warm_up * batches)
    return keras.optimizers.schedules.CosineDecay(
        settings.learning_rate / 20,
        decay_steps=max(1, batches - warm),
        warmup_target=settings.learning_rate,
        warmup_steps=warm,
    )


@dataclass
class _Progress:
    """What a fit has behind it, beside the weights themselves."""

    epochs: int = 0
    best_loss: float = np.inf
    best_epoch: int = 0
    best: list[NDArray[np.generic]] = field(default_factory=list)


def fit(
    model: keras.Model,
    batches: Epochs,
    settings: Fit,
    run: Run,
    stage: str,
    validation: Sequence[Batch] = (),
) -> None:
    """Fit a compiled model; after an interruption, go on behind its last whole epoch.

    Batch by batch, since lengths differ and ``Model.fit`` settles on those of the first ones.

    Parameters
    ----------
    model
        Compiled with :func:`optimizer`.
    batches
        What it learns from.
    settings
        How often, and when to stop.
    run
        Its folder keeps ``STAGE-backup.npz``, which holds the model and its optimizer after each
        epoch and is gone at the end, the history, and what TensorBoard shows.
    stage
        Names the fit in all of these.
    validation
        What ``patience`` and ``plateau`` go by; without it both are out of effect.

    Raises
    ------
    OutputError
        The run's folder cannot be written; what was kept there stays.
    """
    backup = run.folder / f"{stage}-backup.npz"
    model.optimizer.build(model.trainable_variables)
    behind = _restore(model, backup)
    title = f"Fitting {stage}"
    with progress(title) as bar, _journal(run, stage, behind.epochs) as journal:
        total = settings.epochs * len(batches)
        task = bar.add_task(title, total=total, completed=behind.epochs * len(batches))
        while behind.epochs < settings.epochs and not _enough(settings, behind, validation):
            batches.begin(behind.epochs)
            losses = []
            for index in range(len(batches)):
                losses.append(_learn(model, batches[index]))
                said = f"{title}, epoch {behind.epochs + 1}: {losses[-1]:.4f}"
                bar.update(task, advance=1, description=said)
            behind.epochs += 1
            values = {"loss": float(np.mean(losses)), "learning_rate": _current_rate(model)}
            if validation:
                values["val_loss"] = _loss(model, validation)
                _judge(model, behind, values["val_loss"])
                if settings.schedule == "plateau":
                    _ease(model, behind)
            journal.add(behind.epochs, values)
            _store(model, backup, behind)
    if settings.patience and behind.best:
        for variable, value in zip(model.variables, behind.best, strict=True):
            variable.assign(value)
    elif settings.average:
        model.optimizer.finalize_variable_values(model.trainable_variables)


def forget_backup(run: Run, stage: str) -> None:
    """Delete what a fit was to go on from, once its result is kept."""
    (run.folder / f"{stage}-backup.npz").unlink(missing_ok=True)


def _enough(settings: Fit, behind: _Progress, validation: Sequence[Batch]) -> bool:
    if settings.patience is None or not validation:
        return False
    return behind.epochs - behind.best_epoch >= settings.patience


def _learn(model: keras.Model, batch: Batch) -> float:
    inputs, targets, weights = batch
    model.reset_metrics()
    return float(model.train_on_batch(inputs, targets, sample_weight=weights))


def _loss(model: keras.Model, batches: Sequence[Batch]) -> float:
    """Mean loss over batches, each counting by its weights."""
    losses, sizes = [], []
    for inputs, targets, weights in batches:
        model.reset_metrics()
        losses.append(float(model.test_on_batch(inputs, targets, sample_weight=weights)))
        sizes.append(float(weights.sum()))
    return float(np.average(losses, weights=sizes))


def _judge(model: keras.Model, behind: _Progress, loss: float) -> None:
    if loss < behind.best_loss:
        behind.best_loss, behind.best_epoch = loss, behind.epochs
        behind.best = [keras.ops.convert_to_numpy(variable) for variable in model.variables]


def _ease(model: keras.Model, behind: _Progress) -> None:
    """Learn more slowly whenever the loss has not fallen for some epochs."""
    waited = behind.epochs - behind.best_epoch
    if waited and waited % _PLATEAU_EPOCHS == 0:
        model.optimizer.learning_rate = _current_rate(model) * _PLATEAU_FACTOR


def _current_rate(model: keras.Model) -> float:
    return float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))


# ------------------------------------------------------------------------------- what a run keeps


class _Journal:
    """The history of a stage, for the report and for TensorBoard."""

    def __init__(self, run: Run, stage: str, epochs: int, board: Writer) -> None:
        self._run = run
        self._stage = stage
        self._rows = run.history().get(stage, [])[:epochs]
        self._board = board

    def add(self, epoch: int, values: dict[str, float]) -> None:
        """Note an epoch's values."""
        self._rows.append({"epoch": float(epoch), **values})
        self._run.write_json(HISTORY, self._run.history() | {self._stage: self._rows})
        for name, value in values.items():
            self._board.add_scalar(name, value, epoch)
        self._board.flush()


@contextmanager
def _journal(run: Run, stage: str, epochs: int) -> Iterator[_Journal]:
    run.write_json(HISTORY, run.history())  # says in one sentence if the folder cannot be written
    board = Writer(str(run.folder / "tensorboard" / stage))
    try:
        yield _Journal(run, stage, epochs, board)
    finally:
        board.close()


def _variables(model: keras.Model) -> list[keras.Variable]:
    return [*model.variables, *model.optimizer.variables]


def _store(model: keras.Model, backup: Path, behind: _Progress) -> None:
    place = np.array([behind.epochs, behind.best_loss, behind.best_epoch])
    values = [keras.ops.convert_to_numpy(variable) for variable in _variables(model)]
    _write(backup, [place, *values, *behind.best])


def _restore(model: keras.Model, backup: Path) -> _Progress:
    """Give a model what was stored of it."""
    if not backup.exists():
        return _Progress()
    place, *values = _read(backup)
    variables = _variables(model)
    for variable, value in zip(variables, values[: len(variables)], strict=True):
        variable.assign(value)
    return _Progress(int(place[0]), float(place[1]), int(place[2]), values[len(variables) :])


def save_weights(layer: keras.layers.Layer, path: Path) -> None:
    """Write a layer's weights in one step.

    Raises
    ------
    OutputError
        They cannot be written.
    """
    _write(path, layer.get_weights())


def load_weights(layer: keras.layers.Layer, path: Path) -> None:
    """Read what :func:`save_weights` wrote into a layer of the same shape."""
    layer.set_weights(_read(path))


def _write(path: Path, arrays: Sequence[NDArray[np.generic]]) -> None:
    """Write arrays in one step, so that an interruption leaves no half of them."""
    draft = path.with_name(f"draft-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(draft, *arrays)
        draft.replace(path)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written ({error.strerror}); make room, and the same command goes on "
            "from the last whole epoch."
        ) from error


def _read(path: Path) -> list[NDArray[np.generic]]:
    with np.load(path, allow_pickle=False) as arrays:
        return [arrays[name] for name in arrays.files]

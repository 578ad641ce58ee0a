"""Fits that resume at their last epoch, stop early, and log their losses."""

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

from realtime_ser.base.files import whole_file, writing
from training.batching import Batch, BucketedBatches
from training.run_folder import HISTORY, Run
from training.settings import FitSettings
from training.workers import progress_bar

_PLATEAU_EPOCHS, _PLATEAU_FACTOR = 3, 0.2


def optimizer(settings: FitSettings, batches: int) -> keras.optimizers.Optimizer:
    """Optimizer of a fit of ``settings.epochs`` epochs of ``batches`` batches."""
    options: dict[str, Any] = {
        "clipnorm": settings.clip_norm,
        "use_ema": settings.average > 0,
        "ema_momentum": settings.average or 0.99,
    }
    rate = _learning_rate_schedule(settings, settings.epochs * batches)
    if settings.weight_decay:
        return keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay, **options)
    return keras.optimizers.Adam(rate, **options)


@contextmanager
def compute_precision(settings: FitSettings) -> Iterator[None]:
    """Half precision for models built within, if asked for and if there is a GPU.

    Their weights stay in single precision, so that they fit into a model built without.
    """
    before = keras.config.dtype_policy()
    if settings.mixed_precision and keras.distribution.list_devices("gpu"):
        keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _learning_rate_schedule(
    settings: FitSettings, batches: int
) -> float | keras.optimizers.schedules.CosineDecay:
    if settings.schedule != "cosine":
        return settings.learning_rate
    warm_up_batches = int(settings.warm_up * batches)
    return keras.optimizers.schedules.CosineDecay(
        settings.learning_rate / 20,
        decay_steps=max(1, batches - warm_up_batches),
        warmup_target=settings.learning_rate,
        warmup_steps=warm_up_batches,
    )


@dataclass
class _FitState:
    """Progress of a fit: epochs done, and the best one so far."""

    epochs: int = 0
    best_loss: float = np.inf
    best_epoch: int = 0
    best_weights: list[NDArray[np.generic]] = field(default_factory=list)


def fit(
    model: keras.Model,
    batches: BucketedBatches,
    settings: FitSettings,
    run: Run,
    stage: str,
    validation: Sequence[Batch] = (),
) -> None:
    """Fit a compiled model; after an interruption, go on behind its last whole epoch.

    Fits batch by batch, since lengths differ and ``Model.fit`` fixes those of the first batch.

    Parameters
    ----------
    model
        Compiled with :func:`optimizer`.
    batches
        Training batches.
    settings
        Number of epochs, schedule, and early stopping.
    run
        Run whose folder holds the history, the log for TensorBoard, and until the end
        ``STAGE-backup.npz``: model and optimizer after each epoch.
    stage
        Name of the fit in all of these.
    validation
        Batches for ``patience`` and ``plateau``; without them both have no effect.

    Raises
    ------
    OutputError
        The run's folder cannot be written; what was kept there stays.
    """
    backup = run.folder / f"{stage}-backup.npz"
    model.optimizer.build(model.trainable_variables)
    fit_state = _load_backup(model, backup)
    title = f"Fitting {stage}"
    with progress_bar(title) as bar, _open_history_log(run, stage, fit_state.epochs) as history_log:
        total = settings.epochs * len(batches)
        task = bar.add_task(title, total=total, completed=fit_state.epochs * len(batches))
        while fit_state.epochs < settings.epochs and not _should_stop(
            settings, fit_state, validation
        ):
            batches.start_epoch(fit_state.epochs)
            losses = []
            for index in range(len(batches)):
                losses.append(_train_batch(model, batches[index]))
                description_text = f"{title}, epoch {fit_state.epochs + 1}: {losses[-1]:.4f}"
                bar.update(task, advance=1, description=description_text)
            fit_state.epochs += 1
            values = {"loss": float(np.mean(losses)), "learning_rate": _current_rate(model)}
            if validation:
                values["val_loss"] = _mean_loss(model, validation)
                _update_best(model, fit_state, values["val_loss"])
                if settings.schedule == "plateau":
                    _reduce_rate_on_plateau(model, fit_state)
            history_log.add(fit_state.epochs, values)
            _save_backup(model, backup, fit_state)
    if settings.patience and fit_state.best_weights:
        for variable, value in zip(model.variables, fit_state.best_weights, strict=True):
            variable.assign(value)
    elif settings.average:
        model.optimizer.finalize_variable_values(model.trainable_variables)


def delete_backup(run: Run, stage: str) -> None:
    """Delete the backup of a fit whose result is kept."""
    (run.folder / f"{stage}-backup.npz").unlink(missing_ok=True)


def _should_stop(settings: FitSettings, fit_state: _FitState, validation: Sequence[Batch]) -> bool:
    if settings.patience is None or not validation:
        return False
    return fit_state.epochs - fit_state.best_epoch >= settings.patience


def _train_batch(model: keras.Model, batch: Batch) -> float:
    inputs, targets, weights = batch
    model.reset_metrics()
    return float(model.train_on_batch(inputs, targets, sample_weight=weights))


def _mean_loss(model: keras.Model, batches: Sequence[Batch]) -> float:
    """Mean loss over batches, each counting by its weights."""
    losses, sizes = [], []
    for inputs, targets, weights in batches:
        model.reset_metrics()
        losses.append(float(model.test_on_batch(inputs, targets, sample_weight=weights)))
        sizes.append(float(weights.sum()))
    return float(np.average(losses, weights=sizes))


def _update_best(model: keras.Model, fit_state: _FitState, loss: float) -> None:
    if loss < fit_state.best_loss:
        fit_state.best_loss, fit_state.best_epoch = loss, fit_state.epochs
        fit_state.best_weights = [
            keras.ops.convert_to_numpy(variable) for variable in model.variables
        ]


def _reduce_rate_on_plateau(model: keras.Model, fit_state: _FitState) -> None:
    """Learn more slowly whenever the loss has not fallen for some epochs."""
    epochs_since_best = fit_state.epochs - fit_state.best_epoch
    if epochs_since_best and epochs_since_best % _PLATEAU_EPOCHS == 0:
        model.optimizer.learning_rate = _current_rate(model) * _PLATEAU_FACTOR


def _current_rate(model: keras.Model) -> float:
    return float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))


# ----------------------------------------------------------------------- files of a run's folder


class _HistoryLog:
    """The history of a stage, for the report and for TensorBoard."""

    def __init__(self, run: Run, stage: str, epochs: int, tensorboard_writer: Writer) -> None:
        self._run = run
        self._stage = stage
        self._rows = run.history().get(stage, [])[:epochs]
        self._tensorboard = tensorboard_writer

    def add(self, epoch: int, values: dict[str, float]) -> None:
        """Note an epoch's values."""
        self._rows.append({"epoch": float(epoch), **values})
        self._run.write_json(HISTORY, self._run.history() | {self._stage: self._rows})
        for name, value in values.items():
            self._tensorboard.add_scalar(name, value, epoch)
        self._tensorboard.flush()


@contextmanager
def _open_history_log(run: Run, stage: str, epochs: int) -> Iterator[_HistoryLog]:
    run.write_json(HISTORY, run.history())  # fails early if the folder cannot be written
    tensorboard_writer = Writer(str(run.folder / "tensorboard" / stage))
    try:
        yield _HistoryLog(run, stage, epochs, tensorboard_writer)
    finally:
        tensorboard_writer.close()


def _variables(model: keras.Model) -> list[keras.Variable]:
    return [*model.variables, *model.optimizer.variables]


def _save_backup(model: keras.Model, backup: Path, fit_state: _FitState) -> None:
    counters = np.array([fit_state.epochs, fit_state.best_loss, fit_state.best_epoch])
    values = [keras.ops.convert_to_numpy(variable) for variable in _variables(model)]
    _write(backup, [counters, *values, *fit_state.best_weights])


def _load_backup(model: keras.Model, backup: Path) -> _FitState:
    """Restore model and optimizer from a backup, if there is one."""
    if not backup.exists():
        return _FitState()
    counters, *values = _read(backup)
    variables = _variables(model)
    for variable, value in zip(variables, values[: len(variables)], strict=True):
        variable.assign(value)
    return _FitState(
        int(counters[0]), float(counters[1]), int(counters[2]), values[len(variables) :]
    )


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
    advice = "make room, and the same command goes on from the last whole epoch"
    with writing(path, advice), whole_file(path) as draft, draft.open("wb") as file:
        np.savez(file, *arrays)


def _read(path: Path) -> list[NDArray[np.generic]]:
    with np.load(path, allow_pickle=False) as arrays:
        return [arrays[name] for name in arrays.files]

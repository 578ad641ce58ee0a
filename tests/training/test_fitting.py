"""Fits go on where they stopped, stop in time, and say how they went."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from realtime_ser.base.errors import OutputError
from training.batching import Batch, BucketedBatches
from training.fitting import compute_precision, delete_backup, fit, optimizer
from training.run_folder import Run
from training.settings import FitSettings


class Points(BucketedBatches):
    """Points of a noisy line."""

    def __init__(self, count: int = 64, noise: float = 0.0, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        self._x = random.standard_normal((count, 3)).astype(np.float32)
        self._y = (self._x @ [[1.0], [-2.0], [0.5]]).astype(np.float32)
        self._y += noise * random.standard_normal(self._y.shape).astype(np.float32)
        super().__init__([1] * count, 16, seed)

    def __getitem__(self, index: int) -> Batch:
        chosen = self._batches[index]
        return self._x[chosen], self._y[chosen], np.ones(len(chosen), np.float32)


class Interrupted(Points):
    """Is stopped by hand in the midst of its third epoch."""

    def __getitem__(self, index: int) -> Batch:
        if self._epoch == 2 and index == 1:
            raise KeyboardInterrupt
        return super().__getitem__(index)

    def start_epoch(self, epoch: int) -> None:
        self._epoch = epoch
        super().start_epoch(epoch)


def line(settings: FitSettings, batches: BucketedBatches) -> keras.Model:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(optimizer(settings, len(batches)), "mse")
    return model


def weights(model: keras.Model) -> np.ndarray:
    return np.concatenate([np.ravel(w) for w in model.get_weights()])


@pytest.mark.parametrize(
    "settings",
    [
        FitSettings(epochs=5, learning_rate=0.05),
        FitSettings(
            epochs=5, learning_rate=0.05, schedule="cosine", weight_decay=0.01, average=0.9
        ),
    ],
    ids=["constant", "cosine, averaged"],
)
def test_an_interrupted_fit_ends_like_one_that_was_not(
    settings: FitSettings, tmp_path: Path
) -> None:
    whole, parted = Run(tmp_path / "whole"), Run(tmp_path / "parted")
    model = line(settings, Points())
    fit(model, Points(), settings, whole, "line")

    with pytest.raises(KeyboardInterrupt):
        fit(line(settings, Points()), Interrupted(), settings, parted, "line")
    assert len(parted.history()["line"]) == 2
    again = line(settings, Points())
    fit(again, Points(), settings, parted, "line")

    np.testing.assert_allclose(weights(again), weights(model), rtol=1e-6)
    assert parted.history() == whole.history()


def test_it_stops_when_validation_gets_no_better_and_keeps_the_best(tmp_path: Path) -> None:
    settings = FitSettings(epochs=60, learning_rate=0.5, patience=4)
    run, batches = Run(tmp_path), Points(count=32, noise=1.0)
    held_out = Points(count=64, noise=1.0, seed=5)
    model = line(settings, batches)
    validation = [held_out[k] for k in range(len(held_out))]
    fit(model, batches, settings, run, "line", validation)
    losses = [epoch["val_loss"] for epoch in run.history()["line"]]
    assert len(losses) < 60
    assert int(np.argmin(losses)) == len(losses) - 1 - 4
    found = [float(model.test_on_batch(x, y, sample_weight=w)) for x, y, w in validation[:1]]
    model.reset_metrics()
    whole = np.mean(
        [np.mean((np.asarray(model(x)) - y) ** 2) for x, y, _ in validation], dtype=float
    )
    assert whole == pytest.approx(min(losses), rel=1e-4)
    assert np.isfinite(found).all()


def test_the_rate_falls_when_validation_stands_still(tmp_path: Path) -> None:
    settings = FitSettings(epochs=12, learning_rate=1.0, schedule="plateau")
    run, batches = Run(tmp_path), Points(count=32, noise=1.0)
    held_out = Points(count=64, noise=1.0, seed=5)
    fit(line(settings, batches), batches, settings, run, "line", [held_out[0]])
    rates = [epoch["learning_rate"] for epoch in run.history()["line"]]
    assert rates[0] == 1.0
    assert rates[-1] < 0.3


def test_a_run_shows_its_epochs_to_tensorboard(tmp_path: Path) -> None:
    settings = FitSettings(epochs=2)
    fit(line(settings, Points()), Points(), settings, Run(tmp_path), "line")
    assert list((tmp_path / "tensorboard" / "line").glob("events.*"))


def test_the_backup_goes_when_the_result_is_kept(tmp_path: Path) -> None:
    settings, run = FitSettings(epochs=1), Run(tmp_path)
    fit(line(settings, Points()), Points(), settings, run, "line")
    assert (tmp_path / "line-backup.npz").exists()
    delete_backup(run, "line")
    assert not (tmp_path / "line-backup.npz").exists()


def test_a_folder_that_cannot_be_written_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    settings = FitSettings(epochs=1)
    with pytest.raises(OutputError, match="make room"):
        fit(line(settings, Points()), Points(), settings, Run(tmp_path / "file" / "run"), "line")


@pytest.mark.parametrize("gpus", [[], ["gpu:0"]])
def test_half_precision_is_for_a_gpu(gpus: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.distribution, "list_devices", lambda _kind: gpus)
    with compute_precision(FitSettings(mixed_precision=True)):
        inside = keras.layers.Dense(1).compute_dtype
    assert inside == ("bfloat16" if gpus else "float32")
    assert keras.layers.Dense(1).compute_dtype == "float32"

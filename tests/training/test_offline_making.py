"""A model that hears a whole clip at once: trained, kept, resumed and asked."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import soundfile

from realtime_ser.base.errors import OutputError, UsageError
from training.corpora import Clip
from training.folds import partition
from training.job import Job, Workload
from training.measure.clip_results import Evaluation
from training.offline.batches import ClipBatches
from training.offline.clip_selection import select_clips
from training.offline.train import load_offline, make_model
from training.recipe import RecipeFile, load_recipe
from training.run import RunPaths, run
from training.run_folder import Run, RunRecord

RATE = 16_000
LABELS = ("happy", "sad", "angry")

TINY = """
kind: offline
name: tiny
corpora: [made-up]
labels: [happy, sad, angry]
split: {scheme: clips, test_share: 0.25, validation_share: 0.2}
features: {kinds: [mfcc, rms], sample_rate: 16000, n_mfcc: 8, n_mels: 20, frames: 12}
architecture: OWN.py:build
fit: {epochs: 4, batch_size: 8, learning_rate: 3.0e-3}
"""

OWN = """
import keras

def build(shape, classes, settings):
    x = inputs = keras.Input(shape)
    x = keras.layers.Dense(16, activation="relu")(x)
    x = keras.layers.Dropout(0.2)(x)
    x = keras.layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))
"""


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    """Four voices that say each label five times, each label at a pitch of its own."""
    folder = tmp_path_factory.mktemp("sounds")
    random = np.random.default_rng(0)
    made = []
    for speaker in range(4):
        for pitch, label in zip((120, 240, 480), LABELS, strict=True):
            for take in range(5):
                hz = pitch * (1 + 0.03 * speaker) * random.uniform(0.98, 1.02)
                time = np.arange(int(random.uniform(0.3, 0.5) * RATE)) / RATE
                sound = sum(np.sin(2 * np.pi * hz * k * time) / k for k in range(1, 8))
                sound = 0.1 * sound + random.normal(0, 0.01, len(time))
                path = folder / f"{speaker}-{label}-{take}.wav"
                soundfile.write(path, sound, RATE)
                name = path.stem
                made.append(Clip("made-up", path, name, f"s{speaker}", label, "en", LABELS))
    return made


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A recipe with a small network of one's own."""
    own = tmp_path / "own.py"
    own.write_text(OWN, encoding="utf-8")
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY.replace("OWN.py", str(own)), encoding="utf-8")
    return path


def job(file: RecipeFile, clips: list[Clip], folder: Path, seed: int = 0, **more: object) -> Job:
    parts = partition(select_clips(file.recipe, clips), file.recipe.split, 1, seed)
    made = Run(folder)
    record = RunRecord(
        recipe=file.recipe.model_dump(mode="json"),
        recipe_name="tiny",
        changes=file.changes,
        recipe_sha256=file.digest,
        kind="offline",
        fold=1,
        seed=seed,
        command="",
        created="",
        versions={},
        data={},
    )
    made.write("run.json", record.model_dump_json())
    places = {"cache": folder.parent / "cache", "pretrained": None, "parent": None} | more
    return Job(recipe=file.recipe, parts=parts, run=made, seed=seed, jobs=1, **places)


def said(evaluation: Evaluation) -> np.ndarray:
    return np.array([result.segments[0].probabilities for result in evaluation.results])


def paths(evaluation: Evaluation) -> list[Path]:
    return [clip.path for clip in evaluation.clips]


@pytest.fixture
def learned(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note from how many clips each epoch learns."""
    counts: list[int] = []
    start_epoch = ClipBatches.start_epoch

    def noted(batches: ClipBatches, epoch: int) -> None:
        counts.append(len(batches._training_set.inputs))
        start_epoch(batches, epoch)

    monkeypatch.setattr(ClipBatches, "start_epoch", noted)
    return counts


def test_a_whole_run_learns_and_is_measured(clips, tmp_path):
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(TINY.replace("OWN.py:build", "cnn-lstm"), encoding="utf-8")
    file = load_recipe(str(recipe), ["fit.epochs=20", "fit.patience=8"])
    chosen = select_clips(file.recipe, clips)
    done = run(
        file, chosen, RunPaths(None, tmp_path / "runs"), fold=1, seed=0, workload=Workload(1)
    )
    scores = done.results()["corpora"]["made-up"]
    assert scores["clips"] == 15
    assert scores["accuracy"] > 0.7
    assert {"loss", "val_loss"} <= done.history()["fit"][0].keys()
    assert load_offline(done).labels == ("happy", "sad", "angry")


def test_a_model_can_be_asked_later(clips, tiny, tmp_path):
    given = job(load_recipe(str(tiny)), clips, tmp_path / "run")
    evaluation = make_model(given)
    model = load_offline(given.run)
    assert model.labels == evaluation.labels == ("happy", "sad", "angry")
    np.testing.assert_allclose(model.predict(paths(evaluation)), said(evaluation), atol=1e-5)


def test_the_seed_decides(clips, tiny, tmp_path):
    file = load_recipe(str(tiny), ["split.seed=5"])
    once = said(make_model(job(file, clips, tmp_path / "once")))
    np.testing.assert_array_equal(once, said(make_model(job(file, clips, tmp_path / "again"))))
    other = said(make_model(job(file, clips, tmp_path / "other", seed=1)))
    assert not np.allclose(once, other, atol=1e-3)


@pytest.mark.parametrize("stage", ["fit", "fine_tune"])
def test_an_interrupted_run_ends_like_one_that_was_not(stage, clips, tiny, tmp_path, monkeypatch):
    file = load_recipe(str(tiny), ["fine_tune={epochs: 3, learning_rate: 1.0e-4, noise: 0.005}"])
    whole = job(file, clips, tmp_path / "whole")
    parted = job(file, clips, tmp_path / "parted")
    start_epoch = ClipBatches.start_epoch

    def stopped(batches: ClipBatches, epoch: int) -> None:
        if epoch == 2 and bool(batches._stage.noise) == (stage == "fine_tune"):
            raise KeyboardInterrupt
        start_epoch(batches, epoch)

    with monkeypatch.context() as patched:
        patched.setattr(ClipBatches, "start_epoch", stopped)
        with pytest.raises(KeyboardInterrupt):
            make_model(parted)
    assert len(parted.run.history()[stage]) == 2
    with pytest.raises(UsageError, match="holds no model yet"):
        load_offline(parted.run)

    np.testing.assert_allclose(said(make_model(parted)), said(make_model(whole)), atol=2e-6)
    epochs = {name: len(rows) for name, rows in parted.run.history().items()}
    assert epochs == {"fit": 4, "fine_tune": 3}
    assert not list(parted.run.folder.glob("*backup*"))


def test_a_finished_run_is_not_trained_again(clips, tiny, tmp_path, monkeypatch):
    given = job(load_recipe(str(tiny)), clips, tmp_path / "run")
    before = said(make_model(given))
    monkeypatch.setattr(ClipBatches, "__getitem__", lambda *_: pytest.fail("trained again"))
    np.testing.assert_array_equal(said(make_model(given)), before)


# ---------------------------------------------------------------------------------- who takes part


def test_a_clip_that_is_tested_twice_is_counted_twice(clips, tiny, tmp_path):
    file = load_recipe(str(tiny), ["copies=2", "fit.epochs=1"])
    evaluation = make_model(job(file, clips, tmp_path / "run"))
    assert len(evaluation.results) == 30
    assert len(set(paths(evaluation))) < 30


def test_oversampling_inside_training_leaves_the_test_alone(clips, tiny, tmp_path, learned):
    few = [clip for clip in clips if clip.label != "sad" or clip.name.endswith(("0", "1"))]
    changes = ["split.scheme=speaker-out", "oversampling=training", "fit.epochs=1"]
    evaluation = make_model(job(load_recipe(str(tiny), changes), few, tmp_path / "run"))
    assert set(learned) == {45}, "three speakers, three labels, five clips each"
    assert len(evaluation.results) == len(set(paths(evaluation))) == 12
    assert {clip.speaker for clip in evaluation.clips} == {"s0"}


@pytest.mark.parametrize(("patience", "count"), [("null", 45), ("3", 36)])
def test_validation_clips_train_where_nothing_is_chosen_by_them(
    clips, tiny, tmp_path, learned, patience, count
):
    file = load_recipe(str(tiny), ["fit.epochs=1", f"fit.patience={patience}"])
    make_model(job(file, clips, tmp_path / "run"))
    assert set(learned) == {count}


def test_changed_copies_train_and_are_not_tested(clips, tiny, tmp_path, learned):
    changes = ["augmentation={copies: 1, gain_db: 6}", "fit.epochs=1"]
    evaluation = make_model(job(load_recipe(str(tiny), changes), clips, tmp_path / "run"))
    assert set(learned) == {90}
    assert len(evaluation.results) == 15


# ---------------------------------------------------------------------------------- where it starts


def test_a_run_starts_from_an_earlier_one_and_hears_as_it_did(clips, tiny, tmp_path):
    earlier = job(load_recipe(str(tiny)), clips, tmp_path / "earlier")
    make_model(earlier)
    again = load_recipe(str(tiny), ["fit.epochs=0", "split.test_share=0.5"])
    later = make_model(job(again, clips, tmp_path / "later", parent=earlier.run))
    asked = load_offline(earlier.run).predict(paths(later))
    np.testing.assert_allclose(said(later), asked, atol=1e-5)


@pytest.mark.parametrize("change", ["architecture=e-lstm", "labels=[happy, sad]"])
def test_an_earlier_run_of_another_shape_is_refused(clips, tiny, tmp_path, change):
    earlier = job(load_recipe(str(tiny), ["fit.epochs=1"]), clips, tmp_path / "earlier")
    make_model(earlier)
    later = job(load_recipe(str(tiny), [change]), clips, tmp_path / "later", parent=earlier.run)
    with pytest.raises(UsageError, match="another architecture"):
        make_model(later)


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    """Random weights in the layout of BYOL-S."""
    random = np.random.default_rng(0)
    weights: dict[str, np.ndarray] = {}
    for layer, inputs in ((0, 1), (4, 64), (8, 64)):
        weights[f"features.{layer}.weight"] = random.normal(0, 0.1, (64, inputs, 3, 3))
        weights[f"features.{layer}.bias"] = random.normal(0, 0.1, 64)
        for name in ("weight", "bias", "running_mean", "running_var"):
            weights[f"features.{layer + 1}.{name}"] = random.uniform(0.5, 1.0, 64)
    for layer in (0, 3):
        weights[f"fc.{layer}.weight"] = random.normal(0, 0.05, (512, 512))
        weights[f"fc.{layer}.bias"] = random.normal(0, 0.05, 512)
    path = tmp_path / "teacher.npz"
    np.savez(path, **{name: value.astype(np.float32) for name, value in weights.items()})
    return path


ENCODER = ["features.kinds=[encoder]", "features.frames=null", "network.pooling=attention"]


def test_any_recipe_takes_the_vectors_of_a_pretrained_encoder(clips, tiny, teacher, tmp_path):
    file = load_recipe(str(tiny), [*ENCODER, "architecture=e-lstm", "fit.epochs=1"])
    given = job(file, clips[::2], tmp_path / "run", pretrained=teacher)
    evaluation = make_model(given)
    teacher.unlink()  # a run holds all that it takes to predict
    model = load_offline(given.run)
    assert model.network.input_shape == (None, None, 512)
    np.testing.assert_allclose(model.predict(paths(evaluation)), said(evaluation), atol=1e-4)


# --------------------------------------------------------------------------------------- bad input


def test_without_the_encoders_weights_the_recipe_says_how_to_give_them(clips, tiny, tmp_path):
    with pytest.raises(UsageError, match="--teacher"):
        make_model(job(load_recipe(str(tiny), ENCODER), clips, tmp_path / "run"))


@pytest.mark.parametrize("lacking", ["sad", "everything"])
def test_a_label_that_nobody_trains_is_named(clips, tiny, tmp_path, lacking):
    given = job(load_recipe(str(tiny)), clips, tmp_path / "run")
    train = [clip for clip in clips if lacking not in (clip.label, "everything")]
    parts = {"train": train, "validation": [], "test": clips}
    with pytest.raises(UsageError, match="No clip that trains is"):
        make_model(replace(given, parts=parts))


def test_a_full_disk_loses_nothing_that_was_trained(clips, tiny, tmp_path, monkeypatch):
    given = job(load_recipe(str(tiny)), clips, tmp_path / "run")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(keras.Model, "save", full)
        with pytest.raises(OutputError, match=r"No space left on device.*goes on"):
            make_model(given)
    kept = given.run.folder / "fit.npz"
    before = kept.stat().st_mtime_ns
    make_model(given)
    assert kept.stat().st_mtime_ns == before


def test_a_folder_that_holds_no_run_is_named(tmp_path):
    with pytest.raises(UsageError, match="not the folder of a run"):
        load_offline(Run(tmp_path))


def test_a_model_that_is_damaged_is_named(clips, tiny, tmp_path):
    given = job(load_recipe(str(tiny), ["fit.epochs=1"]), clips, tmp_path / "run")
    make_model(given)
    model = given.run.folder / "model.keras"
    model.write_bytes(b"half of a model")
    with pytest.raises(UsageError, match=r"model\.keras cannot be loaded: delete it"):
        make_model(given)
    model.unlink()
    make_model(given)

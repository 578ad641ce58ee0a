"""Search for settings by validation speakers, and runs that are killed or share a cache."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import optuna
import pytest

from realtime_ser.recogniser.bundle import TRAINING_MODEL
from tests.training.test_all_speakers import SMALL, place
from training.cli import main
from training.run_folder import Run

SPACE = """
whole.learning_rate: {low: 1.0e-4, high: 1.0e-2, log: true}
architecture.lstm: [8, 16]
"""


@pytest.fixture
def space(tmp_path: Path) -> Path:
    path = tmp_path / "space.yaml"
    path.write_text(SPACE, encoding="utf-8")
    return path


@pytest.mark.timeout(600)
def test_a_sweep_chooses_by_validation_speakers_and_goes_on(
    space: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--runs", str(tmp_path / "runs"), "--jobs", "1"]
    command = ["sweep", "quick", str(space), *SMALL, *where]
    assert main([*command, "--trials", "1"]) == 0
    (folder,) = (tmp_path / "runs").glob("quick-*-sweep-fold1-seed0")
    study = optuna.load_study(
        study_name="sweep",
        storage=optuna.storages.JournalStorage(
            optuna.storages.journal.JournalFileBackend(str(folder / "trials.log"))
        ),
    )
    stopped = study.ask(
        {"architecture.lstm": optuna.distributions.CategoricalDistribution([8, 16])}
    )
    assert main([*command, "--trials", "2"]) == 0
    shown = capsys.readouterr().out

    states = [trial.state.name for trial in study.get_trials()]
    assert states == ["COMPLETE", "FAIL", "COMPLETE"]
    again = study.get_trials()[2].params
    assert again["architecture.lstm"] == stopped.params["architecture.lstm"]
    tried = [run for run in folder.iterdir() if run.is_dir()]
    assert len(tried) == 2
    for run in tried:  # no test speaker was heard, and nothing was shipped
        assert not list(run.glob("results.json")) + list(run.glob("bundle"))
    best = study.best_trial
    assert f"--set architecture.lstm={best.params['architecture.lstm']}" in shown
    assert f"{best.value:.3f}" in shown

    options = re.search(r"speakers: (.*)", shown)
    assert options is not None
    assert main(["run", "quick", *SMALL, *options[1].split(), *place(tmp_path / "runs")]) == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("whole.learning_rate: {low: 2, high: 1}", "whole.learning_rate"),
        ("whole.learning_rate: 3", "whole.learning_rate"),
        ("whole.learning_rate: []", "whole.learning_rate"),
        ("{}", "it"),
        ("- a", "it"),
        ("a: [", "space.yaml"),
    ],
)
def test_a_space_that_makes_no_sense_is_told(
    text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(text, encoding="utf-8")
    assert main(["sweep", "quick", str(path), "--runs", str(tmp_path / "runs")]) == 2
    assert words in capsys.readouterr().err


def test_settings_of_other_recipes_are_not_tried(
    space: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sweep", "c_cnn", str(space), "--runs", str(tmp_path / "runs")]) == 2
    assert "streaming recipes" in capsys.readouterr().err


def start(*arguments: str) -> subprocess.Popen[bytes]:
    """Another process of the same program."""
    return subprocess.Popen(
        [sys.executable, "-m", "training.cli", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def weights(run: Run) -> list[np.ndarray]:
    return keras.models.load_model(run.bundle / TRAINING_MODEL).get_weights()


@pytest.mark.timeout(600)
def test_a_run_that_is_killed_ends_like_one_that_was_not_and_two_share_a_cache(
    tmp_path: Path,
) -> None:
    changes = ["--set", "whole.epochs=3", "--set", "whole.spec_augment=0"]
    title = "quick-whole.epochs=3-whole.spec_augment=0-fold1-seed0"
    killed, other = tmp_path / "killed", tmp_path / "other"
    command = ["run", "quick", *changes]
    assert main([*command, *place(other)]) == 0
    history = Run(killed / title).folder / "history.json"
    with start(*command, *place(killed)) as process:
        while process.poll() is None and not history.exists():
            time.sleep(0.05)
        process.kill()
    shared = [start(*command, *place(killed)), start(*command, "--seed", "1", *place(killed))]
    faults = [process.communicate()[1] for process in shared]
    assert [process.returncode for process in shared] == [0, 0], faults
    for own, same in zip(weights(Run(killed / title)), weights(Run(other / title)), strict=True):
        np.testing.assert_array_equal(own, same)

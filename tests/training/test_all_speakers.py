"""A model of all speakers follows the folds of a recipe, whose results are on the card."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from realtime_ser.recogniser.bundle import load_bundle
from realtime_ser.recogniser.step_model import StepModel
from training.cli import main
from training.measure.clip_results import Evaluation

SMALL = ["--set", "whole.epochs=1", "--set", "whole.spec_augment=0"]
TITLE = "quick-whole.epochs=1-whole.spec_augment=0"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of two folds, in processes of their own, and the run on all speakers."""
    folder = tmp_path_factory.mktemp("runs")
    both = ["--folds", "1,2", "--at-once", "2"]
    assert main(["run", "quick", *both, *SMALL, *place(folder)]) == 0
    assert main(["all-speakers", *folds(folder), *place(folder)]) == 0
    return folder


def place(folder: Path) -> list[str]:
    return ["--runs", str(folder), "--jobs", "1", "--brief"]


def folds(folder: Path) -> list[str]:
    return [str(folder / f"{TITLE}-fold{number}-seed0") for number in (1, 2)]


@pytest.mark.timeout(400)
def test_runs_are_made_at_once_and_shown_together(runs: Path) -> None:
    for folder in map(Path, folds(runs)):
        assert json.loads((folder / "results.json").read_text())["corpora"]
        assert "Report:" in (folder / "log.txt").read_text()
    assert (runs / TITLE / "summary.html").is_file()


@pytest.mark.timeout(400)
def test_of_runs_at_once_the_one_that_fails_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["run", "quick", "--folds", "98,99", "--at-once", "2", *SMALL, *place(tmp_path)]
    assert main(command) == 1
    told = capsys.readouterr().err
    assert f"{TITLE}-fold98-seed0 has failed" in told
    assert "fold" in told.partition("has failed")[2]
    assert not (tmp_path / f"{TITLE}-fold99-seed0").exists()


@pytest.mark.timeout(400)
def test_everybody_trains_with_what_the_folds_chose(runs: Path) -> None:
    made = runs / f"{TITLE}-everybody-seed0"
    record = json.loads((made / "run.json").read_text())
    tried = json.loads((runs / f"{TITLE}-fold1-seed0" / "run.json").read_text())["data"]
    everybody = {who for part in tried.values() for who in part["generated"]["speakers"]}
    assert set(record["data"]["train"]["generated"]["speakers"]) == everybody
    manifests = [load_bundle(Path(fold) / "bundle").manifest for fold in folds(runs)]
    shipped = load_bundle(made / "bundle").manifest
    (epochs,) = json.loads((made / "history.json").read_text()).values()
    assert len(epochs) == 1
    assert shipped.temperature == pytest.approx(np.mean([m.temperature for m in manifests]))


@pytest.mark.timeout(400)
def test_its_card_gives_what_each_fold_measured(runs: Path) -> None:
    bundle = runs / f"{TITLE}-everybody-seed0" / "bundle"
    results = json.loads((bundle / "evaluation.json").read_text())
    apart = [json.loads((Path(fold) / "results.json").read_text()) for fold in folds(runs)]
    uars = [own["corpora"]["generated"]["uar"] for own in apart]
    assert [own["generated"] for own in results["folds"].values()] == pytest.approx(uars)
    assert results["mean_of_folds"]["generated"] == pytest.approx(np.mean(uars))
    together = results["corpora"]["generated"]
    assert together["clips"] == sum(own["corpora"]["generated"]["clips"] for own in apart)
    text = (bundle / "CARD.md").read_text(encoding="utf-8")
    assert "**Every speaker of these corpora trained this model.**" in " ".join(text.split())
    assert f"| {uars[0]:.3f} | {uars[1]:.3f} | {np.mean(uars):.3f} |" in text
    assert "realtime-ser-train everybody runs/quick" in text


@pytest.mark.timeout(400)
def test_it_is_measured_by_its_folds_alone(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = str(runs / f"{TITLE}-everybody-seed0" / "bundle")
    assert main(["evaluate", bundle, *place(runs)]) == 2
    assert "name the runs of its folds with --folds" in capsys.readouterr().err
    assert main(["evaluate", bundle, *place(runs), "--folds", *folds(runs)]) == 0
    assert "| generated | " in capsys.readouterr().out
    first = folds(runs)[0]
    assert main(["everybody", first, first, *place(runs)]) == 2
    message = capsys.readouterr().err
    assert "A fold is named twice" in message
    assert "'everybody' is called 'all-speakers' now" in message
    assert main(["evaluate", "default", *place(runs), "--folds", *folds(runs)]) == 2
    assert "of another recipe than" in capsys.readouterr().err
    assert main(["evaluate", first, *place(runs), "--folds", *folds(runs)]) == 2
    assert "name its bundle" in capsys.readouterr().err


@pytest.mark.timeout(400)
def test_no_fold_tests_whom_the_run_it_starts_from_has_heard(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for start in (folds(runs)[1], str(runs / f"{TITLE}-everybody-seed0")):
        command = ["run", "quick", "--folds", "1", *SMALL, "--set", "name=later", "--from", start]
        assert main([*command, *place(runs)]) == 2
        assert "whom this fold tests" in capsys.readouterr().err


@pytest.mark.timeout(400)
def test_a_run_does_not_go_on_from_other_weights(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = folds(runs)[0]
    assert main(["run", "quick", "--folds", "1", *SMALL, "--from", start, *place(runs)]) == 2
    assert "started from other weights" in capsys.readouterr().err


@pytest.mark.timeout(400)
def test_a_model_has_the_labels_that_it_was_taught(runs: Path) -> None:
    for fold in [*folds(runs), str(runs / f"{TITLE}-everybody-seed0")]:
        bundle = load_bundle(Path(fold) / "bundle")
        labels = json.loads((Path(fold) / "run.json").read_text())["data"]["train"]["generated"]
        assert set(bundle.labels) == set(labels["labels"])
        step = StepModel(bundle)
        logits, _ = step.run_graph(np.zeros((8, 40), np.float32), step.initial_state())
        assert logits.shape[-1] == len(bundle.labels)


def test_answers_of_folds_are_pooled_with_the_medians_of_what_they_chose() -> None:
    parts = [
        Evaluation(("a", "b"), (), {"name": str(k)}, temperature, threshold)
        for k, (temperature, threshold) in enumerate([(1.0, 0.3), (1.4, 0.5), (1.1, 0.4)])
    ]
    pooled = Evaluation.pooled(parts)
    assert (pooled.temperature, pooled.certainty_threshold) == (1.1, 0.4)
    assert pooled.model["folds"] == [{"name": "0"}, {"name": "1"}, {"name": "2"}]

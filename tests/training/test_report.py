"""A run's page says what its files say, and needs nothing but itself."""

from __future__ import annotations

import json
from dataclasses import replace

import matplotlib.image
import pytest

from realtime_ser.base.errors import OutputError, UsageError
from realtime_ser.base.labels import LABELS
from tests.training.html_page import Page, check_alone
from tests.training.synthetic import SPEAKERS, synthetic_clips, synthetic_evaluation, synthetic_run
from training.corpora import CORPORA
from training.report.reference_systems import REFERENCE_SYSTEMS, comparable_systems
from training.report.run_report import write_report
from training.report.summary import SUMMARY, write_summary
from training.run_folder import HISTORY, PREDICTIONS, RESULTS, Run

FIGURES = {"curves", "confusion", "reliability", "early", "noise", "speakers"}


def at_noise(uar: float, lost: float) -> dict:
    figures = {"clips": 9, "uar": uar, "points_lost": lost, "without_speech": 2}
    limits = {"uar_interval": [uar - 0.1, uar + 0.1], "points_lost_interval": [lost - 1, lost + 1]}
    return {**figures, **limits, "by_kind": {"fan": figures, "music": figures}}


MORE = {
    "offline": {
        "corpora": {
            name: {
                "uar": 0.4567,
                "uar_interval": [0.4, 0.5],
                "largest_difference": 2.34e-6,
                "equal_labels": 0.995,
            }
            for name in SPEAKERS
        }
    },
    "levels": {
        "gains_db": [-6.0, 6.0],
        "points_lost": {"-6": 2.5, "+6": 0.5},
        "corpora": {
            name: {"by_gain": {"-6": at_noise(0.543, 2.75), "+6": at_noise(0.567, 0.25)}}
            for name in SPEAKERS
        },
    },
    "noise": {
        "kinds": ["fan", "music"],
        "snr_db": [20.0, 0.0],
        "seed": 0,
        "points_lost": {"20": 1.2, "0": 14.5},
        "corpora": {
            name: {"by_snr": {"20": at_noise(0.512, 1.25), "0": at_noise(0.321, 20.5)}}
            for name in SPEAKERS
        },
    },
    "stream": {
        "gap_s": [1.0, 3.0],
        "clips": 60,
        "seed": 0,
        "corpora": {name: at_noise(0.432, 3.25) for name in SPEAKERS},
    },
    "switches": {
        "side_s": 4.0,
        "held_s": 0.4,
        "seed": 0,
        "corpora": {
            "ravdess": {
                "switches": 80,
                "led": 0.625,
                "followed": 0.9,
                "median_s": 1.28,
                "median_followed_s": 1.12,
            },
            "crema_d": {
                "switches": 10,
                "led": 0.0,
                "followed": None,
                "median_s": None,
                "median_followed_s": None,
            },
        },
    },
}


def page_of(run: Run) -> Page:
    return check_alone(write_report(run).read_text("utf-8"))


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    return synthetic_run(tmp_path_factory.mktemp("runs") / "whole", more=MORE)


@pytest.fixture(scope="module")
def page(run) -> Page:
    return page_of(run)


@pytest.fixture(scope="module")
def results(run) -> dict:
    return run.results()


def test_every_section_of_a_finished_run_is_there(page):
    wanted = (
        "result anchors data training classes calibration early offline levels noise streams groups"
    )
    assert {*wanted.split(), "mistakes", "again"} <= set(page.ids)
    assert "published" not in page.ids


def test_the_headline_is_that_of_the_results(page, results):
    for scores in results["corpora"].values():
        row = page.row(scores["title"], table=0)
        low, high = scores["uar_interval"]
        assert row[1:3] == [str(scores["clips"]), str(len(scores["speakers"]))]
        assert row[3] == f"{scores['uar']:.3f} {low:.3f} to {high:.3f}"
        assert row[4].startswith(f"{scores['accuracy']:.3f} ")
        assert row[5].startswith(f"{scores['macro_f1']:.3f} ")
        assert row[6] == f"{scores['all_classes']['uar']:.3f}"
        assert row[8] == str(scores["without_speech"])
    assert f"{results['mean_uar']:.3f}" in page.text
    everything = page.row("all clips, all 8 classes")
    assert everything[4].startswith(f"{results['pooled']['accuracy']:.3f} ")


def test_confusions_are_counted_and_shared(page, results):
    matrices = [table for table in page.tables if table[0][-1] == "recall" and table[0][0] == ""]
    for table, scores in zip(matrices, results["corpora"].values(), strict=True):
        for row, counts, silent, name in zip(
            table[1:],
            scores["confusion"]["counts"],
            scores["confusion"]["no_answer"],
            scores["confusion"]["classes"],
            strict=True,
        ):
            total = sum(counts) + silent
            cells = [*counts, silent] if scores["without_speech"] else counts
            assert row[0] == name
            assert row[1:-1] == [f"{100 * count / total:.0f} {count}" for count in cells]
            assert row[-1] == f"{scores['per_class'][name]['recall']:.3f}"


def test_everything_that_was_measured_is_told(page, results):
    values = []
    for scores in results["corpora"].values():
        values += [scores["calibration"][key] for key in ("ece", "ece_of_perfect", "nll")]
        values += scores["uar_after"].values()
        values += [group["uar"] for group in scores["by_sex"].values()]
        values += [group["uar"] for group in scores["by_speaker"].values()]
        values += [value for own in scores["per_class"].values() for value in own.values()]
    for value in values:
        assert (str(value) if isinstance(value, int) else f"{value:.3f}") in page.text
    assert page.row("RAVDESS", table=_after(page, "SNR"))[1:5] == [
        "20 dB",
        "0.512",
        "0.412 to 0.612",
        "1.2",
    ]
    assert "99.5 % 2.3e-06" in page.text
    assert "80 62.5 % 90.0 % 1.3 s 1.1 s" in page.text
    assert "10 0.0 % – – –" in page.text


def _after(page: Page, header: str) -> int:
    return next(k for k, table in enumerate(page.tables) if header in table[0])


def test_listeners_are_told(page, results):
    heard = results["corpora"]["crema_d"]["listeners"]
    assert f"heard the model has a UAR of {heard['uar_model_heard']:.3f}" in page.text


def test_what_made_the_run_is_told(page, run):
    record = run.record
    assert record.command in page.text
    assert record.recipe_sha256 in page.text
    for name, version in record.versions.items():
        assert f"{name} {version}" in page.text
    assert f"refit: {str(record.recipe['refit']).lower()}" in page.text


def test_the_surest_mistakes_are_shown(page, run):
    with (run.folder / PREDICTIONS).open(encoding="utf-8") as file:
        header, *rows = (line.strip().split(",") for line in file)
    wrong = [row for row in rows if row[4] and row[3] != row[4]]
    surest = max(wrong, key=lambda row: float(row[header.index(row[4], 5)]))
    shown = page.row(CORPORA[surest[0]].title, table=_after(page, "answer"))
    assert shown[1:5] == surest[1:5]


def test_opus_copies_are_told_and_nothing_else_is(page, tmp_path):
    assert "Measured on Opus copies of the corpora" in page.text
    lossless = synthetic_run(
        tmp_path / "wav", evaluation=synthetic_evaluation(synthetic_clips(".wav"))
    )
    assert "Opus" not in page_of(lossless).text


def test_figures_are_pictures_and_take_the_colours_of_the_page(run, page):
    html = (run.folder / "report.html").read_text("utf-8")
    assert html.count("<svg") == len(FIGURES) - 1  # the confusion matrices are tables
    assert "currentColor" in html
    assert "#222222" not in html
    assert page.values("aria-label")
    for name in FIGURES:
        picture = matplotlib.image.imread(run.folder / f"{name}.png")
        assert picture.std() > 0.01, "an empty picture"


def test_the_same_run_makes_the_same_page(run, page):
    before = (run.folder / "report.html").read_bytes()
    write_report(run)
    assert (run.folder / "report.html").read_bytes() == before


def test_a_model_of_whole_clips_has_no_early_decisions(tmp_path):
    clips = synthetic_clips(corpora=["ravdess"])
    offline = synthetic_run(
        tmp_path / "offline",
        recipe="c_cnn",
        changes=["copies=1", "split.scheme=joint"],
        evaluation=synthetic_evaluation(clips, streaming=False),
    )
    page = page_of(offline)
    assert not {"early", "levels", "noise", "offline", "streams"} & set(page.ids)
    assert {"result", "classes", "published", "anchors", "groups"} <= set(page.ids)
    assert "Not a measure of strangers" not in page.text
    assert page.row("this run")[1:3] == ["2.8 M", "needs the whole utterance"]


def test_what_was_published_stands_beside_and_leaks_are_told(tmp_path):
    clips = synthetic_clips(corpora=["ravdess"])
    leaky = synthetic_run(
        tmp_path / "leaky", recipe="c_cnn", evaluation=synthetic_evaluation([*clips, *clips])
    )
    page = page_of(leaky)
    pooled = leaky.results()["pooled"]
    row = page.row("accuracy", table=_after(page, "published"))
    gap = round(100 * (pooled["accuracy"] - 0.48), 1)
    assert row[1:3] == ["0.480", f"{pooled['accuracy']:.3f}"]
    assert row[4] == f"{gap:+.1f}".replace("-", "−")
    assert "the same speakers are in training and test" in page.text
    assert "Each recording is there 2 times" in page.text
    assert "cannot be compared with them" in page.text
    assert "WavLM" not in page.text
    assert "fold" not in page.ids


def test_a_run_that_goes_on_has_a_page_of_what_there_is(tmp_path):
    begun = synthetic_run(tmp_path / "begun")
    for name in (RESULTS, PREDICTIONS):
        (begun.folder / name).unlink()
    page = page_of(begun)
    assert "has not come to its end" in page.text
    assert {"data", "training", "again"} <= set(page.ids)
    assert not {"result", "classes", "groups", "mistakes"} & set(page.ids)
    (begun.folder / HISTORY).unlink()
    assert "training" not in page_of(begun).ids


def test_one_speaker_has_no_interval(tmp_path):
    clips = [clip for clip in synthetic_clips(corpora=["ravdess"]) if clip.speaker == "11"]
    page = page_of(synthetic_run(tmp_path / "alone", evaluation=synthetic_evaluation(clips)))
    assert page.row("RAVDESS", table=0)[3].endswith(" –")


def test_names_of_files_stay_text(tmp_path):
    strange = [
        replace(clip, corpus="my <i>voices</i>", name=f"<img src={k}>", language="und")
        for k, clip in enumerate(synthetic_clips(corpora=["crema_d"]))
    ]
    page = page_of(
        synthetic_run(tmp_path / "own", evaluation=synthetic_evaluation(strange, skill=0.0))
    )
    assert "my <i>voices</i>" in page.text
    assert "<img src=" in page.text
    assert "anchors" not in page.ids


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(UsageError, match="not the folder of a run"):
        write_report(Run(tmp_path))


def test_a_full_disk_is_told(tmp_path):
    run = synthetic_run(tmp_path / "run")
    (run.folder / "confusion.png").mkdir()
    with pytest.raises(OutputError, match=r"Cannot write .*confusion\.png"):
        write_report(run)


# ----------------------------------------------------------------------------------------- anchors


def test_anchors_are_those_of_what_was_measured(page):
    header = page.tables[_after(page, "streams?")][0]
    assert header[3:] == ["RAVDESS, 8 classes", "CREMA-D, 6 classes"]
    row = next(row for row in page.tables[_after(page, "streams?")] if row[0].startswith("CNN-B"))
    assert row[1:] == ["0.9 M", "", "0.420", "0.630"]


def test_anchors_of_other_classes_say_nothing():
    assert comparable_systems({"ravdess": 7, "nemo": 6}) == []
    found = comparable_systems({"ravdess": 8, "crema_d": 5})
    assert {name for anchor in found for name in anchor.scores} == {"ravdess"}


def test_every_anchor_is_a_share_of_a_known_corpus():
    for anchor in REFERENCE_SYSTEMS:
        assert anchor.scores
        for name, score in anchor.scores.items():
            assert name in CORPORA
            assert 0 < score.value < 1


# ----------------------------------------------------------------------------------------- summary


@pytest.fixture
def folds(tmp_path) -> list[Run]:
    """Two folds that tested different speakers."""
    clips = synthetic_clips()
    halves = [
        [clip for clip in clips if (clip.speaker[-1] in "17") == bool(side)] for side in (0, 1)
    ]
    return [
        synthetic_run(
            tmp_path / f"fold{k}", fold=k, evaluation=synthetic_evaluation(half, seed=k), more=MORE
        )
        for k, half in enumerate(halves, 1)
    ]


def test_a_summary_is_the_mean_and_the_range_of_its_runs(folds, tmp_path):
    page = check_alone(write_summary(tmp_path / "sum", folds).read_text("utf-8"))
    uars = [run.results()["corpora"]["ravdess"]["uar"] for run in folds]
    found = json.loads((tmp_path / "sum" / SUMMARY).read_text("utf-8"))
    spread = found["corpora"]["ravdess"]["spread"]["UAR"]
    assert spread == pytest.approx(
        {"mean": sum(uars) / 2, "least": min(uars), "greatest": max(uars), "runs": 2}
    )
    assert [row[2] for row in page.tables[0][1:3]] == [f"{uar:.3f}" for uar in uars]
    assert page.row("mean", table=0)[2] == f"{spread['mean']:.3f}"
    assert page.row("least to greatest")[2] == f"{min(uars):.3f} to {max(uars):.3f}"
    assert "Opus copies" in page.text
    for run in folds:
        assert run.record.command in page.text


def test_the_interval_of_a_summary_is_over_all_speakers(folds, tmp_path):
    write_summary(tmp_path, folds)
    found = json.loads((tmp_path / SUMMARY).read_text("utf-8"))["corpora"]["crema_d"]
    assert found["speakers"] == list(SPEAKERS["crema_d"])
    assert found["clips"] == 18
    counts = [run.results()["corpora"]["crema_d"]["confusion"]["counts"] for run in folds]
    together = [[a + b for a, b in zip(*rows, strict=True)] for rows in zip(*counts, strict=True)]
    assert found["confusion"]["counts"] == together
    low, high = found["uar_interval"]
    assert low < found["uar"] < high


def test_several_seeds_of_a_published_recipe_stand_beside_its_number(tmp_path):
    clips = synthetic_clips(corpora=["ravdess"])
    runs = [
        synthetic_run(
            tmp_path / f"seed{k}",
            recipe="c_cnn",
            seed=k,
            evaluation=synthetic_evaluation([*clips, *clips], seed=k, streaming=False),
        )
        for k in range(3)
    ]
    page = check_alone(write_summary(tmp_path, runs).read_text("utf-8"))
    mean = sum(run.results()["pooled"]["accuracy"] for run in runs) / 3
    assert page.row("accuracy", table=1)[1:3] == ["0.480", f"{mean:.3f}"]
    assert "Each recording is there 2 times" in page.text


def test_runs_of_two_recipes_are_not_summed_up(folds, tmp_path):
    other = synthetic_run(tmp_path / "other", changes=["head.epochs=1"])
    with pytest.raises(UsageError, match=r"another recipe .* compare"):
        write_summary(tmp_path, [*folds, other])


def test_a_run_that_goes_on_is_not_summed_up(folds, tmp_path):
    (folds[0].folder / RESULTS).unlink()
    with pytest.raises(UsageError, match="holds no results"):
        write_summary(tmp_path, folds)


def test_labels_of_pages_are_those_of_the_product(page):
    header = page.tables[_after(page, "part")][0]
    assert header[2:] == list(LABELS)

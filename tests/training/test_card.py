"""A card says what the figures say, whose voices they are, and what the law says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import matplotlib.image
import pytest

from realtime_ser.base.errors import OutputError
from realtime_ser.recogniser.bundle import STEP_MODEL, Bundle, load_bundle
from tests.training.synthetic import SPEAKERS, synthetic_clips, synthetic_evaluation
from training.measure.clip_results import ClipResult, Evaluation
from training.measure.live_path import EARLY_SECONDS
from training.measure.scoring import scores
from training.recipe import load_recipe
from training.report.card import (
    CARD,
    CONFUSION,
    EARLY,
    NOISE,
    RELIABILITY,
    card_text,
    condition_sections,
    summary_table,
    write_card,
)

NOISE_SCORES = {
    "kinds": ["fan", "music"],
    "snr_db": [20.0, 0.0],
    "seed": 0,
    "points_lost": {"20": 1.5, "0": 12.25},
    "corpora": {
        name: {
            "by_snr": {
                "20": {"uar": 0.512, "points_lost": 1.25},
                "0": {"uar": 0.321, "points_lost": 20.5},
            }
        }
        for name in SPEAKERS
    },
}


@pytest.fixture
def bundle(tmp_path) -> Bundle:
    """The shipped bundle's model with a description of its own."""
    shipped = load_bundle("default")
    folder = tmp_path / "bundle"
    folder.mkdir()
    shutil.copyfile(shipped.folder / STEP_MODEL, folder / STEP_MODEL)
    described = {
        "name": "little",
        "version": "7.1",
        "corpora": ("ravdess", "crema_d"),
        "recipe": {"name": "small", "fold": 1, "seed": 3},
        "temperature": 1.25,
    }
    return replace(shipped, folder=folder, manifest=shipped.manifest.model_copy(update=described))


def result_of(suffix: str = ".ogg") -> dict:
    return scores(synthetic_evaluation(synthetic_clips(suffix)))


def made_by(bundle: Bundle, *changes: str) -> Bundle:
    """Bundle with the shipped recipe and some changes as its provenance."""
    settings = load_recipe("default", changes).recipe.model_dump(mode="json")
    recipe = bundle.manifest.recipe | {"settings": settings, "changes": list(changes)}
    return replace(bundle, manifest=bundle.manifest.model_copy(update={"recipe": recipe}))


@pytest.fixture
def result() -> dict:
    return result_of()


@pytest.fixture
def text(bundle, result) -> str:
    return card_text(bundle, result)


def test_the_summary_holds_the_headline_of_each_corpus(result):
    ravdess, crema_d = summary_table(result).splitlines()[2:]
    assert f"| {result['corpora']['ravdess']['uar']:.3f} |" in ravdess
    assert f"| {result['corpora']['crema_d']['uar']:.3f} |" in crema_d
    low, high = result["corpora"]["crema_d"]["uar_interval"]
    assert f"{low:.3f} to {high:.3f}" in crema_d


def test_a_card_says_every_figure(text, result):
    for scored in result["corpora"].values():
        for value in [
            *(scored[name] for name in ("uar", "accuracy", "macro_f1")),
            scored["all_classes"]["uar"],
            *scored["uar_after"].values(),
            *(value for one in scored["per_class"].values() for value in list(one.values())[:3]),
            scored["calibration"]["ece"],
            scored["calibration"]["ece_of_perfect"],
        ]:
            assert f"{value:.3f}" in text
    heard = result["corpora"]["crema_d"]["listeners"]
    assert f"**they** heard the model has a UAR of {heard['uar_model_heard']:.3f}" in flat(text)


def flat(text: str) -> str:
    return " ".join(text.split())


def test_a_card_says_what_the_bundle_is(text):
    assert text.startswith("# Model card: little 7.1\n")
    assert "one temperature (1.250)" in text
    assert "recipe is `small` (fold 1, seed 3)" in text
    assert "realtime-ser-train run small --folds 1 --seed 3 --corpora CORPORA\n" in text


def test_a_card_tells_what_its_encoder_started_from(bundle, result, text):
    assert "BYOL-S" not in text
    text = card_text(made_by(bundle, "encoder.pretrained=true", "split.scheme=listed"), result)
    assert "The encoder started from BYOL-S" in text
    assert "--set split.scheme=listed --corpora CORPORA --teacher TEACHER\n" in text
    without = card_text(made_by(bundle, "encoder.pretrained=false"), result)
    assert "BYOL-S" not in without
    assert "--teacher" not in without


def test_a_card_does_not_hide_that_speakers_were_heard(bundle, result, text):
    assert "By speaker: no test speaker was heard in training." in text
    leaky = card_text(made_by(bundle, "split.scheme=clips"), result)
    assert "Not a measure of strangers" in leaky
    assert "the same speakers are in training and test" in flat(leaky)
    assert "never heard" not in leaky
    assert "No speaker of the test took part" not in leaky


def test_a_card_says_what_noise_and_the_graph_give(bundle, result, text):
    assert "Noise" not in text
    beside = {"uar": 0.4567, "largest_difference": 2.34e-6, "equal_labels": 0.995}
    more = {"noise": NOISE_SCORES, "offline": {"corpora": dict.fromkeys(SPEAKERS, beside)}}
    text = card_text(bundle, result | more)
    assert "Kinds of noise: fan and music" in text
    assert "| 0.512 |  1.2 | 0.321 | 20.5 |" in text
    assert "has a UAR of 0.457 on RAVDESS and 0.457 on CREMA-D" in flat(text)
    assert "the same label to 99.5% of the clips or more" in flat(text)
    assert "differ by 2.3e-06 at most" in flat(text)


def test_a_card_says_what_a_microphones_level_costs(bundle, result, text):
    assert "Levels" not in text
    assert condition_sections(result) == ""
    by_gain = {
        "-6": {"uar": 0.512, "points_lost": 1.25},
        "+6": {"uar": 0.321, "points_lost": 20.5},
    }
    levels = {
        "points_lost": {"-6": 1.25, "+6": 20.5},
        "corpora": {name: {"by_gain": by_gain} for name in SPEAKERS},
    }
    text = card_text(bundle, result | {"levels": levels})
    alone = condition_sections(result | {"levels": levels})
    assert alone.startswith("## Levels")
    assert alone in text
    assert re.search(r"\| corpus +\| as recorded \| -6 dB \| lost \| \+6 dB \| lost \|", text)
    assert "| 0.512 |  1.2 | 0.321 | 20.5 |" in text


def test_a_card_says_what_streams_and_switches_give(bundle, result, text):
    assert "Long streams" not in text
    joined = {"uar": 0.4321, "uar_interval": [0.4, 0.5], "points_lost": 1.234}
    followed = {"switches": 80, "led": 0.625, "followed": 0.9, "median_s": 1.28}
    never = {"switches": 10, "led": 0.0, "followed": None, "median_s": None}
    seldom = {"switches": 20, "led": 0.5, "followed": 0.3, "median_s": None}
    more = {
        "stream": {"gap_s": [1.0, 3.0], "clips": 60, "corpora": dict.fromkeys(SPEAKERS, joined)},
        "switches": {"held_s": 0.4, "corpora": {"ravdess": followed, "crema_d": never}},
    }
    text = card_text(bundle, result | more)
    assert re.search(r"\| +0\.432 \| 0\.400 to 0\.500 \| +1\.2 \|", text)
    assert re.search(r"\| RAVDESS \| +80 \| 62% \| +90% \| +1\.3 s \|", text)
    assert re.search(r"\| CREMA-D \| +10 \| +0% \| +– \| +– \|", text)
    more["switches"]["corpora"]["crema_d"] = seldom
    text = card_text(bundle, result | more)
    assert re.search(r"\| CREMA-D \| +20 \| +50% \| +30% \| +endless \|", text)


def test_a_corpus_of_ones_own_is_told_without_guessing(bundle, result):
    mine = bundle.manifest.model_copy(update={"corpora": ("crema_d", "my_voices")})
    text = card_text(replace(bundle, manifest=mine), result)
    assert "| my_voices | –        | its owner's" in text
    assert "What my_voices may be used for, its owner says." in flat(text)


def test_a_card_names_the_law(text):
    assert "Article 5(1)(f)" in text
    assert "Article 50(3)" in text


def test_a_card_names_those_who_were_not_heard_in_training(text):
    assert "- RAVDESS: speakers 01, 11 and 20\n" in text
    assert "- CREMA-D: speakers 1037 to 1039\n" in text


def test_a_card_tells_what_binds_its_weights(bundle, result, text):
    assert "RAVDESS may be used for research or non-commercial purposes only" in flat(text)
    assert "treat these weights as non-commercial" in flat(text)
    free = bundle.manifest.model_copy(update={"corpora": ("crema_d",)})
    text = card_text(replace(bundle, manifest=free), result)
    assert "non-commercial" not in text
    assert "Nothing of RAVDESS was heard in training." in text


def test_a_card_names_classes_that_one_corpus_alone_taught(text):
    assert "It knows *calm* and *surprised* from RAVDESS alone" in text


def test_opus_copies_are_told(bundle, text):
    assert "Measured on Opus copies of the corpora" in text
    lossless = card_text(bundle, result_of(".wav"))
    assert "Opus" not in lossless


def test_a_card_is_laid_out_for_people(text):
    assert not [line for line in text.splitlines() if len(line) > 100 and line[0] not in "|r "]
    assert not re.search(r"\bnan\b|None|\n\n\n", text)


@pytest.mark.skipif(sys.platform == "win32", reason="patterns are for a POSIX shell")
@pytest.mark.parametrize("below", ["", "Actor_01/deep"], ids=["flat", "in folders"])
@pytest.mark.parametrize("suffix", [".ogg", ".wav"])
def test_the_commands_name_the_very_clips_that_were_scored(text, tmp_path, below, suffix):
    everything = synthetic_clips(suffix)
    others = [
        replace(clip, path=Path(str(clip.path).replace(old, new)))
        for clip in everything
        for old, new in [("1037", "1040"), ("-11.", "-12."), (suffix, ".txt")]
        if old in str(clip.path)
    ]

    def place(clip):
        return Path("CORPORA", clip.corpus, below, clip.path.name)

    for clip in [*everything, *others]:
        (tmp_path / place(clip)).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place(clip)).touch()
    assert "shopt -s globstar nullglob\n" in text
    for name in SPEAKERS:
        (pattern,) = re.findall(rf"CORPORA/{name}/\S+", text)
        script = f"shopt -s globstar nullglob\nls -d {pattern}"
        listed = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True
        )
        scored = {str(place(clip)) for clip in everything if clip.corpus == name}
        assert set(listed.stdout.split()) == scored
    assert "--classes neutral,happy,sad,angry,fearful,disgust \\\n" in text


def test_a_card_comes_with_its_figures(bundle, result):
    everything = result | {"noise": NOISE_SCORES}
    write_card(bundle, everything)
    text = (bundle.folder / CARD).read_text("utf-8")
    assert text == card_text(bundle, everything)
    assert set(re.findall(r"\]\((\w+\.png)\)", text)) == {CONFUSION, EARLY, NOISE, RELIABILITY}
    for name in (CONFUSION, EARLY, NOISE, RELIABILITY):
        picture = matplotlib.image.imread(bundle.folder / name)
        assert picture.shape[0] > 200
        assert picture.std() > 0.01, "an empty picture"
        assert (bundle.folder / name).stat().st_size < 200_000


def test_the_same_figures_make_the_same_card(bundle, result):
    write_card(bundle, result)
    first = {path.name: path.read_bytes() for path in bundle.folder.iterdir()}
    write_card(bundle, result)
    assert {path.name: path.read_bytes() for path in bundle.folder.iterdir()} == first


def test_clips_without_any_speech_make_a_card_too(bundle):
    silent = [
        ClipResult(clip, (), dict.fromkeys(EARLY_SECONDS, ())) for clip in synthetic_clips()[-6:]
    ]
    write_card(bundle, scores(Evaluation.of_bundle(bundle, silent)))
    assert "0.000" in (bundle.folder / CARD).read_text("utf-8")


def test_a_folder_that_cannot_be_written_is_told(bundle, result):
    (bundle.folder / CARD).mkdir()
    with pytest.raises(OutputError, match=r"Cannot write .*CARD\.md"):
        write_card(bundle, result)


def test_it_says_which_run_the_encoder_comes_from_and_whom_that_heard(bundle, result):
    start = {
        "name": "voices",
        "changes": [],
        "fold": 2,
        "seed": 5,
        "corpora": ["nemo", "my_voices"],
        "pretrained": True,
    }
    recipe = bundle.manifest.recipe | {"start": start}
    made = bundle.manifest.model_copy(update={"recipe": recipe})
    text = card_text(replace(bundle, manifest=made), result)
    words = " ".join(text.split())
    assert "of the recipe `voices` (fold 2, seed 5), which learned from voices of nEMO and" in words
    assert "| nEMO " in text
    assert "--from runs/voices-fold2-seed5" in text

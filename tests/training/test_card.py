"""A card says what the figures say, whose voices they are, and what the law says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from realtime_ser.errors import OutputError
from realtime_ser.labels import LABELS
from realtime_ser.model import STEP_MODEL, Bundle, bundle_folder, load_bundle
from training.corpora import CORPORA, Clip
from training.measure.evaluate import SECONDS, ClipResult, Evaluation, SegmentResult, scores
from training.report.card import (
    CARD,
    CONFUSION,
    EARLY,
    RELIABILITY,
    card_text,
    summary_table,
    write_card,
)

SPEAKERS = {"ravdess": ["01", "11", "20"], "crema_d": ["1037", "1038", "1039"]}
FILES = {
    "ravdess": "03-01-{emotion}-01-01-01-{speaker}",
    "crema_d": "{speaker}_DFA_{emotion}_XX",
}


def clips(suffix: str) -> list[Clip]:
    """One clip of each emotion by each speaker."""
    found = []
    for name, speakers in SPEAKERS.items():
        for speaker in speakers:
            for code, label in CORPORA[name].emotions.items():
                stem = FILES[name].format(emotion=code, speaker=speaker)
                path = Path(name, f"{stem}{suffix}")
                votes = tuple(float(label == each) for each in LABELS)
                heard = votes if name == "crema_d" else None
                clip = Clip(
                    name,
                    path,
                    stem,
                    speaker,
                    label,
                    "en",
                    CORPORA[name].labels,
                    "female",
                    None,
                    heard,
                )
                found.append(clip)
    return found


def said(clip: Clip, random: np.random.Generator) -> ClipResult:
    logits = random.normal(0, 1, len(LABELS))
    logits[LABELS.index(clip.label)] += 1.5
    odds = np.exp(logits)
    segments = (SegmentResult((odds / odds.sum()).astype(np.float32), 50),)
    return ClipResult(clip, segments, dict.fromkeys(SECONDS, segments))


@pytest.fixture
def bundle(tmp_path) -> Bundle:
    """The shipped bundle's model with a description of its own."""
    shipped = load_bundle(bundle_folder("default"))
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


def result_of(bundle: Bundle, suffix: str = ".ogg") -> dict:
    random = np.random.default_rng(0)
    return scores(Evaluation.of_bundle(bundle, tuple(said(clip, random) for clip in clips(suffix))))


@pytest.fixture
def result(bundle) -> dict:
    return result_of(bundle)


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
    assert "recipe is `small` (joint fold 1, seed 3)" in text


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
    lossless = card_text(bundle, result_of(bundle, ".wav"))
    assert "Opus" not in lossless


def test_a_card_is_laid_out_for_people(text):
    assert not [line for line in text.splitlines() if len(line) > 100 and line[0] not in "|r "]
    assert not re.search(r"\bnan\b|None|\n\n\n", text)


@pytest.mark.skipif(sys.platform == "win32", reason="patterns are for a POSIX shell")
def test_the_commands_name_the_very_clips_that_were_scored(text, tmp_path):
    everything = [*clips(".ogg")]
    others = [
        replace(clip, path=Path(str(clip.path).replace(old, new)))
        for clip in everything
        for old, new in [("1037", "1040"), ("-11.", "-12.")]
        if old in str(clip.path)
    ]
    for clip in [*everything, *others]:
        path = tmp_path / "CORPORA" / clip.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for name in SPEAKERS:
        (pattern,) = re.findall(rf"CORPORA/{name}/\S+", text)
        listed = subprocess.run(
            ["bash", "-c", f"ls -d {pattern}"], cwd=tmp_path, capture_output=True, text=True
        )
        scored = {str(Path("CORPORA", c.path)) for c in everything if c.corpus == name}
        assert set(listed.stdout.split()) == scored
    assert "--classes neutral,happy,sad,angry,fearful,disgust \\\n" in text


def test_a_card_comes_with_its_figures(bundle, result, text):
    write_card(bundle, result)
    assert (bundle.folder / CARD).read_text("utf-8") == text
    assert set(re.findall(r"\]\((\w+\.png)\)", text)) == {CONFUSION, EARLY, RELIABILITY}
    for name in (CONFUSION, EARLY, RELIABILITY):
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
    silent = tuple(ClipResult(clip, (), dict.fromkeys(SECONDS, ())) for clip in clips(".ogg")[-6:])
    write_card(bundle, scores(Evaluation.of_bundle(bundle, silent)))
    assert "0.000" in (bundle.folder / CARD).read_text("utf-8")


def test_a_folder_that_cannot_be_written_is_told(bundle, result):
    (bundle.folder / CARD).mkdir()
    with pytest.raises(OutputError, match="card cannot be written"):
        write_card(bundle, result)

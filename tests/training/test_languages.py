"""What heads that learned one language make of others: whom they heard, and among which classes."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from realtime_ser.base.paths import shipped
from tests.training.test_whisper import RECIPE, TRANSFORMER, made_arrays, save_npz
from training import tables
from training.cli import main
from training.corpora import CORPORA, Clip
from training.languages import page
from training.languages.encoding import EncodedClips, drawn
from training.languages.transfer import (
    CLASSES,
    Answers,
    answers,
    answers_within,
    classes_of,
    compare,
    fit_head,
    score,
    shared_classes,
)
from training.recipe import load_recipe, recipe_names

UNITS = 12
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / page.PAGE


def clips_of(corpus: str, speakers: int, classes: tuple[str, ...] = CLASSES) -> list[Clip]:
    """Four clips of each class by each speaker of a corpus."""
    return [
        Clip(
            corpus=corpus,
            path=Path(corpus, f"{speaker}_{label}_{number}.wav"),
            name=f"{speaker}_{label}_{number}",
            speaker=str(speaker),
            label=label,
            language=CORPORA[corpus].language,
            classes=classes,
        )
        for speaker in range(speakers)
        for label in classes
        for number in range(4)
    ]


def encoded(clips: list[Clip], turn: int = 0, noise: float = 0.5) -> EncodedClips:
    """Statistics in which each class has units of its own, ``turn`` places on."""
    random = np.random.default_rng(len(clips))
    rows = random.normal(0, noise, (len(clips), UNITS))
    for row, clip in zip(rows, clips, strict=True):
        row[(CLASSES.index(clip.label) + turn) % len(CLASSES)] += 3
    return EncodedClips(tuple(clips), rows.astype(np.float32), rows.astype(np.float32))


def test_no_speaker_is_tested_by_a_head_that_learned_from_that_speaker():
    """Each speaker shows emotions in a way of their own, so that only leaks can be right."""
    clips = clips_of("nemo", 6)
    random = np.random.default_rng(0)
    own_way = random.normal(0, 3, (6, len(CLASSES), 96))
    rows = np.stack([own_way[int(c.speaker), CLASSES.index(c.label)] for c in clips])
    rows = (rows + random.normal(0, 0.1, rows.shape)).astype(np.float32)
    material = EncodedClips(tuple(clips), rows, rows)
    leaked = score(answers(fit_head(material), material), CLASSES)
    assert leaked.uar > 0.9
    assert score(answers_within(material), CLASSES).uar < 0.5


def test_what_a_language_shares_with_another_transfers():
    german, polish = encoded(clips_of("emodb", 4)), encoded(clips_of("nemo", 4))
    assert score(answers(fit_head(german), polish), CLASSES).uar > 0.9
    assert score(answers_within(polish), CLASSES).uar > 0.9
    foreign = encoded(clips_of("nemo", 4), turn=1)
    assert score(answers(fit_head(german), foreign), CLASSES).uar < 0.1


def test_a_head_answers_among_the_classes_that_both_have():
    three = ("happy", "sad", "angry")
    turkish, german = encoded(clips_of("turev", 3, three)), encoded(clips_of("emodb", 3))
    assert shared_classes(classes_of(turkish), classes_of(german)) == three
    heard = answers(fit_head(turkish), german)
    assert heard.known == three
    found = score(heard, three)
    assert (found.classes, found.clips, found.speakers) == (three, 36, 3)
    assert found.uar > 0.9


@pytest.mark.parametrize("noise", [0.5, 2.0, 4.0])
def test_an_interval_holds_its_estimate(noise):
    found = score(answers_within(encoded(clips_of("nemo", 8), noise=noise)), CLASSES)
    low, high = found.interval
    assert 0 <= low <= found.uar <= high <= 1
    assert high > low or noise < 1


def test_a_clip_without_speech_is_an_error():
    material = encoded(clips_of("nemo", 4))
    silent = np.array([clip.label == "neutral" for clip in material.clips])
    material.recorded[silent] = np.nan
    heard = answers(fit_head(encoded(clips_of("emodb", 4))), material)
    assert np.isnan(heard.probabilities[silent]).all()
    assert score(heard, CLASSES).uar == pytest.approx(0.8, abs=0.05)


def test_a_language_with_many_clips_does_not_drown_the_others():
    """Two languages that contradict each other: the small one keeps a part of its own."""
    large, small = encoded(clips_of("crema_d", 40)), encoded(clips_of("nemo", 3), turn=2)
    together = EncodedClips.joined([large, small])
    head = fit_head(together)
    assert score(answers(head, large), CLASSES).uar > 0.9
    confidence = answers(head, small).probabilities[
        np.arange(len(small.clips)), [CLASSES.index(clip.label) for clip in small.clips]
    ]
    assert confidence.mean() > 0.15


def test_a_gain_has_the_sign_and_the_interval_of_the_second():
    polish = encoded(clips_of("nemo", 6))
    labels = [CLASSES.index(clip.label) for clip in polish.clips]
    right = Answers(polish, np.eye(len(CLASSES))[labels])
    wrong = Answers(polish, np.eye(len(CLASSES))[np.roll(np.arange(5), 1)[labels]])
    found = compare(wrong, right, CLASSES)
    assert (found.first.uar, found.second.uar, found.gain) == (0, 1, 100)
    assert found.gain_interval == (100, 100)
    assert compare(right, right, CLASSES).gain_interval == (0, 0)


@pytest.mark.parametrize("tested", ["nemo", "emodb", "ased"])
def test_recipes_are_compared_on_a_language_that_neither_has_heard(tested):
    """What clips of the language there are changes nothing that either has learned."""
    corpora = ("ravdess", "crema_d", "emodb", "nemo", "emotiontts", "turev", "ased")
    parts = {name: encoded(clips_of(name, 4), noise=3) for name in corpora}
    own = parts.pop(tested)
    language = {own.clips[0].language: own}
    without = EncodedClips.joined(list(parts.values()))
    foreign = encoded(clips_of(tested, 40), turn=2)
    found = page._compared(EncodedClips.joined([without, own, foreign]), language)
    assert found == page._compared(without, language)


def test_no_recipe_that_ships_learns_from_a_corpus_that_is_only_measured():
    learned = {name: load_recipe(name).recipe.corpora for name in recipe_names()}
    assert "turev" in learned["multilingual"]
    measured_only = {name for name, corpus in CORPORA.items() if corpus.measured_only}
    assert measured_only == {"ased", "urdu"}
    assert not [name for name, corpora in learned.items() if measured_only & set(corpora)]


def test_multilingual_differs_from_default_in_its_corpora_alone():
    default, multilingual = (
        load_recipe(name).recipe.model_dump(exclude={"name", "version", "title", "corpora"})
        for name in ("default", "multilingual")
    )
    assert multilingual == default


def test_clips_are_drawn_alike_whatever_else_is_there():
    clips = clips_of("ravdess", 5, (*CLASSES, "calm"))
    first = drawn(clips, CLASSES, 30)
    assert first == drawn(clips, CLASSES, 30)
    assert len(set(first)) == 30
    assert {clip.label for clip in first} == set(CLASSES)
    assert list(first) == [clip for clip in clips if clip in first]
    assert len(drawn(clips, CLASSES, 1000)) == 100


# ----------------------------------------------------------------------------------------- command


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    """Pieces of the demo recording under the names of an English and a Polish corpus."""
    samples, rate = soundfile.read(shipped("demo.flac"), dtype="float32")
    places = iter(range(0, len(samples), 2 * rate))
    for folder, names in {
        "ravdess": [f"03-01-{e}-01-01-01-{s}" for s in ("01", "02") for e in ("03", "04", "05")],
        "nemo": [f"{s}_{e}_1" for s in ("EB0", "KS0") for e in ("happiness", "sadness", "anger")],
    }.items():
        (tmp_path / "corpora" / folder).mkdir(parents=True)
        for name in names:
            start = next(places)
            piece = samples[start : start + 2 * rate]
            soundfile.write(tmp_path / "corpora" / folder / f"{name}.wav", piece, rate)
    return tmp_path / "corpora"


def test_the_command_measures_every_pair_and_writes_the_page(corpora, tmp_path, monkeypatch):
    recipe, weights = tmp_path / "tiny.yaml", tmp_path / "whisper.npz"
    recipe.write_text(RECIPE.replace("ENCODER", TRANSFORMER), encoding="utf-8")
    save_npz(weights, made_arrays())
    (tmp_path / "docs").mkdir()
    written = tmp_path / "docs" / page.PAGE
    names = re.findall(r"<!-- table: \w+ -->", DOCUMENT.read_text("utf-8"))
    written.write_text("\n<!-- end -->\n".join([*names, ""]), "utf-8")
    monkeypatch.setattr(page, "ENCODER_RECIPE", str(recipe))
    for room in (tables, page):
        monkeypatch.setattr(room, "shipped", lambda name: tmp_path / name)
    options = ["--runs", str(tmp_path / "runs"), "--jobs", "1", "--bundles", "default", "--write"]
    command = ["languages", "--corpora", str(corpora), "--teacher", str(weights), *options]
    assert main(command) == 0
    figures = json.loads(written.with_suffix(".json").read_text("utf-8"))
    assert figures["transfer"].keys() == figures["transfer"]["en"].keys() == {"en", "pl"}
    cell = figures["transfer"]["en"]["pl"]
    assert (cell["classes"], cell["clips"], cell["speakers"]) == (["happy", "sad", "angry"], 6, 2)
    assert figures["bundles"]["default"].keys() == {"pl"}
    assert written.read_text("utf-8").count("| Polish ") == len(names)


def test_every_number_in_the_tables_of_the_page_is_that_of_the_figures():
    made = page.language_tables(page.read_figures(DOCUMENT.with_suffix(".json")))
    text = DOCUMENT.read_text("utf-8")
    shown = re.findall(r"<!-- table: (\w+) -->\n(.*?)\n<!-- end -->", text, re.DOTALL)
    assert dict(shown) == made


def test_a_single_language_says_what_is_missing(corpora, tmp_path, capsys):
    shutil.rmtree(corpora / "nemo")
    command = ["languages", "--corpora", str(corpora), "--teacher", str(tmp_path / "none.npz")]
    assert main([*command, "--runs", str(tmp_path / "runs")]) == 2
    assert "fewer than two languages with happy, sad and angry" in capsys.readouterr().err

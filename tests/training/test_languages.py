"""What heads that learned one language make of others: whom they heard, and among which classes."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from realtime_ser.base.paths import shipped
from realtime_ser.recogniser.bundle import STEP_MODEL, load_bundle
from tests.training.test_whisper import RECIPE, TRANSFORMER, made_arrays, save_npz
from training import tables
from training.cli import main
from training.corpora import CORPORA, Clip, read_corpora
from training.evaluate import EVALUATION, add_languages, rewrite_card
from training.languages import bundles, page
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
from training.report.card import CARD

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


def test_related_languages_teach_together():
    """English and German contradict each other; whoever learned both half agrees with either."""
    parts = {"en": ("ravdess", 0), "de": ("emodb", 2), "pl": ("nemo", 0), "ko": ("emotiontts", 2)}
    languages = {code: encoded(clips_of(corpus, 4), turn) for code, (corpus, turn) in parts.items()}
    given = page._transfer_answers(languages)
    found = page._scores(page._group_answers(languages, given), shared_classes)
    assert found.keys() == found["Slavic"].keys() == {"Germanic", "Slavic", "Koreanic"}
    assert found["Slavic"]["Koreanic"] == page._scores(given, shared_classes)["pl"]["ko"]
    assert found["Slavic"]["Germanic"].speakers == 8
    assert found["Slavic"]["Germanic"].uar == pytest.approx(0.5, abs=0.1)
    assert 0.2 < found["Germanic"]["Slavic"].uar < 0.8


# ----------------------------------------------------------------------------------------- bundles


def named_clips(corpus: str, *speakers: str) -> list[Clip]:
    own = clips_of(corpus, len(speakers), CORPORA[corpus].labels)
    return [
        replace(clip, speaker=speakers[int(clip.speaker)], path=Path(corpus, clip.name))
        for clip in own
    ]


def test_a_bundle_is_tested_on_the_speakers_whom_its_recipe_withheld():
    """Fold 1 of the joint split tests the first of each corpus and validates on the second."""
    ravdess, emodb = (
        named_clips("ravdess", "01", "04", "08"),
        named_clips("emodb", "03", "09", "11"),
    )
    clips = [*ravdess, *named_clips("crema_d", "1037", "1001", "1055"), *emodb]
    withheld = bundles._withheld(load_bundle("large"), clips)
    tested = {(clip.corpus, clip.speaker) for clip in clips if clip.path in withheld}
    assert tested == {("ravdess", "01"), ("crema_d", "1037"), ("emodb", "03")}


def test_a_bundle_of_all_speakers_or_of_unknown_ones_is_not_tested_on_its_languages():
    clips = [*named_clips("ravdess", "01", "04"), *named_clips("emodb", "03", "09", "11")]
    for name in ("default", "large"):  # of the latter a corpus is missing, so no split is known
        assert not bundles._withheld(load_bundle(name), clips)


def test_a_clip_is_heard_once(corpora, tmp_path, monkeypatch):
    """A stopped run goes on; another bundle hears for itself."""
    clips = read_corpora(corpora, ["nemo"], keep_twins=True)[0].clips
    rows = np.zeros((len(clips), UNITS), np.float32)
    polish = {"pl": EncodedClips(clips, rows, rows)}
    default = load_bundle("default")
    first = bundles.bundle_answers(default, polish, clips, tmp_path / "cache", jobs=1).scores()
    assert (first.learned, first.heard) == (("en", "de"), ("pl",))
    assert first.scores["pl"].clips == len(clips)

    def heard_again(*_: object) -> None:
        raise AssertionError("a clip was heard again")

    monkeypatch.setattr(bundles, "analyse", heard_again)
    assert bundles.bundle_answers(default, polish, clips, tmp_path / "cache", 1).scores() == first
    with pytest.raises(AssertionError, match="heard again"):
        bundles.bundle_answers(load_bundle("open"), polish, clips, tmp_path / "cache", 1)


def test_what_languages_gave_stays_in_a_card_until_the_model_is_another(tmp_path):
    bundle = load_bundle(copied(tmp_path / "bundle"))
    hashed = {"step_model_sha256": bundle.manifest.files[STEP_MODEL], "learned": [], "heard": []}
    score_of_korean = {"classes": ["sad", "angry"], "uar": 0.618, "clips": 9, "speakers": 3}
    scores = {"ko": {**score_of_korean, "interval": [0.5, 0.7]}}
    results = json.loads((bundle.folder / EVALUATION).read_bytes())
    results.pop("languages", None)
    assert add_languages(bundle, {**hashed, "scores": scores})
    rewrite_card(load_bundle(bundle.folder), results)
    assert "| Korean" in (bundle.folder / CARD).read_text("utf-8")
    older = {**hashed, "step_model_sha256": "0" * 64, "scores": scores}
    assert add_languages(bundle, older)
    rewrite_card(load_bundle(bundle.folder), results)
    assert "| Korean" not in (bundle.folder / CARD).read_text("utf-8")


def test_a_bundle_without_figures_gets_no_card(tmp_path):
    bundle = load_bundle(copied(tmp_path / "bundle"))
    for name in (EVALUATION, CARD):
        (bundle.folder / name).unlink()
    assert not add_languages(bundle, {})
    assert not (bundle.folder / CARD).exists()


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


def copied(folder: Path) -> Path:
    """A copy of a bundle that ships."""
    return shutil.copytree(shipped("models") / "default", folder)


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
    bundles = [copied(tmp_path / name) for name in ("first", "run/bundle")]
    options = ["--runs", str(tmp_path / "runs"), "--jobs", "1", "--write"]
    command = ["languages", "--corpora", str(corpora), "--teacher", str(weights), *options]
    assert main([*command, "--bundles", *map(str, bundles)]) == 0
    figures = json.loads(written.with_suffix(".json").read_text("utf-8"))
    assert figures["transfer"].keys() == figures["transfer"]["en"].keys() == {"en", "pl"}
    cell = figures["transfer"]["en"]["pl"]
    assert (cell["classes"], cell["clips"], cell["speakers"]) == (["happy", "sad", "angry"], 6, 2)
    assert figures["groups"].keys() == {"Germanic", "Slavic"}
    assert figures["groups"]["Germanic"]["Slavic"] == cell
    assert figures["bundles"]["first"]["scores"].keys() == {"pl"}
    assert figures["gains"]["run"]["pl"]["gain"] == 0
    text = written.read_text("utf-8")
    assert all(text.count(f"| {name} ") for name in ("Polish", "Slavic", "run"))
    uar = figures["bundles"]["run"]["scores"]["pl"]["uar"]
    row = rf"Slavic +\| Polish +\| voices, no labels +\| +2 +\| +6 +\| +3 +\| +0.333 +\| {uar:.3f} "
    assert re.search(row, (bundles[1] / CARD).read_text("utf-8"))


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

"""A person sees which corpora are there, what is wrong with them, and where to get the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from realtime_ser.base.errors import UsageError
from tests.training.test_corpora import record
from training.corpora import CORPORA
from training.corpora.listing import corpora_table, describe_corpus


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Four corpora with all sorts of faults, a folder of one's own, and one that is no corpus."""
    root = tmp_path_factory.mktemp("corpora")
    for actor in (1, 2):
        record(root / "RAVDESS" / f"03-01-04-01-01-01-0{actor}.wav", seconds=36)
    record(root / "RAVDESS" / "03-02-04-01-01-01-01.wav")
    record(root / "emodb" / "wav" / "03a01Fa.wav", seed=1)
    record(root / "emodb" / "wav" / "03a01Fb.wav", seed=1)
    for number in range(1, 6):
        record(root / "emodb" / "wav" / f"03a0{number}La.wav")
    record(root / "crema_d" / "1001_DFA_ANG_XX.wav")
    (root / "crema_d_meta").mkdir()
    (root / "crema_d_meta" / "VideoDemographics.csv").write_text("<html>404</html>\n1\n")
    (root / "savee").mkdir()
    for name in ("anna_1", "ben_1"):
        record(root / "my_corpus" / "joy" / f"{name}.wav")
    record(root / "my_corpus" / "boredom" / "anna_1.wav")
    record(root / "music" / "song.wav")
    (root / ".cache").mkdir()
    return root


@pytest.fixture(scope="module")
def text(root) -> str:
    return corpora_table(root)


def cells(text: str, start: str, which: int = 0) -> list[str]:
    """Cells of the row that begins so, in the first or second table."""
    rows = [line for line in text.splitlines() if line.startswith(f"| {start} ")]
    return [cell.strip() for cell in rows[which].strip("|").split("|")]


def test_what_is_there_is_counted(text):
    assert cells(text, "corpus") == [
        "corpus",
        "language",
        "clips",
        "official",
        "missing",
        "skipped",
        "speakers",
        "hours",
    ]
    assert cells(text, "RAVDESS") == ["RAVDESS", "English", "2", "1440", "1438", "1", "2", "0.02"]
    assert cells(text, "EmoDB") == ["EmoDB", "German", "1", "454", "452", "6", "1", "0.00"]
    assert cells(text, "my_corpus") == ["my_corpus", "und", "2", "-", "-", "1", "2", "0.00"]


def test_clips_are_counted_by_label(text):
    assert cells(text, "RAVDESS", 1) == ["RAVDESS", "-", "-", "-", "2", "-", "-", "-", "-"]
    assert cells(text, "my_corpus", 1) == ["my_corpus", "-", "-", "2", "-", "-", "-", "-", "-"]


def test_corpora_that_are_not_there_are_rows_and_say_where_to_get_them(text):
    assert cells(text, "TESS")[:4] == ["TESS", "not there", "-", "2800"]
    assert "Not there: tess, nemo, emotiontts, turev, ased, urdu. 'realtime-ser-train" in text


def test_corpora_that_cannot_be_read_stop_nothing(text):
    assert cells(text, "CREMA-D")[1] == "cannot be read"
    assert "VideoDemographics.csv is not" in " ".join(text.split())
    assert cells(text, "SAVEE")[1] == "cannot be read"
    assert "holds no clip of SAVEE; expected are files such as" in " ".join(text.split())


def test_reasons_are_grouped_with_three_examples(text):
    assert (
        "EmoDB, 5: its emotion is none of the eight\n"
        "    emodb/wav/03a01La.wav\n"
        "    emodb/wav/03a02La.wav\n"
        "    emodb/wav/03a03La.wav\n"
        "    and 2 more\n"
        "EmoDB, 1: the same sound as another clip\n"
        "    emodb/wav/03a01Fb.wav (see emodb/wav/03a01Fa.wav)\n"
    ) in text
    assert "RAVDESS, 1: its name is not that of a clip of RAVDESS\n" in text
    assert "my_corpus, 1: its folder is named after none of the eight emotions\n" in text


def test_folders_that_are_no_corpus_are_said(text):
    (line,) = [line for line in text.splitlines() if line.startswith("No corpus")]
    assert line.endswith(": music"), "neither tables beside the audio nor hidden folders"


def test_everything_fits_a_terminal_of_100_columns(text, root):
    paths = str(root)
    assert all(len(line) <= 100 for line in text.splitlines() if paths not in line)


def test_what_is_complete_says_no_more_than_needed(tmp_path):
    record(tmp_path / "corpora" / "mine" / "sad" / "anna_1.wav")
    text = corpora_table(tmp_path / "corpora")
    assert "Skipped" not in text
    assert "No corpus" not in text


@pytest.mark.parametrize("place", ["", "mine"])
def test_the_folder_of_one_corpus_may_be_given_itself(tmp_path, place):
    record(tmp_path / "mine" / "sad" / "anna_1.wav")
    record(tmp_path / "mine" / "happy" / "anna" / "1.wav")
    assert cells(corpora_table(tmp_path / place), "mine")[2] == "2"


def test_the_folder_of_a_known_corpus_may_be_given_itself(tmp_path):
    record(tmp_path / "ravdess" / "Actor_01" / "03-01-04-01-01-01-01.wav")
    text = corpora_table(tmp_path / "ravdess")
    assert cells(text, "RAVDESS")[2] == "1"
    assert "No corpus" not in text


def test_a_folder_that_is_not_there_is_told_so(tmp_path):
    with pytest.raises(UsageError, match=r"There is no folder .*nowhere"):
        corpora_table(tmp_path / "nowhere")


def test_a_folder_without_any_corpus_says_what_was_expected(tmp_path):
    record(tmp_path / "music" / "song.wav")
    with pytest.raises(UsageError, match="holds no corpus; expected are folders such as ravdess,"):
        corpora_table(tmp_path)


# --------------------------------------------------------------------- where to get them


@pytest.mark.parametrize("name", CORPORA)
def test_each_corpus_tells_source_licence_size_and_layout(name):
    corpus = CORPORA[name]
    text = describe_corpus(name)
    words = " ".join(text.split())
    assert text.startswith(corpus.title)
    assert corpus.source in words
    assert f"{corpus.licence} ({'' if corpus.commercial else 'no '}commercial use" in words
    assert f"{corpus.official_clips} clips of these labels, {corpus.official_speakers} " in words
    assert corpus.example in words
    assert all(label in words for label in corpus.labels)
    assert ("nothing that ships learns from it" in words) == corpus.measured_only
    assert max(len(line) for line in text.splitlines()) <= 100


def test_ones_own_recordings_are_explained_by_layouts_that_work(tmp_path):
    words = describe_corpus("own").split()
    examples = {word.rstrip(",") for word in words if word.rstrip(",").endswith("01.wav")}
    assert len(examples) == 3
    for example in examples:
        record(tmp_path / example)
    assert cells(corpora_table(tmp_path), "my_corpus")[2] == "3"


def test_an_unknown_corpus_is_answered_with_the_known_ones():
    with pytest.raises(UsageError, match=r"'iemocap'; choose among ravdess, .*urdu, or own"):
        describe_corpus("iemocap")

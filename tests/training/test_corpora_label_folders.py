"""A corpus of one's own is a folder for each label, whatever else is in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from realtime_ser.base.errors import SerError, UsageError
from realtime_ser.base.labels import LABELS
from tests.training.test_corpora import FORMATS, read, record
from training.corpora.label_folders import folder_label


@pytest.mark.parametrize(
    ("file", "speaker", "label"),
    [
        ("angry/anna/01.wav", "anna", "angry"),
        ("angry/anna/monday/01.wav", "anna", "angry"),
        ("anna/angry/01.wav", "anna", "angry"),
        ("angry/anna_01.wav", "anna", "angry"),
        ("Pleasant Surprise/anna_01.wav", "anna", "surprised"),
        ("angry/01.wav", "unknown", "angry"),
        ("angry/_01.wav", "unknown", "angry"),
    ],
)
def test_folders_tell_label_and_speaker(tmp_path, file, speaker, label):
    path = record(tmp_path / "mine" / file)
    (clip,) = read(tmp_path, "mine").clips
    assert (clip.path, clip.corpus, clip.speaker, clip.label) == (path, "mine", speaker, label)
    assert (clip.name, clip.classes) == (file.removesuffix(".wav"), (label,))
    assert (clip.language, clip.sex, clip.intensity, clip.votes) == ("und", None, None, None)


@pytest.mark.parametrize("label", LABELS)
def test_every_label_is_a_folder(tmp_path, label):
    record(tmp_path / "mine" / label.upper() / "anna_1.wav")
    assert [clip.label for clip in read(tmp_path, "mine").clips] == [label]


@pytest.mark.parametrize(
    ("word", "label"),
    {
        "anger": "angry",
        "fear": "fearful",
        "happiness": "happy",
        "Joy": "happy",
        "sadness": "sad",
        "surprise": "surprised",
        "ps": "surprised",
        "calmness": "calm",
        "boredom": None,
        "": None,
    }.items(),
)
def test_common_words_name_a_label(word, label):
    assert folder_label(word) == label


@pytest.mark.parametrize("suffix", [*FORMATS, ".WAV"])
def test_any_audio_format_will_do(tmp_path, suffix):
    record(tmp_path / "mine" / "sad" / f"anna_1{suffix}")
    assert len(read(tmp_path, "mine").clips) == 1


def test_the_same_name_in_two_folders_is_two_clips(tmp_path):
    for place in ("happy/anna", "happy/ben", "sad/anna"):
        record(tmp_path / "mine" / place / "01.wav")
    clips = read(tmp_path, "mine").clips
    assert [(clip.name, clip.speaker) for clip in clips] == [
        ("happy/anna/01", "anna"),
        ("happy/ben/01", "ben"),
        ("sad/anna/01", "anna"),
    ]
    assert {clip.classes for clip in clips} == {("happy", "sad")}


def test_lossless_copies_go_before_lossy_ones(tmp_path):
    for suffix in (".mp3", ".flac"):
        record(tmp_path / "mine" / "sad" / f"anna_1{suffix}")
    contents = read(tmp_path, "mine")
    assert [clip.path.suffix for clip in contents.clips] == [".flac"]
    assert "copy" in contents.skipped[0].reason


def test_the_folder_of_the_corpus_may_be_given_itself(tmp_path):
    record(tmp_path / "mine" / "sad" / "anna_1.wav")
    assert len(read(tmp_path / "mine", "mine").clips) == 1


def test_other_folders_and_damaged_clips_are_skipped_and_said(tmp_path):
    record(tmp_path / "mine" / "happy" / "anna_1.wav")
    record(tmp_path / "mine" / "boredom" / "anna_1.wav")
    record(tmp_path / "mine" / "anna_1.wav")
    record(tmp_path / "mine" / "a" / "b" / "angry" / "anna_1.wav")
    (tmp_path / "mine" / "sad").mkdir()
    (tmp_path / "mine" / "sad" / "anna_2.wav").touch()
    contents = read(tmp_path, "mine")
    assert [clip.name for clip in contents.clips] == ["happy/anna_1"]
    assert contents.clips[0].classes == ("happy",), "nothing is left of sad"
    assert contents.missing == 0
    reasons = {
        item.path.relative_to(tmp_path / "mine").as_posix(): item.reason
        for item in contents.skipped
    }
    assert reasons.pop("sad/anna_2.wav").startswith("it is empty")
    assert set(reasons) == {"boredom/anna_1.wav", "anna_1.wav", "a/b/angry/anna_1.wav"}
    assert set(reasons.values()) == {"its folder is named after none of the eight emotions"}


def test_a_folder_without_labels_says_what_was_expected(tmp_path):
    record(tmp_path / "mine" / "music" / "01.wav")
    with pytest.raises(UsageError, match=r"no clip of mine; expected are .* mine/angry/SPEAKER/01"):
        read(tmp_path, "mine")


# --------------------------------------------------------------------- metadata.csv


def with_table(root: Path, table: str | bytes) -> Path:
    for name in ("anna_1", "ben_1", "carl_1"):
        record(root / "mine" / "sad" / f"{name}.wav")
    path = root / "mine" / "metadata.csv"
    path.write_bytes(table if isinstance(table, bytes) else table.encode())
    return root


def test_the_table_goes_before_what_folders_say(tmp_path):
    table = (
        "file,speaker,sex,intensity,language,age\n"
        "sad/anna_1.wav,Anna,F,strong,de,31\n"
        "sad\\ben_1,,male,,en\n"
    )
    anna, ben, carl = read(with_table(tmp_path, table), "mine").clips
    assert (anna.speaker, anna.sex, anna.intensity, anna.language) == (
        "Anna",
        "female",
        "strong",
        "de",
    )
    assert (ben.speaker, ben.sex, ben.intensity, ben.language) == ("ben", "male", None, "en")
    assert (carl.speaker, carl.sex, carl.language) == ("carl", None, "und")


def test_a_row_without_a_clip_is_said(tmp_path):
    contents = read(with_table(tmp_path, "file,speaker\nsad/dora_1.wav,dora\n"), "mine")
    assert len(contents.clips) == 3
    assert [item.path.name for item in contents.skipped] == ["dora_1"]
    assert "no such clip" in contents.skipped[0].reason


@pytest.mark.parametrize(
    "table", ["name;speaker\nsad/anna_1.wav;Anna\n", "file,speaker\n\xff".encode("latin-1")]
)
def test_a_damaged_table_is_named(tmp_path, table):
    with pytest.raises(SerError, match=r"metadata\.csv cannot be read.*column 'file'"):
        read(with_table(tmp_path, table), "mine")

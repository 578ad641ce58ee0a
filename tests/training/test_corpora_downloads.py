"""Corpora are found as people have them: other folders, nested copies, pointers, odd files."""

from __future__ import annotations

import pytest

from realtime_ser.base.errors import UsageError
from tests.training.test_corpora import record
from training.corpora import read_corpora
from training.corpora.label_folders import folder_label
from training.corpora.listing import corpora_table

#: Folders of well-known downloads, and files of two speakers each.
DOWNLOADS = {
    "ravdess": ("archive/audio_speech_actors_01-24", "03-01-0{b}-01-0{a}-01-0{c}.wav", "12"),
    "tess": (
        "TESS Toronto emotional speech set data/TESS Toronto emotional speech set data/OAF_Sad",
        "{c}AF_{w}_sad.wav",
        "OY",
    ),
    "savee": ("ALL", "{c}_sa0{a}.wav", ("DC", "JK")),
    "crema_d": ("Crema", "100{c}_{W}_ANG_XX.wav", "12"),
    "emodb": ("berlin database/wav", "{c}a0{a}Fa.wav", ("03", "16")),
    "nemo": ("clips", "{c}_anger_{a}.wav", ("EB0", "KS0")),
    "emotiontts": (
        "emotiontts_open_db/Dataset/SpeechCorpus/Emotional/x/wav",
        "{c}0010{a}.wav",
        ("ema", "neo"),
    ),
    "turev": ("TurEV-DB-master/Sound Source/Sad", "{c}_hl_{w}.wav", ("1157", "7895")),
    "ased": ("ASED_V1-main/04Sad", "s4-0{a}-01-02-{c}.wav", ("02", "65")),
    "urdu": ("URDU-Dataset-master/Sad", "{c}_F{a}_S0{b}.wav", ("SM1", "SF1")),
}
TAKES = [
    {"a": 1, "b": 3, "w": "back", "W": "DFA"},
    {"a": 2, "b": 4, "w": "dog", "W": "IEO"},
]


def lay_out(root, corpus):
    folder, name, speakers = DOWNLOADS[corpus]
    for speaker in speakers:
        for take in TAKES:
            record(root / folder / name.format(c=speaker, **take))


@pytest.mark.parametrize("corpus", DOWNLOADS)
def test_a_corpus_is_recognised_by_the_names_of_its_files(corpus, tmp_path):
    lay_out(tmp_path, corpus)
    (contents,) = read_corpora(tmp_path, [corpus])
    assert len(contents.clips) == 4
    assert len({clip.speaker for clip in contents.clips}) == 2
    assert contents.skipped == ()


def test_a_corpus_may_lie_behind_links(tmp_path):
    root = tmp_path / "corpora"
    root.mkdir()
    lay_out(tmp_path / "disk", "savee")
    (root / "mine").symlink_to(tmp_path / "disk")
    (tmp_path / "disk" / "ALL" / "again").symlink_to(root)
    (contents,) = read_corpora(root, ["savee"])
    assert len(contents.clips) == 4
    assert contents.skipped == ()


def test_several_downloads_lie_beside_each_other(tmp_path):
    root = tmp_path / "corpora"
    for corpus in DOWNLOADS:
        lay_out(root / "Speech Emotion Recognition (en)", corpus)
    found = read_corpora(root, list(DOWNLOADS))
    assert all(len({clip.speaker for clip in contents.clips}) == 2 for contents in found)
    listed = corpora_table(root)
    assert "not there" not in listed
    assert "bear no known name" not in listed


def test_a_name_goes_before_what_files_are_called(tmp_path):
    record(tmp_path / "savee" / "DC_a01.wav")
    for number in range(1, 10):
        record(tmp_path / "elsewhere" / f"JK_a0{number}.wav")
    (contents,) = read_corpora(tmp_path, ["savee"])
    assert [clip.name for clip in contents.clips] == ["DC_a01"]


def test_nested_copies_and_what_systems_leave_count_for_nothing(tmp_path):
    first = record(tmp_path / "Savee" / "DC_a01.wav")
    copy = tmp_path / "Savee" / "AudioData" / "DC_a01.wav"
    copy.parent.mkdir()
    copy.write_bytes(first.read_bytes())
    (tmp_path / "Savee" / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    for folder in ("__MACOSX", ".git"):
        hidden = tmp_path / "Savee" / folder / "._DC_a02.wav"
        hidden.parent.mkdir()
        hidden.write_bytes(b"\0\5\26\7")
        record(hidden.with_name("DC_a03.wav"))
    (contents,) = read_corpora(tmp_path, ["savee"])
    assert [clip.name for clip in contents.clips] == ["DC_a01"]
    assert [item.reason for item in contents.skipped] == ["another copy of the same clip"]


def test_a_clone_without_its_files_says_how_to_get_them(tmp_path):
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    folder = tmp_path / "CREMA-D" / "AudioWAV"
    folder.mkdir(parents=True)
    for sentence in ("DFA", "IEO"):
        (folder / f"1001_{sentence}_ANG_XX.wav").write_text(pointer)
    with pytest.raises(UsageError, match=r"pointer of git-lfs .* run 'git lfs pull'"):
        read_corpora(tmp_path, ["crema_d"])


@pytest.mark.parametrize(
    ("folder", "label"),
    [
        *(("Suprised", "surprised"), ("fearfull", "fearful"), ("Netural", "neutral")),
        *(("angery", "angry"), ("happyness", "happy"), ("digust", "disgust"), ("sadnes", "sad")),
        *(("HAP", "happy"), ("neu", "neutral"), ("02_Angry", "angry"), ("ANG", "angry")),
        *(("danger", None), ("said", None), ("feature", None), ("happening", None)),
        *(("anna", None), ("calf", None), ("natural", None), ("audio", None), ("surplus", None)),
    ],
)
def test_labels_are_read_even_if_misspelt(folder, label):
    assert folder_label(folder) == label

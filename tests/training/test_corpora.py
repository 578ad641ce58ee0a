"""Corpora are read in their official layout, and what is not used is said."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from realtime_ser.base.errors import SerError, UsageError
from realtime_ser.base.labels import LABELS
from training.corpora import CORPORA, read_corpora

FORMATS = {
    ".wav": {},
    ".flac": {},
    ".ogg": {},
    ".opus": {"format": "OGG", "subtype": "OPUS"},
    ".mp3": {"format": "MP3"},
}


def record(path: Path, seed: int | None = None, seconds: float = 0.25) -> Path:
    """Write a recording of noise; one seed makes one sound."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(zlib.crc32(bytes(path)) if seed is None else seed)
    samples = (rng.standard_normal(round(16_000 * seconds)) * 0.1).astype(np.float32)
    soundfile.write(path, samples, 16_000, **FORMATS[path.suffix.lower()])
    return path


def read(root: Path, name: str):
    (contents,) = read_corpora(root, [name])
    return contents


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (
            "RAVDESS/Actor_04/03-01-08-02-01-02-04.wav",
            ("ravdess", "03-01-08-02-01-02-04", "04", "surprised", "en", "female", "strong"),
        ),
        (
            "ravdess/03-01-02-01-02-01-11.wav",
            ("ravdess", "03-01-02-01-02-01-11", "11", "calm", "en", "male", "normal"),
        ),
        (
            "CREMA-D/AudioWAV/1091_WSI_FEA_XX.wav",
            ("crema_d", "1091_WSI_FEA_XX", "1091", "fearful", "en", None, None),
        ),
        (
            "crema_d/1001_IEO_HAP_LO.wav",
            ("crema_d", "1001_IEO_HAP_LO", "1001", "happy", "en", None, "low"),
        ),
        (
            "EmoDB/wav/16b10Wb.wav",
            ("emodb", "16b10Wb", "16", "angry", "de", "female", None),
        ),
        (
            "TESS/OAF_Pleasant_surprise/OAF_witch_ps.wav",
            ("tess", "OAF_witch_ps", "OAF", "surprised", "en", "female", None),
        ),
        (
            "tess/OA_bite_neutral.wav",
            ("tess", "OA_bite_neutral", "OAF", "neutral", "en", "female", None),
        ),
        (
            "nEMO/samples/KS0_happiness_12.wav",
            ("nemo", "KS0_happiness_12", "KS0", "happy", "pl", "male", None),
        ),
        ("SAVEE/AudioData/DC/sa03.wav", ("savee", "DC_sa03", "DC", "sad", "en", "male", None)),
        ("savee/JE/n30.wav", ("savee", "JE_n30", "JE", "neutral", "en", "male", None)),
        ("savee/JK_su15.wav", ("savee", "JK_su15", "JK", "surprised", "en", "male", None)),
        ("savee/KL_a01.wav", ("savee", "KL_a01", "KL", "angry", "en", "male", None)),
        (
            "emotiontts/Dataset/SpeechCorpus/Emotional/plain-to-emotional/ema/wav/ema00101.wav",
            ("emotiontts", "ema00101", "ema", "happy", "ko", "female", None),
        ),
        (
            "emotiontts/neo00100.wav",
            ("emotiontts", "neo00100", "neo", "neutral", "ko", "male", None),
        ),
        (
            "emotiontts/nea00400.wav",
            ("emotiontts", "nea00400", "nea", "angry", "ko", "female", None),
        ),
        (
            "emotiontts/emb00201.wav",
            ("emotiontts", "emb00201", "emb", "sad", "ko", "female", None),
        ),
        (
            "TurEV-DB/Sound Source/Calm/1234_sk_ogul2.wav",
            ("turev", "1234_sk_ogul2", "1234", "calm", "tr", None, None),
        ),
        (
            "ASED_V1/02Fearful/f2-05-02-02-65.wav",
            ("ased", "f2-05-02-02-65", "65", "fearful", "am", "male", None),
        ),
        (
            "ased/04Sad/S4-01-01-01-37.wav",
            ("ased", "S4-01-01-01-37", "37", "sad", "am", "female", None),
        ),
        (
            "urdu/Angry/SF11_F1_A07.wav",
            ("urdu", "SF11_F1_A07", "SF11", "angry", "ur", "female", None),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_clip_is_told_by_its_official_name(tmp_path, file, expected):
    path = record(tmp_path / file)
    (clip,) = read(tmp_path, expected[0]).clips
    assert clip.path == path
    assert (
        clip.corpus,
        clip.name,
        clip.speaker,
        clip.label,
        clip.language,
        clip.sex,
        clip.intensity,
    ) == expected
    assert clip.votes is None


@pytest.mark.parametrize("name", CORPORA)
def test_the_example_of_each_corpus_is_one_of_its_clips(tmp_path, name):
    record(tmp_path / CORPORA[name].example)
    assert len(read(tmp_path, name).clips) == 1


@pytest.mark.parametrize("suffix", [*FORMATS, ".WAV"])
def test_any_audio_format_will_do(tmp_path, suffix):
    record(tmp_path / "emodb" / f"03a01Fa{suffix}")
    assert [clip.name for clip in read(tmp_path, "emodb").clips] == ["03a01Fa"]


def test_classes_come_in_the_order_of_the_labels():
    assert CORPORA["ravdess"].labels == LABELS
    assert CORPORA["nemo"].labels == ("neutral", "happy", "sad", "angry", "fearful", "surprised")
    assert CORPORA["emodb"].labels == CORPORA["crema_d"].labels


def test_the_folder_of_one_corpus_may_be_given_itself(tmp_path):
    record(tmp_path / "ravdess" / "03-01-01-01-01-01-01.wav")
    assert len(read(tmp_path / "ravdess", "ravdess").clips) == 1


def test_what_is_missing_is_counted(tmp_path):
    record(tmp_path / "savee" / "DC_a01.wav")
    record(tmp_path / "savee" / "DC_a02.wav")
    contents = read(tmp_path, "savee")
    assert contents.missing == 478
    assert contents.seconds == pytest.approx(0.5)


@pytest.mark.parametrize("place", ["AudioData/{}/{}.wav", "{}/{}.wav", "{}_{}.wav"])
def test_a_speaker_of_savee_is_whole_in_each_of_its_layouts(tmp_path, place):
    for code in ("a", "d", "f", "h", "n", "sa", "su"):
        for number in range(1, 31 if code == "n" else 16):
            file = place.format("KL", f"{code}{number:02}")
            record(tmp_path / "SAVEE" / file, seconds=0.02)
    contents = read(tmp_path, "savee")
    assert (len(contents.clips), contents.missing, contents.skipped) == (120, 360, ())
    assert {clip.speaker for clip in contents.clips} == {"KL"}
    assert sum(clip.label == "neutral" for clip in contents.clips) == 30


# --------------------------------------------------------------------- left out


def test_processed_copies_that_a_corpus_brings_are_left_out(tmp_path):
    filtered = "Model Output for Test Data/testEmotions500HighPass/sound/Angry"
    copy = record(tmp_path / "turev" / filtered / "1157_kz_dil.wav")
    kept = record(tmp_path / "turev" / "Sound Source" / "Angry" / "1157_kz_dil.wav")
    contents = read(tmp_path, "turev")
    assert [clip.path for clip in contents.clips] == [kept]
    assert [(item.path, item.reason) for item in contents.skipped] == [(copy, "a processed copy")]


def skipped(root: Path, name: str) -> dict[str, str]:
    return {item.path.name: item.reason for item in read(root, name).skipped}


def test_boredom_is_left_out_and_said(tmp_path):
    record(tmp_path / "emodb" / "03a01Fa.wav")
    record(tmp_path / "emodb" / "03a01La.wav")
    assert len(read(tmp_path, "emodb").clips) == 1
    assert "none of the eight" in skipped(tmp_path, "emodb")["03a01La.wav"]


def test_songs_and_strange_files_are_left_out_and_said(tmp_path):
    for name in ("03-01-01-01-01-01-01.wav", "03-02-01-01-01-01-01.wav", "my cat.wav"):
        record(tmp_path / "ravdess" / name)
    assert len(read(tmp_path, "ravdess").clips) == 1
    assert set(skipped(tmp_path, "ravdess")) == {"03-02-01-01-01-01-01.wav", "my cat.wav"}


def test_files_that_are_not_audio_do_not_count(tmp_path):
    record(tmp_path / "savee" / "DC_a01.wav")
    (tmp_path / "savee" / "readme.txt").write_text("hello")
    (tmp_path / "savee" / "._DC_a02.wav").write_text("left by another system")
    assert not skipped(tmp_path, "savee")


def test_damaged_recordings_are_left_out_and_said(tmp_path):
    record(tmp_path / "savee" / "DC_a01.wav")
    (tmp_path / "savee" / "DC_a02.wav").touch()
    (tmp_path / "savee" / "DC_a03.wav").write_text("version https://git-lfs.github.com/spec/v1")
    cut = record(tmp_path / "savee" / "DC_a04.wav")
    cut.write_bytes(cut.read_bytes()[:-2000])
    assert [clip.name for clip in read(tmp_path, "savee").clips] == ["DC_a01"]
    reasons = skipped(tmp_path, "savee")
    assert "empty" in reasons["DC_a02.wav"]
    assert "git lfs pull" in reasons["DC_a03.wav"]
    assert "truncated" in reasons["DC_a04.wav"]


def test_a_corpus_that_was_unpacked_twice_counts_once(tmp_path):
    first = record(tmp_path / "ravdess" / "Actor_01" / "03-01-01-01-01-01-01.wav", seed=1)
    record(tmp_path / "ravdess" / "copy" / "Actor_01" / "03-01-01-01-01-01-01.wav", seed=1)
    (clip,) = read(tmp_path, "ravdess").clips
    assert clip.path == first
    (copy,) = read(tmp_path, "ravdess").skipped
    assert "copy" in copy.reason


def test_lossless_copies_go_before_lossy_ones(tmp_path):
    record(tmp_path / "crema_d" / "AudioMP3" / "1001_DFA_ANG_XX.mp3")
    best = record(tmp_path / "crema_d" / "AudioWAV" / "1001_DFA_ANG_XX.wav")
    (clip,) = read(tmp_path, "crema_d").clips
    assert clip.path == best


@pytest.mark.parametrize("suffix", [".wav", ".opus"])
def test_one_sound_under_two_names_counts_once(tmp_path, suffix):
    for repetition in (1, 2):
        record(tmp_path / "ravdess" / f"03-01-03-01-02-0{repetition}-07{suffix}", seed=7)
    record(tmp_path / "ravdess" / f"03-01-03-01-01-01-07{suffix}", seed=8)
    names = [clip.name for clip in read(tmp_path, "ravdess").clips]
    assert names == ["03-01-03-01-01-01-07", "03-01-03-01-02-01-07"]
    assert "same sound" in skipped(tmp_path, "ravdess")[f"03-01-03-01-02-02-07{suffix}"]


def test_one_sound_under_two_emotions_tells_nothing(tmp_path):
    record(tmp_path / "crema_d" / "1013_WSI_DIS_XX.wav", seed=7)
    record(tmp_path / "crema_d" / "1013_WSI_SAD_XX.wav", seed=7)
    record(tmp_path / "crema_d" / "1013_WSI_ANG_XX.wav", seed=8)
    assert [clip.label for clip in read(tmp_path, "crema_d").clips] == ["angry"]
    assert len(skipped(tmp_path, "crema_d")) == 2


# --------------------------------------------------------------------- CREMA-D's tables

VOTES = """"","A","D","F","H","N","S","fileName","numResponses"
"100001",0,1,0,2,5,0,"1001_IEO_NEU_XX",8
"100002",4,0,4,0,0,0,"1001_IEO_HAP_LO",8
"103234",0,0,2,0,5,3,"1040_ITH_SAD_XX",10
"200001",9,0,0,0,0,0,"1001_IEO_NEU_XX",9
"300001",0,9,0,0,0,0,"1001_IEO_NEU_XX",9
"""
ACTORS = '"ActorID","Age","Sex"\n1001,51,"Male"\n1040,30,"Female"\n'


@pytest.fixture(params=["crema_d", "crema_d_meta"])
def with_tables(request, tmp_path: Path) -> Path:
    """Lay out CREMA-D with its tables, among its own files or beside them."""
    for name in ("1001_IEO_NEU_XX", "1001_IEO_HAP_LO", "1040_ITH_SAD_X"):
        record(tmp_path / "crema_d" / "AudioWAV" / f"{name}.wav")
    tables = tmp_path / request.param
    (tables / "processedResults").mkdir(parents=True)
    (tables / "processedResults" / "tabulatedVotes.csv").write_text(VOTES)
    (tables / "VideoDemographics.csv").write_text(ACTORS)
    return tmp_path


def test_votes_are_those_of_listeners_to_the_voice_alone(with_tables):
    clips = {clip.name: clip for clip in read(with_tables, "crema_d").clips}
    shares = dict(zip(LABELS, clips["1001_IEO_NEU_XX"].votes, strict=True))
    assert {k: v for k, v in shares.items() if v} == {
        "disgust": 1 / 8,
        "happy": 1 / 4,
        "neutral": 5 / 8,
    }
    assert clips["1001_IEO_NEU_XX"].majority_vote == "neutral"
    assert clips["1001_IEO_HAP_LO"].majority_vote is None, "a tie"
    assert clips["1040_ITH_SAD_X"].majority_vote == "neutral", "misspelt, but known"
    assert [clip.sex for clip in clips.values()] == ["male", "male", "female"]


@pytest.mark.parametrize("content", [b"<html>404</html>\n1\n", b"\xff\xfe\0"])
@pytest.mark.parametrize("table", ["tabulatedVotes.csv", "VideoDemographics.csv"])
def test_a_damaged_table_is_named(with_tables, table, content):
    (path,) = with_tables.rglob(table)
    path.write_bytes(content)
    with pytest.raises(SerError, match=table):
        read(with_tables, "crema_d")


# --------------------------------------------------------------------- wrong folders


def test_a_folder_that_is_not_there_is_told_so(tmp_path):
    with pytest.raises(UsageError, match="no folder"):
        read(tmp_path / "nowhere", "ravdess")


def test_a_folder_without_the_corpus_says_what_was_expected(tmp_path):
    with pytest.raises(UsageError, match=r"expected are files such as emodb/wav/03a01Fa\.wav"):
        read(tmp_path, "emodb")


def test_a_corpus_without_clips_says_what_was_expected(tmp_path):
    record(tmp_path / "savee" / "something.wav")
    with pytest.raises(UsageError, match=r"no clip of SAVEE.*expected are files such as"):
        read(tmp_path, "savee")


def test_an_unknown_corpus_is_answered_with_the_known_ones(tmp_path):
    with pytest.raises(UsageError, match=r"ravdess, crema_d.* nor does .* hold a folder"):
        read(tmp_path, "iemocap")


def test_a_corpus_of_nothing_but_damaged_clips_is_told_so(tmp_path):
    for name in ("DC_a01", "DC_a02"):
        (tmp_path / "savee").mkdir(exist_ok=True)
        (tmp_path / "savee" / f"{name}.wav").touch()
    with pytest.raises(UsageError, match=r"None of the clips .* DC_a01\.wav: it is empty"):
        read(tmp_path, "savee")

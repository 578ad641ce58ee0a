"""A recording that is there twice is named before a split, whatever was done to it."""

from __future__ import annotations

import io
import time

import numpy as np
import pytest
import soundfile
import soxr

from tests.audio.sounds import by_ffmpeg
from training.corpora import read_corpora
from training.corpora.fingerprint import Twins, find_twins
from training.corpora.generated import generate_corpus
from training.corpora.listing import corpora_table

RATE = 16_000


@pytest.fixture(scope="module")
def voices(tmp_path_factory):
    """Three voices, four takes of each label."""
    return generate_corpus(tmp_path_factory.mktemp("made") / "voices", speakers=3, takes=4, seed=5)


@pytest.fixture(scope="module")
def clips(voices):
    return sorted(voices.rglob("*.wav"))


def louder(samples, path):
    soundfile.write(path, samples * 0.1, RATE)


def trimmed(samples, path):
    soundfile.write(path, samples[5_000:-3_333], RATE)


def as_vorbis(samples, path):
    soundfile.write(path.with_suffix(".ogg"), samples, RATE, format="OGG", subtype="VORBIS")


def as_opus(samples, path):
    soundfile.write(path.with_suffix(".opus"), samples, RATE, format="OGG", subtype="OPUS")


def as_mp3(samples, path):
    pcm = np.round(samples * 32767).astype(np.int16)
    by_ffmpeg(path.with_suffix(".mp3"), pcm, "libmp3lame")


def as_aac(samples, path):
    pcm = np.round(samples * 32767).astype(np.int16)
    by_ffmpeg(path.with_suffix(".m4a"), pcm, "aac")


def by_telephone(samples, path):
    file = io.BytesIO()
    soundfile.write(file, soxr.resample(samples, RATE, 8000), 8000, "GSM610", format="WAV")
    path.with_suffix(".wav").write_bytes(file.getvalue())


def at_another_rate(samples, path):
    soundfile.write(path, soxr.resample(samples[1_234:], RATE, 44_100) * 1.7, 44_100)


CHANGES = [
    *(louder, trimmed, as_vorbis, as_opus, as_mp3, as_aac, by_telephone, at_another_rate),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_twin_is_found_whatever_was_done_to_it(change, clips, tmp_path):
    chosen = (3, 17, 30)
    for number in chosen:
        samples, _ = soundfile.read(clips[number], dtype="float32")
        change(samples, tmp_path / f"{number:02}.wav")
    copies = sorted(tmp_path.iterdir())
    assert find_twins([*clips, *copies]) == [
        Twins(number, len(clips) + place) for place, number in enumerate(chosen)
    ]


def test_different_takes_are_no_twins(clips):
    assert find_twins(clips) == []


def test_tones_and_silence_are_no_twins(tmp_path):
    seconds = np.arange(2 * RATE) / RATE
    for number, sound in enumerate(
        [np.sin(2 * np.pi * 440 * seconds), np.sin(2 * np.pi * 440 * seconds), 0 * seconds]
    ):
        soundfile.write(tmp_path / f"{number}.wav", sound * 0.5, RATE)
    soundfile.write(tmp_path / "short.wav", np.zeros(10), RATE)
    assert find_twins(sorted(tmp_path.iterdir())) == []
    assert find_twins([]) == []


def test_a_leak_is_left_out_and_named(clips, tmp_path):
    for number, speaker in ((0, "anna"), (20, "ben"), (40, "cleo")):
        folder = tmp_path / "mine" / clips[number].parent.parent.name / speaker
        folder.mkdir(parents=True)
        (folder / "01.wav").write_bytes(clips[number].read_bytes())
    samples, _ = soundfile.read(clips[0], dtype="float32")
    leak = tmp_path / "mine" / clips[0].parent.parent.name / "zoe" / "07.ogg"
    leak.parent.mkdir()
    soundfile.write(leak, samples[2_000:] * 0.2, RATE)
    (contents,) = read_corpora(tmp_path, ["mine"])
    assert {clip.speaker for clip in contents.clips} == {"anna", "ben", "cleo"}
    (skipped,) = contents.skipped
    assert skipped.path == leak
    assert skipped.other is not None
    assert skipped.other.parent.name == "anna"
    assert skipped.reason.endswith("or trimmed, under another speaker")
    assert "under another speaker" in " ".join(corpora_table(tmp_path).split())


def test_a_leak_between_corpora_is_found(clips, tmp_path):
    for corpus in ("one", "two"):
        folder = tmp_path / corpus / "sad" / corpus
        folder.mkdir(parents=True)
        samples, _ = soundfile.read(clips[10], dtype="float32")
        soundfile.write(folder / "01.flac", samples * (0.5 if corpus == "two" else 1.0), RATE)
        samples, _ = soundfile.read(clips[11 if corpus == "one" else 12], dtype="float32")
        soundfile.write(folder / "02.flac", samples, RATE)
    one, two = read_corpora(tmp_path, ["one", "two"])
    assert len(one.clips) == 2
    assert [clip.name for clip in two.clips] == ["sad/two/02"]


@pytest.mark.parametrize("speakers", [1, 2, 3])
def test_a_corpus_of_two_speakers_says_so(speakers, tmp_path):
    generate_corpus(tmp_path / "few", speakers=speakers, takes=1)
    (contents,) = read_corpora(tmp_path, ["few"])
    assert bool(contents.caution) == (speakers < 3)
    if speakers == 2:
        words = "few has 2 speakers (01, 02): what is measured on it says nothing of other voices"
        assert contents.caution == words
        assert words in " ".join(corpora_table(tmp_path).split())


def test_it_takes_some_milliseconds_a_clip(clips):
    start = time.process_time()
    find_twins(clips)
    assert (time.process_time() - start) / len(clips) < 0.1

"""A take sounds the same in every process, and its hash tells what it depends on."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import soundfile

from realtime_ser.base.errors import AudioFileError, UsageError
from realtime_ser.base.paths import shipped
from training.corpora import CORPORA, Clip
from training.sound.mixing import voiced_mask
from training.sound.noises import TEST_NOISES, TRAINING_NOISES
from training.sound.recordings import samples_16k
from training.sound.takes import Noisy, StreamTake, Take, as_takes

RATE = 16_000


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> list[Clip]:
    """Three sentences, soft enough that noise never makes them clip."""
    folder = tmp_path_factory.mktemp("clips")
    sound, _ = soundfile.read(shipped("demo.flac"), dtype="float32", always_2d=True)
    made = []
    for number, (start, end) in enumerate([(0.5, 3.5), (6.3, 9.5), (11.0, 13.5)]):
        path = folder / f"clip{number}.wav"
        part = 0.02 * sound[round(start * RATE) : round(end * RATE), 0]
        soundfile.write(path, part, RATE, subtype="FLOAT")
        made.append(Clip("savee", path, path.stem, "DC", "happy", "en", CORPORA["savee"].labels))
    return made


@pytest.fixture
def speech(clips) -> tuple[Path, ...]:
    return tuple(clip.path for clip in clips)


def power(sound) -> float:
    return float(np.mean(np.square(sound, dtype=np.float64)))


def test_a_take_without_a_change_is_the_recording(clips):
    take = Take(clips[0])
    assert np.array_equal(take.samples(), samples_16k(clips[0].path))
    (span,) = take.stream().spans
    assert (span.start, span.end, span.clip) == (0, len(take.samples()), clips[0])
    assert as_takes([clips[0], take]) == [take, take]


@pytest.mark.parametrize("kind", [*TRAINING_NOISES, *TEST_NOISES])
@pytest.mark.parametrize("snr_db", [20.0, 0.0])
def test_noise_of_every_kind_lies_at_its_ratio(clips, speech, kind, snr_db):
    clean = Take(clips[0]).samples()
    noisy = Take(clips[0], Noisy((kind,), snr_db, speech=speech)).samples()
    assert noisy.dtype == np.float32
    ratio = power(clean[voiced_mask(clean)]) / power(noisy - clean)
    assert 10 * np.log10(ratio) == pytest.approx(snr_db, abs=0.3)


def hear(take: Take) -> tuple[bytes, bytes]:
    return take.samples().tobytes(), take.digest()


def test_another_process_hears_the_same(clips, speech):
    takes: list = [
        Take(clip, Noisy((kind,), (0.0, 20.0), seed=3, speech=speech), copy)
        for clip in clips[:2]
        for copy, kind in enumerate(TRAINING_NOISES)
    ]
    takes.append(StreamTake(tuple(clips), (0.5, 1.0), 7, Noisy(("rain",), 10.0)))
    with ProcessPoolExecutor(1, get_context("spawn")) as executor:
        assert list(executor.map(hear, takes[::-1])) == [hear(take) for take in takes[::-1]]


def test_a_take_survives_pickling(clips, speech):
    take = Take(clips[0], Noisy(("babble",), (0.0, 20.0), 1, speech), 2)
    assert pickle.loads(pickle.dumps(take)) == take


def test_seeds_copies_and_clips_are_heard_in_different_noise(clips):
    def noise(clip=clips[0], seed=0, copy=0):
        sound = Take(clip, Noisy(("white",), 0.0, seed), copy).samples()
        return (sound - samples_16k(clip.path))[: 2 * RATE]

    same = noise()
    for other in (noise(seed=1), noise(copy=1), noise(clip=clips[1])):
        assert abs(np.corrcoef(same, other)[0, 1]) < 0.05


def test_one_noise_is_heard_at_every_ratio(clips):
    clean = samples_16k(clips[0].path)
    soft, loud = (
        Take(clips[0], Noisy(TEST_NOISES, snr_db)).samples() - clean for snr_db in (10.0, 0.0)
    )
    assert np.corrcoef(soft, loud)[0, 1] > 0.999


def test_kinds_and_ratios_are_drawn_for_each_key(clips):
    clean = samples_16k(clips[0].path)
    voice = power(clean[voiced_mask(clean)])
    change = Noisy(("white", "hum"), (0.0, 30.0))
    flat, ratios = [], []
    for copy in range(24):
        noise = Take(clips[0], change, copy).samples() - clean
        spectrum = np.abs(np.fft.rfft(noise)) ** 2
        flat.append(spectrum[len(spectrum) // 2 :].sum() / spectrum.sum() > 0.3)
        ratios.append(10 * np.log10(voice / power(noise)))
    assert 4 < sum(flat) < 20
    assert -0.3 < min(ratios) < 8
    assert 22 < max(ratios) < 30.3


def test_the_hash_is_that_of_content_and_change(clips, tmp_path):
    take = Take(clips[0], Noisy(("white",), 5.0))
    moved = tmp_path / "elsewhere.wav"
    moved.write_bytes(clips[0].path.read_bytes())
    assert Take(replace(clips[0], path=moved), take.change).digest() == take.digest()
    others = [
        Take(clips[0]),
        replace(take, copy=1),
        replace(take, change=Noisy(("white",), 10.0)),
        replace(take, change=Noisy(("white",), 5.0, seed=1)),
        replace(take, change=Noisy(("white", "pink"), 5.0)),
        Take(replace(clips[1], name=clips[0].name), take.change),
    ]
    assert len({other.digest() for other in [take, *others]}) == 7


def test_only_babble_depends_on_who_talks(clips, speech):
    def digests(talkers):
        change = Noisy(("white", "babble"), 5.0, speech=talkers)
        return [Take(clips[0], change, copy).digest() for copy in range(20)]

    all_talk, two_talk = digests(speech), digests(speech[:2])
    changed = [a != b for a, b in zip(all_talk, two_talk, strict=True)]
    assert 2 < sum(changed) < 18


def test_the_hash_of_a_stream_knows_how_it_is_joined(clips):
    take = StreamTake(tuple(clips), (0.5, 1.0))
    others = [
        replace(take, clips=tuple(clips[::-1])),
        replace(take, gap_s=(0.5, 2.0)),
        replace(take, gap_s=None),
        replace(take, seed=1),
        replace(take, change=Noisy(("white",), 5.0)),
    ]
    assert len({other.digest() for other in [take, *others]}) == 6


def test_noise_that_cannot_be_made_is_told_at_once(speech):
    with pytest.raises(UsageError, match="no noise 'thunder'"):
        Noisy(("white", "thunder"), 5.0)
    with pytest.raises(UsageError, match="Babble"):
        Noisy(TRAINING_NOISES, 5.0)


def test_babble_of_a_lost_recording_is_told(clips, tmp_path):
    take = Take(clips[0], Noisy(("babble",), 5.0, speech=(tmp_path / "lost.wav",)))
    with pytest.raises(AudioFileError, match=r"lost\.wav"):
        take.digest()
    with pytest.raises(AudioFileError, match=r"lost\.wav"):
        take.samples()

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
from training.sound.examples import Example, StreamExample, as_examples
from training.sound.mixing import voiced_mask
from training.sound.noise_mixer import NoiseMixer
from training.sound.noises import TEST_NOISES, TRAINING_NOISES
from training.sound.recordings import samples_16k

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
    example = Example(clips[0])
    assert np.array_equal(example.samples(), samples_16k(clips[0].path))
    (span,) = example.stream().spans
    assert (span.start, span.end, span.clip) == (0, len(example.samples()), clips[0])
    assert as_examples([clips[0], example]) == [example, example]


@pytest.mark.parametrize("kind", [*TRAINING_NOISES, *TEST_NOISES])
@pytest.mark.parametrize("snr_db", [20.0, 0.0])
def test_noise_of_every_kind_lies_at_its_ratio(clips, speech, kind, snr_db):
    clean = Example(clips[0]).samples()
    noisy = Example(clips[0], NoiseMixer((kind,), snr_db, speech=speech)).samples()
    assert noisy.dtype == np.float32
    ratio = power(clean[voiced_mask(clean)]) / power(noisy - clean)
    assert 10 * np.log10(ratio) == pytest.approx(snr_db, abs=0.3)


def hear(example: Example) -> tuple[bytes, bytes]:
    return example.samples().tobytes(), example.digest()


def test_another_process_hears_the_same(clips, speech):
    examples: list = [
        Example(clip, NoiseMixer((kind,), (0.0, 20.0), seed=3, speech=speech), copy)
        for clip in clips[:2]
        for copy, kind in enumerate(TRAINING_NOISES)
    ]
    examples.append(StreamExample(tuple(clips), (0.5, 1.0), 7, NoiseMixer(("rain",), 10.0)))
    with ProcessPoolExecutor(1, get_context("spawn")) as executor:
        assert list(executor.map(hear, examples[::-1])) == [
            hear(example) for example in examples[::-1]
        ]


def test_a_take_survives_pickling(clips, speech):
    example = Example(clips[0], NoiseMixer(("babble",), (0.0, 20.0), 1, speech), 2)
    assert pickle.loads(pickle.dumps(example)) == example


def test_seeds_copies_and_clips_are_heard_in_different_noise(clips):
    def noise(clip=clips[0], seed=0, copy=0):
        sound = Example(clip, NoiseMixer(("white",), 0.0, seed), copy).samples()
        return (sound - samples_16k(clip.path))[: 2 * RATE]

    same = noise()
    for other in (noise(seed=1), noise(copy=1), noise(clip=clips[1])):
        assert abs(np.corrcoef(same, other)[0, 1]) < 0.05


def test_one_noise_is_heard_at_every_ratio(clips):
    clean = samples_16k(clips[0].path)
    soft, loud = (
        Example(clips[0], NoiseMixer(TEST_NOISES, snr_db)).samples() - clean
        for snr_db in (10.0, 0.0)
    )
    assert np.corrcoef(soft, loud)[0, 1] > 0.999


def test_kinds_and_ratios_are_drawn_for_each_key(clips):
    clean = samples_16k(clips[0].path)
    voice = power(clean[voiced_mask(clean)])
    change = NoiseMixer(("white", "hum"), (0.0, 30.0))
    flat, ratios = [], []
    for copy in range(24):
        noise = Example(clips[0], change, copy).samples() - clean
        spectrum = np.abs(np.fft.rfft(noise)) ** 2
        flat.append(spectrum[len(spectrum) // 2 :].sum() / spectrum.sum() > 0.3)
        ratios.append(10 * np.log10(voice / power(noise)))
    assert 4 < sum(flat) < 20
    assert -0.3 < min(ratios) < 8
    assert 22 < max(ratios) < 30.3


def test_the_hash_is_that_of_content_and_change(clips, tmp_path):
    example = Example(clips[0], NoiseMixer(("white",), 5.0))
    moved = tmp_path / "elsewhere.wav"
    moved.write_bytes(clips[0].path.read_bytes())
    assert Example(replace(clips[0], path=moved), example.change).digest() == example.digest()
    others = [
        Example(clips[0]),
        replace(example, copy=1),
        replace(example, change=NoiseMixer(("white",), 10.0)),
        replace(example, change=NoiseMixer(("white",), 5.0, seed=1)),
        replace(example, change=NoiseMixer(("white", "pink"), 5.0)),
        Example(replace(clips[1], name=clips[0].name), example.change),
    ]
    assert len({other.digest() for other in [example, *others]}) == 7


def test_only_babble_depends_on_who_talks(clips, speech):
    def digests(talkers):
        change = NoiseMixer(("white", "babble"), 5.0, speech=talkers)
        return [Example(clips[0], change, copy).digest() for copy in range(20)]

    all_talk, two_talk = digests(speech), digests(speech[:2])
    changed = [a != b for a, b in zip(all_talk, two_talk, strict=True)]
    assert 2 < sum(changed) < 18


def test_the_hash_of_a_stream_knows_how_it_is_joined(clips):
    example = StreamExample(tuple(clips), (0.5, 1.0))
    others = [
        replace(example, clips=tuple(clips[::-1])),
        replace(example, gap_s=(0.5, 2.0)),
        replace(example, gap_s=None),
        replace(example, seed=1),
        replace(example, change=NoiseMixer(("white",), 5.0)),
    ]
    assert len({other.digest() for other in [example, *others]}) == 6


def test_noise_that_cannot_be_made_is_told_at_once(speech):
    with pytest.raises(UsageError, match="no noise 'thunder'"):
        NoiseMixer(("white", "thunder"), 5.0)
    with pytest.raises(UsageError, match="Babble"):
        NoiseMixer(TRAINING_NOISES, 5.0)


def test_babble_of_a_lost_recording_is_told(clips, tmp_path):
    example = Example(clips[0], NoiseMixer(("babble",), 5.0, speech=(tmp_path / "lost.wav",)))
    with pytest.raises(AudioFileError, match=r"lost\.wav"):
        example.digest()
    with pytest.raises(AudioFileError, match=r"lost\.wav"):
        example.samples()

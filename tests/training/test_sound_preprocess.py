"""Preprocessing takes out what it names, and leaves the rest."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from pydantic import ValidationError

from realtime_ser.base.paths import shipped
from training.sound.preprocess import (
    Preprocessing,
    normalise_peak,
    normalise_rms,
    preprocess,
    reduce_noise,
    remove_silence,
    trim_silence,
)

RATE = 16_000


@pytest.fixture(scope="module")
def words():
    """A second of a tone, a silent second and another tone, silence around; a hiss 60 dB down."""
    time = np.arange(RATE) / RATE
    silent = np.zeros(RATE)
    tones = [0.3 * np.sin(2 * np.pi * hz * time) for hz in (300, 900)]
    sound = np.concatenate([silent, tones[0], silent, tones[1], silent, silent])
    hiss = 2e-4 * np.random.default_rng(0).standard_normal(len(sound))
    return (sound + hiss).astype(np.float32)


def rms_db(sound) -> float:
    return float(10 * np.log10(np.mean(np.square(sound, dtype=np.float64))))


@pytest.mark.parametrize("times", [1, 3], ids=["16 kHz", "48 kHz"])
def test_silence_around_is_trimmed(words, times):
    sound = np.repeat(words, times)
    heard = trim_silence(sound, times * RATE)
    assert len(heard) == pytest.approx(3 * times * RATE, abs=0.1 * times * RATE)
    start = np.flatnonzero(sound == heard[0])[0]
    assert start == pytest.approx(times * RATE, abs=0.06 * times * RATE)


def test_pauses_are_removed_too(words):
    heard = remove_silence(words, RATE)
    assert len(heard) == pytest.approx(2 * RATE, abs=0.2 * RATE)
    assert rms_db(heard) > rms_db(words) + 3


def test_what_counts_as_silent_can_be_set(words):
    soft = words.copy()
    soft[2 * RATE : 3 * RATE] += 0.003 * np.sin(np.arange(RATE))
    assert len(remove_silence(soft, RATE, top_db=60)) > 2.8 * RATE
    assert len(remove_silence(soft, RATE, top_db=30)) < 2.3 * RATE


def test_peaks_and_levels_become_equal(words):
    for factor in (0.1, 1.0, 3.0):
        assert np.abs(normalise_peak(factor * words)).max() == pytest.approx(0.95)
        assert rms_db(normalise_rms(factor * words)) == pytest.approx(-23, abs=0.01)


def test_no_level_is_set_beyond_full_scale():
    click = np.zeros(RATE, np.float32)
    click[100] = 0.1
    assert np.abs(normalise_rms(click)).max() == pytest.approx(1.0)


def test_steady_noise_is_filtered_out_and_speech_stays():
    speech, _ = soundfile.read(shipped("demo.flac"), dtype="float32", always_2d=True)
    speech = speech[: 5 * RATE, 0]
    noise = 0.01 * np.random.default_rng(0).standard_normal(len(speech))
    heard = reduce_noise((speech + noise).astype(np.float32), RATE)
    assert heard.shape == speech.shape
    assert heard.dtype == np.float32
    assert rms_db(heard[: RATE // 2]) < rms_db(noise) - 15
    assert np.corrcoef(heard, speech)[0, 1] > 0.85


def test_steps_follow_each_other(words):
    everything = Preprocessing(denoise=True, silence="remove", level="peak")
    heard = preprocess(words, RATE, everything)
    assert np.array_equal(
        heard, normalise_peak(remove_silence(reduce_noise(words, RATE), RATE, top_db=30))
    )
    trimmed = preprocess(words, RATE, Preprocessing(silence="trim", level="rms"))
    assert np.array_equal(trimmed, normalise_rms(trim_silence(words, RATE)))


def test_nothing_is_done_unless_asked(words):
    assert preprocess(words, RATE, Preprocessing()) is words


@pytest.mark.parametrize("count", [0, 1, 5000])
def test_silence_passes(count):
    silent = np.zeros(count, np.float32)
    everything = Preprocessing(denoise=True, silence="remove", level="rms")
    assert np.array_equal(preprocess(silent, RATE, everything), silent)
    assert np.array_equal(preprocess(silent, RATE, Preprocessing(level="peak")), silent)


@pytest.mark.parametrize("count", [1, 100, 2000, 2048, 3000])
def test_the_shortest_sounds_pass(words, count):
    sound = words[RATE + 50 : RATE + 50 + count]
    everything = Preprocessing(denoise=True, silence="remove", level="rms")
    heard = preprocess(sound, RATE, everything)
    assert 0 < len(heard) <= count
    assert np.isfinite(heard).all()


def test_the_hash_knows_the_settings():
    digests = {
        settings.digest()
        for settings in (
            Preprocessing(),
            Preprocessing(denoise=True),
            Preprocessing(silence="trim"),
            Preprocessing(silence="trim", top_db=40),
            Preprocessing(level="rms"),
        )
    }
    assert len(digests) == 5


@pytest.mark.parametrize("settings", [{"silence": "cut"}, {"top_db": 0}, {"hum": True}])
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ValidationError):
        Preprocessing.model_validate(settings)

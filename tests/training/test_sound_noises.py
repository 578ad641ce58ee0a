"""Noises are what they are called, and the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from realtime_ser.base.errors import UsageError
from realtime_ser.base.paths import shipped
from training.sound.noises import BABBLE, TEST_NOISES, TRAINING_NOISES, make_noise

RATE = 16_000
KINDS = (*TRAINING_NOISES, *TEST_NOISES)


@pytest.fixture(scope="module")
def speech():
    """Four recordings of four seconds, with a silent second on either side."""
    sound, rate = soundfile.read(shipped("demo.flac"), dtype="float32", always_2d=True)
    parts = [sound[k * 4 * rate : (k + 1) * 4 * rate, 0] for k in range(4)]
    return [np.pad(part, rate) for part in parts]


@pytest.fixture
def noise(speech):
    """Makes a noise from a kind, seconds and a seed."""

    def make(kind: str, seconds: float, seed: int = 0):
        return make_noise(kind, seconds, np.random.default_rng(seed), speech)

    return make


def rms(sound) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


def block_db(sound, seconds: float):
    """Level of each block of so many seconds."""
    length = round(seconds * RATE)
    blocks = sound[: len(sound) // length * length].reshape(-1, length).astype(np.float64)
    return 10 * np.log10(np.mean(blocks**2, axis=1) + 1e-12)


def power(sound):
    return np.abs(np.fft.rfft(sound.astype(np.float64) * np.hanning(len(sound)))) ** 2


def band_db(sound, centre: float) -> float:
    """Power density around a frequency."""
    frequencies = np.fft.rfftfreq(len(sound), 1 / RATE)
    inside = (frequencies > centre / 1.4) & (frequencies < centre * 1.4)
    return float(10 * np.log10(power(sound)[inside].mean()))


def flatness(sound) -> float:
    """1 for white noise, nearly 0 for tones."""
    spectrum = power(sound)[20:] + 1e-9
    return float(np.exp(np.mean(np.log(spectrum))) / np.mean(spectrum))


def test_no_noise_both_trains_and_tests():
    assert not set(TRAINING_NOISES) & set(TEST_NOISES)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_the_length_that_was_asked_for_and_one_level(noise, kind):
    sound = noise(kind, 2.51)
    assert sound.shape == (40_160,)
    assert sound.dtype == np.float32
    assert rms(sound) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_gives_one_noise_and_another_seed_another(noise, kind):
    assert np.array_equal(noise(kind, 1.0), noise(kind, 1.0))
    assert np.abs(np.corrcoef(noise(kind, 1.0), noise(kind, 1.0, seed=1))[0, 1]) < 0.6


@pytest.mark.parametrize(
    ("kind", "slope"), [("white", 0), ("pink", -3), ("brown", -6), ("blue", 3)]
)
def test_colours_fall_as_their_names_say(noise, kind, slope):
    sound = noise(kind, 10)
    fall = (band_db(sound, 4000) - band_db(sound, 250)) / 4
    assert fall == pytest.approx(slope, abs=0.3)
    assert band_db(sound, 8) < band_db(sound, 100) - 30


def test_hum_lies_on_the_harmonics_of_either_mains(noise):
    mains = set()
    for seed in range(8):
        spectrum = np.abs(np.fft.rfft(noise("hum", 2.0, seed))) ** 2
        hz = int(spectrum[:130].argmax()) // 2
        mains.add(hz)
        assert spectrum[2 * hz :: 2 * hz][:20].sum() / spectrum.sum() > 0.99
    assert mains == {50, 60}


@pytest.mark.parametrize("kind", ["white", "pink", "blue", "hum", "rain", "brown", "fan"])
def test_steady_noises_go_on(noise, kind):
    levels = block_db(noise(kind, 6.0), 0.5)
    assert np.ptp(levels) < 4


@pytest.mark.parametrize("kind", ["clicks", "clatter"])
def test_knocks_come_and_go(noise, kind):
    for seed in range(3):
        levels = block_db(noise(kind, 6.0, seed), 0.02)
        assert levels.max() > 12
        assert np.median(levels) < 0


def test_blades_are_heard_in_a_fan(noise):
    for seed in range(3):
        low = power(noise("fan", 4.0, seed))[4 * 40 : 4 * 700]
        assert low.max() > 30 * np.median(low)


def test_music_is_made_of_tones_that_change(noise):
    for seed in range(3):
        sound = noise("music", 6.0, seed)
        assert flatness(sound) < 0.01
        early, late = power(sound[: 2 * RATE]), power(sound[-2 * RATE :])
        assert np.corrcoef(early[:4000], late[:4000])[0, 1] < 0.98


def test_babble_goes_on_where_its_talkers_pause(noise):
    levels = block_db(noise(BABBLE, 20.0), 0.5)
    assert levels.min() > -6


def test_babble_is_made_of_what_was_given(speech):
    tone = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype(np.float32)
    sound = make_noise(BABBLE, 2.0, np.random.default_rng(0), [tone])
    spectrum = power(sound)
    assert spectrum[860:901].sum() / spectrum.sum() > 0.9


@pytest.mark.parametrize("speech", [(), (np.zeros(0, np.float32),)], ids=["none", "empty"])
def test_babble_without_speech_is_told(speech):
    with pytest.raises(UsageError, match="recordings of speech"):
        make_noise(BABBLE, 1.0, np.random.default_rng(0), speech)


def test_a_kind_that_is_not_known_is_told():
    with pytest.raises(UsageError, match="no noise 'thunder'; known ones are white, pink"):
        make_noise("thunder", 1.0, np.random.default_rng(0))

"""Noise that is drawn as a mel spectrum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.streaming.noise_spectra import SpectralNoise, draw_noise, with_noise

STEPS, BANDS = 40, 64
ALWAYS = SpectralNoise(chance=1.0, snr_db=(10.0, 10.0))


@pytest.fixture
def voice():
    """Syllables at -30 dB and pauses at -90 dB."""
    loud = np.arange(STEPS * 8) // 20 % 2 == 0
    frames = np.where(loud, -30.0, -90.0)[:, None] + np.zeros(BANDS)
    return frames.astype(np.float32).reshape(STEPS, 8, BANDS)


def power(log_mel):
    return 10.0 ** (log_mel.astype(np.float64) / 10.0)


@given(st.integers(0, 2**32 - 1), st.integers(1, 400), st.integers(8, 80))
def test_noise_of_any_length_is_finite_and_never_silent(seed, frames, bands):
    noise = draw_noise(frames, bands, np.random.default_rng(seed))
    assert noise.shape == (frames, bands)
    assert np.isfinite(noise).all()
    assert (noise > 0).all()


def test_its_level_stands_in_the_ratio_asked_for_to_the_louder_frames(voice):
    for seed in range(20):
        noisy = with_noise(voice, ALWAYS, np.random.default_rng(seed))
        added = power(noisy).mean() - power(voice).mean()
        assert 10.0 * np.log10(1e-3 / added) == pytest.approx(10.0, abs=0.1)
        assert (noisy >= voice - 1e-4).all()


def test_each_draw_sounds_otherwise(voice):
    random = np.random.default_rng(0)
    spectra = [with_noise(voice, ALWAYS, random).mean(axis=(0, 1)) for _ in range(8)]
    assert np.corrcoef(spectra).min() < 0.5


def test_only_a_share_of_what_is_heard_has_noise(voice):
    random = np.random.default_rng(0)
    half = SpectralNoise(chance=0.5)
    heard = [with_noise(voice, half, random) for _ in range(40)]
    assert 10 < sum(sound is voice for sound in heard) < 30


@pytest.mark.parametrize("wrong", [{"chance": 1.5}, {"snr_db": [20.0, 0.0]}, {"loudness": 1}])
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SpectralNoise.model_validate(wrong)

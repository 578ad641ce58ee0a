"""Noise lies under speech at the ratio that was asked for, counted where the voice is."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from realtime_ser.base.config import GateConfig
from realtime_ser.base.paths import shipped
from realtime_ser.recogniser.features import FeatureParams
from realtime_ser.recogniser.segmenter import Segmenter
from training.sound.mixing import limit_to_full_scale, mix_at_snr, voiced_mask


@pytest.fixture(scope="module")
def speech():
    """Two sentences with pauses around."""
    sound, _ = soundfile.read(shipped("demo.flac"), dtype="float32", always_2d=True)
    return sound[: 11 * 16_000, 0]


@pytest.fixture(scope="module")
def noise(speech):
    return np.random.default_rng(0).standard_normal(len(speech)).astype(np.float32)


def power(sound) -> float:
    return float(np.mean(np.square(sound, dtype=np.float64)))


def test_the_mask_is_what_the_live_gate_hears(speech):
    mask = voiced_mask(speech)
    steps = Segmenter(FeatureParams(), GateConfig()).push(speech)
    heard = [step.voiced for step in steps]
    assert 0.3 < mask.mean() < 0.9
    assert (mask[: 1280 * len(steps)].reshape(-1, 1280).sum(axis=1) / 320).tolist() == heard


def test_a_tail_shorter_than_a_frame_is_not_voiced(speech):
    cut = speech[: 16_000 * 3 + 100]
    assert voiced_mask(cut).shape == cut.shape
    assert not voiced_mask(cut)[-100:].any()


@pytest.mark.parametrize("snr_db", [20.0, 5.0, -5.0])
def test_the_ratio_is_that_of_voiced_samples(speech, noise, snr_db):
    voiced = voiced_mask(speech)
    added = mix_at_snr(0.1 * speech, noise, snr_db, voiced) - 0.1 * speech
    ratio = power(0.1 * speech[voiced]) / power(added)
    assert 10 * np.log10(ratio) == pytest.approx(snr_db, abs=0.05)
    # Silence around the speech would make the noise softer if it counted.
    quiet = np.concatenate([speech, np.zeros(30 * 16_000, np.float32)])
    rest = np.random.default_rng(1).standard_normal(30 * 16_000)
    longer = np.concatenate([noise, rest.astype(np.float32)])
    beside = mix_at_snr(0.1 * quiet, longer, snr_db, np.pad(voiced, (0, len(rest))))
    assert power(beside[-len(rest) :]) == pytest.approx(power(added), rel=0.02)


def test_a_loud_mix_is_softened_as_a_whole(speech, noise):
    loud = speech / np.abs(speech).max()
    voiced = voiced_mask(speech)
    mix = mix_at_snr(loud, noise, 0.0, voiced)
    assert np.abs(mix).max() == pytest.approx(1.0)
    factor = np.linalg.lstsq(np.stack([loud, noise], axis=1), mix, rcond=None)[0]
    assert 0.2 < factor[0] < 0.95
    ratio = power(factor[0] * loud[voiced]) / power(factor[1] * noise)
    assert 10 * np.log10(ratio) == pytest.approx(0.0, abs=0.05)


def test_what_exceeded_full_scale_before_may_do_so_after(speech, noise):
    hot = 3.0 * speech / np.abs(speech).max()
    mix = mix_at_snr(hot, noise, 0.0, voiced_mask(speech))
    assert np.abs(mix).max() == pytest.approx(3.0, rel=1e-4)
    assert np.array_equal(limit_to_full_scale(hot, hot), hot)


def test_without_a_voice_the_whole_sound_counts(noise):
    tone = np.sin(np.arange(len(noise))).astype(np.float32) * np.float32(0.1)
    added = mix_at_snr(tone, noise, 10.0, np.zeros(len(tone), bool)) - tone
    assert 10 * np.log10(power(tone) / power(added)) == pytest.approx(10.0, abs=0.05)


@pytest.mark.parametrize("count", [0, 1000], ids=["nothing", "silence"])
def test_silence_stays_silent(count):
    silence = np.zeros(count, np.float32)
    noise = np.ones(count, np.float32)
    assert np.array_equal(mix_at_snr(silence, noise, 0.0, voiced_mask(silence)), silence)

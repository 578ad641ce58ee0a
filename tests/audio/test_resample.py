"""The resampler keeps time, however the samples were cut into blocks."""

from __future__ import annotations

import numpy as np
import pytest

from realtime_ser.audio.resample import RateChange, Resampler


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_the_resampler_keeps_time_and_does_not_depend_on_the_split(rate: int) -> None:
    time_s = np.arange(rate) / rate
    tone = np.sin(2 * np.pi * 440 * time_s).astype(np.float32)
    resampler = Resampler(rate)
    whole = np.concatenate([resampler.push(tone), resampler.flush()])
    parts = [resampler.push(part) for part in np.array_split(tone, 37)]
    np.testing.assert_allclose(np.concatenate([*parts, resampler.flush()]), whole, atol=1e-6)
    expected = np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    assert len(whole) == 16_000
    np.testing.assert_allclose(whole[500:-500], expected[500:-500], atol=2e-3)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000])
def test_the_resampler_never_holds_back_less_than_it_says(rate: int) -> None:
    resampler, taken, given = Resampler(rate), 0, 0
    for block in np.array_split(np.zeros(rate, np.float32), 2000):
        taken += len(block)
        given += len(resampler.push(block))
        assert given <= max(0.0, taken * 16_000 / rate - resampler.held)
    resampler.flush()


def test_a_change_of_rate_keeps_the_sound_and_its_time() -> None:
    """A device that comes back at 16 kHz goes on in a session of 48 kHz."""
    seconds = np.arange(16_000) / 16_000
    tone = (0.5 * np.sin(2 * np.pi * 440 * seconds)).astype(np.float32)
    change = RateChange(16_000, 48_000, 2)
    heard, moments = [], []
    for start in range(0, 16_000, 320):
        block = np.stack([tone[start : start + 320], np.zeros(320, np.float32)], 1)
        ready, early_s = change.push(block)
        heard.append(ready)
        moments.append(start / 16_000 - early_s)
    change.close()
    sound = np.concatenate(heard)
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(len(sound)) / 48_000)
    assert len(sound) > 45_000
    np.testing.assert_allclose(sound[2_000:-2_000, 0], expected[2_000:-2_000], atol=2e-3)
    assert not sound[:, 1].any()
    starts = np.cumsum([0, *(len(one) for one in heard[:-1])]) / 48_000
    np.testing.assert_allclose(moments, starts, atol=1e-9)

"""The resampler keeps time, however the samples were cut into blocks."""

from __future__ import annotations

import numpy as np
import pytest

from realtime_ser.audio.resample import Resampler


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

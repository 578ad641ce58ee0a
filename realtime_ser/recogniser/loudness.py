"""Momentary loudness by ITU-R BS.1770-5, in LUFS: relative to full scale, not to a sound pressure.

The K-weighting is that of the recommendation, brought to 16 kHz; what lies above 8 kHz is not
heard. A sine of 997 Hz at full scale has -3.01 LUFS.
"""

from __future__ import annotations

import math
from collections import deque
from functools import cache

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.records import SAMPLE_RATE, SILENCE_DBFS, STEP

_OFFSET_DB = -0.691
_TAPS = 1024
"""Samples of the filter's response: the rest is below -120 dB."""

_MOMENTARY_STEPS = 5  # 400 ms


class LoudnessMeter:
    """Loudness of one channel."""

    def __init__(self) -> None:
        self._filter = _filter()
        self.reset()

    def reset(self) -> None:
        """Forget what was heard."""
        self._past = np.zeros(_TAPS, np.float32)
        self._powers: deque[float] = deque(maxlen=_MOMENTARY_STEPS)

    def push(self, sound: NDArray[np.float32]) -> float:
        """Mean square of the K-weighted samples of the next step, shape ``(1280,)``."""
        samples = np.concatenate([self._past, sound])
        self._past = samples[-_TAPS:]
        weighted = np.fft.irfft(np.fft.rfft(samples) * self._filter)[_TAPS:]
        self._powers.append(float(np.dot(weighted, weighted)) / STEP)
        return self._powers[-1]

    @property
    def momentary(self) -> float:
        """Loudness of the last 400 ms, or of what there is since the start, in LUFS."""
        return loudness(sum(self._powers) / len(self._powers)) if self._powers else SILENCE_DBFS


def loudness(power: float) -> float:
    """Loudness in LUFS of a mean square after K-weighting, not less than -120."""
    return max(SILENCE_DBFS, _OFFSET_DB + 10.0 * math.log10(power)) if power > 0 else SILENCE_DBFS


@cache
def _filter() -> NDArray[np.complex128]:
    response = np.fft.irfft(_k_weighting(np.linspace(0.0, np.pi, 2 * _TAPS + 1)))[:_TAPS]
    return np.fft.rfft(response, _TAPS + STEP)


def _k_weighting(omega: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Response of both filters of the recommendation at angular frequencies a sample.

    Their analogue prototypes give the recommendation's own coefficients at 48 kHz.
    """
    z = np.exp(-1j * omega)
    k, q = math.tan(math.pi * 1681.974450955533 / SAMPLE_RATE), 0.7071752369554196
    high = 10.0 ** (3.999843853973347 / 20.0)
    band = high**0.4996667741545416
    shelf = (
        (high + band * k / q + k * k)
        + 2.0 * (k * k - high) * z
        + (high - band * k / q + k * k) * z * z
    ) / _denominator(z, k, q)
    k, q = math.tan(math.pi * 38.13547087602444 / SAMPLE_RATE), 0.5003270373238773
    # The recommendation leaves the gain of the second filter as it comes: 1, -2, 1 over the first.
    high_pass = (1.0 - z) ** 2 / (_denominator(z, k, q) / (1.0 + k / q + k * k))
    response: NDArray[np.complex128] = shelf * high_pass
    return response


def _denominator(z: NDArray[np.complex128], k: float, q: float) -> NDArray[np.complex128]:
    total: NDArray[np.complex128] = (
        (1.0 + k / q + k * k) + 2.0 * (k * k - 1.0) * z + (1.0 - k / q + k * k) * z * z
    )
    return total

"""Normalised autocorrelation of windows of sound: how periodic they are, and with which period.

The autocorrelation of a windowed signal is divided by that of the window (Boersma, Accurate
short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a sampled
sound, Proc. Institute of Phonetic Sciences Amsterdam 17, 1993). All windows of a step go through
one transform.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.records import SAMPLE_RATE

POWER_FLOOR = 1e-10
"""Least power that is divided by."""


class Autocorrelation:
    """Power spectra and normalised autocorrelations of windows of one length.

    Parameters
    ----------
    window
        Samples of a window.
    fft
        Length of the transform, in samples.
    low_hz, high_hz
        Band that counts: below is rumble, which has no pitch of a voice.
    longest_lag
        Longest lag, in samples.
    """

    def __init__(
        self, window: int, fft: int, low_hz: float, high_hz: float, longest_lag: int
    ) -> None:
        self._window = np.hanning(window + 1)[:-1]
        self._fft = fft
        self._lags = longest_lag + 1
        self.band = slice(round(low_hz * fft / SAMPLE_RATE), round(high_hz * fft / SAMPLE_RATE))
        own = np.fft.irfft(np.abs(np.fft.rfft(self._window, fft)) ** 2)[: self._lags]
        self._own = own[0] / own

    def power(self, windows: NDArray[np.floating]) -> NDArray[np.float64]:
        """Power spectra of windows of shape ``(n, window)``, shape ``(n, fft // 2 + 1)``."""
        spectrum = np.fft.rfft(windows * self._window, self._fft)
        return spectrum.real**2 + spectrum.imag**2

    def lags(self, power: NDArray[np.float64]) -> NDArray[np.float64]:
        """Autocorrelation of the band by power spectra, 1 at lag 0, shape ``(n, lags)``."""
        inside = np.zeros_like(power)
        inside[:, self.band] = power[:, self.band]
        lags = np.fft.irfft(inside)[:, : self._lags]
        lags *= self._own / np.maximum(lags[:, :1], POWER_FLOOR)
        return lags


def peak_shift(
    before: NDArray[np.float64], at: NDArray[np.float64], after: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Place of the top of a parabola through three values, from the middle one, in -0.5 .. 0.5."""
    curve = before - 2.0 * at + after
    shift = np.where(curve < 0.0, 0.5 * (before - after) / np.minimum(curve, -1e-9), 0.0)
    return np.minimum(np.maximum(shift, -0.5), 0.5)

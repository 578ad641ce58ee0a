"""Features of a sound that tell a voice from what is none: how its spectrum, pitch and level move.

Four windows a step; of a segment, means and deviations over its windows that are loud enough,
which forget with a time constant. Nothing here depends on a bundle.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.records import SAMPLE_RATE, STEP
from realtime_ser.recogniser.features import FeatureParams, dct_matrix, mel_filterbank, windows_of
from realtime_ser.recogniser.periodicity import POWER_FLOOR, Autocorrelation, peak_shift

WINDOWS = 4
"""Windows of a step, one each 20 ms."""

_HOP = STEP // WINDOWS
_WINDOW = 512
_FFT = 1024
_BANDS = FeatureParams(n_fft=_FFT, n_mels=24, f_min=100.0, f_max=5000.0, n_mfcc=13)
_SHORTEST_LAG, _LONGEST_LAG = SAMPLE_RATE // 500, SAMPLE_RATE // 75
_STRONGEST = 12
_UPPER = 3
_RANGE_DB = 50.0
"""What lies further below the loudest band of a window counts as that far below."""

_ACTIVE_DB = 25.0
_FORGET_DB = 0.2
_PERIODIC, _APERIODIC = 0.6, 0.35
_SEMITONES = 12.0
_FADE = math.exp(-_HOP / SAMPLE_RATE / 2.0)

_MFCC = _BANDS.n_mfcc - 1
"""Cepstral coefficients of a window: all but the first, which is the level."""

_MEANS = 3
"""Place of the first feature of a window whose mean and deviation count."""

_PLACE = 6
"""Place of the first cepstral coefficient among the features of a window."""

_UPPER_FALL_DB = 0.02
_ROWS = np.arange(WINDOWS)
_NEIGHBOURS = np.array([[-1], [0], [1]])

FEATURES = (
    *(f"deviation of c{k}" for k in range(1, _MFCC + 1)),
    *(f"change of c{k}" for k in range(1, _MFCC + 1)),
    *("periodicity", "deviation of periodicity", "tonality", "deviation of tonality"),
    *("flatness", "deviation of flatness", "periodic", "aperiodic", "pitch", "deviation of pitch"),
    *("change of pitch", "steady pitch", "deviation of level", "change of level", "rise of level"),
    *("active", "heard"),
)
"""Names of the features of a segment, in order."""


class WindowFeatures:
    """Features of the windows of a step."""

    def __init__(self) -> None:
        self._windows = Autocorrelation(_WINDOW, _FFT, _BANDS.f_min, _BANDS.f_max, _LONGEST_LAG + 1)
        self._filters = np.ascontiguousarray(mel_filterbank(_BANDS).T)
        self._dct = np.ascontiguousarray(dct_matrix(_BANDS.n_mfcc, _BANDS.n_mels)[1:].T)

    def __call__(self, span: NDArray[np.float32]) -> NDArray[np.float64]:
        """Level in dB, pitch in octaves, upper band, periodicity, tonality, flatness and cepstrum.

        The upper band is the level from 4 to 5 kHz, in dB below the loudest band.

        Parameters
        ----------
        span
            Samples of a step, shape ``(1520,)``.

        Returns
        -------
        ndarray, shape (4, 18)
        """
        power = self._windows.power(windows_of(span, _WINDOW, _HOP))
        mel = 10.0 * np.log10(np.maximum(power @ self._filters, POWER_FLOOR))
        highest = mel.max(axis=1)
        mel = np.maximum(mel, highest[:, None] - _RANGE_DB)
        band = power[:, self._windows.band]
        total = np.maximum(band.sum(axis=1), POWER_FLOOR)
        strongest = np.partition(band, -_STRONGEST, axis=1)[:, -_STRONGEST:].sum(axis=1)
        tonality = -10.0 * np.log10(np.maximum(1.0 - strongest / total, 1e-4))
        flatness = 10.0 * (
            np.log10(np.maximum(band, total[:, None] * 1e-9)).mean(axis=1)
            - np.log10(total / band.shape[1])
        )
        lags = self._windows.lags(power)
        best = _SHORTEST_LAG + np.argmax(lags[:, _SHORTEST_LAG : _LONGEST_LAG + 1], axis=1)
        before, at, after = lags[_ROWS, best + _NEIGHBOURS]
        found = np.empty((WINDOWS, _PLACE + _MFCC))
        found[:, 0] = 10.0 * np.log10(total)
        found[:, 1] = -np.log2((best + peak_shift(before, at, after)) / SAMPLE_RATE)
        found[:, 2] = mel[:, -_UPPER:].mean(axis=1) - highest
        found[:, 3] = np.minimum(np.maximum(at, 0.0), 1.0)
        found[:, 4] = tonality
        found[:, 5] = flatness
        found[:, _PLACE:] = mel @ self._dct
        return found


@cache
def _window_features() -> WindowFeatures:
    return WindowFeatures()


class SegmentFeatures:
    """Features of a segment so far.

    Attributes
    ----------
    upper_db
        Highest level from 4 to 5 kHz of the last seconds, in dB below the loudest band.
    """

    def __init__(self) -> None:
        self._windows = _window_features()
        self.restart()

    def restart(self) -> None:
        """Begin a segment."""
        self._loudest = -math.inf
        self._last: NDArray[np.float64] | None = None
        self._weight = self._pairs = self._all = self._all_pairs = 1e-9
        self._voiced = self._voiced_pairs = 1e-9
        size = _PLACE - _MEANS + _MFCC
        self._sum, self._squares = np.zeros(size), np.zeros(size)
        self._changes = np.zeros(_MFCC)
        self._shares = self._pitch = self._pitch_changes = (0.0, 0.0)
        self._level = self._level_changes = (0.0, 0.0)
        self._heard = 0
        self.upper_db = -_RANGE_DB

    def push(self, span: NDArray[np.float32]) -> None:
        """Take the samples of the next step, shape ``(1520,)``."""
        for window in self._windows(span):
            self._feed(window)

    def _feed(self, window: NDArray[np.float64]) -> None:
        level, pitch, upper_db, periodicity = window[: _MEANS + 1].tolist()
        self._loudest = max(level, self._loudest - _FORGET_DB)
        self._all = self._all * _FADE + 1.0
        height = max(level - self._loudest, -2.0 * _ACTIVE_DB)
        self._level = _faded(self._level, height, height * height)
        last, self._last = self._last, window
        if last is not None:
            change = level - float(last[0])
            self._all_pairs = self._all_pairs * _FADE + 1.0
            self._level_changes = _faded(
                self._level_changes, min(abs(change), 20.0), min(max(change, 0.0), 20.0) ** 2
            )
        if height < -_ACTIVE_DB:
            self._last = None if last is None else window
            return
        self._heard += 1
        self.upper_db = max(upper_db, self.upper_db - _UPPER_FALL_DB)
        self._weight = self._weight * _FADE + 1.0
        values = window[_MEANS:]
        self._sum = self._sum * _FADE + values
        self._squares = self._squares * _FADE + values * values
        self._shares = _faded(self._shares, periodicity > _PERIODIC, periodicity < _APERIODIC)
        if periodicity > _PERIODIC:
            self._voiced = self._voiced * _FADE + 1.0
            self._pitch = _faded(self._pitch, pitch, pitch * pitch)
        if last is None or float(last[0]) - self._loudest < -_ACTIVE_DB:
            return
        self._pairs = self._pairs * _FADE + 1.0
        self._changes = self._changes * _FADE + np.abs(window[_PLACE:] - last[_PLACE:])
        if periodicity > _PERIODIC and float(last[3]) > _PERIODIC:
            moved = _SEMITONES * abs(pitch - float(last[1]))
            self._voiced_pairs = self._voiced_pairs * _FADE + 1.0
            self._pitch_changes = _faded(self._pitch_changes, min(moved, 4.0), moved < 0.15)

    def vector(self) -> NDArray[np.float64]:
        """The features, in the order of :data:`FEATURES`."""
        mean = self._sum / self._weight
        deviation = np.sqrt(np.maximum(self._squares / self._weight - mean * mean, 0.0))
        pitch, pitch_deviation = _spread(self._pitch, self._voiced)
        _, level_deviation = _spread(self._level, self._all)
        scalars = (
            *(mean[0], deviation[0], mean[1], deviation[1], mean[2], deviation[2]),
            *(share / self._weight for share in self._shares),
            *(pitch, pitch_deviation),
            *(change / self._voiced_pairs for change in self._pitch_changes),
            level_deviation,
            self._level_changes[0] / self._all_pairs,
            math.sqrt(self._level_changes[1] / self._all_pairs),
            *(self._weight / self._all, math.log(1.0 + self._heard)),
        )
        return np.concatenate([deviation[3:], self._changes / self._pairs, scalars])


def _faded(sums: tuple[float, float], first: float, second: float) -> tuple[float, float]:
    """Two sums that forget, and what comes to them."""
    return sums[0] * _FADE + first, sums[1] * _FADE + second


def _spread(sums: tuple[float, float], weight: float) -> tuple[float, float]:
    """Mean and deviation by the sums of values and of their squares."""
    mean = sums[0] / weight
    return mean, math.sqrt(max(sums[1] / weight - mean**2, 0.0))

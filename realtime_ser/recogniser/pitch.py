"""F0 of a voice on the step grid, in Hz, with voicing.

Candidates are peaks of the normalised autocorrelation of 40 ms windows, one each 10 ms, and "no
voice"; the path through them is the cheapest by the costs of octaves, of jumps and of voicing
(Boersma, Proc. Institute of Phonetic Sciences Amsterdam 17, 1993, whose numbers these are, for
windows 10 ms apart). It is found by the algorithm of Viterbi, and read off at the end of each step:
it looks back without end, and ahead to the end of its own step alone.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.records import SAMPLE_RATE, STEP_FRAMES, STEP_S
from realtime_ser.recogniser.periodicity import Autocorrelation, peak_shift

FLOOR_HZ, CEILING_HZ = 75.0, 600.0
"""Lowest and highest F0 that is looked for."""

WINDOW = 640
"""Samples of a window: three periods of the lowest F0."""

FFT = 1024
"""Length of the transform of a window."""

_SHORTEST_LAG, _LONGEST_LAG = (int(SAMPLE_RATE / hz) for hz in (CEILING_HZ, FLOOR_HZ))
_HIGHEST_HZ = 4000.0
_CANDIDATES = 6
_VOICING_THRESHOLD, _SILENCE_THRESHOLD = 0.45, 0.03
_OCTAVE_COST, _OCTAVE_JUMP_COST, _VOICING_COST = 0.01, 0.35, 0.14
_FADE = 10.0 ** (-2.0 * STEP_S / 20.0)
"""The loudest peak so far is forgotten by 2 dB a second."""


class PitchTracker:
    """Tracker of the F0 of one channel.

    Attributes
    ----------
    spectra
        How windows become power spectra and autocorrelations.
    """

    def __init__(self) -> None:
        self.spectra = _spectra()
        self.reset()

    def reset(self) -> None:
        """Forget what was heard."""
        self._loudest = 0.0
        self._scores = np.array([0.0] + [-np.inf] * _CANDIDATES)  # no voice
        self._octaves = np.full(1 + _CANDIDATES, np.nan)

    def push(self, windows: NDArray[np.float32], power: NDArray[np.float64]) -> NDArray[np.float64]:
        """F0 of the windows of the next step in Hz, NaN without a voice, shape ``(8,)``.

        Parameters
        ----------
        windows
            Shape ``(8, 640)``.
        power
            Their spectra, by :attr:`spectra`.
        """
        octaves, strengths = self._candidates(windows, power)
        path = self._best_path(octaves, strengths)
        f0_hz: NDArray[np.float64] = np.exp2(octaves[np.arange(STEP_FRAMES), path])
        return f0_hz

    def _candidates(
        self, windows: NDArray[np.float32], power: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Logarithms of F0 to the base 2, NaN for no voice, and strengths, ``(8, candidates)``."""
        lags = self.spectra.lags(power)
        inner = lags[:, _SHORTEST_LAG : _LONGEST_LAG + 1]
        before = lags[:, _SHORTEST_LAG - 1 : _LONGEST_LAG]
        after = lags[:, _SHORTEST_LAG + 1 : _LONGEST_LAG + 2]
        tops = np.where((inner >= before) & (inner > after) & (inner > 0.0), inner, -np.inf)
        tops += _OCTAVE_COST * _FAVOUR
        best = np.argpartition(tops, -_CANDIDATES, axis=1)[:, -_CANDIDATES:]
        rows = np.arange(STEP_FRAMES)[:, None]
        values = before[rows, best], inner[rows, best], after[rows, best]
        shift = peak_shift(*values)
        height = values[1] - 0.25 * (values[0] - values[2]) * shift
        octaves = np.log2(SAMPLE_RATE / (_SHORTEST_LAG + best + shift))
        is_peak = np.isfinite(tops[rows, best])
        strengths = np.where(
            is_peak,
            np.minimum(height, 1.0) + _OCTAVE_COST * (octaves - math.log2(FLOOR_HZ)),
            -np.inf,
        )
        none = np.full((STEP_FRAMES, 1), np.nan)
        unvoiced = self._unvoiced_strength(windows)[:, None]
        return np.hstack([none, octaves]), np.hstack([unvoiced, strengths])

    def _unvoiced_strength(self, windows: NDArray[np.float32]) -> NDArray[np.float64]:
        peaks = np.abs(windows).max(axis=1).astype(np.float64)
        self._loudest = max(float(peaks.max()), self._loudest * _FADE)
        share = peaks / max(self._loudest, 1e-6)
        quiet = 2.0 - share * (1.0 + _VOICING_THRESHOLD) / _SILENCE_THRESHOLD
        strength: NDArray[np.float64] = _VOICING_THRESHOLD + np.maximum(0.0, quiet)
        return strength

    def _best_path(self, octaves: NDArray[np.float64], strengths: NDArray[np.float64]) -> list[int]:
        """Places of the candidates on the best path, one a window."""
        costs = _transition_costs(np.concatenate([self._octaves[None], octaves[:-1]]), octaves)
        origins, scores = [], self._scores
        for cost, strength in zip(costs, strengths, strict=True):
            ways = scores[:, None] - cost
            origins.append(ways.argmax(axis=0))
            scores = ways.max(axis=0) + strength
        self._scores, self._octaves = scores - scores.max(), octaves[-1]
        path = [int(scores.argmax())]
        for origin in origins[:0:-1]:
            path.append(int(origin[path[-1]]))
        return path[::-1]


@cache
def _spectra() -> Autocorrelation:
    return Autocorrelation(WINDOW, FFT, 0.7 * FLOOR_HZ, _HIGHEST_HZ, _LONGEST_LAG + 1)


_FAVOUR = np.log2(SAMPLE_RATE / np.arange(_SHORTEST_LAG, _LONGEST_LAG + 1) / FLOOR_HZ)
"""Octaves of each lag's F0 above the lowest."""


def _transition_costs(
    before: NDArray[np.float64], after: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Costs from each candidate to each of the next window, shape ``(n, before, after)``."""
    jump = _OCTAVE_JUMP_COST * np.abs(after[:, None, :] - before[:, :, None])
    ends = np.isnan(before)[:, :, None] != np.isnan(after)[:, None, :]
    return np.where(np.isnan(jump), np.where(ends, _VOICING_COST, 0.0), jump)

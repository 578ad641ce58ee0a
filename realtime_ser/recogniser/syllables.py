"""Syllable nuclei: voiced peaks of the intensity, each followed by a dip of 2 dB.

The algorithm of de Jong & Wempe, Praat script to detect syllable nuclei and measure speech rate
automatically, Behavior Research Methods 41, 2009, in the order of time: the threshold is 25 dB
below the loudest so far instead of the loudest of a recording.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.records import HOP, STEP_FRAMES, STEP_S

_DELAY = 6
"""Hops from the end of the smoothing window back to its middle."""

_WINDOW = np.kaiser(2 * _DELAY + 3, 20.0)[1:-1]
"""Praat's window of an intensity, 128 ms long, in hops of 10 ms."""

_DIP_DB = 2.0
_BELOW_LOUDEST_DB = 25.0
_FADE_DB = 1.0 * STEP_S / STEP_FRAMES
_POWER_FLOOR = 1e-12


class SyllableDetector:
    """Detector of syllable nuclei of one channel."""

    def __init__(self) -> None:
        self._weights = _WINDOW / _WINDOW.sum()
        self.reset()

    def reset(self) -> None:
        """Forget what was heard."""
        self._powers = np.zeros(2 * _DELAY)
        self._voicing = [False] * _DELAY
        self._loudest_db = -math.inf
        self._rising = False
        self._last_db = -math.inf
        self._last_voiced = False
        self._peak: tuple[float, bool, int] | None = None

    def push(self, sound: NDArray[np.float32], voiced: NDArray[np.bool_]) -> list[int]:
        """Steps of the nuclei that the next step lets be known, 0: the step itself, -1: before it.

        Parameters
        ----------
        sound
            Samples of the step, shape ``(1280,)``.
        voiced
            Whether there is an F0 in each of its hops, shape ``(8,)``.
        """
        hops = sound.reshape(STEP_FRAMES, HOP).astype(np.float64)
        self._powers = np.concatenate([self._powers, hops.var(axis=1)])
        smooth = np.convolve(self._powers, self._weights, "valid")
        levels = 10.0 * np.log10(np.maximum(smooth, _POWER_FLOOR))
        self._powers = self._powers[-2 * _DELAY :]
        voicing = self._voicing + voiced.tolist()
        self._voicing = voicing[-_DELAY:]
        found = []
        for hop, (level, has_f0) in enumerate(zip(levels.tolist(), voicing, strict=False), -_DELAY):
            found += self._feed(level, has_f0, hop)
        if self._peak is not None:
            self._peak = (*self._peak[:2], self._peak[2] - STEP_FRAMES)
        return [hop // STEP_FRAMES for hop in found]

    def _feed(self, level_db: float, voiced: bool, hop: int) -> list[int]:
        """Take an intensity, and return the hop of the nucleus that ends by it, if one does."""
        self._loudest_db = max(level_db, self._loudest_db - _FADE_DB)
        is_peak = self._rising and level_db <= self._last_db
        if is_peak and self._last_db > self._loudest_db - _BELOW_LOUDEST_DB:
            self._peak = (self._last_db, self._last_voiced, hop - 1)
        self._rising = level_db > self._last_db
        self._last_db, self._last_voiced = level_db, voiced
        if self._peak is None or self._peak[0] - level_db <= _DIP_DB:
            return []
        _, is_nucleus, at = self._peak
        self._peak = None
        return [at] if is_nucleus else []

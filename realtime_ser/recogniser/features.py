"""Streaming features: the one log-mel extractor and the DCT, for training and for the live path.

The log-mel spectrum is what travels: it is shown, and training changes it. Its MFCC are made where
they are needed, by :class:`~realtime_ser.recogniser.step_model.StepModel` and by the training
batches, with :func:`dct_matrix`.

Frames are computed eight at a time, on the step grid, always with the same array shapes. A result
therefore does not depend on how the samples were cut into blocks, down to the last bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.records import FRAME, HOP, SAMPLE_RATE, STEP, STEP_SPAN

_POWER_FLOOR = 1e-10

# Periodic Hann: the period is FRAME, not FRAME - 1.
_WINDOW = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)

_LARGEST_FFT = 8192
_MOST_MELS = 512


@dataclass(frozen=True, slots=True)
class FeatureParams:
    """Parameters of the MFCC, stored in a model bundle.

    Attributes
    ----------
    n_fft
        Length of the transform in samples; the 400-sample window lies in its middle.
    n_mels, f_min, f_max
        Number of Slaney mel bands, and their lower and upper edge in Hz. CREMA-D and EmoDB hold
        nothing above 5.5 kHz, so a model that saw more could learn the corpus.
    n_mfcc
        Number of cepstral coefficients.
    """

    n_fft: int = 512
    n_mels: int = 64
    f_min: float = 50.0
    f_max: float = 5400.0
    n_mfcc: int = 40

    def __post_init__(self) -> None:
        if not (
            FRAME <= self.n_fft <= _LARGEST_FFT
            and 1 <= self.n_mfcc <= self.n_mels <= _MOST_MELS
            and 0 <= self.f_min < self.f_max <= SAMPLE_RATE / 2
        ):
            raise ValueError(f"impossible feature parameters: {self}")


def _hz_to_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slaney's scale: linear to 1 kHz, logarithmic above (Auditory Toolbox, 1998)."""
    linear = hz * 3.0 / 200.0
    log = 15.0 + 27.0 * np.log(np.maximum(hz, 1000.0) / 1000.0) / math.log(6.4)
    return np.where(hz < 1000.0, linear, log)


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = mel * 200.0 / 3.0
    log = 1000.0 * np.exp((mel - 15.0) * math.log(6.4) / 27.0)
    return np.where(mel < 15.0, linear, log)


def mel_filterbank(params: FeatureParams) -> NDArray[np.float64]:
    """Triangular mel filters of unit area (Slaney), shape ``(n_mels, n_fft // 2 + 1)``."""
    bins = np.linspace(0.0, SAMPLE_RATE / 2, params.n_fft // 2 + 1)
    low, high = _hz_to_mel(np.array([params.f_min, params.f_max]))
    edges = _mel_to_hz(np.linspace(low, high, params.n_mels + 2))
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return triangles * (2.0 / (edges[2:] - edges[:-2]))[:, None]


@cache
def _filters(params: FeatureParams) -> NDArray[np.float64]:
    return np.ascontiguousarray(mel_filterbank(params).T)


def dct_matrix(n_mfcc: int, n_mels: int) -> NDArray[np.float64]:
    """Orthonormal DCT-II, shape ``(n_mfcc, n_mels)``.

    Its transpose turns coefficients back into a log-mel spectrum that is smoothed along frequency.
    """
    order = np.arange(n_mfcc)[:, None]
    basis = np.cos(np.pi * order * (2 * np.arange(n_mels) + 1) / (2 * n_mels))
    basis *= np.sqrt(2.0 / n_mels)
    basis[0] /= math.sqrt(2.0)
    return basis


def windows_of(samples: NDArray[np.floating], length: int, hop: int) -> NDArray[np.floating]:
    """Overlapping windows of samples that lie side by side, shape ``(n, length)``; not a copy."""
    size = samples.itemsize
    count = (len(samples) - length) // hop + 1
    return np.ndarray((count, length), samples.dtype, samples, 0, (hop * size, size))


class StepFramer:
    """Cuts a stream of samples into the overlapping 1520-sample spans of its steps."""

    def __init__(self) -> None:
        self._pending = np.empty(0, np.float32)

    def push(self, samples: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Take samples, shape ``(n,)``, and return the spans they complete, each ``(1520,)``."""
        pending = np.concatenate([self._pending, samples])
        steps = max(0, (len(pending) - STEP_SPAN) // STEP + 1)
        self._pending = pending[steps * STEP :]
        return [pending[step * STEP :][:STEP_SPAN] for step in range(steps)]


class LogMel:
    """Log-mel spectrum of one step at a time.

    In float64 its MFCC (times :func:`dct_matrix`) equal ``librosa.feature.mfcc`` with
    ``center=False`` and ``top_db=None`` on a signal that has ``(n_fft - 400) / 2`` zeros put before
    it, within 1e-6: librosa counts a frame from the start of the transform, this project from the
    start of the window.
    """

    def __init__(self, params: FeatureParams) -> None:
        self.params = params
        self._filters = _filters(params)

    def spectrum(self, span: NDArray[np.floating]) -> NDArray[np.float64]:
        """Log-mel spectrum of a step in dB, shape ``(8, n_mels)``.

        ``span`` are the step's samples, shape ``(1520,)``, 16 kHz, -1 .. 1.
        """
        frames = windows_of(span, FRAME, HOP)
        # Where the window lies inside the transform shifts phases only; power does not see it.
        spectrum = np.fft.rfft(frames * _WINDOW, self.params.n_fft)
        power = spectrum.real**2 + spectrum.imag**2
        mel: NDArray[np.float64] = 10.0 * np.log10(np.maximum(power @ self._filters, _POWER_FLOOR))
        return mel

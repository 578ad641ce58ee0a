"""Input of the pretrained encoder BYOL-S: log-mel spectra of segments, aligned with the stream.

Without Keras, which the processes that compute spectra do without.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.records import HOP, SAMPLE_RATE, STEP_FRAMES
from training.cache import Arrays, compute_cached
from training.sound.examples import AnyExample
from training.streaming.gated_segments import GatedSegment

_VERSION = 2
"""To be raised whenever its input differs for the same sound."""

FFT = 1024
BANDS = 64
LOWEST_HZ, HIGHEST_HZ = 60.0, 7800.0

USED_BANDS = 54
"""Bands from here on, centred above 5.1 kHz, are held constant: some corpora hold nothing there."""

CONTEXT_FRAMES = 32
"""Frames ahead of a segment that fill the network's 22-frame field, in whole steps."""

_FLOOR = 1.19e-7
_DELAY_FRAMES = 1  # its frames are 64 ms wide: one later would need sound that the stream lacks


@dataclass(frozen=True, slots=True)
class SpectrumScale:
    """The one mean and deviation that its log-mel input is standardised with."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, spectra: Sequence[NDArray[np.floating]]) -> SpectrumScale:
        """Scale of training spectra, each ``(frames, 64)``."""
        used = np.concatenate([spectrum[:, :USED_BANDS].ravel() for spectrum in spectra])
        used = used.astype(np.float64)
        return cls(float(used.mean()), float(used.std()))

    def apply(self, spectrum: NDArray[np.floating]) -> NDArray[np.float32]:
        """Standardised spectrum with the unused bands at zero."""
        scaled = (spectrum.astype(np.float32) - self.mean) / self.deviation
        scaled[:, USED_BANDS:] = 0.0
        return scaled.astype(np.float32)


def log_mel(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log-mel spectrum, shape ``(frames, 64)``: 64 HTK mel bands of 64 ms frames.

    Frame ``t`` is centred at sample ``160 t``.
    """
    padded = np.pad(samples, FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT)[::HOP]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT) / FFT)
    power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2
    return np.log(power @ _filters().T + _FLOOR).astype(np.float32)


def _filters() -> NDArray[np.float64]:
    """HTK mel filters of unit height, shape ``(64, 513)``."""
    low, high = (2595.0 * math.log10(1.0 + hz / 700.0) for hz in (LOWEST_HZ, HIGHEST_HZ))
    edges = 700.0 * (10.0 ** (np.linspace(low, high, BANDS + 2) / 2595.0) - 1.0)
    bins = np.linspace(0.0, SAMPLE_RATE / 2, FFT // 2 + 1)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    filters: NDArray[np.float64] = np.maximum(0.0, np.minimum(rising, falling))
    return filters


def segment_spectra(
    segments: Sequence[GatedSegment], cache: Path, jobs: int
) -> list[NDArray[np.float16]]:
    """Log-mel spectra of segments for the pretrained encoder, from the cache if possible.

    Spectra of a changed example are those of the clean voice: an encoder that learns these targets
    from sound with room and noise becomes robust to both.

    Parameters
    ----------
    segments
        Segments, those of an example in a row.
    cache
        Folder of the cache; may be shared by any runs.
    jobs
        Number of processes.

    Returns
    -------
    list of ndarray, shape (32 + 8 steps, 64)
        32 frames of context before the segment, then its own.

    Raises
    ------
    OutputError
        The cache cannot be written; what is in it stays.
    SerError
        Recordings cannot be read.
    """
    groups = [list(group) for _, group in groupby(segments, key=lambda s: id(s.example))]
    excerpts = [
        _ExampleExcerpts(group[0].example, tuple((s.first_step, len(s.log_mel)) for s in group))
        for group in groups
    ]
    digests = [excerpt.digest() for excerpt in excerpts]
    entries = compute_cached(
        _example_spectra, excerpts, digests, cache, jobs, "Computing the pretrained encoder's input"
    )
    return [
        spectrum
        for excerpt, arrays in zip(excerpts, entries, strict=True)
        for spectrum in np.split(arrays["spectra"], np.cumsum(excerpt.lengths)[:-1])
    ]


@dataclass(frozen=True, slots=True)
class _ExampleExcerpts:
    """Segments of an example: first step and number of steps of each."""

    example: AnyExample
    places: tuple[tuple[int, int], ...]

    @property
    def lengths(self) -> list[int]:
        return [CONTEXT_FRAMES + STEP_FRAMES * steps for _, steps in self.places]

    def digest(self) -> bytes:
        return hashlib.sha256(
            self.example.digest() + repr((_VERSION, self.places)).encode()
        ).digest()


def _example_spectra(excerpts: _ExampleExcerpts) -> Arrays:
    spectrum = log_mel(excerpts.example.voice()).astype(np.float16)
    out = []
    for (first_step, _), length in zip(excerpts.places, excerpts.lengths, strict=True):
        start = STEP_FRAMES * first_step - CONTEXT_FRAMES - _DELAY_FRAMES
        out.append(spectrum[np.clip(np.arange(start, start + length), 0, len(spectrum) - 1)])
    return {"spectra": np.concatenate(out)}

"""BYOL-S, the pretrained encoder that the CNN starts from and learns to imitate.

Scheidwasser-Clow et al., SERAB: A multi-lingual benchmark for speech emotion recognition, ICASSP
2022 (weights under the MIT licence); architecture of Niizumi et al., BYOL for Audio, IJCNN 2021. It
was pretrained without labels on the speech part of AudioSet.

It runs here with convolutions that look back only: the published network on input 70 ms older.
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

from realtime_ser.errors import SerError
from realtime_ser.records import HOP, SAMPLE_RATE, STEP_FRAMES
from training.cache import Arrays, cached
from training.sound.takes import AnyTake
from training.streaming.architecture import Architecture, Encoder
from training.streaming.clips import GatedSegment

_VERSION = 1
"""To be raised whenever its input differs for the same sound."""

FFT = 1024
BANDS = 64
LOWEST_HZ, HIGHEST_HZ = 60.0, 7800.0

USED_BANDS = 54
"""Bands from here on lie above 5.4 kHz, where some corpora hold nothing; they are held constant."""

CONTEXT_FRAMES = 32
"""Frames ahead of a segment that fill the network's 22-frame field, in whole steps."""

_FLOOR = 1.19e-7
_DELAY_FRAMES = 1  # its frames are 64 ms wide: one later would need sound that the stream lacks


@dataclass(frozen=True, slots=True)
class Scale:
    """The one mean and deviation that its log-mel input is standardised with."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, spectra: Sequence[NDArray[np.floating]]) -> Scale:
        """Scale of training spectra, each ``(frames, 64)``."""
        used = np.concatenate([spectrum[:, :USED_BANDS].ravel() for spectrum in spectra])
        used = used.astype(np.float64)
        return cls(float(used.mean()), float(used.std()))

    def apply(self, spectrum: NDArray[np.floating]) -> NDArray[np.float32]:
        """Standardised spectrum with the unused bands at zero."""
        scaled = (spectrum.astype(np.float32) - self.mean) / self.deviation
        scaled[:, USED_BANDS:] = 0.0
        return scaled.astype(np.float32)


def load_teacher(path: Path) -> Encoder:
    """The pretrained encoder, which takes standardised log-mel frames.

    Raises
    ------
    SerError
        The file is missing or holds other weights.
    """
    try:
        with np.load(path, allow_pickle=False) as weights:
            return _build({name: weights[name] for name in weights.files})
    except (OSError, KeyError, ValueError) as error:
        raise SerError(
            f"{path} does not hold the weights of BYOL-S: give the .npz file with --teacher."
        ) from error


def _build(weights: dict[str, NDArray[np.float32]]) -> Encoder:
    encoder = Encoder(Architecture(map_frames=0, bands=BANDS), name="teacher")
    encoder.build((None, None, BANDS))
    for layer, convolution, norm in zip(
        (0, 4, 8), encoder.convolutions, encoder.norms, strict=True
    ):
        # PyTorch orders a kernel (out, in, mel, time); here it is (time, mel, in, out).
        kernel = weights[f"features.{layer}.weight"].transpose(3, 2, 1, 0)
        convolution.set_weights([kernel, weights[f"features.{layer}.bias"]])
        names = ("weight", "bias", "running_mean", "running_var")
        norm.set_weights([weights[f"features.{layer + 1}.{name}"] for name in names])
    for layer, dense in zip((0, 3), encoder.dense, strict=True):
        dense.set_weights([weights[f"fc.{layer}.weight"].T, weights[f"fc.{layer}.bias"]])
    return encoder


def log_mel(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Its input before standardisation, shape ``(frames, 64)``: HTK mel bands of 64 ms frames.

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
    """Its input for each segment, aligned with the stream, kept in ``cache``.

    Parameters
    ----------
    segments
        Those of one take one after the other.
    cache
        Folder of the cache; may be shared by any runs.
    jobs
        Number of processes.

    Returns
    -------
    list of ndarray, shape (32 + 8 steps, 64)
        32 frames of what came before the segment, then its own.

    Raises
    ------
    OutputError
        The cache cannot be written; what is in it stays.
    SerError
        Recordings cannot be read.
    """
    groups = [list(group) for _, group in groupby(segments, key=lambda s: id(s.take))]
    excerpts = [
        _Excerpts(group[0].take, tuple((s.first_step, len(s.log_mel)) for s in group))
        for group in groups
    ]
    digests = [excerpt.digest() for excerpt in excerpts]
    entries = cached(_take_spectra, excerpts, digests, cache, jobs, "Computing the teacher's input")
    return [
        spectrum
        for excerpt, arrays in zip(excerpts, entries, strict=True)
        for spectrum in np.split(arrays["spectra"], np.cumsum(excerpt.lengths)[:-1])
    ]


@dataclass(frozen=True, slots=True)
class _Excerpts:
    """Segments of a take: the first step of each, and how many it has."""

    take: AnyTake
    places: tuple[tuple[int, int], ...]

    @property
    def lengths(self) -> list[int]:
        return [CONTEXT_FRAMES + STEP_FRAMES * steps for _, steps in self.places]

    def digest(self) -> bytes:
        return hashlib.sha256(self.take.digest() + repr((_VERSION, self.places)).encode()).digest()


def _take_spectra(excerpts: _Excerpts) -> Arrays:
    spectrum = log_mel(excerpts.take.samples()).astype(np.float16)
    out = []
    for (first_step, _), length in zip(excerpts.places, excerpts.lengths, strict=True):
        start = STEP_FRAMES * first_step - CONTEXT_FRAMES - _DELAY_FRAMES
        out.append(spectrum[np.clip(np.arange(start, start + length), 0, len(spectrum) - 1)])
    return {"spectra": np.concatenate(out)}


def fit_map(
    inputs: Sequence[NDArray[np.float32]], targets: Sequence[NDArray[np.float32]], frames: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Linear map from the last ``frames`` MFCC frames to the teacher's input, by least squares.

    Parameters
    ----------
    inputs
        Standardised MFCC of some segments, each ``(frames, n_mfcc)``.
    targets
        Standardised teacher's input of the same segments, each ``(frames, 64)``.

    Returns
    -------
    kernel : shape (frames, n_mfcc, 64)
    bias : shape (64,)
    """
    width = frames * inputs[0].shape[1]
    gram = np.zeros((width + 1, width + 1))
    cross = np.zeros((width + 1, BANDS))
    for x, y in zip(inputs, targets, strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(x, frames, axis=0)
        rows = windows.transpose(0, 2, 1).reshape(len(windows), width)
        rows = np.column_stack([rows, np.ones(len(rows))]).astype(np.float64)
        gram += rows.T @ rows
        cross += rows.T @ y[frames - 1 :]
    ridge = 1e-5 * gram[-1, -1]  # MFCC of neighbouring frames are nearly collinear
    solution = np.linalg.solve(gram + ridge * np.eye(width + 1), cross).astype(np.float32)
    return solution[:-1].reshape(frames, -1, BANDS), solution[-1]

"""The door that samples come in by: what is no number is lost time, and overload is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime_ser.audio.notes import NoteKind, ReadNote

LARGEST = 1e10  # magnitude above which a sample counts as no number; 32-bit integers lie below
_OVERLOAD = 2.0  # magnitude from which a sample is far above full scale: decoders overshoot by less
_UNITS = ((2.0**8, 2.0**15), (2.0**15, 2.0**23), (2.0**23, 2.0**31))
"""Peaks of integers of 16, 24 and 32 bit that were stored as they are, above and up to."""


def is_sample(samples: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which values are samples: finite, and of a magnitude that a recorder can give."""
    valid: NDArray[np.bool_] = np.abs(samples) <= LARGEST  # false for NaN too
    return valid


def are_samples(samples: NDArray[np.float32]) -> bool:
    """Whether all values are samples."""
    # One product tells nearly always, and live sound comes fifty times a second.
    return bool(np.vdot(samples, samples) <= LARGEST) or bool(is_sample(samples).all())


def silenced(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Samples with zeros where there are no numbers, of the same shape; unchanged if all are."""
    if are_samples(samples):
        return samples
    return np.where(is_sample(samples), samples, np.float32(0.0))


def count_lost(samples: NDArray[np.float32]) -> int:
    """How many of some samples, shape ``(n, channels)``, are no numbers in some channel."""
    return 0 if are_samples(samples) else int((~is_sample(samples)).any(axis=1).sum())


def channel_peaks(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Greatest magnitude of each channel of samples of shape ``(n, channels)``."""
    # Channel after channel in memory, which is ten times as fast to search as sample after sample.
    peaks: NDArray[np.float32] = np.maximum.reduce(np.abs(samples.T, order="C"), axis=1)
    return peaks


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive samples of a file, shape ``(n, channels)``, float32."""

    samples: NDArray[np.float32]
    lost: bool = False  # they could not be decoded: none of them is a number


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive samples of a channel, shape ``(n,)``: all numbers, or all lost.

    What is lost only passes the time.
    """

    samples: NDArray[np.float32]
    lost: bool


def stretches(samples: NDArray[np.float32]) -> Iterator[Stretch]:
    """Samples of a channel, shape ``(n,)``, cut where numbers begin and end.

    What is no number is to be treated like samples that were lost: see
    :meth:`realtime_ser.recogniser.pipeline.ChannelPipeline.gap`.
    """
    if are_samples(samples):
        if len(samples):
            yield Stretch(samples, lost=False)
        return
    valid = is_sample(samples)
    edges = np.flatnonzero(np.diff(valid)) + 1
    start = 0
    for end in [*edges.tolist(), len(samples)]:
        yield Stretch(samples[start:end], lost=not valid[start])
        start = end


class SampleCheck:
    """Counts the samples of a file as they pass, at a rate in Hz, and measures what is wrong.

    Attributes
    ----------
    heard, undecoded
        Samples a channel so far, and those among them that could not be decoded.
    """

    def __init__(self, rate: int) -> None:
        self.heard = 0
        self.undecoded = 0
        self._rate = rate
        self._lost = 0
        self._over = 0
        self._peak = 0.0

    def feed(self, piece: Piece) -> NDArray[np.float32]:
        """Take the next piece, and return its samples."""
        self.heard += len(piece.samples)
        if piece.lost:
            self.undecoded += len(piece.samples)
        else:
            self._measure(piece.samples)
        return piece.samples

    def _measure(self, samples: NDArray[np.float32]) -> None:
        levels = np.abs(samples)
        peak = float(levels.max(initial=0.0))
        if peak <= _OVERLOAD:
            return
        worst = levels.max(axis=1)  # NaN wins
        valid = worst <= LARGEST
        self._lost += int((~valid).sum())
        self._over += int((valid & (worst > _OVERLOAD)).sum())
        self._peak = max(self._peak, float(levels[levels <= LARGEST].max(initial=0.0)))

    def notes(self) -> tuple[ReadNote, ...]:
        """What is to be said of all samples so far."""
        notes = []
        if self._lost:
            seconds = self._lost / self._rate
            count = (
                "1 sample that is no number"
                if self._lost == 1
                else (f"{self._lost} samples ({seconds:.3f} s) that are no numbers")
            )
            text = f"holds {count}: the steps there are lost"
            notes.append(ReadNote(NoteKind.NO_NUMBERS, text, seconds))
        if self._over:
            notes.append(self._loudness_note())
        return tuple(notes)

    def _loudness_note(self) -> ReadNote:
        seconds = self._over / self._rate
        # Speech in units of integers is far above 1 nearly all the time.
        unit = next((high for low, high in _UNITS if low < self._peak <= high), None)
        if unit is not None and self._over > (self.heard - self.undecoded) / 10:
            text = (
                f"has samples up to {self._peak:.0f}, which are units of {unit - 1:.0f} and not of "
                "full scale, so its results mean nothing: divide by "
                f"{unit:.0f}, or export it again as 16-bit"
            )
            return ReadNote(NoteKind.SCALE, text, seconds)
        text = (
            f"is overloaded: {seconds:.3f} s lie above full scale, up to {self._peak:.3g} times, "
            "so its results are uncertain; export it again at a lower level"
        )
        return ReadNote(NoteKind.OVERLOAD, text, seconds)

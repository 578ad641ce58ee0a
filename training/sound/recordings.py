"""Samples of recordings, read as in the live path."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime_ser.audio.file import FileSource
from realtime_ser.audio.notes import NoteKind
from realtime_ser.audio.resample import Resampler
from realtime_ser.audio.samples import silenced
from realtime_ser.base.errors import AudioFileError
from realtime_ser.recogniser.gate import GATE_FRAME

_LOUD_DB = 20.0
_EDGE_FRAMES = 2


def samples_16k(path: Path, *, partial: bool = False) -> NDArray[np.float32]:
    """First channel of a recording at 16 kHz, shape ``(n,)``, resampled as in the live path.

    Raises
    ------
    AudioFileError
        The recording cannot be read, or not to its end and ``partial`` does not allow that.
    """
    source = FileSource(path)
    resampler = Resampler(source.info.native_rate)
    blocks = [resampler.push(silenced(block[:, 0])) for block in source.blocks()]
    # Samples that are no numbers are silence here: a clip of a corpus is not lost to one of them.
    missing = (NoteKind.CUT, NoteKind.DAMAGED)
    lacking = [note for note in source.notes if note.kind in missing]
    if lacking and not partial:
        raise AudioFileError(lacking[0].sentence(path))
    return np.concatenate([*blocks, resampler.flush()])


def speech_bounds(sound: NDArray[np.float32]) -> tuple[int, int]:
    """First and last sample of the speech in a clip, as a half-open range.

    The range runs from the first to the last 20 ms frame less than 20 dB below the loudest, with
    40 ms on either side: breaths, clicks and background stay outside. Digital silence counts as
    speech.
    """
    frames = sound[: len(sound) // GATE_FRAME * GATE_FRAME].reshape(-1, GATE_FRAME)
    powers = np.einsum("ij,ij->i", frames, frames)
    loud = np.flatnonzero(powers >= 10.0 ** (-_LOUD_DB / 10.0) * powers.max(initial=0.0))
    if not len(loud):
        return 0, len(sound)
    first, last = int(loud[0]) - _EDGE_FRAMES, int(loud[-1]) + 1 + _EDGE_FRAMES
    return max(0, first * GATE_FRAME), min(len(sound), last * GATE_FRAME)

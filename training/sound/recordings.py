"""Recordings as the live path would take them in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime_ser.audio.file import FileSource
from realtime_ser.audio.resample import Resampler


def samples_16k(path: Path) -> NDArray[np.float32]:
    """First channel of a recording at 16 kHz, shape ``(n,)``, resampled as the live path does it.

    Raises
    ------
    AudioFileError
        It cannot be read to its end.
    """
    source = FileSource(path)
    resampler = Resampler(source.info.native_rate)
    blocks = [resampler.push(block[:, 0]) for block in source.blocks()]
    return np.concatenate([*blocks, resampler.flush()])

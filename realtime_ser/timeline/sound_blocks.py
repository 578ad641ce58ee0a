"""Kept sound, a few seconds at a time, as tracks of sound show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.records import HOP, SAMPLE_RATE
from realtime_ser.recogniser.features import FeatureParams

BLOCK_S = 4
"""Seconds that are read at once."""

MOST_BLOCKS = 150
"""So many are looked at at once: ten minutes."""

FRAMES_PER_BLOCK = BLOCK_S * SAMPLE_RATE // HOP
BLOCK_SAMPLES = BLOCK_S * SAMPLE_RATE

FLOOR_DB, CEILING_DB = -70.0, 10.0
"""Of the spectrogram: darkest and brightest."""


@dataclass(frozen=True, slots=True)
class SoundBlock:
    """Seconds ``4 n .. 4 n + 4`` of one channel.

    Attributes
    ----------
    samples
        At 16 kHz, shape ``(n,)``, int16; fewer at the end of the sound.
    mel
        Log-mel spectrum, 0 to 255 from the floor to the ceiling, shape ``(frames, bands)``.
    """

    samples: NDArray[np.int16]
    mel: NDArray[np.uint8]


ChannelBlocks = Mapping[int, SoundBlock]
"""Blocks of one moment by their channels."""


class SoundBlocks(Protocol):
    """Blocks of a session's sound; those that are asked for may come later."""

    @property
    def available(self) -> bool:
        """Whether sound was kept."""

    @property
    def fault(self) -> str:
        """Why there is nothing to see; one sentence, or empty."""

    @property
    def features(self) -> FeatureParams:
        """Parameters of the spectrum."""

    def blocks_between(self, start_s: float, end_s: float, channel: int) -> dict[int, SoundBlock]:
        """Blocks of a stretch that are ready, by their numbers."""


def samples_between(
    blocks: Mapping[int, SoundBlock], first: int, last: int
) -> tuple[int, NDArray[np.int16]]:
    """Samples of consecutive blocks in one array, zeros where they are missing."""
    whole = np.zeros((last - first + 1) * BLOCK_SAMPLES, np.int16)
    for number, block in blocks.items():
        at = (number - first) * BLOCK_SAMPLES
        whole[at : at + len(block.samples)] = block.samples
    return first * BLOCK_SAMPLES, whole


def mel_between(
    blocks: Mapping[int, SoundBlock], numbers: Sequence[int]
) -> tuple[int, NDArray[np.uint8]]:
    """Spectra of consecutive blocks in one array, the floor where they are missing."""
    bands = next((block.mel.shape[1] for block in blocks.values()), 1)
    whole = np.zeros((len(numbers) * FRAMES_PER_BLOCK, bands), np.uint8)
    for place, number in enumerate(numbers):
        block = blocks.get(number)
        if block is not None:
            whole[place * FRAMES_PER_BLOCK : place * FRAMES_PER_BLOCK + len(block.mel)] = block.mel
    return numbers[0] * FRAMES_PER_BLOCK, whole

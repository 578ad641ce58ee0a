"""Protocol of a source of samples, which a microphone and a file share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from realtime_ser.audio.block_queue import BlockQueue
from realtime_ser.base.errors import AudioFileError
from realtime_ser.base.text import count_text

QUIET_PEAK = 0.003
"""Peak below which a channel has no voice."""


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """Description of a source."""

    name: str  # of the device or file, as a person knows it
    native_rate: int  # in Hz
    channels: int
    live: bool  # a microphone, which waits for nobody
    demo: bool = False  # the bundled demo recording
    duration_s: float | None = None  # of a file


def require_channels(file: SourceInfo, channels: Sequence[int]) -> None:
    """Refuse a file that lacks one of the channels that were asked for."""
    if max(channels) > file.channels:
        there = count_text(file.channels, "channel")
        raise AudioFileError(
            f"{file.name} has {there}, so channel {max(channels)} is not there: "
            "choose among those that it has."
        )


class Source(Protocol):
    """Microphone or file that writes blocks of samples into a queue."""

    @property
    def info(self) -> SourceInfo:
        """Name, rate and channels, known before the source starts."""

    def start(self, queue: BlockQueue) -> None:
        """Begin to write into ``queue``, and return at once; a file closes the queue at its end.

        Raises
        ------
        SerError
            The device refuses, or the file cannot be read.
        """

    def stop(self) -> None:
        """Stop writing; the source can be started again."""

    def peaks(self) -> NDArray[np.float32]:
        """Loudest sample of each channel since this was asked last, also of those not captured.

        Shape ``(channels,)``; empty where no more is known than what was captured. Once a captured
        one has reached :data:`QUIET_PEAK`, the others need not be looked at until then.
        """
        return np.zeros(0, np.float32)

    def changes(self) -> list[str]:
        """What has changed about the device since this was asked last; a few words each."""
        return []

    def reopen(self, queue: BlockQueue) -> bool:
        """Begin again after the device went away.

        Returns
        -------
        bool
            Whether it has begun; until then, call again.

        Raises
        ------
        FormatError
            The device cannot go on with the session.
        DeviceError
            The device is not back yet, or refuses.
        """
        self.stop()
        self.start(queue)
        return True

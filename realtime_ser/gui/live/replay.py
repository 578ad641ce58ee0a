"""The last seconds of sound, kept in memory only, and their playback."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from realtime_ser.audio.playback import Player, array_blocks
from realtime_ser.base.records import Sound

HISTORY_S = 30.0
"""Seconds of sound that are kept."""

_FRAME_MS = 33


@dataclass(frozen=True, slots=True)
class ReplayClip:
    """A stretch of sound that begins at ``start_s``; samples have the shape ``(n, channels)``."""

    start_s: float
    rate: int
    samples: NDArray[np.float32]

    @property
    def end_s(self) -> float:
        """End of the clip, in seconds of the session."""
        return self.start_s + len(self.samples) / self.rate


class RecentSound:
    """A ring with the last seconds of the monitored channels; nothing of it reaches a disk.

    Parameters
    ----------
    rate
        Native rate in Hz.
    channels
        Channels to keep, from 1.
    """

    def __init__(self, rate: int, channels: Sequence[int]) -> None:
        self._rate = rate
        self._channels = [channel - 1 for channel in channels]
        self._ring = np.zeros((round(HISTORY_S * rate), len(channels)), np.float32)
        self._end = 0
        self._start = 0

    def feed(self, sound: Sound) -> None:
        """Take sound; lost and paused time before it is silence."""
        size = len(self._ring)
        missing = min(size, max(0, sound.position - self._end))
        if missing:
            self._write(sound.position - missing, np.zeros((missing, len(self._channels)), "f4"))
        samples = sound.samples[-size:, self._channels]
        self._write(sound.position + len(sound.samples) - len(samples), samples)

    def clip(self) -> ReplayClip | None:
        """All sound that is kept; ``None``: there is none yet."""
        if self._end == self._start:
            return None
        places = np.arange(self._start, self._end) % len(self._ring)
        return ReplayClip(self._start / self._rate, self._rate, self._ring[places])

    def _write(self, position: int, samples: NDArray[np.float32]) -> None:
        size = len(self._ring)
        self._ring[(position + np.arange(len(samples))) % size] = samples
        if self._end == 0:
            self._start = position
        self._end = position + len(samples)
        self._start = max(self._start, self._end - size)


class ReplayPlayer(QObject):
    """Plays a clip, and tells how far it is."""

    #: Time of the session that is heard now, in seconds.
    moved = pyqtSignal(float)

    ended = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._player: Player | None = None
        self._start_s = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(_FRAME_MS)
        self._timer.timeout.connect(self._poll)

    @property
    def playing(self) -> bool:
        """Whether a clip is being played."""
        return self._player is not None

    def play(self, clip: ReplayClip) -> None:
        """Begin to play a clip.

        Raises
        ------
        DeviceError
            There is no output, or it refuses.
        """
        self.stop()
        blocks = array_blocks(clip.samples, clip.rate)
        player = Player(blocks, clip.rate, clip.end_s - clip.start_s)
        player.start()
        player.wait_open()
        self._player, self._start_s = player, clip.start_s
        self._timer.start()

    def stop(self) -> None:
        """Fall silent."""
        player, self._player = self._player, None
        if player is not None:
            self._timer.stop()
            player.stop()
            self.ended.emit()

    def _poll(self) -> None:
        if self._player is None:
            return
        if self._player.ended:
            self.stop()
        else:
            self.moved.emit(self._start_s + self._player.position_s)

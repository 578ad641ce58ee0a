"""The last seconds of a session: kept in memory only, and played when somebody asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QObject

from realtime_ser.audio.playback import array_blocks
from realtime_ser.base.records import Sound
from realtime_ser.engine.monitor import Monitor
from realtime_ser.engine.status import Phase
from realtime_ser.gui.live.banners import BannerText
from realtime_ser.gui.live.window import MainWindow
from realtime_ser.gui.widgets.sound_player import SoundPlayer

HISTORY_S = 30.0  # seconds of sound that are kept


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

    Channels count from 1; the rate is the native one, in Hz.
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


class ReplayController(QObject):
    """Keeps the last seconds in memory, and plays them when somebody asks.

    A microphone would hear the loudspeaker, so listening pauses meanwhile, unless the settings say
    otherwise. What was heard stays until the next session begins or the window is gone.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._monitor: Monitor | None = None
        self._recent: RecentSound | None = None
        self._resume = False
        self._player = SoundPlayer(self)
        self._player.moved.connect(window.show_cursor)
        self._player.refused.connect(partial(window.warn, "The last seconds cannot be played"))
        self._player.message.connect(window.statusline.say)
        self._player.state_changed.connect(self._show_playing)
        window.replay.button.clicked.connect(self.stop)

    def begin(self, monitor: Monitor) -> None:
        """Forget what was, and keep the sound of a session from now on."""
        self.stop()
        self._monitor = monitor
        self._recent = RecentSound(monitor.source.info.native_rate, monitor.channels)

    def feed(self, sound: Sound) -> None:
        """Take sound of the session."""
        if self._recent is not None:
            self._recent.feed(sound)

    def toggle(self) -> None:
        """Play the last seconds once, or stop playing."""
        if self._player.playing:
            self.stop()
            return
        clip = None if self._recent is None else self._recent.clip()
        if clip is None:
            self._window.statusline.say("nothing was heard yet")
            return
        blocks = array_blocks(clip.samples, clip.rate)
        self._player.play_blocks(blocks, clip.rate, (clip.start_s, clip.end_s))
        self._pause_listening()
        self._window.replay.say(_banner_text(clip, paused=self._resume))

    def stop(self) -> None:
        """Fall silent."""
        self._player.stop()

    def _pause_listening(self) -> None:
        monitor = self._monitor
        if monitor is None or not monitor.source.info.live:
            return
        if self._window.preferences.replay_pauses and monitor.status.phase is Phase.LISTENING:
            self._resume = True
            monitor.pause()

    def _show_playing(self, playing: bool) -> None:
        if playing:
            return
        self._window.replay.say(None)
        self._window.show_cursor(None)
        if self._resume and self._monitor is not None:
            self._monitor.resume()
        self._resume = False


def _banner_text(clip: ReplayClip, *, paused: bool) -> BannerText:
    words = f"The last {clip.end_s - clip.start_s:.0f} s, from memory: they were not written."
    if paused:
        words += " Listening is paused meanwhile."
    return BannerText("play", "Replay", words, "Stop")

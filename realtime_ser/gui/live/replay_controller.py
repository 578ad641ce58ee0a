"""Joins the last seconds of a session to the loudspeaker and to the window."""

from __future__ import annotations

from PyQt6.QtCore import QObject

from realtime_ser.base.errors import DeviceError
from realtime_ser.base.records import Sound
from realtime_ser.engine.monitor import Monitor
from realtime_ser.engine.status import Phase
from realtime_ser.gui.live.banners import BannerText
from realtime_ser.gui.live.replay import RecentSound, ReplayClip, ReplayPlayer
from realtime_ser.gui.live.window import MainWindow


class ReplayController(QObject):
    """Keeps the last seconds in memory, and plays them when somebody asks.

    A microphone would hear the loudspeaker, so listening pauses meanwhile, unless the settings say
    otherwise. What was heard stays until the next session begins or the window is gone.

    Parameters
    ----------
    window
        Where it is shown.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._monitor: Monitor | None = None
        self._recent: RecentSound | None = None
        self._resume = False
        self._player = ReplayPlayer(self)
        self._player.moved.connect(window.show_cursor)
        self._player.ended.connect(self._playback_ended)
        window.replay.pressed.connect(self.stop)

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
        try:
            self._player.play(clip)
        except DeviceError as error:
            self._window.warn("The last seconds cannot be played", str(error))
            return
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

    def _playback_ended(self) -> None:
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

"""Playback of a stretch of sound from a window, with the time that is heard."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QObject, Qt, QTimer, pyqtSignal

from realtime_ser.audio.playback import NoOutputError, Player

_FRAME_MS = 16

NO_OUTPUT = "No sound output was found: the cursor moves in silence."


class SoundPlayer(QObject):
    """Plays one stretch of a session's sound at a time, and tells how far it is."""

    #: Time of the session that is heard now, in seconds.
    moved = pyqtSignal(float)

    #: Whether the player plays, when that has changed.
    state_changed = pyqtSignal(bool)

    #: There is no output to play on, in a sentence; time does not go on without.
    refused = pyqtSignal(str)

    #: A sentence that a person should read.
    message = pyqtSignal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._player: Player | None = None
        self._start_s = self._end_s = 0.0
        self._output_error_shown = self._silent = False
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_FRAME_MS)
        self._timer.timeout.connect(self._poll)

    @property
    def playing(self) -> bool:
        """Whether a stretch is being played."""
        return self._player is not None

    def play_blocks(
        self,
        blocks: Iterable[NDArray[np.float32]],
        rate: int,
        span_s: tuple[float, float],
        *,
        silent: bool = False,
    ) -> None:
        """Play consecutive blocks of shape ``(n, channels)``.

        Parameters
        ----------
        rate
            Their rate in Hz.
        span_s
            Start and end of the stretch, in seconds of the session.
        silent
            Whether time goes on in silence where there is no output; otherwise playing ends.
        """
        self.stop()
        player = Player(blocks, rate, span_s[1] - span_s[0], silent=silent)
        player.start()
        self._silent = silent
        self._player, (self._start_s, self._end_s) = player, span_s
        self._output_error_shown = False
        self._timer.start()
        self.state_changed.emit(True)

    def stop(self) -> None:
        """Fall silent at once."""
        player, self._player = self._player, None
        if player is not None:
            self._timer.stop()
            player.stop()
            self.state_changed.emit(False)

    def _poll(self) -> None:
        player = self._player
        if player is None:
            return
        if player.output_error is not None and not self._output_error_shown:
            self._output_error_shown = True
            missing = isinstance(player.output_error, NoOutputError)
            if self._silent:
                self.message.emit(NO_OUTPUT if missing else str(player.output_error))
        if not player.ended:
            self.moved.emit(self._start_s + player.position_s)
            return
        if player.error is not None:
            self.message.emit(player.error)
        refused = player.output_error is not None and not self._silent
        if not refused:
            self.moved.emit(self._end_s)
        self.stop()
        if refused:
            self.refused.emit(str(player.output_error))

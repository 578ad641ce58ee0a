"""Playback of the kept sound of a session, with a cursor that moves along."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QObject, Qt, QTimer, pyqtSignal

from realtime_ser.audio.playback import NoOutputError, Player, file_blocks
from realtime_ser.gui.timeline.sound_store import sound_path
from realtime_ser.session.store import SessionInfo

_FRAME_MS = 16

NO_OUTPUT = "No sound output was found: the cursor moves in silence."


class SessionPlayer(QObject):
    """Plays stretches of a session; in silence where there is no output.

    Parameters
    ----------
    info
        The session, whose sound was kept.
    """

    #: Time of the session that is heard now, in seconds.
    moved = pyqtSignal(float)

    #: Whether the player plays, when that has changed.
    state_changed = pyqtSignal(bool)

    #: A sentence that a person should read.
    message = pyqtSignal(str)

    def __init__(self, info: SessionInfo, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._info = info
        self._player: Player | None = None
        self._start_s = self._end_s = 0.0
        self._output_error_shown = False
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_FRAME_MS)
        self._timer.timeout.connect(self._poll)

    @property
    def playing(self) -> bool:
        """Whether a stretch is being played."""
        return self._player is not None

    def play(self, start_s: float, end_s: float) -> None:
        """Play the session from ``start_s`` to ``end_s`` seconds."""
        self.stop()
        self._start_s, self._end_s = start_s, end_s
        self._output_error_shown = False
        rate = self._info.metadata.source.native_rate
        self._player = Player(self._blocks(), rate, end_s - start_s, silent=True)
        self._player.start()
        self._timer.start()
        self.state_changed.emit(True)

    def stop(self) -> None:
        """Fall silent at once."""
        player, self._player = self._player, None
        if player is not None:
            self._timer.stop()
            player.stop()
            self.state_changed.emit(False)

    def _blocks(self) -> Iterator[NDArray[np.float32]]:
        yield from file_blocks(sound_path(self._info), self._start_s, self._end_s)

    def _poll(self) -> None:
        player = self._player
        if player is None:
            return
        if player.output_error is not None and not self._output_error_shown:
            self._output_error_shown = True
            missing = isinstance(player.output_error, NoOutputError)
            self.message.emit(NO_OUTPUT if missing else str(player.output_error))
        if not player.ended:
            self.moved.emit(self._start_s + player.position_s)
            return
        if player.error is not None:
            self.message.emit(player.error)
        self.moved.emit(self._end_s)
        self.stop()

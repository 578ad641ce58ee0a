"""Playback of the kept sound of a session, with a cursor that moves along."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QObject

from realtime_ser.audio.playback import file_blocks
from realtime_ser.gui.timeline.sound_store import sound_path
from realtime_ser.gui.widgets.sound_player import SoundPlayer
from realtime_ser.session.store import SessionInfo


class SessionPlayer(SoundPlayer):
    """Plays stretches of a session whose sound was kept; in silence where there is no output."""

    def __init__(self, info: SessionInfo, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._info = info

    def play(self, start_s: float, end_s: float) -> None:
        """Play the session from ``start_s`` to ``end_s`` seconds."""
        rate = self._info.metadata.source.native_rate
        self.play_blocks(self._blocks(start_s, end_s), rate, (start_s, end_s), silent=True)

    def _blocks(self, start_s: float, end_s: float) -> Iterator[NDArray[np.float32]]:
        # The path is sought in the player's thread, which says what is wrong with it.
        yield from file_blocks(sound_path(self._info), start_s, end_s)

"""What a session notes of its microphone: pure silence, and another that took its place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from realtime_ser.audio.devices import SILENCE_ADVICE
from realtime_ser.audio.source import Source
from realtime_ser.base.records import DEVICE, SAMPLE_RATE, Marker
from realtime_ser.engine.handover import Handover

PURE_SILENCE = "pure silence"
SILENCE_S = 5.0
"""Seconds of one value, again and again, from which a microphone is muted or denied."""

_SHOWN_S = 30.0


class DeviceNotes:
    """Writes markers of the device, and says in a sentence what a person should know.

    The sound of a room is never the same from sample to sample: where it is, the system hands out
    zeros, since the microphone is muted or the program may not hear it.

    Attributes
    ----------
    notice
        Sentence for the user now, or ``None``.
    """

    def __init__(self, source: Source, channels: Sequence[int], handover: Handover) -> None:
        self.notice: str | None = None
        self._source = source
        self._columns = [channel - 1 for channel in channels]
        self._handover = handover
        self._silent_since_s: float | None = None
        self._silent = False
        self._told_s = 0.0

    def feed(self, samples: NDArray[np.float32], start_s: float, end_s: float) -> None:
        """Take sound, shape ``(n, channels)``, from ``start_s`` to ``end_s`` of the session."""
        if not self._source.info.live or not len(samples):
            return
        if np.ptp(samples[:, self._columns]) > 0.0:
            self.interrupt(start_s)
        elif self._silent_since_s is None:
            self._silent_since_s = start_s
        elif not self._silent and end_s - self._silent_since_s >= SILENCE_S:
            self._silent = True
            self._handover.markers.open(self._marker(self._silent_since_s, PURE_SILENCE))
        if self._silent:
            self.notice = f"The microphone gives pure silence: {SILENCE_ADVICE}."
        elif end_s - self._told_s > _SHOWN_S:
            self.notice = None

    def look(self, now_s: float) -> None:
        """See whether another microphone has taken over."""
        for words in self._source.changes():
            self._handover.markers.put(self._marker(now_s, words))
            self.notice, self._told_s = f"The microphone has changed: {words}.", now_s

    def interrupt(self, now_s: float) -> None:
        """End a silence, if there is one: something is heard, or time passes without sound."""
        self._silent_since_s = None
        if self._silent:
            self._silent, self.notice = False, None
            self._handover.markers.close(DEVICE, now_s)

    def _marker(self, time_s: float, words: str) -> Marker:
        wall = self._handover.clock.wall_clock(round(time_s * SAMPLE_RATE))
        return Marker(time_s, words, DEVICE, source=DEVICE, wall_clock=wall)

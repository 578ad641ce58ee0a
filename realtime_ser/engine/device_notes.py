"""What a session notes of its source: pure silence, a voice elsewhere, another microphone."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from realtime_ser.audio.devices import SILENCE_ADVICE
from realtime_ser.audio.samples import channel_peaks
from realtime_ser.audio.source import QUIET_PEAK, Source
from realtime_ser.base.records import DEVICE, SAMPLE_RATE, Marker
from realtime_ser.engine.handover import Handover

PURE_SILENCE = "pure silence"
SILENCE_S = 5.0
"""Seconds of one value, again and again, from which a microphone is muted or denied."""

_SHOWN_S = 30.0

_LOUD = 0.03
"""Peak from which a channel may have a voice."""

_LISTEN_S, _LOUD_S = 10, 3
"""Seconds without a voice that is heard, and of those with sound elsewhere, before it is said."""


class SideChannels:
    """Notices sound on a channel that is not heard, while those that are heard are quiet."""

    def __init__(self, channels: Sequence[int]) -> None:
        self._columns = [channel - 1 for channel in channels]
        self._peaks: NDArray[np.float32] = np.zeros(0, np.float32)
        self._seconds: deque[NDArray[np.float32]] = deque(maxlen=_LISTEN_S)
        self._second = 0

    def feed(self, peaks: NDArray[np.float32], now_s: float) -> int | None:
        """Take peaks of all channels, shape ``(channels,)``; a channel from 1 that is louder."""
        if len(peaks) <= len(self._columns):
            return None
        same = len(peaks) == len(self._peaks)
        self._peaks = np.maximum(self._peaks, peaks) if same else peaks
        if int(now_s) != self._second:
            self._second = int(now_s)
            self._seconds.append(self._peaks)
            self._peaks = np.zeros_like(peaks)
        if len(self._seconds) < _LISTEN_S or len({len(one) for one in self._seconds}) > 1:
            return None
        recent = np.stack(self._seconds)
        if recent[:, self._columns].max() >= QUIET_PEAK:
            return None
        loud = (recent >= _LOUD).sum(axis=0)
        return int(loud.argmax()) + 1 if loud.max() >= _LOUD_S else None


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
        self._beside_s = -math.inf  # when sound was told of on another channel
        self._asked_s = 0
        self._side_channels = SideChannels(channels)

    def feed(self, samples: NDArray[np.float32], start_s: float, end_s: float) -> None:
        """Take sound, shape ``(n, channels)``, from ``start_s`` to ``end_s`` of the session."""
        if not len(samples):
            return
        side = self._look_beside(samples, end_s)
        if self._source.info.live:
            self._feed_silence(samples, start_s, end_s)
        if side is not None:
            self.notice = self._side_words(side)
            self._told_s = self._beside_s = end_s
        elif self._silent and end_s - self._beside_s > _SHOWN_S:  # else it is known where sound is
            self.notice = f"The microphone gives pure silence: {SILENCE_ADVICE}."
        elif end_s - self._told_s > _SHOWN_S:
            self.notice = None

    def _look_beside(self, samples: NDArray[np.float32], end_s: float) -> int | None:
        """Channel that is louder than those that are heard; a microphone is asked each second."""
        if not self._source.info.live:
            if samples.shape[1] <= len(self._columns):
                return None
            return self._side_channels.feed(channel_peaks(samples), end_s)
        if int(end_s) == self._asked_s:
            return None
        self._asked_s = int(end_s)
        return self._side_channels.feed(self._source.peaks(), end_s)

    def _side_words(self, side: int) -> str:
        heard = ", ".join(str(column + 1) for column in self._columns)
        channels = "channel" if len(self._columns) == 1 else "channels"
        return (
            f"There is sound on channel {side}, and none on {channels} {heard}, which the session "
            f"hears: choose it under Study in the window, or with --channels {side}."
        )

    def _feed_silence(self, samples: NDArray[np.float32], start_s: float, end_s: float) -> None:
        heard = samples[:, self._columns]
        # The first and the last sample of a sound are hardly ever the same.
        if heard[0, 0] != heard[-1, -1] or np.ptp(heard) > 0.0:
            self.interrupt(start_s)
        elif self._silent_since_s is None:
            self._silent_since_s = start_s
        elif not self._silent and end_s - self._silent_since_s >= SILENCE_S:
            self._silent = True
            self._handover.markers.open(self._marker(self._silent_since_s, PURE_SILENCE))

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
            self._handover.markers.close(DEVICE, now_s, DEVICE)

    def _marker(self, time_s: float, words: str) -> Marker:
        wall = self._handover.clock.wall_clock(round(time_s * SAMPLE_RATE))
        return Marker(time_s, words, DEVICE, source=DEVICE, wall_clock=wall)

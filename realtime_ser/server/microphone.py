"""The sound of a browser's microphone, placed in time by the count of samples that it carries.

A block is a binary message: the number of its first sample in the audio clock of the page, as a
64-bit float, and its samples at the native rate, as 32-bit floats, all little-endian. Numbers that
are left out are lost time, a block without samples is paused time up to its number. A network may
deliver late, and loses nothing, so that no clock is needed to tell what is missing.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.errors import SerError
from realtime_ser.base.records import SAMPLE_RATE, STEP, Marker, Record, State, Update
from realtime_ser.base.text import one_line
from realtime_ser.base.timebase import SessionClock, TimeBase, clock_s
from realtime_ser.recogniser.pipeline import ChannelPipelines
from realtime_ser.server.limits import LimitError, Limits

_ANCHOR_S = 10.0
_NUMBER = struct.Struct("<d")
_LONGEST_TEXT = 200  # characters of a marker

LOWEST_RATE, HIGHEST_RATE = 8_000, 192_000
"""Native rates of a browser's microphone, in Hz."""


@dataclass(frozen=True, slots=True)
class BrowserBlock:
    """Consecutive samples of a browser's microphone."""

    first: int  # number of the first, in the page's audio clock
    samples: NDArray[np.float32]  # shape ``(n,)``; empty: paused until ``first``

    @classmethod
    def of(cls, message: bytes) -> Self:
        """Block of a binary message.

        Raises
        ------
        SerError
            The message is no block.
        """
        if len(message) < _NUMBER.size or (len(message) - _NUMBER.size) % 4:
            raise SerError("The page sent something that is no sound: load it anew.")
        (first,) = _NUMBER.unpack_from(message)
        if not 0 <= first < 2**53:
            raise SerError("The page sent sound of no time: load it anew.")
        return cls(int(first), np.frombuffer(message, "<f4", offset=_NUMBER.size))


class BrowserMicrophone:
    """Pipelines that hear a browser's microphone, and the clock of the session.

    Attributes
    ----------
    lost
        Samples at the native rate that the browser did not deliver.
    """

    def __init__(self, pipelines: ChannelPipelines, rate: int, limits: Limits) -> None:
        self._pipelines = pipelines
        self._time = TimeBase(rate)
        self._clock = SessionClock()
        self._limits = limits
        self._origin: int | None = None
        self.lost = 0
        self._started_s = 0.0
        self._anchor_s = -_ANCHOR_S

    @property
    def position_s(self) -> float:
        """Time of the session so far, in seconds."""
        return self._time.seconds(self._pipelines.position)

    def push(self, block: BrowserBlock) -> list[Record]:
        """Take the next block, and return the records that it completes.

        Raises
        ------
        SerError
            The block lies before the last one, ahead of the clock, or behind the longest session.
        """
        pipelines = self._pipelines
        if self._origin is None:
            self._origin, self._started_s = block.first, clock_s()
            self._clock.start()
        first = block.first - self._origin
        self._require_in_time(first, first + len(block.samples))
        records: list[Record] = []
        if first > pipelines.position:
            missing = State.LOST if len(block.samples) else State.PAUSED
            self.lost += first - pipelines.position if missing is State.LOST else 0
            records += pipelines.gap(first, missing)
        if len(block.samples):
            start_s, length_s = self.position_s, self._time.seconds(len(block.samples))
            self._clock.feed(start_s, clock_s() - length_s)
            records += pipelines.push(block.samples[:, np.newaxis])
        return self._stamped(records)

    def mark(self, text: str, time_s: float) -> Marker:
        """Marker at a time of the session, which may be a little ahead of its sound."""
        time_s = min(max(0.0, time_s), self.position_s + self._limits.ahead_s)
        wall = self._clock.wall_clock(round(time_s * SAMPLE_RATE))
        return Marker(time_s, one_line(text)[:_LONGEST_TEXT], wall_clock=wall)

    def finish(self) -> list[Record]:
        """Close what is open at the end of the sound."""
        records: Sequence[Record] = self._pipelines.finish()
        return [*self._stamped(records), self._anchor()]

    def _require_in_time(self, first: int, end: int) -> None:
        if first < self._pipelines.position:
            raise SerError("The page sent sound that it had sent before: load it anew.")
        end_s = self._time.seconds(end)
        self._limits.require_duration(end_s)
        if end_s > clock_s() - self._started_s + self._limits.ahead_s:
            raise LimitError(
                "The page sends sound faster than it can be spoken: drop it as a file instead."
            )

    def _stamped(self, records: Sequence[Record]) -> list[Record]:
        """Records with latency and wall clock, and an anchor when one is due."""
        stamped = [self._stamp(one) if isinstance(one, Update) else one for one in records]
        if self._clock.settled and self.position_s - self._anchor_s >= _ANCHOR_S:
            stamped.append(self._anchor())
        return stamped

    def _stamp(self, update: Update) -> Update:
        sample, latency_ms = STEP * (update.step + 1), None
        if update.state in (State.SPEECH, State.SILENCE):
            latency_ms = 1000.0 * (clock_s() - self._clock.adc_time(sample))
        return replace(update, latency_ms=latency_ms, wall_clock=self._clock.wall_clock(sample))

    def _anchor(self) -> Record:
        self._anchor_s = self.position_s
        return self._clock.anchor(self._time.sample(self._pipelines.position))

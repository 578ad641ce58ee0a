"""Time of a session: conversion of samples and seconds, and the clock of a live source."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from realtime_ser.base.records import SAMPLE_RATE, STEP, Anchor, Update

_WINDOW_S = 10.0
_BIN_S = 1.0
_AGREE_S = 0.005
_JITTER_S = 0.02
_SHORTEST_S, _LONGEST_S = 3, 10
_STRIDE_S = 0.01
_RESUMED_S = _WINDOW_S + 3.0
"""After an interruption, what is remembered is of later than its first two seconds, in seconds."""


def local_now() -> datetime:
    """Local time now, with its UTC offset."""
    return datetime.now().astimezone()


@dataclass(frozen=True, slots=True)
class TimeBase:
    """Time of a source from the start of a session: samples at its native rate, and seconds."""

    native_rate: int

    def seconds(self, native: int) -> float:
        """Time of native sample ``native`` in seconds."""
        return native / self.native_rate

    def native_at(self, seconds: float) -> int:
        """Native sample nearest to a time in seconds."""
        return round(seconds * self.native_rate)

    def sample(self, native: int) -> int:
        """16 kHz sample nearest to native sample ``native``."""
        return round(native * SAMPLE_RATE / self.native_rate)

    def native(self, sample: int) -> int:
        """First native sample at or after 16 kHz sample ``sample``."""
        return -(-sample * self.native_rate // SAMPLE_RATE)


_CLOCK = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


def clock_s() -> float:
    """Seconds on the monotonic clock that goes on while the computer sleeps.

    That is CLOCK_BOOTTIME on Linux, CLOCK_MONOTONIC on macOS, and Windows' only one.
    """
    return time.monotonic() if _CLOCK is None else time.clock_gettime(_CLOCK)


@dataclass(frozen=True, slots=True)
class _Interruption:
    """Offset of the clock before the sound was interrupted, and where it went on, in seconds."""

    offset: float
    end_s: float


class SessionClock:
    """ADC time of any 16 kHz sample, from the ADC times that the device reports.

    A block that was delivered late seems younger than it is, never older, so the estimate is the
    lowest of the recent offsets between ADC time and sample count. Ten seconds of memory let it
    follow a device that is 200 ppm off within 2 ms. Sound servers report times that are up to 0.6 s
    off, either way, while a stream begins: until two seconds after one another agree, the estimate
    is that of the last of them. Then the clock is settled, and the first anchor corrects what was
    stamped before. From then on it moves by at most 10 ms a block, so that it never runs back.

    How much an interruption took is known to some 10 ms when the sound goes on, and better when the
    memory holds nothing from before it. What was then neither heard nor counted is kept, so that
    the next interruption can make up for it: errors of many interruptions do not add up.

    Attributes
    ----------
    settled
        Whether the offset is sure.
    """

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin at second 0, now."""
        self.settled = False
        self._seconds = 0
        self._start_s = clock_s()
        self._start_wall = local_now()
        self._bins: deque[tuple[int, float]] = deque(maxlen=round(_WINDOW_S / _BIN_S))
        self._offset = self._latest = self._start_s
        self._uncounted_s = 0.0
        self._interruption: _Interruption | None = None

    @property
    def uncounted_s(self) -> float:
        """Seconds that interruptions took beyond what was counted as lost, as far as is known."""
        return 0.0 if self._interruption else self._uncounted_s

    def interrupt(self, position_s: float) -> None:
        """Note that the sound was interrupted, and goes on at ``position_s`` of the session."""
        before = self._interruption.offset if self._interruption else self._offset
        if self.settled:
            self._interruption = _Interruption(before, position_s)

    def feed(self, position_s: float, adc_s: float) -> None:
        """Take the time of a block's first sample in the session, and its ADC time, in seconds."""
        offset = adc_s - position_s
        number = int(position_s / _BIN_S)
        if self._bins and self._bins[-1][0] == number:
            offset = min(offset, self._bins.pop()[1])
        elif not self.settled:
            self._settle()
        self._latest = adc_s - position_s
        self._bins.append((number, offset))
        lowest = min(lowest for _, lowest in self._bins)
        if self.settled:
            self._offset += min(max(lowest - self._offset, -_STRIDE_S), _STRIDE_S)
        else:
            self._offset = lowest
        if self._interruption and position_s - self._interruption.end_s > _RESUMED_S:
            self._uncounted_s += self._offset - self._interruption.offset
            self._interruption = None

    def _settle(self) -> None:
        """See whether the last two seconds agree; forget all before the last."""
        offsets = [lowest for _, lowest in self._bins]
        agree = (
            len(offsets) > 1
            and abs(offsets[-1] - offsets[-2]) < _AGREE_S
            and self._latest - offsets[-1] < _JITTER_S
        )
        self._seconds = self._seconds + 1 if offsets else 0
        self.settled = self._seconds >= _LONGEST_S or (agree and self._seconds >= _SHORTEST_S)
        self._bins = deque(list(self._bins)[-1:], maxlen=self._bins.maxlen)
        if self.settled:
            self._offset = offsets[-1]

    def adc_time(self, sample: int) -> float:
        """Time in seconds, by :func:`clock_s`, at which a 16 kHz sample was at the converter."""
        return self._offset + sample / SAMPLE_RATE

    def wall_clock(self, sample: int) -> datetime:
        """Local time, with its UTC offset, at which a 16 kHz sample was at the converter."""
        return self._wall(self.adc_time(sample))

    def anchor(self, sample: int) -> Anchor:
        """Anchor for a sample, taken now."""
        now = clock_s()
        return Anchor(sample, self.adc_time(sample), now, self._wall(now))

    def _wall(self, at_s: float) -> datetime:
        return self._start_wall + timedelta(seconds=at_s - self._start_s)


def wall_clock_by(anchor: Anchor, sample: int) -> datetime:
    """Local time at which a 16 kHz sample was at the converter, by an anchor."""
    # Steps are whole microseconds apart, whoever computes them, in rows or in columns.
    start_s = anchor.adc_s - anchor.monotonic_s - anchor.sample / SAMPLE_RATE
    return anchor.wall + timedelta(seconds=start_s) + timedelta(seconds=sample / SAMPLE_RATE)


def corrected(update: Update, anchor: Anchor) -> Update:
    """An update that was stamped before the clock had settled, by the first anchor."""
    if update.wall_clock is None:
        return update
    wall = wall_clock_by(anchor, STEP * (update.step + 1))
    late_ms = (update.wall_clock - wall) / timedelta(milliseconds=1)
    latency_ms = None if update.latency_ms is None else update.latency_ms + late_ms
    return replace(update, wall_clock=wall, latency_ms=latency_ms)

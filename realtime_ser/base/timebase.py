"""Time of a session: conversion of samples and seconds, and the clock of a live source."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from realtime_ser.base.records import SAMPLE_RATE, Anchor

_WINDOW_S = 10.0
_BIN_S = 1.0
_SETTLED_S = 0.05


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


class SessionClock:
    """ADC time of any 16 kHz sample, from the ADC times that the device reports.

    A block that was delivered late seems younger than it is, never older, so the estimate is the
    lowest of the recent offsets between ADC time and sample count. Ten seconds of memory let it
    follow a device that is 200 ppm off within 2 ms. Where a whole second lies off all before it,
    the device has changed how it reports ADC times, as sound servers do while a stream settles:
    the earlier offsets are forgotten.
    """

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin at second 0, now."""
        self._start_monotonic = time.monotonic()
        self._start_wall = local_now()
        self._bins: deque[tuple[int, float]] = deque(maxlen=round(_WINDOW_S / _BIN_S))
        self._offset = self._start_monotonic

    def feed(self, position_s: float, adc_s: float) -> None:
        """Take the time of a block's first sample in the session, and its ADC time, in seconds."""
        offset = adc_s - position_s
        number = int(position_s / _BIN_S)
        if self._bins and self._bins[-1][0] == number:
            offset = min(offset, self._bins.pop()[1])
        elif len(self._bins) > 1 and self._bins[-1][1] - self._offset > _SETTLED_S:
            self._bins = deque([self._bins[-1]], maxlen=self._bins.maxlen)
        self._bins.append((number, offset))
        self._offset = min(lowest for _, lowest in self._bins)

    def forget_device(self) -> None:
        """Forget the ADC times so far: the device went away and came back."""
        self._bins.clear()

    def adc_time(self, sample: int) -> float:
        """Monotonic time in seconds at which a 16 kHz sample was at the converter."""
        return self._offset + sample / SAMPLE_RATE

    def wall_clock(self, sample: int) -> datetime:
        """Local time, with its UTC offset, at which a 16 kHz sample was at the converter."""
        return self._wall(self.adc_time(sample))

    def anchor(self, sample: int) -> Anchor:
        """Anchor for a sample, taken now."""
        now = time.monotonic()
        return Anchor(sample, self.adc_time(sample), now, self._wall(now))

    def _wall(self, monotonic_s: float) -> datetime:
        return self._start_wall + timedelta(seconds=monotonic_s - self._start_monotonic)

"""Conversion between native samples, 16 kHz samples and seconds."""

from __future__ import annotations

from dataclasses import dataclass

from realtime_ser.base.records import SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class TimeBase:
    """Time of a source from the start of a session, in samples and in seconds.

    Attributes
    ----------
    native_rate
        Native rate of the source in Hz.
    """

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

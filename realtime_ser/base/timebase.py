"""One conversion between samples at a source's native rate and samples at 16 kHz."""

from __future__ import annotations

from dataclasses import dataclass

from realtime_ser.base.records import SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class TimeBase:
    """Counts of samples from the start of a session, at the native rate and at 16 kHz.

    Attributes
    ----------
    native_rate
        Samples a second of the source.
    """

    native_rate: int

    def sample(self, native: int) -> int:
        """16 kHz sample nearest to native sample ``native``."""
        return round(native * SAMPLE_RATE / self.native_rate)

    def native(self, sample: int) -> int:
        """First native sample at or after 16 kHz sample ``sample``."""
        return -(-sample * self.native_rate // SAMPLE_RATE)

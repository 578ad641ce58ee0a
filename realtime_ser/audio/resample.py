"""Streaming resamplers: from the native rate to 16 kHz, and between two native rates."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from realtime_ser.base.records import SAMPLE_RATE

_HELD = 96
"""Least output that soxr's filter holds back at this quality, whatever the rate: 6 ms."""


class Resampler:
    """Stateful soxr resampler of one channel, at one fixed quality (HQ).

    Output sample 0 is input sample 0. Some output is held back until more input arrives or
    :meth:`flush` is called.

    Attributes
    ----------
    held
        Least output that is held back, in samples.
    """

    def __init__(self, native_rate: int) -> None:
        self.held = 0 if native_rate == SAMPLE_RATE else _HELD
        self._rate = native_rate
        self._stream: soxr.ResampleStream | None = None

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take samples at the native rate, shape ``(n,)``, and return those ready at 16 kHz."""
        if self._rate == SAMPLE_RATE:
            return samples
        if self._stream is None:
            self._stream = soxr.ResampleStream(
                self._rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ"
            )
        ready: NDArray[np.float32] = self._stream.resample_chunk(np.ascontiguousarray(samples))
        return ready

    def flush(self) -> NDArray[np.float32]:
        """Return the samples that were held back; the next push starts anew."""
        if self._stream is None:
            return np.empty(0, np.float32)
        rest: NDArray[np.float32] = self._stream.resample_chunk(np.empty(0, np.float32), last=True)
        # libsoxr complains of streams that outlive the interpreter, as a window's objects do.
        self._stream = None
        return rest


class RateChange:
    """Changes all channels of a device from its rate to that of the session.

    Parameters
    ----------
    rate, session_rate
        Both in Hz; where they are the same, nothing is changed.
    channels
        Number of channels.
    """

    def __init__(self, rate: int, session_rate: int, channels: int) -> None:
        self._rates = (rate, session_rate)
        self._taken = self._given = 0
        self._stream: soxr.ResampleStream | None = None
        if rate != session_rate:
            self._stream = soxr.ResampleStream(
                rate, session_rate, channels, dtype="float32", quality="HQ"
            )

    def push(self, samples: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
        """Take samples, shape ``(n, channels)``, and return those that are ready.

        With them comes by how many seconds the first of them is earlier than the first taken.
        """
        if self._stream is None:
            return samples, 0.0
        rate, session_rate = self._rates
        early_s = self._taken / rate - self._given / session_rate
        ready: NDArray[np.float32] = self._stream.resample_chunk(np.ascontiguousarray(samples))
        self._taken += len(samples)
        self._given += len(ready)
        return ready, early_s

    def close(self) -> None:
        """Let go of libsoxr's stream, which complains if it outlives the interpreter."""
        self._stream = None

"""Streaming resampler from the native rate to 16 kHz."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from realtime_ser.base.records import SAMPLE_RATE


class Resampler:
    """Stateful soxr resampler of one channel, at one fixed quality (HQ).

    Output sample 0 is input sample 0. Some output is held back until more input arrives or
    :meth:`flush` is called.
    """

    def __init__(self, native_rate: int) -> None:
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

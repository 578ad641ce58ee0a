"""The ring of samples between a capture thread and the worker.

A capture thread (PortAudio's, or the one that plays a file) writes blocks; the worker reads them. A
live source never waits: samples that do not fit are counted as lost. A file can wait, so nothing of
a file is ever lost.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class AudioBlock:
    """Consecutive samples of a source."""

    samples: NDArray[np.float32]  # shape ``(n, channels)``, float32, at the native rate
    adc_s: float | None  # ADC time of the first, monotonic; ``None`` for files
    overflow: bool  # the device reports that it lost samples before these
    lost: int  # samples before these for which the ring had no room
    paused: bool  # nobody was to listen when they came


class RingBuffer:
    """Preallocated ring of samples, one writer and one reader.

    Parameters
    ----------
    frames, channels
        Size in samples a channel, and number of channels.
    blocking
        Whether the writer waits for room (a file) or drops and counts (a microphone).

    Attributes
    ----------
    paused
        Whether nobody is to listen to what is written from now on.
    """

    def __init__(self, frames: int, channels: int, *, blocking: bool) -> None:
        self.paused = False
        self._data = np.zeros((frames, channels), np.float32)
        self._blocking = blocking
        self._changed = threading.Condition()
        self._blocks: deque[tuple[int, float | None, bool, int, bool]] = deque()
        self._write = 0
        self._used = 0
        self._wanted = 1
        self._overdue = False
        self._lost = 0
        self._closed = False
        self._error: BaseException | None = None

    def write(
        self, samples: NDArray[np.float32], adc_s: float | None, *, overflow: bool = False
    ) -> None:
        """Copy samples into the ring: shape ``(n, channels)``, ``n`` at most the ring's size."""
        count, size = len(samples), len(self._data)
        with self._changed:
            if self._blocking:
                self._changed.wait_for(lambda: self._closed or size - self._used >= count)
            if self._closed:
                return
            if size - self._used < count:
                self._lost += count
                return
            head = min(count, size - self._write)
            self._data[self._write : self._write + head] = samples[:head]
            if count > head:
                self._data[: count - head] = samples[head:]
            self._blocks.append((count, adc_s, overflow, self._lost, self.paused))
            self._write = (self._write + count) % size
            self._used += count
            self._lost = 0
            if self._used >= self._wanted:
                self._changed.notify_all()

    def read(self, timeout: float, least: int = 1) -> AudioBlock | None:
        """Oldest block as it was written, or ``None`` if there is none after ``timeout`` seconds.

        It waits as long until the ring holds ``least`` samples, so that the reader need not wake
        for blocks that it can do nothing with; what there is then comes without another wait.

        Raises
        ------
        BaseException
            The error that the writer gave to :meth:`close`, once all earlier blocks were read.
        """
        with self._changed:
            self._wanted = min(least, len(self._data) // 2)
            if not (self._overdue and self._blocks):
                self._overdue = not self._changed.wait_for(self._has_enough, timeout)
            if not self._blocks:
                if self._error is not None:
                    raise self._error
                return None
            count, adc_s, overflow, lost, paused = self._blocks.popleft()
            start = (self._write - self._used) % len(self._data)
            head = self._data[start : start + count]
            samples = np.concatenate([head, self._data[: count - len(head)]])
            self._used -= count
            if self._blocking:
                self._changed.notify_all()
            return AudioBlock(samples, adc_s, overflow, lost, paused)

    def _has_enough(self) -> bool:
        return self._closed or (self._used >= self._wanted and bool(self._blocks))

    @property
    def waiting(self) -> int:
        """Samples that were written and not read."""
        with self._changed:
            return self._used

    def close(self, error: BaseException | None = None) -> None:
        """End the stream; a waiting reader or writer returns."""
        with self._changed:
            self._closed = True
            self._error = self._error or error
            self._changed.notify_all()

    @property
    def ended(self) -> bool:
        """Whether the ring was closed, every block was read, and no error is left to be raised."""
        with self._changed:
            return self._closed and not self._blocks and self._error is None

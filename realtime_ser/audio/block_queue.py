"""The ring buffer between a capture thread and the worker: a bounded queue of blocks.

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
    lost: int  # samples before these for which the queue had no room
    paused: bool  # nobody was to listen when they came


class BlockQueue:
    """Bounded queue of blocks, one writer and one reader.

    Parameters
    ----------
    frames
        Most samples a channel that it holds.
    blocking
        Whether the writer waits for room (a file) or drops and counts (a microphone).

    Attributes
    ----------
    paused
        Whether nobody is to listen to what is written from now on.
    """

    def __init__(self, frames: int, *, blocking: bool) -> None:
        self.paused = False
        self._frames = frames
        self._blocking = blocking
        self._changed = threading.Condition()
        self._blocks: deque[tuple[NDArray[np.float32], float | None, bool, int, bool]] = deque()
        self._used = 0
        self._wanted = 1
        self._lost = 0
        self._closed = False
        self._error: BaseException | None = None

    def write(
        self, samples: NDArray[np.float32], adc_s: float | None, *, overflow: bool = False
    ) -> None:
        """Add a copy of samples: shape ``(n, channels)``, ``n`` at most the queue's size."""
        count, most_used = len(samples), self._frames - len(samples)
        with self._changed:
            if self._blocking:
                self._changed.wait_for(lambda: self._closed or self._used <= most_used)
            if self._closed:
                return
            if self._used > most_used:
                self._lost += count
                return
            self._blocks.append((samples.copy(), adc_s, overflow, self._lost, self.paused))
            self._used += count
            self._lost = 0
            if self._used >= self._wanted:
                self._changed.notify_all()

    def read(self, timeout: float, least: int = 1) -> list[AudioBlock]:
        """Oldest blocks, as they were written, that hold ``least`` samples together.

        It waits until there are so many, so that the reader need not wake for blocks that it can
        do nothing with; after ``timeout`` seconds it gives what there is.

        Raises
        ------
        BaseException
            The error that the writer gave to :meth:`close`, once all earlier blocks were read.
        """
        with self._changed:
            self._wanted = max(1, min(least, self._frames // 2))
            self._changed.wait_for(self._has_enough, timeout)
            if not self._blocks and self._error is not None:
                raise self._error
            blocks: list[AudioBlock] = []
            taken = 0
            while self._blocks and taken < self._wanted:
                blocks.append(AudioBlock(*self._blocks.popleft()))
                taken += len(blocks[-1].samples)
            self._used -= taken
            if self._blocking:
                self._changed.notify_all()
            return blocks

    def _has_enough(self) -> bool:
        return self._closed or self._used >= self._wanted

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
        """Whether the queue was closed, every block was read, and no error is left to be raised."""
        with self._changed:
            return self._closed and not self._blocks and self._error is None

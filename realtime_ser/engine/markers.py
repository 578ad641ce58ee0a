"""The queue of markers between the threads that mark and the worker."""

from __future__ import annotations

import threading
from dataclasses import replace

from realtime_ser.base.records import IntervalOpened, Marker


class MarkerQueue:
    """Markers on their way to the worker, and the intervals that are still open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: list[Marker | IntervalOpened] = []
        self._open: dict[str, Marker] = {}

    def put(self, marker: Marker) -> None:
        """Add a marker that is complete."""
        with self._lock:
            self._pending.append(marker)

    def open(self, marker: Marker) -> None:
        """Open an interval; its marker follows under the same code when it is closed."""
        with self._lock:
            self._pending.append(IntervalOpened(marker))
            self._open[marker.code] = marker

    def close(self, code: str, now_s: float) -> Marker | None:
        """Close the interval of a code at ``now_s`` seconds; ``None``: none is open."""
        with self._lock:
            return self._close(code, now_s)

    def close_all(self, now_s: float) -> None:
        """Close every open interval at ``now_s`` seconds."""
        with self._lock:
            for code in list(self._open):
                self._close(code, now_s)

    def drain(self) -> list[Marker | IntervalOpened]:
        """Take all markers out of the queue, in order."""
        with self._lock:
            markers, self._pending = self._pending, []
            return markers

    def _close(self, code: str, now_s: float) -> Marker | None:
        marker = self._open.pop(code, None)
        if marker is None:
            return None
        closed = replace(marker, duration_s=max(0.0, now_s - marker.time_s))
        self._pending.append(closed)
        return closed

"""How fast updates come, and how late. No Qt."""

from __future__ import annotations

import statistics
from collections import deque

from realtime_ser.base.records import Update

#: Figures are of the last seconds.
_WINDOW_S = 3.0


class RateMeter:
    """Counts updates.

    Parameters
    ----------
    channels
        Number of channels that share the stream; the pace is that of one.
    """

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._arrivals: deque[tuple[float, int]] = deque()
        self._latencies: deque[float] = deque(maxlen=40 * channels)

    def feed(self, updates: list[Update], now_s: float) -> None:
        """Note updates that arrived at ``now_s`` on the monotonic clock."""
        if updates:
            self._arrivals.append((now_s, len(updates)))
        self._latencies.extend(u.latency_ms for u in updates if u.latency_ms is not None)
        while self._arrivals and self._arrivals[0][0] < now_s - _WINDOW_S:
            self._arrivals.popleft()

    def updates_per_s(self) -> float | None:
        """Updates of one channel a second; ``None`` until there are enough to tell."""
        if len(self._arrivals) < 2 or self._arrivals[-1][0] - self._arrivals[0][0] < 0.5:
            return None
        # Those of the first arrival came before the stretch that is measured.
        count = sum(number for _, number in self._arrivals) - self._arrivals[0][1]
        return count / self._channels / (self._arrivals[-1][0] - self._arrivals[0][0])

    def latency_ms(self) -> float | None:
        """Median latency in milliseconds; ``None`` for files."""
        return statistics.median(self._latencies) if self._latencies else None

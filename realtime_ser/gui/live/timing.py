"""How the session's time and its results arrive, by the monotonic clock. No Qt."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from statistics import median

from realtime_ser.base.records import Update

HOLD_S = 0.25  # without news for this long the edge stands still: a pause, or a source that stalls
_SETTLE_S = 0.4  # time constant with which the edge drifts back to the session's clock
_JUMP_S = 1.0  # a larger error is a jump of the session's clock, not jitter: follow at once


class ScrollClock:
    """Follows the session's clock smoothly, by the monotonic clock; never goes back.

    Parameters
    ----------
    rate
        Session seconds a second; 0 for a source that runs as fast as it can.
    """

    def __init__(self, rate: float = 1.0) -> None:
        self._rate = rate
        self._position = 0.0
        self._arrived_s = -math.inf
        self._shown_s = 0.0
        self._read_s = -math.inf

    def feed(self, position_s: float, now_s: float) -> None:
        """Note that the session has come to ``position_s`` at ``now_s`` on the monotonic clock."""
        if position_s > self._position:
            self._position = position_s
            self._arrived_s = now_s

    def read(self, now_s: float) -> float:
        """Session time to show at the right edge at ``now_s``, in seconds."""
        age = now_s - self._arrived_s
        elapsed = now_s - self._read_s
        self._read_s = now_s
        target = self._position + self._rate * min(age, HOLD_S)
        predicted_s = self._shown_s + (self._rate * elapsed if age < HOLD_S else 0.0)
        error = target - predicted_s
        if self._rate == 0.0 or not abs(error) < _JUMP_S * self._rate:
            self._shown_s = max(self._shown_s, self._position)
        else:
            settled = predicted_s + error * (1.0 - math.exp(-elapsed / _SETTLE_S))
            self._shown_s = max(self._shown_s, settled)
        return self._shown_s


_WINDOW_S = 3.0  # figures are of the last seconds


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

    def feed(self, updates: Sequence[Update], now_s: float) -> None:
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
        return median(self._latencies) if self._latencies else None

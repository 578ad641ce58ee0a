"""The meeting place of a monitor's threads: all state that two of them touch.

======================  ====================================================
capture to worker       ``ring``
any thread to worker    ``markers``, ``paused``, ``stopped``
worker to any thread    ``status``, ``clock``
worker to a consumer    a :class:`Subscription` each
======================  ====================================================

The ring, the marker queue and a subscription hold their own locks. The status is a frozen value and
the clock's offset a number, which are replaced and never changed; an event needs no lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from realtime_ser.audio.ring import RingBuffer
from realtime_ser.base.records import IntervalOpened, Marker, Record
from realtime_ser.base.timebase import SessionClock, clock_s
from realtime_ser.engine.status import Status
from realtime_ser.engine.subscription import Subscription


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


class Handover:
    """Shared state of a monitor's threads; a live source waits for nobody."""

    def __init__(self, ring: RingBuffer, *, live: bool) -> None:
        self.ring = ring
        self.markers = MarkerQueue()
        self.paused = threading.Event()
        self.stopped = threading.Event()
        self.status = Status()
        self.clock = SessionClock()
        self._live = live
        self._subscriptions: tuple[Subscription, ...] = ()

    @property
    def now_s(self) -> float:
        """Time of the session now, in seconds; for a file, the end of what was processed."""
        if not self._live:
            return self.status.position_s
        return max(0.0, clock_s() - self.clock.adc_time(0))

    def subscribe(
        self, capacity: int, *, sound: bool, wake: Callable[[], None] | None = None
    ) -> Subscription:
        """Add a consumer of all records that are published from now on."""
        subscription = Subscription(capacity, blocking=not self._live, sound=sound, wake=wake)
        # A new tuple, since the worker may be walking along the old one.
        self._subscriptions = (*self._subscriptions, subscription)
        return subscription

    def publish(self, records: Sequence[Record]) -> None:
        """Feed records to every consumer; called by the worker."""
        for subscription in self._subscriptions:
            subscription.feed(records)

    def stop(self) -> None:
        """Ask the worker to end, and wake it."""
        self.stopped.set()
        for subscription in self._subscriptions:
            subscription.lift_limit()
        self.ring.close()

    def close(self) -> None:
        """End every subscription."""
        for subscription in self._subscriptions:
            subscription.close()

"""The meeting place of a monitor's threads: all state that two of them touch.

======================  ====================================================
capture to worker       ``blocks``, and whether it is paused
any thread to worker    ``markers``, ``stopped``
worker to any thread    ``status``, ``clock``
worker to a consumer    a :class:`Subscription` each
======================  ====================================================

The queues of blocks and of markers and a subscription hold their own locks. The status is a frozen
value and the clock's offset a number, which are replaced and never changed; an event needs no lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from realtime_ser.audio.block_queue import BlockQueue
from realtime_ser.base.records import SAMPLE_RATE, USER, IntervalOpened, Marker, Record, Sound
from realtime_ser.base.timebase import SessionClock, clock_s
from realtime_ser.engine.status import Status
from realtime_ser.engine.subscription import Subscription


@dataclass(frozen=True, slots=True)
class OutsideMarker:
    """What another program marked.

    Attributes
    ----------
    at_s
        Its moment, in seconds on the monotonic clock.
    text
        Text of the moment, or name of the interval.
    source
        Where it came from.
    edge
        Whether an interval of this name begins or ends; ``None``: it is a moment.
    """

    at_s: float
    text: str
    source: str
    edge: Literal["begin", "end"] | None = None


class MarkerQueue:
    """Markers on their way to the worker, and the intervals that are still open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._outside: list[OutsideMarker] = []
        self._pending: list[Marker | IntervalOpened] = []
        self._open: dict[tuple[str, str], Marker] = {}

    def put(self, marker: Marker) -> None:
        """Add a marker that is complete."""
        with self._lock:
            self._pending.append(marker)

    def open(self, marker: Marker) -> None:
        """Open an interval; its marker follows under the same code when it is closed."""
        with self._lock:
            self._pending.append(IntervalOpened(marker))
            self._open[marker.source, marker.code] = marker

    def close(self, code: str, now_s: float, source: str = USER) -> Marker | None:
        """Close the interval of a code and source at ``now_s`` seconds; ``None``: none is open."""
        with self._lock:
            return self._close((source, code), now_s)

    def close_all(self, now_s: float) -> None:
        """Close every open interval at ``now_s`` seconds."""
        with self._lock:
            for key in list(self._open):
                self._close(key, now_s)

    def put_outside(self, marker: OutsideMarker) -> None:
        """Add a marker of another program, which waits until its place in the session is known."""
        with self._lock:
            self._outside.append(marker)

    def take_outside(self) -> list[OutsideMarker]:
        """Take the markers of other programs out of the queue, in order."""
        if not self._outside:  # as nearly always
            return []
        with self._lock:
            markers, self._outside = self._outside, []
            return markers

    def drain(self) -> list[Marker | IntervalOpened]:
        """Take all markers out of the queue, in order."""
        if not self._pending:
            return []
        with self._lock:
            markers, self._pending = self._pending, []
            return markers

    def _close(self, key: tuple[str, str], now_s: float) -> Marker | None:
        marker = self._open.pop(key, None)
        if marker is None:
            return None
        closed = replace(marker, duration_s=max(0.0, now_s - marker.time_s))
        self._pending.append(closed)
        return closed


class Handover:
    """Shared state of a monitor's threads; a live source waits for nobody."""

    def __init__(self, queue: BlockQueue, *, live: bool) -> None:
        self.blocks = queue
        self.markers = MarkerQueue()
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
        self,
        capacity: int,
        *,
        sound: bool,
        wake: Callable[[], None] | None = None,
        waited_for: bool = True,
    ) -> Subscription:
        """Add a consumer of all records that are published from now on."""
        blocking = waited_for and not self._live
        subscription = Subscription(capacity, blocking=blocking, sound=sound, wake=wake)
        # A new tuple, since the worker may be walking along the old one.
        self._subscriptions = (*self._subscriptions, subscription)
        return subscription

    def publish(self, records: Sequence[Record]) -> None:
        """Feed records to every consumer; called by the worker."""
        for subscription in self._subscriptions:
            subscription.feed(records)

    def publish_sound(self, position: int, samples: NDArray[np.float32]) -> None:
        """Feed sound from native sample ``position`` on to those who want it."""
        for subscription in self._subscriptions:
            if subscription.sound:
                subscription.feed([Sound(position, samples)])

    def place_outside(self) -> None:
        """Give the markers of other programs their times in the session; called by the worker."""
        for outside in self.markers.take_outside():
            time_s = max(0.0, self._time_at(outside.at_s))
            text, source = outside.text, outside.source
            if outside.edge is None:
                self.markers.put(self._marker(time_s, text, "", source))
                continue
            closed = self.markers.close(text, time_s, source)
            if outside.edge == "begin":
                self.markers.open(self._marker(time_s, text, text, source))
            elif closed is None:  # an end without a beginning
                self.markers.put(self._marker(time_s, f"{text} end", "", source))

    def _time_at(self, at_s: float) -> float:
        """Time in the session of a moment of the monotonic clock, in seconds."""
        if self._live:
            return at_s - self.clock.adc_time(0)
        return self.status.position_s - (clock_s() - at_s)

    def _marker(self, time_s: float, text: str, code: str, source: str) -> Marker:
        wall = self.clock.wall_clock(round(time_s * SAMPLE_RATE))
        return Marker(time_s, text, code, source=source, wall_clock=wall)

    def stop(self) -> None:
        """Ask the worker to end, and wake it."""
        self.stopped.set()
        for subscription in self._subscriptions:
            subscription.lift_limit()
        self.blocks.close()

    def close(self) -> None:
        """End every subscription."""
        for subscription in self._subscriptions:
            subscription.close()

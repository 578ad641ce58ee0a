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
import time
from collections.abc import Sequence

from realtime_ser.audio.ring import RingBuffer
from realtime_ser.base.clock import SessionClock
from realtime_ser.base.records import Record
from realtime_ser.engine.markers import MarkerQueue
from realtime_ser.engine.status import Status
from realtime_ser.engine.subscription import Subscription


class Handover:
    """Shared state of a monitor's threads.

    Parameters
    ----------
    ring
        Ring between the capture thread and the worker.
    live
        Whether the source is a microphone, which waits for nobody.
    """

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
        return max(0.0, time.monotonic() - self.clock.adc_time(0))

    def subscribe(self, capacity: int, *, sound: bool) -> Subscription:
        """Add a consumer of all records that are published from now on."""
        subscription = Subscription(capacity, blocking=not self._live, sound=sound)
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

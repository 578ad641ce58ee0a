"""The queue of records between the worker and one consumer: a view, a recorder, or a script."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from realtime_ser.base.records import Record, Sound


class Subscription:
    """Bounded queue of records from the worker to one consumer.

    Iterating waits for records until the monitor has ended.

    Parameters
    ----------
    capacity
        Most records that the queue holds.
    blocking
        Whether the worker waits for room (a file) or drops the oldest record and counts it.
    sound
        Whether the consumer receives :class:`~realtime_ser.base.records.Sound` as well.
    wake
        Called in the worker's thread, and returns at once, when there is something else than sound
        to drain; once, until that is drained.
    """

    def __init__(
        self,
        capacity: int,
        *,
        blocking: bool,
        sound: bool = False,
        wake: Callable[[], None] | None = None,
    ) -> None:
        self.sound = sound
        self._wake = wake
        self._awake = wake is None
        self._records: deque[Record] = deque()
        self._capacity = capacity
        self._blocking = blocking
        self._bounded = True
        self._changed = threading.Condition()
        self._closed = False
        self._dropped = 0
        self._wanted = 1

    @property
    def dropped(self) -> int:
        """Records lost because the consumer was too slow."""
        with self._changed:
            return self._dropped

    def feed(self, records: Sequence[Record]) -> None:
        """Add records; called by the worker."""
        with self._changed:
            for record in records:
                if isinstance(record, Sound) and not self.sound:
                    continue
                if self._blocking and not self._has_room():
                    self._changed.notify_all()
                    self._changed.wait_for(self._has_room)
                elif not self._has_room():
                    self._records.popleft()
                    self._dropped += 1
                if not self._closed:
                    self._records.append(record)
            if len(self._records) >= self._wanted:
                self._changed.notify_all()
            news = not self._awake and any(not isinstance(one, Sound) for one in records)
            self._awake = self._awake or news
        if news and self._wake is not None:
            self._wake()

    def _has_room(self) -> bool:
        return self._closed or not self._bounded or len(self._records) < self._capacity

    def lift_limit(self) -> None:
        """Neither wait nor drop from now on: the last records are on their way."""
        with self._changed:
            self._bounded = False
            self._changed.notify_all()

    def close(self) -> None:
        """End the stream; queued records can still be drained."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def ended(self) -> bool:
        """Whether the stream was closed and every record was drained."""
        with self._changed:
            return self._closed and not self._records

    def drain(self, timeout: float = 0.0, *, gather: bool = False) -> list[Record]:
        """Records since the last call; waits up to ``timeout`` seconds for the first.

        A consumer that gathers is not woken for each, but when the time is over or its queue is
        half full.
        """
        with self._changed:
            self._wanted = self._capacity // 2 + 1 if gather else 1
            self._changed.wait_for(
                lambda: self._closed or len(self._records) >= self._wanted, timeout
            )
            records = list(self._records)
            self._records.clear()
            self._awake = self._wake is None
            self._changed.notify_all()
            return records

    def __iter__(self) -> Iterator[Record]:
        """Records until the end."""
        while not self.ended:
            yield from self.drain(timeout=1.0)

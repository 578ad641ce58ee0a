"""The threads that bring a session to the disk: from subscriptions to the store and to files."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from realtime_ser.base.errors import BusyStoreError, OutputError, fault_text
from realtime_ser.base.memory import trim_heap
from realtime_ser.base.records import Record
from realtime_ser.base.text import count_text
from realtime_ser.engine.subscription import Subscription
from realtime_ser.session.statistics import SummaryAccumulator

_log = logging.getLogger(__name__)

COMMIT_S = 0.6
"""Seconds between two flushes. With what is on its way, a crash loses less than a second."""

END_PATIENCE_S = 10.0
"""Longest time that the end of a session waits for a disk, or for another program."""

_RETRY_S = 0.1
_TRIM_S = 60.0


class RecordSink(Protocol):
    """Place that keeps records.

    What the disk refuses waits in memory, and is tried again with the next flush.
    """

    @property
    def loss(self) -> str | None:
        """What is missing for good, in a sentence; ``None``: nothing."""

    def feed(self, records: Sequence[Record]) -> None:
        """Take records, in order, without a wait for the disk."""

    def flush(self) -> None:
        """Bring to the disk all records that were taken; raise :class:`OutputError` if refused."""

    def finish(self) -> None:
        """Complete what was written; raise :class:`OutputError` if refused."""

    def close(self) -> None:
        """Let go of what is open, complete or not; safe to call twice."""


class SessionRecorder:
    """Feeds the records of a session to sinks, each in a thread of its own.

    None waits for another, and one that fails leaves the others alone, whatever its error.

    Attributes
    ----------
    tally
        Summary of all records so far.
    """

    def __init__(self, reference: Sequence[float] | None = None) -> None:
        self.tally = SummaryAccumulator(reference)
        self._threads: dict[RecordSink, _SinkThread] = {}
        self._tally_thread: threading.Thread | None = None

    def first_error(self, wanted: Callable[[RecordSink], bool] = lambda _: True) -> str | None:
        """Reason why the first of some sinks that is incomplete is so; one sentence."""
        errors = (thread.error for sink, thread in self._threads.items() if wanted(sink))
        return next((error for error in errors if error is not None), None)

    def error_of(self, sink: RecordSink) -> str | None:
        """Reason why a sink is incomplete; one sentence."""
        return self.first_error(lambda one: one is sink)

    def start(
        self, records: Subscription, sinks: Sequence[tuple[RecordSink, Subscription]]
    ) -> None:
        """Begin to sum up ``records``, and to feed each sink the records of its subscription.

        The sinks are finished in their order.
        """
        self._threads = {sink: _SinkThread(sink, queue) for sink, queue in sinks}
        self._tally_thread = threading.Thread(
            target=self._sum_up, args=(records,), name="tally", daemon=True
        )
        for thread in (self._tally_thread, *self._threads.values()):
            thread.start()

    def finish(self, say: Callable[[str], None] = lambda _: None) -> None:
        """Return when all is on the disk; the monitor must have stopped. Safe to call twice.

        Parameters
        ----------
        say
            Called with a sentence where this takes long.
        """
        if self._tally_thread is None:
            return
        self._tally_thread.join()
        self._tally_thread = None
        deadline_s = time.monotonic() + END_PATIENCE_S
        for thread in self._threads.values():
            thread.finish(deadline_s, say)

    def _sum_up(self, records: Subscription) -> None:
        due_s = time.monotonic() + _TRIM_S
        while not records.ended:
            for record in records.drain(COMMIT_S, gather=True):
                self.tally.feed(record)
            if time.monotonic() >= due_s:  # here nobody waits for it
                trim_heap()
                due_s = time.monotonic() + _TRIM_S


class _SinkThread(threading.Thread):
    """Thread that feeds one sink, and flushes it every :data:`COMMIT_S` seconds."""

    def __init__(self, sink: RecordSink, records: Subscription) -> None:
        super().__init__(name=f"writer of {type(sink).__name__}", daemon=True)
        self._sink = sink
        self._records = records
        self._fault: str | None = None
        self._refusal: OutputError | None = None
        self._due_s = 0.0

    @property
    def error(self) -> str | None:
        """Reason why the sink is incomplete, now or for good; one sentence."""
        if self._fault is not None:
            return self._fault
        if self._refusal is not None:
            return str(self._refusal)
        dropped = self._records.dropped
        if dropped:
            return f"The disk was too slow for {count_text(dropped, 'record')}, which are lost."
        return self._sink.loss

    def run(self) -> None:
        self._due_s = time.monotonic() + COMMIT_S
        try:
            while not self._records.ended and self._fault is None:
                self._run_once()
            self._flush()
        finally:
            self._records.close()

    def finish(self, deadline_s: float, say: Callable[[str], None]) -> None:
        """Complete the sink, at the latest at a moment of the monotonic clock."""
        self.join(max(0.0, deadline_s - time.monotonic()))
        if self.is_alive():
            self._fault = self._fault or "The disk does not answer: the session may be incomplete."
            return
        self._complete()
        if isinstance(self._refusal, BusyStoreError):
            say(f"{self._refusal} It is waited for, {END_PATIENCE_S:.0f} s at most.")
        while isinstance(self._refusal, BusyStoreError) and time.monotonic() < deadline_s:
            time.sleep(_RETRY_S)
            self._complete()
        self._try(self._sink.close)

    def _run_once(self) -> None:
        records = self._records.drain(max(0.0, self._due_s - time.monotonic()), gather=True)
        self._try(partial(self._sink.feed, records))
        if time.monotonic() >= self._due_s:
            self._flush()
            self._due_s = time.monotonic() + COMMIT_S

    def _flush(self) -> None:
        if self._fault is None and self._try(self._sink.flush):
            self._refusal = None

    def _complete(self) -> None:
        if self._try(self._sink.finish):
            self._refusal = None

    def _try(self, action: Callable[[], None]) -> bool:
        """Call a method of the sink, note its error, and return whether there was none."""
        try:
            action()
        except OutputError as error:
            self._refusal = error
        except Exception as error:  # noqa: BLE001 - whatever it is, the other sinks go on
            _log.exception("the %s failed", self.name)
            fault = f"{fault_text(self.name, error)}: what it writes is incomplete."
            self._fault = self._fault or fault
        else:
            return True
        return False

"""The thread that brings a session to the disk: it hands what a subscription brings to sinks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from realtime_ser.base.errors import OutputError
from realtime_ser.base.records import Record
from realtime_ser.engine.subscription import Subscription
from realtime_ser.session.running_summary import SummaryAccumulator

COMMIT_S = 0.8
"""Time between two flushes. With what is on its way, a crash loses less than a second."""


class RecordSink(Protocol):
    """Keeps records somewhere; each method raises :class:`OutputError` where it cannot."""

    @property
    def recovers(self) -> bool:
        """Whether it may go on after a failure."""

    def feed(self, records: Sequence[Record]) -> None:
        """Take records."""

    def flush(self) -> None:
        """Bring to the disk what was taken."""

    def finish(self) -> None:
        """Complete what was written, and close it."""

    def discard(self) -> None:
        """Remove what was written for a session that never began."""


class SessionRecorder:
    """Takes a subscription and gives all it brings to several sinks.

    A sink that fails is left alone, or tried again if it recovers; the others go on.

    Parameters
    ----------
    sinks
        Where to keep the records, the most important first.

    Attributes
    ----------
    tally
        Sums up what was written.
    """

    def __init__(self, sinks: Sequence[RecordSink]) -> None:
        self.tally = SummaryAccumulator()
        self._sinks = tuple(sinks)
        self._faults: dict[int, str] = {}
        self._thread: threading.Thread | None = None
        self._open = True

    @property
    def error(self) -> str | None:
        """Why something is not being written; one sentence."""
        return next(iter(list(self._faults.values())), None)

    @property
    def failed(self) -> bool:
        """Whether nothing is being written any more."""
        return len(self._faults) == len(self._sinks) > 0

    def is_writing(self, sink: RecordSink) -> bool:
        """Whether a sink has not failed, or does so no longer."""
        return id(sink) not in self._faults

    def start(self, subscription: Subscription) -> None:
        """Begin to write what ``subscription`` brings."""
        self._thread = threading.Thread(
            target=self._run, args=(subscription,), name="writer", daemon=True
        )
        self._thread.start()

    def finish(self) -> None:
        """Return when all is on the disk; the monitor must have stopped. Safe to call twice."""
        if self._thread is not None:
            self._thread.join()
        if self._open:
            self._open = False
            self._call_sinks(lambda sink: sink.finish(), self._sinks)

    def discard(self) -> None:
        """The same, but remove what was written: the session never began."""
        if self._thread is not None:
            self._thread.join()
        if self._open:
            self._open = False
            self._call_sinks(lambda sink: sink.discard(), self._sinks)

    def _run(self, subscription: Subscription) -> None:
        try:
            flushed_s = time.monotonic()
            while not subscription.ended and self._working_sinks:
                due_s = flushed_s + COMMIT_S
                self._feed_sinks(subscription.drain(max(0.0, due_s - time.monotonic())))
                if time.monotonic() >= due_s:
                    self._call_sinks(lambda sink: sink.flush(), self._working_sinks)
                    flushed_s = time.monotonic()
            self._call_sinks(lambda sink: sink.flush(), self._working_sinks)
        finally:
            subscription.close()

    @property
    def _working_sinks(self) -> list[RecordSink]:
        return [sink for sink in self._sinks if sink.recovers or id(sink) not in self._faults]

    def _feed_sinks(self, records: Sequence[Record]) -> None:
        for record in records:
            self.tally.feed(record)
        if records:
            self._call_sinks(
                lambda sink: sink.feed(records), self._working_sinks, clears_faults=False
            )

    def _call_sinks(
        self,
        action: Callable[[RecordSink], None],
        sinks: Sequence[RecordSink],
        *,
        clears_faults: bool = True,
    ) -> None:
        """Let sinks act, and note which fail; with ``clears_faults``, also which work again."""
        for sink in sinks:
            try:
                action(sink)
            except OutputError as error:
                self._faults.setdefault(id(sink), str(error))
            else:
                if clears_faults and sink.recovers:
                    self._faults.pop(id(sink), None)

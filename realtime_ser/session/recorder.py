"""The thread that brings a session to the disk: from a subscription to the store and to files."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from realtime_ser.base.errors import OutputError
from realtime_ser.base.records import Record
from realtime_ser.engine.subscription import Subscription
from realtime_ser.session.statistics import SummaryAccumulator

COMMIT_S = 0.8
"""Seconds between two flushes. With what is on its way, a crash loses less than a second."""


class RecordSink(Protocol):
    """Place that keeps records; each method raises :class:`OutputError` where the disk refuses."""

    def feed(self, records: Sequence[Record]) -> None:
        """Take records, in order."""

    def flush(self) -> None:
        """Bring to the disk all records that were taken."""

    def finish(self) -> None:
        """Complete what was written, and close it."""


class SessionRecorder:
    """Feeds the records of a subscription to the store and to files.

    The store keeps what it could not commit and is tried again; a file that failed is left alone.
    The others go on.

    Attributes
    ----------
    tally
        Summary of all records so far.
    """

    def __init__(self) -> None:
        self.tally = SummaryAccumulator()
        self._store: RecordSink | None = None
        self._store_error: str | None = None
        self._files: Sequence[RecordSink] = ()
        self._file_errors: dict[RecordSink, str] = {}
        self._thread: threading.Thread | None = None

    @property
    def error(self) -> str | None:
        """Reason why the store or a file is incomplete; one sentence."""
        return self._store_error or next(iter(list(self._file_errors.values())), None)

    @property
    def failed(self) -> bool:
        """Whether nothing reaches the disk any more."""
        faults = [self._file_errors.get(sink) for sink in self._files]
        if self._store is not None:
            faults.append(self._store_error)
        return bool(faults) and all(faults)

    def is_writing(self, file: RecordSink) -> bool:
        """Whether a file is among those written, and has not failed."""
        return file in self._files and file not in self._file_errors

    def start(
        self, subscription: Subscription, store: RecordSink | None, files: Sequence[RecordSink]
    ) -> None:
        """Begin to feed the records of ``subscription`` to ``store``, if any, and to ``files``."""
        self._store, self._files = store, tuple(files)
        self._thread = threading.Thread(
            target=self._run, args=(subscription,), name="writer", daemon=True
        )
        self._thread.start()

    def finish(self) -> None:
        """Return when all is on the disk; the monitor must have stopped. Safe to call twice."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        thread.join()
        if self._store is not None:
            self._store_error = _fault(self._store.finish)
        for file in self._files:
            self._try(file, file.finish)

    def _run(self, subscription: Subscription) -> None:
        try:
            flushed_s = time.monotonic()
            while not subscription.ended and (self._store is not None or self._working_files()):
                due_s = flushed_s + COMMIT_S
                self._feed(subscription.drain(max(0.0, due_s - time.monotonic())))
                if time.monotonic() >= due_s:
                    self._flush()
                    flushed_s = time.monotonic()
            self._flush()
        finally:
            subscription.close()

    def _feed(self, records: Sequence[Record]) -> None:
        for record in records:
            self.tally.feed(record)
        if self._store is not None:
            self._store.feed(records)
        for file in self._working_files():
            self._try(file, partial(file.feed, records))

    def _flush(self) -> None:
        if self._store is not None:
            self._store_error = _fault(self._store.flush)
        for file in self._working_files():
            self._try(file, file.flush)

    def _working_files(self) -> list[RecordSink]:
        return [file for file in self._files if file not in self._file_errors]

    def _try(self, file: RecordSink, action: Callable[[], None]) -> None:
        fault = _fault(action)
        if fault is not None:
            self._file_errors.setdefault(file, fault)


def _fault(action: Callable[[], None]) -> str | None:
    """Sentence of the error that an action on a sink raised; ``None``: it went well."""
    try:
        action()
    except OutputError as error:
        return str(error)
    return None

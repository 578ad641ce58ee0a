"""Storing of an analysis while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from realtime_ser.engine.offline import AnalysedBlock
from realtime_ser.session.metadata import SessionMetadata
from realtime_ser.session.recorder import COMMIT_S
from realtime_ser.session.store import Store, StoreWriter

Advance = Callable[[float], None]
"""Told from time to time what share is done; an error that it raises ends the work."""


@contextmanager
def new_session(store: Store, metadata: SessionMetadata) -> Iterator[StoreWriter]:
    """Begin a session that is complete after the body, and deleted when the body fails."""
    writer = store.begin(metadata)
    try:
        yield writer
    except BaseException:
        writer.discard()
        raise
    writer.finish()


def feed_blocks(writer: StoreWriter, blocks: Iterable[AnalysedBlock], advance: Advance) -> None:
    """Store the records of an analysis as they come."""
    due_s = time.monotonic() + COMMIT_S
    for records, share in blocks:
        writer.feed(records)
        if time.monotonic() >= due_s:
            writer.flush()
            due_s = time.monotonic() + COMMIT_S
        advance(share)

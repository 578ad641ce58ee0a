"""A page's session in the store, where the server was started to keep them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from realtime_ser.base.config import Config
from realtime_ser.base.records import Record
from realtime_ser.engine.subscription import Subscription
from realtime_ser.session.metadata import SessionHealth, SessionMetadata
from realtime_ser.session.recorder import SessionRecorder
from realtime_ser.session.store_sink import StoreSink

_CAPACITY = 50_000  # records: an hour of one channel


class SessionKeeper:
    """Stores the records of one session, in threads of its own; no sound."""

    def __init__(
        self,
        config: Config,
        metadata: SessionMetadata,
        health: Callable[[], SessionHealth] = SessionHealth,
    ) -> None:
        self._sink = StoreSink(config, metadata, health)
        self._queues = [Subscription(_CAPACITY, blocking=not metadata.source.live) for _ in "ab"]
        self._recorder = SessionRecorder()
        self._recorder.start(self._queues[0], [(self._sink, self._queues[1])])

    def feed(self, records: Sequence[Record]) -> None:
        """Take records, without a wait for the disk."""
        for queue in self._queues:
            queue.feed(records)

    def finish(self) -> tuple[str | None, str | None]:
        """ID of the session once all is on the disk, and why something is missing, or ``None``."""
        for queue in self._queues:
            queue.lift_limit()
            queue.close()
        self._recorder.finish()
        return self._sink.id, self._recorder.first_error()

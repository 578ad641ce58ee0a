"""The store as a sink of a live session, which begins there as soon as the store can be used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from realtime_ser.base.config import Config
from realtime_ser.base.errors import StoreError
from realtime_ser.base.records import Record
from realtime_ser.session.metadata import SessionHealth, SessionMetadata
from realtime_ser.session.store import StoreWriter, open_store
from realtime_ser.session.store.database import LIVE_PATIENCE_S

_MOST_WAITING = 50_000
"""Records that wait at most for a store that cannot be opened: an hour of one channel."""


class StoreSink:
    """Place of a live session in the store.

    Until the store can be used the records wait, and each flush tries again.

    Parameters
    ----------
    config
        All settings.
    metadata
        Metadata of the session.
    health
        Function that returns the health of the session so far.

    Attributes
    ----------
    id
        ID of the session; ``None``: it has not begun in the store.
    folder
        Folder of the session; ``None``: it has not begun.
    """

    def __init__(
        self, config: Config, metadata: SessionMetadata, health: Callable[[], SessionHealth]
    ) -> None:
        self.id: str | None = None
        self.folder: Path | None = None
        self._config = config
        self._metadata = metadata
        self._health = health
        self._writer: StoreWriter | None = None
        self._note_files: Callable[[StoreWriter], None] = lambda _: None
        self._waiting: list[Record] = []
        self._given_up = False

    @property
    def loss(self) -> str | None:
        """What could not be stored for good; one sentence."""
        if self._given_up:
            return "The session is not kept in the store, which could not be used for too long."
        return None if self._writer is None else self._writer.loss

    def try_to_begin(self) -> None:
        """Begin the session in the store, if that can be used now."""
        try:
            self._begun()
        except StoreError:
            return  # the first flush tries again, and tells

    def note_files(self, files: Path, *, named: bool, audio: Path | None) -> None:
        """Note the files of the session: see :meth:`StoreWriter.note_files`."""

        def note(writer: StoreWriter) -> None:
            writer.note_files(files, named=named, audio=audio)

        self._note_files = note
        if self._writer is not None:
            note(self._writer)

    def feed(self, records: Sequence[Record]) -> None:
        """Take records, to be stored with the next :meth:`flush`."""
        if self._writer is not None:
            self._writer.feed(records)
        elif not self._given_up:
            self._waiting += records
            if len(self._waiting) > _MOST_WAITING:
                self._given_up = True
                self._waiting.clear()

    def flush(self) -> None:
        """Store all records that were taken.

        Raises
        ------
        StoreError
            The store cannot be used now; the records are kept for the next time.
        """
        if not self._given_up:
            self._begun().flush()

    def finish(self) -> None:
        """Store the rest, and mark the session as complete.

        Raises
        ------
        StoreError
            The store cannot be used now; it can be tried again.
        """
        if not self._given_up:
            self._begun().complete()

    def close(self) -> None:
        """Let go of the store; a session that is not complete counts as interrupted."""
        if self._writer is not None:
            self._writer.close()

    def discard(self) -> None:
        """Delete the session from the store."""
        if self._writer is not None:
            self._writer.discard()

    def _begun(self) -> StoreWriter:
        if self._writer is None:
            with open_store(self._config, patience_s=LIVE_PATIENCE_S) as store:
                writer = store.begin(self._metadata)
            writer.start(self._metadata.started, self._health)
            self._note_files(writer)
            writer.feed(self._waiting)
            self._waiting = []
            self.id, self.folder, self._writer = writer.id, writer.folder, writer
        return self._writer

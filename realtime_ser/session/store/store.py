"""The store of all sessions: beginning, changing and deleting them."""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from realtime_ser.base.config import Config
from realtime_ser.base.errors import UsageError
from realtime_ser.base.paths import store_folder
from realtime_ser.base.records import Marker
from realtime_ser.base.timebase import local_now
from realtime_ser.session.metadata import SessionMetadata
from realtime_ser.session.store.database import (
    PATIENCE_S,
    RUNNING,
    explained,
    insert,
    is_locked,
    open_database,
    repair_database,
    store_lock,
    transaction,
    update,
)
from realtime_ser.session.store.reader import Query, Reader
from realtime_ser.session.store.salvage import session_row
from realtime_ser.session.store.values import Interval, SessionInfo, SessionState
from realtime_ser.session.store.writer import (
    StoreWriter,
    insert_marker,
    interval_row,
    marker_row,
)

_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # nothing that is taken for something else
_ID_LENGTH = 4

_CHECKED = "retention.checked"
_LATELY = timedelta(days=7)
_MANY = 5


@dataclass(frozen=True, slots=True)
class Deletion:
    """Result of a deletion.

    Attributes
    ----------
    left
        Files of the deleted sessions that are left alone, since a person chose their names.
    log_emptied
        Whether the write-ahead log could be emptied; a program that reads at the time prevents
        this, and the log is overwritten when that program goes on.
    """

    left: tuple[Path, ...]
    log_emptied: bool


@dataclass(frozen=True, slots=True)
class Expiry:
    """Sessions that were too old: those that were deleted, and those left for a person."""

    deleted: tuple[SessionInfo, ...] = ()
    left: tuple[SessionInfo, ...] = ()


class Store(Reader):
    """Store of the sessions in a folder.

    Any number of stores, in any number of programs, may be open on the same folder. One store is
    for one thread at a time. A method that changes or deletes a marker or an interval raises
    :class:`UsageError` where it is not stored (any more), or where an interval has no tier or does
    not end after it starts.
    """

    def begin(self, metadata: SessionMetadata) -> StoreWriter:
        """Begin a session, and return its writer, which has a connection of its own.

        In a temporary store the writer shares the store's connection and thread, nothing marks the
        session as running, and it has no folder.

        Raises
        ------
        StoreError
            The disk refuses; nothing is left.
        """
        with contextlib.ExitStack() as undo, explained(self.path):
            name = self._new_name()
            connection, lock = self._connection, None
            if not self._temporary:
                folder = self.folder / name
                undo.callback(shutil.rmtree, folder, ignore_errors=True)
                lock = store_lock(folder / RUNNING)
                lock.acquire(blocking=False)
                undo.callback(lock.release)
                connection, _ = open_database(self.folder, patience_s=self._patience_s)
                undo.callback(connection.close)
            with transaction(connection):
                key = _insert_session(connection, name, metadata)
            row = session_row(connection, key)
            assert row is not None
            undo.pop_all()
        return StoreWriter(self.path, connection, row, metadata.labels, lock)

    def recover(self) -> list[SessionInfo]:
        """Mark the sessions of programs that were killed as interrupted, and return them.

        Sessions that run in this program or another are left alone.
        """
        found = []
        for name in self._names("state = ?", SessionState.RUNNING):
            if is_locked(self.folder / name / RUNNING):
                continue
            with explained(self.path):
                updated = self._connection.execute(
                    "UPDATE sessions SET state = ? WHERE id = ? AND state = ?",
                    (SessionState.INTERRUPTED, name, SessionState.RUNNING),
                ).rowcount
            if updated:
                self._remove_lock(name)
                found.append(self.session(name))
        return found

    def repair(self, *, briefly: bool = False) -> str | None:
        """Save what can be read of a damaged store into a new one, session by session.

        Parameters
        ----------
        briefly
            Whether to look for damage half a second at most.

        Returns
        -------
        Notice of what was saved; ``None``: no damage was found.

        Raises
        ------
        StoreError
            A session is running, or the disk refuses.
        """
        return repair_database(self.folder, briefly=briefly)

    def keep_interrupted(self, name: str) -> None:
        """Note that a person has decided to keep an interrupted session."""
        self._update("sessions", self._key(name), {"settled": True})

    def rename(self, name: str, title: str) -> None:
        """Give a session a title."""
        self._update("sessions", self._key(name), {"title": title})

    def add_note(self, name: str, text: str) -> None:
        """Add a note to a session."""
        now = local_now().isoformat(timespec="seconds")
        row = {"session": self._key(name), "written": now, "text": text}
        with explained(self.path):
            insert(self._connection, "notes", row)

    def add_marker(self, name: str, marker: Marker) -> int:
        """Add a marker to a session, and return its key."""
        key = self._key(name)
        with explained(self.path):
            return insert_marker(self._connection, key, marker)

    def change_marker(self, key: int, marker: Marker) -> None:
        """Replace the marker of a key."""
        found = self._update("markers", key, marker_row(marker))
        _require_found(f"marker '{marker.text}'", found=found)

    def delete_marker(self, key: int) -> None:
        """Delete the marker of a key."""
        _require_found("marker", found=self._delete_row("markers", key))

    def annotate(
        self, name: str, markers: Sequence[Marker] = (), intervals: Sequence[Interval] = ()
    ) -> list[Interval]:
        """Add markers and labelled intervals to a session, all or none.

        Returns
        -------
        The intervals with their keys.

        Raises
        ------
        UsageError
            There is no such session, or an interval has no tier or does not end after it starts.
        StoreError
            The disk refuses.
        """
        key = self._key(name)
        for interval in intervals:
            _check_interval(interval)
        with explained(self.path), transaction(self._connection):
            for marker in markers:
                insert_marker(self._connection, key, marker)
            rows = [{"session": key} | interval_row(interval) for interval in intervals]
            keys = [insert(self._connection, "intervals", row) for row in rows]
        return [replace(interval, key=key) for interval, key in zip(intervals, keys, strict=True)]

    def change_interval(self, interval: Interval) -> None:
        """Store the changes of an interval that was read before."""
        _check_interval(interval)
        found = self._update("intervals", interval.key, interval_row(interval))
        _require_found(f"interval '{interval.label}'", found=found)

    def delete_interval(self, interval: Interval) -> None:
        """Delete an interval."""
        found = self._delete_row("intervals", interval.key)
        _require_found(f"interval '{interval.label}'", found=found)

    def _update(self, table: str, key: int | None, values: Mapping[str, object]) -> bool:
        """Change columns of a row, and return whether there is such a row."""
        with explained(self.path):
            return update(self._connection, table, key, values)

    def _delete_row(self, table: str, key: int | None) -> bool:
        """Delete a row, and return whether there was one."""
        with explained(self.path):
            found = self._connection.execute(f"DELETE FROM {table} WHERE key = ?", (key,))
        return found.rowcount > 0

    def delete(self, sessions: Sequence[SessionInfo], *, named_files: bool = False) -> Deletion:
        """Delete sessions with their sound, and leave no trace in the store.

        Their places in the database are overwritten with zeros and given back, and the write-ahead
        log is emptied. The tables that the program named itself are removed too, and with
        ``named_files`` those whose names a person chose.

        Raises
        ------
        UsageError
            A session runs; nothing is deleted.
        StoreError
            The disk refuses.
        """
        left: list[Path] = []
        for info in sessions:
            info.require_ended()
        with explained(self.path):
            for info in sessions:
                left += self._remove_files(info, named_files=named_files)
            with transaction(self._connection):
                self._connection.executemany(
                    "DELETE FROM sessions WHERE id = ?", [(info.id,) for info in sessions]
                )
            # A script is run to its end; a statement would give one page back.
            self._connection.executescript("PRAGMA incremental_vacuum")
            (busy, *_) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return Deletion(tuple(left), log_emptied=not busy)

    @contextlib.contextmanager
    def passing(self) -> Iterator[None]:
        """Forget at the end which sessions the body wrote, in a temporary store of its own.

        Raises
        ------
        StoreError
            The disk refuses.
        """
        with explained(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def expire(self, days: float) -> Expiry:
        """Delete the sessions that began more than so many days ago.

        Many at once after a long time are left for a person to delete: the clock of a computer may
        be years ahead, or the setting new.
        """
        limit = local_now() - timedelta(days=days)
        old = self.sessions(Query(before=limit))
        over = [info for info in old if info.state is not SessionState.RUNNING]
        if len(over) > _MANY and not self._checked_lately():
            return Expiry(left=tuple(over))
        if over:
            self.delete(over)
        with explained(self.path):
            (self.folder / _CHECKED).write_text(local_now().isoformat(), encoding="utf-8")
        return Expiry(deleted=tuple(over))

    def _checked_lately(self) -> bool:
        """Whether sessions were looked through for expired ones within the last days."""
        try:
            text = (self.folder / _CHECKED).read_text("utf-8")
            return abs(local_now() - datetime.fromisoformat(text)) < _LATELY
        except (OSError, ValueError, TypeError):
            return False

    def _new_name(self) -> str:
        """New ID, which neither a session nor a folder has; its folder is made with it."""
        while True:
            name = "".join(secrets.SystemRandom().choices(_ALPHABET, k=_ID_LENGTH))
            taken = self._connection.execute("SELECT 1 FROM sessions WHERE id = ?", (name,))
            if taken.fetchone() is None:
                if self._temporary:
                    return name
                with contextlib.suppress(FileExistsError):
                    (self.folder / name).mkdir(mode=0o700)
                    return name

    def _remove_lock(self, name: str) -> None:
        """Remove a session's lock, and its folder where there is nothing else in it."""
        folder = self.folder / name
        (folder / RUNNING).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            folder.rmdir()

    def _remove_files(self, info: SessionInfo, *, named_files: bool) -> list[Path]:
        """Remove a session's files, and return those that are left alone."""
        written = [] if info.files is None else info.files.existing()
        remove = named_files or not info.named
        if remove and info.files is not None:
            for path in (*written, info.files.draft):
                path.unlink(missing_ok=True)
        folder = self.folder / info.id
        if folder.exists():
            shutil.rmtree(folder)
        return [] if remove else written


def open_store(config: Config, *, patience_s: float = PATIENCE_S) -> Store:
    """Open the store that the settings name.

    Parameters
    ----------
    config
        All settings.
    patience_s
        Longest wait for another program that uses the store, in seconds.

    Raises
    ------
    StoreError
        The store cannot be used.
    """
    return Store(store_folder(config.sessions), patience_s=patience_s)


def _require_found(what: str, *, found: bool) -> None:
    if not found:
        raise UsageError(f"The {what} is not in the store any more.")


def _check_interval(interval: Interval) -> None:
    if not interval.tier:
        raise UsageError(f"The interval '{interval.label}' needs the name of a tier.")
    if not 0.0 <= interval.start_s < interval.end_s < float("inf"):
        raise UsageError(
            f"The interval '{interval.label}' must end after it starts, not at "
            f"{interval.end_s:.3f} s after {interval.start_s:.3f} s."
        )


def _insert_session(connection: sqlite3.Connection, name: str, metadata: SessionMetadata) -> int:
    study = metadata.study
    origin_key = None
    if metadata.origin is not None:
        origin = connection.execute("SELECT key FROM sessions WHERE id = ?", (metadata.origin,))
        (origin_key,) = origin.fetchone() or (None,)
    row = {
        "id": name,
        "state": SessionState.RUNNING,
        "started": metadata.started.isoformat(),
        "title": metadata.title,
        "source": json.dumps(asdict(metadata.source)),
        "labels": json.dumps(metadata.labels),
        "model": json.dumps(asdict(metadata.model)),
        "provenance": json.dumps(metadata.provenance),
        "study": study.name,
        "participant": study.participant,
        "condition": study.condition,
        "consent": None if study.consent is None else study.consent.isoformat(),
        "overflows": 0,
        "dropped_samples": 0,
        "named": False,
        "origin": origin_key,
    }
    key = insert(connection, "sessions", row)
    connection.executemany(
        "INSERT INTO channels VALUES (NULL, ?, ?, 0, -1, 0, 0, ?)",
        [(key, channel, metadata.names.get(channel, "")) for channel in metadata.channels],
    )
    return key

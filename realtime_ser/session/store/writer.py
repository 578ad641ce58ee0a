"""Writing of a running session into the store."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from realtime_ser.audio.source import SourceInfo
from realtime_ser.base.errors import DamagedStoreError
from realtime_ser.base.records import (
    SAMPLE_RATE,
    Anchor,
    IntervalOpened,
    Marker,
    Record,
    Segment,
    State,
    Update,
)
from realtime_ser.base.text import count_text, printable
from realtime_ser.base.timebase import wall_clock_by
from realtime_ser.session.metadata import SessionHealth
from realtime_ser.session.store.blobs import (
    STATES,
    Columns,
    checksum,
    correct_clock,
    pack,
    record_dtype,
    require_unchanged,
)
from realtime_ser.session.store.database import (
    LIVE_PATIENCE_S,
    RUNNING,
    StoreConnection,
    damaged_content,
    explained,
    insert,
    open_database,
    repair_database,
    store_lock,
    transaction,
    update,
)
from realtime_ser.session.store.salvage import (
    Row,
    move_session,
    session_channels,
    session_row,
    without_keys,
)
from realtime_ser.session.store.values import Interval, SessionState
from realtime_ser.session.store.voice_blobs import pack_voice, segment_blob, voice_blob

if TYPE_CHECKING:
    from filelock import FileLock

_log = logging.getLogger(__name__)

_RECORD_FAULTS = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError)
"""Errors of SQLite for which a record is to blame and not the disk."""

_STEPS = """UPDATE channels SET updates = updates + ?, last_step = max(last_step, ?),
    speech_steps = speech_steps + ?, lost_steps = lost_steps + ?
    WHERE session = ? AND channel = ?"""


class StoreWriter:
    """Writer of a session's records, which commits at each flush.

    Records that could not be committed are kept in memory, packed, and tried again with the next
    commit, so that none is lost when room is made on a full disk. A record that no database takes
    is left out. An open interval grows with each commit, so that a killed program loses as little
    of the interval as of all else.

    Where the database is found damaged, or is removed or replaced meanwhile, the session goes on in
    the one that is in its place then, with what was stored before.

    Parameters
    ----------
    path
        Path of the database.
    connection
        A connection to it, for the thread of this writer alone.
    session
        Row of the session, as it was begun.
    labels
        Labels of the probabilities, in order.
    lock
        Lock that marks the session as running; ``None``: the connection is shared, and the store a
        temporary one.
    """

    def __init__(
        self,
        path: Path,
        connection: StoreConnection,
        session: Row,
        labels: Sequence[str],
        lock: FileLock | None,
    ) -> None:
        self.id: str = session["id"]
        self._path = path
        self._connection = connection
        self._key: int = session["key"]
        self._labels = tuple(labels)
        self._lock = lock
        self._session = session
        self._channels = session_channels(connection, session)
        self._records: list[Record] = []
        self._packed: list[Columns] = []
        self._reached_s = 0.0
        self._left_out = 0
        self._damaged = False
        self._settled: tuple[int, Anchor] | None = None
        self._is_clock_corrected = False
        self._damage_notice: str | None = None
        self._order = 0
        self._open_intervals: dict[tuple[str, float], int] = {}
        self._health: Callable[[], SessionHealth] = SessionHealth
        self._stored_health = SessionHealth()
        self._pending_columns: dict[str, object] = {}

    @property
    def folder(self) -> Path:
        """Folder beside the database for the session's lock and sound; gone when both are."""
        return self._path.parent / self.id

    def start(self, moment: datetime, health: Callable[[], SessionHealth]) -> None:
        """Set the local time of second 0, and the function that returns the health."""
        self._health = health
        self._pending_columns["started"] = moment.isoformat()

    def note_files(self, files: Path | None, *, named: bool, audio: Path | None) -> None:
        """Note the files of the session: frames table and sound.

        Parameters
        ----------
        files
            Frames CSV.
        named
            Whether a person chose the name of the table.
        audio
            The sound; a path below :attr:`folder` moves with the store.
        """
        inside = audio is not None and audio.parent == self.folder
        self._pending_columns["files"] = None if files is None else _path_value(files)
        self._pending_columns["named"] = named
        if audio is not None:
            self._pending_columns["audio"] = audio.name if inside else _path_value(audio)

    def note_source(self, source: SourceInfo) -> None:
        """Correct the source: the length of a file is sure when all of it was read."""
        self._pending_columns["source"] = json.dumps(asdict(source))

    @property
    def loss(self) -> str | None:
        """What could not be stored for good, or was lost by damage; one sentence."""
        if not self._left_out:
            return self._damage_notice
        return f"{count_text(self._left_out, 'record')} could not be stored among the sessions."

    def feed(self, records: Sequence[Record]) -> None:
        """Take records, to be stored with the next :meth:`flush`."""
        self._records += records

    def flush(self) -> None:
        """Store all records that were taken.

        Raises
        ------
        StoreError
            The disk refuses; the records are kept for the next time.
        """
        health = self._health()
        if health != self._stored_health:
            self._stored_health = health
            self._pending_columns |= asdict(health)
        self._pack()
        if self._lock is not None:
            self._go_on_in_place()
        if not self._records and not self._packed and not self._pending_columns:
            return
        try:
            self._commit()
        except DamagedStoreError:
            self._damaged = True
            self._rescue()
            self._commit()

    def _pack(self) -> None:
        """Pack the updates, which take less memory so; one that cannot be packed is left out."""
        channels: defaultdict[int, list[tuple[int, Update]]] = defaultdict(list)
        for record in self._records:
            if isinstance(record, Update):
                channels[record.channel].append((self._order, record))
                self._order += 1
            elif isinstance(record, Anchor) and self._settled is None:
                self._settled = (self._order, record)
        for channel, updates in channels.items():
            try:
                self._packed.append(self._columns(channel, updates))
            except Exception:  # noqa: BLE001 - one of them is at fault, whatever it is
                for one in updates:
                    self._pack_one(channel, one)
        reached = (updates[-1][1].time_s for updates in channels.values())
        self._reached_s = max(self._reached_s, *reached, 0.0)
        self._records = [record for record in self._records if not isinstance(record, Update)]

    def _pack_one(self, channel: int, update: tuple[int, Update]) -> None:
        try:
            self._packed.append(self._columns(channel, [update]))
        except Exception:  # noqa: BLE001 - the others must be stored
            _log.exception("an update cannot be stored")
            self._left_out += 1

    def _columns(self, channel: int, updates: Sequence[tuple[int, Update]]) -> Columns:
        voice = pack_voice(update for _, update in updates)
        return Columns(channel, self._labels, pack(updates, self._labels), voice)

    def _commit(self) -> None:
        open_intervals = dict(self._open_intervals)
        with explained(self._path), transaction(self._connection):
            for columns in self._packed:
                _insert_columns(self._connection, self._key, columns)
            left_out = self._insert(open_intervals)
            corrected = self._is_clock_corrected or self._correct_clock()
            self._set(self._pending_columns)
        self._left_out += left_out
        self._is_clock_corrected = corrected
        self._open_intervals = open_intervals
        self._pending_columns.clear()
        self._records.clear()
        self._packed.clear()

    def _correct_clock(self) -> bool:
        """Correct what was stored before the clock had settled; tell whether it has."""
        if self._settled is None:
            return False
        order, anchor = self._settled
        if anchor.sample > SAMPLE_RATE:  # else it is a file's, whose clock is sure at once
            rows = self._connection.execute(
                "SELECT key, data, crc32 FROM updates WHERE session = ?", (self._key,)
            ).fetchall()
            for key, data, crc32 in rows:
                with damaged_content(self._path):
                    require_unchanged([data], [crc32])
                records = np.frombuffer(data, record_dtype(len(self._labels))).copy()
                early = records[: np.searchsorted(records["order"], order)]
                correct_clock(early, anchor)
                corrected = records.tobytes()
                columns = {"data": corrected, "crc32": checksum(corrected)}
                update(self._connection, "updates", key, columns)
            self._pending_columns["started"] = wall_clock_by(anchor, 0).isoformat()
        return True

    def _go_on_in_place(self) -> None:
        """Go on in the database that is in its place now, where this one is not any more."""
        if self._damaged:
            self._rescue()
        if self._connection.in_place:
            return
        with explained(self._path):
            row = session_row(self._connection, self._key) or self._session
            connection = self._reopened()
            with transaction(connection):
                connection.execute("DELETE FROM sessions WHERE id = ?", (self.id,))
                self._key = move_session(self._connection, connection, row)
            self._connection.close()
            self._connection = connection
            self._hold_lock()
            self._find_open_intervals()

    def _rescue(self) -> None:
        """Save what can be read of a damaged database, and go on in the new one."""
        self._connection.close()
        self._damage_notice = (
            repair_database(self._path.parent, running=self.id) or self._damage_notice
        )
        with explained(self._path):
            self._connection = self._reopened()
            with transaction(self._connection):
                self._key = self._saved_key()
            self._find_open_intervals()
        self._damaged = False

    def _saved_key(self) -> int:
        """Key of the session, which is begun anew where it could not be saved."""
        found = self._connection.execute("SELECT key FROM sessions WHERE id = ?", (self.id,))
        row = found.fetchone()
        if row is not None:
            return int(row["key"])
        key = insert(self._connection, "sessions", without_keys(self._session))
        for channel in self._channels:
            insert(self._connection, "channels", without_keys(channel) | {"session": key})
        return key

    def _reopened(self) -> StoreConnection:
        return open_database(self._path.parent, patience_s=LIVE_PATIENCE_S)[0]

    def _hold_lock(self) -> None:
        """Mark the session as running in the folder that is there now."""
        if self._lock is not None:
            self._lock.release()
            self.folder.mkdir(mode=0o700, exist_ok=True)
            self._lock = store_lock(self.folder / RUNNING)
            self._lock.acquire(blocking=False)

    def _find_open_intervals(self) -> None:
        """Look up the keys of open intervals, which another database numbers otherwise."""
        rows = self._connection.execute(
            "SELECT code, time_s, key FROM markers WHERE session = ?", (self._key,)
        )
        found = {(code, time_s): key for code, time_s, key in rows}
        self._open_intervals = {name: found[name] for name in self._open_intervals if name in found}

    def insert_columns(self, rows: Iterable[Columns]) -> None:
        """Store columns of consecutive updates in one commit, each of them as a row.

        Raises
        ------
        StoreError
            The disk refuses; none of the records is stored.
        """
        with explained(self._path), transaction(self._connection):
            for columns in rows:
                _insert_columns(self._connection, self._key, columns)
                self._order += len(columns)

    def finish(self) -> None:
        """Store the rest, mark the session as complete, and close the writer.

        Raises
        ------
        StoreError
            The disk refuses; earlier commits stay, and the session counts as interrupted.
        """
        try:
            self.complete()
        finally:
            self.close()

    def complete(self) -> None:
        """Store the rest, and mark the session as complete.

        Raises
        ------
        StoreError
            The disk refuses, or another program holds the store; it can be tried again.
        """
        self._pending_columns["state"] = SessionState.COMPLETE
        self.flush()

    def discard(self) -> None:
        """Delete the session from the store."""
        try:
            with explained(self._path), transaction(self._connection):
                self._connection.execute("DELETE FROM sessions WHERE key = ?", (self._key,))
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the store; a session that is not complete counts as interrupted."""
        if self._lock is None:
            return
        self._connection.close()
        self._lock.release()
        (self.folder / RUNNING).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # there is sound in it
            self.folder.rmdir()

    def _set(self, facts: Mapping[str, object]) -> None:
        if facts:
            update(self._connection, "sessions", self._key, facts)

    def _insert(self, open_intervals: dict[tuple[str, float], int]) -> int:
        """Insert what is no update, and return how many records no database takes.

        ``open_intervals`` has the keys of the open intervals, by code and time.
        """
        left_out = 0
        for record in self._records:
            try:
                self._insert_one(record, open_intervals)
            except Exception as error:
                if isinstance(error, sqlite3.DatabaseError) and not isinstance(
                    error, _RECORD_FAULTS
                ):
                    raise
                _log.exception("a record cannot be stored")
                left_out += 1
        for (_, start_s), key in open_intervals.items():
            if self._reached_s > start_s:
                self._set_duration(key, self._reached_s - start_s)
        return left_out

    def _insert_one(self, record: Record, open_intervals: dict[tuple[str, float], int]) -> None:
        if isinstance(record, Segment):
            self._insert_segment(record)
        elif isinstance(record, IntervalOpened | Marker):
            self._insert_marker(record, open_intervals)
        elif isinstance(record, Anchor):
            row = asdict(record) | {"session": self._key, "wall": record.wall.isoformat()}
            insert(self._connection, "anchors", row)

    def _insert_marker(
        self, record: IntervalOpened | Marker, open_intervals: dict[tuple[str, float], int]
    ) -> None:
        """Store a moment, the start of an interval, or the end of an open interval."""
        marker = record.marker if isinstance(record, IntervalOpened) else record
        name = (marker.code, marker.time_s)
        open_key = open_intervals.pop(name, None)
        if open_key is None or not self._set_duration(open_key, marker.duration_s):
            key = insert_marker(self._connection, self._key, marker)
            if isinstance(record, IntervalOpened):
                open_intervals[name] = key

    def _set_duration(self, key: int, duration_s: float) -> bool:
        """Set the length of a stored marker, and return whether the marker still exists."""
        return update(self._connection, "markers", key, {"duration_s": duration_s})

    def _insert_segment(self, segment: Segment) -> None:
        estimate = segment.estimate
        row = {
            "session": self._key,
            "channel": segment.channel,
            "number": segment.number,
            "start_s": segment.start_s,
            "end_s": segment.end_s,
            "voiced_s": segment.voiced_s,
            "label": estimate.label,
            "confidence": estimate.confidence,
            "certain": estimate.certain,
            "probabilities": estimate.probabilities.astype("<f4").tobytes(),
            "quality": estimate.quality,
            "voice": segment_blob(segment.voice),
        }
        insert(self._connection, "segments", row)


def _insert_columns(connection: sqlite3.Connection, key: int, columns: Columns) -> None:
    """Store consecutive updates of a channel as a row."""
    records, channel = columns.records, columns.channel
    first, last = int(records["step"][0]), int(records["step"][-1])
    data, voice = records.tobytes(), voice_blob(columns.voice)
    connection.execute(
        "INSERT INTO updates "
        "(session, channel, first_step, last_step, data, voice, crc32, voice_crc32) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (key, channel, first, last, data, voice, checksum(data), checksum(voice)),
    )
    counts = np.bincount(records["state"], minlength=len(STATES))
    speech, lost = (int(counts[STATES.index(state)]) for state in (State.SPEECH, State.LOST))
    connection.execute(_STEPS, (len(records), last, speech, lost, key, channel))


def _path_value(path: Path) -> str | bytes:
    """A path from the root for a column: its bytes where they are no UTF-8."""
    text = os.path.realpath(path)
    return text if printable(text) == text else os.fsencode(text)


def marker_row(marker: Marker) -> dict[str, object]:
    """Columns of a marker that a person can change."""
    row = asdict(marker)
    wall = row.pop("wall_clock")
    return row | {"wall": None if wall is None else wall.isoformat()}


def interval_row(interval: Interval) -> dict[str, object]:
    """Columns of an interval that a person can change."""
    row = asdict(interval)
    del row["key"]
    return row


def insert_marker(connection: sqlite3.Connection, key: int, marker: Marker) -> int:
    """Store a marker of a session, and return its key."""
    return insert(connection, "markers", {"session": key} | marker_row(marker))

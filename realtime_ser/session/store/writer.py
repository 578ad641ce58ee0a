"""Writing of a running session into the store."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import numpy as np

from realtime_ser.audio.source import SourceInfo
from realtime_ser.base.records import Anchor, IntervalOpened, Marker, Record, Segment, State, Update
from realtime_ser.base.text import printable
from realtime_ser.session.metadata import SessionHealth
from realtime_ser.session.store.blobs import STATES, UpdateRecords, pack
from realtime_ser.session.store.database import RUNNING, explained, insert, transaction, update
from realtime_ser.session.store.values import Interval, SessionState

_STEPS = """UPDATE channels SET updates = updates + ?, last_step = max(last_step, ?),
    speech_steps = speech_steps + ?, lost_steps = lost_steps + ?
    WHERE session = ? AND channel = ?"""


class StoreWriter:
    """Writer of a session's records, which commits at each flush.

    Records that could not be committed are kept in memory and tried again with the next commit, so
    that none is lost when room is made on a full disk. An open interval grows with each commit, so
    that a killed program loses as little of the interval as of all else.

    Parameters
    ----------
    path
        Path of the database, for sentences of errors.
    connection
        A connection to it, for the thread of this writer alone.
    key, name
        The session's key and ID.
    labels
        Labels of the probabilities, in order.
    resources
        Closed with the writer: the lock that marks the session as running, and the connection.
    """

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        key: int,
        name: str,
        labels: Sequence[str],
        resources: contextlib.ExitStack,
    ) -> None:
        self.id = name
        self._path = path
        self._connection = connection
        self._key = key
        self._labels = tuple(labels)
        self._resources = resources
        self._records: list[Record] = []
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
        self._pending_columns["files"] = None if files is None else _path_value(files.resolve())
        self._pending_columns["named"] = named
        if audio is not None:
            self._pending_columns["audio"] = audio.name if inside else _path_value(audio.resolve())

    def note_source(self, source: SourceInfo) -> None:
        """Correct the source: the length of a file is sure when all of it was read."""
        self._pending_columns["source"] = json.dumps(asdict(source))

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
        if not self._records and not self._pending_columns:
            return
        open_intervals = dict(self._open_intervals)
        with explained(self._path), transaction(self._connection):
            stored = self._insert(self._records, open_intervals)
            self._set(self._pending_columns)
        self._order += stored
        self._open_intervals = open_intervals
        self._pending_columns.clear()
        self._records.clear()

    def insert_records(self, channel: int, rows: Iterable[UpdateRecords]) -> None:
        """Store packed records of consecutive steps of a channel in one commit.

        Parameters
        ----------
        channel
            Number of the channel, from 1.
        rows
            Arrays of records in the layout of :mod:`realtime_ser.session.store.blobs`; each
            becomes a row.

        Raises
        ------
        StoreError
            The disk refuses; none of the records is stored.
        """
        with explained(self._path), transaction(self._connection):
            for records in rows:
                _insert_records(self._connection, self._key, channel, records)
                self._order += len(records)

    def finish(self) -> None:
        """Store the rest, mark the session as complete, and close the writer.

        Raises
        ------
        StoreError
            The disk refuses; earlier commits stay, and the session counts as interrupted.
        """
        try:
            self.flush()
            with explained(self._path):
                self._set({"state": SessionState.COMPLETE})
        finally:
            self._close()

    def discard(self) -> None:
        """Delete the session from the store."""
        try:
            with explained(self._path), transaction(self._connection):
                self._connection.execute("DELETE FROM sessions WHERE key = ?", (self._key,))
        finally:
            self._close()

    def _close(self) -> None:
        self._resources.close()
        (self.folder / RUNNING).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # there is sound in it
            self.folder.rmdir()

    def _set(self, facts: Mapping[str, object]) -> None:
        if facts:
            update(self._connection, "sessions", self._key, facts)

    def _insert(
        self, records: Sequence[Record], open_intervals: dict[tuple[str, float], int]
    ) -> int:
        """Store records, and return the number of updates among them.

        ``open_intervals`` has the keys of the open intervals, by code and time.
        """
        channels: defaultdict[int, list[tuple[int, Update]]] = defaultdict(list)
        order = self._order
        for record in records:
            if isinstance(record, Update):
                channels[record.channel].append((order, record))
                order += 1
            elif isinstance(record, Segment):
                self._insert_segment(record)
            elif isinstance(record, IntervalOpened | Marker):
                self._insert_marker(record, open_intervals)
            elif isinstance(record, Anchor):
                row = asdict(record) | {"session": self._key, "wall": record.wall.isoformat()}
                insert(self._connection, "anchors", row)
        for channel, updates in channels.items():
            _insert_records(self._connection, self._key, channel, pack(updates, self._labels))
        reached_s = max((made[-1][1].time_s for made in channels.values()), default=0.0)
        for (_, start_s), key in open_intervals.items():
            if reached_s > start_s:
                self._set_duration(key, reached_s - start_s)
        return order - self._order

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
        row = asdict(segment) | {"session": self._key}
        estimate = row.pop("estimate")
        probabilities = estimate["probabilities"].astype("<f4").tobytes()
        insert(self._connection, "segments", row | estimate | {"probabilities": probabilities})


def _insert_records(
    connection: sqlite3.Connection, key: int, channel: int, records: UpdateRecords
) -> None:
    """Store consecutive updates of a channel as a row."""
    first, last = int(records["step"][0]), int(records["step"][-1])
    connection.execute(
        "INSERT INTO updates VALUES (NULL, ?, ?, ?, ?, ?)",
        (key, channel, first, last, records.tobytes()),
    )
    counts = np.bincount(records["state"], minlength=len(STATES))
    speech, lost = (int(counts[STATES.index(state)]) for state in (State.SPEECH, State.LOST))
    connection.execute(_STEPS, (len(records), last, speech, lost, key, channel))


def _path_value(path: Path) -> str | bytes:
    """A path for a column: its bytes where they are no UTF-8."""
    text = str(path)
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

"""Selecting and reading of the kept sessions."""

from __future__ import annotations

import difflib
import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from realtime_ser.audio.source import SourceInfo
from realtime_ser.base.errors import UsageError
from realtime_ser.base.records import STEP_S, Anchor, Estimate, Marker, Segment, Update
from realtime_ser.session.metadata import ModelIdentity, SessionHealth, SessionMetadata, Study
from realtime_ser.session.sinks import TableFiles
from realtime_ser.session.statistics import label_shares
from realtime_ser.session.store.blobs import Columns, record_dtype, unpack
from realtime_ser.session.store.database import NAME, RUNNING, explained, is_locked, open_database
from realtime_ser.session.store.values import ChannelInfo, Interval, Note, SessionInfo, SessionState


@dataclass(frozen=True, slots=True)
class Query:
    """Selection of sessions: those that fit every given condition.

    Attributes
    ----------
    text
        Text to be found, in upper or lower case, in the title, a note, a marker, an interval
        labelled by hand, the source's name, the ID, the study, the participant, the condition, or
        the day and time of the start, such as ``2026-03-01 14:02``.
    study, participant
        Exact names.
    label
        Label of at least one segment.
    since, before
        Bounds of the start: at that moment or later, and before that moment.
    """

    text: str | None = None
    study: str | None = None
    participant: str | None = None
    label: str | None = None
    since: datetime | None = None
    before: datetime | None = None

    def where(self) -> tuple[str, list[Any]]:
        """Conditions in SQL, and their values."""
        found: list[tuple[str, Any]] = []
        if self.text:
            found.append((_TEXT, f"%{_escape_like(self.text)}%"))
        if self.study is not None:
            found.append(("study = ?", self.study))
        if self.participant is not None:
            found.append(("participant = ?", self.participant))
        if self.label:
            label = "EXISTS (SELECT 1 FROM segments WHERE session = key AND label = ?)"
            found.append((label, self.label))
        if self.since:
            found.append(("julianday(started) >= julianday(?)", self.since.isoformat()))
        if self.before:
            found.append(("julianday(started) < julianday(?)", self.before.isoformat()))
        conditions = " AND ".join(condition for condition, _ in found) or "TRUE"
        return conditions, [value for _, value in found]


_TEXT = r"""EXISTS (
    SELECT ? AS wanted WHERE title LIKE wanted ESCAPE '\' OR id LIKE wanted ESCAPE '\'
    OR study LIKE wanted ESCAPE '\' OR participant LIKE wanted ESCAPE '\'
    OR condition LIKE wanted ESCAPE '\'
    OR replace(substr(started, 1, 16), 'T', ' ') LIKE wanted ESCAPE '\'
    OR json_extract(source, '$.name') LIKE wanted ESCAPE '\'
    OR EXISTS (SELECT 1 FROM notes n WHERE n.session = sessions.key
               AND n.text LIKE wanted ESCAPE '\')
    OR EXISTS (SELECT 1 FROM markers m WHERE m.session = sessions.key
               AND (m.text LIKE wanted ESCAPE '\' OR m.code LIKE wanted ESCAPE '\'))
    OR EXISTS (SELECT 1 FROM intervals i WHERE i.session = sessions.key
               AND (i.label LIKE wanted ESCAPE '\' OR i.text LIKE wanted ESCAPE '\'
                    OR i.tier LIKE wanted ESCAPE '\'))
)"""


def _escape_like(text: str) -> str:
    """Text in which LIKE finds no wildcards."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


_FETCH = 256  # rows of updates, about ten each where they were recorded live
_PAGE = 4096  # updates that are unpacked at a time

_BLOBS = """SELECT data FROM updates
    WHERE session = ? AND channel = ? AND last_step >= ? AND last_step <= ifnull(
        -- the row that holds the last wanted step
        (SELECT last_step FROM updates WHERE session = ? AND channel = ? AND last_step >= ?
         ORDER BY last_step LIMIT 1), ?)
    ORDER BY last_step"""


class Reader:
    """Reader of the sessions in a folder.

    Any number of readers, in any number of programs, may be open on the same folder, also while
    sessions are written. One reader is for one thread at a time.

    Parameters
    ----------
    folder
        Folder of the database and of the sessions' own folders; it is made if need be.
    temporary
        Whether the folder goes when the program ends, so that nothing need reach the disk.

    Attributes
    ----------
    notice
        Notice of how the database was opened; one sentence, or ``None``.

    Raises
    ------
    StoreError
        The folder cannot be used, or a newer version of the program wrote it.
    """

    def __init__(self, folder: Path, *, temporary: bool = False) -> None:
        self.folder = folder
        self.path = folder / NAME
        self._temporary = temporary
        self._connection, self.notice = open_database(folder, temporary=temporary)

    def close(self) -> None:
        """Let go of the database; safe to call twice."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ------------------------------------------------------------------------------------- reading

    def sessions(self, query: Query | None = None) -> list[SessionInfo]:
        """Sessions that fit a query, the oldest first."""
        conditions, values = (query or Query()).where()
        with explained(self.path):
            rows = self._connection.execute(
                f"SELECT * FROM sessions WHERE {conditions} ORDER BY julianday(started), key",
                values,
            )
            return [self._info(row) for row in _dictionaries(rows)]

    def session(self, name: str) -> SessionInfo:
        """Session of an ID.

        Raises
        ------
        UsageError
            There is no such session; the sentence names the nearest ID.
        """
        key = self._key(name)
        with explained(self.path):
            rows = self._connection.execute("SELECT * FROM sessions WHERE key = ?", (key,))
            return self._info(_dictionaries(rows)[0])

    def undecided_sessions(self) -> list[SessionInfo]:
        """Interrupted sessions that nobody has decided to keep or delete, oldest first."""
        with explained(self.path):
            rows = self._connection.execute(
                "SELECT * FROM sessions WHERE NOT settled AND state <> ? "
                "ORDER BY julianday(started), key",
                (SessionState.COMPLETE,),
            )
            found = [self._info(row) for row in _dictionaries(rows)]
        return [info for info in found if info.state is SessionState.INTERRUPTED]

    def columns(
        self, name: str, channel: int = 1, first_step: int = 0, last_step: int | None = None
    ) -> Columns:
        """Updates of one channel, as columns.

        Parameters
        ----------
        name
            ID of the session.
        channel
            Number of the channel, from 1.
        first_step, last_step
            First and last step of the range, both included; ``None``: to the newest.

        Raises
        ------
        UsageError
            There is no such session.
        """
        key, labels = self._key(name), self._labels(name)
        end = 2**62 if last_step is None else last_step
        with explained(self.path):
            wanted = (key, channel, first_step, key, channel, end, end)
            blobs = self._connection.execute(_BLOBS, wanted).fetchall()
        records = np.frombuffer(b"".join(blob for (blob,) in blobs), record_dtype(len(labels)))
        steps = records["step"]
        inside = slice(np.searchsorted(steps, first_step), np.searchsorted(steps, end, "right"))
        return Columns(channel, labels, records[inside])

    def updates(self, name: str) -> Iterator[Update]:
        """All updates of all channels in the order in which they were made, a few at a time.

        Raises
        ------
        UsageError
            There is no such session.
        """
        channels = [self._updates(name, channel.number) for channel in self.session(name).channels]
        return (update for _, update in merge(*channels, key=itemgetter(0)))

    def segments(self, name: str) -> list[Segment]:
        """Segments of all channels, in the order in which they ended.

        Raises
        ------
        UsageError
            There is no such session.
        """
        rows = self._rows("segments", name)
        return [
            Segment(
                row["number"],
                row["channel"],
                row["start_s"],
                row["end_s"],
                row["voiced_s"],
                Estimate(
                    np.frombuffer(row["probabilities"], "<f4").astype(np.float32),
                    row["label"],
                    row["confidence"],
                    bool(row["certain"]),
                ),
            )
            for row in rows
        ]

    def markers(self, name: str) -> list[Marker]:
        """Markers, in the order in which they were set.

        Raises
        ------
        UsageError
            There is no such session.
        """
        return list(self.keyed_markers(name).values())

    def keyed_markers(self, name: str) -> dict[int, Marker]:
        """Markers by their keys, in the order in which they were set.

        Raises
        ------
        UsageError
            There is no such session.
        """
        return {
            row["key"]: Marker(
                row["time_s"],
                row["text"],
                row["code"],
                row["duration_s"],
                row["source"],
                None if row["wall"] is None else datetime.fromisoformat(row["wall"]),
            )
            for row in self._rows("markers", name)
        }

    def intervals(self, name: str) -> list[Interval]:
        """Intervals that were labelled by hand, in order of time.

        Raises
        ------
        UsageError
            There is no such session.
        """
        found = [
            Interval(
                row["tier"],
                row["start_s"],
                row["end_s"],
                row["label"],
                row["text"],
                row["channel"],
                row["source"],
                row["key"],
            )
            for row in self._rows("intervals", name)
        ]
        return sorted(found, key=lambda interval: (interval.start_s, interval.end_s))

    def shares(self, name: str) -> dict[str, float]:
        """Share of the voiced duration whose segments carry a label, the largest first.

        Raises
        ------
        UsageError
            There is no such session.
        """
        key = self._key(name)
        with explained(self.path):
            rows = self._connection.execute(
                "SELECT label, sum(voiced_s) FROM segments WHERE session = ? GROUP BY label",
                (key,),
            ).fetchall()
        return label_shares(dict(rows))

    def participants(self) -> list[str]:
        """All participants' codes, in order."""
        return self._different("participant")

    def studies(self) -> list[str]:
        """All studies' names, in order."""
        return self._different("study")

    def conditions(self) -> list[str]:
        """All conditions' names, in order."""
        return self._different("condition")

    def notes(self, name: str) -> list[Note]:
        """Notes, the oldest first.

        Raises
        ------
        UsageError
            There is no such session.
        """
        return [
            Note(row["text"], datetime.fromisoformat(row["written"]))
            for row in self._rows("notes", name)
        ]

    def anchors(self, name: str) -> list[Anchor]:
        """Anchors of the session's clock, in order.

        Raises
        ------
        UsageError
            There is no such session.
        """
        return [
            Anchor(
                row["sample"],
                row["adc_s"],
                row["monotonic_s"],
                datetime.fromisoformat(row["wall"]),
            )
            for row in self._rows("anchors", name)
        ]

    def size(self) -> int:
        """Bytes that the database and all sound take on the disk."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def _different(self, column: str) -> list[str]:
        with explained(self.path):
            rows = self._connection.execute(
                f"SELECT DISTINCT {column} FROM sessions WHERE {column} <> '' ORDER BY 1"
            )
            return [value for (value,) in rows.fetchall()]

    def _names(self, condition: str, *values: object) -> list[str]:
        with explained(self.path):
            rows = self._connection.execute(f"SELECT id FROM sessions WHERE {condition}", values)
            return [name for (name,) in rows.fetchall()]

    def _key(self, name: str) -> int:
        with explained(self.path):
            row = self._connection.execute(
                "SELECT key FROM sessions WHERE id = ?", (name,)
            ).fetchone()
        if row is None:
            near = difflib.get_close_matches(name, self._names("TRUE"), n=1, cutoff=0.5)
            hint = f"did you mean '{near[0]}'?" if near else "'realtime-ser sessions' lists them."
            raise UsageError(f"There is no session '{name}'; {hint}")
        return int(row[0])

    def _labels(self, name: str) -> tuple[str, ...]:
        key = self._key(name)
        with explained(self.path):
            (labels,) = self._connection.execute(
                "SELECT labels FROM sessions WHERE key = ?", (key,)
            ).fetchone()
        return tuple(json.loads(labels))

    def _rows(self, table: str, name: str) -> list[dict[str, Any]]:
        key = self._key(name)
        with explained(self.path):
            rows = self._connection.execute(
                f"SELECT * FROM {table} WHERE session = ? ORDER BY key", (key,)
            )
            return _dictionaries(rows)

    def _updates(self, name: str, channel: int) -> Iterator[tuple[int, Update]]:
        """Updates of a channel, with their places among all updates; a page of rows at a time."""
        key, labels, after = self._key(name), self._labels(name), -1
        while True:
            with explained(self.path):
                rows = self._connection.execute(
                    "SELECT last_step, data FROM updates WHERE session = ? AND channel = ? "
                    "AND last_step > ? ORDER BY last_step LIMIT ?",
                    (key, channel, after, _FETCH),
                ).fetchall()
            if not rows:
                return
            after = rows[-1][0]
            data = b"".join(data for _, data in rows)
            whole = np.frombuffer(data, record_dtype(len(labels)))
            for start in range(0, len(whole), _PAGE):
                page = whole[start : start + _PAGE]
                yield from zip(page["order"].tolist(), unpack(page, channel, labels), strict=True)

    def _info(self, row: dict[str, Any]) -> SessionInfo:
        state = SessionState(row["state"])
        folder = self.folder / row["id"]
        if state is SessionState.RUNNING and not is_locked(folder / RUNNING):
            state = SessionState.INTERRUPTED
        channels = self._channels(row["key"])
        audio = None if row["audio"] is None else folder / os.fsdecode(row["audio"])
        return SessionInfo(
            id=row["id"],
            state=state,
            metadata=SessionMetadata(
                started=datetime.fromisoformat(row["started"]),
                source=SourceInfo(**json.loads(row["source"])),
                channels=tuple(channel.number for channel in channels),
                labels=tuple(json.loads(row["labels"])),
                model=ModelIdentity(**json.loads(row["model"])),
                provenance=json.loads(row["provenance"]),
                names={channel.number: channel.name for channel in channels if channel.name},
                study=Study(
                    row["study"],
                    row["participant"],
                    row["condition"],
                    None if row["consent"] is None else datetime.fromisoformat(row["consent"]),
                ),
                title=row["title"],
                origin=self._origin(row["origin"]),
            ),
            channels=channels,
            health=SessionHealth(row["overflows"], row["dropped_samples"], row["error"]),
            audio=audio if audio is not None and audio.exists() else None,
            files=None if row["files"] is None else TableFiles(Path(os.fsdecode(row["files"]))),
            named=bool(row["named"]),
        )

    def _channels(self, key: int) -> tuple[ChannelInfo, ...]:
        rows = self._connection.execute(
            "SELECT channel, name, updates, last_step, speech_steps, lost_steps FROM channels "
            "WHERE session = ? ORDER BY key",
            (key,),
        )
        return tuple(
            ChannelInfo(channel, name, updates, last, speech * STEP_S, lost * STEP_S)
            for channel, name, updates, last, speech, lost in rows
        )

    def _origin(self, key: int | None) -> str | None:
        if key is None:
            return None
        row = self._connection.execute("SELECT id FROM sessions WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])


def _dictionaries(rows: sqlite3.Cursor) -> list[dict[str, Any]]:
    names = [column[0] for column in rows.description]
    return [dict(zip(names, row, strict=True)) for row in rows]

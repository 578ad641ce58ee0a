"""The kept sessions: begin one, find, read, change and delete them."""

from __future__ import annotations

import contextlib
import difflib
import json
import secrets
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from heapq import merge
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from realtime_ser.audio.source import SourceInfo
from realtime_ser.errors import UsageError
from realtime_ser.records import STEP_S, Anchor, Estimate, Marker, Segment, Update
from realtime_ser.session.facts import Beginning, Course, Model, Study
from realtime_ser.session.recording import Files
from realtime_ser.session.store.blobs import Columns, record_dtype, unpack
from realtime_ser.session.store.database import NAME, explained, open_database, transaction
from realtime_ser.session.store.lease import Lease, held
from realtime_ser.session.store.values import ChannelInfo, Note, SessionInfo, SessionState
from realtime_ser.session.store.writer import RUNNING, SessionWriter, insert_marker

_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # nothing that is taken for something else
_ID_LENGTH = 4
_FETCH = 256  # rows of updates, about ten each


@dataclass(frozen=True, slots=True)
class Query:
    """Which sessions are wanted: those that fit all that is given.

    Attributes
    ----------
    text
        Is found, in any case, in the title, a note, a marker, the source's name, the ID, the study,
        the participant or the condition.
    study, participant
        Exactly these.
    label
        Some segment carries it.
    since, before
        They began at that moment or later, or before it.
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
            found.append((_TEXT, f"%{_literally(self.text)}%"))
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


@dataclass(frozen=True, slots=True)
class Deletion:
    """What a deletion could not do.

    Attributes
    ----------
    left
        Files of the deleted sessions whose names a person chose; they are left alone.
    log_emptied
        Whether the write-ahead log could be emptied; another program that reads just then prevents
        it, and the log is overwritten when that one goes on.
    """

    left: tuple[Path, ...]
    log_emptied: bool


_BLOBS = """SELECT data FROM updates
    WHERE session = ? AND channel = ? AND last_step >= ? AND last_step <= ifnull(
        -- the row that holds the last wanted step
        (SELECT last_step FROM updates WHERE session = ? AND channel = ? AND last_step >= ?
         ORDER BY last_step LIMIT 1), ?)
    ORDER BY last_step"""

_TEXT = r"""EXISTS (
    SELECT ? AS wanted WHERE title LIKE wanted ESCAPE '\' OR id LIKE wanted ESCAPE '\'
    OR study LIKE wanted ESCAPE '\' OR participant LIKE wanted ESCAPE '\'
    OR condition LIKE wanted ESCAPE '\'
    OR json_extract(source, '$.name') LIKE wanted ESCAPE '\'
    OR EXISTS (SELECT 1 FROM notes n WHERE n.session = sessions.key
               AND n.text LIKE wanted ESCAPE '\')
    OR EXISTS (SELECT 1 FROM markers m WHERE m.session = sessions.key
               AND (m.text LIKE wanted ESCAPE '\' OR m.code LIKE wanted ESCAPE '\'))
)"""


def _literally(text: str) -> str:
    """Text in which LIKE finds no wildcards."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


class Store:
    """The sessions that are kept in a folder.

    Any number of stores, in any number of programs, may be open on the same folder. One store is
    for one thread at a time.

    Parameters
    ----------
    folder
        Where the database and the sessions' own folders lie; it is made if need be.

    Attributes
    ----------
    notice
        What the user should know of how it was opened; one sentence, or ``None``.

    Raises
    ------
    StoreError
        The folder cannot be used, or a newer version of the program wrote it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / NAME
        self._connection, self.notice = open_database(folder)

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

    # ------------------------------------------------------------------------------------- writing

    def begin(self, beginning: Beginning) -> SessionWriter:
        """Begin a session, to be written through a connection of its own.

        Raises
        ------
        StoreError
            The disk refuses; nothing is left.
        """
        with contextlib.ExitStack() as stack, explained(self.path):
            name = self._new_folder()
            folder = self.folder / name
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            lease = Lease(folder / RUNNING)
            stack.callback(lease.release)
            connection, _ = open_database(self.folder)
            stack.callback(connection.close)
            with transaction(connection):
                key = _insert_session(connection, name, beginning)
            stack.pop_all()
        return SessionWriter(self.path, connection, key, name, beginning.labels, lease)

    def recover(self) -> list[SessionInfo]:
        """Mark the sessions of programs that were killed as interrupted, and return them.

        Sessions that run in this program or another are left alone.
        """
        found = []
        for name in self._names("state = ?", SessionState.RUNNING):
            if held(self.folder / name / RUNNING):
                continue
            with explained(self.path):
                changed = self._connection.execute(
                    "UPDATE sessions SET state = ? WHERE id = ? AND state = ?",
                    (SessionState.INTERRUPTED, name, SessionState.RUNNING),
                ).rowcount
            if changed:
                self._tidy(name)
                found.append(self.session(name))
        return found

    def rename(self, name: str, title: str) -> None:
        """Give a session a title.

        Raises
        ------
        UsageError
            There is no such session.
        """
        key = self._key(name)
        with explained(self.path):
            self._connection.execute("UPDATE sessions SET title = ? WHERE key = ?", (title, key))

    def add_note(self, name: str, text: str) -> None:
        """Add a note to a session.

        Raises
        ------
        UsageError
            There is no such session.
        """
        key, now = self._key(name), datetime.now().astimezone().isoformat(timespec="seconds")
        with explained(self.path):
            self._connection.execute("INSERT INTO notes VALUES (NULL, ?, ?, ?)", (key, now, text))

    def add_marker(self, name: str, marker: Marker) -> None:
        """Add a marker to a session.

        Raises
        ------
        UsageError
            There is no such session.
        """
        key = self._key(name)
        with explained(self.path):
            insert_marker(self._connection, key, marker)

    def delete(self, sessions: Sequence[SessionInfo], *, named_files: bool = False) -> Deletion:
        """Delete sessions, their sound included, so that nothing of them is left in the store.

        Their places in the database are overwritten with zeros and given back, and the write-ahead
        log is emptied. The tables that the program named itself are removed too, and with
        ``named_files`` those whose names a person chose.

        Raises
        ------
        UsageError
            One of them runs; nothing is deleted.
        StoreError
            The disk refuses.
        """
        left: list[Path] = []
        for info in sessions:
            if info.state is SessionState.RUNNING:
                raise UsageError(f"The session {info.id} is running: end it first.")
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

    def expire(self, days: float) -> list[SessionInfo]:
        """Delete the sessions that began more than so many days ago, and return them."""
        limit = datetime.now().astimezone() - timedelta(days=days)
        old = self.sessions(Query(before=limit))
        over = [info for info in old if info.state is not SessionState.RUNNING]
        if over:
            self.delete(over)
        return over

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
            There is none; the nearest one is named.
        """
        key = self._key(name)
        with explained(self.path):
            rows = self._connection.execute("SELECT * FROM sessions WHERE key = ?", (key,))
            return self._info(_dictionaries(rows)[0])

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
            The range that is wanted, both included; ``None``: to the newest.

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
        labels, info = self._labels(name), self.session(name)
        channels = [self._records(name, channel.number) for channel in info.channels]
        for record, number in merge(*channels, key=lambda pair: int(pair[0]["order"])):
            yield unpack(record, number, labels)

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
        return [
            Marker(
                row["time_s"],
                row["text"],
                row["code"],
                row["duration_s"],
                row["source"],
                None if row["wall"] is None else datetime.fromisoformat(row["wall"]),
            )
            for row in self._rows("markers", name)
        ]

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
                "SELECT label, sum(voiced_s) FROM segments WHERE session = ? GROUP BY label "
                "ORDER BY 2 DESC",
                (key,),
            ).fetchall()
        whole = sum(voiced for _, voiced in rows)
        return {label: voiced / whole for label, voiced in rows}

    def participants(self) -> list[str]:
        """All participants' codes, in order."""
        with explained(self.path):
            rows = self._connection.execute(
                "SELECT DISTINCT participant FROM sessions WHERE participant <> '' ORDER BY 1"
            )
            return [code for (code,) in rows.fetchall()]

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

    # ------------------------------------------------------------------------------------- details

    def _new_folder(self) -> str:
        """ID that neither a session nor a folder has, and its folder."""
        while True:
            name = "".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH))
            taken = self._connection.execute("SELECT 1 FROM sessions WHERE id = ?", (name,))
            if taken.fetchone() is None:
                with contextlib.suppress(FileExistsError):
                    (self.folder / name).mkdir(mode=0o700)
                    return name

    def _tidy(self, name: str) -> None:
        """Remove a session's lock, and its folder where there is nothing else in it."""
        folder = self.folder / name
        (folder / RUNNING).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            folder.rmdir()

    def _remove_files(self, info: SessionInfo, *, named_files: bool) -> list[Path]:
        """Remove a session's files, and return those that are left alone."""
        written = [] if info.files is None else info.files.existing()
        remove = named_files or not info.named
        if remove:
            for path in written:
                path.unlink(missing_ok=True)
        folder = self.folder / info.id
        if folder.exists():
            shutil.rmtree(folder)
        return [] if remove else written

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

    def _records(self, name: str, channel: int) -> Iterator[tuple[np.void, int]]:
        """Records of one channel, with its number; a page of rows at a time."""
        key, dtype, after = self._key(name), record_dtype(len(self._labels(name))), -1
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
            for record in np.frombuffer(b"".join(data for _, data in rows), dtype):
                yield record, channel

    def _info(self, row: dict[str, Any]) -> SessionInfo:
        state = SessionState(row["state"])
        folder = self.folder / row["id"]
        if state is SessionState.RUNNING and not held(folder / RUNNING):
            state = SessionState.INTERRUPTED
        channels = self._channels(row["key"])
        audio = None if row["audio"] is None else folder / row["audio"]
        return SessionInfo(
            id=row["id"],
            state=state,
            beginning=Beginning(
                started=datetime.fromisoformat(row["started"]),
                source=SourceInfo(**json.loads(row["source"])),
                channels=tuple(channel.number for channel in channels),
                labels=tuple(json.loads(row["labels"])),
                model=Model(**json.loads(row["model"])),
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
            course=Course(row["overflows"], row["dropped_samples"], row["error"]),
            audio=audio if audio is not None and audio.exists() else None,
            files=None if row["files"] is None else Files(Path(row["files"])),
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


def _insert_session(connection: sqlite3.Connection, name: str, beginning: Beginning) -> int:
    study = beginning.study
    row = {
        "id": name,
        "state": SessionState.RUNNING,
        "started": beginning.started.isoformat(),
        "title": beginning.title,
        "source": json.dumps(asdict(beginning.source)),
        "labels": json.dumps(beginning.labels),
        "model": json.dumps(asdict(beginning.model)),
        "provenance": json.dumps(beginning.provenance),
        "study": study.name,
        "participant": study.participant,
        "condition": study.condition,
        "consent": None if study.consent is None else study.consent.isoformat(),
        "overflows": 0,
        "dropped_samples": 0,
        "named": False,
    }
    key = connection.execute(
        f"INSERT INTO sessions ({', '.join(row)}, origin) VALUES ({', '.join('?' * len(row))}, "
        "(SELECT key FROM sessions WHERE id = ?))",
        (*row.values(), beginning.origin),
    ).lastrowid
    assert key is not None
    connection.executemany(
        "INSERT INTO channels VALUES (NULL, ?, ?, 0, -1, 0, 0, ?)",
        [(key, channel, beginning.names.get(channel, "")) for channel in beginning.channels],
    )
    return key


def _dictionaries(rows: sqlite3.Cursor) -> list[dict[str, Any]]:
    names = [column[0] for column in rows.description]
    return [dict(zip(names, row, strict=True)) for row in rows]

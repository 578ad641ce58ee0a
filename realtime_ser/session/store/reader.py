"""Selecting and reading of the kept sessions."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from operator import itemgetter
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np

from realtime_ser.base.errors import UsageError
from realtime_ser.base.labels import label_shares
from realtime_ser.base.records import STEP_S, Anchor, Marker, Quality, Segment, Update
from realtime_ser.base.text import nearest_hint
from realtime_ser.session.metadata import SessionHealth, SessionMetadata, Study
from realtime_ser.session.sinks import TableFiles
from realtime_ser.session.store.blobs import (
    Columns,
    check_records,
    record_dtype,
    require_unchanged,
)
from realtime_ser.session.store.database import (
    NAME,
    PATIENCE_S,
    RUNNING,
    StoreConnection,
    damaged_content,
    explained,
    explained_error,
    is_locked,
    open_database,
)
from realtime_ser.session.store.rows import (
    StoredAnchor,
    StoredChannel,
    StoredInterval,
    StoredMarker,
    StoredNote,
    StoredRow,
    StoredSegments,
    StoredSession,
    checked,
)
from realtime_ser.session.store.values import (
    CORRECTED,
    ChannelInfo,
    Interval,
    Note,
    SessionInfo,
    SessionState,
)
from realtime_ser.session.store.voice_blobs import (
    VOICE_DTYPE,
    no_voice,
    read_voice,
)


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
        Label of at least one segment, by a person or else by the model on a usable sound.
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
        conditions = (
            (_TEXT, f"%{_escape_like(self.text)}%" if self.text else None),
            ("study = ?", self.study),
            ("participant = ?", self.participant),
            (_LABEL, self.label or None),
            ("julianday(started) >= julianday(?)", self.since and self.since.isoformat()),
            ("julianday(started) < julianday(?)", self.before and self.before.isoformat()),
        )
        given = [(condition, value) for condition, value in conditions if value is not None]
        return " AND ".join(one for one, _ in given) or "TRUE", [value for _, value in given]


_USABLE = ", ".join(f"'{quality.value}'" for quality in Quality if quality.usable)

_OVERLAP_S = "min(c.end_s, s.end_s) - max(c.start_s, s.start_s)"

_LABEL = f"""EXISTS (
    SELECT ? AS wanted, c.label AS by_hand,
        max({_OVERLAP_S} + 1e-9 * (c.channel IS NOT NULL))  -- the row that corrections() chooses
    FROM segments s LEFT JOIN intervals c ON c.session = s.session
        AND c.tier = '{CORRECTED}' AND c.label <> ''
        AND (c.channel IS NULL OR c.channel = s.channel)
        AND {_OVERLAP_S} > min(c.end_s - c.start_s, s.end_s - s.start_s) / 2
    WHERE s.session = sessions.key GROUP BY s.key
    HAVING wanted = ifnull(by_hand, CASE WHEN s.quality IN ({_USABLE}) THEN s.label END)
)"""

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


_FETCH = 512
"""Rows of updates that are read at once, about ten each where they were recorded live: what is
worked on stays in the processor's cache, and a day needs no memory twice."""

_PAGE = 4096
"""Steps whose updates are unpacked at a time; not rows, of which a file's hold a thousand each."""

_BLOBS = """SELECT data, voice, crc32, voice_crc32 FROM updates
    WHERE session = ? AND channel = ? ORDER BY last_step"""

_ROWS = """SELECT labels AS labels_of_session, {0}.* FROM sessions
    LEFT JOIN {0} ON session = sessions.key WHERE id = ? ORDER BY {0}.key"""
"""A session without rows of a table has one of nulls."""

_PAGE_OF_BLOBS = """SELECT data, voice, crc32, voice_crc32, last_step FROM updates
    WHERE session = ?1 AND channel = ?2 AND last_step > ?3 AND last_step <= max(?3 + ?4, (
        SELECT min(last_step) FROM updates WHERE session = ?1 AND channel = ?2 AND last_step > ?3
    )) ORDER BY last_step"""
"""Rows of the steps that follow a step, and the next row if that is longer."""


class Reader:
    """Reader of the sessions in a folder.

    Any number of readers, in any number of programs, may be open on the same folder, also while
    sessions are written. One reader is for one thread at a time.

    A method that is given a session's ID raises :class:`UsageError` where there is none, with the
    nearest ID, and each method raises :class:`StoreError` where the disk refuses.

    Parameters
    ----------
    folder
        Folder of the database and of the sessions' own folders; it is made if need be.
    temporary
        Whether the folder goes when the program ends, so that nothing need reach the disk.
    patience_s
        Longest wait for another program that uses the store, in seconds.

    Attributes
    ----------
    notice
        Notice of how the database was opened; one sentence, or ``None``.

    Raises
    ------
    StoreError
        The folder cannot be used, or a newer version of the program wrote it.
    """

    def __init__(
        self, folder: Path, *, temporary: bool = False, patience_s: float = PATIENCE_S
    ) -> None:
        self.folder = folder
        self.path = folder / NAME
        self._temporary = temporary
        self._patience_s = patience_s
        self._opened, self.notice = self._open()

    def close(self) -> None:
        """Let go of the database; safe to call twice."""
        self._opened.close()

    def _open(self) -> tuple[StoreConnection, str | None]:
        return open_database(self.folder, temporary=self._temporary, patience_s=self._patience_s)

    @property
    def _connection(self) -> StoreConnection:
        """Connection to the database that is in the store's place now."""
        if not self._opened.in_transaction and not self._opened.in_place:
            self._opened.close()
            self._opened, self.notice = self._open()
        return self._opened

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------------------------------- reading

    def sessions(self, query: Query | None = None) -> list[SessionInfo]:
        """Sessions that fit a query, the oldest first."""
        conditions, values = (query or Query()).where()
        return self._infos(conditions, *values)

    def session(self, name: str) -> SessionInfo:
        """Session of an ID."""
        found = self._infos("id = ?", name)
        if not found:
            self._key(name)  # else an index names it, and the table does not
            with damaged_content(self.path):
                raise ValueError("a session whose row is gone")
        return found[0]

    def undecided_sessions(self) -> list[SessionInfo]:
        """Interrupted sessions that nobody has decided to keep or delete, oldest first."""
        found = self._infos("NOT settled AND state <> ?", SessionState.COMPLETE)
        return [info for info in found if info.state is SessionState.INTERRUPTED]

    def columns(self, name: str, channel: int = 1) -> Columns:
        """Updates of one channel of a session, as columns; channels count from 1."""
        key, labels = self._key_and_labels(name)
        with explained(self.path), damaged_content(self.path):
            cursor = self._tuples(_BLOBS, key, channel)
            return _columns(channel, labels, iter(lambda: cursor.fetchmany(_FETCH), []))

    def updates(self, name: str) -> Iterator[Update]:
        """All updates of all channels in the order in which they were made, a few at a time."""
        key, labels = self._key_and_labels(name)
        with damaged_content(self.path):
            numbers = [channel.number for channel in self._channels(key)]
        channels = [self._updates(key, labels, number) for number in numbers]
        return (update for _, update in merge(*channels, key=itemgetter(0)))

    def segments(self, name: str, channel: int | None = None) -> list[Segment]:
        """Segments of a channel, or of all, in the order in which they ended."""
        key, labels = self._key_and_labels(name)
        fields = StoredSegments.model_fields
        columns = f"SELECT {', '.join(fields)} FROM segments WHERE session = ? ORDER BY key"
        with explained(self.path), damaged_content(self.path):
            rows = self._tuples(columns, key).fetchall()
            if not rows:
                return []
            (found,) = checked(
                StoredSegments, [dict(zip(fields, zip(*rows, strict=True), strict=True))], labels
            )
            return [one for one in found.segments() if channel in (None, one.channel)]

    def markers(self, name: str) -> list[Marker]:
        """Markers, in the order in which they were set."""
        return list(self.keyed_markers(name).values())

    def keyed_markers(self, name: str) -> dict[int, Marker]:
        """Markers by their keys, in the order in which they were set."""
        return {
            row.key: Marker(row.time_s, row.text, row.code, row.duration_s, row.source, row.wall)
            for row in self._rows(StoredMarker, name)
        }

    def intervals(self, name: str) -> list[Interval]:
        """Intervals that were labelled by hand, in order of time."""
        found = [Interval(**row.model_dump()) for row in self._rows(StoredInterval, name)]
        return sorted(found, key=lambda interval: (interval.start_s, interval.end_s))

    def shares(self, name: str) -> dict[str, float]:
        """Share of the voiced duration whose segments the model gave a label, the largest first.

        Segments whose sound is not usable are left out.
        """
        usable = [quality for quality in Quality if quality.usable]
        sums = (
            "SELECT label, sum(voiced_s), min(typeof(label) = 'text' AND "
            "typeof(voiced_s) = 'real' AND voiced_s BETWEEN 0 AND 4294967295) "
            "FROM segments WHERE session = ? "
            f"AND quality IN ({', '.join('?' * len(usable))}) GROUP BY label"
        )
        found = self._select(sums, self._key(name), *usable)
        with damaged_content(self.path):
            if not all(sound for *_, sound in found):
                raise ValueError("'voiced_s' of 'segments' makes no sense")
        return label_shares({label: voiced_s for label, voiced_s, _ in found})

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
        """Notes, the oldest first."""
        return [Note(row.text, row.written) for row in self._rows(StoredNote, name)]

    def anchors(self, name: str) -> list[Anchor]:
        """Anchors of the session's clock, in order."""
        return [
            Anchor(row.sample, row.adc_s, row.monotonic_s, row.wall)
            for row in self._rows(StoredAnchor, name)
        ]

    def size(self) -> int:
        """Bytes that the database and all sound take on the disk."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def _select(self, statement: str, *values: object) -> list[Any]:
        """Rows of a query, whose columns have places and names."""
        try:
            return self._connection.execute(statement, values).fetchall()
        except (sqlite3.Error, OSError) as error:
            raise explained_error(self.path, error) from error

    def _tuples(self, statement: str, *values: object) -> sqlite3.Cursor:
        """Rows of a query for much, as tuples, which take half the time."""
        cursor = self._connection.cursor()
        cursor.row_factory = None
        return cursor.execute(statement, values)

    def _different(self, column: str) -> list[str]:
        found = f"SELECT DISTINCT {column} FROM sessions WHERE {column} <> '' ORDER BY 1"
        return [value for (value,) in self._select(found)]

    def _names(self, condition: str, *values: object) -> list[str]:
        found = self._select(f"SELECT id FROM sessions WHERE {condition}", *values)
        return [name for (name,) in found if isinstance(name, str)]

    def _key(self, name: str) -> int:
        found = self._select("SELECT key FROM sessions WHERE id = ?", name)
        if found:
            return int(found[0]["key"])
        hint = nearest_hint(name, self._names("TRUE"), "; 'realtime-ser sessions' lists them.")
        raise UsageError(f"There is no session '{name}'{hint}")

    def _key_and_labels(self, name: str) -> tuple[int, tuple[str, ...]]:
        found = self._select("SELECT key, labels FROM sessions WHERE id = ?", name)
        if not found:
            self._key(name)
        with damaged_content(self.path):
            ((key, labels),) = found
            return key, tuple(json.loads(labels))

    def _rows(self, kind: type[StoredRow], name: str) -> list[StoredRow]:
        """Rows of a table that belong to a session."""
        found = self._select(_ROWS.format(kind.table), name)
        if not found:
            self._key(name)
        with damaged_content(self.path):
            labels = json.loads(found[0]["labels_of_session"])
            return checked(kind, [row for row in found if row["key"] is not None], labels)

    def _updates(
        self, key: int, labels: tuple[str, ...], channel: int
    ) -> Iterator[tuple[int, Update]]:
        """Updates of a channel, with their places among all updates; a page of rows at a time."""
        after = -1
        while rows := self._select(_PAGE_OF_BLOBS, key, channel, after, _PAGE):
            after = rows[-1]["last_step"]
            with damaged_content(self.path):
                page = _columns(channel, labels, [[row[:4] for row in rows]])
            yield from zip(page.records["order"].tolist(), page.updates(), strict=True)

    def _infos(self, condition: str, *values: object) -> list[SessionInfo]:
        """Sessions for which a condition holds, the oldest first."""
        order = "ORDER BY julianday(started), key"
        found = self._select(f"SELECT * FROM sessions WHERE {condition} {order}", *values)
        with explained(self.path), damaged_content(self.path):
            return [self._info(row) for row in found]

    def _info(self, found: Any) -> SessionInfo:
        (row,) = checked(StoredSession, [found], ())
        state = row.state
        folder = self.folder / row.id
        if state is SessionState.RUNNING and not is_locked(folder / RUNNING):
            state = SessionState.INTERRUPTED
        channels = self._channels(row.key)
        audio = None if row.audio is None else folder / row.audio
        return SessionInfo(
            id=row.id,
            state=state,
            metadata=SessionMetadata(
                started=row.started,
                source=row.source,
                channels=tuple(channel.number for channel in channels),
                labels=row.labels,
                model=row.model,
                provenance=row.provenance,
                names={channel.number: channel.name for channel in channels if channel.name},
                study=Study(row.study, row.participant, row.condition, row.consent),
                title=row.title,
                origin=None if row.origin is None else self._name(row.origin),
            ),
            channels=channels,
            health=SessionHealth(row.overflows, row.dropped_samples, row.error),
            audio=audio if audio is not None and audio.exists() else None,
            files=None if row.files is None else TableFiles(Path(row.files)),
            named=bool(row.named),
        )

    def _name(self, key: int) -> str | None:
        return next(iter(self._names("key = ?", key)), None)

    def _channels(self, key: int) -> tuple[ChannelInfo, ...]:
        found = self._select("SELECT * FROM channels WHERE session = ? ORDER BY key", key)
        rows = checked(StoredChannel, found, ())
        if not rows:
            raise ValueError("a session without channels")
        return tuple(
            ChannelInfo(
                row.channel,
                row.name,
                row.updates,
                row.last_step,
                row.speech_steps * STEP_S,
                row.lost_steps * STEP_S,
            )
            for row in rows
        )


_BlobRow: TypeAlias = tuple[bytes, bytes | None, int | None, int | None]


def _columns(channel: int, labels: tuple[str, ...], pages: Iterable[Sequence[_BlobRow]]) -> Columns:
    """Columns of the blobs of consecutive rows: updates, what the voice did, and checksums.

    Raises
    ------
    ValueError
        They are none, or have changed.
    """
    layout, newest = record_dtype(len(labels)), -1
    everything, all_voice = bytearray(), bytearray()
    for page in pages:
        blobs, voices, crcs, voice_crcs = zip(*page, strict=True)
        require_unchanged(blobs, crcs)
        require_unchanged(voices, voice_crcs)
        joined = b"".join(blobs)
        records = np.frombuffer(joined, layout)
        check_records(records, len(labels), newest)
        newest = int(records["step"][-1]) if len(records) else newest
        everything += joined
        measured = _joined_voices(voices, blobs, layout.itemsize) if any(voices) else None
        all_voice += read_voice(measured, len(records)).data
    found, voice = np.frombuffer(everything, layout), np.frombuffer(all_voice, VOICE_DTYPE)
    found.flags.writeable = voice.flags.writeable = False
    return Columns(channel, labels, found, voice)


def _joined_voices(voices: Sequence[bytes | None], blobs: Sequence[bytes], size: int) -> bytes:
    """What the voice did in blobs of records of so many bytes, where it was measured."""
    if None in voices:
        each = zip(voices, blobs, strict=True)
        voices = [no_voice(len(blob) // size).tobytes() if v is None else v for v, blob in each]
    return b"".join(voices)  # type: ignore[arg-type]

"""What can be read of a damaged database, session by session."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from realtime_ser.audio.source import SourceInfo
from realtime_ser.base.records import SAMPLE_RATE, STEP_S, State
from realtime_ser.base.text import count_text
from realtime_ser.recogniser.speaker_calibration import ModelIdentity
from realtime_ser.session.store.blobs import STATES, record_dtype
from realtime_ser.session.store.rows import CONTENT, is_sound, wrong_columns

_REPLACEMENTS: Mapping[str, object] = {
    "state": "interrupted",
    "title": "",
    "source": json.dumps(asdict(SourceInfo("unknown", SAMPLE_RATE, 1, live=True))),
    "model": json.dumps(asdict(ModelIdentity("unknown", "", ""))),
    "provenance": json.dumps({"config": {}}),
    "study": "",
    "participant": "",
    "condition": "",
    "overflows": 0,
    "dropped_samples": 0,
    "named": True,
    "settled": True,
}
"""Values of columns of a session that cannot be read; the others are needed or may be empty."""

Row = dict[str, Any]

_UNMEASURED = {"voice": None, "voice_crc32": None}


@dataclass
class Saved:
    """What was saved of a database.

    Attributes
    ----------
    whole
        Number of sessions that were saved whole.
    damaged
        Lost seconds of the others, by their IDs; 0: something else than steps.
    lost
        Number of sessions of which nothing could be saved.
    """

    whole: int = 0
    damaged: dict[str, float] = field(default_factory=dict)
    lost: int = 0

    def __str__(self) -> str:
        """Say it."""
        words = [f"{count_text(self.whole + len(self.damaged), 'session')} saved"]
        if self.damaged:
            losses = (
                f"{name} lacks {seconds:.1f} s" if seconds else f"{name} lacks parts"
                for name, seconds in self.damaged.items()
            )
            words.append(f"{len(self.damaged)} with losses ({', '.join(losses)})")
        if self.lost:
            words.append(f"{self.lost} lost")
        return ", ".join(words)


def salvage(old: sqlite3.Connection, new: sqlite3.Connection) -> Saved:
    """Copy all that can be read into a new database of the present version.

    Raises
    ------
    sqlite3.Error
        The new database cannot be written.
    """
    saved = Saved()
    new.execute("PRAGMA foreign_keys = OFF")  # a reanalysis may come before its origin
    new.execute("BEGIN IMMEDIATE")
    known: set[int] = set()
    for session in _rows(old, "sessions", None):
        row = _mended_session(session)
        if row is None:
            continue
        known.add(row["key"])
        content, lost_s = _content(old, row)
        if lost_s is None and row == session:
            saved.whole += 1
        else:
            lost_s = lost_s or 0.0
            saved.damaged[row["id"]] = lost_s
            what = f"{lost_s:.1f} s" if lost_s else "Parts"
            row["error"] = f"{what} of it were lost when the store was damaged."
        _insert(new, "sessions", [row])
        for table, rows in content.items():
            # A channel that was made anew must not take another's key.
            _insert(new, table, map(without_keys, rows) if table == "channels" else rows)
    saved.lost = len(set(_keys(old, "channels", None, "session")) - known)
    new.execute("UPDATE sessions SET origin = NULL WHERE origin NOT IN (SELECT key FROM sessions)")
    new.execute("COMMIT")
    new.execute("PRAGMA foreign_keys = ON")
    return saved


def has_damaged_content(connection: sqlite3.Connection) -> bool:
    """Whether a database that SQLite can read holds sessions that make no sense.

    Raises
    ------
    sqlite3.Error
        A table cannot be read.
    """
    for table in CONTENT:
        connection.execute(f"SELECT * FROM {table} LIMIT 0")
    return any(
        _mended_session(session) != session or _content(connection, session)[1] is not None
        for session in _rows(connection, "sessions", None)
    )


def move_session(old: sqlite3.Connection, new: sqlite3.Connection, session: Row) -> int:
    """Copy a session with everything that belongs to it, and return its new key.

    A transaction of the new database is open.
    """
    content, _ = _content(old, session)
    _insert(new, "sessions", [without_keys(session)])
    ((key,),) = new.execute("SELECT key FROM sessions WHERE id = ?", (session["id"],))
    for table, rows in content.items():
        _insert(new, table, [without_keys(row) | {"session": key} for row in rows])
    return int(key)


def _content(old: sqlite3.Connection, session: Row) -> tuple[dict[str, list[Row]], float | None]:
    """Rows that belong to a session, by their tables, and how many seconds are missing.

    ``None``: nothing is missing at all.
    """
    labels = tuple(json.loads(session["labels"]))
    found = {table: list(_rows(old, table, session["key"])) for table in CONTENT}
    rows = {
        table: [sound for row in of_table for sound in _sound_part(table, row, labels)]
        for table, of_table in found.items()
    }
    rows["updates"] = _in_order(rows["updates"])
    channels, lost = _channels(session, rows["channels"], rows["updates"])
    whole = not lost and rows | {"channels": channels} == found
    return rows | {"channels": channels}, None if whole else lost * STEP_S


def _sound_part(table: str, row: Row, labels: Sequence[str]) -> Iterator[Row]:
    """A row that makes sense, if need be without what the voice did."""
    if is_sound(table, row, labels):
        yield row
    elif row.get("voice") is not None and is_sound(table, row | _UNMEASURED, labels):
        yield row | {name: None for name in _UNMEASURED if name in row}


def _in_order(updates: Sequence[Row]) -> list[Row]:
    """Rows of updates without those that go back in time, as a page that was put twice does."""
    last: dict[int, int] = {}
    kept = []
    for row in updates:
        if row["first_step"] > last.get(row["channel"], -1):
            last[row["channel"]] = row["last_step"]
            kept.append(row)
    return kept


def session_row(connection: sqlite3.Connection, key: int) -> Row | None:
    """Row of a session; ``None``: it cannot be read."""
    return next(iter(_one(connection, "sessions", key)), None)


def session_channels(connection: sqlite3.Connection, session: Row) -> list[Row]:
    """Rows of the channels of a session."""
    return list(_rows(connection, "channels", session["key"]))


def without_keys(row: Row) -> Row:
    """Row without what numbers it and the row that it came from in one database."""
    return {name: value for name, value in row.items() if name not in ("key", "origin")}


def _mended_session(row: Row) -> Row | None:
    """Row of a session whose columns can be used; ``None``: labels or start are lost."""
    mended = dict(row) | dict.fromkeys(wrong_columns(row))
    for name, value in _REPLACEMENTS.items():
        if name in mended and mended[name] is None:
            mended[name] = value
    return mended if mended["labels"] and mended["started"] and mended["id"] else None


def _channels(session: Row, known: Sequence[Row], updates: Sequence[Row]) -> tuple[list[Row], int]:
    """Rows of the channels as the saved updates count them, and how many updates are missing."""
    rows = {row["channel"]: row for row in known}
    labels = len(json.loads(session["labels"]))
    lost = 0
    # A session has one channel at least.
    for channel in dict.fromkeys([*rows, *(row["channel"] for row in updates)]) or (1,):
        records = np.frombuffer(
            b"".join(row["data"] for row in updates if row["channel"] == channel),
            record_dtype(labels),
        )
        counts = np.bincount(records["state"], minlength=len(STATES))
        before = rows.get(channel, {"session": session["key"], "channel": channel, "name": ""})
        lost += max(0, before.get("updates", len(records) + 1) - len(records))
        rows[channel] = before | {
            "updates": len(records),
            "last_step": int(records["step"][-1]) if len(records) else -1,
            "speech_steps": int(counts[STATES.index(State.SPEECH)]),
            "lost_steps": int(counts[STATES.index(State.LOST)]),
        }
    return list(rows.values()), lost


def _insert(connection: sqlite3.Connection, table: str, rows: Iterable[Row]) -> None:
    for row in rows:
        columns, places = ", ".join(row), ", ".join("?" * len(row))
        # A damaged index may have named a row twice.
        connection.execute(
            f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({places})", tuple(row.values())
        )


def _rows(connection: sqlite3.Connection, table: str, session: int | None) -> Iterator[Row]:
    """Rows of a session, or of all, that can be read, in the order of their keys."""
    condition, values = ("TRUE", ()) if session is None else ("session = ?", (session,))
    try:
        found = connection.execute(
            f"SELECT * FROM {table} WHERE {condition} ORDER BY key", values
        ).fetchall()
    except sqlite3.Error:
        for key in sorted(_keys(connection, table, session, "key")):
            yield from _one(connection, table, key)
    else:
        yield from (dict(row) for row in found)


def _one(connection: sqlite3.Connection, table: str, key: int) -> Iterator[Row]:
    """Row of a key, if it can be read; of a session, the columns that can."""
    try:
        row = connection.execute(f"SELECT * FROM {table} WHERE key = ?", (key,)).fetchone()
        if row is not None:
            yield dict(row)
    except sqlite3.Error:
        if table == "sessions":
            yield {
                name: _value(connection, table, name, key) for name in _columns(connection, table)
            }


def _value(connection: sqlite3.Connection, table: str, column: str, key: int) -> object:
    with contextlib.suppress(sqlite3.Error):
        found = connection.execute(f"SELECT {column} FROM {table} WHERE key = ?", (key,)).fetchone()
        return None if found is None else found[0]
    return None


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row["name"] for row in connection.execute(f"PRAGMA table_info({table})")]


def _keys(connection: sqlite3.Connection, table: str, session: int | None, column: str) -> set[int]:
    """Keys of rows that an index or the table itself names, the latter from both of its ends."""
    condition, values = ("TRUE", ()) if session is None else ("session = ?", (session,))
    found: set[int] = set()
    for index, order in (("", ""), ("NOT INDEXED", "key"), ("NOT INDEXED", "key DESC")):
        by = f"ORDER BY {order}" if order else ""
        with contextlib.suppress(sqlite3.Error):  # what came before it stays
            rows = connection.execute(
                f"SELECT {column} FROM {table} {index} WHERE {condition} {by}", values
            )
            found.update(row[0] for row in rows)
    return found

"""The database of the kept sessions: opening, schema, migrations and locks.

SQLite with a write-ahead log that is brought to the disk at each commit, so that several programs
read and write at once and a pulled plug loses no commit. Deleted rows are overwritten with zeros.

A program that writes a session holds a lock on a file in the session's folder. The system lets go
of it when the program ends, however it ends, so that a lock nobody holds tells a killed session
from a running one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from realtime_ser.base.errors import StoreError, reason_text
from realtime_ser.base.files import numbered_path
from realtime_ser.base.timebase import local_now

RUNNING = "running.lock"
"""Name of the file in a session's folder that is locked while the session runs."""


def store_lock(path: Path) -> FileLock:
    """Lock on a file of the store, which any thread of the process may acquire and release."""
    return FileLock(path, mode=0o600, thread_local=False)


def is_locked(path: Path) -> bool:
    """Whether a running program, this one included, holds the lock on ``path``."""
    if not path.exists():
        return False
    try:
        with store_lock(path).acquire(blocking=False):
            return False
    except OSError:
        return True


NAME = "sessions.sqlite"
"""The database; its write-ahead log lies beside it while it is open."""

_OPENING = "opening.lock"
_PATIENCE_S = 60.0
"""Longest wait for another program that writes; large deletions take longest."""

_SCHEMA_1 = (
    """CREATE TABLE sessions (
        key INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        state TEXT NOT NULL,          -- running, complete, interrupted
        started TEXT NOT NULL,        -- ISO 8601 with UTC offset
        title TEXT NOT NULL,
        source TEXT NOT NULL,         -- JSON: name, native_rate, channels, live, demo, duration_s
        labels TEXT NOT NULL,         -- JSON: in the order of the probabilities
        model TEXT NOT NULL,          -- JSON: name, version, sha256
        provenance TEXT NOT NULL,     -- JSON: versions, platform, model, labels, configuration
        overflows INTEGER NOT NULL,
        dropped_samples INTEGER NOT NULL,
        error TEXT,                   -- why it ended before its time
        audio TEXT,                   -- path, seen from the session's folder
        files TEXT,                   -- frames CSV that was written beside
        named INTEGER NOT NULL,       -- whether a person chose its name
        origin INTEGER REFERENCES sessions ON DELETE SET NULL  -- the session heard again
    )""",
    """CREATE TABLE channels (
        key INTEGER PRIMARY KEY,      -- in the order of the configuration
        session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
        channel INTEGER NOT NULL,     -- from 1
        updates INTEGER NOT NULL,
        last_step INTEGER NOT NULL,   -- -1: none
        speech_steps INTEGER NOT NULL,
        lost_steps INTEGER NOT NULL,
        UNIQUE (session, channel)
    )""",
    """CREATE TABLE updates (
        key INTEGER PRIMARY KEY,
        session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
        channel INTEGER NOT NULL,
        first_step INTEGER NOT NULL,
        last_step INTEGER NOT NULL,
        data BLOB NOT NULL            -- see blobs.py
    )""",
    "CREATE INDEX updates_by_step ON updates (session, channel, last_step)",
    """CREATE TABLE segments (
        key INTEGER PRIMARY KEY,
        session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
        channel INTEGER NOT NULL,
        number INTEGER NOT NULL,
        start_s REAL NOT NULL,
        end_s REAL NOT NULL,
        voiced_s REAL NOT NULL,
        label TEXT NOT NULL,
        confidence REAL NOT NULL,
        certain INTEGER NOT NULL,
        probabilities BLOB NOT NULL   -- little-endian float32, one a label
    )""",
    "CREATE INDEX segments_by_session ON segments (session, label)",
    """CREATE TABLE markers (
        key INTEGER PRIMARY KEY,
        session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
        time_s REAL NOT NULL,
        wall TEXT,
        duration_s REAL NOT NULL,
        code TEXT NOT NULL,
        text TEXT NOT NULL,
        source TEXT NOT NULL
    )""",
    "CREATE INDEX markers_by_session ON markers (session)",
    """CREATE TABLE notes (
        key INTEGER PRIMARY KEY,
        session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
        written TEXT NOT NULL,
        text TEXT NOT NULL
    )""",
    "CREATE INDEX notes_by_session ON notes (session)",
    """CREATE TABLE anchors (
        key INTEGER PRIMARY KEY,
        session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
        sample INTEGER NOT NULL,
        adc_s REAL NOT NULL,
        monotonic_s REAL NOT NULL,
        wall TEXT NOT NULL
    )""",
    "CREATE INDEX anchors_by_session ON anchors (session)",
)

_STUDIES = (
    "ALTER TABLE sessions ADD COLUMN study TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE sessions ADD COLUMN participant TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE sessions ADD COLUMN condition TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE sessions ADD COLUMN consent TEXT",  # when it was given, ISO 8601
    "ALTER TABLE channels ADD COLUMN name TEXT NOT NULL DEFAULT ''",
    """CREATE TABLE intervals (         -- labelled by hand, on named tiers
        key INTEGER PRIMARY KEY,
        session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
        channel INTEGER,              -- NULL: all
        tier TEXT NOT NULL,
        start_s REAL NOT NULL,
        end_s REAL NOT NULL,
        label TEXT NOT NULL,
        text TEXT NOT NULL,
        source TEXT NOT NULL
    )""",
    "CREATE INDEX intervals_by_session ON intervals (session)",
)

_OFFERS = (
    # whether a person has decided what becomes of an interrupted session
    "ALTER TABLE sessions ADD COLUMN settled INTEGER NOT NULL DEFAULT 0",
    "UPDATE sessions SET settled = 1 WHERE state = 'interrupted'",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_SCHEMA_1, _STUDIES, _OFFERS)
"""Statements that lead from each version to the next; the version is their number."""


def open_database(
    folder: Path, *, temporary: bool = False
) -> tuple[sqlite3.Connection, str | None]:
    """Open the database of a folder; create or migrate it if need be.

    A damaged database is set aside under another name, and a new one is begun.

    Parameters
    ----------
    folder
        The folder, which is made if need be.
    temporary
        Whether the folder goes when the program ends: no commit waits for the disk then, and what
        is deleted is not overwritten.

    Returns
    -------
    The connection, which any thread may use, but one at a time, and a notice for the user.

    Raises
    ------
    StoreError
        The database cannot be opened, or a newer version of the program wrote it.
    """
    path = folder / NAME
    notice = None
    with explained(path):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # One program at a time: two must not both set a damaged one aside.
        with store_lock(folder / _OPENING):
            try:
                connection = _open(path, temporary=temporary)
            except sqlite3.DatabaseError as error:
                if not _damaged(error):
                    raise
                aside = _set_aside(path)
                connection = _open(path, temporary=temporary)
                notice = (
                    f"The kept sessions in {path} are damaged ({error}): they were set aside as "
                    f"{aside.name}, and a new store was begun."
                )
    return connection, notice


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn errors of SQLite and of the system into a sentence.

    Raises
    ------
    StoreError
        The body raised an error of either.
    """
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        reason = reason_text(error)
        if isinstance(error, sqlite3.DatabaseError) and _damaged(error):
            raise StoreError(
                f"The kept sessions in {path} are damaged ({reason}): start the monitor, which "
                "sets them aside and begins a new store."
            ) from error
        raise StoreError(
            f"Cannot keep sessions in {path} ({reason}): make room there, or name another folder "
            "as sessions.folder."
        ) from error


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit everything that the body writes, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def insert(connection: sqlite3.Connection, table: str, row: Mapping[str, object]) -> int:
    """Insert a row, and return its key."""
    columns, places = ", ".join(row), ", ".join("?" * len(row))
    key = connection.execute(
        f"INSERT INTO {table} ({columns}) VALUES ({places})", tuple(row.values())
    ).lastrowid
    assert key is not None
    return key


def update(
    connection: sqlite3.Connection, table: str, key: int | None, values: Mapping[str, object]
) -> bool:
    """Change columns of the row of a key, and return whether there is such a row."""
    assignments = ", ".join(f"{column} = ?" for column in values)
    found = connection.execute(
        f"UPDATE {table} SET {assignments} WHERE key = ?", (*values.values(), key)
    )
    return found.rowcount > 0


def _open(path: Path, *, temporary: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False
    )
    connection.row_factory = sqlite3.Row
    try:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # heeded before the first table only
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {'OFF' if temporary else 'FULL'}")
        connection.execute(f"PRAGMA secure_delete = {'OFF' if temporary else 'ON'}")
        connection.execute("PRAGMA foreign_keys = ON")
        _migrate(connection, path)
        connection.execute("SELECT count(*) FROM sessions").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise StoreError(
            f"The kept sessions in {path} were written by a newer version of this program (schema "
            f"{version}, this one reads {len(MIGRATIONS)}): update it, or name another folder as "
            "sessions.folder."
        )
    for number, statements in enumerate(MIGRATIONS[version:], version + 1):
        with transaction(connection):
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")


def _damaged(error: sqlite3.DatabaseError) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _set_aside(path: Path) -> Path:
    now = local_now()
    aside = path.with_name(f"sessions.damaged-{now:%Y-%m-%d_%H-%M-%S}.sqlite")
    aside = numbered_path(aside, Path.exists)
    for ending in ("", "-wal", "-shm"):
        part = path.with_name(path.name + ending)
        if part.exists():
            part.rename(aside.with_name(aside.name + ending))
    return aside

"""The database of the kept sessions: opening, schema, migrations and locks.

SQLite with a write-ahead log that is brought to the disk at each commit, so that several programs
read and write at once and a pulled plug loses no commit. Deleted rows are overwritten with zeros.

A program that writes a session holds a lock on a file in the session's folder. The system lets go
of it when the program ends, however it ends, so that a lock nobody holds tells a killed session
from a running one.
"""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from realtime_ser.base.errors import (
    BusyStoreError,
    DamagedStoreError,
    StoreError,
    reason_text,
)
from realtime_ser.base.files import numbered_path
from realtime_ser.base.timebase import local_now
from realtime_ser.session.store.salvage import has_damaged_content, salvage

if TYPE_CHECKING:
    from filelock import FileLock

RUNNING = "running.lock"
"""Name of the file in a session's folder that is locked while the session runs."""


def store_lock(path: Path) -> FileLock:
    """Lock on a file of the store, which any thread of the process may acquire and release."""
    from filelock import FileLock  # not before the window is shown

    return FileLock(path, mode=0o600, thread_local=False)


def is_locked(path: Path) -> bool:
    """Whether a running program, this one included, holds the lock on ``path``."""
    if not path.exists():
        return False
    if not os.access(path, os.W_OK):  # nobody writes a session into a store that is only read
        return False
    try:
        with store_lock(path).acquire(blocking=False):
            return False
    except OSError:
        return True


NAME = "sessions.sqlite"
"""The database; its write-ahead log lies beside it while it is open."""

PATIENCE_S = 5.0
"""Longest wait for another program that writes, in seconds."""

LIVE_PATIENCE_S = 2.0
"""The same while a session runs, which tries again."""

_OPENING = "opening.lock"
_BRIEF_S = 0.5

_CACHE_KB = 256
"""Pages of a database that a connection keeps: by itself SQLite keeps each that a session writes,
up to 2 MB."""

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

_QUALITIES = (
    # of the sound; that of updates lies in the byte of "certain", see blobs.py
    "ALTER TABLE segments ADD COLUMN quality TEXT NOT NULL DEFAULT ''",
)

_VOICES = (
    # what the voice did: see voice_blobs.py; NULL where it was not measured
    "ALTER TABLE updates ADD COLUMN voice BLOB",
    "ALTER TABLE segments ADD COLUMN voice BLOB",
)

_CHECKSUMS = (
    # CRC-32 of data and of voice; NULL in rows of earlier versions
    "ALTER TABLE updates ADD COLUMN crc32 INTEGER",
    "ALTER TABLE updates ADD COLUMN voice_crc32 INTEGER",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    *(_SCHEMA_1, _STUDIES, _OFFERS, _QUALITIES, _VOICES, _CHECKSUMS),
)
"""Statements that lead from each version to the next; the version is their number."""


_NO_TEXT = "Could not decode to UTF-8"
"""What Python says of a value that is no text."""


class StoreConnection(sqlite3.Connection):
    """Connection to the database of a store, which knows whether the file is still in its place."""

    file: Path | None = None
    _identity: os.stat_result | None = None

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Run a statement; a name in the schema that is no text is an error of SQLite too."""
        try:
            return super().execute(sql, parameters)
        except UnicodeDecodeError as error:
            raise sqlite3.OperationalError(f"{_NO_TEXT} a name in the schema") from error

    def note_file(self, path: Path) -> None:
        """Note the file that was opened."""
        self.file, self._identity = path, path.stat()

    @property
    def in_place(self) -> bool:
        """Whether the file has been neither removed nor replaced since it was opened."""
        if self.file is None or self._identity is None:
            return True
        try:
            return os.path.samestat(self.file.stat(), self._identity)
        except FileNotFoundError:
            return False


def open_database(
    folder: Path, *, temporary: bool = False, patience_s: float = PATIENCE_S
) -> tuple[StoreConnection, str | None]:
    """Open the database of a folder; create or migrate it if need be.

    From a damaged database what can be read is saved into a new one. A database that cannot be
    written is opened to be read.

    Parameters
    ----------
    folder
        The folder, which is made if need be.
    temporary
        Whether the folder goes when the program ends: no commit waits for the disk then, and what
        is deleted is not overwritten.
    patience_s
        Longest wait for another program, in seconds, now and later.

    Returns
    -------
    The connection, which any thread may use, but one at a time, and a notice for the user.

    Raises
    ------
    StoreError
        The database cannot be opened, or a newer version of the program wrote it.
    """
    path = folder / NAME
    with explained(path):
        if path.exists() and not (os.access(path, os.W_OK) and os.access(folder, os.W_OK)):
            return _open_read_only(path, patience_s)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # One program at a time: two must not both set a damaged one aside.
        with store_lock(folder / _OPENING).acquire(timeout=patience_s):
            try:
                return _open(path, temporary=temporary, patience_s=patience_s), None
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
            notice = _rebuild(path, running=None)
            return _open(path, temporary=temporary, patience_s=patience_s), notice


def repair_database(
    folder: Path, *, running: str | None = None, briefly: bool = False
) -> str | None:
    """Save what can be read of a damaged database into a new one, and set the damaged one aside.

    Parameters
    ----------
    folder
        Folder of the database.
    running
        ID of the session that this program is writing; its connection must be closed.
    briefly
        Whether to look for damage half a second at most, and not into the indices.

    Returns
    -------
    Notice of what was saved; ``None``: no damage was found.

    Raises
    ------
    StoreError
        Another session is running, or there is no room for the new database.
    """
    path = folder / NAME
    with explained(path):
        if not path.exists():
            return None
        with store_lock(folder / _OPENING).acquire(timeout=PATIENCE_S):
            if not _is_damaged(path, briefly=briefly):
                return None
            return _rebuild(path, running=running)


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
        raise explained_error(path, error) from error


@contextmanager
def damaged_content(path: Path) -> Iterator[None]:
    """Turn errors of what is read, where SQLite found none, into a sentence.

    Raises
    ------
    DamagedStoreError
        The body could make no sense of a value.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError) as error:
        raise _damaged_error(path, str(error)) from error


def _damaged_error(path: Path, reason: str) -> DamagedStoreError:
    return DamagedStoreError(
        f"The kept sessions in {path} are damaged ({reason}): 'realtime-ser sessions repair' saves "
        "what can be read."
    )


def explained_error(path: Path, error: sqlite3.Error | OSError) -> StoreError:
    """Error of SQLite or of the system as a sentence."""
    from filelock import Timeout

    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if isinstance(error, Timeout) or code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return BusyStoreError(f"Another program uses the store {path}: wait for it, or close it.")
    reason = reason_text(error)
    forbidden = code == sqlite3.SQLITE_READONLY and _forbids_writing(path)
    if forbidden or (isinstance(error, sqlite3.Error) and is_damage(error)):
        return _damaged_error(path, reason)
    advice = "see that the disk is there and that you may write to it"
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR) or _system_error(error) in _NO_ROOM:
        advice = "make room there"
    elif code == sqlite3.SQLITE_READONLY or _system_error(error) in _FORBIDDEN:
        advice = "allow the program to write there"
    return StoreError(
        f"Cannot keep sessions in {path} ({reason}): {advice}, or name another folder as "
        "sessions.folder."
    )


_NO_ROOM = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


def _system_error(error: Exception) -> int | None:
    return error.errno if isinstance(error, OSError) else None


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit everything that the body writes, or nothing; within another, with that one."""
    is_within = connection.in_transaction
    if is_within:
        yield
        return
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


def _connect(name: str, patience_s: float) -> StoreConnection:
    connection = sqlite3.connect(
        name,
        timeout=patience_s,
        isolation_level=None,
        check_same_thread=False,
        uri=True,
        factory=StoreConnection,
    )
    connection.row_factory = sqlite3.Row
    return connection


def _uri(path: Path, options: str) -> str:
    return f"{path.absolute().as_uri()}?{options}"


def _open(path: Path, *, temporary: bool, patience_s: float) -> StoreConnection:
    connection = _connect(_uri(path, "mode=rwc"), patience_s)
    try:
        if _version(connection) == 0:  # it is heeded before the first table only, and locks
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KB}")  # reads the file, damaged or not
        connection.execute(f"PRAGMA synchronous = {'OFF' if temporary else 'FULL'}")
        connection.execute(f"PRAGMA secure_delete = {'OFF' if temporary else 'ON'}")
        connection.execute("PRAGMA foreign_keys = ON")
        _migrate(connection, path)
        connection.execute("SELECT count(*) FROM sessions").fetchone()
        if not temporary:
            connection.note_file(path)
    except BaseException:
        connection.close()
        raise
    return connection


def _open_read_only(path: Path, patience_s: float) -> tuple[StoreConnection, str | None]:
    """Open a database that cannot be written: where nothing can, with what is committed."""
    notice = None
    connection = _connect(_uri(path, "mode=ro"), patience_s)
    try:
        version = _version(connection)
    except sqlite3.OperationalError:  # its folder lets nobody make the file that readers share
        connection.close()
        connection = _connect(_uri(path, "mode=ro&immutable=1"), patience_s)
        version = _version(connection)
        log = path.with_name(f"{path.name}-wal")
        if log.exists() and log.stat().st_size:
            notice = f"The last changes in {path} are not shown: its folder can only be read."
    if version < len(MIGRATIONS):  # brought up to date in memory
        copy = _connect(":memory:", patience_s)
        connection.backup(copy)
        connection.close()
        connection = copy
    _migrate(connection, path)
    return connection, notice


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _forbids_writing(path: Path) -> bool:
    """Whether SQLite writes nothing into a file that may be written.

    A header that names an unknown format forbids it: byte 18 of
    https://www.sqlite.org/fileformat2.html#the_database_header. SQLite alone may look: whoever else
    closes the file takes the locks of this process away.
    """
    if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        return False
    try:
        with closing(_connect(_uri(path, "mode=rw"), 0.0)) as connection:
            connection.execute("BEGIN IMMEDIATE")
    except sqlite3.DatabaseError as error:
        return getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY
    return False


def _is_damaged(path: Path, *, briefly: bool) -> bool:
    if _forbids_writing(path):
        return True
    connection = _connect(_uri(path, "mode=ro"), PATIENCE_S)
    try:
        if briefly:
            end_s = time.monotonic() + _BRIEF_S
            connection.set_progress_handler(lambda: int(time.monotonic() > end_s), 10_000)
        check = "PRAGMA quick_check(1)" if briefly else "PRAGMA integrity_check(1)"
        if [row[0] for row in connection.execute(check)] != ["ok"]:
            return True
        return not briefly and has_damaged_content(connection)
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT:
            return False
        if not is_damage(error):
            raise
        return True
    finally:
        connection.close()


def _rebuild(path: Path, running: str | None) -> str:
    """Save what can be read into a new database, and set the damaged one aside."""
    for lock in path.parent.glob(f"*/{RUNNING}"):
        if lock.parent.name != running and is_locked(lock):
            raise DamagedStoreError(
                f"The kept sessions in {path} are damaged: end the session {lock.parent.name}, "
                "and run 'realtime-ser sessions repair'."
            )
    draft, padded = (path.with_name(f"sessions.{name}.sqlite") for name in ("repaired", "padded"))
    _remove_database(draft)
    old = _connect(_uri(_whole_length(path, padded), "mode=ro"), PATIENCE_S)
    try:
        new = _open(draft, temporary=False, patience_s=PATIENCE_S)
        try:
            saved = salvage(old, new)
            new.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            new.close()
    except BaseException:
        _remove_database(draft)
        raise
    finally:
        old.close()
        _remove_database(padded)
    aside = _set_aside(path)
    draft.rename(path)
    return f"The kept sessions in {path} were damaged: {saved}; it was set aside as {aside.name}."


def _whole_length(path: Path, copy: Path) -> Path:
    """A database as long as its header says, which SQLite reads: a copy of one that was cut."""
    with path.open("rb") as file:
        header = file.read(32)
    page = int.from_bytes(header[16:18], "big")
    length = (65536 if page == 1 else page) * int.from_bytes(header[28:32], "big")
    if length <= path.stat().st_size or length > _LONGEST_STORE:
        return path
    shutil.copyfile(path, copy)
    os.truncate(copy, length)
    log = path.with_name(f"{path.name}-wal")
    if log.exists():
        shutil.copyfile(log, copy.with_name(f"{copy.name}-wal"))
    return copy


_LONGEST_STORE = 1 << 44


def _remove_database(path: Path) -> None:
    for ending in _ENDINGS:
        path.with_name(path.name + ending).unlink(missing_ok=True)


_ENDINGS = ("", "-wal", "-shm")


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    version = _version(connection)
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


def is_damage(error: sqlite3.Error) -> bool:
    """Whether an error of SQLite tells of a damaged database."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or (
        _NO_TEXT in str(error)  # Python's own, without a code
    )


def _set_aside(path: Path) -> Path:
    now = local_now()
    aside = path.with_name(f"sessions.damaged-{now:%Y-%m-%d_%H-%M-%S}.sqlite")
    aside = numbered_path(aside, Path.exists)
    for ending in _ENDINGS:
        part = path.with_name(path.name + ending)
        if part.exists():
            part.rename(aside.with_name(aside.name + ending))
    return aside

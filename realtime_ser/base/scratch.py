"""A database for what a run must know of each of millions of files: on the disk, not in memory."""

from __future__ import annotations

import sqlite3
from typing import Any

from realtime_ser.base.errors import OutputError, reason_text

_CACHE_KB = 1024


class ScratchDatabase(sqlite3.Connection):
    """Database without a name, which goes with its connection however the process ends."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Run a statement.

        Raises
        ------
        OutputError
            The disk refuses.
        """
        try:
            return super().execute(sql, parameters)
        except sqlite3.OperationalError as error:
            raise OutputError(
                f"The folder of temporary files takes no more ({reason_text(error)}): make room "
                "there, or name another as TMPDIR."
            ) from error


def scratch_database(*statements: str) -> ScratchDatabase:
    """A new database, with the tables that statements make."""
    database = sqlite3.connect(
        "", isolation_level=None, check_same_thread=False, factory=ScratchDatabase
    )
    options = (f"cache_size = -{_CACHE_KB}", "temp_store = FILE", "journal_mode = OFF")
    for statement in (*(f"PRAGMA {option}" for option in options), *statements):
        database.execute(statement)
    return database


def packed(text: str) -> bytes:
    """Text as a value that keeps its order, whatever a file may be called."""
    return text.encode(errors="surrogatepass")


def unpacked(data: bytes) -> str:
    """Text of such a value."""
    return data.decode(errors="surrogatepass")

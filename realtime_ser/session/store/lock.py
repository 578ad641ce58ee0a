"""Which sessions are running, in this program or another.

A program that writes a session holds a lock on a file in the session's folder. The system lets go
of it when the program ends, however it ends, so that a lock nobody holds tells a killed session
from a running one.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

RUNNING = "running.lock"
"""Name of the file in a session's folder that is locked while it runs."""

if sys.platform == "win32":
    import msvcrt

    def _lock(file: int, *, wait: bool) -> None:
        msvcrt.locking(file, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: int, *, wait: bool) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


class StoreLock:
    """A lock on a file, until it is released or the process ends.

    Parameters
    ----------
    path
        The file; it is made.
    wait
        Whether to wait while another holds it.

    Raises
    ------
    OSError
        Another holds it (:class:`BlockingIOError` where the system says so), or the file cannot be
        made.
    """

    def __init__(self, path: Path, *, wait: bool = False) -> None:
        self._path = path
        self._file: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(self._file, wait=wait)
        except OSError:
            self.release()
            raise

    def release(self) -> None:
        """Let go of it; safe to call twice."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def is_locked(path: Path) -> bool:
    """Whether a running program holds the lock on ``path``."""
    if not path.exists():
        return False
    try:
        StoreLock(path).release()
    except OSError:
        return True
    return False

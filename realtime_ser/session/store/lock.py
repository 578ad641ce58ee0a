"""Locks that tell running sessions, of this program or another, from killed ones.

A program that writes a session holds a lock on a file in the session's folder. The system lets go
of it when the program ends, however it ends, so that a lock nobody holds tells a killed session
from a running one.
"""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock

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

"""The program's own notes: starts, sessions, faults. Never what was heard."""

from __future__ import annotations

import contextlib
import logging
import platform
from collections.abc import Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path

import platformdirs

from realtime_ser import __version__

_MAX_BYTES, _BACKUPS = 500_000, 3
"""Size of a file, and how many old ones are kept: 2 MB in all."""

_log = logging.getLogger(__name__)


def log_path() -> Path:
    """Path of the log file."""
    return Path(platformdirs.user_log_dir("realtime-ser", appauthor=False)) / "realtime-ser.log"


@contextlib.contextmanager
def file_logging() -> Iterator[Path | None]:
    """Write the program's notes to a file meanwhile; ``None`` where that cannot be."""
    path = log_path()
    logger = logging.getLogger("realtime_ser")
    before = logger.level
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(
            path, maxBytes=_MAX_BYTES, backupCount=_BACKUPS, encoding="utf-8", delay=True
        )
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    except OSError as error:
        _log.warning("there is no log file: %s", error)
        yield None
        return
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    _log.info("started: version %s, Python %s", __version__, platform.python_version())
    try:
        yield path
    finally:
        _log.info("ended")
        logger.removeHandler(handler)
        logger.setLevel(before)
        handler.close()

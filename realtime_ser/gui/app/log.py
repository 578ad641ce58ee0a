"""The program's own notes, never of what was heard, and its faults, which are told as well."""

from __future__ import annotations

import contextlib
import logging
import platform
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

import platformdirs
from PyQt6.QtWidgets import QWidget

from realtime_ser import __version__
from realtime_ser.gui.theme.style_watcher import set_size
from realtime_ser.gui.widgets.dialogs import Dialog
from realtime_ser.gui.widgets.parts import button, copy_text, label, reveal, row, text_view

_MAX_BYTES, _BACKUPS = 500_000, 3  # size of a log file, and how many old ones are kept: 2 MB in all

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
        with contextlib.suppress(OSError):  # a full disk, on which the last notes found no room
            handler.close()


class CrashDialog(Dialog):
    """Message about an unexpected fault, in a line and with its trace; the session goes on.

    Parameters
    ----------
    kept_text
        What is kept of the session, in a sentence; empty: there is none.
    log
        The log file, if there is one.
    """

    def __init__(
        self,
        fault: str,
        trace: str,
        kept_text: str,
        log: Path | None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(
            "Something went wrong", parent, heading="Something went wrong in the window"
        )
        words = " ".join(part for part in (f"{fault}.", kept_text) if part)
        advice = "If the window does not behave, close it and start again; nothing is lost."
        self.text = label(f"{words} {advice}", wrap=True)
        report = f"realtime-ser {__version__}\n{trace}"
        self.details = text_view(
            "Where it came from", "For whoever mends it; nothing of what was heard is in it", report
        )
        set_size(self.details, min_height=20)
        self.copy = button(
            "Copy",
            "Copy the details, to send them to whoever mends it",
            clicked=lambda: copy_text(report),
        )
        self.log = button(
            "Show the log file",
            "Open the folder of the log file",
            clicked=lambda: reveal(log) if log is not None else None,
        )
        self.log.setVisible(log is not None)
        self.go_on = button(
            "Go on", "Close this; the session goes on (Esc)", "primary", clicked=self.accept
        )
        self.show_parts(
            self.text,
            self.details,
            row(self.copy, self.log, None, self.go_on),
            min_width=80,
            default=self.go_on,
        )


@contextlib.contextmanager
def report_faults(
    owner: QWidget,
    kept_text: Callable[[], str],
    log: Path | None,
    interrupted: Callable[[], object],
) -> Iterator[None]:
    """Survive a fault in a slot: one dialog, the traceback in the log, the session goes on.

    Without it PyQt ends the process. A fault in a thread is noted; what depends on it says so.

    Parameters
    ----------
    owner, kept_text, log
        As for :class:`CrashDialog`; the sentence is asked for at the fault.
    interrupted
        Called when somebody asks the program to end.
    """
    before, before_in_thread = sys.excepthook, threading.excepthook
    told = False

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        nonlocal told
        if issubclass(kind, KeyboardInterrupt):
            interrupted()
            return
        _log.error("unhandled exception in the window", exc_info=(kind, error, trace))
        if not told:  # one dialog: a fault in each frame must not bury the screen
            told = True
            lines = "".join(traceback.format_exception(kind, error, trace))
            dialog = CrashDialog(f"{kind.__name__}: {error}", lines, kept_text(), log, owner)
            dialog.finished.connect(rearm)
            dialog.open()

    def in_thread(arguments: threading.ExceptHookArgs) -> None:
        error = arguments.exc_value
        if error is not None:
            found = (arguments.exc_type, error, arguments.exc_traceback)
            _log.error("unhandled exception in a thread", exc_info=found)

    def rearm() -> None:
        nonlocal told
        told = False

    sys.excepthook, threading.excepthook = hook, in_thread
    try:
        yield
    finally:
        sys.excepthook, threading.excepthook = before, before_in_thread

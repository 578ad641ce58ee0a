"""Work beside the window: in a thread of its own, with progress, and with an end on demand."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from PyQt6.QtCore import QObject, pyqtSignal

from realtime_ser.base.errors import SerError

_PROGRESS_INTERVAL_S = 0.05

ReportProgress = Callable[[float], None]
"""Takes the share that is done, 0 to 1; raises :class:`CancelledError` to end the work."""


class CancelledError(Exception):
    """A person has ended the work."""


class Task(QObject):
    """Work in a thread of its own, whose signals arrive in the window's thread.

    The work is called once; its result comes with :attr:`succeeded`.
    """

    progressed = pyqtSignal(float)
    succeeded = pyqtSignal(object)
    failed = pyqtSignal(object)
    cancelled = pyqtSignal()

    def __init__(
        self, work: Callable[[ReportProgress], Any], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._work = work
        self._stop = threading.Event()
        self._reported_s = 0.0
        self._thread = threading.Thread(target=self._run, name="work", daemon=True)

    @property
    def running(self) -> bool:
        """Whether the work is going on."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin the work."""
        self._thread.start()

    def cancel(self) -> None:
        """Ask the work to end; :attr:`cancelled` follows, unless it is done before that."""
        self._stop.set()

    def wait(self) -> None:
        """Return when the thread has ended."""
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            result = self._work(self._report_progress)
        except CancelledError:
            self.cancelled.emit()
        except Exception as error:  # noqa: BLE001 - told in the window's thread, and logged there
            self.failed.emit(error)
        else:
            self.succeeded.emit(result)

    def _report_progress(self, share: float) -> None:
        if self._stop.is_set():
            raise CancelledError
        now_s = time.monotonic()
        if now_s - self._reported_s >= _PROGRESS_INTERVAL_S or share >= 1.0:
            self._reported_s = now_s
            self.progressed.emit(share)


def error_sentence(error: Exception) -> str:
    """A failure in a sentence for a person; a fault of the program says so."""
    if isinstance(error, SerError):
        return str(error)
    return f"Something unexpected went wrong ({type(error).__name__}: {error}); try again."

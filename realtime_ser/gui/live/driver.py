"""Opens and closes sessions in a thread of its own, so that the window never waits for a device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QObject, pyqtSignal

from realtime_ser.audio.devices import InputDevice, input_devices, rescan
from realtime_ser.config import Config
from realtime_ser.errors import DeviceError
from realtime_ser.handover import Subscription
from realtime_ser.session.live import LiveSession
from realtime_ser.session.summary import ChannelSummary


@dataclass(frozen=True, slots=True)
class Running:
    """A session that was started, and the window's queue of its records."""

    session: LiveSession
    records: Subscription


@dataclass(frozen=True, slots=True)
class Completed:
    """A session whose files are complete, and how it went."""

    session: LiveSession
    summary: Mapping[int, ChannelSummary]


class Driver(QObject):
    """Does one thing after another; tells by signals, in the window's thread, how it went."""

    opened = pyqtSignal(object)
    failed = pyqtSignal(object)
    closed = pyqtSignal(object)
    listed = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sessions")

    def open(self, config: Config, export: Path | None, duration_s: float | None) -> None:
        """Start a session; ``opened`` or ``failed`` follows."""
        self._do(lambda: _start(config, export, duration_s), self.opened)

    def close(self, session: LiveSession) -> None:
        """Complete a session's files; ``closed`` or ``failed`` follows."""
        self._do(lambda: Completed(session, session.stop()), self.closed)

    def list_inputs(self, *, again: bool) -> None:
        """List microphones; ``again`` asks the system, which needs that no stream is open."""
        self._do(lambda: _inputs(again=again), self.listed)

    def finish(self) -> None:
        """Return when everything that was asked for has been done."""
        self._pool.shutdown(wait=True)

    def _do(self, work: Callable[[], Any], done: Any) -> None:
        future = self._pool.submit(work)

        def tell() -> None:
            error = future.exception()
            if error is None:
                done.emit(future.result())
            else:
                self.failed.emit(error)

        # From the pool's thread, so that Qt hands it to the window's between two events.
        self._pool.submit(tell)


def _start(config: Config, export: Path | None, duration_s: float | None) -> Running:
    session = LiveSession(config, export)
    records = session.monitor.subscribe()
    session.start(duration_s)
    return Running(session, records)


def _inputs(*, again: bool) -> list[InputDevice]:
    """Microphones; none where PortAudio is missing, which opening one says in full."""
    try:
        return rescan() if again else input_devices()
    except DeviceError:
        return []

"""Opens and closes sessions in a thread of its own, so that the window never waits for a device."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QObject, pyqtSignal

from realtime_ser.audio.devices import InputDevice, input_devices, rescan
from realtime_ser.config import Config
from realtime_ser.errors import DeviceError
from realtime_ser.handover import Subscription
from realtime_ser.session.live import LiveSession


@dataclass(frozen=True, slots=True)
class Running:
    """A session that was started, and the window's queue of its records."""

    session: LiveSession
    records: Subscription


class Driver(QObject):
    """Does one thing after another; tells by signals, in the window's thread, how it went."""

    opened = pyqtSignal(object)
    failed = pyqtSignal(object)
    closed = pyqtSignal(object)
    listed = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sessions")

    def open(self, config: Config, export: Path | None) -> None:
        """Start a session; ``opened`` or ``failed`` follows."""
        self._do(lambda: _start(config, export), self.opened)

    def close(self, session: LiveSession) -> None:
        """Complete a session's files; ``closed`` or ``failed`` follows."""

        def stop() -> LiveSession:
            session.stop()
            return session

        self._do(stop, self.closed)

    def list_inputs(self, *, again: bool) -> None:
        """List microphones; ``again`` asks the system, which needs that no stream is open."""
        self._do(lambda: _inputs(again=again), self.listed)

    def finish(self) -> None:
        """Return when everything that was asked for has been done."""
        self._pool.shutdown(wait=True)

    def _do(self, work: Callable[[], Any], done: Any) -> None:
        def tell(future: Future[Any]) -> None:
            error = future.exception()
            if error is None:
                done.emit(future.result())
            else:
                self.failed.emit(error)

        self._pool.submit(work).add_done_callback(tell)


def _start(config: Config, export: Path | None) -> Running:
    session = LiveSession(config, export)
    records = session.monitor.subscribe()
    try:
        session.start()
    except BaseException:
        session.stop()
        raise
    return Running(session, records)


def _inputs(*, again: bool) -> list[InputDevice]:
    """Microphones; none where PortAudio is missing, which opening one says in full."""
    try:
        return rescan() if again else input_devices()
    except DeviceError:
        return []

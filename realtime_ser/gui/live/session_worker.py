"""Opens and closes sessions in a thread of its own, so that the window never waits for a device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QObject, pyqtSignal

from realtime_ser.audio.devices import InputDevice, input_devices, rescan
from realtime_ser.base.config import Config
from realtime_ser.base.errors import DeviceError
from realtime_ser.engine.comparison import SecondModel
from realtime_ser.engine.subscription import Subscription
from realtime_ser.recogniser.bundle import bundle_folder, load_bundle
from realtime_ser.session.live import LiveSession
from realtime_ser.session.running_summary import ChannelSummary

#: Records that wait for the window at most: two minutes of updates and blocks of sound.
_CAPACITY = 7500


@dataclass(frozen=True, slots=True)
class Wish:
    """A session that is to be opened.

    Attributes
    ----------
    config
        All settings.
    export
        Frames CSV; ``None``: a new name in the session folder.
    duration_s
        When to end, in seconds of its clock.
    second
        Name or folder of a model to compare with.
    """

    config: Config
    export: Path | None = None
    duration_s: float | None = None
    second: str | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """A session that was started, the window's queue of its records, and what hears it too."""

    session: LiveSession
    records: Subscription
    second: SecondModel | None = None


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

    def open(self, wish: Wish) -> None:
        """Start a session; ``opened`` or ``failed`` follows."""
        self._do(lambda: _start(wish), self.opened)

    def close(self, running: Running) -> None:
        """Complete a session's files; ``closed`` or ``failed`` follows."""
        self._do(lambda: complete(running), self.closed)

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


def _start(wish: Wish) -> Running:
    other = None if wish.second is None else load_bundle(bundle_folder(wish.second))
    session = LiveSession(wish.config, wish.export)
    # With the sound: its last seconds can be played again.
    records = session.monitor.subscribe(_CAPACITY, sound=True)
    second = None if other is None else SecondModel(session.monitor, other, wish.config.gate)
    session.start(wish.duration_s)
    if second is not None:
        second.start()
    return Running(session, records, second)


def complete(running: Running) -> Completed:
    """Complete a session's files, and return how it went."""
    summary = running.session.stop()
    if running.second is not None:
        running.second.stop()
    return Completed(running.session, summary)


def _inputs(*, again: bool) -> list[InputDevice]:
    """Microphones; none where PortAudio is missing, which opening one says in full."""
    try:
        return rescan() if again else input_devices()
    except DeviceError:
        return []

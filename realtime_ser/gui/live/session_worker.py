"""Opens and closes sessions in a thread of its own, so that the window never waits for a device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QObject, pyqtSignal

from realtime_ser.audio.device_thread import sound_system
from realtime_ser.audio.devices import InputDevice, input_devices
from realtime_ser.base.config import Config
from realtime_ser.base.errors import DeviceError
from realtime_ser.engine.comparison import ComparisonModel
from realtime_ser.engine.subscription import Subscription
from realtime_ser.outputs.delivery import LiveOutputs
from realtime_ser.recogniser.bundle import load_bundle
from realtime_ser.session.live import LiveSession
from realtime_ser.session.statistics import ChannelSummary

#: Records that wait for the window at most: two minutes of updates and blocks of sound.
_CAPACITY = 7500

#: A device that does not answer is waited for so long when the window closes.
_PATIENCE_S, _POLL_S = 1.0, 0.1


@dataclass(frozen=True, slots=True)
class RunningSession:
    """A session that was started, the window's queue of its records, and what hears it too."""

    session: LiveSession
    records: Subscription
    outputs: LiveOutputs
    comparison: ComparisonModel | None = None


class SessionWorker(QObject):
    """Does one thing after another; tells by signals, in the window's thread, how it went."""

    opened = pyqtSignal(object)
    failed = pyqtSignal(object)
    closed = pyqtSignal(object)
    listed = pyqtSignal(object)
    arrived = pyqtSignal()  # updates of the session wait to be drained; from the engine's thread

    def __init__(self) -> None:
        super().__init__()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sessions")

    def open(
        self, config: Config, export: Path | None, duration_s: float | None, comparison: str | None
    ) -> None:
        """Start a session, compared with a model or not; ``opened`` or ``failed`` follows."""
        wake = self.arrived.emit
        self._submit(
            lambda: _start_session(config, export, duration_s, comparison, wake), self.opened
        )

    def close(self, running: RunningSession) -> None:
        """Complete a session's files; ``closed`` or ``failed`` follows."""
        self._submit(lambda: complete_session(running), self.closed)

    def list_inputs(self, *, refresh: bool) -> None:
        """List microphones; ``refresh`` asks the system, which needs that no stream is open."""
        self._submit(lambda: _microphones(refresh=refresh), self.listed)

    def finish(self) -> None:
        """Return when everything that was asked for has been done, or waits for a device."""
        last = self._pool.submit(lambda: None)
        done = wait([last], _PATIENCE_S).done
        while not done:
            sound_system.give_up()
            done = wait([last], _POLL_S).done
        self._pool.shutdown(wait=True)

    def _submit(self, work: Callable[[], Any], signal: Any) -> None:
        future = self._pool.submit(work)

        def report() -> None:
            error = future.exception()
            if error is None:
                signal.emit(future.result())
            else:
                self.failed.emit(error)

        # From the pool's thread, so that Qt hands it to the window's between two events.
        self._pool.submit(report)


def _start_session(
    config: Config,
    export: Path | None,
    duration_s: float | None,
    compared_model: str | None,
    wake: Callable[[], None],
) -> RunningSession:
    bundle = None if compared_model is None else load_bundle(compared_model)
    session = LiveSession(config, export)
    # With the sound: its last seconds can be played again.
    records = session.monitor.subscribe(_CAPACITY, sound=True, wake=wake)
    outputs = LiveOutputs(session)
    comparison = None
    if bundle is not None:
        comparison = ComparisonModel(session.monitor, bundle, config.gate)
    session.start(duration_s)
    outputs.start()
    if comparison is not None:
        comparison.start()
    return RunningSession(session, records, outputs, comparison)


def complete_session(running: RunningSession) -> Mapping[int, ChannelSummary]:
    """Complete a session's files, and return how each channel went."""
    summaries = running.session.stop()
    running.outputs.finish()
    if running.comparison is not None:
        running.comparison.stop()
    return summaries


def _microphones(*, refresh: bool) -> list[InputDevice]:
    """Microphones; none where PortAudio is missing, which opening one says in full."""
    try:
        return input_devices(rescan=refresh)
    except DeviceError:
        return []

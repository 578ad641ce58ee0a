"""What PulseAudio or PipeWire knows of a microphone, and PortAudio does not.

Through ALSA both are one device with 32 channels: which microphone is behind it, with which
channels, and that it was replaced by another, the server tells by its own interface. Where there is
none, nothing is known, and that is no fault.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

T = TypeVar("T")

_CONNECT_S = 1.0
_LISTEN_S = 0.5
_PID = "application.process.id"


@dataclass(frozen=True, slots=True)
class ServerSource:
    """A microphone as the server knows it."""

    id: str  # by which the server tells two of one name apart
    name: str  # as a person knows it
    channels: tuple[str, ...]  # their names, in the microphone's order


@dataclass(frozen=True, slots=True)
class Recording:
    """A microphone that this program records, and the channels of the stream, by name."""

    source: ServerSource
    stream_channels: tuple[str, ...]
    stream: int  # number of the stream at the server

    def column(self, channel: int) -> int | None:
        """Column of the stream that holds a channel of the microphone alone, from 1; or ``None``.

        The server brings channels together by their names, and mixes those that have no partner.
        """
        channels = self.source.channels
        if len(channels) == 1:  # all columns have it
            return 0
        name = channels[channel - 1]
        known = len(channels) == len(self.stream_channels) and name in self.stream_channels
        return self.stream_channels.index(name) if known else None


def default_source() -> ServerSource | None:
    """Microphone that the server gives to whoever asks for none by name."""

    def find(pulse: Any) -> ServerSource | None:
        wanted = os.environ.get("PULSE_SOURCE") or pulse.server_info().default_source_name
        return next((_source(one) for one in pulse.source_list() if one.name == wanted), None)

    return _ask(find)


def current_recording() -> Recording | None:
    """What the stream of this program that was opened last records."""
    return _ask(_recording)


@dataclass(frozen=True, slots=True)
class SourceChange:
    """A microphone that has taken over, and in words in whose place."""

    recording: Recording
    words: str


class SourceWatch:
    """Notices, in a thread of its own, that the server has moved a stream to another microphone."""

    def __init__(self, source: ServerSource) -> None:
        self._source = source
        self._changes: deque[SourceChange] = deque()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sound server", daemon=True)
        self._thread.start()

    def changes(self) -> list[SourceChange]:
        """What has changed since this was asked last."""
        return [self._changes.popleft() for _ in range(len(self._changes))]

    def stop(self) -> None:
        """Watch no longer; return at once."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            _ask(self._watch)
            self._stopped.wait(_CONNECT_S)

    def _watch(self, pulse: Any) -> None:
        changed = threading.Event()
        changed.set()

        def heard(_event: object) -> None:
            changed.set()
            raise _pulsectl().PulseLoopStop

        pulse.event_mask_set("source_output", "source")
        pulse.event_callback_set(heard)
        while not self._stopped.is_set():
            if changed.is_set():
                changed.clear()  # before the question: what changes meanwhile is asked for again
                self._compare(_recording(pulse))
            pulse.event_listen(timeout=_LISTEN_S)

    def _compare(self, recording: Recording | None) -> None:
        if recording is not None and recording.source.id != self._source.id:
            words = f"{recording.source.name} in place of {self._source.name}"
            self._changes.append(SourceChange(recording, words))
            self._source = recording.source


def _pulsectl() -> ModuleType:
    import pulsectl

    module: ModuleType = pulsectl
    return module


def _ask(question: Callable[[Any], T]) -> T | None:
    """Answer of the server; ``None`` where there is none, or it goes away meanwhile."""
    try:
        pulsectl = _pulsectl()
    except (ImportError, OSError):  # it is there on Linux only, and needs libpulse
        return None
    with contextlib.closing(pulsectl.Pulse("realtime-ser", connect=False)) as pulse:
        try:
            pulse.connect(autospawn=False, timeout=_CONNECT_S)
            return question(pulse)
        except (pulsectl.PulseError, pulsectl.PulseDisconnected):
            return None


def _recording(pulse: Any) -> Recording | None:
    mine = [one for one in pulse.source_output_list() if one.proplist.get(_PID) == str(os.getpid())]
    if not mine:
        return None
    stream = max(mine, key=lambda one: one.index)
    sources = {one.index: one for one in pulse.source_list()}
    if stream.source not in sources:
        return None
    source = _source(sources[stream.source])
    return Recording(source, tuple(stream.channel_list), stream.index)


def _source(found: Any) -> ServerSource:
    return ServerSource(found.name, found.description, tuple(found.channel_list))

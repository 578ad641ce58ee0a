"""What all pages of a server share: models, bounds, threads, and how much is going on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from anyio import CapacityLimiter

from realtime_ser.audio.source import SourceInfo
from realtime_ser.base.machine import usable_cores
from realtime_ser.base.text import count_text
from realtime_ser.server.keeping import SessionKeeper
from realtime_ser.server.limits import LimitError, Limits
from realtime_ser.session.analysis.files import FileModel
from realtime_ser.session.metadata import SessionHealth, new_metadata, provenance


def _live_threads() -> CapacityLimiter:
    return CapacityLimiter(max(2, usable_cores()))


def _of_channel(model: FileModel, channel: int) -> FileModel:
    audio = model.config.audio.model_copy(update={"channels": (channel,), "channel_names": ()})
    config = model.config.model_copy(update={"audio": audio})
    return FileModel(config, model.bundle, model.decoder)


def _file_threads() -> CapacityLimiter:
    return CapacityLimiter(1)  # a file never takes the processor from those who speak


@dataclass(frozen=True)
class Service:
    """Models, settings and bounds of a server.

    Attributes
    ----------
    live, file
        Models of microphones and of files, each loaded once for all pages; of the channels, pages
        hear the first or the one that they ask for.
    model_reason
        Why the program chose the model of microphones; ``None``: a person did.
    folder
        Temporary folder of the files that are sent.
    keep
        Whether sessions are stored.
    limits
        Bounds of what a page may ask for.
    live_threads, file_threads
        Limits of the threads that hear microphones and files.
    """

    live: FileModel
    file: FileModel
    folder: Path
    keep: bool = False
    model_reason: str | None = None
    limits: Limits = field(default_factory=Limits)
    live_threads: CapacityLimiter = field(default_factory=_live_threads)
    file_threads: CapacityLimiter = field(default_factory=_file_threads)
    _places: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def live_model(self) -> FileModel:
        """A model for the microphone of one page, with a step model of its own."""
        return _of_channel(self.live, 1)

    def file_model(self, channel: int) -> FileModel:
        """A model for a channel of one file, with a step model of its own."""
        return _of_channel(self.file, channel)

    def keeper(
        self,
        model: FileModel,
        source: SourceInfo,
        health: Callable[[], SessionHealth] = SessionHealth,
    ) -> SessionKeeper | None:
        """Place of a session in the store; ``None`` where nothing is kept."""
        if not self.keep:
            return None
        reason = self.model_reason if source.live else None
        made_by = provenance(model.config, model.bundle, model.decoder, reason)
        metadata = new_metadata(model.config, source, model.bundle, model.decoder, made_by)
        return SessionKeeper(model.config, metadata, health)

    @contextmanager
    def place(self, kind: str, most: int, noun: str) -> Iterator[None]:
        """Take one of the places of a kind; :class:`LimitError` where all are taken."""
        with self._lock:
            taken = self._places.get(kind, 0)
            if taken >= most:
                raise LimitError(
                    f"This server hears {count_text(most, noun)} at a time, and all places are "
                    "taken: try again in a moment."
                )
            self._places[kind] = taken + 1
        try:
            yield
        finally:
            with self._lock:
                self._places[kind] -= 1

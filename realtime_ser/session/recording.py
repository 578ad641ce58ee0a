"""Writes a session to disk while it runs, in a thread of its own.

Every second the files are brought to the disk, so that a crash or a pulled plug loses no more.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import soundfile

from realtime_ser.audio.source import SourceInfo
from realtime_ser.errors import OutputError
from realtime_ser.handover import Subscription
from realtime_ser.records import Anchor, Marker, Record, Segment, Sound, Update
from realtime_ser.session import tables
from realtime_ser.session.summary import Tally

_FLUSH_S = 1.0
_SILENCE = 4096  # samples of lost time that are written at once


@dataclass(frozen=True, slots=True)
class Files:
    """Where a session's files lie, beside each other."""

    frames: Path

    def beside(self, ending: str) -> Path:
        """Path with the same stem and another ending."""
        return self.frames.with_name(self.frames.stem + ending)

    @property
    def segments(self) -> Path:
        """Segments CSV."""
        return self.beside(".segments.csv")

    @property
    def markers(self) -> Path:
        """Markers CSV."""
        return self.beside(".markers.csv")

    @property
    def sidecar(self) -> Path:
        """What is needed to understand the others, as JSON."""
        return self.beside(".json")

    @property
    def audio(self) -> Path:
        """The sound, if it is kept."""
        return self.beside(".flac")

    def existing(self) -> list[Path]:
        """Those that are there, the frames first."""
        paths = [self.frames, self.segments, self.markers, self.sidecar, self.audio]
        return [path for path in paths if path.exists()]


class Recording:
    """Takes a subscription and writes all it brings.

    Parameters
    ----------
    files
        Where to write.
    labels
        Labels of the probabilities.
    source
        The source; its rate and channels are those of the sound.
    describe
        Called with all anchors, returns the contents of the sidecar.
    audio
        Whether to keep the sound.

    Raises
    ------
    OutputError
        A file exists already or cannot be written.
    """

    def __init__(
        self,
        files: Files,
        labels: Sequence[str],
        source: SourceInfo,
        describe: Callable[[Sequence[Anchor]], dict[str, Any]],
        *,
        audio: bool = False,
    ) -> None:
        self.files = files
        self.tally = Tally()
        self._labels = labels
        self._describe = describe
        self._anchors: list[Anchor] = []
        self._error: str | None = None
        self._stack = ExitStack()
        self._made: list[Path] = []
        self._tables: list[IO[str]] = []
        try:
            files.frames.parent.mkdir(parents=True, exist_ok=True)
            self._frames = self._table(files.frames, tables.frames_header(labels))
            self._segments = self._table(files.segments, tables.segments_header(labels))
            self._markers = self._table(files.markers, tables.MARKERS_HEADER)
            self._sound = self._open_sound(source) if audio else None
            self._create(files.sidecar).close()
            self._write_sidecar()
        except (OSError, soundfile.SoundFileError) as error:
            self.discard()
            raise _cannot_write(files.frames, error) from error
        self._written = 0
        self._thread: threading.Thread | None = None

    @property
    def error(self) -> str | None:
        """Why writing stopped before the session did; one sentence."""
        return self._error

    def start(self, subscription: Subscription) -> None:
        """Begin to write what ``subscription`` brings."""
        self._thread = threading.Thread(
            target=self._run, args=(subscription,), name="writer", daemon=True
        )
        self._thread.start()

    def finish(self) -> None:
        """Return when all is on the disk; the monitor must have stopped."""
        if self._thread is not None:
            self._thread.join()
        try:
            self._stack.close()
        except (OSError, soundfile.SoundFileError) as error:
            self._error = self._error or str(_cannot_write(self.files.frames, error))

    def discard(self) -> None:
        """Remove the files of a session that never began."""
        with contextlib.suppress(OSError, soundfile.SoundFileError):
            self._stack.close()
        for path in self._made:
            path.unlink(missing_ok=True)

    def _run(self, subscription: Subscription) -> None:
        try:
            flushed_s = time.monotonic()
            while not subscription.ended:
                self._write(subscription.drain(_FLUSH_S))
                if time.monotonic() - flushed_s >= _FLUSH_S:
                    self._flush()
                    flushed_s = time.monotonic()
            self._flush()
            self._write_sidecar()
        except (OSError, soundfile.SoundFileError) as error:
            self._error = str(_cannot_write(self.files.frames, error))
        finally:
            subscription.close()

    def _write(self, records: Sequence[Record]) -> None:
        for record in records:
            self.tally.add(record)
            if isinstance(record, Update):
                self._frames.writerow(tables.frames_row(record, self._labels))
            elif isinstance(record, Segment):
                self._segments.writerow(tables.segments_row(record, self._labels))
            elif isinstance(record, Marker):
                self._markers.writerow(tables.markers_row(record))
            elif isinstance(record, Anchor):
                self._anchors.append(record)
                self._write_sidecar()
            else:
                self._write_sound(record)

    def _flush(self) -> None:
        for file in self._tables:
            file.flush()
            os.fsync(file.fileno())
        if self._sound is not None:
            self._sound.flush()

    def _table(self, path: Path, header: Sequence[str]) -> tables.Writer:
        file = self._stack.enter_context(self._create(path))
        self._tables.append(file)
        writer = tables.csv_writer(file)
        writer.writerow(header)
        return writer

    def _create(self, path: Path) -> IO[str]:
        file = path.open("x", encoding="utf-8", newline="")
        self._made.append(path)
        return file

    def _open_sound(self, source: SourceInfo) -> soundfile.SoundFile:
        file = soundfile.SoundFile(
            self.files.audio, "x", source.native_rate, source.channels, "PCM_16", format="FLAC"
        )
        self._made.append(self.files.audio)
        return self._stack.enter_context(file)

    def _write_sound(self, sound: Sound) -> None:
        """Append sound; lost and paused time becomes digital silence, so sample 0 is second 0."""
        if self._sound is None:
            return
        silence = np.zeros((_SILENCE, sound.samples.shape[1]), np.float32)
        for missing in range(sound.position - self._written, 0, -_SILENCE):
            self._sound.write(silence[:missing])
        self._sound.write(sound.samples)
        self._written = sound.position + len(sound.samples)

    def _write_sidecar(self) -> None:
        """Replace the sidecar in one step, so that there is a whole one at any moment."""
        text = json.dumps(self._describe(self._anchors), indent=2, default=str) + "\n"
        draft = self.files.sidecar.with_suffix(".json.part")
        draft.write_text(text, encoding="utf-8")
        draft.replace(self.files.sidecar)


def _cannot_write(path: Path, error: Exception) -> OutputError:
    if isinstance(error, FileExistsError):
        return OutputError(f"{error.filename} exists already: choose another name, or delete it.")
    reason = getattr(error, "strerror", None) or str(error)
    return OutputError(
        f"Cannot write {path} ({reason}): choose a folder that you may write to and that has room."
    )

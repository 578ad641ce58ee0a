"""The files of a session: tables, their sidecar, and sound."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

import numpy as np
import soundfile

from realtime_ser.audio.source import SourceInfo
from realtime_ser.base.errors import AudioFileError, UsageError
from realtime_ser.base.files import cannot_write, draft_path, whole_file, writing
from realtime_ser.base.records import Anchor, Marker, Record, Segment, Sound, Update
from realtime_ser.session import csv_rows

_SILENCE = 4096  # samples of lost time that are written at once

_ENDLESS = 2**40
"""Samples that no recording has: the header of a FLAC file does not tell its length."""

_FLAC = b"fLaC"
_LENGTH_AT = 21
"""Offset of the field of 36 bits with the length in samples (RFC 9639, 8.2)."""

_BLOCK = 4096  # samples of a file that are read at once


@dataclass(frozen=True, slots=True)
class TableFiles:
    """Paths of a session's files, which lie beside each other."""

    steps: Path

    def beside(self, ending: str) -> Path:
        """Path with the same stem and another ending."""
        return self.steps.with_name(self.steps.stem + ending)

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
        """Sidecar: versions, model, settings and clock, as JSON."""
        return self.beside(".json")

    @property
    def draft(self) -> Path:
        """The next sidecar while it is written; a killed program or a full disk may leave it."""
        return draft_path(self.sidecar)

    @property
    def audio(self) -> Path:
        """Sound as FLAC, if kept."""
        return self.beside(".flac")

    @classmethod
    def named(cls, steps: Path) -> Self:
        """Files whose name a person chose.

        Raises
        ------
        UsageError
            The name does not end in ``.csv``.
        """
        if steps.suffix.lower() != ".csv":
            raise UsageError(f"The export '{steps}' must have a name that ends in .csv.")
        return cls(steps)

    def existing(self) -> list[Path]:
        """Files that exist, the steps first."""
        paths = [self.steps, self.segments, self.markers, self.sidecar, self.audio]
        return [path for path in paths if path.exists()]


class TableSink:
    """Writes a session's steps, segments and markers, and the sidecar beside them.

    Parameters
    ----------
    files
        Paths of the files.
    labels
        Labels of the probabilities.
    sidecar_of
        Function from all anchors so far to the text of the sidecar.
    names
        Names of some or all channels.

    Raises
    ------
    FileTakenError
        A file exists already.
    OutputError
        A file cannot be written.
    """

    def __init__(
        self,
        files: TableFiles,
        labels: Sequence[str],
        sidecar_of: Callable[[Sequence[Anchor]], str],
        names: csv_rows.Names = csv_rows.NO_NAMES,
    ) -> None:
        self._files = files
        self._names = names
        self._labels = labels
        self._sidecar_of = sidecar_of
        self._anchors: list[Anchor] = []
        self._stack = ExitStack()
        self._created: list[Path] = []
        self._synced: dict[IO[str], int] = {}
        try:
            files.steps.parent.mkdir(parents=True, exist_ok=True)
            self._steps = self._table(files.steps, csv_rows.steps_header(labels))
            self._segments = self._table(files.segments, csv_rows.segments_header(labels))
            self._markers = self._table(files.markers, csv_rows.MARKERS_HEADER)
            self._create(files.sidecar).close()
            self._write_sidecar()
        except OSError as error:
            self._remove()
            raise cannot_write(files.steps, error) from error

    def feed(self, records: Sequence[Record]) -> None:
        """Add rows."""
        with writing(self._files.steps):
            for record in records:
                if isinstance(record, Update):
                    self._steps.writerow(csv_rows.steps_row(record, self._labels, self._names))
                elif isinstance(record, Segment):
                    self._segments.writerow(
                        csv_rows.segments_row(record, self._labels, self._names)
                    )
                elif isinstance(record, Marker):
                    self._markers.writerow(csv_rows.markers_row(record))
                elif isinstance(record, Anchor):
                    self._anchors.append(record)
                    self._write_sidecar()

    def flush(self) -> None:
        """Bring all rows to the disk."""
        with writing(self._files.steps):
            for file, synced in self._synced.items():
                file.flush()
                size = file.tell()
                if size != synced:  # most tables grow rarely
                    os.fsync(file.fileno())
                    self._synced[file] = size

    def finish(self) -> None:
        """Complete the files."""
        with writing(self._files.steps), self._stack:
            self._write_sidecar()

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            self._stack.close()
        for path in self._created:
            path.unlink(missing_ok=True)

    def _table(self, path: Path, header: Sequence[str]) -> csv_rows.RowWriter:
        file = self._stack.enter_context(self._create(path))
        self._synced[file] = 0
        writer = csv_rows.csv_writer(file)
        writer.writerow(header)
        return writer

    def _create(self, path: Path) -> IO[str]:
        file = path.open("x", encoding="utf-8", newline="")
        self._created.append(path)
        return file

    def _write_sidecar(self) -> None:
        """Replace the sidecar in one step, so that a whole one exists at any moment."""
        with whole_file(self._files.sidecar) as draft:
            draft.write_text(self._sidecar_of(self._anchors), encoding="utf-8")


class SoundSink:
    """Writes a session's sound as FLAC at the native rate; sample 0 is second 0.

    Parameters
    ----------
    path
        The file.
    source
        The source, whose rate and channels are those of the sound.

    Raises
    ------
    OutputError
        The file exists already or cannot be written.
    """

    def __init__(self, path: Path, source: SourceInfo) -> None:
        self._path = path
        self._written = 0
        with writing(self._path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = soundfile.SoundFile(
                path, "x", source.native_rate, source.channels, "PCM_16", format="FLAC"
            )

    def feed(self, records: Sequence[Record]) -> None:
        """Append sound; lost and paused time becomes digital silence."""
        with writing(self._path):
            for record in records:
                if isinstance(record, Sound):
                    self._append(record)

    def flush(self) -> None:
        """Bring the sound to the disk."""
        with writing(self._path):
            self._file.flush()

    def finish(self) -> None:
        """Complete the file."""
        with writing(self._path):
            self._file.close()

    def _append(self, sound: Sound) -> None:
        silence = np.zeros((_SILENCE, sound.samples.shape[1]), np.float32)
        for missing in range(sound.position - self._written, 0, -_SILENCE):
            self._file.write(silence[:missing])
        self._file.write(sound.samples)
        self._written = sound.position + len(sound.samples)


def repair_flac(path: Path) -> None:
    """Write the length into the header of a FLAC file that was cut off, where it lacks.

    Files of other kinds stay as they are.

    Raises
    ------
    AudioFileError
        The file is a damaged FLAC file, or cannot be written.
    """
    try:
        with path.open("rb") as head:
            if head.read(len(_FLAC)) != _FLAC:
                return
        with soundfile.SoundFile(path) as file:
            if file.frames < _ENDLESS:
                return
            length = _readable(file)
        with path.open("r+b") as header:
            header.seek(_LENGTH_AT)
            first = header.read(1)[0] & 0xF0
            header.seek(_LENGTH_AT)
            header.write((first << 32 | length).to_bytes(5, "big"))
    except (OSError, soundfile.SoundFileError) as error:
        raise AudioFileError(f"The sound {path} cannot be read: {error}") from error


def _readable(file: soundfile.SoundFile) -> int:
    """Samples that can be decoded."""
    length = 0
    try:
        while block := len(file.read(_BLOCK, dtype="int16")):
            length += block
    except soundfile.SoundFileError:
        pass  # the last block is cut off
    return length

"""The files of a session: tables, their sidecar, and sound."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from errno import EACCES, ENOTDIR
from pathlib import Path
from typing import Self

import numpy as np

from realtime_ser.audio.source import SourceInfo
from realtime_ser.base.errors import FileTakenError, UsageError
from realtime_ser.base.files import (
    cannot_write,
    draft_path,
    require_absent,
    whole_file,
    writing,
)
from realtime_ser.base.growing_file import GrowingFile
from realtime_ser.base.records import Anchor, Marker, Record, Segment, Sound, Update
from realtime_ser.base.timebase import corrected
from realtime_ser.session import csv_rows

_SILENCE = 4096  # samples of lost time that are written at once

_LENGTH_AT = 21
"""Offset of the field of 36 bits with the length in samples (RFC 9639, 8.2)."""

_FLAC_FRAME = 4096
"""Samples of a frame that libsndfile's encoder makes."""

_MOST_WAITING = 64 << 20
"""Bytes of sound that wait for the disk at most: some twenty minutes of one channel."""


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
    def voice(self) -> Path:
        """Voice CSV: what the voice did in each segment, if that was measured."""
        return self.beside(".voice.csv")

    @property
    def intervals(self) -> Path:
        """Intervals CSV: only an export has it, where a person labelled some."""
        return self.beside(".intervals.csv")

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

    def require_room(self) -> None:
        """Refuse names that are taken, and a folder that is none or is forbidden.

        Nothing is made: it is known before anybody listens that the tables can be written.

        Raises
        ------
        OutputError
            A file exists already, or none could be written there.
        """
        for path in self.existing():
            require_absent(path)
        there = next(folder for folder in self.steps.absolute().parents if folder.exists())
        if not there.is_dir():
            raise cannot_write(self.steps, NotADirectoryError(ENOTDIR, os.strerror(ENOTDIR)))
        if not os.access(there, os.W_OK | os.X_OK):
            raise cannot_write(self.steps, PermissionError(EACCES, os.strerror(EACCES)))

    def existing(self) -> list[Path]:
        """Files that exist, the steps first."""
        paths = [self.steps, self.segments, self.markers, self.voice, self.sidecar, self.audio]
        return [path for path in paths if path.exists()]


class TableSink:
    """Writes a session's steps, segments and markers, and the sidecar beside them.

    Rows that the disk refuses wait in memory, and are tried again with each flush.

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
    voice
        Whether what the voices do is measured, and has a table.

    Raises
    ------
    FileTakenError
        A file exists already.
    OutputError
        A file cannot be written.
    """

    loss: str | None = None

    def __init__(
        self,
        files: TableFiles,
        labels: Sequence[str],
        sidecar_of: Callable[[Sequence[Anchor]], str],
        names: csv_rows.Names = csv_rows.NO_NAMES,
        *,
        voice: bool = False,
    ) -> None:
        self._files = files
        self._names = names
        self._labels = labels
        self._sidecar_of = sidecar_of
        self._anchors: list[Anchor] = []
        self._early: list[Update] = []
        self._sidecar_due = True
        self._tables: list[_GrowingTable] = []
        try:
            self._steps = self._table(files.steps, csv_rows.steps_header(labels))
            self._segments = self._table(files.segments, csv_rows.segments_header(labels))
            self._markers = self._table(files.markers, csv_rows.MARKERS_HEADER)
            self._voice = self._table(files.voice, csv_rows.VOICE_HEADER) if voice else None
            require_absent(files.sidecar)
            self._flush()
        except FileTakenError:
            self.abandon()
            raise
        except OSError as error:
            self.abandon()
            raise cannot_write(files.steps, error) from error

    def feed(self, records: Sequence[Record]) -> None:
        """Add rows."""
        for record in records:
            if isinstance(record, Update):
                self._steps.add(self._row(record))
                if not self._anchors:
                    self._early.append(record)
            elif isinstance(record, Segment):
                self._segments.add(csv_rows.segments_row(record, self._labels, self._names))
                if self._voice is not None:
                    self._voice.add(csv_rows.voice_row(record, self._names))
            elif isinstance(record, Marker):
                self._markers.add(csv_rows.markers_row(record))
            elif isinstance(record, Anchor):
                if not self._anchors:
                    self._correct(record)
                self._anchors.append(record)
                self._sidecar_due = True

    def flush(self) -> None:
        """Bring all rows to the disk."""
        with writing(self._files.steps):
            self._flush()

    def finish(self) -> None:
        """Complete the files."""
        self._sidecar_due = True
        self.flush()

    def close(self) -> None:
        """Let go of the files."""
        for table in self._tables:
            table.file.close()

    def abandon(self) -> None:
        """Remove the files."""
        for table in self._tables:
            table.file.abandon()

    def _row(self, update: Update) -> list[str]:
        return csv_rows.steps_row(update, self._labels, self._names)

    def _correct(self, anchor: Anchor) -> None:
        """Write the rows anew that were stamped before the clock had settled."""
        early, self._early = self._early, []
        self._steps.write_anew(self._row(corrected(one, anchor)) for one in early)

    def _table(self, path: Path, header: Sequence[str]) -> _GrowingTable:
        table = _GrowingTable(path, header)
        self._tables.append(table)
        return table

    def _flush(self) -> None:
        for table in self._tables:
            table.flush()
        if self._sidecar_due:
            # In one step, so that a whole one exists at any moment.
            with whole_file(self._files.sidecar) as draft:
                draft.write_text(self._sidecar_of(self._anchors), encoding="utf-8")
            self._sidecar_due = False


class _GrowingTable:
    """A CSV file that grows."""

    def __init__(self, path: Path, header: Sequence[str]) -> None:
        self.file = GrowingFile(path)
        self._text = io.StringIO(newline="")
        self._writer = csv_rows.csv_writer(self._text)
        self._header = header
        self._is_anew = False
        self.add(header)

    def add(self, row: Sequence[str]) -> None:
        self._writer.writerow(row)

    def write_anew(self, rows: Iterable[Sequence[str]]) -> None:
        """Put other rows in the place of all that there are."""
        self._text.seek(0)
        self._text.truncate()
        self.file.seek(0)
        self._is_anew = True
        for row in (self._header, *rows):
            self.add(row)

    def flush(self) -> None:
        self.file.write(self._text.getvalue().encode("utf-8", "backslashreplace"))
        if self._is_anew:
            self.file.truncate()
            self._is_anew = False
        self._text.seek(0)
        self._text.truncate()
        self.file.flush()


class SoundSink:
    """Writes a session's sound as FLAC at the native rate; sample 0 is second 0.

    After each flush the file can be read, and has its length in its header. Sound that the disk
    refuses waits in memory; what comes once that is full is silent in the file.

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
        import soundfile  # few sessions keep their sound

        self._path = path
        self._written = 0
        self._silent = 0
        self._rate = source.native_rate
        with writing(self._path):
            self._file = GrowingFile(path)
            try:
                self._encoder = soundfile.SoundFile(
                    self._file, "w", self._rate, source.channels, "PCM_16", format="FLAC"
                )
            except BaseException:
                self._file.abandon()
                raise

    @property
    def loss(self) -> str | None:
        """Time that is silent since neither disk nor memory had room; one sentence."""
        if not self._silent:
            return None
        return (
            f"{self._silent / self._rate:.1f} s of the sound in {self._path} are silent, since the "
            "disk took no more."
        )

    def feed(self, records: Sequence[Record]) -> None:
        """Append sound; lost and paused time becomes digital silence."""
        for record in records:
            if isinstance(record, Sound):
                self._append(record)

    def flush(self) -> None:
        """Bring the sound to the disk."""
        with writing(self._path):
            self._note_length()
            self._file.flush()

    def finish(self) -> None:
        """Complete the file."""
        self._encoder.close()
        with writing(self._path):
            self._file.flush()

    def close(self) -> None:
        """Let go of the file."""
        self._encoder.close()
        self._file.close()

    def abandon(self) -> None:
        """Remove the file."""
        self._encoder.close()
        self._file.abandon()

    def _append(self, sound: Sound) -> None:
        silence = np.zeros((_SILENCE, sound.samples.shape[1]), np.float32)
        for missing in range(sound.position - self._written, 0, -_SILENCE):
            self._encoder.write(silence[:missing])
        samples = sound.samples
        if self._file.waiting > _MOST_WAITING:
            self._silent += len(samples)
            samples = np.zeros_like(samples)
        self._encoder.write(samples)
        self._written = sound.position + len(samples)

    def _note_length(self) -> None:
        """Write into the header how many samples the frames behind it hold.

        The encoder does so at its end only, and without it a killed session's file has no length.
        """
        # A frame is made once the first sample of the next is there.
        length = max(0, self._written - 1) // _FLAC_FRAME * _FLAC_FRAME
        if length:
            end = self._file.tell()
            self._file.seek(_LENGTH_AT)
            # The upper half of the first byte belongs to the sample size: 16 bit, less one.
            self._file.write((0xF << 36 | length).to_bytes(5, "big"))
            self._file.seek(end)

"""A source that plays an audio file as a microphone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime_ser.audio.block_queue import BlockQueue
from realtime_ser.audio.notes import NoteKind, ReadNote, cut_note, damage_note
from realtime_ser.audio.readers import OpenedSound, open_shipped
from realtime_ser.audio.samples import SampleCheck
from realtime_ser.audio.source import Source, SourceInfo
from realtime_ser.base.errors import AudioFileError
from realtime_ser.base.text import printable

BLOCK_S = 0.02  # seconds of sound that a file delivers at a time, whatever its pace
_AHEAD_S = 0.32
"""Seconds that are decoded at a time: a decoder that sleeps between blocks starts cold at each."""

_TOLERANCE_S = 0.1  # seconds by which a container's length may differ from that of its sound
_UNTOLD_S = 0.05
"""Seconds that may be lost where streams were joined: a frame of MP3 may need those before it."""


class FileSource(Source):
    """Plays an audio file of any rate as if it were a microphone, to its real end.

    Parameters
    ----------
    path
        The file; :class:`AudioFileError` where it is missing, empty, or no audio that can be read.
    speed
        Pace: 1 is live, 2 is twice as fast, 0 is as fast as the reader takes it.
    demo
        Whether the file is the bundled demo recording.
    mixed
        Whether the mean of all channels is heard as one channel.
    """

    def __init__(
        self, path: Path, speed: float = 1.0, *, demo: bool = False, mixed: bool = False
    ) -> None:
        self._path = path
        self._mixed = mixed
        self._speed = speed
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._sound = open_shipped(path) if demo else _open(path)
        self._notes = self._sound.notes
        reader = self._sound.reader
        self._info = SourceInfo(
            name="demo recording" if demo else printable(path.name),
            native_rate=reader.rate,
            channels=1 if mixed else reader.channels,
            live=False,
            demo=demo,
            duration_s=reader.frames / reader.rate,
        )

    @property
    def info(self) -> SourceInfo:
        """Name, rate, channels and duration of the file; once it was read, as it was heard."""
        return self._info

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def notes(self) -> tuple[ReadNote, ...]:
        """Trouble with its sound: of its headers at first, of all of it once it was read."""
        return self._notes

    def start(self, queue: BlockQueue) -> None:
        """Begin to play from the start."""
        self._stop.clear()
        self._thread = threading.Thread(
            target=self._play, args=(queue,), name="capture", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop playing."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def blocks(self, seconds: float = BLOCK_S) -> Iterator[NDArray[np.float32]]:
        """All samples in blocks of ``seconds``, each ``(n, channels)``, float32 in -1 .. 1.

        Samples that cannot be decoded are no numbers. What there is to tell of the file is in
        :attr:`notes` when the last block was taken.
        """
        size = max(1, round(seconds * self._info.native_rate))
        check = SampleCheck(self._info.native_rate)
        pieces = self._sound.reader.pieces(size * max(1, round(_AHEAD_S / seconds)))
        try:
            sound = map(check.feed, pieces)
            yield from _in_blocks(map(_mean, sound) if self._mixed else sound, size)
        except OSError as error:
            raise AudioFileError(f"{self._path} cannot be read to its end: {error}") from error
        self._notes = (*self._known_notes(check), *check.notes())
        self._info = replace(self._info, duration_s=check.heard / self._info.native_rate)

    def _known_notes(self, check: SampleCheck) -> tuple[ReadNote, ...]:
        """Notes on sound that is missing, once all was read."""
        sound, rate = self._sound, self._info.native_rate
        notes = list(sound.notes)
        heard_s = check.heard / rate
        announced_s = None if sound.announced is None else sound.announced / rate
        short = announced_s is not None and heard_s < announced_s - _TOLERANCE_S
        if short:
            notes = [note for note in notes if note.kind is not NoteKind.CUT]
        if short or (sound.reader.cut and all(note.kind is not NoteKind.CUT for note in notes)):
            notes.insert(0, cut_note(heard_s, announced_s if short else None))
        if check.undecoded > _UNTOLD_S * rate and all(
            note.kind is not NoteKind.DAMAGED for note in notes
        ):
            notes.append(damage_note(check.undecoded / rate))
        return tuple(notes)

    def _play(self, queue: BlockQueue) -> None:
        start = time.monotonic()
        played = 0
        try:
            for block in self.blocks():
                played += len(block)
                # A block of a microphone is there when its last sample was heard.
                due = start + played / self._info.native_rate / (self._speed or np.inf)
                if self._stop.wait(max(0.0, due - time.monotonic())):
                    return
                queue.write(block, None)
            lacking = [note for note in self._notes if note.lacks_sound]
            if lacking:
                sentences = (note.sentence(self._path) for note in lacking)
                queue.close(AudioFileError(" ".join(sentences)))
        except AudioFileError as error:
            queue.close(error)
        finally:
            queue.close()


def _open(path: Path) -> OpenedSound:
    from realtime_ser.audio.opening import open_sound  # the demo needs none of its readers

    return open_sound(path)


def _mean(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean of all channels as one channel, shape ``(n, 1)``."""
    mean: NDArray[np.float32] = samples.mean(axis=1, keepdims=True, dtype=np.float32)
    return mean


def _in_blocks(pieces: Iterator[NDArray[np.float32]], size: int) -> Iterator[NDArray[np.float32]]:
    """Samples in blocks of ``size``, the last one shorter."""
    rest = np.empty((0, 0), np.float32)
    for piece in pieces:
        samples = np.concatenate([rest, piece]) if len(rest) else piece
        whole = len(samples) // size * size
        for start in range(0, whole, size):
            yield samples[start : start + size]
        rest = samples[whole:]
    if len(rest):
        yield rest

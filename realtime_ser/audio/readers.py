"""Decoders of a file's sound, each from its start to its real end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import soundfile

from realtime_ser.audio.notes import ReadNote
from realtime_ser.audio.samples import Piece
from realtime_ser.base.errors import AudioFileError


class SoundReader(Protocol):
    """Decodes a file."""

    rate: int  # in Hz
    channels: int
    frames: int  # samples a channel that are to be expected
    cut: bool  # decoding ended before the file did, or within a packet; known when all was read

    def pieces(self, count: int, /) -> Iterator[Piece]:
        """All samples, where it can be chosen ``count`` at a time."""


@dataclass(frozen=True, slots=True)
class OpenedSound:
    """A file that can be read."""

    reader: SoundReader
    notes: tuple[ReadNote, ...] = ()  # on what is missing, as its headers tell
    announced: int | None = None  # samples a channel below which it is known to be cut


class SndfileReader:
    """Reads ``frames`` samples a channel through libsndfile; where that fails, FFmpeg goes on."""

    def __init__(self, path: Path, info: soundfile.SoundFile, frames: int) -> None:
        self._path = path
        self.rate: int = info.samplerate
        self.channels: int = info.channels
        self.frames = frames
        self.cut = False
        self._falls_silent = info.format == "FLAC"  # where a frame is damaged

    def pieces(self, count: int) -> Iterator[Piece]:
        """All samples, ``count`` at a time."""
        self.cut = False
        done = 0
        try:
            with _Stream(sndfile_name(self._path)) as file:
                while len(samples := file.read(count, dtype="float32", always_2d=True)):
                    done += len(samples)
                    yield Piece(samples)
        except (soundfile.SoundFileError, OSError):
            pass  # FFmpeg tells what is left
        else:
            if done >= self.frames or not self._falls_silent:
                return
        yield from self._rest(done)

    def _rest(self, done: int) -> Iterator[Piece]:
        """What FFmpeg can decode behind the first ``done`` samples."""
        from realtime_ser.audio.ffmpeg import FfmpegSound

        try:
            sound = FfmpegSound(self._path, rate=self.rate)
            same = sound.channels == self.channels
            for piece in sound.pieces() if same else ():
                skipped = min(done, len(piece.samples))
                done -= skipped
                if skipped < len(piece.samples):
                    yield Piece(piece.samples[skipped:], piece.lost)
            self.cut = sound.cut or not same
        except AudioFileError:
            if not self._path.is_file():
                raise
            self.cut = True


def open_shipped(path: Path) -> OpenedSound:
    """Open a recording that ships and is whole, without FFmpeg, which takes 20 MB of memory."""
    with soundfile.SoundFile(path) as header:
        return OpenedSound(SndfileReader(path, header, header.frames))


def sndfile_name(path: Path) -> str | bytes:
    """A path as soundfile takes one, which refuses names that are not UTF-8 as text."""
    return str(path) if os.name == "nt" else os.fsencode(path)


class _Stream(soundfile.SoundFile):  # type: ignore[misc]
    """A file that is read from its start to its end: soundfile seeks behind each block it reads.

    A decoder that has to seek starts cold there, and gives other samples.
    """

    def seekable(self) -> bool:
        return False

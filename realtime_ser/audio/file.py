"""A source that plays an audio file as a microphone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from realtime_ser.audio.ring import RingBuffer
from realtime_ser.audio.source import Source, SourceInfo
from realtime_ser.base.errors import AudioFileError

BLOCK_S = 0.02
"""Seconds of sound that a file delivers at a time, whatever its pace."""

_AHEAD_S = 0.32
"""Seconds that are decoded at a time: a decoder that sleeps between blocks starts cold at each."""

_OGG_END_OF_STREAM = 0x04
_LOWEST_RATE, _HIGHEST_RATE = 1_000, 1_000_000


class FileSource(Source):
    """Plays a WAV, FLAC, OGG or MP3 file of any rate as if it were a microphone.

    Parameters
    ----------
    path
        The file.
    speed
        Pace: 1 is live, 2 is twice as fast, 0 is as fast as the reader takes it.
    demo
        Whether the file is the bundled demo recording.

    Raises
    ------
    AudioFileError
        The file is missing, empty, truncated, or not audio.
    """

    def __init__(self, path: Path, speed: float = 1.0, *, demo: bool = False) -> None:
        self._path = path
        self._speed = speed
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        header = _read_header(path)
        self._info = SourceInfo(
            name="demo recording" if demo else path.name,
            native_rate=header.samplerate,
            channels=header.channels,
            live=False,
            demo=demo,
            duration_s=header.frames / header.samplerate,
        )

    @property
    def info(self) -> SourceInfo:
        """Name, rate, channels and duration of the file."""
        return self._info

    def start(self, ring: RingBuffer) -> None:
        """Begin to play from the start."""
        self._stop.clear()
        self._thread = threading.Thread(
            target=self._play, args=(ring,), name="capture", daemon=True
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

        Raises
        ------
        AudioFileError
            The file ends early or is damaged.
        """
        size = round(seconds * self._info.native_rate)
        ahead = max(1, round(_AHEAD_S / seconds))
        read = 0
        try:
            with soundfile.SoundFile(self._path) as file:
                expected = file.frames
                for chunk in file.blocks(size * ahead, dtype="float32", always_2d=True):
                    read += len(chunk)
                    for start in range(0, len(chunk), size):
                        yield chunk[start : start + size]
        except (soundfile.SoundFileError, OSError) as error:
            raise AudioFileError(f"{self._path} cannot be read to its end: {error}") from error
        if read < expected:
            raise _truncated(self._path, read, expected, self._info.native_rate)

    def _play(self, ring: RingBuffer) -> None:
        start = time.monotonic()
        played = 0
        try:
            for block in self.blocks():
                played += len(block)
                # A block of a microphone is there when its last sample was heard.
                due = start + played / self._info.native_rate / (self._speed or np.inf)
                if self._stop.wait(max(0.0, due - time.monotonic())):
                    return
                ring.write(block, None)
        except AudioFileError as error:
            ring.close(error)
        finally:
            ring.close()


def _read_header(path: Path) -> soundfile._SoundFileInfo:
    if not path.is_file():
        raise AudioFileError(f"There is no audio file at {path}; check the path.")
    if path.stat().st_size == 0:
        raise AudioFileError(f"{path} is empty; record or copy it again.")
    try:
        header = soundfile.info(str(path), verbose=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise AudioFileError(
            f"{path} is not audio that can be read; use a WAV, FLAC, OGG or MP3 file."
        ) from error
    if header.frames == 0:
        raise AudioFileError(f"{path} holds no sound; record or copy it again.")
    if not _LOWEST_RATE <= header.samplerate <= _HIGHEST_RATE:
        raise AudioFileError(
            f"{path} claims {header.samplerate} samples a second, which is not sound; export it "
            "again at 16000 or 48000 Hz."
        )
    if _ends_early(path, header):
        raise AudioFileError(f"{path} is truncated; copy it again from where it came.")
    return header


def _ends_early(path: Path, header: soundfile._SoundFileInfo) -> bool:
    """Whether the container announces more sound than there is; libsndfile does not tell."""
    if header.format.startswith("WAV"):
        data = [line for line in header.extra_info.splitlines() if line.startswith("data")]
        return any("should be" in line for line in data)
    if header.format == "OGG":
        page = path.read_bytes().rpartition(b"OggS")[2]
        return len(page) < 2 or not page[1] & _OGG_END_OF_STREAM
    return False


def _truncated(path: Path, read: int, expected: int, rate: int) -> AudioFileError:
    return AudioFileError(
        f"{path} is truncated: it ends after {read / rate:.1f} s of {expected / rate:.1f} s; "
        "copy it again from where it came."
    )

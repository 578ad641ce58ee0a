"""Playback of a stretch of sound through the system's loudspeaker or headphones."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from realtime_ser.audio.device_thread import sound_system
from realtime_ser.audio.devices import call_portaudio, close_stream, open_stream, portaudio
from realtime_ser.base.errors import AudioFileError, DeviceError, SerError

_BLOCK_S = 0.02
_STOP_S = 1.0


class NoOutputError(DeviceError):
    """There is no audio output, or it refuses."""

    def __init__(self) -> None:
        super().__init__(
            "There is no loudspeaker to play on: plug in headphones, or choose an output in "
            "the system's sound settings."
        )


class Player:
    """Plays a stretch of sound once on the default output, in a thread of its own.

    Its attributes may be read from any thread.

    Parameters
    ----------
    blocks
        Consecutive samples, each block of shape ``(n, channels)``, float32; taken in the player's
        thread, as they are needed. One channel is played on both sides, more than two are mixed.
    rate, duration_s
        Their rate in Hz, and the length of the stretch in seconds.
    silent
        Whether time goes on in silence where there is no output.

    Attributes
    ----------
    output_error
        Reason why there is no output; ``None``: there is one, or it is not yet open.
    error
        Reason why the sound could not be played to its end; one sentence.
    """

    def __init__(
        self,
        blocks: Iterable[NDArray[np.float32]],
        rate: int,
        duration_s: float,
        *,
        silent: bool = False,
    ) -> None:
        self.output_error: DeviceError | None = None
        self.error: str | None = None
        self.duration_s = duration_s
        self._blocks = blocks
        self._rate = rate
        self._silent = silent
        self._begin_s: float | None = None  # when the first sample is heard, monotonic
        self._opened = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="player", daemon=True)

    @property
    def position_s(self) -> float:
        """Seconds of the sound that have been heard."""
        begin_s = self._begin_s
        heard_s = 0.0 if begin_s is None else time.monotonic() - begin_s
        return min(max(0.0, heard_s), self.duration_s)

    @property
    def ended(self) -> bool:
        """Whether all of the sound was heard, or playing has failed."""
        return self._opened.is_set() and not self._thread.is_alive()

    def start(self) -> None:
        """Begin to play, and return at once."""
        self._thread.start()

    def stop(self) -> None:
        """Fall silent at once; safe to call twice.

        An output that does not answer is left to itself.
        """
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    # What follows runs in the player's thread.

    def _run(self) -> None:
        try:
            stream, rate = _open_output()
        except DeviceError as error:
            self.output_error = error
        finally:
            self._opened.set()
        if self.output_error is not None:
            if self._silent:
                self._begin_s = time.monotonic()
                self._stop.wait(self.duration_s)
            return
        try:
            self._play(stream, rate)
        except SerError as error:
            self.error = str(error)
        except portaudio().PortAudioError as error:
            self.error = f"The sound output went away ({error}): plug it in and press Play again."
        finally:
            sound_system.submit(lambda: close_stream(stream))

    def _play(self, stream: Any, rate: int) -> None:
        written, latency_s = 0, float(stream.latency)
        begin_s = time.monotonic() + latency_s
        for block in _converted(self._blocks, self._rate, rate):
            if self._stop.is_set():
                break
            stream.write(block)
            written += len(block)
            # A sound server may fetch several seconds at once, and then no more for as long: of
            # all beginnings that the writes suggest, the latest is the true one.
            begin_s = max(begin_s, time.monotonic() + latency_s - written / rate)
            self._begin_s = begin_s
        self._stop.wait(max(0.0, begin_s + written / rate - time.monotonic()))
        if self._stop.is_set():
            stream.abort(ignore_errors=True)


def array_blocks(samples: NDArray[np.float32], rate: int) -> Iterator[NDArray[np.float32]]:
    """Blocks of samples that lie in memory, shape ``(n, channels)``."""
    size = max(1, round(_BLOCK_S * rate))
    for start in range(0, len(samples), size):
        yield samples[start : start + size]


def file_blocks(path: Path, start_s: float, end_s: float) -> Iterator[NDArray[np.float32]]:
    """Blocks of a stretch of an audio file, which is opened with the first."""
    from realtime_ser.audio.seekable import seekable_file  # with the readers of all formats

    try:
        with seekable_file(path) as readable, soundfile.SoundFile(readable) as file:
            file.seek(min(round(start_s * file.samplerate), file.frames))
            count = round((end_s - start_s) * file.samplerate)
            size = max(1, round(_BLOCK_S * file.samplerate))
            count = min(count, file.frames - file.tell())
            yield from file.blocks(size, frames=count, dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        raise AudioFileError(f"{path} cannot be played: {error}") from error


def _open_output() -> tuple[Any, int]:
    """Open the default output for two channels, at its own rate."""

    def make() -> tuple[Any, int]:
        sounddevice = portaudio()
        try:
            rate = round(sounddevice.query_devices(kind="output")["default_samplerate"])
            output = open_stream(
                lambda: sounddevice.OutputStream(samplerate=rate, channels=2, dtype="float32")
            )
        except (sounddevice.PortAudioError, ValueError) as error:
            raise NoOutputError from error
        return output, rate

    return call_portaudio(make, late=lambda opened: close_stream(opened[0]))


def _converted(
    blocks: Iterable[NDArray[np.float32]], rate: int, output_rate: int
) -> Iterator[NDArray[np.float32]]:
    """Blocks for two loudspeakers at the output's rate."""
    if rate == output_rate:
        yield from map(_stereo, blocks)
        return
    stream = soxr.ResampleStream(rate, output_rate, 2, dtype="float32", quality="HQ")
    for block in blocks:
        yield np.ascontiguousarray(stream.resample_chunk(_stereo(block)))
    yield np.ascontiguousarray(stream.resample_chunk(np.empty((0, 2), np.float32), last=True))


def _stereo(block: NDArray[np.float32]) -> NDArray[np.float32]:
    if block.shape[1] == 2:
        return np.ascontiguousarray(block)
    mono = block.mean(axis=1, dtype=np.float32)
    return np.ascontiguousarray(np.stack([mono, mono], axis=1))

"""Plays samples through the system's loudspeaker or headphones."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from realtime_ser.audio.devices import portaudio
from realtime_ser.base.errors import DeviceError
from realtime_ser.base.quiet import silence_stderr

_BLOCK_S = 0.02
_LONGEST_DELAY_S = 5.0


class Speaker:
    """Plays a stretch of sound once, on the default output.

    Parameters
    ----------
    samples
        Shape ``(n, channels)``, float32; a first and a second channel go left and right.
    rate
        Their rate in Hz.
    """

    def __init__(self, samples: NDArray[np.float32], rate: int) -> None:
        self._samples = samples[:, :2]
        self._rate = rate
        self._stream: Any = None
        self._played = 0
        self._begins_s: float | None = None  # when the first sample is heard, monotonic

    @property
    def position_s(self) -> float:
        """Seconds of the sound that have been heard.

        By the clock, since sound servers fetch several seconds at once.
        """
        heard_s = 0.0 if self._begins_s is None else time.monotonic() - self._begins_s
        return min(max(0.0, heard_s), self.duration_s)

    @property
    def duration_s(self) -> float:
        """Length of the sound, in seconds."""
        return len(self._samples) / self._rate

    @property
    def ended(self) -> bool:
        """Whether all of it was heard."""
        return self.position_s >= self.duration_s

    def start(self) -> None:
        """Begin to play.

        Raises
        ------
        DeviceError
            There is no output, or it refuses.
        """
        sounddevice = portaudio()
        try:
            with silence_stderr():
                device = sounddevice.query_devices(kind="output")
                self._convert(round(device["default_samplerate"]))
                self._stream = sounddevice.OutputStream(
                    samplerate=self._rate,
                    blocksize=round(_BLOCK_S * self._rate),
                    channels=self._samples.shape[1],
                    dtype="float32",
                    callback=self._fill,
                )
                self._stream.start()
        except (sounddevice.PortAudioError, ValueError) as error:
            self.stop()
            raise DeviceError(
                "There is no loudspeaker to play on: plug in headphones, or choose an output in "
                "the system's sound settings."
            ) from error

    def stop(self) -> None:
        """Fall silent; safe to call twice."""
        stream, self._stream = self._stream, None
        if stream is not None:
            with silence_stderr():
                stream.close(ignore_errors=True)

    def _convert(self, rate: int) -> None:
        if rate != self._rate:
            self._samples = np.asarray(
                soxr.resample(self._samples, self._rate, rate), np.float32
            ).reshape(-1, self._samples.shape[1])
            self._rate = rate

    def _fill(self, out: NDArray[np.float32], frames: int, times: Any, _status: Any) -> None:
        if self._begins_s is None:
            delay_s = times.outputBufferDacTime - times.currentTime
            if not 0.0 <= delay_s <= _LONGEST_DELAY_S:  # some host APIs report none
                delay_s = self._stream.latency
            self._begins_s = time.monotonic() + delay_s
        part = self._samples[self._played : self._played + frames]
        out[: len(part)] = part
        out[len(part) :] = 0.0
        self._played += frames

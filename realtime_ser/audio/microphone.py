"""A microphone through PortAudio.

PortAudio's own thread calls back with each block; the callback only copies it into the ring. The
callback was chosen over a thread of ours that reads a blocking stream because it alone reports ADC
times, which the stated latency needs, and ends at once when a device goes away; with the
interpreter held for 0.7 s at a time neither lost a sample.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime_ser.audio.devices import find_input, full_name, portaudio, rescan
from realtime_ser.audio.ring import RingBuffer
from realtime_ser.audio.source import Source, SourceInfo
from realtime_ser.base.errors import DeviceError
from realtime_ser.base.quiet import silence_stderr
from realtime_ser.base.text import count_text

_BLOCK_S = 0.02  # PortAudio's own choice, some 9 ms, costs half as much processor time again
_LONGEST_DELAY_S = 5.0


class MicrophoneSource(Source):
    """Captures the first ``channels`` of a device at its native rate.

    ``name`` is a part of the device's name, or ``None`` for the system's default.
    """

    def __init__(self, name: str | None = None, channels: int = 1) -> None:
        self._name = name
        device = find_input(name)
        if device.channels < channels:
            there = count_text(device.channels, "channel")
            raise DeviceError(
                f"{full_name(device)} has {there}, so channel {channels} is not there: "
                "choose another device or other channels."
            )
        self._index = device.index
        # Found again by its full name after a disconnection, unless the default was asked for.
        self._full_name = None if name is None else full_name(device)
        self._info = SourceInfo(full_name(device), device.rate, channels, live=True)
        self._stream: Any = None

    @property
    def info(self) -> SourceInfo:
        """Full name, native rate and captured channels of the device."""
        return self._info

    def start(self, ring: RingBuffer) -> None:
        """Open the device and begin to capture."""
        sounddevice = portaudio()

        def callback(samples: NDArray[np.float32], _frames: int, times: Any, status: Any) -> None:
            now = time.monotonic()
            delay = times.currentTime - times.inputBufferAdcTime
            if not 0.0 <= delay <= _LONGEST_DELAY_S:  # some host APIs report no ADC time
                delay = self._stream.latency + len(samples) / self._info.native_rate
            ring.write(samples, now - delay, overflow=status.input_overflow)

        try:
            with silence_stderr():
                self._stream = sounddevice.InputStream(
                    samplerate=self._info.native_rate,
                    blocksize=round(_BLOCK_S * self._info.native_rate),
                    device=self._index,
                    channels=self._info.channels,
                    dtype="float32",
                    latency="high",
                    callback=callback,
                )
                self._stream.start()
        except sounddevice.PortAudioError as error:
            self.stop()
            raise DeviceError(
                f"{self._info.name} refuses to record ({error.args[0]}): close other programs that "
                "use it, allow microphone access in the system's settings, or choose another with "
                "--device."
            ) from error

    def stop(self) -> None:
        """Close the device."""
        stream, self._stream = self._stream, None
        if stream is not None:
            with silence_stderr():
                stream.close(ignore_errors=True)

    def reopen(self, ring: RingBuffer) -> None:
        """Find the device again after it went away, and begin to capture."""
        self.stop()
        rescan()
        device = find_input(self._full_name)
        if device.rate != self._info.native_rate or device.channels < self._info.channels:
            raise DeviceError(f"{full_name(device)} came back with another format.")
        self._index = device.index
        self.start(ring)

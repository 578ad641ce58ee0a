"""A microphone through PortAudio.

PortAudio's own thread calls back with each block; the callback only copies it into the queue. The
callback was chosen over a thread of ours that reads a blocking stream because it alone reports ADC
times, which the stated latency needs, and ends at once when a device goes away; with the
interpreter held for 0.7 s at a time neither lost a sample.
"""

from __future__ import annotations

import contextlib
import sys
import time
from concurrent.futures import Future
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime_ser.audio.block_queue import BlockQueue
from realtime_ser.audio.device_thread import ANSWER_S, NoAnswerError, sound_system
from realtime_ser.audio.devices import (
    InputDevice,
    call_portaudio,
    close_stream,
    find_input,
    full_name,
    input_devices,
    list_inputs,
    open_stream,
    portaudio,
    with_channels,
)
from realtime_ser.audio.resample import RateChange
from realtime_ser.audio.samples import channel_peaks
from realtime_ser.audio.sound_server import (
    Recording,
    ServerSource,
    SourceWatch,
    current_recording,
    default_source,
)
from realtime_ser.audio.source import QUIET_PEAK, Source, SourceInfo
from realtime_ser.base.errors import DeviceError, FormatError
from realtime_ser.base.text import count_text
from realtime_ser.base.timebase import clock_s

_BLOCK_S = 0.02  # PortAudio's own choice, some 9 ms, costs half as much processor time again
_LONGEST_DELAY_S = 3600.0  # a sound server keeps what came while the program was stopped
_CLOSE_S = 0.5
_REOPEN_POLL_S = 0.1
_RESCAN_S = 10.0

_RATES = (48_000, 44_100, 32_000, 16_000, 96_000, 24_000, 22_050, 8_000)
"""Rates in Hz that are tried where a device refuses its own, the likeliest first."""

_INVALID_RATE, _INVALID_CHANNELS = -9997, -9998
"""PortAudio's codes for a rate and a number of channels that a device does not have."""

_MOST_CHANNELS = 32
"""More are promised by devices that convert."""


class _OtherMicrophoneError(DeviceError):
    """The sound server records another microphone than the one it calls the default."""

    def __init__(self, source: ServerSource) -> None:
        super().__init__(f"The sound server records {source.name}: choose it there.")
        self.source = source


class MicrophoneSource(Source):
    """Captures the first ``channels`` of a device at its native rate.

    ``name`` is a part of the device's name, or ``None`` for the system's default.
    """

    def __init__(self, name: str | None = None, channels: int = 1) -> None:
        device = find_input(name, input_devices())
        _require_channels(device, channels)
        self._device = device
        # Found again by its full name after a disconnection, unless the default was asked for.
        self._full_name = None if name is None else full_name(device)
        self._info = SourceInfo(full_name(device), device.rate, channels, live=True)
        self._stream: Any = None
        self._reopening: Future[Any] | None = None
        self._rescan_s: float | None = None  # when PortAudio is asked again
        self._is_listed = True  # whether the device opens by the place in PortAudio's list
        self._watch: SourceWatch | None = None
        self._recorded: int | None = None  # number of the stream at the sound server
        self._columns: list[int] = []  # of the stream, by the channels that are heard
        self._places: list[int | None] = []  # the same, by the device's channels
        self._loudest: NDArray[np.float32] = np.zeros(0, np.float32)
        self._change = RateChange(device.rate, device.rate, channels)

    @property
    def info(self) -> SourceInfo:
        """Full name, native rate and captured channels of the device."""
        return self._info

    def start(self, queue: BlockQueue) -> None:
        """Open the device and begin to capture."""
        self._stream = call_portaudio(lambda: self._open_device(queue), late=self._close)

    def stop(self) -> None:
        """Close the device; one that does not answer is left to itself."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.stop()
        reopening, self._reopening = self._reopening, None
        if reopening is not None:
            sound_system.abandon(reopening, late=self._close)
        stream, self._stream = self._stream, None
        if stream is not None:
            closing = sound_system.submit(lambda: self._close(stream))
            with contextlib.suppress(TimeoutError):
                closing.result(_CLOSE_S)

    def peaks(self) -> NDArray[np.float32]:
        """Loudest sample of each channel of the device since this was asked last.

        Others than those that are heard count as long as these are quiet.
        """
        loudest, self._loudest = self._loudest, np.zeros_like(self._loudest)
        places = [place for place in self._places if place is None or place < len(loudest)]
        found = [0.0 if place is None else float(loudest[place]) for place in places]
        return np.array(found, np.float32)

    def changes(self) -> list[str]:
        """Microphones that the sound server has put in place of one another, in words.

        What is heard are the channels of the new one from now on.
        """
        changes = [] if self._watch is None else self._watch.changes()
        for change in changes:
            if change.recording.stream == self._recorded:  # else it was opened anew meanwhile
                self._follow(change.recording)
        return [change.words for change in changes]

    def _follow(self, recording: Recording) -> None:
        """Hear the channels of another microphone behind the stream, each alone.

        Where the stream mixes them nothing is heard, so that it is opened anew.
        """
        there = len(recording.source.channels)
        self._places = [recording.column(channel) for channel in range(1, there + 1)]
        heard = [place for place in self._places[: self._info.channels] if place is not None]
        self._columns[:] = heard if len(heard) == self._info.channels else []

    def reopen(self, queue: BlockQueue) -> bool:
        """Find the device again after it went away, and begin to capture.

        Returns
        -------
        bool
            Whether it captures; while the system has not answered, call again.

        Raises
        ------
        FormatError
            The device lacks channels that it had.
        DeviceError
            The device is not back yet, or refuses.
        """
        if self._reopening is None:
            stream, self._stream = self._stream, None
            self._reopening = sound_system.submit(lambda: self._open_again(stream, queue))
            self._asked_s = time.monotonic()
        try:
            self._stream = self._reopening.result(_REOPEN_POLL_S)
        except TimeoutError:
            if time.monotonic() - self._asked_s > ANSWER_S / 2:
                raise NoAnswerError from None
            return False
        except BaseException:
            self._reopening = None
            raise
        self._reopening = None
        return True

    # What follows runs in the thread of devices.

    def _close(self, stream: Any) -> None:
        close_stream(stream)
        self._change.close()

    def _open_again(self, stream: Any, queue: BlockQueue) -> Any:
        if stream is not None:
            self._close(stream)
        device = self._find_again()
        if device.channels < self._info.channels:
            raise FormatError(
                f"{full_name(device)} came back with {count_text(device.channels, 'channel')}, so "
                f"channel {self._info.channels} is not there any more: start a new session."
            )
        self._device = device
        try:
            return self._open_device(queue)
        except DeviceError:
            self._is_listed = False
            raise

    def _find_again(self) -> InputDevice:
        """The device as it is now.

        PortAudio lists devices anew only when it is begun anew, which takes 0.2 s of a core, and of
        which the libraries below it keep 13 kB each time. A sound server is asked itself instead;
        while it has no microphone, PortAudio is asked now and then whether there is another.
        """
        source = default_source() if self._device.virtual else None
        if source is not None:
            self._rescan_s = None
            if self._is_listed:
                return with_channels(self._device, source)
        elif self._device.virtual and not self._is_rescan_due():
            raise DeviceError(f"{full_name(self._device)} has no microphone now: plug it in again.")
        self._is_listed = True
        return find_input(self._full_name, list_inputs(rescan=True))

    def _is_rescan_due(self) -> bool:
        """Whether the sound server has had no microphone for long enough."""
        now_s = time.monotonic()
        due = self._rescan_s is not None and now_s >= self._rescan_s
        if due or self._rescan_s is None:
            self._rescan_s = now_s + _RESCAN_S
        return due

    def _open_device(self, queue: BlockQueue) -> Any:
        """Open the device with the channels that the microphone behind it has."""
        try:
            return self._open(self._device, queue)
        except _OtherMicrophoneError as other:
            self._device = with_channels(self._device, other.source)
            _require_channels(self._device, self._info.channels)
            return self._open(self._device, queue)

    def _open(self, device: InputDevice, queue: BlockQueue) -> Any:
        """Open a device, and find out which columns of its stream are the channels."""
        columns: list[int] = []
        stream = self._open_somehow(device, queue, columns)
        recording = current_recording() if device.virtual else None
        if recording is None:
            columns += range(self._info.channels)
            self._recorded = None
            self._places = list(range(device.channels))
            return stream
        try:
            columns += self._columns_of(device, recording)
        except DeviceError:
            self._close(stream)
            raise
        self._recorded, self._columns = recording.stream, columns
        self._places = [recording.column(channel) for channel in range(1, device.channels + 1)]
        if self._watch is None:
            self._watch = SourceWatch(recording.source)
        return stream

    def _columns_of(self, device: InputDevice, recording: Recording) -> list[int]:
        """Columns of the stream that are the first channels of the microphone, each alone."""
        if len(recording.source.channels) != device.channels:
            raise _OtherMicrophoneError(recording.source)
        columns = []
        for channel in range(1, self._info.channels + 1):
            column = recording.column(channel)
            if column is None:
                name = recording.source.channels[channel - 1]
                raise DeviceError(
                    f"Channel {channel} ({name}) of {recording.source.name} is not to be had alone "
                    f"through {full_name(device)}, which mixes it: choose the device itself."
                )
            columns.append(column)
        return columns

    def _open_somehow(self, device: InputDevice, queue: BlockQueue, columns: list[int]) -> Any:
        """Open a stream of all channels, so that nothing mixes them, at the first rate that goes.

        A rate that is not that of the session is changed to it. Nothing reaches the queue before
        ``columns`` is filled.
        """
        sounddevice = portaudio()
        rates = dict.fromkeys((self._info.native_rate, device.rate, *_RATES))
        everything = device.channels if device.channels <= _MOST_CHANNELS else self._info.channels
        counts = dict.fromkeys((everything, self._info.channels))
        for count, rate in product(counts, rates):
            try:
                return open_stream(partial(self._stream_of, device, (rate, count), queue, columns))
            except sounddevice.PortAudioError as error:
                refusal = error
                if _code(error) not in (_INVALID_RATE, _INVALID_CHANNELS):
                    break
        raise DeviceError(
            f"{full_name(device)} refuses to record ({_reason(refusal)}): {_advice(refusal)}, or "
            "choose another microphone."
        ) from refusal

    def _stream_of(
        self, device: InputDevice, shape: tuple[int, int], queue: BlockQueue, columns: list[int]
    ) -> Any:
        rate, channels = shape
        self._loudest = np.zeros(channels, np.float32)
        change = self._change = RateChange(rate, self._info.native_rate, self._info.channels)

        def callback(samples: NDArray[np.float32], _frames: int, times: Any, status: Any) -> None:
            now = clock_s()
            delay = times.currentTime - times.inputBufferAdcTime
            if not 0.0 <= delay <= _LONGEST_DELAY_S:  # some host APIs report no ADC time
                delay = stream.latency + len(samples) / rate
            heard = columns.copy()  # another thread changes them
            if heard:
                if channels > len(heard) and max(self._loudest[heard]) < QUIET_PEAK:
                    self._loudest = np.maximum(self._loudest, channel_peaks(samples))
                # A view where one channel is heard: this comes fifty times a second.
                chosen = heard if len(heard) > 1 else slice(heard[0], heard[0] + 1)
                samples, early_s = change.push(samples[:, chosen])
                if len(samples):
                    queue.write(samples, now - delay - early_s, overflow=status.input_overflow)

        stream = portaudio().InputStream(
            samplerate=rate,
            blocksize=round(_BLOCK_S * rate),
            device=device.index,
            channels=channels,
            dtype="float32",
            latency="high",
            callback=callback,
        )
        return stream


def _require_channels(device: InputDevice, channels: int) -> None:
    if device.channels < channels:
        there = count_text(device.channels, "channel")
        raise DeviceError(
            f"{full_name(device)} has {there}, so channel {channels} is not there: "
            "choose another device or other channels."
        )


def _code(error: Any) -> int:
    return error.args[1] if len(error.args) > 1 else 0


def _reason(error: Any) -> str:
    """Words of PortAudio, or of the system where PortAudio has none."""
    if len(error.args) > 2 and error.args[2][2]:
        return str(error.args[2][2])
    return str(error.args[0]).removeprefix("Error opening InputStream: ")


_PRIVACY = {
    "darwin": "allow this program to use it (System Settings, Privacy & Security, Microphone)",
    "win32": "allow desktop apps to use it (Settings, Privacy & security, Microphone)",
}

_ADVICE = {
    -9985: "close the program that uses it, or plug it in again",
    -9996: "plug it in again",
    -9997: "it has none of the usual rates, so set one in the system's sound settings",
    -9998: "choose a channel that it has",
}
"""What to do, by PortAudio's code."""


def _advice(error: Any) -> str:
    usual = "see that it is plugged in and that the computer's sound works"
    return _ADVICE.get(_code(error)) or _PRIVACY.get(sys.platform, usual)

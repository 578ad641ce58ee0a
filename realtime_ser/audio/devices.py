"""Audio inputs, by host API and name."""

from __future__ import annotations

import atexit
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, TypeVar

from realtime_ser.audio.device_thread import (
    ANSWER_S,
    BrokenSoundError,
    sound_system,
)
from realtime_ser.audio.sound_server import ServerSource, default_source
from realtime_ser.base.errors import DeviceError
from realtime_ser.base.quiet import silence_c_library

T = TypeVar("T")

_VIRTUAL_CHANNELS = 32
"""Channels that ALSA promises for a device that is a sound server."""


SILENCE_ADVICE = {
    "darwin": (
        "unmute it, and allow this program to use it (System Settings, Privacy & Security, "
        "Microphone)"
    ),
    "win32": (
        "unmute it, and allow desktop apps to use it (Settings, Privacy & security, Microphone)"
    ),
}.get(sys.platform, "unmute it, at itself and in the system's sound settings")
"""What helps against a microphone that gives zeros, on this system."""


@dataclass(frozen=True, slots=True)
class InputDevice:
    """An audio input as PortAudio lists it.

    ``index`` is valid only until the next rescan; ``rate`` is the native rate in Hz. A device is
    virtual where a sound server gives it whatever microphone is chosen there.
    """

    index: int
    name: str
    host_api: str
    channels: int
    rate: int
    default: bool
    virtual: bool = False
    channel_names: tuple[str, ...] = ()  # as the sound server calls them


class NoMicrophoneError(DeviceError):
    """There is no audio input at all."""

    def __init__(self) -> None:
        super().__init__(
            "No microphone found: plug one in and allow this program to use it, "
            "or play a file: 'realtime-ser --input FILE'."
        )


def portaudio() -> ModuleType:
    """The sounddevice module, which loads PortAudio; for the thread of devices alone.

    Raises
    ------
    DeviceError
        PortAudio is not installed, or the sound system cannot be used.
    """
    silence_c_library()
    try:
        import sounddevice
    except OSError as error:
        raise DeviceError(
            "PortAudio is missing: install it (on Debian or Ubuntu: apt-get install libportaudio2)."
        ) from error
    except Exception as error:  # PortAudioError, which lies in the module
        raise BrokenSoundError from error
    # It would wait at the end of the program for a sound system that does not answer.
    atexit.unregister(sounddevice._exit_handler)
    module: ModuleType = sounddevice
    return module


def input_devices(*, rescan: bool = False) -> list[InputDevice]:
    """All audio inputs, in PortAudio's order: grouped by host API.

    Parameters
    ----------
    rescan
        Whether to ask the system again, since PortAudio's own list is frozen. While a stream is
        open the list stays as it is.

    Raises
    ------
    DeviceError
        The sound system does not answer, or cannot be used.
    """
    return call_portaudio(lambda: list_inputs(rescan=rescan))


def list_inputs(*, rescan: bool = False) -> list[InputDevice]:
    """The same, for the thread of devices."""
    sounddevice = portaudio()
    if rescan and not sound_system.streams:
        sounddevice._lib.Pa_Terminate()
        try:
            sounddevice._check(sounddevice._lib.Pa_Initialize())
        except sounddevice.PortAudioError as error:
            raise BrokenSoundError from error
    apis = [api["name"] for api in sounddevice.query_hostapis()]
    default = sounddevice.default.device[0]
    server: ServerSource | None = None
    seen: Counter[tuple[int, str]] = Counter()
    found = []
    for index, device in enumerate(sounddevice.query_devices()):
        if device["max_input_channels"] > 0:
            key = (device["hostapi"], device["name"])
            seen[key] += 1
            one = InputDevice(
                index=index,
                name=device["name"] + (f" ({seen[key]})" if seen[key] > 1 else ""),
                host_api=apis[device["hostapi"]],
                channels=device["max_input_channels"],
                rate=round(device["default_samplerate"]),
                default=index == default,
            )
            if one.host_api == "ALSA" and one.channels >= _VIRTUAL_CHANNELS:
                server = server or default_source()
                one = replace(with_channels(one, server), virtual=True)
            found.append(one)
    return found


def with_channels(device: InputDevice, source: ServerSource | None) -> InputDevice:
    """A virtual device with the channels of the microphone behind it, where that is known."""
    if source is None:
        return device
    return replace(device, channels=len(source.channels), channel_names=source.channels)


def open_stream(make: Callable[[], Any]) -> Any:
    """Open a stream and begin; for the thread of devices."""
    stream = make()
    sound_system.streams.add(stream)
    try:
        stream.start()
    except BaseException:
        close_stream(stream)
        raise
    return stream


def close_stream(stream: Any) -> None:
    """Close a stream; for the thread of devices."""
    sound_system.streams.discard(stream)
    stream.close(ignore_errors=True)


def call_portaudio(work: Callable[[], T], late: Callable[[T], None] | None = None) -> T:
    """Result of a call that may load PortAudio, made in the thread of devices.

    Where it comes too late, ``late`` takes it.

    Raises
    ------
    DeviceError
        The sound system does not answer, or cannot be used.
    """
    try:
        saved = os.dup(2)
    except OSError:  # a windowed program has no standard error
        return sound_system.wait(sound_system.submit(work), ANSWER_S, late)
    try:
        return sound_system.wait(sound_system.submit(work), ANSWER_S, late)
    finally:
        # Sounddevice silences it while PortAudio is loaded, which may take for ever.
        os.dup2(saved, 2)
        os.close(saved)


def find_input(name: str | None, devices: Sequence[InputDevice]) -> InputDevice:
    """Audio input whose name contains ``name``, or the default input.

    ``name`` may also be written as ``host API: name``. An exact name wins over a part of one.
    """
    if not devices:
        raise NoMicrophoneError
    if name is None:
        return next((device for device in devices if device.default), devices[0])
    exact = [d for d in devices if name in (d.name, full_name(d))]
    fitting = exact or [d for d in devices if name.lower() in full_name(d).lower()]
    if not fitting:
        raise DeviceError(
            f"No microphone is named '{name}': 'realtime-ser devices' lists those that are there."
        )
    if len(fitting) > 1 and not exact:
        names = "; ".join(full_name(device) for device in fitting)
        raise DeviceError(f"Several microphones fit '{name}': name one of {names}.")
    return fitting[0]


def full_name(device: InputDevice) -> str:
    """Host API and name of a device, as shown and matched."""
    return f"{device.host_api}: {device.name}"

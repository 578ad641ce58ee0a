"""Audio inputs, by host API and name."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from realtime_ser.base.errors import DeviceError
from realtime_ser.base.quiet import silence_stderr


@dataclass(frozen=True, slots=True)
class InputDevice:
    """An audio input as PortAudio lists it.

    ``index`` is valid only until the next rescan; ``rate`` is the native rate in Hz.
    """

    index: int
    name: str
    host_api: str
    channels: int
    rate: int
    default: bool


class NoMicrophoneError(DeviceError):
    """There is no audio input at all."""

    def __init__(self) -> None:
        super().__init__(
            "No microphone found: plug one in and allow this program to use it, "
            "or play a file with --input FILE."
        )


def portaudio() -> ModuleType:
    """The sounddevice module, which loads PortAudio; :class:`DeviceError` where that is missing."""
    try:
        with silence_stderr():
            import sounddevice
    except OSError as error:
        raise DeviceError(
            "PortAudio is missing: install it (on Debian or Ubuntu: apt-get install libportaudio2)."
        ) from error
    module: ModuleType = sounddevice
    return module


def input_devices() -> list[InputDevice]:
    """All audio inputs, in PortAudio's order: grouped by host API."""
    sounddevice = portaudio()
    apis = sounddevice.query_hostapis()
    default = sounddevice.default.device[0]
    return [
        InputDevice(
            index=index,
            name=device["name"],
            host_api=apis[device["hostapi"]]["name"],
            channels=device["max_input_channels"],
            rate=round(device["default_samplerate"]),
            default=index == default,
        )
        for index, device in enumerate(sounddevice.query_devices())
        if device["max_input_channels"] > 0
    ]


def rescan() -> list[InputDevice]:
    """Ask the system again; PortAudio's own list is frozen. Only while no stream is open."""
    sounddevice = portaudio()
    with silence_stderr():
        sounddevice._terminate()
        sounddevice._initialize()
    return input_devices()


def find_input(name: str | None) -> InputDevice:
    """Audio input whose name contains ``name``, or the default input.

    ``name`` may also be written as ``host API: name``. An exact name wins over a part of one.
    """
    devices = input_devices()
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

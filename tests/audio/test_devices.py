"""Names of microphones, and the thread that asks the sound system."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from realtime_ser.audio import devices, microphone
from realtime_ser.audio.block_queue import BlockQueue
from realtime_ser.audio.device_thread import DeviceThread, NoAnswerError
from realtime_ser.audio.devices import find_input, list_inputs
from realtime_ser.base.errors import DeviceError


def listed(*names: str) -> Any:
    """PortAudio with inputs of some names; ALSA and the test's sound server have no twins."""
    found = [
        {"name": name, "hostapi": 0, "max_input_channels": 1, "default_samplerate": 48_000.0}
        for name in names
    ]
    return SimpleNamespace(
        query_hostapis=lambda: [{"name": "WASAPI"}],
        query_devices=lambda: found,
        default=SimpleNamespace(device=(1, 0)),
    )


def test_of_two_devices_with_one_name_each_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    system = listed("USB Audio", "USB Audio", "Built-in")
    monkeypatch.setattr(devices, "portaudio", lambda: system)
    found = list_inputs()
    assert [device.name for device in found] == ["USB Audio", "USB Audio (2)", "Built-in"]
    assert find_input("USB Audio", found).index == 0
    assert find_input("WASAPI: USB Audio (2)", found).index == 1


def test_calls_are_made_one_after_the_other_and_told_of_their_errors() -> None:
    thread = DeviceThread()
    order = [thread.submit(lambda: threading.current_thread().name) for _ in range(3)]
    assert {future.result(5) for future in order} == {"devices"}
    with pytest.raises(ZeroDivisionError):
        thread.submit(lambda: 1 // 0).result(5)


def test_who_waits_for_a_call_that_hangs_goes_on_and_what_comes_late_is_taken() -> None:
    thread, answer, late = DeviceThread(), threading.Event(), threading.Event()
    hanging = thread.submit(answer.wait)
    with pytest.raises(NoAnswerError):
        thread.wait(hanging, 0.1, late=lambda _: late.set())
    behind = thread.submit(lambda: pytest.fail("nobody wants this any more"))
    with pytest.raises(NoAnswerError):
        thread.wait(behind, 0.1)
    answer.set()
    assert late.wait(5)
    assert thread.submit(lambda: 7).result(5) == 7


def test_everybody_goes_on_when_the_program_gives_up() -> None:
    thread, answer = DeviceThread(), threading.Event()
    hanging = thread.submit(answer.wait)
    threading.Timer(0.1, thread.give_up).start()
    with pytest.raises(NoAnswerError):
        thread.wait(hanging, 60)
    answer.set()


class OpenStream:
    """A stream that delivers nothing."""

    def start(self) -> None:
        pass

    def close(self, *, ignore_errors: bool) -> None:
        pass


class StubbornDevice:
    """A device that has one rate alone; ALSA and the test's sound server take any."""

    class PortAudioError(Exception):
        """Raised with PortAudio's code."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.tried: list[int] = []

    def InputStream(self, *, samplerate: int, **_: object) -> Any:  # noqa: N802 - its name
        self.tried.append(samplerate)
        if samplerate != self.rate:
            raise self.PortAudioError("Invalid sample rate", -9997)
        return OpenStream()

    def __getattr__(self, name: str) -> Any:
        return getattr(listed("Built-in"), name)


@pytest.mark.parametrize("rate", [44_100, 22_050])
def test_other_rates_are_tried_where_a_device_refuses_its_own(
    monkeypatch: pytest.MonkeyPatch, rate: int
) -> None:
    system = StubbornDevice(rate)
    for module in (devices, microphone):
        monkeypatch.setattr(module, "portaudio", lambda: system)
    source = microphone.MicrophoneSource("Built-in")
    source.start(BlockQueue(48_000, blocking=False))
    source.stop()
    assert system.tried[0] == 48_000
    assert system.tried[-1] == rate
    assert source.info.native_rate == 48_000


def test_each_refusal_has_its_own_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    system = StubbornDevice(0)
    for module in (devices, microphone):
        monkeypatch.setattr(module, "portaudio", lambda: system)
    source = microphone.MicrophoneSource("Built-in")
    with pytest.raises(DeviceError, match="set one in the system's sound settings"):
        source.start(BlockQueue(48_000, blocking=False))
    monkeypatch.setattr(system, "InputStream", refuse(system, -9985))
    with pytest.raises(DeviceError, match="close the program that uses it"):
        source.start(BlockQueue(48_000, blocking=False))


def refuse(system: StubbornDevice, code: int) -> Any:
    def stream(**_: object) -> None:
        raise system.PortAudioError("Device unavailable", code)

    return stream

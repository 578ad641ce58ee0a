"""A window, a session in it, and a machine without microphones."""

from __future__ import annotations

import contextlib
import gc
from types import SimpleNamespace

import pytest
from PyQt6.QtCore import Qt

from realtime_ser.base.config import Config, WindowConfig
from realtime_ser.gui.live.session_controller import SessionController
from realtime_ser.gui.live.window import MainWindow


@pytest.fixture(autouse=True)
def _collecting_here():
    """Free what belongs to windows in their thread alone, as the program does."""
    gc.disable()
    yield
    gc.enable()
    gc.collect(1)


class Inputs:
    """PortAudio's list of inputs, as far as it is read; a test may plug one in."""

    def __init__(self):
        self.devices = []
        self.scans = 0

    def plug_in(self, name):
        self.devices.append(
            {
                "name": name,
                "hostapi": 0,
                "max_input_channels": 1,
                "default_samplerate": 48000.0,
            }
        )

    def query_hostapis(self):
        return [{"name": "ALSA"}]

    PortAudioError = RuntimeError

    def get_portaudio_version(self):
        return (0, "none")

    def query_devices(self, kind=None):
        if kind == "output":
            raise ValueError("No output device matching -1")
        return self.devices

    @property
    def default(self):
        return SimpleNamespace(device=(0 if self.devices else -1, -1))

    @property
    def _lib(self):
        def scan():
            self.scans += 1

        return SimpleNamespace(Pa_Terminate=scan, Pa_Initialize=lambda: 0)

    def _check(self, code):
        assert code == 0


@pytest.fixture(autouse=True)
def inputs(monkeypatch):
    """No test listens to the microphone of whoever runs it."""
    found = Inputs()
    monkeypatch.setattr("realtime_ser.audio.devices.portaudio", lambda: found)
    return found


@pytest.fixture
def window(qtbot):
    made = MainWindow(WindowConfig(theme="dark"))
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    return made


@pytest.fixture
def conduct(qtbot, window, tmp_path):
    """Start sessions in the window: ``conduct(speed=..., input=..., channels=...)``."""
    with contextlib.ExitStack() as stack:

        def start(*, keep=True, **audio):
            settings = {"input": "demo", "speed": 4.0} | audio
            config = Config.model_validate(
                {
                    "audio": settings,
                    "session": {"folder": tmp_path / "sessions"},
                    "sessions": {"keep": keep},
                }
            )
            made = SessionController(window, config, tmp_path / "session.csv")
            stack.callback(made.finish)
            made.begin()
            return made

        yield start


@pytest.fixture
def click(qtbot):
    return lambda button: qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

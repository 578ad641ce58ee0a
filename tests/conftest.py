"""What tests share: a home of their own, a private sound server, and synthetic speech."""

from __future__ import annotations

import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"  # before anything starts Qt

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from realtime_ser.base.config import Config
from realtime_ser.base.paths import shipped
from realtime_ser.session.store import Store
from tests.sound_server import SoundServer

SENTENCES = (
    "The weather has been bright and warm since early this morning.",
    "Nobody told me that the last train leaves before ten.",
    "Please put the two blue boxes next to the window.",
)


# Most tests are of what is done with a model, whichever it is: they take the lightest. The programs
# that tests start have the default of everyone.
Config.model_fields["model"].default = "default"
Config.model_rebuild(force=True)

# How long an example takes says nothing of its result: timings are benchmarks.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep settings and sessions of a test out of the home of whoever runs it."""
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    for variable, folder in {
        "XDG_CONFIG_HOME": ".config",
        "XDG_DATA_HOME": ".local/share",
        "XDG_STATE_HOME": ".local/state",
        "XDG_CACHE_HOME": ".cache",
        "XDG_DOCUMENTS_DIR": "Documents",
    }.items():
        monkeypatch.setenv(variable, str(home / folder))
    (home / "Documents").mkdir(parents=True)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Open an empty store."""
    with Store(tmp_path / "store") as opened:
        yield opened


@pytest.fixture(scope="session")
def bundle_folder() -> Path:
    """Name the folder of the model that ships."""
    return shipped("models") / "default"


@pytest.fixture
def bare_machine() -> dict[str, str]:
    """Environment in which there is neither microphone nor display."""
    hidden = {"DISPLAY", "WAYLAND_DISPLAY", "PULSE_SERVER", "XDG_RUNTIME_DIR"}
    env = {name: value for name, value in os.environ.items() if name not in hidden}
    look = "import sounddevice as s; print(sum(d['max_input_channels'] for d in s.query_devices()))"
    found = subprocess.run([sys.executable, "-c", look], env=env, capture_output=True, timeout=60)
    if found.stdout.strip() != b"0":
        pytest.skip("this machine has a microphone that cannot be hidden")
    return env


# ------------------------------------------------------------------------------------ sound server


def _needs_linux() -> None:
    if sys.platform != "linux":
        pytest.skip("a private sound server and espeak-ng are taken for granted on Linux only")


@pytest.fixture(scope="session")
def pulse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoundServer]:
    """Start a sound server for the whole run."""
    _needs_linux()
    server = SoundServer(tmp_path_factory.mktemp("pulse"))
    yield server
    server.close()


# ---------------------------------------------------------------------------------------- speech


def _speak(text: str, folder: Path, rate: int, voice: str = "en") -> NDArray[np.float32]:
    if shutil.which("espeak-ng") is None:
        raise RuntimeError("espeak-ng not found: `make test` installs it.")
    wav = folder / "sentence.wav"
    subprocess.run(["espeak-ng", "-v", voice, "-w", str(wav), text], check=True, timeout=30)
    samples, spoken_rate = soundfile.read(wav, dtype="float32")
    return np.asarray(soxr.resample(samples, spoken_rate, rate), np.float32)


@pytest.fixture(scope="session")
def speech_wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Speak three sentences, half a second to a second and a half of silence around each.

    16 kHz, mono, 16 bit.
    """
    _needs_linux()
    folder = tmp_path_factory.mktemp("speech")
    parts = [np.zeros(8_000, np.float32)]
    for sentence in SENTENCES:
        parts += [_speak(sentence, folder, 16_000), np.zeros(24_000, np.float32)]
    path = folder / "speech.wav"
    soundfile.write(path, np.concatenate(parts), 16_000, subtype="PCM_16")
    return path


@pytest.fixture(scope="session")
def speech_stereo_wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Let two voices speak in turn, one in each channel, with a second of silence between.

    48 kHz, stereo, 16 bit: the first channel speaks first and last, the second in the middle.
    """
    _needs_linux()
    folder = tmp_path_factory.mktemp("interview")
    rows = [np.zeros((48_000, 2), np.float32)]
    for number, sentence in enumerate(SENTENCES):
        channel = number % 2
        spoken = _speak(sentence, folder, 48_000, voice=("en+m3", "en+f2")[channel])
        turn = np.zeros((len(spoken) + 48_000, 2), np.float32)
        turn[: len(spoken), channel] = spoken
        rows.append(turn)
    path = folder / "interview.wav"
    soundfile.write(path, np.concatenate(rows), 48_000, subtype="PCM_16")
    return path

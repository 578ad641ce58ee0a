"""What tests share: a home of their own, a private sound server, and synthetic speech."""

from __future__ import annotations

import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"  # before anything starts Qt

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from realtime_ser.resources import shipped

SPEAKER = "speaker"
"""Name of the null sink that is there from the start; its monitor is the default microphone."""

SENTENCES = (
    "The weather has been bright and warm since early this morning.",
    "Nobody told me that the last train leaves before ten.",
    "Please put the two blue boxes next to the window.",
)


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


class SoundServer:
    """A sound server of its own, PulseAudio or PipeWire, whose null sinks stand for microphones.

    What is played into a null sink can be recorded from its monitor. PortAudio reads its device
    list once, when `sounddevice` is imported: record in a subprocess that gets :attr:`env`.

    Parameters
    ----------
    folder
        An empty folder for sockets, settings and logs. Its path must be short: a socket's path
        holds some 100 characters.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "server.log"
        self._bus = f"unix:path={folder / 'bus'}"
        self._daemons: list[subprocess.Popen[bytes]] = []
        self._players: list[subprocess.Popen[bytes]] = []
        self._modules: dict[str, str] = {}
        alsa = folder / "asound.conf"
        alsa.write_text(
            "</usr/share/alsa/alsa.conf>\n"
            "pcm.!default { type pulse hint { show on description Default } }\n"
            "ctl.!default { type pulse }\n"
        )
        socket = folder / "pulse" / "native"
        socket.parent.mkdir()
        self._variables = {"PULSE_SERVER": f"unix:{socket}", "ALSA_CONFIG_PATH": str(alsa)}
        try:
            self._start(socket)
        except BaseException:
            self.close()
            raise

    @property
    def env(self) -> dict[str, str]:
        """Environment of a process that is to hear and speak through this server."""
        return {**os.environ, **self._variables}

    def play(self, wav: Path, sink: str = SPEAKER) -> subprocess.Popen[bytes]:
        """Start to play a file into a null sink; ``wait()`` returns when it has been played."""
        player = subprocess.Popen(["paplay", f"--device={sink}", str(wav)], env=self.env)
        self._players.append(player)
        return player

    def add_null_sink(self, name: str) -> None:
        """Plug in a microphone, called ``<name>.monitor``."""
        self._modules[name] = self.pactl(
            "load-module", "module-null-sink", f"sink_name={name}", "rate=48000", "channels=2"
        )

    def remove_null_sink(self, name: str) -> None:
        """Unplug a microphone."""
        self.pactl("unload-module", self._modules.pop(name))

    def pactl(self, *arguments: str) -> str:
        """Say something to the server and return its answer."""
        done = subprocess.run(
            ["pactl", *arguments], env=self.env, capture_output=True, text=True, timeout=20
        )
        if done.returncode:
            raise RuntimeError(f"pactl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def close(self) -> None:
        """End the server and whatever still plays."""
        for process in [*self._players, *reversed(self._daemons)]:
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self, socket: Path) -> None:
        missing = [name for name in ("pactl", "paplay") if shutil.which(name) is None]
        if missing:
            raise RuntimeError(f"{' and '.join(missing)} not found: `make test` installs them.")
        pipewire = ("dbus-daemon", "pipewire", "wireplumber", "pipewire-pulse")
        if shutil.which("pulseaudio"):
            # Ends by itself should nobody be left to end it.
            options = ["-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=1800"]
            protocol = f"module-native-protocol-unix socket={socket} auth-anonymous=1"
            self._spawn("pulseaudio", *options, "--disable-shm=yes", "-L", protocol)
        elif all(shutil.which(name) for name in pipewire):
            # WirePlumber will not do without a bus; one of its own keeps it off the desktop's.
            self._spawn("dbus-daemon", "--session", "--nofork", f"--address={self._bus}")
            self._wait((self._folder / "bus").exists)
            self._spawn("pipewire")
            self._wait((self._folder / "pipewire-0").exists)
            self._spawn("wireplumber")
            self._spawn("pipewire-pulse")
        else:
            raise RuntimeError("Neither PulseAudio nor PipeWire found: `make test` installs one.")
        self._wait(lambda: self._accepts("info"))
        self.add_null_sink(SPEAKER)
        # PipeWire takes this only once WirePlumber has settled.
        self._wait(lambda: self._accepts("set-default-sink", SPEAKER))
        self._wait(lambda: self._accepts("set-default-source", f"{SPEAKER}.monitor"))

    def _spawn(self, *command: str) -> None:
        home = str(self._folder)
        env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PULSE_", "PIPEWIRE_", "XDG_"))
        }
        env |= {"HOME": home, "XDG_RUNTIME_DIR": home, "DBUS_SESSION_BUS_ADDRESS": self._bus}
        with self._log.open("ab") as log:
            self._daemons.append(
                subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            )

    def _accepts(self, *arguments: str) -> bool:
        try:
            self.pactl(*arguments)
        except RuntimeError:
            return False
        return True

    def _wait(self, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not ready():
            dead = any(daemon.poll() is not None for daemon in self._daemons)
            if dead or time.monotonic() > deadline:
                said = self._log.read_text(errors="replace")
                raise RuntimeError(f"The sound server did not start: {said}")
            time.sleep(0.05)


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

"""A private sound server: tests and benchmarks need no microphone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

SPEAKER = "speaker"
"""Name of the null sink that is there from the start; its monitor is the default microphone."""


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
            self._start()
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

    def add_null_sink(self, name: str, channels: int = 2, *options: str) -> None:
        """Plug in a microphone, called ``<name>.monitor``."""
        rate = [] if any(one.startswith("rate=") for one in options) else ["rate=48000"]
        module = ("module-null-sink", f"sink_name={name}", *rate, f"channels={channels}")
        self._modules[name] = self.pactl("load-module", *module, *options)

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

    def restart(self) -> None:
        """End the server, and start another in its place."""
        for daemon in reversed(self._daemons):
            daemon.kill()
            daemon.wait()
        self._daemons.clear()
        self._modules.clear()
        self._start()

    def freeze(self) -> None:
        """Let the server answer nobody, as one that hangs."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """End the server and whatever still plays."""
        self.thaw()
        for process in [*self._players, *reversed(self._daemons)]:
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _signal(self, number: int) -> None:
        for daemon in self._daemons:
            if daemon.poll() is None:
                daemon.send_signal(number)

    def _start(self) -> None:
        socket = self._folder / "pulse" / "native"
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
        self.add_speaker()

    def add_speaker(self) -> None:
        """Plug in the default microphone."""
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

"""Starts the program, and gives it a display or a microphone where there is none."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
import soxr

from benchmarks.figures import UnavailableError
from realtime_ser.base.display import display_answers
from realtime_ser.base.paths import shipped

if TYPE_CHECKING:
    from tests.sound_server import SoundServer

ROOT = Path(__file__).resolve().parent.parent
DEMO = shipped("demo.flac")

MODEL = "default"
"""Model of programs that are measured, where nothing else is said."""

_POLL_S = 0.1

Variables = Mapping[str, str]
"""What a process gets in its environment beside what is there."""


def python(*arguments: str) -> list[str]:
    """Command that runs this interpreter."""
    return [sys.executable, *arguments]


def monitor(*arguments: str) -> list[str]:
    """Command that monitors."""
    return python("-m", "realtime_ser", "monitor", *arguments)


def output_options(folder: Path, table: str) -> list[str]:
    """Options of a monitor that writes all it writes into a folder, its kept sessions included."""
    config = folder / "config.yaml"
    settings = {"model": MODEL, "sessions": {"folder": str(folder / "sessions")}}
    config.write_text(json.dumps(settings), "utf-8")
    return ["--config", str(config), "--export", str(folder / table)]


@contextlib.contextmanager
def running_process(
    command: list[str], variables: Variables | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run a command that prints into a pipe; it does not outlive this.

    :func:`finish` tells whether it went well.
    """
    # A window is to be seen, if need be by a private Xvfb.
    env = {name: value for name, value in os.environ.items() if name != "QT_QPA_PLATFORM"}
    env |= variables or {}
    process = subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()


def finish(process: subprocess.Popen[str], timeout_s: float) -> str:
    """Wait for the end of a process, and return what it printed.

    Raises
    ------
    RuntimeError
        It failed.
    """
    said, _ = process.communicate(timeout=timeout_s)
    if process.returncode:
        raise RuntimeError(f"'{' '.join(process.args)}' failed: {said.strip()[-2000:]}")  # type: ignore[arg-type]
    return said


@contextlib.contextmanager
def display() -> Iterator[tuple[Variables, str]]:
    """Variables that name a display, and what it is: the one that is there, else a private Xvfb.

    Raises
    ------
    UnavailableError
        There is neither.
    """
    if display_answers():
        yield {}, "this desktop"
        return
    if shutil.which("Xvfb") is None:
        raise UnavailableError("there is neither a display nor Xvfb")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1600x1000x24", "-noreset"],
        pass_fds=[write],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read) as answer:
            number = answer.readline().strip()
        if not number:
            raise UnavailableError("Xvfb does not start")
        yield {"DISPLAY": f":{number}"}, "Xvfb"
    finally:
        server.terminate()
        server.wait()


@contextlib.contextmanager
def sound_server() -> Iterator[SoundServer]:
    """A private sound server; the monitor of its null sink is a microphone.

    Raises
    ------
    UnavailableError
        No sound server can be started.
    """
    if sys.platform != "linux":
        raise UnavailableError("a private sound server is started on Linux only")
    from tests.sound_server import SoundServer

    # Not the usual temporary folder: a socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="bench", dir="/tmp") as folder:
        try:
            server = SoundServer(Path(folder))
        except RuntimeError as error:
            raise UnavailableError(str(error)) from error
        with contextlib.closing(server):
            yield server


@contextlib.contextmanager
def meanwhile(play: Callable[[threading.Event], None]) -> Iterator[None]:
    """Run a function in a thread, which is to end when its event is set."""
    over = threading.Event()
    thread = threading.Thread(target=play, args=(over,), name="speaking")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextlib.contextmanager
def playing_to_microphone(server: SoundServer, sound: Path, table: Path) -> Iterator[None]:
    """Play a file to the microphone as soon as a session has written into its frames table.

    A null sink that already plays keeps a new listener waiting for a second or two.
    """

    def play(over: threading.Event) -> None:
        while not over.wait(_POLL_S):
            if table.exists() and table.read_text(encoding="utf-8").count("\n") > 1:
                server.play(sound)
                return

    with meanwhile(play):
        yield


def write_demo(path: Path, seconds: float, rate: int) -> None:
    """Write the demo recording, repeated until it is ``seconds`` long, as a 16-bit WAV."""
    samples, native = soundfile.read(DEMO, dtype="float32")
    resampled = samples if rate == native else soxr.resample(samples, native, rate)
    soundfile.write(path, np.resize(resampled, round(seconds * rate)), rate, subtype="PCM_16")

"""Checks of this machine, and advice for each fault."""

from __future__ import annotations

import platform
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from realtime_ser import __version__
from realtime_ser.base.config import Config
from realtime_ser.base.display import display_answers
from realtime_ser.base.errors import SerError
from realtime_ser.base.files import cannot_write

if TYPE_CHECKING:
    from realtime_ser.audio.microphone import MicrophoneSource

_LISTEN_S, _PATIENCE_S = 0.5, 3.0
_STEPS = 50
_STEP_BUDGET_MS = 40.0
"""Half of the time that a step of sound lasts: what is slower leaves no room for the rest."""

_IN_TERMINAL = "begin with 'realtime-ser monitor --headless'"

_START_QT = "realtime_ser.gui.app.start_trial"


class Verdict(StrEnum):
    """Verdict of a check."""

    GOOD = "ok"
    NOTE = "note"
    FAULT = "FAULT"


@dataclass(frozen=True, slots=True)
class Finding:
    """Finding of a check in a sentence, with advice where something is amiss.

    A note costs comfort; with a fault no session can be monitored.
    """

    verdict: Verdict
    subject: str
    words: str


def run_checks(config: Config) -> Iterator[Finding]:
    """Findings of all checks, as they come."""
    checks: dict[str, Callable[[Config], Iterator[Finding]]] = {
        "packages": _check_versions,
        "speech gate": _check_gate,
        "model": _check_model,
        "session folder": _check_session_folder,
        "kept sessions": _check_store,
        "demo recording": _check_demo,
        "microphone": _check_microphone,
        "window": _check_window,
    }
    for subject, check in checks.items():
        try:
            yield from check(config)
        except SerError as error:
            yield Finding(Verdict.FAULT, subject, str(error))


def _good(subject: str, words: str) -> Finding:
    return Finding(Verdict.GOOD, subject, words)


def _note(subject: str, words: str) -> Finding:
    return Finding(Verdict.NOTE, subject, words)


def _check_versions(_config: Config) -> Iterator[Finding]:
    yield _good("realtime-ser", __version__)
    yield _good("python", f"{platform.python_version()} on {platform.platform()}")
    try:
        needed = requires("realtime-ser") or []
    except PackageNotFoundError:
        yield _note("packages", "The program runs where it lies: 'pip install .' installs it.")
        return
    for requirement in needed:
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        if "extra ==" in requirement:
            continue
        try:
            yield _good(name, version(name))
        except PackageNotFoundError:
            words = f"It is not installed: run 'pip install {name}'."
            yield Finding(Verdict.FAULT, name, words)


def _check_gate(config: Config) -> Iterator[Finding]:
    from realtime_ser.recogniser.gate import GATE_FRAME, SpeechGate

    SpeechGate(config.gate).push(np.zeros(GATE_FRAME, np.float32))
    yield _good("speech gate", "webrtcvad works")


def _check_model(config: Config) -> Iterator[Finding]:
    from realtime_ser.engine.model_choice import for_live
    from realtime_ser.recogniser.bundle import load_bundle
    from realtime_ser.recogniser.step_model import StepModel

    choice = for_live(config)
    bundle = load_bundle(choice.config.model)
    manifest = bundle.manifest
    files = f"{len(manifest.files)} files unaltered"
    yield _good("model", f"{manifest.name} {manifest.version} in {bundle.folder}, {files}")
    if choice.reason is not None:
        yield _good("choice of model", choice.reason)
    model = StepModel(bundle)
    times, state = [], model.initial_state()
    for _ in range(_STEPS):
        start = time.perf_counter()
        _, state = model.step(np.zeros((8, manifest.features.n_mels)), state)
        times.append(1000.0 * (time.perf_counter() - start))
    median = float(np.median(times))
    words = f"{median:.2f} ms (median of {_STEPS})"
    if median < _STEP_BUDGET_MS:
        yield _good("model step", words)
    else:
        words = f"{words} is too slow for every 80 ms: close other programs."
        yield Finding(Verdict.FAULT, "model step", words)
    trained, used = manifest.gate.model_dump(), config.gate.model_dump()
    differing = [f"gate.{name}" for name, value in used.items() if trained[name] != value]
    if differing:
        words = f"The model was trained with other values of {', '.join(differing)}"
        yield _note("settings", f"{words}: set them as its bundle.json says.")
    else:
        yield _good("settings", "the gate is set as the model was trained")


def _check_session_folder(config: Config) -> Iterator[Finding]:
    from realtime_ser.base.paths import session_folder

    yield _check_writable(
        "session folder",
        session_folder(config),
        "set session.folder, or begin with 'realtime-ser monitor --export OUT.csv'",
    )


def _check_store(config: Config) -> Iterator[Finding]:
    from realtime_ser.base.paths import store_folder

    if config.sessions.keep:
        words = "set sessions.folder, or begin with 'realtime-ser monitor --no-keep'"
        yield _check_writable("kept sessions", store_folder(config.sessions), words)


def _check_writable(subject: str, folder: Path, advice: str) -> Finding:
    there = next(place for place in (folder, *folder.parents) if place.exists())
    try:
        with tempfile.NamedTemporaryFile(dir=there):
            pass
    except OSError as error:
        words = str(cannot_write(folder, error, advice))
        return Finding(Verdict.FAULT, subject, words)
    return _good(subject, str(folder))


def _check_demo(_config: Config) -> Iterator[Finding]:
    from realtime_ser.audio.file import FileSource
    from realtime_ser.base.paths import shipped
    from realtime_ser.engine.open import DEMO

    info = FileSource(shipped(DEMO), demo=True).info
    yield _good("demo recording", f"{info.duration_s:.0f} s")


def _check_microphone(config: Config) -> Iterator[Finding]:
    from realtime_ser.audio.devices import call_portaudio, input_devices, portaudio
    from realtime_ser.audio.microphone import MicrophoneSource

    try:
        yield _good("portaudio", call_portaudio(lambda: portaudio().get_portaudio_version()[1]))
        yield _good("microphones", f"{len(input_devices())} found")
        source = MicrophoneSource(config.audio.device, max(config.audio.channels))
        yield _check_signal(source)
    except SerError as error:
        yield _note("microphone", str(error))


def _check_signal(source: MicrophoneSource) -> Finding:
    """Check whether a microphone delivers sound."""
    from realtime_ser.audio.block_queue import BlockQueue
    from realtime_ser.audio.devices import SILENCE_ADVICE
    from realtime_ser.recogniser.segmenter import level_dbfs

    info = source.info
    queue = BlockQueue(info.native_rate, blocking=False)
    blocks, heard_s = [], 0.0
    source.start(queue)
    end_s = time.monotonic() + _PATIENCE_S
    while heard_s < _LISTEN_S and time.monotonic() < end_s:
        for block in queue.read(_LISTEN_S):
            blocks.append(block.samples)
            heard_s += len(block.samples) / info.native_rate
    source.stop()
    if not blocks:
        return _note("microphone", f"{info.name} opens but delivers nothing: choose another one.")
    sound = np.concatenate(blocks)
    if not sound.any():
        return _note("microphone", f"{info.name} gives pure silence: {SILENCE_ADVICE}.")
    words = f"{info.name}, {info.native_rate} Hz, {level_dbfs(sound):.0f} dBFS just now"
    return _good("microphone", words)


def _check_window(_config: Config) -> Iterator[Finding]:
    if not display_answers():
        yield _note("display", "There is none, so the monitor runs in the terminal.")
        return
    from realtime_ser.base.processes import module_command

    start = module_command(_START_QT)
    try:
        done = subprocess.run(start, capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        yield _note("window", f"Qt does not start within a minute: {_IN_TERMINAL}.")
        return
    if done.returncode == 0:
        yield _good("window", f"Qt starts on {done.stdout.strip()}")
        return
    message = (done.stderr.strip() or "it ended without a word").splitlines()[-1]
    words = f"Qt does not start ({message}): install its system libraries, or {_IN_TERMINAL}."
    yield _note("window", words)

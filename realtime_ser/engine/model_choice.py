"""The model where the settings say ``auto``: ``large`` where it keeps up, else ``default``.

What is heard live must be done before the next step comes, and leave room for the rest: so the
processor time of a step of ``large`` is measured on this machine, once. A file can wait: it is
heard with ``large`` on every machine, and gives the same results on all of them.
"""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from realtime_ser import __version__
from realtime_ser.base.config import AUTO, Config
from realtime_ser.base.errors import OutputError
from realtime_ser.base.files import write_whole
from realtime_ser.base.machine import processor_name
from realtime_ser.base.paths import cache_folder
from realtime_ser.base.records import STEP_FRAMES, STEP_S
from realtime_ser.base.text import count_text, percent_text
from realtime_ser.recogniser.bundle import Bundle, load_bundle, shipped_digest
from realtime_ser.recogniser.step_model import StepModel

LARGE, LIGHT = "large", "default"
"""Names of the bundles to choose from."""

MOST_SHARE = 0.25
"""Share of a core that the steps of all channels may take: 20 ms of every 80."""

_STEP_MS = 1000.0 * STEP_S
_STEPS = 48
"""Steps that are timed, some 4 s of sound."""


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Settings whose ``model`` names a bundle, and why it was chosen.

    The reason is a sentence, and ``None`` where the settings name the bundle themselves.
    """

    config: Config
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Machine:
    """What the time of a step depends on."""

    bundle: str
    processor: str
    program: str


def for_files(config: Config) -> Config:
    """Settings with which files and kept sound are heard, the same on every machine."""
    return _with_model(config, LARGE) if config.model == AUTO else config


def for_live(config: Config, channels: int | None = None) -> ModelChoice:
    """Settings with which a live session is heard on this machine.

    Parameters
    ----------
    channels
        Number of channels that are heard at the same time; ``None``: as the settings say.
    """
    if config.model != AUTO:
        return ModelChoice(config)
    count = len(config.audio.channels) if channels is None else channels
    share = count * _step_ms() / _STEP_MS
    heard = "" if count == 1 else f" for {count_text(count, 'channel')}"
    if share <= MOST_SHARE:
        words = f"The model is {LARGE}, which takes {percent_text(share)} of a core here{heard}."
        return ModelChoice(_with_model(config, LARGE), words)
    words = (
        f"The model is {LIGHT}: {LARGE} would take {percent_text(share)} of a core here{heard}, "
        f"and {percent_text(MOST_SHARE)} is the limit."
    )
    return ModelChoice(_with_model(config, LIGHT), words)


def measure_step(bundle: Bundle) -> float:
    """Processor time of a step of a bundle in ms: what other programs take does not count."""
    model, bands = StepModel(bundle), bundle.manifest.features.n_mels
    levels = np.linspace(-80.0, 0.0, STEP_FRAMES * bands).reshape(STEP_FRAMES, bands)
    state = model.initial_state()
    start_s = time.thread_time()
    for _ in range(_STEPS):
        _, state = model.step(levels, state)
    return 1000.0 * (time.thread_time() - start_s) / _STEPS


def _with_model(config: Config, name: str) -> Config:
    return config.model_copy(update={"model": name})


def _step_ms() -> float:
    """Time of a step of ``large`` on this machine in ms, remembered or measured now."""
    machine = _Machine(shipped_digest(LARGE), processor_name(), __version__)
    path = cache_folder() / "step_time.json"
    known = _remembered(path, machine)
    if known is not None:
        return known
    step_ms = measure_step(load_bundle(LARGE))
    with contextlib.suppress(OutputError):  # then it is measured each time
        write_whole(path, json.dumps(asdict(machine) | {"step_ms": step_ms}, indent=2) + "\n")
    return step_ms


def _remembered(path: Path, machine: _Machine) -> float | None:
    """Time of a step that was measured on this machine; ``None``: none that counts here."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        step_ms = float(found.pop("step_ms"))
        same = found == asdict(machine)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None  # it is not there, or is not what this program writes
    return step_ms if same and step_ms > 0 else None

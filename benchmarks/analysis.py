"""How fast ``analyze`` is, against the length of a file and the number of files."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import soundfile

from benchmarks.figures import ResultTable, number
from benchmarks.machine import one_core
from benchmarks.measured import Figures, Measured
from benchmarks.programs import DEMO, finish, python, running_process

_MODELS = ("large", "default")
_LENGTHS = {"1 s": 1, "10 s": 10, "1 min": 60, "10 min": 600, "1 h": 3600, "10 h": 36_000}
_COUNTS = (1, 10, 100, 1_000, 10_000)

_SHORT_S = 2.0
"""Length of each of many files."""

_DIFFERENT = 5
"""Files behind the many links."""

_RATE = 16_000


def run_analyze(path: Path, model: str, cores: int) -> Figures:
    """Analyse a file or a folder in a process of its own, on so many cores.

    Returns
    -------
    dict
        ``wall_s``, ``cpu_s`` of it and its processes, and ``memory_mb``, the most resident memory
        of the largest of them.
    """
    held = one_core() if cores == 1 else contextlib.nullcontext()
    with tempfile.TemporaryDirectory() as folder, held:
        options = ["--model", model, "--out", str(Path(folder) / "out")]
        command = python("-m", "realtime_ser", "analyze", str(path), *options)
        before, began = os.times(), time.perf_counter()
        with running_process(python("-c", _CHILD, *command)) as process:
            said = finish(process, timeout_s=7200)
        wall_s, after = time.perf_counter() - began, os.times()
    cpu_s = after.children_user + after.children_system
    cpu_s -= before.children_user + before.children_system
    return {"wall_s": wall_s, "cpu_s": cpu_s, "memory_mb": float(said.rpartition("peak")[2])}


# The process between tells the most memory of those that it has waited for, and of nobody else.
_CHILD = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1.024e-3)
"""


def measure_length(seconds: float, model: str, cores: int) -> Figures:
    """Analyse one file of so many seconds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.wav"
        write_long(path, seconds)
        return run_analyze(path, model, cores)


def measure_count(count: int, model: str, cores: int) -> Figures:
    """Analyse a folder of so many short files, links to a few."""
    with tempfile.TemporaryDirectory() as folder, short_files(Path(folder), count) as inputs:
        return run_analyze(inputs, model, cores)


def write_long(path: Path, seconds: float) -> None:
    """Write the demo recording over and over, piece by piece, as 16-bit WAV at 16 kHz."""
    samples, _ = soundfile.read(DEMO, dtype="int16")
    left = round(seconds * _RATE)
    with soundfile.SoundFile(path, "w", _RATE, 1, "PCM_16", format="RF64") as file:
        while left:
            piece = samples[:left]
            file.write(piece)
            left -= len(piece)


@contextlib.contextmanager
def short_files(folder: Path, count: int) -> Iterator[Path]:
    """A folder with links to a few short recordings, cut from the demo one."""
    sounds, links = folder / "sounds", folder / "links"
    sounds.mkdir()
    links.mkdir()
    whole, _ = soundfile.read(DEMO, dtype="int16")
    length = round(_SHORT_S * _RATE)
    for k in range(_DIFFERENT):
        begin = k * (len(whole) - length) // _DIFFERENT
        soundfile.write(sounds / f"{k}.wav", whole[begin : begin + length], _RATE)
    for k in range(count):
        (links / f"{k:05}.wav").symlink_to(sounds / f"{k % _DIFFERENT}.wav")
    yield links


def lengths(measured: Measured) -> ResultTable:
    """Table by the length of a file."""
    rows = []
    for words, seconds in _LENGTHS.items():
        measure = partial(measure_length, seconds)
        runs = _Runs.of(measured, f"one file of {words}", measure)
        rows.append((words, *runs.columns(seconds)))
    return ResultTable(
        "The demo recording over and over, a 16-bit WAV at 16 kHz; the whole command, start and "
        "tables included, in a fresh process. How many times faster than real time: on one core by "
        "the processor time of the command held to it, on two by the time that passed. One file is "
        f"one process, so that a second core does little for it. MB: the most memory of a "
        f"process, in 10^6 bytes. {_OTHERS}",
        ("length", *_COLUMNS),
        tuple(rows),
    )


def files(measured: Measured) -> ResultTable:
    """Table by the number of files."""
    rows = []
    for count in _COUNTS:
        measure = partial(measure_count, count)
        runs = _Runs.of(measured, f"{count} files", measure)
        rows.append((f"{count:,}", *runs.columns(_SHORT_S * count)))
    return ResultTable(
        f"A folder of links to {_DIFFERENT} recordings of {_SHORT_S:g} s, so that half of each "
        "speed is that in files a second; taken as above. `analyze` starts a second process by "
        f"itself where the files are worth it. MB: of the largest process. {_OTHERS}",
        ("files", *_COLUMNS),
        tuple(rows),
    )


_COLUMNS = (
    *(f"`{model}`, {cores}" for model in _MODELS for cores in ("one core", "two cores")),
    *(f"`{model}`, MB" for model in _MODELS),
    "other work, cores",
)
_OTHERS = "Other work: the most cores that it took during one of a row's runs."


@dataclass(frozen=True, slots=True)
class _Runs:
    """Runs of one input by model and cores, and the cores that other work took during each."""

    taken: Mapping[tuple[str, int], Figures]
    others: tuple[float, ...]

    @classmethod
    def of(cls, measured: Measured, name: str, measure: Callable[[str, int], Figures]) -> _Runs:
        """Measure both models on one core and on two."""
        names = {
            (model, cores): f"{name} by {model} on {cores}" for model in _MODELS for cores in (1, 2)
        }
        taken = {run: measured.get(name, partial(measure, *run)) for run, name in names.items()}
        return cls(taken, tuple(measured.others(name) for name in names.values()))

    def columns(self, seconds: float) -> list[str]:
        """Cells of a row on so much sound, as :data:`_COLUMNS` names them."""
        speeds, memory = [], []
        for model in _MODELS:
            for cores, clock in ((1, "cpu_s"), (2, "wall_s")):
                speeds.append(number(seconds / self.taken[model, cores][clock]))
            most_mb = max(self.taken[model, cores]["memory_mb"] for cores in (1, 2))
            memory.append(f"{most_mb:.0f}")
        return [*speeds, *memory, f"{max(self.others):.2f}"]

"""How fast ``analyze`` is, against the length of a file and the number of files."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import soundfile

from benchmarks.figures import ResultTable, number
from benchmarks.machine import one_core
from benchmarks.measured import Figures, Measured
from benchmarks.programs import DEMO, finish, python, running_process

_LENGTHS = {"1 s": 1, "10 s": 10, "1 min": 60, "10 min": 600, "1 h": 3600, "10 h": 36_000}
_LONGEST_ON_TWO_S, _MOST_ON_TWO = 3600, 1_000
_COUNTS = (1, 10, 100, 1_000, 10_000)
_SHORT_S = 2.0
"""Length of each of many files."""

_DIFFERENT = 5
"""Files behind the many links."""

_RATE = 16_000


def run_analyze(paths: list[Path], cores: int) -> Figures:
    """Analyse files in a process of its own, on so many cores.

    Returns
    -------
    dict
        ``wall_s``, ``cpu_s`` of it and its processes, and ``memory_mb``, the most resident memory
        of the largest of them.
    """
    held = one_core() if cores == 1 else contextlib.nullcontext()
    with tempfile.TemporaryDirectory() as folder, held:
        options = ["--jobs", str(cores), "--out", str(Path(folder) / "out")]
        command = python("-m", "realtime_ser", "analyze", *map(str, paths), *options)
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


def measure_length(seconds: float, cores: int) -> Figures:
    """Analyse one file of so many seconds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.wav"
        write_long(path, seconds)
        return run_analyze([path], cores)


def measure_count(count: int, cores: int) -> Figures:
    """Analyse a folder of so many short files, links to a few."""
    with tempfile.TemporaryDirectory() as folder, short_files(Path(folder), count) as inputs:
        return run_analyze([inputs], cores)


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
        one, *two = (
            measured.get(f"one file of {words} on {cores}", partial(measure_length, seconds, cores))
            for cores in (1, 2)
            if cores == 1 or seconds <= _LONGEST_ON_TWO_S
        )
        rows.append((words, *_speeds(seconds, one, *two)))
    return ResultTable(
        "The demo recording over and over, a 16-bit WAV at 16 kHz; the whole command, start and "
        "tables included, in a fresh process. One core: the sound's length over the processor time "
        "of the command held to it. Two cores: over the time that passed, up to an hour: one file "
        "is one process, so that a second core does little for it. MB are 10^6 bytes.",
        ("length", "one core, x real time", "two cores, x real time", "peak memory, MB"),
        tuple(rows),
    )


def files(measured: Measured) -> ResultTable:
    """Table by the number of files."""
    rows = []
    for count in _COUNTS:
        one, *two = (
            measured.get(f"{count} files on {cores}", partial(measure_count, count, cores))
            for cores in (1, 2)
            if cores == 1 or count <= _MOST_ON_TWO
        )
        rate = number(count / two[0]["wall_s"]) if two else ""
        rows.append((f"{count:,}", *_speeds(_SHORT_S * count, one, *two), rate))
    return ResultTable(
        f"A folder of links to {_DIFFERENT} recordings of {_SHORT_S:g} s, taken as above; on two "
        "cores by two processes, up to 1,000. Memory is that of the largest process.",
        (
            "files",
            "one core, x real time",
            "two cores, x real time",
            "peak memory, MB",
            "files a second, two cores",
        ),
        tuple(rows),
    )


def _speeds(seconds: float, one: Figures, two: Figures | None = None) -> tuple[str, str, str]:
    return (
        number(seconds / one["cpu_s"]),
        number(seconds / two["wall_s"]) if two else "",
        f"{max(taken['memory_mb'] for taken in (one, two) if taken):.0f}",
    )

"""How long the program takes to start."""

from __future__ import annotations

import importlib.util
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import BenchmarkSection, Measurement, Target, UnavailableError
from benchmarks.probe import watch
from benchmarks.programs import Variables, display, finish, python, running_process

_IMPORT = """
import time
start = time.perf_counter()
import {module}
print("took", time.perf_counter() - start)
"""

_SESSION_S = 0.5


@dataclass(frozen=True, slots=True)
class StartTimes:
    """Seconds from the start of the process.

    ``shown`` is when the window's first paint was complete, ``first_update`` when the first update
    had been painted.
    """

    shown: float
    first_update: float


def measure_window(variables: Variables) -> StartTimes:
    """Start the monitor with its window on the demo recording, in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        seen = watch(["--input", "demo"], _SESSION_S, Path(folder), variables)
    return StartTimes(seen.shown_s - seen.started_s, seen.painted[0].painted_s - seen.started_s)


def measure_import(module: str) -> float:
    """Seconds that importing a module takes in a fresh process, the process's start not counted."""
    with running_process(python("-c", _IMPORT.format(module=module))) as process:
        said = finish(process, timeout_s=300)
    return float(said.rpartition("took")[2])


def window(runs: int = 5, imports: int = 3) -> BenchmarkSection:
    """Section on the window."""
    title = "From process start to the window"
    rival = None
    if importlib.util.find_spec("tensorflow") is not None:
        rival = statistics.median(measure_import("tensorflow") for _ in range(imports))
    figures = []
    try:
        with display() as (variables, where):
            measure_window(variables)  # reads everything from the disk once
            starts = [measure_window(variables) for _ in range(runs)]
    except UnavailableError as error:
        return BenchmarkSection(title, "", missing=str(error))
    shown = statistics.median(start.shown for start in starts)
    first = statistics.median(start.first_update for start in starts)
    target = None if rival is None else Target(rival / 3)
    figures = [
        Measurement("window shown", shown, "s", target, "first paint complete"),
        Measurement("first update painted", first, "s", note="demo recording at live speed"),
    ]
    if rival is not None:
        words = "in a fresh process, its start not counted"
        figures.append(Measurement("import tensorflow", rival, "s", note=words))
    return BenchmarkSection(
        title,
        f"Fresh processes on {where}; medians of {runs}, of the import {imports}. The target is a "
        "third of TensorFlow's import.",
        tuple(figures),
        missing="" if rival is not None else "import tensorflow, which is not installed",
    )

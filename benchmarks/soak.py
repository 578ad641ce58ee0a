"""Soak: the monitor, headless and with its window, for an hour on looping speech, with faults.

``python -m benchmarks.soak`` prints a table; ``--page`` writes it into a page between two marks.
Both monitors hear the same private sound server. Random faults (seeded) come one after the other,
with quiet time between; whatever is lost outside them counts against the program.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from numpy.typing import NDArray
from rich.console import Console

from benchmarks.figures import (
    BenchmarkSection,
    Measurement,
    Target,
    UnavailableError,
    number,
    show,
)
from benchmarks.machine import describe, usage
from benchmarks.programs import (
    display,
    meanwhile,
    monitor,
    output_options,
    running_process,
    sound_server,
    write_demo,
)
from realtime_ser.base.records import STEP_S
from realtime_ser.base.timebase import clock_s

if TYPE_CHECKING:
    from tests.sound_server import SoundServer

_RATE = 48_000
_SPEECH_S, _PAUSE_S = 24.0, 8.0
_FIRST_S, _LAST_S = 30.0, 45.0
"""Seconds without faults at the beginning and at the end."""

_CALM_S = (25.0, 60.0)
"""Seconds between two faults, at least and at most."""

_AFTERMATH_S = 12.0
"""Seconds after a fault that still belong to it: the device is opened again and settles."""

_DISK_MB = 64
_READ_S = 5.0
_WARM_S = 300.0

BEGIN, END = "<!-- soak: written by the run -->", "<!-- end of the soak -->"


@dataclass
class Faults:
    """Faults that were made, with their stretch of time by the clock of the sessions."""

    made: list[tuple[str, float, float]] = field(default_factory=list)

    def within(self, start_s: float, times_s: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which times of a session that began at ``start_s`` belong to a fault."""
        inside = np.zeros(len(times_s), np.bool_)
        for _, begin_s, end_s in self.made:
            inside |= (times_s >= begin_s - start_s - 1.0) & (times_s <= end_s - start_s)
        return inside


@dataclass
class Watched:
    """A monitor that runs, its table, and its memory over time."""

    name: str
    process: subprocess.Popen[str]
    table: Path
    memory: list[tuple[float, float]] = field(default_factory=list)

    def look(self) -> None:
        """Note the memory in MB."""
        with contextlib.suppress(UnavailableError, OSError):
            self.memory.append((clock_s(), usage(self.process.pid).rss_mb))


def main() -> int:
    """Soak, and print what was measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    parser.add_argument("--page", type=Path, metavar="PAGE", help="write them into this page")
    options = parser.parse_args()
    machine = describe()
    sections, faults = soak(60.0 * options.minutes, random.Random(options.seed))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    console.print(", ".join(f"{name} {value}" for name, value in machine.items()))
    show(console, sections)
    counted = {name: 0 for name, *_ in faults.made}
    for name, *_ in faults.made:
        counted[name] += 1
    console.print("faults:", ", ".join(f"{count} x {name}" for name, count in counted.items()))
    if options.json is not None:
        data = {"machine": machine, "minutes": options.minutes, "seed": options.seed}
        data |= {"faults": faults.made, "sections": [one.as_data() for one in sections]}
        options.json.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    if options.page is not None:
        write_page(options.page, machine, options.minutes, counted, sections)
    return 0 if all(figure.met is not False for one in sections for figure in one.figures) else 1


def soak(seconds: float, chance: random.Random) -> tuple[list[BenchmarkSection], Faults]:
    """Let both monitors hear speech for some seconds, and make faults meanwhile."""
    faults, watched = Faults(), []
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(sound_server())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        disk = stack.enter_context(small_disk(folder / "disk"))
        variables, _ = stack.enter_context(display())
        stack.enter_context(speaking(server, folder))
        for name, arguments in (("headless", ["--headless"]), ("with the window", [])):
            place = (disk or folder) / name.split()[-1]
            place.mkdir()
            wanted = ["--input", "mic", "--duration", str(seconds), *arguments]
            command = monitor(*wanted, *output_options(place, "session.csv"))
            process = stack.enter_context(running_process(command, server.env | dict(variables)))
            watched.append(Watched(name, process, place / "session.csv"))
        threading.Thread(target=_empty, args=(watched,), daemon=True).start()
        make_faults(seconds, chance, server, disk, watched, faults)
        for one in watched:
            one.process.wait(120)
        return [section(one, faults) for one in watched], faults


def _empty(watched: list[Watched]) -> None:
    """Read what the monitors print, so that none waits for a full pipe."""
    readers = [
        threading.Thread(target=one.process.stdout.read, daemon=True)
        for one in watched
        if one.process.stdout is not None
    ]
    for reader in readers:
        reader.start()


@contextlib.contextmanager
def speaking(server: SoundServer, folder: Path) -> Iterator[None]:
    """Play speech with pauses to the microphone, over and over, whatever happens to the server."""
    wav = folder / "speech.wav"
    write_demo(wav, _SPEECH_S, _RATE)
    samples, _ = soundfile.read(wav, dtype="float32")
    hiss = np.random.default_rng(0).normal(0, 1e-4, round(_PAUSE_S * _RATE)).astype(np.float32)
    soundfile.write(wav, np.concatenate([samples, hiss]), _RATE, subtype="PCM_16")

    def play(over: threading.Event) -> None:
        while not over.is_set():
            player = server.play(wav)
            while player.poll() is None and not over.wait(0.1):
                pass
            over.wait(0.2)

    with meanwhile(play):
        yield


@contextlib.contextmanager
def small_disk(place: Path) -> Iterator[Path | None]:
    """A disk that can be filled; ``None`` where this user may not mount one."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m", "tmpfs", str(place)]
    if (
        shutil.which("mount") is None
        or subprocess.run(mount, capture_output=True, check=False).returncode
    ):
        yield None
        return
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], capture_output=True, check=False)


def make_faults(
    seconds: float,
    chance: random.Random,
    server: SoundServer,
    disk: Path | None,
    watched: list[Watched],
    faults: Faults,
) -> None:
    """Make one fault after the other, and look at the memory between them."""
    kinds: dict[str, Callable[[], None]] = {
        "microphone gone and back": lambda: _unplug(server, chance),
        "sound server restarted": server.restart,
        "sound server hanging": lambda: _freeze(server, chance),
        "headless monitor stopped": lambda: _stop(watched[0].process, chance),
        "window stopped": lambda: _stop(watched[1].process, chance),
    }
    if disk is not None:
        kinds["disk full and free"] = lambda: _fill(disk)
    end_s = clock_s() + seconds
    due_s, waiting = clock_s() + _FIRST_S, []
    while clock_s() < end_s and any(one.process.poll() is None for one in watched):
        for one in watched:
            one.look()
        time.sleep(_READ_S)
        if due_s < clock_s() < end_s - _LAST_S:
            waiting = waiting or chance.sample(sorted(kinds), len(kinds))
            name, began_s = waiting.pop(), clock_s()
            kinds[name]()
            faults.made.append((name, began_s, clock_s() + _AFTERMATH_S))
            due_s = clock_s() + _AFTERMATH_S + chance.uniform(*_CALM_S)


def _unplug(server: SoundServer, chance: random.Random) -> None:
    server.remove_null_sink("speaker")
    time.sleep(chance.uniform(2.0, 10.0))
    server.add_speaker()


def _freeze(server: SoundServer, chance: random.Random) -> None:
    server.freeze()
    time.sleep(chance.uniform(3.0, 12.0))
    server.thaw()


def _stop(process: subprocess.Popen[str], chance: random.Random) -> None:
    process.send_signal(signal.SIGSTOP)
    time.sleep(chance.uniform(2.0, 15.0))
    process.send_signal(signal.SIGCONT)


def _fill(disk: Path) -> None:
    filler = disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb") as file:
        while True:
            file.write(bytes(1 << 16))
    time.sleep(10.0)
    filler.unlink()


# ---------------------------------------------------------------------------------------- figures


def section(watched: Watched, faults: Faults) -> BenchmarkSection:
    """Figures of a session that is over."""
    with watched.table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    story = json.loads(watched.table.with_suffix(".json").read_text("utf-8"))
    first = story["anchors"][0]
    start_s = first["adc_s"] - first["sample"] / 16_000
    times = np.array([float(row["time_s"]) for row in rows])
    lost = np.array([row["state"] == "lost" for row in rows])
    outside = ~faults.within(start_s, times)
    steps = np.rint(times / STEP_S).astype(int)
    clock_starts = np.array([_moment_s(row) for row in rows]) - times
    heard = [
        (float(row["time_s"]), float(row["latency_ms"]))
        for row, calm in zip(rows, outside, strict=True)
        if calm and row["latency_ms"]
    ]
    rate = story["native_rate"]
    figures = [
        Measurement("length of the session", times[-1] / 60.0, "min"),
        Measurement(
            "steps missing in the table", float((np.diff(steps) != 1).sum()), "", Target(0)
        ),
        Measurement(
            "steps processed and lost, less those of the time",
            _unaccounted(steps, rows),
            "s",
            Target(0.2),
        ),
        Measurement("lost in faults", STEP_S * float((lost & ~outside).sum()), "s"),
        Measurement("lost without a fault", STEP_S * float((lost & outside).sum()), "s", Target(0)),
        Measurement("samples counted as lost", story["dropped_samples"] / rate, "s"),
        Measurement("drift of the device's rate", _drift_ppm(story), "ppm"),
        Measurement("wall clock, spread of second 0", 1000.0 * float(np.ptp(clock_starts)), "ms"),
        Measurement("memory, slope after warm-up", _slope(watched), "MB/h", Target(1.0)),
        Measurement("memory at the end", watched.memory[-1][1], "MB"),
        *_latencies(heard),
        Measurement("exit code", float(watched.process.returncode), ""),
    ]
    return BenchmarkSection(f"Soak, {watched.name}", _METHOD, tuple(figures))


_METHOD = (
    "Speech of the demo recording with pauses, played into a private sound server; one fault "
    "after the other, with 25 to 60 s between. A fault's time ends 12 s after it was mended. "
    "Latency is of the time without faults. The slope of the resident memory is a fit after the "
    "first five minutes."
)


def _moment_s(row: dict[str, str]) -> float:
    return datetime.fromisoformat(row["wall_clock"]).timestamp()


def _unaccounted(steps: NDArray[np.int_], rows: list[dict[str, str]]) -> float:
    """Seconds between the time that passed by the wall clock and the steps that there are."""
    passed_s = _moment_s(rows[-1]) - _moment_s(rows[0])
    return abs(passed_s - STEP_S * (len(steps) - 1))


def _drift_ppm(story: dict[str, object]) -> float:
    effective, native = story["effective_rate"], story["native_rate"]
    if not isinstance(effective, float) or not isinstance(native, int):
        return float("nan")
    return 1e6 * (effective / native - 1.0)


def _slope(watched: Watched) -> float:
    moments, memory = np.array(watched.memory).T
    warm = moments > moments[0] + min(_WARM_S, float(np.ptp(moments)) / 3.0)
    return float(3600.0 * np.polyfit(moments[warm] - moments[0], memory[warm], 1)[0])


def _latencies(heard: list[tuple[float, float]]) -> Iterator[Measurement]:
    """Latency by tenth of the session."""
    times, latencies = np.array(heard).T
    edges = np.linspace(0.0, times[-1] + STEP_S, 11)
    tenths = [latencies[(times >= begin) & (times < end)] for begin, end in pairwise(edges)]
    figures = [np.percentile(tenth, (50, 99, 100)) for tenth in tenths if len(tenth)]
    for which, name in enumerate(("p50", "p99", "max")):
        by_tenth = " ".join(f"{one[which]:.0f}" for one in figures)
        yield Measurement(
            f"latency, {name}, last tenth",
            float(figures[-1][which]),
            "ms",
            Target(1.1 * float(figures[0][which])) if name == "p99" else None,
            f"by tenth: {by_tenth}",
        )


# ------------------------------------------------------------------------------------------- page


def write_page(
    page: Path,
    machine: dict[str, str],
    minutes: float,
    faults: dict[str, int],
    sections: list[BenchmarkSection],
) -> None:
    """Write the run into a page, between its marks."""
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    counted = ", ".join(f"{count} x {name}" for name, count in faults.items())
    on = ", ".join(f"{name} {value}" for name, value in machine.items())
    lines = [f"A run of {minutes:g} minutes on {on}. Faults: {counted}.", "", _METHOD, ""]
    for one in sections:
        lines += [f"**{one.title}**", "", "| | figure | target | |", "|---|---|---|---|"]
        for figure in one.figures:
            bound = "" if figure.target is None else f"at most {figure.target.limit:.3g}"
            missed = " (missed)" if figure.met is False else ""
            value = f"{number(figure.value)} {figure.unit}{missed}"
            lines.append(f"| {figure.name} | {value} | {bound} | {figure.note} |")
        lines.append("")
    page.write_text(f"{before}{BEGIN}\n\n" + "\n".join(lines) + f"\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

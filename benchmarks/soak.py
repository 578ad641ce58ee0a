"""Soak: the monitor, headless and with its window, for an hour on looping speech, with faults.

``python -m benchmarks.soak`` prints a table; ``--page`` writes it into a page between two marks.
Both monitors hear the same private sound server. Random faults (seeded) come one after the other,
with quiet time between; whatever is lost outside them counts against the program, and so does what
is lost when the wall clock is moved.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from rich.console import Console

from benchmarks.figures import BenchmarkSection, show
from benchmarks.machine import describe
from benchmarks.programs import (
    display,
    meanwhile,
    output_options,
    python,
    running_process,
    sound_server,
    write_demo,
)
from benchmarks.soak_figures import WALL_CLOCK, Fault, Watched, section, write_page
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


def main() -> int:
    """Soak, and print what was measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    parser.add_argument("--page", type=Path, metavar="PAGE", help="write them into this page")
    options = parser.parse_args()
    machine = describe()
    sections, faults, loads = soak(60.0 * options.minutes, random.Random(options.seed))
    machine["load average meanwhile"] = f"{np.mean(loads):.2f} (at most {max(loads):.2f})"
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    console.print(", ".join(f"{name} {value}" for name, value in machine.items()))
    show(console, sections)
    counted = Counter(fault.name for fault in faults)
    console.print("faults:", ", ".join(f"{count} x {name}" for name, count in counted.items()))
    if options.json is not None:
        data = {"machine": machine, "minutes": options.minutes, "seed": options.seed}
        data |= {
            "faults": [asdict(fault) for fault in faults],
            "sections": [one.as_data() for one in sections],
        }
        options.json.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    if options.page is not None:
        write_page(options.page, machine, options.minutes, counted, sections)
    return 0 if all(figure.met is not False for one in sections for figure in one.figures) else 1


def soak(
    seconds: float, chance: random.Random
) -> tuple[list[BenchmarkSection], list[Fault], list[float]]:
    """Let both monitors hear speech for some seconds, and make faults meanwhile.

    Returns
    -------
    Figures of both, the faults, and the machine's load averages.
    """
    watched: list[Watched] = []
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(sound_server())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        disk = stack.enter_context(small_disk(folder / "disk"))
        variables, _ = stack.enter_context(display())
        stack.enter_context(speaking(server, folder))
        wall_clock = folder / "moved_by_seconds"
        wall_clock.write_text("0", encoding="utf-8")
        for name, arguments in (("headless", ["--headless"]), ("with the window", [])):
            place = (disk or folder) / name.split()[-1]
            place.mkdir()
            wanted = ["monitor", "--input", "mic", "--duration", str(seconds), *arguments]
            moved = python("-m", "benchmarks.moved_clock", str(wall_clock))
            command = [*moved, *wanted, *output_options(place, "session.csv")]
            process = stack.enter_context(running_process(command, server.env | dict(variables)))
            watched.append(Watched(name, process, place / "session.csv"))
        _empty(watched)
        kinds = fault_kinds(chance, server, disk, wall_clock, watched)
        faults, loads = make_faults(seconds, chance, kinds, watched)
        for one in watched:
            one.process.wait(120)
        return [section(one, faults) for one in watched], faults, loads


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


def fault_kinds(
    chance: random.Random,
    server: SoundServer,
    disk: Path | None,
    wall_clock: Path,
    watched: list[Watched],
) -> dict[str, Callable[[], None]]:
    """Functions that make a fault and mend it, by its name."""
    kinds: dict[str, Callable[[], None]] = {
        "microphone gone and back": lambda: _unplug(server, chance),
        "sound server restarted": server.restart,
        "sound server hanging": lambda: _freeze(server, chance),
        "headless monitor stopped": lambda: _stop(watched[0].process, chance),
        "window stopped": lambda: _stop(watched[1].process, chance),
        WALL_CLOCK: lambda: _move(wall_clock, chance),
    }
    if disk is not None:
        kinds["disk full and free"] = lambda: _fill(disk)
    return kinds


def make_faults(
    seconds: float,
    chance: random.Random,
    kinds: dict[str, Callable[[], None]],
    watched: list[Watched],
) -> tuple[list[Fault], list[float]]:
    """Make one fault after the other, and look at memory and load between them."""
    faults, loads = [], [os.getloadavg()[0]]
    end_s = clock_s() + seconds
    due_s, waiting = clock_s() + _FIRST_S, []
    while clock_s() < end_s and any(one.process.poll() is None for one in watched):
        for one in watched:
            one.look()
        loads.append(os.getloadavg()[0])
        time.sleep(_READ_S)
        if due_s < clock_s() < end_s - _LAST_S:
            waiting = waiting or chance.sample(sorted(kinds), len(kinds))
            name, began_s = waiting.pop(), clock_s()
            kinds[name]()
            faults.append(Fault(name, began_s, clock_s() + _AFTERMATH_S))
            due_s = clock_s() + _AFTERMATH_S + chance.uniform(*_CALM_S)
    return faults, loads


def _unplug(server: SoundServer, chance: random.Random) -> None:
    server.remove_null_sink("speaker")
    time.sleep(chance.uniform(2.0, 10.0))
    server.add_speaker()


def _freeze(server: SoundServer, chance: random.Random) -> None:
    server.freeze()
    time.sleep(chance.uniform(3.0, 12.0))
    server.thaw()


def _move(wall_clock: Path, chance: random.Random) -> None:
    """Put the wall clock to another time of three days; it stays there."""
    wall_clock.write_text(str(round(chance.uniform(-1.0, 1.0) * 36 * 3600)), encoding="utf-8")


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


if __name__ == "__main__":
    sys.exit(main())

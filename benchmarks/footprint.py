"""What the running program takes: processor time and memory."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import BenchmarkSection, Measurement, Target, UnavailableError
from benchmarks.machine import usage
from benchmarks.programs import (
    Variables,
    display,
    finish,
    monitor,
    output_options,
    running_process,
    sound_server,
    write_demo,
)
from realtime_ser.engine.model_choice import LARGE

#: Reading begins when the program has started, and ends with this second of the session.
_FROM_S, _UNTIL_S = 5.0, 20.0

_CORE = "% of a core"
_RATE = 48_000


@dataclass(frozen=True, slots=True)
class Footprint:
    """Processor time in per cent of one core, and resident memory in MB at the end."""

    cpu: float
    rss_mb: float
    pss_mb: float


def measure(
    arguments: list[str],
    variables: Variables | None = None,
    from_s: float = _FROM_S,
    until_s: float = _UNTIL_S,
) -> Footprint:
    """Monitor, and look at the process between two moments, in seconds from its start."""
    with tempfile.TemporaryDirectory() as folder:
        # It runs on while it is looked at.
        options = ["--duration", str(until_s + 1.0), *output_options(Path(folder), "session.csv")]
        with running_process(monitor(*arguments, *options), variables) as process:
            time.sleep(from_s)
            began, before = time.monotonic(), usage(process.pid)
            time.sleep(until_s - from_s)
            after, ended = usage(process.pid), time.monotonic()
            finish(process, timeout_s=60)
    cpu = 100.0 * (after.cpu_s - before.cpu_s) / (ended - began)
    return Footprint(cpu, after.rss_mb, after.pss_mb)


def measure_microphone() -> Footprint:
    """The same on a microphone, which a sound server plays the demo recording to."""
    with tempfile.TemporaryDirectory() as folder, sound_server() as server:
        sound = Path(folder) / "demo.wav"
        write_demo(sound, _UNTIL_S + 10.0, _RATE)
        server.play(sound)
        return measure(["--headless", "--input", "mic"], server.env)


def footprint() -> BenchmarkSection:
    """Section on processor time and memory."""
    title = "Taken by the running program"
    method = (
        f"The demo recording at live speed, the process looked at {_UNTIL_S:.0f} s after its "
        f"start: memory then (MB are 10^6 bytes), processor time since {_FROM_S:.0f} s. Headless "
        "output goes to a pipe."
    )
    figures: list[Measurement] = []
    demo = ["--input", "demo"]
    try:
        headless = measure(["--headless", *demo])
        figures += _figures("headless", headless, Target(5.0), Target(150.0))
        large = measure(["--headless", *demo, "--model", LARGE])
        figures += _figures(f"headless, {LARGE}", large, Target(10.0), Target(200.0))
        with display() as (variables, where):
            figures += _figures("with window", measure(demo, variables), None, Target(300.0))
        method += f" The window is on {where}."
        heard = measure_microphone()
        figures.append(
            Measurement("processor, headless, microphone", heard.cpu, _CORE, Target(5.0))
        )
    except UnavailableError as error:
        return BenchmarkSection(title, method, tuple(figures), missing=str(error))
    return BenchmarkSection(title, method, tuple(figures))


def _figures(name: str, found: Footprint, cpu: Target | None, memory: Target) -> list[Measurement]:
    return [
        Measurement(f"processor, {name}", found.cpu, _CORE, cpu),
        Measurement(f"memory, {name}, RSS", found.rss_mb, "MB", memory),
        Measurement(f"memory, {name}, PSS", found.pss_mb, "MB"),
    ]

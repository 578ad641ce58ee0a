"""Figures of a soak, from the table of each session, and the page that they are written into."""

from __future__ import annotations

import contextlib
import csv
import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import BenchmarkSection, Measurement, Target, UnavailableError, number
from benchmarks.machine import usage
from realtime_ser.base.records import STEP_S
from realtime_ser.base.timebase import clock_s

WALL_CLOCK = "wall clock moved"
"""The fault that excuses no loss."""

_WARM_S = 3600.0
"""The window keeps the timeline of an hour: until then its memory grows by what it shows."""

_WINDOW_S = 60.0
_SETTLED_S = 15.0
"""Seconds after which the session's clock has found the earliest blocks."""

BEGIN, END = "<!-- soak: written by the run -->", "<!-- end of the soak -->"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that was made; its time, by the clock of the sessions, ends when it is over."""

    name: str
    begin_s: float
    end_s: float


@dataclass
class Watched:
    """A monitor that runs, its table, and its memory over time.

    Attributes
    ----------
    memory
        Moments in seconds, resident memory in MB, what the program has asked for, and what is
        shared with a server.
    """

    name: str
    process: subprocess.Popen[str]
    table: Path
    memory: list[tuple[float, float, float, float]] = field(default_factory=list)

    def look(self) -> None:
        """Note the memory."""
        with contextlib.suppress(UnavailableError, OSError):
            found = usage(self.process.pid)
            self.memory.append((clock_s(), found.rss_mb, found.anonymous_mb, found.shmem_mb))


@dataclass(frozen=True, slots=True)
class _Steps:
    """Columns of a session's table.

    Attributes
    ----------
    times_s
        Ends of the steps, in seconds.
    lost
        Whether a step was lost.
    latencies_ms
        Latencies; NaN where there is none.
    starts_s
        Wall clock of second 0 by each step, in seconds.
    stretches
        Number of the calm stretch that a step belongs to; -1 in a fault.
    """

    times_s: NDArray[np.float64]
    lost: NDArray[np.bool_]
    latencies_ms: NDArray[np.float64]
    starts_s: NDArray[np.float64]
    stretches: NDArray[np.int_]

    @property
    def calm(self) -> NDArray[np.bool_]:
        """Whether a step is outside all faults."""
        return self.stretches >= 0


def section(watched: Watched, faults: Sequence[Fault]) -> BenchmarkSection:
    """Figures of a session that is over."""
    story = json.loads(watched.table.with_suffix(".json").read_text("utf-8"))
    first = story["anchors"][0]
    steps = _read(watched.table, first["adc_s"] - first["sample"] / 16_000, faults)
    numbers = np.rint(steps.times_s / STEP_S).astype(int)
    lost_s = {calm: STEP_S * float((steps.lost & (steps.calm == calm)).sum()) for calm in (0, 1)}
    drift_ppm = _drift_ppm(steps)
    figures = [
        Measurement("length of the session", steps.times_s[-1] / 60.0, "min"),
        Measurement(
            "steps missing in the table", float((np.diff(numbers) != 1).sum()), "", Target(0)
        ),
        Measurement("drift of the device's clock", drift_ppm, "ppm"),
        Measurement(
            "time neither processed nor counted as lost",
            _astray_s(steps, drift_ppm),
            "s",
            Target(0.2),
            "more than that drift",
        ),
        Measurement("lost in faults", lost_s[False], "s"),
        Measurement("lost without a fault", lost_s[True], "s", Target(0), _places(steps)),
        Measurement(
            "samples counted as lost", story["dropped_samples"] / story["native_rate"], "s"
        ),
        Measurement("overflows that the sound system reported", story["overflows"], ""),
        Measurement("wall clock, spread of second 0", 1000.0 * float(np.ptp(steps.starts_s)), "ms"),
        *_memory(watched),
        *_latencies(steps),
        Measurement("exit code", float(watched.process.returncode), ""),
    ]
    return BenchmarkSection(f"Soak, {watched.name}", _METHOD, tuple(figures))


_METHOD = (
    "Speech of the demo recording with pauses, played into a private sound server; one fault "
    "after the other, with 25 to 60 s between. A fault's time ends 12 s after it was mended; "
    "moving the wall clock, by up to 36 hours and where the program reads it, excuses nothing. "
    "Latency and drift are of the time without faults. The slope of the resident memory is the "
    "median of the slopes between each two minutes (Theil and Sen), each minute by its median: "
    "what a fault takes for seconds does not count, and what stays does. The first hour, of which "
    "the window keeps the timeline, is its warm-up; of a shorter run, the first half. It is less "
    "what a sound server or a display hands over in memory of theirs (RssShmem): a server keeps "
    "ready what a stopped program has not heard. What the program has asked for (RssAnon) is told "
    "beside it: of files the system takes pages back."
)


def _read(table: Path, start_s: float, faults: Sequence[Fault]) -> _Steps:
    """Columns of the table of a session that began at ``start_s``."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    times_s = np.array([float(row["time_s"]) for row in rows])
    moments_s = np.array([datetime.fromisoformat(row["wall_clock"]).timestamp() for row in rows])
    inside = np.zeros(len(rows), np.bool_)
    for fault in faults:
        if fault.name != WALL_CLOCK:
            begin_s, end_s = fault.begin_s - start_s - 1.0, fault.end_s - start_s
            inside |= (times_s >= begin_s) & (times_s <= end_s)
    return _Steps(
        times_s,
        np.array([row["state"] == "lost" for row in rows]),
        np.array([float(row["latency_ms"] or "nan") for row in rows]),
        moments_s - times_s,
        np.where(inside, -1, np.cumsum(np.diff(inside, prepend=False))),
    )


def _drift_ppm(steps: _Steps) -> float:
    """Drift of the device's clock against the monotonic one, within the calm stretches."""
    times_s, starts_s = np.concatenate(
        [
            (part - part.mean(axis=1, keepdims=True))
            for part in _calm_stretches(steps, steps.starts_s)
        ],
        axis=1,
    )
    # A device that is fast makes more samples than seconds, so that second 0 seems earlier.
    return -1e6 * float(times_s @ starts_s / (times_s @ times_s))


def _astray_s(steps: _Steps, drift_ppm: float) -> float:
    """Seconds by which second 0 has moved from one calm stretch to another, beside the drift."""
    starts_s = steps.starts_s + 1e-6 * drift_ppm * steps.times_s
    return float(np.ptp([np.median(part[1]) for part in _calm_stretches(steps, starts_s)]))


def _calm_stretches(steps: _Steps, values: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """Times and values of each calm stretch, shape ``(2, n)``, once the clock has settled."""
    for stretch in np.unique(steps.stretches[steps.calm]):
        chosen = (steps.stretches == stretch) & (steps.times_s > _SETTLED_S)
        if chosen.any():
            yield np.stack([steps.times_s[chosen], values[chosen]])


def _places(steps: _Steps) -> str:
    """When something was lost without a fault."""
    times_s = steps.times_s[steps.lost & steps.calm]
    return "" if not len(times_s) else "at " + ", ".join(f"{one:.1f} s" for one in times_s[:10])


def _memory(watched: Watched) -> Iterator[Measurement]:
    moments_s, resident, asked_for, shared = np.array(watched.memory).T
    moments_s -= moments_s[0]
    warm = moments_s > min(_WARM_S, moments_s[-1] / 2.0)
    slopes = [growth_mb_h(moments_s[warm], mb[warm]) for mb in (resident - shared, asked_for)]
    quarters = [np.median(part) for part in np.array_split(asked_for[warm], 4)]
    by_quarter = " ".join(f"{median:.1f}" for median in quarters)
    yield Measurement("resident memory, slope after warm-up", slopes[0], "MB/h", Target(1.0))
    yield Measurement(
        "of what was asked for",
        slopes[1],
        "MB/h",
        Target(1.0),
        f"files aside; MB by quarter: {by_quarter}",
    )
    tenths = [np.median(part) for part in np.array_split(resident - shared, 10)]
    by_tenth = " ".join(f"{median:.1f}" for median in tenths)
    yield Measurement(
        "memory at the end", (resident - shared)[-1], "MB", None, f"by tenth: {by_tenth}"
    )
    yield Measurement(
        "beside it, shared with sound server and display", shared.max(), "MB", None, "at most"
    )


def growth_mb_h(moments_s: NDArray[np.float64], memory_mb: NDArray[np.float64]) -> float:
    """Growth in MB an hour: the median slope between each two windows, by their medians."""
    window_s = min(_WINDOW_S, float(np.ptp(moments_s)) / 5.0)
    windows = (moments_s - moments_s[0]) // window_s
    points = [
        (np.median(moments_s[windows == number]), np.median(memory_mb[windows == number]))
        for number in np.unique(windows)
    ]
    slopes = [
        (later_mb - before_mb) / (later_s - before_s)
        for (before_s, before_mb), (later_s, later_mb) in combinations(points, 2)
    ]
    return 3600.0 * float(np.median(slopes))


def _latencies(steps: _Steps) -> Iterator[Measurement]:
    """Latency by tenth of the session."""
    heard = steps.calm & ~np.isnan(steps.latencies_ms)
    times_s, latencies_ms = steps.times_s[heard], steps.latencies_ms[heard]
    edges = np.linspace(0.0, steps.times_s[-1] + STEP_S, 11)
    tenths = [latencies_ms[(times_s >= begin) & (times_s < end)] for begin, end in pairwise(edges)]
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


def write_page(
    page: Path,
    machine: Mapping[str, str],
    minutes: float,
    faults: Mapping[str, int],
    sections: Sequence[BenchmarkSection],
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

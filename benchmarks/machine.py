"""The machine, and what a process takes of it."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.figures import UnavailableError
from realtime_ser.base.machine import processor_name, usable_cores


def describe() -> dict[str, str]:
    """The machine and its software, and how busy it is."""
    described = {
        "processor": processor_name(),
        "cores": str(usable_cores()),
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        "Python": platform.python_version(),
    }
    described |= {name: version(name) for name in ("numpy", "ai-edge-litert", "PyQt6")}
    if hasattr(os, "getloadavg"):
        described["load average at the start"] = f"{os.getloadavg()[0]:.2f}"
    return described


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Hold this thread, and the processes that it starts, to one core where that is possible."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has taken.

    Attributes
    ----------
    cpu_s
        Processor time of all its threads, in user and system mode, in seconds.
    rss_mb, pss_mb
        Resident memory in MB (10^6 bytes); in ``pss_mb`` pages that it shares with other processes
        count in part.
    anonymous_mb, shmem_mb
        Resident memory that the program has asked for, and what a sound server or a display hands
        over; the rest are files, programs among them, of which the system takes pages back.
    """

    cpu_s: float
    rss_mb: float
    pss_mb: float
    anonymous_mb: float
    shmem_mb: float


def usage(pid: int) -> Usage:
    """What a running process has taken so far.

    Raises
    ------
    UnavailableError
        This system does not tell.
    """
    folder = Path(f"/proc/{pid}")
    try:
        # The name in brackets may hold anything.
        fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        rollup = (folder / "smaps_rollup").read_text(encoding="utf-8")
        status = (folder / "status").read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UnavailableError("this system has no /proc") from error
    ticks = int(fields[11]) + int(fields[12])
    kilobytes = {
        name: int(rest.split()[0])
        for name, _, rest in (line.partition(":") for line in (rollup + status).splitlines()[1:])
        if rest.endswith("kB")
    }
    megabytes = (kilobytes[name] * 1.024e-3 for name in ("Rss", "Pss", "RssAnon", "RssShmem"))
    return Usage(ticks / os.sysconf("SC_CLK_TCK"), *megabytes)

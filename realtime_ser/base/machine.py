"""The machine that the program runs on."""

from __future__ import annotations

import contextlib
import os
import platform
from pathlib import Path


def usable_cores() -> int:
    """Number of cores that this process may use, which a scheduler or a container may bound."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor_name() -> str:
    """Name of the processor, or of its kind where the system does not tell."""
    with contextlib.suppress(OSError), Path("/proc/cpuinfo").open(encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()

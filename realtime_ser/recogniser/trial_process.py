"""Program that runs a bundle's graph once, within limits: see :mod:`graph_trial`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from realtime_ser.base.errors import BundleError
from realtime_ser.recogniser.bundle import load_bundle
from realtime_ser.recogniser.graph_trial import REFUSED
from realtime_ser.recogniser.step_model import StepModel

_PROCESSOR_S = 10
_MEMORY = 1 << 30
"""Bytes that a graph may take."""


def try_graph(folder: Path) -> int:
    """Run a graph in this process, and return the exit code; why it is refused is printed."""
    _limit()
    try:
        StepModel(load_bundle(folder), tried=True).open_block()
    except BundleError as error:
        sys.stdout.buffer.write(str(error).encode("utf-8", "replace"))
        sys.stdout.buffer.flush()
        return REFUSED
    return 0


def _limit() -> None:
    if sys.platform == "linux":
        import resource

        pages = int(Path("/proc/self/statm").read_text("utf-8").split()[0])
        most = pages * resource.getpagesize() + _MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CPU, (_PROCESSOR_S, _PROCESSOR_S))


if __name__ == "__main__":
    os._exit(try_graph(Path(sys.argv[1])))  # whatever the graph has left behind

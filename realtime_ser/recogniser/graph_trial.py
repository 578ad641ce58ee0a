"""Tries a graph that does not ship in a process of its own before this one runs it.

LiteRT checks much of a graph and not all: one that was damaged, or made to harm, can end the
process that runs it, hold it up, or take all memory; who made the bundle has set the hashes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from realtime_ser.base.errors import BundleError
from realtime_ser.base.paths import shipped
from realtime_ser.recogniser.bundle import STEP_MODEL, Bundle

_PROGRAM = "realtime_ser.recogniser.trial_process"
_LONGEST_S = 60.0

REFUSED = 1
"""Exit code of a trial that says in words why it refuses the graph."""


def require_harmless(bundle: Bundle) -> None:
    """Refuse a bundle whose graph ends a process; those that ship are not tried.

    Raises
    ------
    BundleError
        It ends the process, takes too long or too much memory, or does not fit its bundle.
    """
    if bundle.folder.parent == shipped("models"):
        return
    reason = _tried(bundle.folder.absolute(), bundle.digest)
    if reason is not None:
        raise BundleError(reason)


@cache
def _tried(folder: Path, _digest: str) -> str | None:
    """Why a graph cannot be used, once for each bundle; ``None``: it can."""
    from realtime_ser.base.processes import module_command

    command = module_command(_PROGRAM, str(folder))
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_LONGEST_S,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            check=False,
        )
    except subprocess.TimeoutExpired:
        return _words(folder, "takes too long")
    return reason_of(folder, done.returncode, done.stdout.decode("utf-8", "replace"))


def reason_of(folder: Path, code: int, said: str) -> str | None:
    """Why a graph cannot be used, by the exit code and the words of its trial."""
    if code == 0:
        return None
    return said if code == REFUSED and said else _words(folder, "ends the process that runs it")


def _words(folder: Path, fault: str) -> str:
    return (
        f"{folder / STEP_MODEL} is damaged: its graph {fault}. Fetch the bundle again, or use "
        "another model."
    )

"""Runs in processes of their own, as many at once as memory allows."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import psutil

from realtime_ser.base.errors import SerError
from realtime_ser.base.files import writing
from realtime_ser.base.machine import usable_cores
from training.run_folder import HISTORY, Run

LOG = "log.txt"
"""What a run in a process of its own says, in its folder."""

_LOOK_S = 0.5
_SPARE = 1.1
"""Memory that a run may need of what the largest one has taken."""


@dataclass(frozen=True, slots=True)
class RunCommand:
    """RunCommand line of ``realtime-ser-train`` that makes a run."""

    run: Run
    arguments: tuple[str, ...]


def run_at_once(commands: Sequence[RunCommand], most: int) -> None:
    """Make runs, up to ``most`` at once.

    The second begins when the first has fitted an epoch, so that its memory is known; a further one
    while as much is free as the largest has taken, beside what the others may yet take. Cores are
    shared out evenly.

    Raises
    ------
    SerError
        A run has failed; those that were under way are whole or go on by the same command.
    OutputError
        A log cannot be written.
    """
    waiting, running = deque(commands), list[_RunProcess]()
    failed: list[RunCommand] = []
    largest = 0
    with ExitStack() as ended:
        while running or (waiting and not failed):
            for one in [one for one in running if one.process.poll() is not None]:
                running.remove(one)
                if one.process.returncode:
                    failed.append(one.command)
                word = "failed" if one.process.returncode else "done"
                print(f"{one.command.run.folder.name}: {word}")
            memory = [one.memory() for one in running]
            largest = max([largest, *memory])
            growth = sum(largest - own for own in memory)
            known = any((one.command.run.folder / HISTORY).exists() for one in running)
            room = psutil.virtual_memory().available - growth >= _SPARE * largest
            free = len(running) < most and (not running or (known and room))
            if waiting and not failed and free:
                one = _RunProcess(waiting.popleft(), _environment(most))
                ended.callback(one.stop)
                running.append(one)
                print(f"{one.command.run.folder.name}: begun, its words are in {LOG}")
            else:
                time.sleep(_LOOK_S)
    if failed:
        log = failed[0].run.folder / LOG
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise SerError(f"{failed[0].run.folder.name} has failed: {(lines or ['no word'])[-1]}")


def _environment(most: int) -> Mapping[str, str]:
    threads = str(max(1, usable_cores() // most))
    names = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    return {**dict.fromkeys(names, threads), **os.environ}


class _RunProcess:
    """A run's process."""

    def __init__(self, command: RunCommand, environment: Mapping[str, str]) -> None:
        self.command = command
        path = command.run.folder / LOG
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            log = path.open("ab")
        with log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "training.cli", *command.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
            )

    def memory(self) -> int:
        """Bytes that it and its children hold."""
        try:
            process = psutil.Process(self.process.pid)
            return sum(
                one.memory_info().rss for one in [process, *process.children(recursive=True)]
            )
        except psutil.NoSuchProcess:  # it has just ended
            return 0

    def stop(self) -> None:
        """Let it go, if it still runs, as after Ctrl+C."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()

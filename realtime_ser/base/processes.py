"""Processes of the program's own: pools, in which it alone hears Ctrl+C, and modules that run."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def module_command(name: str, *arguments: str) -> list[str]:
    """Command line that runs a module of the program in a process of its own.

    A frozen program is its own interpreter, and its console program takes ``-m`` as Python does.
    """
    program = Path(sys.executable)
    if getattr(sys, "frozen", False):
        program = program.with_stem("realtime-ser")
    return [str(program), "-m", name, *arguments]


class SpawnPool(ProcessPoolExecutor):
    """Processes that ignore Ctrl+C, which a terminal sends to all: the program ends them in order.

    They are spawned, not forked: a fork would lose the threads of this process, and with them what
    the locks of a library guard. ``prepare`` is called once in each of them, with ``arguments``.
    """

    def __init__(
        self, jobs: int, prepare: Callable[..., object] | None = None, *arguments: object
    ) -> None:
        super().__init__(jobs, get_context("spawn"), _ignore_interrupts, (prepare, arguments))

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Let a process call ``fn``; a process is started where none is idle."""
        with _interrupts_blocked():
            return super().submit(fn, *args, **kwargs)


def _ignore_interrupts(prepare: Callable[..., object] | None, arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if prepare is not None:
        prepare(*arguments)


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Let processes started meanwhile inherit that Ctrl+C waits; here it is heard at the end.

    They would otherwise complain of one that comes while they still import what they need.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with _interrupts_deferred():
            yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _interrupts_deferred() -> Iterator[None]:
    """Keep an interrupt for the end that a thread of some library took while this one blocks it.

    A process that is half started would complain of a program that tells it no more.
    """
    if threading.current_thread() is not threading.main_thread():  # which no interrupt ends
        yield
        return
    caught: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, _: caught.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if caught:
            signal.raise_signal(signal.SIGINT)

"""Work that is spread over processes, with progress and an estimate."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from realtime_ser.base.processes import SpawnPool

Item = TypeVar("Item")
Result = TypeVar("Result")

_CHUNK = 8


def map_in_processes(
    function: Callable[[Item], Result], items: Sequence[Item], jobs: int, title: str
) -> list[Result]:
    """Apply a function to each item in ``jobs`` processes; results in the items' order.

    Parameters
    ----------
    function
        Can be pickled, as can its results.
    items
        Arguments of the calls.
    jobs
        Number of processes; with 1 the work is done in this one.
    title
        Title of the progress bar on standard error.
    """
    results: list[Result] = []
    if not items:
        return results
    console = _console()
    with _progress(console, disable=not console.is_terminal) as progress:
        for result in progress.track(
            _map_lazily(function, items, jobs), total=len(items), description=title
        ):
            results.append(result)  # noqa: PERF402 - track() is what shows progress
    return results


def progress_bar(title: str) -> Progress:
    """Progress bar with an estimate on standard error; without a terminal, one line that begins."""
    console = _console()
    if not console.is_terminal:
        console.print(f"{title} ...")
    return _progress(console)


def _progress(console: Console, *, disable: bool = False) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=disable,
    )


def _console() -> Console:
    """Standard error; a notebook passes itself off as a terminal, but cannot draw a line anew."""
    try:
        terminal = os.isatty(sys.stderr.fileno())
    except OSError:  # it has no file
        terminal = False
    return Console(stderr=True, force_jupyter=False, force_terminal=terminal)


def _map_lazily(
    function: Callable[[Item], Result], items: Sequence[Item], jobs: int
) -> Iterator[Result]:
    if jobs == 1 or len(items) < 2:
        yield from map(function, items)
        return
    pool = SpawnPool(jobs)
    try:
        yield from pool.map(function, items, chunksize=_CHUNK)
    finally:
        pool.shutdown(cancel_futures=True)

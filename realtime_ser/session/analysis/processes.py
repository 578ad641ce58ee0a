"""Analysis of files in several processes; a process that dies fails its own file only."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import shutil
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection
from multiprocessing.sharedctypes import RawArray, RawValue
from pathlib import Path
from typing import Any, ClassVar

from realtime_ser.base.processes import SpawnPool
from realtime_ser.session.analysis.analyzer import AnalysisSettings, Analyzer, Outcome
from realtime_ser.session.analysis.inputs import InputFile

_POLL_S = 0.2

_BYTES_PER_PROCESS = 4_000_000
"""Bytes of sound that take longer to analyse than a process to start."""

ProgressCallback = Callable[[Sequence[float]], None]
"""Told from time to time what share of each file is done."""


def analyze_files(
    items: Sequence[InputFile],
    analyzer: Analyzer,
    report_progress: ProgressCallback,
    jobs: int | None = None,
) -> Iterator[Outcome]:
    """Outcomes of all files in order, from as many processes as are worth it, or from ``jobs``."""
    if jobs is None:
        worth = 1 + sum(item.size for item in items) // _BYTES_PER_PROCESS
        jobs = min(worth, os.cpu_count() or 1)
    if min(jobs, len(items)) <= 1:
        return _analyze_here(items, analyzer, report_progress)
    return analyze_in_processes(items, analyzer.settings, min(jobs, len(items)), report_progress)


def _analyze_here(
    items: Sequence[InputFile], analyzer: Analyzer, report_progress: ProgressCallback
) -> Iterator[Outcome]:
    shares = [0.0] * len(items)

    for index, item in enumerate(items):

        def advance(share: float, index: int = index) -> None:
            shares[index] = share
            report_progress(shares)

        yield analyzer.analyze(item, advance)
        advance(1.0)


def analyze_in_processes(
    items: Sequence[InputFile],
    settings: AnalysisSettings,
    jobs: int,
    report_progress: ProgressCallback,
) -> Iterator[Outcome]:
    """Outcomes of all files in order, from ``jobs`` processes."""
    done: dict[int, Outcome] = {}
    following = 0
    for index, outcome in _WorkerPool(items, settings, jobs, report_progress).outcomes():
        done[index] = outcome
        while following in done:
            yield done.pop(following)
            following += 1


class _WorkerPool:
    """Pool of processes, and the files that are under way.

    When a process dies, its pool is lost, and its file is not known. All files that were under way
    are then taken again, one at a time.
    """

    def __init__(
        self,
        items: Sequence[InputFile],
        settings: AnalysisSettings,
        jobs: int,
        report_progress: ProgressCallback,
    ) -> None:
        self._items = items
        self._settings = settings
        self._jobs = jobs
        self._report_progress = report_progress
        self._shares = RawArray("d", len(items))
        self._stop = RawValue("b", 0)
        self._waiting = deque(range(len(items)))
        self._suspects: deque[int] = deque()

    def outcomes(self) -> Iterator[tuple[int, Outcome]]:
        """Number and outcome of each file, as they come."""
        while self._waiting or self._suspects:
            if self._suspects:
                yield from self._run(self._suspects, jobs=1, ahead=1)
            else:
                yield from self._run(self._waiting, self._jobs, ahead=2 * self._jobs)

    def _run(self, queue: deque[int], jobs: int, ahead: int) -> Iterator[tuple[int, Outcome]]:
        """Work off ``queue`` until it is empty or a process dies."""
        running: dict[Future[Outcome], int] = {}
        with SpawnPool(jobs, _init_worker, self._settings, self._shares, self._stop) as pool:
            try:
                while queue or running:
                    while queue and len(running) < ahead:
                        index = queue.popleft()
                        running[pool.submit(_analyze, index, self._items[index])] = index
                    finished, _ = wait(running, _POLL_S, FIRST_COMPLETED)
                    self._report_progress(self._shares)
                    for future in finished:
                        outcome = future.result()
                        yield running.pop(future), outcome
            except BrokenProcessPool:
                if ahead > 1:
                    self._suspects.extend(sorted(running.values()))
                    return
            except BaseException:
                self._stop.value = 1
                raise
            else:
                return
        for index in running.values():
            name = self._items[index].title
            words = f"{name} ended the process that analysed it, perhaps for lack of memory."
            yield index, Outcome(name, error=words)


class _StopSignalError(BaseException):
    """The analysis is given up."""


class _FileWorker:
    """State of a process of the pool between two files."""

    analyzer: ClassVar[Analyzer]
    shares: ClassVar[Any]
    stop: ClassVar[Any]


def _init_worker(settings: AnalysisSettings, shares: Any, stop: Any) -> None:
    """Prepare a process of the pool."""
    threading.Thread(target=_end_with_parent, args=(settings.folder,), daemon=True).start()
    _FileWorker.analyzer = Analyzer(settings)
    atexit.register(_FileWorker.analyzer.close)
    _FileWorker.shares, _FileWorker.stop = shares, stop


def _end_with_parent(folder: Path) -> None:
    """Do not outlive the process that started this one, nor let its temporary folder do so."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def _analyze(index: int, item: InputFile) -> Outcome:
    def advance(share: float) -> None:
        _FileWorker.shares[index] = share
        if _FileWorker.stop.value:
            raise _StopSignalError

    outcome = _FileWorker.analyzer.analyze(item, advance)
    _FileWorker.shares[index] = 1.0
    return outcome

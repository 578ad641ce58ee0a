"""Analysis of files in several processes; a process that dies fails its own file only."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import shutil
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.sharedctypes import RawArray, RawValue
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from realtime_ser.base.machine import usable_cores
from realtime_ser.base.memory import set_apart
from realtime_ser.base.processes import SpawnPool
from realtime_ser.session.analysis.analyzer import AnalysisSettings, Analyzer, Outcome
from realtime_ser.session.analysis.inputs import InputFile

_POLL_S = 0.2

_BYTES_PER_PROCESS = 4_000_000
"""Bytes of sound that take longer to analyse than a process to start."""

ProgressCallback = Callable[[Sequence[float]], None]
"""Told from time to time what share of each file is done."""

Work: TypeAlias = Iterator[tuple[int, InputFile]]
"""Files with their numbers, taken as there is room for them."""

WatchCallback: TypeAlias = Callable[[Mapping[int, float]], None]
"""Told from time to time what share is done of the files that are under way, by their numbers."""


def worthwhile_jobs(size: int, most: int) -> int:
    """Number of processes that are worth it for so many bytes, and for at most so many files."""
    return min(1 + size // _BYTES_PER_PROCESS, usable_cores(), max(1, most))


def analyze_files(
    items: Sequence[InputFile],
    analyzer: Analyzer,
    report_progress: ProgressCallback,
    jobs: int | None = None,
) -> Iterator[Outcome]:
    """Outcomes of all files in order, from as many processes as are worth it, or from ``jobs``."""
    if jobs is None:
        jobs = worthwhile_jobs(sum(item.size for item in items), len(items))
    if min(jobs, len(items)) <= 1:
        shares = _Shares(len(items), report_progress)
        for index, outcome in analyze_here(enumerate(items), analyzer, shares.watch):
            shares.end(index)
            yield outcome
    else:
        jobs = min(jobs, len(items))
        yield from analyze_in_processes(items, analyzer.settings, jobs, report_progress)


class _Shares:
    """Shares of all files that are done, made of those under way."""

    def __init__(self, count: int, report_progress: ProgressCallback) -> None:
        self._shares = [0.0] * count
        self._report_progress = report_progress

    def watch(self, under_way: Mapping[int, float]) -> None:
        for index, share in under_way.items():
            self._shares[index] = share
        self._report_progress(self._shares)

    def end(self, index: int) -> None:
        self.watch({index: 1.0})


def analyze_here(
    work: Work, analyzer: Analyzer, watch: WatchCallback
) -> Iterator[tuple[int, Outcome]]:
    """Number and outcome of each file, one after another in this process."""
    for index, item in work:

        def advance(share: float, index: int = index) -> None:
            watch({index: share})

        yield index, analyzer.analyze(item, advance)


def analyze_in_processes(
    items: Sequence[InputFile],
    settings: AnalysisSettings,
    jobs: int,
    report_progress: ProgressCallback,
) -> Iterator[Outcome]:
    """Outcomes of all files in order, from ``jobs`` processes."""
    shares = _Shares(len(items), report_progress)
    done: dict[int, Outcome] = {}
    following = 0
    for index, outcome in share_out(enumerate(items), settings, jobs, shares.watch):
        shares.end(index)
        done[index] = outcome
        while following in done:
            yield done.pop(following)
            following += 1


def share_out(
    work: Work, settings: AnalysisSettings, jobs: int, watch: WatchCallback
) -> Iterator[tuple[int, Outcome]]:
    """Number and outcome of each file as they come, from ``jobs`` processes."""
    return _WorkerPool(work, settings, jobs, watch).outcomes()


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A file that is under way, and the place where its process tells what share is done."""

    index: int
    item: InputFile
    slot: int


class _WorkerPool:
    """Pool of processes, and the files that are under way.

    When a process dies, its pool is lost, and its file is not known. All files that were under way
    are then taken again, one at a time.
    """

    def __init__(
        self, work: Work, settings: AnalysisSettings, jobs: int, watch: WatchCallback
    ) -> None:
        self._work = work
        self._settings = settings
        self._jobs = jobs
        self._watch = watch
        self._shares = RawArray("d", 2 * jobs)
        self._stop = RawValue("b", 0)
        self._suspects: deque[tuple[int, InputFile]] = deque()
        self._all_taken = False

    def outcomes(self) -> Iterator[tuple[int, Outcome]]:
        """Number and outcome of each file, as they come."""
        while self._suspects or not self._all_taken:
            if self._suspects:
                yield from self._run(self._next_suspect, jobs=1, ahead=1)
            else:
                yield from self._run(self._next_file, self._jobs, ahead=2 * self._jobs)

    def _next_suspect(self) -> tuple[int, InputFile] | None:
        return self._suspects.popleft() if self._suspects else None

    def _next_file(self) -> tuple[int, InputFile] | None:
        found = next(self._work, None)
        self._all_taken = found is None
        return found

    def _run(
        self, take: Callable[[], tuple[int, InputFile] | None], jobs: int, ahead: int
    ) -> Iterator[tuple[int, Outcome]]:
        """Work off what ``take`` gives until there is no more or a process dies."""
        running: dict[Future[Outcome], _UnderWay] = {}
        free = deque(range(ahead))
        with SpawnPool(jobs, _init_worker, self._settings, self._shares, self._stop) as pool:
            try:
                while True:
                    while free and (found := take()) is not None:
                        one = _UnderWay(*found, free.popleft())
                        self._shares[one.slot] = 0.0
                        try:
                            running[pool.submit(_analyze, one.slot, one.item)] = one
                        except BrokenProcessPool:
                            self._suspects.append(found)
                            raise
                    if not running:
                        return
                    finished, _ = wait(running, _POLL_S, FIRST_COMPLETED)
                    self._watch({one.index: self._shares[one.slot] for one in running.values()})
                    # What is done before a process dies is not done again.
                    for future in sorted(finished, key=lambda one: one.exception() is not None):
                        outcome = future.result()
                        one = running.pop(future)
                        free.append(one.slot)
                        yield one.index, outcome
            except BrokenProcessPool:
                if ahead > 1:
                    ordered = sorted(running.values(), key=lambda one: one.index)
                    self._suspects.extend((one.index, one.item) for one in ordered)
                    return
            except BaseException:
                self._stop.value = 1
                raise
        for one in running.values():
            words = (
                f"{one.item.title} ended the process that analysed it, perhaps for lack of memory."
            )
            yield one.index, Outcome(one.item.title, error=words)


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
    set_apart()
    _FileWorker.shares, _FileWorker.stop = shares, stop


def _end_with_parent(folder: Path) -> None:
    """Do not outlive the process that started this one, nor let its temporary folder do so."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def _analyze(slot: int, item: InputFile) -> Outcome:
    def advance(share: float) -> None:
        _FileWorker.shares[slot] = share
        if _FileWorker.stop.value:
            raise _StopSignalError

    return _FileWorker.analyzer.analyze(item, advance)

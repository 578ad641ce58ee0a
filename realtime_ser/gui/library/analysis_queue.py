"""Analyses files beside the window, one lot after another."""

from __future__ import annotations

import shutil
import tempfile
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSignal

from realtime_ser.base.config import Config
from realtime_ser.gui.widgets.task import Advance, Task
from realtime_ser.session.analysis.analyzer import Analyzer, Settings
from realtime_ser.session.analysis.inputs import Input, find_inputs
from realtime_ser.session.analysis.processes import (
    analyze_here,
    analyze_in_processes,
    processes_for,
)
from realtime_ser.session.profiles.folder import with_profile

_SURE_S = 2.0
"""So much work, and so great a share, before the time left is told."""
_SURE_SHARE = 0.02

_TELL_S = 0.1


class Batch(QObject):
    """Finds and analyses what it is given; the tables lie in a folder that goes with it.

    Parameters
    ----------
    config
        All settings.
    """

    #: Files were found: a list of inputs, whose numbers go on from those of before.
    found = pyqtSignal(object)

    #: Shares of the files of the present lot by their numbers, and seconds left or None.
    moved = pyqtSignal(object, object)

    #: Number of a file, and what came of it.
    done = pyqtSignal(int, object)

    #: Labels of the probabilities, in order.
    labelled = pyqtSignal(object)

    #: Nothing is left to do; the argument says whether a person has ended it.
    idle = pyqtSignal(bool)

    failed = pyqtSignal(object)

    def __init__(self, config: Config, parent: QObject) -> None:
        super().__init__(parent)
        self._settings = Settings(with_profile(config, None))
        self._waiting: deque[Callable[[Advance], None]] = deque()
        self._seen: set[Path] = set()
        self._count = 0
        self._lots = 0
        self._task: Task | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="realtime-ser-"))
        # Also when the program ends without this having been closed.
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    @property
    def running(self) -> bool:
        """Whether there is something to do still."""
        return self._task is not None

    def add(self, paths: Sequence[Path]) -> None:
        """Analyse files and folders, after what was added before."""
        self._lots += 1
        out = self._folder / str(self._lots)
        self._begin(lambda advance: self._find(list(paths), out, advance))

    def go_on(self, items: Mapping[int, Input]) -> None:
        """Analyse files that were found before, by their numbers."""
        self._begin(lambda advance: self._analyze(items, advance))

    def cancel(self) -> None:
        """End the analysis; what is done stays."""
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()

    def forget(self) -> None:
        """Start anew: files that were analysed may be added again."""
        self._seen.clear()
        self._count = 0

    def wait(self) -> None:
        """Return when the thread has ended."""
        if self._task is not None:
            self._task.wait()

    def _begin(self, work: Callable[[Advance], None]) -> None:
        self._waiting.append(work)
        if self._task is None:
            self._next()

    def _next(self) -> None:
        self._task = task = Task(self._waiting.popleft(), self)
        task.succeeded.connect(lambda _: self._ended(cancelled=False))
        task.cancelled.connect(lambda: self._ended(cancelled=True))
        task.failed.connect(self._broken)
        task.start()

    def _ended(self, *, cancelled: bool) -> None:
        self._task = None
        if self._waiting:
            self._next()
        else:
            self.idle.emit(cancelled)

    def _broken(self, error: Exception) -> None:
        self._waiting.clear()
        self._task = None
        self.failed.emit(error)
        self.idle.emit(True)

    def _find(self, paths: Sequence[Path], out: Path, advance: Advance) -> None:
        """Find one lot and analyse it, in the task's thread."""
        items = [item for item in find_inputs(paths, out) if item.path.absolute() not in self._seen]
        self._seen.update(item.path.absolute() for item in items)
        first, self._count = self._count, self._count + len(items)
        if items:
            self.found.emit(items)
            self._analyze(dict(enumerate(items, first)), advance)

    def _analyze(self, lot: Mapping[int, Input], advance: Advance) -> None:
        items, numbers = list(lot.values()), list(lot)
        analyzer = Analyzer(self._settings)
        self.labelled.emit(analyzer.labels)
        sizes = [item.size for item in items]
        began_s = told_s = time.monotonic()

        def watch(shares: Sequence[float]) -> None:
            nonlocal told_s
            whole = sum(share * size for share, size in zip(shares, sizes, strict=True))
            whole /= sum(sizes)
            advance(whole)
            now_s = time.monotonic()
            if now_s - told_s >= _TELL_S or whole >= 1.0:
                told_s = now_s
                sure = now_s - began_s >= _SURE_S and whole >= _SURE_SHARE
                left_s = (now_s - began_s) * (1.0 - whole) / whole if sure else None
                self.moved.emit(dict(zip(numbers, shares, strict=True)), left_s)

        count = processes_for(items)
        outcomes = (
            analyze_here(items, analyzer, watch)
            if count == 1
            else analyze_in_processes(items, self._settings, count, watch)
        )
        for number, outcome in zip(numbers, outcomes, strict=True):
            self.done.emit(number, outcome)

"""Analyses files beside the window, one lot after another."""

from __future__ import annotations

import shutil
import tempfile
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSignal

from realtime_ser.base.config import Config
from realtime_ser.gui.widgets.task import ReportProgress, Task
from realtime_ser.recogniser.profiles import with_profile
from realtime_ser.session.analysis.analyzer import AnalysisSettings, Analyzer
from realtime_ser.session.analysis.inputs import InputFile, find_inputs
from realtime_ser.session.analysis.processes import analyze_files

_ESTIMATE_AFTER_S = 2.0
"""So much work, and so great a share, before the time left is told."""
_ESTIMATE_AFTER_SHARE = 0.02

_PROGRESS_PERIOD_S = 0.1


class AnalysisQueue(QObject):
    """Finds and analyses what it is given; the sessions lie in a store that goes with it.

    Attributes
    ----------
    folder
        Folder of the store.
    """

    #: Files were found: a list of inputs, whose numbers go on from those of before.
    files_found = pyqtSignal(object)

    #: Shares of the files of the present lot by their numbers, and seconds left or None.
    progressed = pyqtSignal(object, object)

    #: Number of a file, and what came of it.
    finished = pyqtSignal(int, object)

    #: Labels of the probabilities, in order.
    labels_known = pyqtSignal(object)

    #: Nothing is left to do; the argument says whether a person has ended it.
    idle = pyqtSignal(bool)

    failed = pyqtSignal(object)

    def __init__(self, config: Config, parent: QObject) -> None:
        super().__init__(parent)
        self.folder = Path(tempfile.mkdtemp(prefix="realtime-ser-"))
        # Also when the program ends without this having been closed.
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self._settings = AnalysisSettings(with_profile(config, None), self.folder, keep=True)
        self._waiting: deque[Callable[[ReportProgress], None]] = deque()
        self._seen: set[Path] = set()
        self._count = 0
        self._task: Task | None = None

    @property
    def running(self) -> bool:
        """Whether there is something to do still."""
        return self._task is not None

    def add(self, paths: Sequence[Path]) -> None:
        """Analyse files and folders, after what was added before."""
        self._begin(lambda advance: self._find(list(paths), advance))

    def resume(self, items: Mapping[int, InputFile]) -> None:
        """Analyse files that were found before, by their numbers."""
        self._begin(lambda advance: self._analyze(items, advance))

    def cancel(self) -> None:
        """End the analysis; what is done stays."""
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()

    def reset(self) -> None:
        """Start anew: files that were analysed may be added again."""
        self._seen.clear()
        self._count = 0

    def wait(self) -> None:
        """Return when the thread has ended."""
        if self._task is not None:
            self._task.wait()

    def _begin(self, work: Callable[[ReportProgress], None]) -> None:
        self._waiting.append(work)
        if self._task is None:
            self._next()

    def _next(self) -> None:
        self._task = task = Task(self._waiting.popleft(), self)
        task.succeeded.connect(lambda _: self._task_ended(cancelled=False))
        task.cancelled.connect(lambda: self._task_ended(cancelled=True))
        task.failed.connect(self._task_failed)
        task.start()

    def _task_ended(self, *, cancelled: bool) -> None:
        self._task = None
        if self._waiting:
            self._next()
        else:
            self.idle.emit(cancelled)

    def _task_failed(self, error: Exception) -> None:
        self._waiting.clear()
        self._task = None
        self.failed.emit(error)
        self.idle.emit(True)

    def _find(self, paths: Sequence[Path], advance: ReportProgress) -> None:
        """Find one lot and analyse it, in the task's thread."""
        found = find_inputs(paths, None)
        items = [item for item in found if item.path.absolute() not in self._seen]
        self._seen.update(item.path.absolute() for item in items)
        first, self._count = self._count, self._count + len(items)
        if items:
            self.files_found.emit(items)
            self._analyze(dict(enumerate(items, first)), advance)

    def _analyze(self, numbered_inputs: Mapping[int, InputFile], advance: ReportProgress) -> None:
        items, numbers = list(numbered_inputs.values()), list(numbered_inputs)
        sizes = [item.size for item in items]
        began_s = reported_s = time.monotonic()

        def on_progress(shares: Sequence[float]) -> None:
            nonlocal reported_s
            whole = sum(share * size for share, size in zip(shares, sizes, strict=True))
            whole /= sum(sizes)
            advance(whole)
            now_s = time.monotonic()
            if now_s - reported_s >= _PROGRESS_PERIOD_S or whole >= 1.0:
                reported_s = now_s
                estimable = now_s - began_s >= _ESTIMATE_AFTER_S and whole >= _ESTIMATE_AFTER_SHARE
                left_s = (now_s - began_s) * (1.0 - whole) / whole if estimable else None
                self.progressed.emit(dict(zip(numbers, shares, strict=True)), left_s)

        with closing(Analyzer(self._settings)) as analyzer:
            self.labels_known.emit(analyzer.labels)
            outcomes = analyze_files(items, analyzer, on_progress)
            for number, outcome in zip(numbers, outcomes, strict=True):
                self.finished.emit(number, outcome)

"""Watches the window from within: when it was shown, and when each update came to the screen.

``watch`` starts the monitor with its window in a fresh process, by way of this very file, which
notes moments on the monotonic clock where records are handed over and where Qt paints. Nothing of
the program is replaced.
"""

from __future__ import annotations

import functools
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.programs import Variables, finish, output_options, python, running_process

TABLE_NAME = "session.csv"
"""Name of the frames table of a session that is watched."""


@dataclass(frozen=True, slots=True)
class PaintedUpdate:
    """An update on its way; moments on the monotonic clock in seconds.

    Attributes
    ----------
    time_s
        Its time in the session.
    ready_s
        The worker handed it over.
    painted_s
        The first paint that shows it in the timeline was complete.
    latency_ms
        As in the update.
    """

    time_s: float
    ready_s: float
    painted_s: float
    latency_ms: float | None


@dataclass(frozen=True, slots=True)
class WindowTimes:
    """What was seen of a window.

    Attributes
    ----------
    started_s
        Its process was started.
    shown_s
        Its first paint was complete.
    painted
        All updates that came to the screen, in order.
    """

    started_s: float
    shown_s: float
    painted: tuple[PaintedUpdate, ...]


def watch(
    arguments: Sequence[str], duration_s: float, folder: Path, variables: Variables
) -> WindowTimes:
    """Run ``realtime-ser monitor`` in a window, in a fresh process, and watch it.

    Parameters
    ----------
    arguments
        Of the command.
    duration_s
        Length of the session.
    folder
        Where its files go.
    variables
        Name the display, and the microphone if it is used.
    """
    report = folder / "seen.json"
    options = [*arguments, "--duration", str(duration_s), *output_options(folder, TABLE_NAME)]
    started_s = time.monotonic()
    with running_process(
        python("-m", "benchmarks.probe", str(report), *options), variables
    ) as process:
        finish(process, timeout_s=duration_s + 120)
    seen = json.loads(report.read_text(encoding="utf-8"))
    painted = tuple(PaintedUpdate(**row) for row in seen["painted"])
    return WindowTimes(started_s, seen["shown_s"], painted)


# --------------------------------------------------------------------- in the process of the window


class _MomentLog:
    """Moments, noted in the order in which they come."""

    def __init__(self) -> None:
        self.shown_s: float | None = None
        self.painted: list[PaintedUpdate] = []
        self._ready: dict[int, float] = {}
        self._fed: dict[int, Any] = {}
        self._right_s = 0.0
        self._drawn = False

    def hand_over(self, records: Sequence[Any]) -> None:
        """The worker feeds records to a subscription."""
        now_s = time.monotonic()
        for update in _updates(records):
            self._ready.setdefault(update.step, now_s)

    def feed(self, records: Sequence[Any]) -> None:
        """The window takes records in."""
        self._fed |= {update.step: update for update in _updates(records)}

    def advance(self, right_s: float) -> None:
        """The timeline's right edge is at a time of the session."""
        self._right_s = right_s

    def draw(self) -> None:
        """The timeline is being painted."""
        self._drawn = True

    def show(self) -> None:
        """The first paint is complete."""
        if self.shown_s is None:
            self.shown_s = time.monotonic()

    def paint(self) -> None:
        """Everything that had to be painted is on the screen."""
        if not self._drawn:
            return
        self._drawn = False
        now_s = time.monotonic()
        for step in [
            step for step, update in self._fed.items() if _begin_s(update) < self._right_s
        ]:
            update = self._fed.pop(step)
            ready_s = self._ready.pop(step)
            self.painted.append(PaintedUpdate(update.time_s, ready_s, now_s, update.latency_ms))


def _ignore(*_: Any) -> None:
    """Told, does nothing."""


def _updates(records: Sequence[Any]) -> list[Any]:
    from realtime_ser.base.records import Update

    return [record for record in records if isinstance(record, Update)]


def _begin_s(update: Any) -> float:
    from realtime_ser.base.records import STEP_S

    return float(update.time_s) - STEP_S


def _install_hooks(log: _MomentLog) -> None:
    """Let the window and the queues tell the log what they do."""
    from PyQt6.QtCore import QEvent, QObject, QTimer
    from PyQt6.QtWidgets import QGraphicsView

    from realtime_ser.engine.subscription import Subscription
    from realtime_ser.gui.live.plots import Plots
    from realtime_ser.gui.live.window import MainWindow

    class ViewportFilter(QObject):
        def eventFilter(self, _watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
            if event is not None and event.type() is QEvent.Type.Paint:
                log.draw()
            return False

    viewport_filter = ViewportFilter()

    def begun(window: Any, *_: Any) -> None:
        for view in window.findChildren(QGraphicsView):
            view.viewport().installEventFilter(viewport_filter)

    def happened(_window: Any, event: QEvent) -> None:
        if event.type() is QEvent.Type.UpdateRequest:
            log.paint()
        elif event.type() is QEvent.Type.Paint and log.shown_s is None:
            # The window's children are painted after it; then the event loop goes on.
            QTimer.singleShot(0, log.show)

    _wrap(Subscription, "feed", before=lambda _, records: log.hand_over(records))
    _wrap(MainWindow, "feed", before=lambda _, records, _now_s: log.feed(records))
    _wrap(MainWindow, "begin", after=begun)
    _wrap(MainWindow, "event", after=happened)
    _wrap(Plots, "advance", before=lambda _, right_s: log.advance(right_s))


def _wrap(
    owner: type,
    name: str,
    before: Callable[..., None] = _ignore,
    after: Callable[..., None] = _ignore,
) -> None:
    """Call ``before`` and ``after`` with what a method is called with."""
    method = getattr(owner, name)

    @functools.wraps(method)
    def wrapped(self: Any, *arguments: Any, **options: Any) -> Any:
        before(self, *arguments)
        result = method(self, *arguments, **options)
        after(self, *arguments)
        return result

    setattr(owner, name, wrapped)


def _main(report: str, *arguments: str) -> int:
    from realtime_ser.commands.main import main

    log = _MomentLog()
    _install_hooks(log)
    code = main(["monitor", *arguments])
    seen = {"shown_s": log.shown_s, "painted": [asdict(painted) for painted in log.painted]}
    Path(report).write_text(json.dumps(seen), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))

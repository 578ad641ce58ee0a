"""Measures frames of a window from within its process, driven by the events of a mouse and keys.

``review`` opens a kept session and zooms, scrolls and pages through it; ``live`` feeds a live
window. Both write what they saw as JSON. Nothing of the program is replaced.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from realtime_ser.base.labels import LABELS
from realtime_ser.base.records import (
    STEP_S,
    Estimate,
    Segment,
    State,
    Update,
    VoiceMeasures,
)

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QWidget

_PERIOD_MS = 16
"""Between two events of the mouse: those of a fast hand."""

_FRAME_S = 0.033
"""Between two frames of the live window."""

_FRAMES_PER_STATUS = 3
"""Frames between two changes of its words."""


@dataclass(slots=True)
class ReviewFrames:
    """What was seen of a kept session's window.

    Attributes
    ----------
    first_paint_s, first_paint_worked_s
        From asking for the window to its complete first paint, with the session in it, and the
        processor time in it.
    zooming_ms, scrolling_ms
        Of each frame that was painted, the time in which the window did nothing else, and the
        processor time of it, which tells what the code took on a busy machine.
    memory_mb
        The most that the process ever held, its libraries included.
    """

    first_paint_s: float = 0.0
    first_paint_worked_s: float = 0.0
    zooming_ms: list[tuple[float, float]] = field(default_factory=list)
    scrolling_ms: list[tuple[float, float]] = field(default_factory=list)
    memory_mb: float = 0.0


@dataclass(slots=True)
class LiveFrames:
    """What was seen of the live window: frames early and late in a session, and memory then.

    A frame is its time and the processor time in it, as in :class:`ReviewFrames`.
    """

    early_ms: list[tuple[float, float]] = field(default_factory=list)
    late_ms: list[tuple[float, float]] = field(default_factory=list)
    early_mb: float = 0.0
    late_mb: float = 0.0


def measure_review(folder: Path, session: str, turns: int) -> ReviewFrames:
    """Open a session, and zoom and scroll through all of it; ``turns`` events for each movement."""
    from realtime_ser.base.config import Config
    from realtime_ser.gui.review.window import ReviewWindow
    from realtime_ser.session.store import Store

    watch, seen = _FrameWatch(), ReviewFrames()
    with Store(folder) as store:
        begun_s, worked_s = time.perf_counter(), time.thread_time()
        window = ReviewWindow(Config(), store, session)
        window.show()
        watch.widget = window.review_view.canvas
        while not watch.frames:
            watch.app.processEvents()
        seen.first_paint_s = time.perf_counter() - begun_s
        seen.first_paint_worked_s = time.thread_time() - worked_s
        _process_events(watch.app, 1.0)
        canvas, axis = window.review_view.canvas, window.review_view.axis
        for curve_style in ("areas", "lines"):
            if canvas.curve_style != curve_style:
                _trigger_action(window, "A")
            for share in (0.3, 0.8):
                turned = [120] * turns + [-120] * turns
                seen.zooming_ms += _frames(watch, (_wheel(canvas, share, n) for n in turned))
            for span_s in (12 * 3600.0, 3600.0, 60.0, 2.0):
                axis.show(axis.duration_s / 3, axis.duration_s / 3 + span_s)
                _process_events(watch.app, 0.2)
                seen.scrolling_ms += _frames(watch, _drag(canvas, turns))
                pages = (_key(canvas, name) for name in ("PageDown", "PageUp") * (turns // 4))
                seen.scrolling_ms += _frames(watch, pages)
        window.close()
    seen.memory_mb = _peak_mb()
    return seen


def measure_live(updates: int, frames: int) -> LiveFrames:
    """Look at a live window near its beginning, and again when so many updates have come."""
    watch, seen = _FrameWatch(), LiveFrames()
    from realtime_ser.base.config import WindowConfig
    from realtime_ser.gui.live.status_model import StatusModel, UiState
    from realtime_ser.gui.live.window import MainWindow

    window = MainWindow(WindowConfig())
    window.begin(LABELS, (1,), rate=1.0)
    window.show()
    _process_events(watch.app, 0.5)
    stream, now_s = _SyntheticSession(), 0.0

    def advance(by_s: float) -> None:
        nonlocal now_s
        now_s += by_s
        records = stream.records_until(now_s)
        if records:
            window.feed(records, now_s)

    def say() -> None:
        view = StatusModel(
            UiState.SPEECH,
            source="Microphone",
            live=True,
            folder="sessions",
            position_s=now_s,
            latency_ms=150.0 + now_s % 9,
            updates_per_s=12.5,
            rate=48_000,
            model="model",
        )
        window.show_status(view, now_s)

    def measure_frames() -> list[tuple[float, float]]:
        watch.frames, turn = [], 0
        while len(watch.frames) < frames:
            watch.begin()
            advance(_FRAME_S)
            if turn % _FRAMES_PER_STATUS == 0:
                say()
            turn += 1
            window.tick(now_s)
            watch.end()
            _process_events(watch.app, 0.01)  # Qt paints a few milliseconds later
        return watch.frames

    advance(60.0)
    measure_frames()  # everything has been painted once
    seen.early_ms, seen.early_mb = measure_frames(), _resident_mb()
    end_s = updates * STEP_S
    while now_s < end_s:
        advance(60.0)
        window.tick(now_s)
    measure_frames()
    seen.late_ms, seen.late_mb = measure_frames(), _resident_mb()
    window.close()
    return seen


# ------------------------------------------------------------------------------ what is listened to


class _SyntheticSession:
    """Speech of four seconds and a second of silence, over and over."""

    def __init__(self) -> None:
        self._step = 0
        values = np.random.default_rng(0).dirichlet(np.ones(len(LABELS)), 500).astype(np.float32)
        self._estimates = [
            Estimate(row, LABELS[int(row.argmax())], float(row.max()), bool(row.max() > 0.5))
            for row in values
        ]

    def records_until(self, time_s: float) -> list[Any]:
        """Updates and segments up to a time."""
        records: list[Any] = []
        while (self._step + 1) * STEP_S <= time_s:
            number, place = divmod(self._step, 62)
            estimate = self._estimates[self._step % len(self._estimates)]
            if place < 50:
                state, said = State.SPEECH, estimate
                f0_hz = 100.0 + 100.0 * said.confidence
                voice = VoiceMeasures(f0_hz, -30.0, 4.0, 0.2, said.confidence, -3.0)
                update = Update(self._step, 1, state, number + 1, said, -30.0, voiced=4)
            else:
                voice = VoiceMeasures(None, -60.0, 4.0, 0.2, None, None)
                update = Update(self._step, 1, State.SILENCE, level_dbfs=-60.0)
            records.append(replace(update, voice=voice))
            if place == 50:
                end_s = self._step * STEP_S
                records.append(Segment(number + 1, 1, end_s - 4.0, end_s, 4.0, estimate))
            self._step += 1
        return records


# -------------------------------------------------------------------------------- frames and events


class _FrameWatch:
    """Sees every event that is delivered, and what each frame took.

    A frame is all the work from one paint to the next: of mouse and keys, of timers and of painting
    itself. Waiting is not counted.

    Attributes
    ----------
    frames
        Milliseconds of each, and the processor time in it.
    widget
        Whose paints count; ``None``: those of all.
    """

    def __init__(self) -> None:
        from PyQt6.QtCore import QEvent, QObject
        from PyQt6.QtWidgets import QApplication

        watch = self

        class Application(QApplication):
            def notify(self, receiver: QObject | None, event: QEvent | None) -> bool:
                if event is not None and event.type() is QEvent.Type.Paint:
                    watch.painted |= watch.widget in (None, receiver)
                if watch.depth:
                    return super().notify(receiver, event)
                watch.begin()
                try:
                    return super().notify(receiver, event)
                finally:
                    watch.end()

        self.depth = 0
        self.painted = False
        self.busy_ms = self.worked_ms = 0.0
        self.frames: list[tuple[float, float]] = []
        self.widget: QObject | None = None
        self.app = Application([sys.argv[0]])
        self.app.setStyle("Fusion")  # as the program does

    def begin(self) -> None:
        """Work begins."""
        self.depth += 1
        self._begun_s, self._worked_s = time.perf_counter(), time.thread_time()

    def end(self) -> None:
        """Work ends; a frame with it, if something was painted."""
        self.depth -= 1
        self.busy_ms += 1000 * (time.perf_counter() - self._begun_s)
        self.worked_ms += 1000 * (time.thread_time() - self._worked_s)
        if self.painted:
            self.frames.append((self.busy_ms, self.worked_ms))
            self.busy_ms, self.worked_ms, self.painted = 0.0, 0.0, False


def _frames(watch: _FrameWatch, events: Iterator[Callable[[], None]]) -> list[tuple[float, float]]:
    """Post events at the pace of a hand; what each frame took, and its processor time, in ms."""
    from PyQt6.QtCore import QEventLoop, Qt, QTimer

    loop, timer = QEventLoop(), QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)

    def post() -> None:
        event = next(events, None)
        if event is None:
            timer.stop()
            QTimer.singleShot(400, loop.quit)  # glides come to rest
        else:
            event()

    timer.timeout.connect(post)
    watch.frames = []
    timer.start(_PERIOD_MS)
    loop.exec()
    return watch.frames


def _wheel(canvas: QWidget, share: float, turn: int) -> Callable[[], None]:
    from PyQt6.QtCore import QPoint, QPointF, Qt
    from PyQt6.QtGui import QWheelEvent
    from PyQt6.QtWidgets import QApplication

    def post() -> None:
        at = QPointF(share * canvas.width(), canvas.height() / 2)
        there = QPointF(canvas.mapToGlobal(at.toPoint()))
        plain, phase = Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase
        event = QWheelEvent(
            at, there, QPoint(), QPoint(0, turn), Qt.MouseButton.NoButton, plain, phase, False
        )
        QApplication.postEvent(canvas, event)

    return post


def _drag(canvas: Any, turns: int) -> Iterator[Callable[[], None]]:
    """Press, move to and fro, and let go, over the curves."""
    from PyQt6.QtCore import QEvent, QPointF, Qt
    from PyQt6.QtGui import QMouseEvent
    from PyQt6.QtWidgets import QApplication

    kinds, left, none = QEvent.Type, Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    tallest = max((row.place.plot for row in canvas.rows), key=lambda plot: plot.height)
    y, x, wide = tallest.middle[1], tallest.left, tallest.width

    def mouse(kind: QEvent.Type, share: float) -> Callable[[], None]:
        def post() -> None:
            at = QPointF(x + share * wide, y)
            button = none if kind is kinds.MouseMove else left
            held = none if kind is kinds.MouseButtonRelease else left
            there = QPointF(canvas.mapToGlobal(at.toPoint()))
            plain = Qt.KeyboardModifier.NoModifier
            QApplication.postEvent(canvas, QMouseEvent(kind, at, there, button, held, plain))

        return post

    yield mouse(kinds.MouseButtonPress, 0.9)
    for turn in range(2 * turns):
        yield mouse(kinds.MouseMove, 0.9 - 0.8 * abs(1.0 - abs(turn / turns - 1.0)))
    yield mouse(kinds.MouseButtonRelease, 0.9)


def _key(canvas: QWidget, name: str) -> Callable[[], None]:
    from PyQt6.QtCore import QEvent, Qt
    from PyQt6.QtGui import QKeyEvent
    from PyQt6.QtWidgets import QApplication

    def post() -> None:
        key = getattr(Qt.Key, f"Key_{name}")
        plain = Qt.KeyboardModifier.NoModifier
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            QApplication.postEvent(canvas, QKeyEvent(kind, key, plain))

    return post


def _trigger_action(window: Any, key: str) -> None:
    """Choose the action that has a key."""
    next(a for a in window.actions_.all() if a.shortcut().toString() == key).trigger()


def _process_events(app: Any, seconds: float) -> None:
    until_s = time.perf_counter() + seconds
    while time.perf_counter() < until_s:
        app.processEvents()
        time.sleep(0.002)


def _peak_mb() -> float:
    """The most that this process has held so far."""
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1e-6
    # Linux hands ru_maxrss on from the program that started this one.
    (line,) = (
        line
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        if line.startswith("VmHWM")
    )
    return int(line.split()[1]) * 1.024e-3


def _resident_mb() -> float:
    from benchmarks.machine import usage

    return usage(int(Path("/proc/self").resolve().name)).rss_mb


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.frames", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    review = kinds.add_parser("review")
    review.add_argument("folder", type=Path)
    review.add_argument("session")
    review.add_argument("turns", type=int)
    live = kinds.add_parser("live")
    live.add_argument("updates", type=int)
    live.add_argument("frames", type=int)
    for one in (review, live):
        one.add_argument("report", type=Path)
    chosen = parser.parse_args()
    seen: ReviewFrames | LiveFrames
    if chosen.kind == "review":
        seen = measure_review(chosen.folder, chosen.session, chosen.turns)
    else:
        seen = measure_live(chosen.updates, chosen.frames)
    chosen.report.write_text(json.dumps(asdict(seen)), encoding="utf-8")
    os._exit(0)  # Qt would tell the watch of events while Python comes to its end


if __name__ == "__main__":
    _main()

"""A kept session in its window, driven by clicks and keys."""

from __future__ import annotations

import pytest
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtWidgets import QApplication

from realtime_ser.config import Config
from realtime_ser.gui.review import ReviewWindow
from realtime_ser.gui.review.strips import Speech
from realtime_ser.session.formats.tiers import CORRECTED
from realtime_ser.session.store import Interval, Store
from tests import kept_sessions as made

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def review(qtbot, store):
    """Open a session in a window."""

    def opened(info):
        window = ReviewWindow(Config(), store, info.id)
        qtbot.addWidget(window)
        with qtbot.waitActive(window):
            window.show()
            window.activateWindow()
        return window

    return opened


class Pointer:
    """A person's mouse on the timeline."""

    def __init__(self, qtbot, window):
        self.qtbot, self.canvas = qtbot, window.desk.canvas

    def row(self, kind, **traits):
        return next(
            row
            for row in self.canvas.rows
            if isinstance(row.strip, kind)
            and all(getattr(row.strip, name) == value for name, value in traits.items())
        )

    def at(self, row, time_s):
        box = row.place.plot
        return QPoint(round(self.canvas.sight.x(time_s)), round(box.center().y()))

    def click(self, row, time_s):
        self.qtbot.mouseClick(self.canvas, LEFT, pos=self.at(row, time_s))

    def drag(self, row, start_s, end_s, modifier=Qt.KeyboardModifier.NoModifier):
        first, last = self.at(row, start_s), self.at(row, end_s)
        self.qtbot.mousePress(self.canvas, LEFT, modifier, first)
        self.qtbot.mouseMove(self.canvas, (first + last) / 2)
        self.qtbot.mouseMove(self.canvas, last)
        self.qtbot.mouseRelease(self.canvas, LEFT, modifier, last)

    def wheel(self, time_s, notches, modifier=Qt.KeyboardModifier.NoModifier):
        at = QPointF(self.canvas.sight.x(time_s), self.canvas.height() / 2)
        event = QWheelEvent(
            at,
            QPointF(self.canvas.mapToGlobal(at.toPoint())),
            QPoint(),
            QPoint(0, 120 * notches),
            Qt.MouseButton.NoButton,
            modifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(self.canvas, event)


def test_the_wheel_zooms_at_the_pointer_down_to_a_tenth_of_a_second(qtbot, store, review):
    window = review(made.keep(store, made.records(steps=2000)))
    pointer, axis = Pointer(qtbot, window), window.desk.axis
    place = pointer.canvas.sight.x(3.0)
    for _ in range(30):
        pointer.wheel(3.0, 1)
        goal = axis.goal
        qtbot.waitUntil(lambda goal=goal: (axis.start_s, axis.end_s) == goal, timeout=2000)
    assert axis.span_s == pytest.approx(0.1)
    assert pointer.canvas.sight.x(3.0) == pytest.approx(place, abs=2.0)
    pointer.wheel(3.0, -1, Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: axis.start_s > goal[0] and axis.span_s == pytest.approx(0.1))
    qtbot.keyClick(pointer.canvas, Qt.Key.Key_F)
    qtbot.waitUntil(lambda: (axis.start_s, axis.end_s) == (0.0, axis.duration_s))


def test_a_wrong_segment_is_corrected_by_a_click_and_a_key(qtbot, store, review):
    info = made.interview(store)
    window = review(info)
    pointer = Pointer(qtbot, window)
    segment = next(s for s in store.segments(info.id) if (s.channel, s.number) == (2, 1))
    row = next(
        row
        for row in pointer.canvas.rows
        if isinstance(row.strip, Speech) and row.strip.channel.number == 2
    )
    pointer.click(row, (segment.start_s + segment.end_s) / 2)
    assert window.desk.axis.cursor_s == segment.start_s
    qtbot.keyClick(pointer.canvas, Qt.Key.Key_3)
    wanted = Interval(CORRECTED, segment.start_s, segment.end_s, "happy", channel=2)
    assert store.intervals(info.id) == [wanted]
    qtbot.keyClick(pointer.canvas, Qt.Key.Key_5)
    assert [one.label for one in store.intervals(info.id)] == ["angry"]
    qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert store.intervals(info.id) == []
    qtbot.mouseClick(window.buttons["redo"], LEFT)
    assert store.intervals(info.id) == [wanted]
    qtbot.keyClick(pointer.canvas, Qt.Key.Key_0)
    assert store.intervals(info.id) == []

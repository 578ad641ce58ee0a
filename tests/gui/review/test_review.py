"""A kept session in its window, driven by clicks and keys."""

from __future__ import annotations

import pytest
from PyQt6.QtCore import Qt

from realtime_ser.gui.review.strips import Speech
from realtime_ser.session.formats.tiers import CORRECTED
from realtime_ser.session.store import Interval
from tests import kept_sessions as made

LEFT = Qt.MouseButton.LeftButton


def test_the_wheel_zooms_at_the_pointer_down_to_a_tenth_of_a_second(qtbot, store, review, pointer):
    window = review(made.keep(store, made.records(steps=2000)))
    mouse, axis = pointer(window), window.desk.axis
    place = mouse.canvas.sight.x(3.0)
    for _ in range(30):
        mouse.wheel(3.0, 1)
        goal = axis.goal
        qtbot.waitUntil(lambda goal=goal: (axis.start_s, axis.end_s) == goal, timeout=2000)
    assert axis.span_s == pytest.approx(0.1)
    assert mouse.canvas.sight.x(3.0) == pytest.approx(place, abs=2.0)
    mouse.wheel(3.0, -1, Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: axis.start_s > goal[0] and axis.span_s == pytest.approx(0.1))
    qtbot.keyClick(mouse.canvas, Qt.Key.Key_F)
    qtbot.waitUntil(lambda: (axis.start_s, axis.end_s) == (0.0, axis.duration_s))


def test_a_wrong_segment_is_corrected_by_a_click_and_a_key(qtbot, store, review, pointer):
    info = made.interview(store)
    window = review(info)
    mouse = pointer(window)
    segment = next(s for s in store.segments(info.id) if (s.channel, s.number) == (2, 1))
    row = next(
        row
        for row in mouse.canvas.rows
        if isinstance(row.strip, Speech) and row.strip.channel.number == 2
    )
    mouse.click(row, (segment.start_s + segment.end_s) / 2)
    assert window.desk.axis.cursor_s == segment.start_s
    qtbot.keyClick(mouse.canvas, Qt.Key.Key_3)
    wanted = Interval(CORRECTED, segment.start_s, segment.end_s, "happy", channel=2)
    assert store.intervals(info.id) == [wanted]
    qtbot.keyClick(mouse.canvas, Qt.Key.Key_5)
    assert [one.label for one in store.intervals(info.id)] == ["angry"]
    qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert store.intervals(info.id) == []
    qtbot.mouseClick(window.buttons["redo"], LEFT)
    assert store.intervals(info.id) == [wanted]
    qtbot.keyClick(mouse.canvas, Qt.Key.Key_0)
    assert store.intervals(info.id) == []

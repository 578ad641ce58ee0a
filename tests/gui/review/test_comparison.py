"""Two takes of a passage, one below the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PyQt6.QtCore import QPoint, Qt

from realtime_ser.base.config import Config
from realtime_ser.base.records import STEP_S, Segment, State, Update
from realtime_ser.gui.review.comparison import TakesWindow
from realtime_ser.session.store import Interval
from realtime_ser.session.store.values import CORRECTED
from realtime_ser.timeline.alignment import (
    FLOOR_DB,
    align_by_loudness,
    comparison_figures,
    make_take,
)
from realtime_ser.timeline.content import load_content
from tests import kept_sessions as made

LEFT = Qt.MouseButton.LeftButton


def passage(silence, loud):
    """A session that begins with so much silence, then has these levels."""
    levels = [FLOOR_DB] * silence + list(loud)
    records = [
        Update(step, 1, State.SPEECH if level > -40 else State.SILENCE, 1, None, level)
        if level <= -40
        else Update(step, 1, State.SPEECH, 1, made.estimate(step), level)
        for step, level in enumerate(levels)
    ]
    records = [replace(one, segment=None) if one.state is State.SILENCE else one for one in records]
    start_s, end_s = silence * STEP_S, (silence + 30) * STEP_S
    again_s = (silence + 50) * STEP_S
    last_s = (silence + len(loud)) * STEP_S
    return [
        *records,
        Segment(1, 1, start_s, end_s, 2.0, made.estimate(2)),
        Segment(2, 1, again_s, last_s, 2.0, made.estimate(4)),
    ]


@pytest.fixture
def loud():
    """Levels of a spoken passage: speech, a pause of twenty steps, speech."""
    random = np.random.default_rng(5)
    spoken = random.uniform(-30, -10, 100)
    spoken[30:50] = -55
    return spoken


@pytest.fixture
def takes(store, loud):
    """Two sessions: the second begins 25 steps later, and is 6 dB quieter."""
    first = made.keep(store, passage(10, loud), title="first")
    second = made.keep(store, passage(35, loud - 6), title="second")
    return first, second


def test_takes_are_told_by_what_a_person_called_their_segments(qtbot, store, takes):
    first = takes[0]
    by_hand = Interval(CORRECTED, 10 * STEP_S, 40 * STEP_S, "of its own", channel=1)
    store.annotate(first.id, intervals=[by_hand])
    window = TakesWindow(Config(), store)
    qtbot.addWidget(window)
    for picker, info in zip(window.pickers, takes, strict=True):
        picker.choose(info.id, None)
    mostly = [comparison_figures(picker.take())["sounds mostly"] for picker in window.pickers]
    assert "of its own 50\u202f%" in mostly[0]
    assert "of its own" not in mostly[1]
    shown = [
        [item.value.label for tier in one.tiers() for item in tier.items()]
        for one in window.pickers
    ]
    assert shown == [["of its own"], []]


def test_the_loudness_lies_best_where_the_passage_is_the_same(store, takes):
    one, other = (
        make_take(load_content(store, info.id).channels[1], 0.0, info.duration_s) for info in takes
    )
    found = align_by_loudness(one, other)
    assert found.shift_s == pytest.approx(-25 * STEP_S)
    assert found.correlation > 0.9
    assert comparison_figures(one)["longest pause"] == "1.60 s"
    assert comparison_figures(other)["pauses"] == "1"


@pytest.fixture
def window(qtbot, store, takes):
    made_window = TakesWindow(Config(), store)
    qtbot.addWidget(made_window)
    with qtbot.waitActive(made_window):
        made_window.show()
        made_window.activateWindow()
    for picker, info in zip(made_window.pickers, takes, strict=True):
        picker.session.setCurrentIndex(picker.session.findData(info.id))
    return made_window


def test_takes_are_aligned_shifted_by_hand_and_aligned_again(qtbot, window):
    assert window.shift.value() == pytest.approx(-2.0)
    assert "correlation" in window.message.text()
    shown = {
        window.table.item(row, 0).text(): [
            window.table.item(row, column).text() for column in (1, 2)
        ]
        for row in range(window.table.rowCount())
    }
    assert shown["pauses"] == ["1", "1"]
    assert shown["length"] == ["8.8 s", "10.8 s"]
    view = window.view
    box = view.row_box(1)
    from_x, to_x = box.middle[0], box.middle[0] + 2.0 * view.viewport().px_per_s
    at = QPoint(round(box.middle[0]), round(box.middle[1]))
    qtbot.mousePress(view, LEFT, pos=at)
    qtbot.mouseMove(view, QPoint(round((from_x + to_x) / 2), at.y()))
    qtbot.mouseRelease(view, LEFT, pos=at)
    assert window.shift.value() > -2.0
    view.setFocus()
    before = window.shift.value()
    qtbot.keyClick(view, Qt.Key.Key_Left)
    assert window.shift.value() == pytest.approx(before - STEP_S, abs=0.01)
    qtbot.mouseClick(window.onset, LEFT)
    assert window.shift.value() == pytest.approx(-2.0)
    qtbot.keyClick(view, Qt.Key.Key_Right)
    qtbot.mouseClick(window.loudness, LEFT)
    assert window.shift.value() == pytest.approx(-2.0)


def test_a_session_that_is_gone_is_told_and_another_can_be_chosen(window, store, takes):
    store.delete([takes[0]])  # as another window would
    window.pickers[1].session.setCurrentIndex(window.pickers[1].session.findData(takes[0].id))
    assert f"no session '{takes[0].id}'" in window.message.text()
    assert not window.loudness.isEnabled()
    window.pickers[1].session.setCurrentIndex(window.pickers[1].session.findData(takes[1].id))
    assert window.loudness.isEnabled()


def test_a_stretch_of_a_session_is_a_take(window):
    window.pickers[1].start.setValue(2.0)
    assert window.shift.value() == pytest.approx(0.0, abs=STEP_S)
    window.pickers[1].end.setValue(1.0)
    assert not window.loudness.isEnabled()

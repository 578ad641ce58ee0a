"""A participant's sessions over weeks."""

from __future__ import annotations

import csv
from datetime import timedelta

import pytest
from PyQt6.QtCore import Qt

from realtime_ser.gui.library.trend import TrendWindow
from realtime_ser.session.metadata import Study
from realtime_ser.session.trend import trend
from tests import kept_sessions as made


@pytest.fixture
def weeks(store):
    """Four weekly sessions of P07, the third without speech, and one of somebody else."""
    for week in range(4):
        records = made.records((1, 2)) if week != 2 else []
        made.keep(
            store,
            records,
            channels=(1, 2),
            names={1: "coach", 2: "client"},
            started=made.NOW + timedelta(weeks=week),
            title=f"Week {week}",
            study=Study("Sleep", "P07"),
        )
    made.keep(store, made.records(), study=Study("Sleep", "P03"))
    return store.sessions()


@pytest.fixture
def window(qtbot, config, store, weeks):
    made_window = TrendWindow(config, store, "P07")
    qtbot.addWidget(made_window)
    made_window.show()
    qtbot.waitExposed(made_window)
    return made_window


def cells(window, column):
    return [window.table.item(row, column).text() for row in range(window.table.rowCount())]


def test_the_sessions_of_a_participant_are_shown_in_order_and_opened(qtbot, window, weeks):
    assert cells(window, 1) == ["Week 0", "Week 1", "Week 2", "Week 3"]
    assert cells(window, 5)[2] == "–"
    qtbot.keyClick(window.plot, Qt.Key.Key_Home)
    assert window.table.currentRow() == 0
    with qtbot.waitSignal(window.open_requested) as opened:
        qtbot.keyClick(window.plot, Qt.Key.Key_Return)
    assert opened.args == [next(i.id for i in weeks if i.metadata.title == "Week 0")]
    right = window.plot.rect().topRight() - window.plot.rect().center()
    qtbot.mouseClick(
        window.plot, Qt.MouseButton.LeftButton, pos=window.plot.rect().center() + right / 2
    )
    assert window.table.currentRow() in (2, 3)
    window.participant.setFocus()
    qtbot.keyClicks(window.participant, "P03")
    assert cells(window, 1) == ["talk.wav"]


def test_one_channel_counts_alone(qtbot, window, store):
    both = cells(window, 4)
    qtbot.keyClicks(window.channel, "client")
    assert cells(window, 4) != both
    (first, *_) = trend(store, "P07", "client")
    assert first.segments == 1
    assert sum(first.shares.values()) == pytest.approx(1.0)
    assert first.speech_s == pytest.approx(30 * 0.08)


def test_the_numbers_are_exported(window, store, tmp_path, click, choose_file):
    click(window.export)
    choose_file(window, tmp_path / "trend")
    with (tmp_path / "trend.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["title"] for row in rows] == ["Week 0", "Week 1", "Week 2", "Week 3"]
    first = trend(store, "P07")[0]
    assert float(rows[0]["certain_share"]) == pytest.approx(first.certain_share, abs=1e-6)
    for label, share in first.shares.items():
        assert float(rows[0][f"share_{label}"]) == pytest.approx(share, abs=1e-6)
    assert rows[2]["certain_share"] == rows[2]["share_happy"] == ""
    click(window.export)
    choose_file(window, tmp_path / "trend")
    assert "exists already" in window.message.text()

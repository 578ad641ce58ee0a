"""A recording is analysed, then reviewed."""

from __future__ import annotations

import pytest
from PyQt6.QtCore import Qt

from realtime_ser.base.config import Config
from realtime_ser.base.paths import shipped
from realtime_ser.base.text import result_text
from realtime_ser.gui.review.file_dialog import review_file
from realtime_ser.gui.review.window import ReviewWindow
from realtime_ser.session.store import open_store


@pytest.fixture
def hear(qtbot):
    """Review a file, and close all that it opened."""
    opened = []

    def started(path, config=None):
        dialog = review_file(config or Config(), path)
        qtbot.addWidget(dialog)
        opened.append(dialog)
        return dialog

    yield started
    for dialog in opened:
        if dialog.review_window is not None:
            dialog.review_window.close()


def test_a_file_is_analysed_and_opens_with_its_sound(qtbot, hear):
    dialog = hear(shipped("demo.flac"))
    with qtbot.waitSignal(dialog.opened, timeout=20000) as found:
        pass
    (window,) = found.args
    assert isinstance(window, ReviewWindow)
    assert window.isVisible()
    assert not dialog.isVisible()
    assert window.buttons["play"].isEnabled()
    qtbot.keyClick(window.review_view.canvas, Qt.Key.Key_Right)
    with open_store(Config()) as store:
        (info,) = store.sessions()
        assert info.audio == shipped("demo.flac").resolve()
        segments = store.segments(info.id)
        model = window.review_view.segments.model
        assert [model.index(row, 2).data() for row in range(len(segments))] == [
            result_text(segment.estimate, short=True) for segment in segments
        ]
    again = hear(shipped("demo.flac"))
    with qtbot.waitSignal(again.opened, timeout=20000) as found:
        pass
    assert found.args[0].content.info.id == info.id


def test_a_file_that_is_no_sound_says_so_and_keeps_nothing(qtbot, hear, tmp_path):
    (tmp_path / "notes.wav").write_text("no sound")
    dialog = hear(tmp_path / "notes.wav")
    qtbot.waitUntil(lambda: dialog.cancel.text() == "Close", timeout=10000)
    assert "notes.wav" in dialog.message.text()
    qtbot.mouseClick(dialog.cancel, Qt.MouseButton.LeftButton)
    assert not dialog.isVisible()
    with open_store(Config()) as store:
        assert store.sessions() == []

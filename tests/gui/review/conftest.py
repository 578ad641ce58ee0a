"""A store, a review of a session, and a person's mouse on its timeline."""

from __future__ import annotations

import pytest
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtWidgets import QApplication

from realtime_ser.base.config import Config
from realtime_ser.gui.review.window import ReviewWindow

LEFT = Qt.MouseButton.LeftButton
PLAIN = Qt.KeyboardModifier.NoModifier


@pytest.fixture
def windows():
    """Windows that live until all else of a test is gone: none is collected while it is painted."""
    return []


@pytest.fixture
def review(windows, qtbot, store):
    """Open a session in a window: ``review(info)``."""

    def opened(info):
        window = ReviewWindow(Config(), store, info.id)
        windows.append(window)
        qtbot.addWidget(window)
        with qtbot.waitActive(window):
            window.show()
            window.activateWindow()
        return window

    return opened


class Pointer:
    """What a mouse does to a timeline."""

    def __init__(self, qtbot, canvas):
        self.qtbot, self.canvas = qtbot, canvas

    def row(self, kind, **traits):
        """The first strip of a kind whose attributes are those."""
        return next(
            row
            for row in self.canvas.rows
            if isinstance(row.track, kind)
            and all(getattr(row.track, name) == value for name, value in traits.items())
        )

    def at(self, row, time_s):
        """Place of a time on a strip."""
        box = row.place.plot
        return QPoint(round(self.canvas.viewport.x(time_s)), round(box.middle[1]))

    def click(self, row, time_s):
        self.qtbot.mouseClick(self.canvas, LEFT, pos=self.at(row, time_s))

    def double_click(self, row, time_s):
        self.qtbot.mouseDClick(self.canvas, LEFT, pos=self.at(row, time_s))

    def drag(self, row, start_s, end_s, modifier=PLAIN):
        first, last = self.at(row, start_s), self.at(row, end_s)
        self.qtbot.mousePress(self.canvas, LEFT, modifier, first)
        self.qtbot.mouseMove(self.canvas, (first + last) / 2)
        self.qtbot.mouseMove(self.canvas, last)
        self.qtbot.mouseRelease(self.canvas, LEFT, modifier, last)

    def wheel(self, time_s, notches, modifier=PLAIN):
        at = QPointF(self.canvas.viewport.x(time_s), self.canvas.height() / 2)
        no_button, phase = Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
        there, turn = QPointF(self.canvas.mapToGlobal(at.toPoint())), QPoint(0, 120 * notches)
        event = QWheelEvent(at, there, QPoint(), turn, no_button, modifier, phase, False)
        QApplication.sendEvent(self.canvas, event)


@pytest.fixture
def pointer(qtbot):
    """``pointer(window)``."""
    return lambda window: Pointer(qtbot, window.review_view.canvas)

"""The line at the bottom: latency, pace, losses, model, storage."""

from __future__ import annotations

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QWidget

from realtime_ser.gui.live.status_model import StatusModel, status_cells
from realtime_ser.gui.theme.style_watcher import reserve, set_size, style_of
from realtime_ser.gui.theme.theme import set_role
from realtime_ser.gui.widgets.icons import Glyph
from realtime_ser.gui.widgets.parts import ElidedLabel, label, row

_TIPS = (
    "From a sound at the microphone to its probabilities, median of the last seconds",
    "Each update covers 80 ms of sound",
    "Samples that the microphone or this computer lost",
    "Whose session it is, where that was said, and the model in use",
    "Sound is kept only when you ask for it: --record-audio",
)

#: How long a message stays, and how much longer for each of its letters.
_MESSAGE_MS = 5000
_LETTER_MS = 60

#: Below this width, in units of the grid, there is no room for all.
_NARROW = 130

#: The longest that each changing cell gets to say, so that nothing beside it jumps.
_WIDEST_TEXTS = ("latency 0000 ms", "00.0 updates/s", "0 dropped")


class StatusLine(QWidget):
    """Five cells of fixed places."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("statusline")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.cells = [label(role="small muted") for _ in _TIPS]
        self.recording_light = Glyph("record", 1.25, "recording_light")
        self.message = ElidedLabel()
        set_role(self.message, "small bold")
        set_size(self, height=3.5)
        for cell, tip in zip(self.cells, _TIPS, strict=True):
            cell.setToolTip(tip)
        *cells, stored = self.cells
        end = row(self.recording_light, stored)
        self.setLayout(row(*cells, (self.message, 1), end, margins=(2, 0, 2, 0), spacing=3.0))
        for cell, words in zip(self.cells, _WIDEST_TEXTS, strict=False):
            reserve(cell, [words], font="small")
        self._clear_timer = QTimer(self)
        self._clear_timer.setSingleShot(True)
        self._clear_timer.timeout.connect(self.message.clear)

    def say(self, text: str) -> None:
        """Show a message for as long as it takes to read; all of a long one is in its tooltip."""
        self.message.setText(text)
        self._clear_timer.start(_MESSAGE_MS + _LETTER_MS * len(text))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Leave out the pace on a narrow window."""
        super().resizeEvent(event)
        self.cells[1].setVisible(self.width() / style_of(self).grid(1) >= _NARROW)

    def show_status(self, status: StatusModel) -> None:
        """Show a state."""
        for cell, words in zip(self.cells, status_cells(status), strict=True):
            cell.setText(words)
        self.recording_light.setVisible(status.recording)
        set_role(self.cells[-1], "small bold" if status.recording else "small muted")
        lost = status.dropped_samples or status.overflows
        set_role(self.cells[2], "small danger" if lost else "small muted")

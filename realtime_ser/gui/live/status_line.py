"""The line at the bottom: latency, pace, losses, model, storage."""

from __future__ import annotations

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtGui import QFontMetricsF
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QWidget

from realtime_ser.gui.live.status_model import Panorama, status_words
from realtime_ser.gui.theme.theme import Look, set_role
from realtime_ser.gui.widgets.icons import Glyph
from realtime_ser.gui.widgets.parts import Elided

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
_ROOM = ("latency 0000 ms", "00.0 updates/s", "0 dropped")


class StatusLine(QWidget):
    """Five cells of fixed places."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("statusline")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.cells = [QLabel() for _ in _TIPS]
        self.light = Glyph("record")
        self.message = Elided()
        set_role(self.message, "small bold")
        self._stored = QHBoxLayout()
        layout = QHBoxLayout(self)
        for cell, tip in zip(self.cells, _TIPS, strict=True):
            set_role(cell, "small muted")
            cell.setToolTip(tip)
            if cell is self.cells[-1]:
                layout.addWidget(self.message, 1)
                layout.addLayout(self._stored)
                self._stored.addWidget(self.light)
                self._stored.addWidget(cell)
            else:
                layout.addWidget(cell)
        self._silence = QTimer(self)
        self._silence.setSingleShot(True)
        self._silence.timeout.connect(self.message.clear)

    def say(self, text: str) -> None:
        """Show a message for as long as it takes to read; all of a long one is in its tooltip."""
        self.message.setText(text)
        self._silence.start(_MESSAGE_MS + _LETTER_MS * len(text))

    def set_look(self, look: Look, width: int) -> None:
        """Change theme and sizes; on a narrow window leave out the pace."""
        self.cells[1].setVisible(width / look.grid(1) >= _NARROW)
        layout = self.layout()
        assert layout is not None
        layout.setContentsMargins(look.grid(2), 0, look.grid(2), 0)
        layout.setSpacing(look.grid(3))
        self._stored.setSpacing(look.grid(1))
        self.setFixedHeight(look.grid(3.5))
        self.light.show_glyph("record", look.theme.light, look.grid(1.25))
        metrics = QFontMetricsF(look.small)
        for cell, words in zip(self.cells, _ROOM, strict=False):
            cell.setMinimumWidth(round(metrics.horizontalAdvance(words)) + 2)

    def show_view(self, view: Panorama) -> None:
        """Show a state."""
        for cell, words in zip(self.cells, status_words(view), strict=True):
            if cell.text() != words:
                cell.setText(words)
        self.light.setVisible(view.recording)
        set_role(self.cells[-1], "small bold" if view.recording else "small muted")
        lost = view.dropped_samples or view.overflows
        set_role(self.cells[2], "small danger" if lost else "small muted")

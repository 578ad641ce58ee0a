"""A calm screen that hides the results from whoever speaks, while the session goes on."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QWidget

from realtime_ser.gui.live.status_model import Panorama, Situation
from realtime_ser.gui.theme.theme import Look, set_role
from realtime_ser.gui.widgets.icons import Glyph

_WORDS = {
    Situation.IDLE: "Not listening",
    Situation.OPENING: "Opening…",
    Situation.LISTENING: "Listening",
    Situation.SPEECH: "Listening",
    Situation.PAUSED: "Paused: nothing is heard",
    Situation.RECONNECTING: "The microphone is silent: reconnecting",
    Situation.ENDED: "The session has ended",
    Situation.NO_MICROPHONE: "No microphone found",
    Situation.FAILED: "The session has stopped",
}


class BlindScreen(QWidget):
    """Says that it listens and what is kept, and nothing of what it hears.

    Whether there is speech just now is not shown either: that would be a result.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("body")
        self.setAccessibleName("Results are hidden")
        self.glyph = Glyph("target")
        self.light = Glyph("record")
        self.title, self.kept, self.way = QLabel(), QLabel(), QLabel()
        self.way.setText("Results are hidden. Ctrl+B shows them again.")
        set_role(self.title, "big bold")
        set_role(self.way, "small muted")
        line = QHBoxLayout()
        line.addStretch(1)
        line.addWidget(self.light)
        line.addWidget(self.kept)
        line.addStretch(1)
        self._line = line
        layout = QGridLayout(self)
        center = Qt.AlignmentFlag.AlignCenter
        layout.setRowStretch(0, 2)
        layout.addWidget(self.glyph, 1, 0, center)
        layout.addWidget(self.title, 2, 0, center)
        layout.addLayout(line, 3, 0)
        layout.setRowStretch(4, 3)
        layout.addWidget(self.way, 5, 0, center)
        self._view = Panorama()

    def set_look(self, look: Look) -> None:
        """Change theme and sizes."""
        self._look = look
        layout = self.layout()
        assert isinstance(layout, QGridLayout)
        layout.setVerticalSpacing(look.grid(2))
        layout.setContentsMargins(look.grid(2), look.grid(2), look.grid(2), look.grid(2))
        self._line.setSpacing(look.grid(1))
        self.light.show_glyph("record", look.theme.light, look.grid(1.5))
        self.show_view(self._view)

    def show_view(self, view: Panorama) -> None:
        """Show a state."""
        self._view = view
        shown = Situation.LISTENING if view.situation is Situation.SPEECH else view.situation
        self.glyph.show_glyph(shown.glyph, self._look.theme.muted, self._look.grid(8))
        self.title.setText(_WORDS[view.situation])
        running = view.situation.running
        if not running:
            words = ""
        elif view.recording:
            words = "This session is kept, and its sound too."
        else:
            words = "This session is kept. Its sound is not."
        self.kept.setText(words)
        self.light.setVisible(running and view.recording)

"""A calm screen that hides the results from whoever speaks, while the session goes on."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QGridLayout, QLabel, QWidget

from realtime_ser.gui.live.status_model import StatusModel, UiState
from realtime_ser.gui.theme.style_watcher import pad
from realtime_ser.gui.theme.theme import set_role
from realtime_ser.gui.widgets.icons import Glyph
from realtime_ser.gui.widgets.parts import row

_WORDS = {
    UiState.IDLE: "Not listening",
    UiState.OPENING: "Opening…",
    UiState.LISTENING: "Listening",
    UiState.SPEECH: "Listening",
    UiState.PAUSED: "Paused: nothing is heard",
    UiState.RECONNECTING: "The microphone is silent: reconnecting",
    UiState.ENDED: "The session has ended",
    UiState.NO_MICROPHONE: "No microphone found",
    UiState.FAILED: "The session has stopped",
}


class BlindScreen(QWidget):
    """Says that it listens and what is kept, and nothing of what it hears.

    Whether there is speech just now is not shown either: that would be a result.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("body")
        self.setAccessibleName("Results are hidden")
        self.glyph = Glyph("target", 8, "muted")
        self.recording_light = Glyph("record", 1.5, "recording_light")
        self.title, self.storage, self.hint = QLabel(), QLabel(), QLabel()
        self.hint.setText("Results are hidden. Ctrl+B shows them again.")
        set_role(self.title, "big bold")
        set_role(self.hint, "small muted")
        layout = QGridLayout(self)
        pad(layout, 2, 2)
        center = Qt.AlignmentFlag.AlignCenter
        layout.setRowStretch(0, 2)
        layout.addWidget(self.glyph, 1, 0, center)
        layout.addWidget(self.title, 2, 0, center)
        layout.addLayout(row(None, self.recording_light, self.storage, None), 3, 0)
        layout.setRowStretch(4, 3)
        layout.addWidget(self.hint, 5, 0, center)
        self.show_status(StatusModel())

    def show_status(self, status: StatusModel) -> None:
        """Show a state."""
        shown = UiState.LISTENING if status.ui_state is UiState.SPEECH else status.ui_state
        self.glyph.show_glyph(shown.glyph)
        self.title.setText(_WORDS[status.ui_state])
        running = status.ui_state.running
        if not running:
            words = ""
        elif status.recording:
            words = "This session is kept, and its sound too."
        else:
            words = "This session is kept. Its sound is not."
        self.storage.setText(words)
        self.recording_light.setVisible(running and status.recording)

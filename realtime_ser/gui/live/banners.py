"""What the window says across its width or in its middle: demo, paused, no microphone."""

from __future__ import annotations

from typing import NamedTuple

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from realtime_ser.gui.live.status_model import StatusModel, UiState
from realtime_ser.gui.theme.style_watcher import pad, set_size
from realtime_ser.gui.theme.theme import set_role
from realtime_ser.gui.widgets.icons import Glyph
from realtime_ser.gui.widgets.parts import button, row


class BannerText(NamedTuple):
    """Icon, title, text and button of a banner."""

    glyph: str
    title: str
    text: str
    button: str = ""


class Banner(QWidget):
    """A line of words across the window, with at most one button."""

    pressed = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("ribbon")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.glyph = Glyph("ring", 2.25, "on_banner")
        self.title = QLabel()
        self.text = QLabel()
        self.button = button("", "What can be done about it", click_focus=False)
        set_role(self.title, "bold")
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setWordWrap(True)  # on a narrow window there is room for two lines
        layout = QHBoxLayout(self)
        pad(layout, (2, 0.5, 2, 0.5), 1)
        set_size(self, height=5)
        layout.addWidget(self.glyph)
        layout.addWidget(self.title)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.button)
        self.button.clicked.connect(self.pressed)
        self._words: BannerText | None = None
        self.hide()

    def say(self, words: BannerText | None) -> None:
        """Change the words; without any, hide."""
        if words == self._words:
            return
        self._words = words
        if words is not None:
            self.glyph.show_glyph(words.glyph)
            self.title.setText(words.title)
            self.text.setText(words.text)
            self.button.setText(words.button)
            self.button.setAccessibleName(f"{words.button}: {words.title}")
            self.button.setVisible(bool(words.button))
        self.setVisible(words is not None)


class MessageCard(QFrame):
    """A message in the middle of the window, with its next step."""

    rescan_pressed = pyqtSignal()
    retry_pressed = pyqtSignal()
    demo_pressed = pyqtSignal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.glyph = Glyph("ring", 4)
        self.title = QLabel()
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        set_role(self.title, "big bold")
        self.rescan = button("Rescan", "Look for microphones again (F5)", "primary")
        self.retry = button("Try again", "Open the session again (Space)", "primary")
        self.demo = button(
            "Play the demo recording", "Play synthesised speech as if it were a microphone"
        )
        self.rescan.clicked.connect(self.rescan_pressed)
        self.retry.clicked.connect(self.retry_pressed)
        self.demo.clicked.connect(self.demo_pressed)
        head = row(self.glyph, self.title)
        head.setStretchFactor(self.title, 1)
        layout = QVBoxLayout(self)
        pad(layout, 3, 2)
        set_size(self, width=64)
        layout.addLayout(head)
        layout.addWidget(self.text)
        layout.addLayout(row(self.rescan, self.retry, self.demo, None))
        self.hide()

    def show_status(self, status: StatusModel) -> None:
        """Show the message for a state; hide where there is none."""
        words = _card_text(status)
        if words is None:
            self.hide()
            return
        title, text = words
        missing = status.ui_state is UiState.NO_MICROPHONE
        failed = status.ui_state is UiState.FAILED
        self.glyph.show_glyph(status.ui_state.glyph)
        self.title.setText(title)
        self.text.setText(text)
        self.rescan.setVisible(missing)
        self.retry.setVisible(failed)
        self.demo.setVisible(missing or failed)
        self.show()
        self.adjustSize()
        self.raise_()


def _card_text(status: StatusModel) -> tuple[str, str] | None:
    match status.ui_state:
        case UiState.OPENING:
            return "Opening…", f"Opening {status.source}." if status.source else "One moment."
        case UiState.IDLE:
            return "Not listening", "Press Start, or Space, to begin a session."
        case UiState.NO_MICROPHONE:
            return "No microphone found", "Plug one in and press Rescan."
        case UiState.FAILED:
            return "The session has stopped", status.message
        case _:
            return None


def state_banner_text(status: StatusModel) -> BannerText | None:
    """Banner for a state; ``None`` where the state needs none."""
    if status.fault:
        return BannerText("warning", "Not being written", status.fault)
    match status.ui_state:
        case UiState.PAUSED:
            text = "Nothing is heard. Press Space to go on."
            return BannerText("pause", "Paused", text, "Resume")
        case UiState.RECONNECTING:
            words = f"{status.source} is silent. Check its plug; the session goes on by itself."
            return BannerText("broken", "Reconnecting", words)
        case UiState.ENDED:
            words = "Its files are complete. Press Start for a new session."
            if status.folder:
                words = f"Its files are in {status.folder}. Press Start for a new session."
            return BannerText("square", "Session ended", words)
        case _:
            return None


def demo_banner_text(status: StatusModel) -> BannerText | None:
    """Banner of the demo recording; ``None`` for other sources."""
    if not status.demo:
        return None
    if status.fallback:
        words = "No microphone found. Plug one in and press Rescan."
        return BannerText("demo", "Demo recording", words, "Rescan")
    words = "Synthesised speech plays as if it were a microphone."
    return BannerText("demo", "Demo recording", words)


class FileProgress(QProgressBar):
    """Progress of a file that is played."""

    def __init__(self) -> None:
        super().__init__()
        self.setRange(0, 1000)
        self.setTextVisible(False)
        self.setAccessibleName("Progress of the file")

    def show_status(self, status: StatusModel) -> None:
        """Follow a file; hide for a microphone."""
        self.setVisible(status.duration_s is not None)
        if status.duration_s:
            self.setValue(round(1000 * min(1.0, status.position_s / status.duration_s)))

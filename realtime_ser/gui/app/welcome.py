"""What a person should know before the first session: purpose, limits, consent."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QDialog, QVBoxLayout, QWidget

from realtime_ser.gui.theme.style_watcher import StyleWatcher, pad, set_size
from realtime_ser.gui.widgets.parts import button, label, row

NOTICE_VERSION = 1
"""Of the notice; a higher one is shown again to those who have read a lower one."""

_PARTS = (
    (
        "What it is for",
        (
            "It listens to a voice and says what it sounds like, as a model hears it that has "
            "learned from actors: for research, training and self-observation."
        ),
    ),
    (
        "What it cannot do",
        (
            "It does not know what a person feels, and it is often wrong, more so with voices, "
            "languages and rooms that it has not learned from. It is not a medical device, and no "
            "decision about a person may rest on it. Judging people at work or in education with "
            "it is prohibited in the European Union, and wrong everywhere."
        ),
    ),
    (
        "Whoever is heard must know",
        (
            "Tell everybody whose voice may be heard, and ask them first. The window and its title "
            "say all the time that it listens."
        ),
    ),
    (
        "What is kept",
        (
            "Each session's numbers are kept on this computer until you delete them. Sound is kept "
            "only when you ask for it; the last 30 seconds stay in memory, to be played again. "
            "Nothing leaves this computer."
        ),
    ),
)


class WelcomeDialog(QDialog):
    """The notice. Accepted when it was read; rejected when the person would rather not start.

    Parameters
    ----------
    first
        Whether listening waits for it.
    """

    def __init__(self, *, first: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Purpose, limits and consent")
        self.title = label(
            "Before you listen" if first else "Purpose, limits and consent", "big bold", wrap=True
        )
        column = QVBoxLayout(self)
        pad(column, 3, 2)
        set_size(self, width=72)
        column.addWidget(self.title)
        for heading, words in _PARTS:
            part = QVBoxLayout()
            pad(part, 0, 0.5)
            part.addWidget(label(heading, "bold"))
            part.addWidget(label(words, wrap=True))
            column.addLayout(part)
        self.more = label("More is in docs/data_protection.md.", "small muted")
        column.addWidget(self.more)
        self.leave = button("Quit", "Do not start")
        self.leave.setVisible(first)
        words = "I have read this" if first else "Close"
        self.read = button(words, "Close this notice (Enter)", "primary")
        self.read.setDefault(True)
        column.addLayout(row(None, self.leave, self.read))
        self.read.clicked.connect(self.accept)
        self.leave.clicked.connect(self.reject)
        StyleWatcher(self)
        self.read.setFocus()

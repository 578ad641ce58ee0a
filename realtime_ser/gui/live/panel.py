"""Left of a timeline: what the voice sounds like now, and the eight bars."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QFontMetricsF
from PyQt6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QWidget

from realtime_ser.base.labels import SOUNDS
from realtime_ser.base.text import percent
from realtime_ser.gui.live.channel_reading import Reading
from realtime_ser.gui.theme.theme import Look, set_role
from realtime_ser.gui.widgets.bars import Bars
from realtime_ser.gui.widgets.faces import Face

#: Numbers change this often, so that they can be read.
_NUMBERS_S = 0.2

NOTICE = (
    "What a voice sounds like, as a model hears it, is not what a person feels: "
    "do not judge anyone by it."
)


class Panel(QWidget):
    """The state of one channel.

    Parameters
    ----------
    channel
        What it is called, shown where there are several; then the panel is compact.
    """

    def __init__(self, labels: Sequence[str], channel: str, look: Look, *, compact: bool) -> None:
        super().__init__()
        self._compact = compact
        self._age_s = math.inf
        self.face = Face()
        self.title = QLabel()
        self.value = QLabel()
        self.before = QLabel()
        self.caption = QLabel(channel)
        self.bars = Bars(labels, look)
        self.caption.setVisible(compact)
        set_role(self.caption, "small muted")
        set_role(self.before, "small muted" if compact else "muted")
        self._grey(muted=True)
        for label in (self.title, self.value, self.before):
            label.setTextFormat(Qt.TextFormat.PlainText)
        for widget in (self.face, self.title, self.value):
            widget.setToolTip(NOTICE)
        self.bars.allow_choice()
        self._lay_out(compact=compact)
        self.set_look(look)

    def set_look(self, look: Look) -> None:
        """Change theme and sizes."""
        self._look = look
        compact = self._compact
        # As wide as the longest words there can be, whatever the system's font.
        words = [f"sounds {SOUNDS.get(name, name)}?" for name in self.bars.labels]
        metrics = QFontMetricsF(look.font(look.body_px, bold=True) if compact else look.big)
        widest = max(metrics.horizontalAdvance(word) for word in words)
        self.setFixedWidth(max(look.grid(35), math.ceil(widest) + look.grid(5)))
        layout = self.layout()
        assert isinstance(layout, QGridLayout)
        pad = look.grid(2)
        layout.setContentsMargins(pad, look.grid(1 if compact else 3), pad, look.grid(1))
        layout.setVerticalSpacing(look.grid(0.5 if compact else 0.75))
        layout.setHorizontalSpacing(look.grid(1.5))
        self.face.set_look(look, look.grid(6 if compact else 14))
        self.bars.set_look(look, look.grid(2.5 if compact else 3.75))
        for label, font in (
            (self.title, look.font(look.body_px, bold=True) if compact else look.big),
            (self.value, look.body if compact else look.font(look.big_px)),
            (self.before, look.small if compact else look.body),
        ):
            label.setMinimumHeight(math.ceil(QFontMetricsF(font).height()))

    def show_reading(self, reading: Reading, elapsed_s: float) -> None:
        """Show what is heard; ``elapsed_s`` is the time since the last call.

        Numbers change a few times a second, so that they can be read; a new title comes at once.
        """
        self.bars.glide(reading.bars or [0.0] * len(self.bars.labels), elapsed_s)
        self._age_s += elapsed_s
        if reading.title == self.title.text() and self._age_s < _NUMBERS_S:
            return
        self._age_s = 0.0
        for label, text in (
            (self.title, reading.title),
            (self.value, reading.value),
            (self.before, reading.before),
        ):
            if label.text() != text:
                label.setText(text)
        self.face.show_label(reading.label, certain=reading.certain)
        self._grey(muted=reading.label is None or not reading.certain)
        numbers = [percent(value) for value in reading.bars or ()]
        self.bars.show_numbers(numbers or ["–"] * len(self.bars.labels), reading.label)

    def _lay_out(self, *, compact: bool) -> None:
        layout = QGridLayout(self)
        if compact:
            head = QHBoxLayout()
            head.addWidget(self.caption)
            head.addStretch(1)
            head.addWidget(self.before)
            layout.addLayout(head, 0, 0, 1, 2)
            layout.addWidget(self.face, 1, 0, 2, 1)
            layout.addWidget(self.title, 1, 1)
            layout.addWidget(self.value, 2, 1)
            layout.setColumnStretch(1, 1)
        else:
            center = Qt.AlignmentFlag.AlignHCenter
            layout.addWidget(self.face, 1, 0, 1, 2, center)
            layout.addWidget(self.title, 2, 0, 1, 2, center)
            layout.addWidget(self.value, 3, 0, 1, 2, center)
            layout.addWidget(self.before, 4, 0, 1, 2, center)
            layout.setRowMinimumHeight(5, 8)
        layout.addWidget(self.bars, 6, 0, 1, 2)
        layout.setRowStretch(7, 1)

    def _grey(self, *, muted: bool) -> None:
        size = "body" if self._compact else "big"
        set_role(self.title, f"{size} bold{' muted' if muted else ''}")
        set_role(self.value, f"{size}{' muted' if muted else ''}")


class Brief(QWidget):
    """The panel's words in one line, for a window too narrow for the panel."""

    def __init__(self, channel: str, look: Look, *, compact: bool) -> None:
        super().__init__()
        self.face = Face()
        self.text = QLabel()
        self.before = QLabel()
        self._prefix = f"{channel}:  " if compact else ""
        set_role(self.text, "bold")
        set_role(self.before, "muted")
        layout = QHBoxLayout(self)
        layout.addWidget(self.face)
        layout.addWidget(self.text)
        layout.addStretch(1)
        layout.addWidget(self.before)
        self.set_look(look)

    def set_look(self, look: Look) -> None:
        """Change theme and sizes."""
        layout = self.layout()
        assert layout is not None
        layout.setContentsMargins(look.grid(2), 0, look.grid(1), look.grid(0.5))
        layout.setSpacing(look.grid(1))
        self.face.set_look(look, look.grid(4))

    def show_reading(self, reading: Reading) -> None:
        """Show what is heard."""
        self.face.show_label(reading.label, certain=reading.certain)
        text = self._prefix + reading.line
        if text != self.text.text():
            self.text.setText(text)
        if reading.before != self.before.text():
            self.before.setText(reading.before)

"""Left of a timeline: what the voice sounds like now, and the eight bars."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QFontMetricsF
from PyQt6.QtWidgets import QGridLayout, QLabel, QWidget

from realtime_ser.base.labels import LABEL_WORDS
from realtime_ser.base.text import percent_text
from realtime_ser.gui.live.channel_reading import ChannelReading
from realtime_ser.gui.theme.style_watcher import StyledWidget, pad, set_size
from realtime_ser.gui.theme.theme import Style, set_role
from realtime_ser.gui.widgets.bars import Bars
from realtime_ser.gui.widgets.icons import Face
from realtime_ser.gui.widgets.parts import row

#: Numbers change this often, so that they can be read.
_NUMBERS_S = 0.2

NOTICE = (
    "What a voice sounds like, as a model hears it, is not what a person feels: "
    "do not judge anyone by it."
)


class Panel(StyledWidget):
    """The state of one channel.

    Parameters
    ----------
    channel
        What it is called, shown where there are several; then the panel is compact.
    """

    def __init__(self, labels: Sequence[str], channel: str, *, compact: bool) -> None:
        super().__init__()
        self._compact = compact
        self._age_s = math.inf
        self.face = Face()
        self.title = QLabel()
        self.value = QLabel()
        self.previous = QLabel()
        self.caption = QLabel(channel)
        self.bars = Bars(labels, 2.5 if compact else 3.75)
        self.caption.setVisible(compact)
        set_role(self.caption, "small muted")
        set_role(self.previous, "small muted" if compact else "muted")
        self._set_muted(muted=True)
        for label in (self.title, self.value, self.previous):
            label.setTextFormat(Qt.TextFormat.PlainText)
        for widget in (self.face, self.title, self.value):
            widget.setToolTip(NOTICE)
        self.bars.enable_toggling()
        self._lay_out(compact=compact)
        self.restyle(self._style)

    def restyle(self, style: Style) -> None:
        """Keep room for the longest words there can be, whatever the system's font."""
        compact = self._compact
        words = [f"sounds {LABEL_WORDS.get(name, name)}?" for name in self.bars.labels]
        metrics = QFontMetricsF(style.font(style.body_px, bold=True) if compact else style.big)
        widest = max(metrics.horizontalAdvance(word) for word in words)
        self.setFixedWidth(max(style.grid(35), math.ceil(widest) + style.grid(5)))
        for label, font in (
            (self.title, style.font(style.body_px, bold=True) if compact else style.big),
            (self.value, style.body if compact else style.font(style.big_px)),
            (self.previous, style.small if compact else style.body),
        ):
            label.setMinimumHeight(math.ceil(QFontMetricsF(font).height()))

    def show_reading(self, reading: ChannelReading, elapsed_s: float) -> None:
        """Show what is heard; ``elapsed_s`` is the time since the last call.

        Numbers change a few times a second, so that they can be read; a new title comes at once.
        """
        self.bars.animate(reading.bars or [0.0] * len(self.bars.labels), elapsed_s)
        self._age_s += elapsed_s
        if reading.title == self.title.text() and self._age_s < _NUMBERS_S:
            return
        self._age_s = 0.0
        for label, text in (
            (self.title, reading.title),
            (self.value, reading.value),
            (self.previous, reading.previous),
        ):
            if label.text() != text:
                label.setText(text)
        self.face.show_label(reading.label, certain=reading.certain)
        self._set_muted(muted=reading.label is None or not reading.certain)
        numbers = [percent_text(value) for value in reading.bars or ()]
        self.bars.show_numbers(numbers or ["–"] * len(self.bars.labels), reading.label)

    def _lay_out(self, *, compact: bool) -> None:
        layout = QGridLayout(self)
        pad(layout, (2, 1 if compact else 3, 2, 1), (1.5, 0.5 if compact else 0.75))
        face = 6 if compact else 14
        set_size(self.face, width=face, height=face)
        if compact:
            layout.addLayout(row(self.caption, None, self.previous), 0, 0, 1, 2)
            layout.addWidget(self.face, 1, 0, 2, 1)
            layout.addWidget(self.title, 1, 1)
            layout.addWidget(self.value, 2, 1)
            layout.setColumnStretch(1, 1)
        else:
            center = Qt.AlignmentFlag.AlignHCenter
            layout.addWidget(self.face, 1, 0, 1, 2, center)
            layout.addWidget(self.title, 2, 0, 1, 2, center)
            layout.addWidget(self.value, 3, 0, 1, 2, center)
            layout.addWidget(self.previous, 4, 0, 1, 2, center)
            layout.setRowMinimumHeight(5, 8)
        layout.addWidget(self.bars, 6, 0, 1, 2)
        layout.setRowStretch(7, 1)

    def _set_muted(self, *, muted: bool) -> None:
        size = "body" if self._compact else "big"
        set_role(self.title, f"{size} bold{' muted' if muted else ''}")
        set_role(self.value, f"{size}{' muted' if muted else ''}")


class OneLinePanel(QWidget):
    """The panel's words in one line, for a window too narrow for the panel."""

    def __init__(self, channel: str, *, compact: bool) -> None:
        super().__init__()
        self.face = Face()
        self.text = QLabel()
        self.previous = QLabel()
        self._prefix = f"{channel}:  " if compact else ""
        set_role(self.text, "bold")
        set_role(self.previous, "muted")
        set_size(self.face, width=4, height=4)
        layout = row(self.face, self.text, None, self.previous)
        pad(layout, (2, 0, 1, 0.5), 1)
        self.setLayout(layout)

    def show_reading(self, reading: ChannelReading) -> None:
        """Show what is heard."""
        self.face.show_label(reading.label, certain=reading.certain)
        text = self._prefix + reading.line
        if text != self.text.text():
            self.text.setText(text)
        if reading.previous != self.previous.text():
            self.previous.setText(reading.previous)

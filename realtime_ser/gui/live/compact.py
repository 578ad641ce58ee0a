"""A small window that stays on top of others: state, face, words, level."""

from __future__ import annotations

from PyQt6.QtCore import QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QColor, QPainter, QPaintEvent
from PyQt6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QWidget

from realtime_ser.base.text import clock_text, decibels
from realtime_ser.gui.live.channel_view import ChannelView
from realtime_ser.gui.live.status_model import Panorama, Situation
from realtime_ser.gui.theme.theme import Look, set_role, style_sheet
from realtime_ser.gui.timeline.live_layers import FLOOR_DB
from realtime_ser.gui.widgets.faces import Face
from realtime_ser.gui.widgets.icons import Glyph, glyph_icon


class LevelBar(QWidget):
    """A level on a lying scale, with its peak."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Level")
        self.setToolTip("Level of the sound, from −60 to 0 dB below full scale")
        self._level = self._peak = FLOOR_DB
        self._look: Look | None = None

    def set_look(self, look: Look, height: int) -> None:
        """Change theme and size."""
        self._look = look
        self.setFixedHeight(height)
        self.update()

    def show_level(self, level_dbfs: float, peak_dbfs: float) -> None:
        """Change it."""
        shown = (round(level_dbfs, 1), round(peak_dbfs, 1))
        if shown != (self._level, self._peak):
            self._level, self._peak = shown
            self.setAccessibleDescription(decibels(level_dbfs, "dBFS"))
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        """Draw it."""
        if self._look is None:
            return
        theme = self._look.theme
        painter = QPainter(self)
        box = QRectF(self.rect())
        painter.fillRect(box, QColor(theme.grid))
        share, peak = (min(1.0, max(0.0, 1.0 - x / FLOOR_DB)) for x in (self._level, self._peak))
        loud = QColor(theme.danger if self._peak > -1.0 else theme.voice)
        painter.fillRect(QRectF(0, 0, box.width() * share, box.height()), loud)
        if peak > 0:
            x = min(box.width() - 2, box.width() * peak)
            painter.fillRect(QRectF(x, 0, 2, box.height()), QColor(theme.text))
        painter.end()


class CompactWindow(QWidget):
    """Shows the first channel; its keys are the large window's."""

    #: The large window is wanted again.
    left = pyqtSignal()

    def __init__(self) -> None:
        super().__init__(None, Qt.WindowType.Window | Qt.WindowType.WindowStaysOnTopHint)
        self.setObjectName("body")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setWindowTitle("Realtime SER")
        self.glyph, self.light, self.face = Glyph(), Glyph("record"), Face()
        self.state, self.clock, self.title, self.value = (QLabel() for _ in range(4))
        self.light.setToolTip("Audio is being stored")
        self.light.setAccessibleName("Audio is being stored")
        self.level = LevelBar()
        self.back = QPushButton()
        self.back.setProperty("role", "icon")
        self.back.setToolTip("Back to the large window (F10)")
        self.back.setAccessibleName("Back to the large window")
        self.back.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.back.clicked.connect(self.left)
        set_role(self.title, "bold")
        set_role(self.clock, "small muted")
        self._head = head = QHBoxLayout()
        for widget in (self.glyph, self.state, self.light):
            head.addWidget(widget)
        head.addStretch(1)
        head.addWidget(self.clock)
        head.addWidget(self.back)
        layout = QGridLayout(self)
        layout.addLayout(head, 0, 0, 1, 2)
        layout.addWidget(self.face, 1, 0, 2, 1)
        layout.addWidget(self.title, 1, 1)
        layout.addWidget(self.value, 2, 1)
        layout.addWidget(self.level, 3, 0, 1, 2)
        layout.setColumnStretch(1, 1)
        layout.setAlignment(self.title, Qt.AlignmentFlag.AlignBottom)
        layout.setAlignment(self.value, Qt.AlignmentFlag.AlignTop)

    def set_look(self, look: Look) -> None:
        """Change theme and sizes."""
        self.setFont(look.body)
        self.setStyleSheet(style_sheet(look))
        layout = self.layout()
        assert isinstance(layout, QGridLayout)
        pad = look.grid(1)
        layout.setContentsMargins(pad, pad, pad, pad)
        layout.setHorizontalSpacing(look.grid(1.5))
        layout.setVerticalSpacing(0)
        self._head.setSpacing(look.grid(1))
        self._look = look
        self.face.set_look(look, look.grid(7))
        self.level.set_look(look, look.grid(0.75))
        self.light.show_glyph("record", look.theme.light, look.grid(1.5))
        self.back.setIcon(glyph_icon("expand", look.theme.text, look.theme.muted))
        self.setFixedSize(look.grid(36), look.grid(17))

    def show_view(self, view: Panorama) -> None:
        """Show a state."""
        self.glyph.show_glyph(view.situation.glyph, self._look.theme.text, self._look.grid(2))
        words = view.situation.value + (" · demo" if view.demo else "")
        for label, text in ((self.state, words), (self.clock, clock_text(view.position_s))):
            if label.text() != text:
                label.setText(text)
        self.light.setVisible(view.recording and view.situation.running)
        if view.situation in (Situation.NO_MICROPHONE, Situation.FAILED):
            self.state.setToolTip(view.message)

    def follow(self, view: ChannelView) -> None:
        """Show what a channel shows."""
        reading = view.reading
        self.face.show_label(reading.label, certain=reading.certain)
        for label, text in ((self.title, reading.title), (self.value, reading.value)):
            if label.text() != text:
                label.setText(text)
        self.level.show_level(view.level, view.peak)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Closing the small window brings back the large one."""
        super().closeEvent(event)
        self.left.emit()

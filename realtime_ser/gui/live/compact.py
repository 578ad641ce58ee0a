"""A small window that stays on top of others: state, face, words, level."""

from __future__ import annotations

from PyQt6.QtCore import QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QColor, QPainter, QPaintEvent
from PyQt6.QtWidgets import QGridLayout, QLabel, QWidget

from realtime_ser.base.text import clock_text, decibels
from realtime_ser.gui.live.channel_view import ChannelView
from realtime_ser.gui.live.status_model import StatusModel, UiState
from realtime_ser.gui.theme.style_watcher import StyleWatcher, pad, set_size, style_of
from realtime_ser.gui.theme.theme import set_role
from realtime_ser.gui.widgets.icons import Face, Glyph, glyph_icon
from realtime_ser.gui.widgets.parts import button, row
from realtime_ser.timeline.style import FLOOR_DB


class LevelBar(QWidget):
    """A level on a lying scale, with its peak; ``height`` is in units of the grid."""

    def __init__(self, height: float) -> None:
        super().__init__()
        self.setAccessibleName("Level")
        self.setToolTip("Level of the sound, from −60 to 0 dB below full scale")
        self._level = self._peak = FLOOR_DB
        set_size(self, height=height)

    def show_level(self, level_dbfs: float, peak_dbfs: float) -> None:
        """Change level and peak, in dBFS."""
        shown = (round(level_dbfs, 1), round(peak_dbfs, 1))
        if shown != (self._level, self._peak):
            self._level, self._peak = shown
            self.setAccessibleDescription(decibels(level_dbfs, "dBFS"))
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        """Draw level and peak."""
        theme = style_of(self).theme
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
    back_requested = pyqtSignal()

    def __init__(self) -> None:
        super().__init__(None, Qt.WindowType.Window | Qt.WindowType.WindowStaysOnTopHint)
        self.setObjectName("body")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setWindowTitle("Realtime SER")
        self.glyph, self.face = Glyph(), Face()
        self.recording_light = Glyph("record", 1.5, "recording_light")
        self.state, self.clock, self.title, self.value = (QLabel() for _ in range(4))
        self.recording_light.setToolTip("Audio is being stored")
        self.recording_light.setAccessibleName("Audio is being stored")
        self.level = LevelBar(0.75)
        self.expand_button = button("", "Back to the large window (F10)", "icon", click_focus=False)
        self.expand_button.setAccessibleName("Back to the large window")
        self.expand_button.setIcon(glyph_icon("expand"))
        self.expand_button.clicked.connect(self.back_requested)
        set_role(self.title, "bold")
        set_role(self.clock, "small muted")
        light = self.recording_light
        head = row(self.glyph, self.state, light, None, self.clock, self.expand_button)
        layout = QGridLayout(self)
        layout.addLayout(head, 0, 0, 1, 2)
        layout.addWidget(self.face, 1, 0, 2, 1)
        layout.addWidget(self.title, 1, 1)
        layout.addWidget(self.value, 2, 1)
        layout.addWidget(self.level, 3, 0, 1, 2)
        layout.setColumnStretch(1, 1)
        pad(layout, 1, (1.5, 0))
        layout.setAlignment(self.title, Qt.AlignmentFlag.AlignBottom)
        layout.setAlignment(self.value, Qt.AlignmentFlag.AlignTop)
        set_size(self.face, width=7, height=7)
        set_size(self, width=36, height=17)
        StyleWatcher(self)

    def show_status(self, view: StatusModel) -> None:
        """Show a state."""
        self.glyph.show_glyph(view.ui_state.glyph)
        words = view.ui_state.value + (" · demo" if view.demo else "")
        for label, text in ((self.state, words), (self.clock, clock_text(view.position_s))):
            if label.text() != text:
                label.setText(text)
        self.recording_light.setVisible(view.recording and view.ui_state.running)
        if view.ui_state in (UiState.NO_MICROPHONE, UiState.FAILED):
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
        self.back_requested.emit()

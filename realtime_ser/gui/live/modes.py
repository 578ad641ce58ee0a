"""Other ways to show a session: a calm screen, a whole wall, a small window on top of others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PyQt6.QtCore import QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QColor, QPainter, QPaintEvent, QResizeEvent
from PyQt6.QtWidgets import QLabel, QSizePolicy, QWidget

from realtime_ser.base.text import clock_text, decibels
from realtime_ser.gui.live.channel_view import ChannelView
from realtime_ser.gui.live.status_model import NOTICE, StatusModel, UiState
from realtime_ser.gui.theme.style_watcher import StyleWatcher, set_size, style_of
from realtime_ser.gui.theme.theme import set_role
from realtime_ser.gui.widgets.icons import Face, Glyph
from realtime_ser.gui.widgets.parts import button, column, label, row
from realtime_ser.timeline.signal_tracks import level_share
from realtime_ser.timeline.style import FLOOR_DB


class BlindScreen(QWidget):
    """A calm screen that hides the results from whoever speaks, while the session goes on.

    It says what is kept, and nothing of what is heard. Whether there is speech just now is not
    shown either: that would be a result.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("body")
        self.setAccessibleName("Results are hidden")
        self.glyph = Glyph("target", 8, "muted")
        self.recording_light = Glyph("record", 1.5, "recording_light")
        self.title, self.storage = label(role="big bold"), QLabel()
        self.hint = label("Results are hidden. Ctrl+B shows them again.", "small muted")
        words = column(
            row(None, self.glyph, None),
            row(None, self.title, None),
            row(None, self.recording_light, self.storage, None),
            spacing=2,
        )
        hint = row(None, self.hint, None)
        self.setLayout(column((None, 2), words, (None, 3), hint, margins=2))
        self.show_status(StatusModel())

    def show_status(self, status: StatusModel) -> None:
        """Show a state."""
        state = UiState.LISTENING if status.ui_state is UiState.SPEECH else status.ui_state
        self.glyph.show_glyph(state.glyph)
        self.title.setText(state.sentence)
        sound = ", and its sound too." if status.recording else ". Its sound is not."
        self.storage.setText(f"This session is kept{sound}" if state.running else "")
        self.recording_light.setVisible(state.running and status.recording)


class _Poster(QWidget):
    """One channel: a face, a few words, a number."""

    def __init__(self) -> None:
        super().__init__()
        self.face = Face()
        self.caption, self.title, self.value = label(role="muted"), label(), label()
        for words in (self.caption, self.title, self.value):
            words.setAlignment(Qt.AlignmentFlag.AlignCenter)
            words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        face = row(None, self.face, None)
        self.setLayout(column(None, self.caption, face, self.title, self.value, None, spacing=0.75))

    def fit(self, unit: float) -> None:
        """Fit into the room; ``unit`` is a twelfth of its smaller side."""
        side = round(5 * unit)
        self.face.setFixedSize(side, side)
        for words, pixels, weight in (
            (self.caption, 0.5 * unit, 400),
            (self.title, 1.1 * unit, 600),
            (self.value, unit, 400),
        ):
            # The style sheet's sizes are for controls; these words fill the screen.
            words.setStyleSheet(f"font-size: {max(12, round(pixels))}px; font-weight: {weight};")

    def follow(self, view: ChannelView, *, caption: bool) -> None:
        """Show what a channel shows."""
        reading = view.reading
        self.face.show_label(reading.label, certain=reading.certain)
        self.caption.setVisible(caption)
        self.caption.setText(view.title)
        for words, text in ((self.title, reading.title), (self.value, reading.value)):
            words.setText(text)
            set_role(words, "muted" if reading.muted else "")


class Presenter(QWidget):
    """All channels beside each other; nothing to click on."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("body")
        self.setAccessibleName("Presenter")
        self.posters: list[_Poster] = []
        self.foot = label(NOTICE, "muted", wrap=True)
        self.foot.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._row = row()
        self.setLayout(column((self._row, 1), self.foot, margins=1))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Fill the room."""
        super().resizeEvent(event)
        self._fit()

    def follow(self, views: Sequence[ChannelView]) -> None:
        """Show what the channels show."""
        if len(views) != len(self.posters):
            for poster in self.posters:
                self._row.removeWidget(poster)
                poster.deleteLater()
            self.posters = [_Poster() for _ in views]
            for poster in self.posters:
                self._row.addWidget(poster, 1)
            self._fit()
        for poster, view in zip(self.posters, views, strict=True):
            poster.follow(view, caption=len(views) > 1)

    def _fit(self) -> None:
        unit = min(self.width() / max(1, len(self.posters)) / 13, self.height() / 11)
        for poster in self.posters:
            poster.fit(unit)


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
        share, peak = level_share(np.array([self._level, self._peak]))
        loud = QColor(theme.danger if self._peak > -1.0 else theme.voice)
        painter.fillRect(QRectF(0, 0, box.width() * share, box.height()), loud)
        if peak > 0:
            x = min(box.width() - 2, box.width() * peak)
            painter.fillRect(QRectF(x, 0, 2, box.height()), QColor(theme.text))
        painter.end()


class CompactWindow(QWidget):
    """Shows the first channel; its keys are the large window's."""

    back_requested = pyqtSignal()  # the large window is wanted again

    def __init__(self) -> None:
        super().__init__(None, Qt.WindowType.Window | Qt.WindowType.WindowStaysOnTopHint)
        self.setObjectName("body")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setWindowTitle("Realtime SER")
        self.glyph, self.face = Glyph(), Face()
        self.recording_light = Glyph("record", 1.5, "recording_light")
        self.state, self.value = QLabel(), QLabel()
        self.title, self.clock = label(role="bold"), label(role="small muted")
        self.recording_light.setToolTip("Audio is being stored")
        self.recording_light.setAccessibleName("Audio is being stored")
        self.level = LevelBar(0.75)
        expand = button(
            "", "Back to the large window (F10)", "icon", icon="expand", click_focus=False
        )
        expand.setAccessibleName("Back to the large window")
        expand.clicked.connect(self.back_requested)
        head = row(self.glyph, self.state, self.recording_light, None, self.clock, expand)
        words = column(None, self.title, self.value, None)
        body = row(self.face, (words, 1), spacing=1.5)
        self.setLayout(column(head, (body, 1), self.level, margins=1))
        set_size(self.face, width=7, height=7)
        set_size(self, width=36, height=17)
        StyleWatcher(self)

    def show_status(self, view: StatusModel) -> None:
        """Show a state."""
        self.glyph.show_glyph(view.ui_state.glyph)
        self.state.setText(view.ui_state.value + (" · demo" if view.demo else ""))
        self.clock.setText(clock_text(view.position_s))
        self.recording_light.setVisible(view.recording and view.ui_state.running)
        if view.ui_state in (UiState.NO_MICROPHONE, UiState.FAILED):
            self.state.setToolTip(view.message)

    def follow(self, view: ChannelView) -> None:
        """Show what a channel shows."""
        reading = view.reading
        self.face.show_label(reading.label, certain=reading.certain)
        self.title.setText(reading.title)
        self.value.setText(reading.value)
        self.level.show_level(view.level, view.peak)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Closing the small window brings back the large one."""
        super().closeEvent(event)
        self.back_requested.emit()

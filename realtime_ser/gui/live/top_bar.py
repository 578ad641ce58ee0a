"""The bar on top: state, source, start, pause, stop, markers, clock, export."""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QPalette, QResizeEvent
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QSizePolicy, QWidget

from realtime_ser.base.text import clock_text
from realtime_ser.gui.live.sources import SourcePicker
from realtime_ser.gui.live.status_model import StatusModel, UiState
from realtime_ser.gui.theme.style_watcher import pad, reserve, set_size, style_of
from realtime_ser.gui.theme.theme import set_role
from realtime_ser.gui.widgets.icons import Glyph, glyph_icon
from realtime_ser.gui.widgets.parts import button

#: Below this width, in units of the grid, the text of a marker has no field.
_NARROW = 130


class TopBar(QWidget):
    """Controls of the running session."""

    start_pressed = pyqtSignal()
    pause_pressed = pyqtSignal()
    stop_pressed = pyqtSignal()
    mark_pressed = pyqtSignal(str)
    export_pressed = pyqtSignal()
    sessions_pressed = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("topbar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._ui_state = UiState.IDLE
        self._narrow = False
        self.glyph = Glyph("ring", 2.25)
        self.state = QLabel()
        self.sources = SourcePicker()
        self.rescan = button("", "Look for microphones again", "icon", click_focus=False)
        self.rescan.setAccessibleName("Rescan")
        self.start = button("Start", "Start a session (Space)", "primary", click_focus=False)
        self.pause = button("Pause", "Pause and go on (Space)", click_focus=False)
        self.stop = button(
            "Stop", "End the session; its files are complete then", click_focus=False
        )
        self.text = QLineEdit()
        self.text.setPlaceholderText("Text of the marker")
        self.text.setAccessibleName("Text of the marker")
        self.text.setMaxLength(200)
        self.text.setToolTip("Enter or M sets a marker with this text")
        self.mark = button("Mark  M", "Set a marker at this moment (M)", click_focus=False)
        self.mark.setAccessibleName("Mark")
        self.recording_light = Glyph("record", 1.5, "recording_light")
        self.recording = QLabel("recording audio")
        self.clock = QLabel(clock_text(0))
        self.clock.setAccessibleName("Session time")
        self.export = button(
            "Export", "Copy what the session holds so far to a CSV file (Ctrl+E)", click_focus=False
        )
        self.sessions = button("Sessions", "All sessions that are kept (Ctrl+L)", click_focus=False)
        self._lay_out()
        self._connect()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Hide less needed controls on a narrow window."""
        super().resizeEvent(event)
        self._narrow = self.width() / style_of(self).grid(1) < _NARROW
        self.text.setVisible(not self._narrow)
        for control, word in ((self.sessions, "Sessions"), (self.export, "Export")):
            control.setText("" if self._narrow else word)
            control.setAccessibleName(word)
        self.mark.setText("Mark" if self._narrow else "Mark  M")
        set_size(self.sources, max_width=15 if self._narrow else 30)

    def show_status(self, view: StatusModel) -> None:
        """Show a state."""
        running = view.ui_state.running
        opening = view.ui_state is UiState.OPENING
        self.start.setVisible(not running)
        self.start.setEnabled(not opening)
        self.pause.setVisible(running)
        self.stop.setEnabled(running)
        self.mark.setEnabled(running)
        self.export.setEnabled(bool(view.folder))
        self.text.setEnabled(running)
        self.sources.setEnabled(not opening)
        self.rescan.setEnabled(not opening and not (running and view.live))
        self.rescan.setToolTip(
            "Stop first: the list cannot change while a microphone is open"
            if running and view.live
            else "Look for microphones again"
        )
        for widget in (self.recording_light, self.recording):
            widget.setVisible(view.recording and running)
        text = clock_text(view.position_s)
        if view.duration_s is not None and not self._narrow:
            text = f"{text} / {clock_text(view.duration_s)}"
        if text != self.clock.text():
            self.clock.setText(text)
        if view.ui_state is not self._ui_state:
            self._ui_state = view.ui_state
            self._show_state()

    def pop_text(self) -> str:
        """The marker's text; the field is empty afterwards."""
        text = self.text.text().strip()
        self.text.clear()
        return text

    def _show_state(self) -> None:
        self.glyph.show_glyph(self._ui_state.glyph)
        self.state.setText(self._ui_state.value)
        self.glyph.setAccessibleName(self._ui_state.value)
        paused = self._ui_state is UiState.PAUSED
        self.pause.setText("Resume" if paused else "Pause")
        self.pause.setIcon(glyph_icon("play" if paused else "pause"))

    def _lay_out(self) -> None:
        layout = QHBoxLayout(self)
        pad(layout, (2, 1, 1.5, 1), 1)
        reserve(self.state, list(UiState), font="bold", extra=1)
        reserve(self.clock, ["00:00:00"], font="bold")
        reserve(self.pause, ["Pause", "Resume"], extra=6)
        reserve(self.start, ["Start"], extra=6)
        set_size(self.text, width=18)
        set_size(self.sources, min_width=15)  # it gives way to the sign of recording
        self.start.setIcon(glyph_icon("play", QPalette.ColorRole.HighlightedText))
        for control, icon in (
            (self.rescan, "rescan"),
            (self.stop, "square"),
            (self.mark, "flag"),
            (self.export, "save"),
            (self.sessions, "list"),
        ):
            control.setIcon(glyph_icon(icon))
        self._show_state()
        set_role(self.state, "bold")
        set_role(self.clock, "bold")
        left: tuple[QWidget, ...] = (self.glyph, self.state, self.sources, self.rescan)
        middle: tuple[QWidget, ...] = (self.start, self.pause, self.stop, self.text, self.mark)
        right = (self.recording_light, self.recording, self.clock, self.sessions, self.export)
        for widget in (*left, *middle):
            layout.addWidget(widget)
        policy = self.sources.sizePolicy()
        policy.setHorizontalPolicy(QSizePolicy.Policy.Expanding)
        self.sources.setSizePolicy(policy)
        layout.setStretchFactor(self.sources, 100)
        layout.addStretch(1)
        for widget in right:
            layout.addWidget(widget)

    def _connect(self) -> None:
        self.start.clicked.connect(self.start_pressed)
        self.pause.clicked.connect(self.pause_pressed)
        self.stop.clicked.connect(self.stop_pressed)
        self.export.clicked.connect(self.export_pressed)
        self.sessions.clicked.connect(self.sessions_pressed)
        self.mark.clicked.connect(lambda: self.mark_pressed.emit(self.pop_text()))
        self.text.returnPressed.connect(lambda: self.mark_pressed.emit(self.pop_text()))

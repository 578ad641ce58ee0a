"""The bar on top: state, source, start, pause, stop, markers, clock, export."""

from __future__ import annotations

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QFontMetricsF
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QSizePolicy, QWidget

from realtime_ser.base.text import clock_text
from realtime_ser.gui.live.sources import SourcePicker
from realtime_ser.gui.live.status_model import StatusModel, UiState
from realtime_ser.gui.theme.theme import Style, set_role
from realtime_ser.gui.widgets.icons import Glyph, glyph_icon

#: Below this width, in units of the grid, the text of a marker has no field.
_NARROW = 130


class TopBar(QWidget):
    """Everything that a person does while the session runs."""

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
        self._style: Style | None = None
        self._narrow = False
        self.glyph = Glyph()
        self.state = QLabel()
        self.sources = SourcePicker()
        self.rescan = _button("", "Look for microphones again", "icon")
        self.rescan.setAccessibleName("Rescan")
        self.start = _button("Start", "Start a session (Space)", "primary")
        self.pause = _button("Pause", "Pause and go on (Space)")
        self.stop = _button("Stop", "End the session; its files are complete then")
        self.text = QLineEdit()
        self.text.setPlaceholderText("Text of the marker")
        self.text.setAccessibleName("Text of the marker")
        self.text.setMaxLength(200)
        self.text.setToolTip("Enter or M sets a marker with this text")
        self.mark = _button("Mark  M", "Set a marker at this moment (M)")
        self.mark.setAccessibleName("Mark")
        self.recording_light = Glyph("record")
        self.recording = QLabel("recording audio")
        self.clock = QLabel(clock_text(0))
        self.clock.setAccessibleName("Session time")
        self.export = _button("Export", "Copy what the session holds so far to a CSV file (Ctrl+E)")
        self.sessions = _button("Sessions", "All sessions that are kept (Ctrl+L)")
        self._lay_out()
        self._connect()

    def set_style(self, style: Style, width: int) -> None:
        """Change theme and sizes; on a narrow window leave out what can be left out."""
        self._style = style
        layout = self.layout()
        assert isinstance(layout, QHBoxLayout)
        layout.setContentsMargins(style.grid(2), style.grid(1), style.grid(1.5), style.grid(1))
        layout.setSpacing(style.grid(1))
        metrics = QFontMetricsF(style.font(style.body_px, bold=True))
        widest = max(metrics.horizontalAdvance(word) for word in UiState)
        self.state.setFixedWidth(round(widest) + style.grid(1))
        self.clock.setMinimumWidth(round(metrics.horizontalAdvance("00:00:00")) + 2)
        icon = QSize(style.grid(2), style.grid(2))
        theme = style.theme
        for button, name, tint in (
            (self.rescan, "rescan", theme.text),
            (self.start, "play", theme.on_accent),
            (self.stop, "square", theme.text),
            (self.mark, "flag", theme.text),
            (self.export, "save", theme.text),
            (self.sessions, "list", theme.text),
        ):
            button.setIcon(glyph_icon(name, tint, theme.muted))
            button.setIconSize(icon)
        self.pause.setIconSize(icon)
        for button, words in ((self.pause, ("Pause", "Resume")), (self.start, ("Start",))):
            room = max(QFontMetricsF(style.body).horizontalAdvance(word) for word in words)
            button.setMinimumWidth(round(room) + style.grid(6))
        self._narrow = width / style.grid(1) < _NARROW
        self.text.setVisible(not self._narrow)
        for button, word in ((self.sessions, "Sessions"), (self.export, "Export")):
            button.setText("" if self._narrow else word)
            button.setAccessibleName(word)
        self.mark.setText("Mark" if self._narrow else "Mark  M")
        self.text.setFixedWidth(style.grid(18))
        self.sources.setMinimumWidth(style.grid(15))  # it gives way to the sign of recording
        self.sources.setMaximumWidth(style.grid(15 if self._narrow else 30))
        self.sources.set_style(style)
        self.recording_light.show_glyph("record", theme.recording_light, style.grid(1.5))
        self._show_state()

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
        if self._style is None:
            return
        style = self._style
        self.glyph.show_glyph(self._ui_state.glyph, style.theme.text, style.grid(2.25))
        self.state.setText(self._ui_state.value)
        self.glyph.setAccessibleName(self._ui_state.value)
        paused = self._ui_state is UiState.PAUSED
        self.pause.setText("Resume" if paused else "Pause")
        name = "play" if paused else "pause"
        self.pause.setIcon(glyph_icon(name, style.theme.text, style.theme.muted))

    def _lay_out(self) -> None:
        layout = QHBoxLayout(self)
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


def _button(text: str, tip: str, role: str = "plain") -> QPushButton:
    """A button that a click does not focus, so that Space goes on to mean pause."""
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setProperty("role", role)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button

"""The bar on top: state, source, start, pause, stop, markers, clock, export."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QPaintEvent, QPalette, QResizeEvent, QStandardItem, QStandardItemModel
from PyQt6.QtWidgets import (
    QComboBox,
    QLineEdit,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QWidget,
)

from realtime_ser.audio.devices import InputDevice, find_input, full_name
from realtime_ser.base.errors import DeviceError
from realtime_ser.base.text import clock_text
from realtime_ser.gui.live.status_model import StatusModel, UiState
from realtime_ser.gui.theme.style_watcher import reserve, set_size, style_of
from realtime_ser.gui.widgets.icons import Glyph, glyph_icon
from realtime_ser.gui.widgets.parts import button, draw_chevron, label, row

_MOST_CHANNELS = 32  # more are promised by devices that convert

_NARROW = 130  # below this width, in units of the grid, the text of a marker has no field


@dataclass(frozen=True, slots=True)
class SourceChoice:
    """An input: the configuration's ``audio.input`` and ``audio.device``."""

    input: str
    device: str | None = None


_OPEN_FILE = SourceChoice("?")  # asks for a file; never chosen itself


class SourcePicker(QComboBox):
    """Combo box of the inputs."""

    chosen = pyqtSignal(object)
    file_requested = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Microphone")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._current = SourceChoice("auto")
        self._name = ""
        self._devices: Sequence[InputDevice] = ()
        self.activated.connect(self._activate)
        self._rebuild()

    @property
    def channel_names(self) -> list[str]:
        """Channels of the microphone that is chosen, as they are called; empty where unknown."""
        try:
            device = find_input(self._current.device, self._devices)
        except DeviceError:
            return []
        names = device.channel_names or ("",) * min(device.channels, _MOST_CHANNELS)
        return [f"{number} {name}".strip() for number, name in enumerate(names, 1)]

    def show_devices(self, devices: Sequence[InputDevice]) -> None:
        """Change the list."""
        self._devices = devices
        self._rebuild()

    def show_source(self, source: SourceChoice, name: str) -> None:
        """Show what is open, by the name that its session gives."""
        if (source, name) != (self._current, self._name):
            self._current, self._name = source, name
            self._rebuild()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        """Draw the name, cut to fit, and an arrow."""
        painter = QStylePainter(self)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        right = style_of(self).grid(3)
        option.currentText = option.fontMetrics.elidedText(
            (option.currentText or self.placeholderText()).strip(),
            Qt.TextElideMode.ElideRight,
            self.width() - right - 2 * (right // 3),
        )
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        draw_chevron(self, painter, 1.5, 1.5)

    def _rebuild(self) -> None:
        """Headings for host APIs, then the demo and files."""
        model = QStandardItemModel(self)
        for api in dict.fromkeys(device.host_api for device in self._devices):
            _add_heading(model, api)
            for device in self._devices:
                if device.host_api == api:
                    mark = "  (default)" if device.default else ""
                    _add_item(model, device.name + mark, SourceChoice("mic", full_name(device)))
        if not self._devices:
            _add_heading(model, "No microphone found")
        _add_heading(model, "Recordings")
        _add_item(model, "Demo recording", SourceChoice("demo"))
        if self._current.input not in ("auto", "mic", "demo"):
            _add_item(model, Path(self._current.input).name, self._current)
        _add_item(model, "Open a file…", _OPEN_FILE)
        self.setModel(model)
        self.setToolTip(self._name or "Microphone, or a recording that plays as one")
        self._select()

    def _select(self) -> None:
        for number in range(self.count()):
            source = self.itemData(number)
            if isinstance(source, SourceChoice) and self._is_current(source):
                self.setCurrentIndex(number)
                return
        self.setCurrentIndex(-1)
        self.setPlaceholderText(self._name or "Choose a microphone")

    def _is_current(self, source: SourceChoice) -> bool:
        if source == self._current:
            return True
        # A session on whichever microphone there was names the one that it found.
        return self._current.input in ("auto", "mic") and self._name == source.device

    def _activate(self, number: int) -> None:
        source = self.itemData(number)
        if source == _OPEN_FILE:
            self._rebuild()  # what is open stays selected until a file is chosen
            self.file_requested.emit()
        elif isinstance(source, SourceChoice):
            self.chosen.emit(source)


def _add_heading(model: QStandardItemModel, text: str) -> None:
    item = QStandardItem(text)
    item.setFlags(Qt.ItemFlag.NoItemFlags)
    font = item.font()
    font.setBold(True)
    item.setFont(font)
    model.appendRow(item)


def _add_item(model: QStandardItemModel, text: str, source: SourceChoice) -> None:
    item = QStandardItem(f"   {text}")
    item.setData(source, Qt.ItemDataRole.UserRole)
    model.appendRow(item)


class TopBar(QWidget):
    """Controls of the running session."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("topbar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._ui_state = UiState.IDLE
        self._narrow = False
        self.glyph = Glyph("ring", 2.25)
        self.state = label(role="bold")
        self.sources = SourcePicker()
        control = functools.partial(button, click_focus=False)
        self.rescan = control("", "Look for microphones again", "icon", icon="rescan")
        self.rescan.setAccessibleName("Rescan")
        self.start = control("Start", "Start a session (Space)", "primary")
        self.pause = control("Pause", "Pause and go on (Space)")
        self.stop = control("Stop", "End the session; its files are complete then", icon="square")
        self.text = QLineEdit()
        self.text.setPlaceholderText("Text of the marker")
        self.text.setAccessibleName("Text of the marker")
        self.text.setMaxLength(200)
        self.text.setToolTip("Enter or M sets a marker with this text")
        self.mark = control("Mark  M", "Set a marker at this moment (M)", icon="flag")
        self.mark.setAccessibleName("Mark")
        self.recording_light = Glyph("record", 1.5, "recording_light")
        self.recording = label("recording audio")
        self.clock = label(clock_text(0), "bold")
        self.clock.setAccessibleName("Session time")
        tip = "Copy what the session holds so far to a CSV file (Ctrl+E)"
        self.export = control("Export", tip, icon="save")
        self.sessions = control("Sessions", "All sessions that are kept (Ctrl+L)", icon="list")
        self._lay_out()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Hide less needed controls on a narrow window."""
        super().resizeEvent(event)
        self._narrow = self.width() / style_of(self).grid(1) < _NARROW
        self.text.setVisible(not self._narrow)
        for control, word in ((self.sessions, "Sessions"), (self.export, "Export")):
            control.setText("" if self._narrow else word)
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
        reserve(self.state, list(UiState), font="bold", extra=1)
        reserve(self.clock, ["00:00:00"], font="bold")
        reserve(self.pause, ["Pause", "Resume"], extra=6)
        reserve(self.start, ["Start"], extra=6)
        set_size(self.text, width=18)
        set_size(self.sources, min_width=15)  # it gives way to the sign of recording
        self.start.setIcon(glyph_icon("play", QPalette.ColorRole.HighlightedText))
        self._show_state()
        self.sources.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        inputs = (self.glyph, self.state, (self.sources, 100), self.rescan)
        session = (self.start, self.pause, self.stop, self.text, self.mark)
        state = (self.recording_light, self.recording, self.clock, self.sessions, self.export)
        self.setLayout(row(*inputs, *session, None, *state, margins=(2, 1, 1.5, 1)))

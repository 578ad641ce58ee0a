"""The picker of microphones, by host API, with the demo and files below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QPaintEvent, QStandardItem, QStandardItemModel
from PyQt6.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QStylePainter

from realtime_ser.audio.devices import InputDevice, full_name
from realtime_ser.gui.theme.style_watcher import style_of
from realtime_ser.gui.widgets.parts import draw_chevron


@dataclass(frozen=True, slots=True)
class SourceChoice:
    """An input: the configuration's ``audio.input`` and ``audio.device``."""

    input: str
    device: str | None = None


#: Asks for a file; never chosen itself.
_OPEN_FILE = SourceChoice("?")


class SourcePicker(QComboBox):
    """Combo box of the inputs."""

    chosen = pyqtSignal(object)
    file_requested = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Microphone")
        self.setToolTip("Microphone, or a recording that plays as one")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._current = SourceChoice("auto")
        self._name = ""
        self._devices: Sequence[InputDevice] = ()
        self.activated.connect(self._activate)
        self._rebuild()

    def show_devices(self, devices: Sequence[InputDevice]) -> None:
        """Change the list."""
        self._devices = tuple(devices)
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
        room = option.fontMetrics
        right = style_of(self).grid(3)
        option.currentText = room.elidedText(
            (option.currentText or self.placeholderText()).strip(),
            Qt.TextElideMode.ElideRight,
            self.width() - right - 2 * (right // 3),
        )
        self.setToolTip(self._name or "Microphone, or a recording that plays as one")
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
        self._select(model)

    def _select(self, model: QStandardItemModel) -> None:
        for row in range(model.rowCount()):
            item = model.item(row)
            source = item.data(Qt.ItemDataRole.UserRole) if item is not None else None
            if isinstance(source, SourceChoice) and self._is_current(source):
                self.setCurrentIndex(row)
                return
        self.setCurrentIndex(-1)
        self.setPlaceholderText(self._name or "Choose a microphone")

    def _is_current(self, source: SourceChoice) -> bool:
        if source == self._current:
            return True
        # A session on whichever microphone there was names the one that it found.
        return self._current.input in ("auto", "mic") and self._name == source.device

    def _activate(self, row: int) -> None:
        source = self.itemData(row, Qt.ItemDataRole.UserRole)
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

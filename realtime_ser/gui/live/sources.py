"""The picker of microphones, by host API, with the demo and files below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PyQt6.QtCore import QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QPaintEvent, QStandardItem, QStandardItemModel
from PyQt6.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QStylePainter

from realtime_ser.audio.devices import InputDevice, full_name
from realtime_ser.gui.theme.theme import Look
from realtime_ser.gui.widgets.icons import draw_glyph


@dataclass(frozen=True, slots=True)
class Source:
    """What the configuration's ``audio.input`` and ``audio.device`` say."""

    input: str
    device: str | None = None


#: Asks for a file; never chosen itself.
_OPEN = Source("?")


class SourcePicker(QComboBox):
    """Lists inputs; tells which one a person chose."""

    chosen = pyqtSignal(object)
    file_wanted = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Microphone")
        self.setToolTip("Microphone, or a recording that plays as one")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._current = Source("auto")
        self._name = ""
        self._devices: Sequence[InputDevice] = ()
        self.activated.connect(self._activate)
        self._look: Look | None = None
        self._fill()

    def set_look(self, look: Look) -> None:
        """Change theme and sizes."""
        self._look = look
        self.update()

    def show_devices(self, devices: Sequence[InputDevice]) -> None:
        """Change the list."""
        self._devices = tuple(devices)
        self._fill()

    def show_source(self, source: Source, name: str) -> None:
        """Show what is open, by the name that its session gives."""
        if (source, name) != (self._current, self._name):
            self._current, self._name = source, name
            self._fill()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        """Long names end in dots, and an arrow says that there is a list."""
        painter = QStylePainter(self)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        room = option.fontMetrics
        right = 0
        if self._look is not None:
            right = self._look.grid(3)
            side = self._look.grid(1.5)
            box = QRectF(
                self.width() - right + (right - side) / 2, (self.height() - side) / 2, side, side
            )
        option.currentText = room.elidedText(
            (option.currentText or self.placeholderText()).strip(),
            Qt.TextElideMode.ElideRight,
            self.width() - right - 2 * (right // 3),
        )
        self.setToolTip(self._name or "Microphone, or a recording that plays as one")
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        if self._look is not None:
            enabled = self._look.theme.text if self.isEnabled() else self._look.theme.muted
            draw_glyph(painter, "chevron", box, enabled)

    def _fill(self) -> None:
        """Headings for host APIs, then the demo and files."""
        model = QStandardItemModel(self)
        for api in dict.fromkeys(device.host_api for device in self._devices):
            _heading(model, api)
            for device in self._devices:
                if device.host_api == api:
                    mark = "  (default)" if device.default else ""
                    _entry(model, device.name + mark, Source("mic", full_name(device)))
        if not self._devices:
            _heading(model, "No microphone found")
        _heading(model, "Recordings")
        _entry(model, "Demo recording", Source("demo"))
        if self._current.input not in ("auto", "mic", "demo"):
            _entry(model, Path(self._current.input).name, self._current)
        _entry(model, "Open a file…", _OPEN)
        self.setModel(model)
        self._select(model)

    def _select(self, model: QStandardItemModel) -> None:
        for row in range(model.rowCount()):
            item = model.item(row)
            source = item.data(Qt.ItemDataRole.UserRole) if item is not None else None
            if isinstance(source, Source) and self._fits(source):
                self.setCurrentIndex(row)
                return
        self.setCurrentIndex(-1)
        self.setPlaceholderText(self._name or "Choose a microphone")

    def _fits(self, source: Source) -> bool:
        if source == self._current:
            return True
        # A session on whichever microphone there was names the one that it found.
        return self._current.input in ("auto", "mic") and self._name == source.device

    def _activate(self, row: int) -> None:
        source = self.itemData(row, Qt.ItemDataRole.UserRole)
        if source == _OPEN:
            self._fill()  # what is open stays selected until a file is chosen
            self.file_wanted.emit()
        elif isinstance(source, Source):
            self.chosen.emit(source)


def _heading(model: QStandardItemModel, text: str) -> None:
    item = QStandardItem(text)
    item.setFlags(Qt.ItemFlag.NoItemFlags)
    font = item.font()
    font.setBold(True)
    item.setFont(font)
    model.appendRow(item)


def _entry(model: QStandardItemModel, text: str, source: Source) -> None:
    item = QStandardItem(f"   {text}")
    item.setData(source, Qt.ItemDataRole.UserRole)
    model.appendRow(item)

"""What the keys do."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from html import escape

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QScrollArea, QVBoxLayout, QWidget

from realtime_ser.gui.dress import Dresser
from realtime_ser.gui.parts import pad
from realtime_ser.gui.review.menus import help_rows
from realtime_ser.gui.theme import Look


class KeySheet(QDialog):
    """Lists all keys in two columns.

    Parameters
    ----------
    labels
        Of the model, whose keys are their places.
    """

    def __init__(self, labels: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys")
        self.text = QLabel(_table(labels))
        self.text.setTextFormat(Qt.TextFormat.RichText)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._scroller = QScrollArea()
        self._scroller.setWidget(self.text)
        self._scroller.setAccessibleName("Keys")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(self._scroller, 1)
        column.addWidget(buttons)
        self._dresser = Dresser(self, self._wear)

    def _wear(self, look: Look) -> None:
        layout = self.layout()
        assert layout is not None
        pad(layout, look, 2, 1)
        self.text.ensurePolished()
        self.text.adjustSize()
        owner = self.parentWidget()
        window = None if owner is None else owner.window()
        size = self.text.size() + QSize(look.grid(7), look.grid(10))
        if window is not None:
            size = size.boundedTo(window.size() - QSize(look.grid(4), look.grid(4)))
        self.resize(size)


def _table(labels: Sequence[str]) -> str:
    rows = help_rows()
    half = -(-len(rows) // 2)
    lines = []
    for pair in itertools.zip_longest(rows[:half], rows[half:], fillvalue=("", "")):
        cells = [_cell(f"<b>{escape(key)}</b>", 16) + _cell(escape(text), 32) for key, text in pair]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    names = ", ".join(f"<b>{number}</b> {name}" for number, name in enumerate(labels, 1))
    return f"<table>{''.join(lines)}</table><p>Labels: {names}</p>"


def _cell(words: str, right_px: int) -> str:
    return f"<td style='padding-right: {right_px}px; white-space: nowrap'>{words}</td>"

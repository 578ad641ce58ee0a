"""List of a window's keys."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from html import escape

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtWidgets import QDialog, QLabel, QScrollArea, QVBoxLayout, QWidget

from realtime_ser.gui.theme.style_watcher import StyleWatcher, pad
from realtime_ser.gui.theme.theme import Style
from realtime_ser.gui.widgets.parts import button, label, row


class ShortcutsDialog(QDialog):
    """Lists keys in two columns.

    Parameters
    ----------
    title
        Of the window.
    rows
        Keys, and what they do.
    footer
        What else is to be said.
    """

    def __init__(
        self,
        title: str,
        rows: Sequence[tuple[str, str]],
        footer: Sequence[str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.text = QLabel(_table(rows))
        self.text.setTextFormat(Qt.TextFormat.RichText)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.footers = [label(words, "small muted", wrap=True) for words in footer]
        self._scroller = QScrollArea()
        self._scroller.setWidget(self.text)
        self._scroller.setAccessibleName("Keys")
        self.close_button = button("Close", "Close (Esc)", "primary")
        self.close_button.setDefault(True)
        self.close_button.clicked.connect(self.reject)
        column = QVBoxLayout(self)
        pad(column, 2, 1)
        column.addWidget(self._scroller, 1)
        for words in self.footers:
            column.addWidget(words)
        column.addLayout(row(None, self.close_button))
        StyleWatcher(self, changed=self._fit)
        self.close_button.setFocus()

    def _fit(self, style: Style) -> None:
        self.text.ensurePolished()
        self.text.adjustSize()
        owner = self.parentWidget()
        window = None if owner is None else owner.window()
        size = self.text.size() + QSize(style.grid(7), style.grid(10 + 3 * len(self.footers)))
        if window is not None and window.isVisible():
            size = size.boundedTo(window.size() - QSize(style.grid(4), style.grid(4)))
        self.resize(size)


def _table(rows: Sequence[tuple[str, str]]) -> str:
    half = -(-len(rows) // 2)
    lines = []
    for pair in itertools.zip_longest(rows[:half], rows[half:], fillvalue=("", "")):
        cells = [_cell(f"<b>{escape(key)}</b>", 16) + _cell(escape(text), 32) for key, text in pair]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table>{''.join(lines)}</table>"


def _cell(words: str, padding_px: int) -> str:
    return f"<td style='padding-right: {padding_px}px; white-space: nowrap'>{words}</td>"

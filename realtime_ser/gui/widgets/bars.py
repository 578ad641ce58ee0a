"""A bar and a number for each emotion, always in the same order."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence

from PyQt6.QtCore import QPointF, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QSizePolicy

from realtime_ser.base.text import percent_text
from realtime_ser.gui.theme.style_watcher import StyledWidget, set_size
from realtime_ser.gui.theme.theme import Style
from realtime_ser.timeline.style import line_style

#: Time constant of the bars' last bit of way to a new value, in seconds: motion, not smoothing.
_GLIDE_S = 0.06


class Bars(StyledWidget):
    """One bar an emotion, always in the same order.

    A person may choose labels here: by a click, or by the arrow keys and Enter. The height of a
    ``row`` is in units of the grid.
    """

    #: A person chose a label.
    chosen = pyqtSignal(str)

    def __init__(self, labels: Sequence[str], row: float) -> None:
        super().__init__()
        self.labels = tuple(labels)
        self.values = [0.0] * len(labels)
        self.numbers: list[str] = ["–"] * len(labels)
        self._drawn: tuple[int, ...] = ()  # in half pixels of a whole width
        self._leader: str | None = None
        self._hidden: frozenset[str] = frozenset()
        self._focus_index: int | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Probabilities")
        set_size(self, height=row * len(labels))

    def enable_choosing(self, tip: str) -> None:
        """Let a person choose labels here; the tooltip says what for."""
        self._focus_index = 0
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip(tip)

    def show_hidden(self, hidden: frozenset[str]) -> None:
        """Mark the labels that the timeline hides."""
        if hidden != self._hidden:
            self._hidden = hidden
            self._update_description()
            self.update()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Choose the label under the pointer."""
        if event is None or self._focus_index is None:
            super().mousePressEvent(event)
            return
        index = int(event.position().y() // self._row)
        if 0 <= index < len(self.labels):
            self._focus_index = index
            self.chosen.emit(self.labels[index])

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Move along the labels by arrow keys; Enter chooses."""
        keys = Qt.Key
        if event is None or self._focus_index is None:
            super().keyPressEvent(event)
        elif event.key() in (keys.Key_Up, keys.Key_Down):
            step = 1 if event.key() == keys.Key_Down else -1
            self._focus_index = (self._focus_index + step) % len(self.labels)
            self._update_description()
            self.update()
        elif event.key() in (keys.Key_Return, keys.Key_Enter):
            self.chosen.emit(self.labels[self._focus_index])
        else:
            super().keyPressEvent(event)

    @property
    def _row(self) -> float:
        """Height of a row, in pixels."""
        return self.height() / len(self.labels)

    def animate(self, targets: Sequence[float], elapsed_s: float) -> None:
        """Move the bars towards their values."""
        share = 1.0 - math.exp(-max(0.0, elapsed_s) / _GLIDE_S)
        moved = [
            value + share * (float(target) - value)
            for value, target in zip(self.values, targets, strict=True)
        ]
        self.values = moved
        drawn = tuple(round(2 * value * self.width()) for value in moved)
        if drawn != self._drawn:
            self._drawn = drawn
            self.update(self._bars_box().toAlignedRect())

    def show_shares(self, shares: Mapping[str, float]) -> None:
        """Show each label's share of the speaking time; the largest stands out."""
        self.setAccessibleName("Share of speaking time")
        values = [shares.get(name, 0.0) for name in self.labels]
        self.animate(values, math.inf)
        numbers = [percent_text(value) if value else "–" for value in values]
        self.show_numbers(numbers, max(shares, key=lambda name: shares[name], default=None))

    def show_numbers(self, numbers: list[str], leader: str | None) -> None:
        """Change the numbers and the one row that stands out."""
        if (numbers, leader) != (self.numbers, self._leader):
            self.numbers, self._leader = numbers, leader
            self._update_description()
            self.update()

    def _update_description(self) -> None:
        """Describe numbers and focus for a screen reader."""
        description = [
            f"{name} {number}" + (", hidden" if name in self._hidden else "")
            for name, number in zip(self.labels, self.numbers, strict=True)
        ]
        if self._focus_index is not None and self.hasFocus():
            description.insert(0, f"on {description[self._focus_index]}")
        self.setAccessibleDescription("; ".join(description))

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw all bars, and the words beside them unless only the bars have changed."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        column = self._bars_box()
        if event is None or not column.toAlignedRect().contains(event.rect()):
            self._draw_text(painter, column)
        style = self._style
        bar_height = min(style.grid(1.25), self._row - style.grid(0.5))
        for index, name in enumerate(self.labels):
            top = index * self._row + (self._row - bar_height) / 2
            box = QRectF(column.left(), top, column.width(), bar_height)
            self._draw_bar(painter, box, name, index)
        if self.hasFocus() and self._focus_index is not None:
            painter.setPen(QPen(QColor(style.theme.accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            row = QRectF(0, self._focus_index * self._row, self.width(), self._row)
            painter.drawRoundedRect(row.adjusted(1, 1, -1, -1), 3, 3)
        painter.end()

    def _bars_box(self) -> QRectF:
        """Column of the bars, between names and numbers."""
        names, numbers = _text_widths(self.labels, self._style)
        return QRectF(names, 0, self.width() - names - numbers, self.height())

    def _draw_text(self, painter: QPainter, column: QRectF) -> None:
        style = self._style
        theme = style.theme
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        for index, name in enumerate(self.labels):
            top = index * self._row
            is_leader = name == self._leader
            font = style.font(style.body_px, bold=is_leader)
            font.setStrikeOut(name in self._hidden)
            painter.setFont(font)
            painter.setPen(QColor(theme.text if is_leader else theme.muted))
            cell = QRectF(0, top, column.left(), self._row)
            painter.drawText(cell, Qt.AlignmentFlag.AlignVCenter, name)
            font.setStrikeOut(False)
            painter.setFont(font)
            painter.drawText(QRectF(0, top, self.width(), self._row), right, self.numbers[index])

    def _draw_bar(self, painter: QPainter, box: QRectF, name: str, index: int) -> None:
        theme = self._style.theme
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.grid))
        painter.drawRoundedRect(box, 2, 2)
        width = box.width() * min(1.0, self.values[index])
        if width < 0.5:
            return
        color, hidden = line_style(name, index).color, name in self._hidden
        edge = theme.outline(color) or (color if hidden else None)
        painter.setPen(QPen(QColor(edge), 1) if edge else Qt.PenStyle.NoPen)
        painter.setBrush(Qt.BrushStyle.NoBrush if hidden else QColor(color))
        inset = 0.5 if edge else 0.0
        bar = QRectF(box.topLeft() + QPointF(inset, inset), box.bottomRight())
        bar.setWidth(max(1.0, width - 2 * inset))
        bar.setHeight(box.height() - 2 * inset)
        radius = min(2.0, bar.width() / 2)
        painter.drawRoundedRect(bar, radius, radius)


@functools.lru_cache(maxsize=16)
def _text_widths(labels: tuple[str, ...], style: Style) -> tuple[float, float]:
    """Widths of the columns of names and of numbers."""
    metrics = QFontMetricsF(style.font(style.body_px, bold=True))
    names = max(metrics.horizontalAdvance(name) for name in labels)
    numbers = metrics.horizontalAdvance(percent_text(1.0))
    return names + style.grid(1.5), numbers + style.grid(1)

"""A cell that says how a session sounded: the leading labels in words, all shares as a bar."""

from __future__ import annotations

from collections.abc import Mapping

from PyQt6.QtCore import QModelIndex, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QFontMetricsF, QPainter, QPen
from PyQt6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from realtime_ser.base.labels import LABELS
from realtime_ser.gui.library.session_rows import SHARES_ROLE
from realtime_ser.gui.theme.style_watcher import style_of
from realtime_ser.gui.theme.theme import Style
from realtime_ser.timeline.style import line_style


def draw_shares(painter: QPainter, box: QRectF, shares: Mapping[str, float], style: Style) -> None:
    """Draw shares side by side, in the fixed order of the labels, a gap between two."""
    order = [label for label in LABELS if label in shares]
    order += [label for label in shares if label not in LABELS]
    gap = style.scale
    width = box.width() - gap * (len(order) - 1)
    left = box.left()
    for position, label in enumerate(order):
        color = line_style(label, position).color
        rim = style.theme.outline(color)
        part = QRectF(left, box.top(), max(1.0, width * shares[label]), box.height())
        painter.setPen(QPen(QColor(rim), style.scale) if rim else Qt.PenStyle.NoPen)
        painter.setBrush(QColor(color))
        inset = style.scale / 2 if rim else 0.0
        painter.drawRect(part.adjusted(inset, inset, -inset, -inset))
        left = part.right() + gap


class ShareCell(QStyledItemDelegate):
    """Paints the words above the bar."""

    def __init__(self, view: QWidget) -> None:
        super().__init__(view)
        self._view = view

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:  # noqa: ARG002
        """Room for two labels with their shares."""
        style = style_of(self._view)
        metrics = QFontMetricsF(style.small)
        words = metrics.horizontalAdvance("surprised 100 % · surprised 100 %")
        return QSize(round(words) + style.grid(2), style.grid(4.5))

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        """Draw the cell."""
        assert painter is not None
        style = style_of(self._view)
        theme = style.theme
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(option.rect, QColor(theme.hover))
        shares = index.data(SHARES_ROLE) or {}
        edge = style.grid(0.75)
        box = QRectF(option.rect).adjusted(edge, 0, -edge, 0)
        painter.setFont(style.small)
        painter.setPen(QColor(theme.text if shares else theme.muted))
        line = QFontMetricsF(style.small)
        text = str(index.data() or "")
        if not shares:
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, text)
        else:
            bar = style.grid(0.75)
            whole = line.height() + style.grid(0.25) + bar
            top = box.center().y() - whole / 2
            words = line.elidedText(text, Qt.TextElideMode.ElideRight, box.width())
            painter.drawText(QRectF(box.left(), top, box.width(), line.height()), 0, words)
            draw_shares(
                painter, QRectF(box.left(), top + whole - bar, box.width(), bar), shares, style
            )
        painter.restore()

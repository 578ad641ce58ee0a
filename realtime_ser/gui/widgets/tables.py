"""What the tables of sessions and files share: columns, a model, set-up, bars of shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from PyQt6.QtCore import (
    QAbstractTableModel,
    QItemSelectionModel,
    QModelIndex,
    QRectF,
    QSignalBlocker,
    QSize,
    Qt,
)
from PyQt6.QtGui import QColor, QFontMetricsF, QPainter, QPen
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from realtime_ser.base.labels import LABELS
from realtime_ser.gui.theme.style_watcher import current_theme, style_of
from realtime_ser.gui.theme.theme import Style
from realtime_ser.timeline.style import Theme, line_style

SORT_ROLE = Qt.ItemDataRole.UserRole
SHARES_ROLE = Qt.ItemDataRole.UserRole + 1
"""Shares of a row's labels."""

LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter

_ROOT = QModelIndex()

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """What a column shows of a row.

    Attributes
    ----------
    title, tip
        Head of the column, and what it means.
    text
        Words in a cell.
    order
        What the rows are sorted by; ``None``: the words, capitals or not.
    detail
        Tooltip of a cell; ``None``: its words.
    right
        Whether the words stand at the right, as numbers do.
    """

    title: str
    tip: str
    text: Callable[[Row], str]
    order: Callable[[Row], Any] | None = None
    detail: Callable[[Row], str] | None = None
    right: bool = False

    @property
    def alignment(self) -> Qt.AlignmentFlag:
        """Where the words stand."""
        return RIGHT if self.right else LEFT


class TableModel(QAbstractTableModel, Generic[Row]):
    """Rows of one kind for a view, with its columns by their numbers."""

    def __init__(self, columns: Mapping[int, Column[Row]]) -> None:
        super().__init__()
        self._columns = columns
        self.rows: list[Row] = []

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Change all rows."""
        self.beginResetModel()
        self.rows = list(rows)
        self.endResetModel()

    def color(self, row: Row, column: int, theme: Theme) -> str:  # noqa: ARG002
        """Colour of a cell's words."""
        return theme.text

    def shares(self, row: Row) -> Mapping[str, float]:
        """Shares of a row's labels."""
        raise NotImplementedError

    def rowCount(self, parent: QModelIndex = _ROOT) -> int:
        """Count the rows."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = _ROOT) -> int:
        """Count the columns."""
        return 0 if parent.isValid() else len(self._columns)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Names of the columns, and what they mean."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        column = self._columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return column.tip
        return column.alignment if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: PLR0911
        """Text, tooltip, order, colour and shares of a cell."""
        row, column = self.rows[index.row()], self._columns[index.column()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return column.text(row)
            case Qt.ItemDataRole.ToolTipRole | Qt.ItemDataRole.AccessibleDescriptionRole:
                return (column.detail or column.text)(row)
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{column.title}: {column.text(row) or 'none'}"
            case Qt.ItemDataRole.TextAlignmentRole:
                return column.alignment
            case Qt.ItemDataRole.ForegroundRole:
                return QColor(self.color(row, index.column(), current_theme()))
            case _ if role == SORT_ROLE:
                return column.order(row) if column.order else column.text(row).casefold()
            case _ if role == SHARES_ROLE:
                return self.shares(row)
        return None


def set_up_table(table: QTableView, name: str) -> None:
    """Give a table whole rows to choose, nothing to edit by chance, and a name."""
    table.setAccessibleName(name)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setTabKeyNavigation(False)
    rows = table.verticalHeader()
    assert rows is not None
    rows.hide()
    header = header_of(table)
    header.setHighlightSections(False)
    header.setDefaultAlignment(LEFT)
    header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)


def fill_table(
    table: QTableWidget, rows: Sequence[Sequence[str]], numbers_from: int | None = None
) -> None:
    """Write words into the rows of a table; numbers, from a column on, stand at the right."""
    table.setRowCount(len(rows))
    for place, cells in enumerate(rows):
        for number, words in enumerate(cells):
            item = QTableWidgetItem(words)
            if numbers_from is not None and number >= numbers_from:
                item.setTextAlignment(RIGHT)
            table.setItem(place, number, item)


def column_widths(table: QTableView, samples: Mapping[int, str]) -> dict[int, int]:
    """Widths in pixels that columns need for sample texts."""
    style = style_of(table)
    metrics = QFontMetricsF(style.body)
    return {
        number: round(metrics.horizontalAdvance(sample)) + style.grid(2)
        for number, sample in samples.items()
    }


def header_of(table: QTableView) -> QHeaderView:
    """The names of a table's columns."""
    header = table.horizontalHeader()
    assert header is not None
    return header


def selection_of(table: QTableView) -> QItemSelectionModel:
    """What is selected in a table that has its model."""
    selection = table.selectionModel()
    assert selection is not None
    return selection


def select_row(table: QTableView, place: int | None) -> None:
    """Select a row and bring it into view, or select none; no signal tells of it."""
    model, selection, port = table.model(), selection_of(table), table.viewport()
    assert model is not None
    assert port is not None
    index = QModelIndex() if place is None else model.index(place, 0)
    flags = QItemSelectionModel.SelectionFlag
    with QSignalBlocker(selection):
        selection.setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
    port.update()
    if index.isValid():
        table.scrollTo(index)


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

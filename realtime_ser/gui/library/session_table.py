"""The table of sessions: rows that can be chosen, sorted and renamed."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import QItemSelectionModel, QModelIndex, QSortFilterProxyModel, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QFontMetricsF, QKeyEvent, QPainter, QPaintEvent
from PyQt6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from realtime_ser.gui.library.session_rows import (
    SORT_ROLE,
    SessionColumn,
    SessionRow,
    SessionTableModel,
)
from realtime_ser.gui.library.share_bar import ShareCell
from realtime_ser.gui.library.table_style import header_of, set_up_table
from realtime_ser.gui.theme.style_watcher import set_size, style_of

_WIDEST_TEXTS = {
    SessionColumn.BEGAN: "2026-12-28 20:28",
    SessionColumn.STUDY: "Sleep and",
    SessionColumn.PARTICIPANT: "Participant",
    SessionColumn.CONDITION: "Condition",
    SessionColumn.LENGTH: "00:00:00",
    SessionColumn.SPEECH: "00:00:00",
    SessionColumn.SOUNDED: "surprised 88 % · neutral",
    SessionColumn.SIZE: "888 MB",
    SessionColumn.SOUND: "Audio",
}
"""What a column has room for; the title takes what is left."""

_TITLE_UNITS = 22
"""Least width of the title, in units of the grid."""

_OPTIONAL_COLUMNS = (
    SessionColumn.SOUND,
    SessionColumn.CONDITION,
    SessionColumn.STUDY,
    SessionColumn.SPEECH,
)
"""What a narrow table leaves out, the first one first; the details tell it all."""

_KEYS = (Qt.Key.Key_Delete, Qt.Key.Key_F2, Qt.Key.Key_N)


class SessionTable(QTableView):
    """Sessions, several of which may be chosen."""

    #: Other sessions are chosen.
    changed = pyqtSignal()

    #: Delete, F2 or N was pressed, which act on what is chosen.
    key_pressed = pyqtSignal(int)

    def __init__(self) -> None:
        super().__init__()
        self._width_px = 0
        self._empty_columns: set[SessionColumn] = set()
        self._empty_text = ""
        self.rows = SessionTableModel()
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self.rows)
        self._sorted.setSortRole(SORT_ROLE)
        self._shares = ShareCell(self)
        self.setModel(self._sorted)
        set_up_table(self, "Sessions")
        set_size(self, rows=4.5)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setSortingEnabled(True)
        self.sortByColumn(SessionColumn.BEGAN, Qt.SortOrder.DescendingOrder)
        self.setItemDelegateForColumn(SessionColumn.SOUNDED, self._shares)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header_of(self).setSectionResizeMode(SessionColumn.TITLE, QHeaderView.ResizeMode.Stretch)
        self._selection.selectionChanged.connect(lambda *_: self.changed.emit())

    @property
    def editing(self) -> bool:
        """Whether a title is being changed."""
        return self.state() is QAbstractItemView.State.EditingState

    def show_rows(self, rows: Sequence[SessionRow], empty: str) -> None:
        """Change all rows; what was chosen stays so, or else the first one is.

        Parameters
        ----------
        rows
            The sessions.
        empty
            What is said where there are none.
        """
        names = [one.info.id for one in self.chosen()]
        bar = self.verticalScrollBar()
        place = 0 if bar is None else bar.value()
        self._empty_text = empty
        self.setAccessibleDescription("" if rows else empty)
        studies = [one.info.metadata.study for one in rows]
        self._empty_columns = {
            column
            for column, said in (
                (SessionColumn.STUDY, any(study.name for study in studies)),
                (SessionColumn.PARTICIPANT, any(study.participant for study in studies)),
                (SessionColumn.CONDITION, any(study.condition for study in studies)),
            )
            if not said
        }
        self.rows.show_rows(rows)
        self.fit(self._width_px)
        there = {one.info.id for one in rows}
        self.choose([name for name in names if name in there] or [one.info.id for one in rows[:1]])
        if bar is not None:
            bar.setValue(place)

    def chosen(self) -> list[SessionRow]:
        """The sessions that are selected, in the order in which they are shown."""
        places = sorted(index.row() for index in self._selection.selectedRows())
        return [self._row(place) for place in places]

    def choose(self, names: Sequence[str]) -> None:
        """Select sessions by their IDs, and bring the first one into view."""
        flags = QItemSelectionModel.SelectionFlag
        selection, first = self._selection, QModelIndex()
        before = selection.blockSignals(True)  # one change, not one a session
        selection.clear()
        for place in range(self._sorted.rowCount()):
            if self._row(place).info.id in names:
                index = self._sorted.index(place, 0)
                selection.select(index, flags.Select | flags.Rows)
                first = first if first.isValid() else index
        if first.isValid():
            selection.setCurrentIndex(first, flags.NoUpdate)
        selection.blockSignals(before)
        if first.isValid():
            self.scrollTo(first)
        self._repaint()
        self.changed.emit()

    def rename(self) -> None:
        """Edit the title where it stands."""
        places = self._selection.selectedRows()
        if len(places) == 1:
            self.edit(self._sorted.index(places[0].row(), SessionColumn.TITLE))

    def fit(self, room: int) -> None:
        """Divide a width in pixels among the columns; the title takes the rest."""
        self._width_px, style = room, style_of(self)
        metrics = QFontMetricsF(style.body)
        widths = {
            column: round(metrics.horizontalAdvance(sample)) + style.grid(2)
            for column, sample in _WIDEST_TEXTS.items()
            if column not in self._empty_columns
        }
        for column in _OPTIONAL_COLUMNS:
            if room - sum(widths.values()) < style.grid(_TITLE_UNITS):
                widths.pop(column, None)
        for column in SessionColumn:
            self.setColumnHidden(column, column not in widths and column is not SessionColumn.TITLE)
            if column in widths:
                self.setColumnWidth(column, widths[column])

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Say why there is nothing, where there is nothing."""
        super().paintEvent(event)
        port = self.viewport()
        if port is not None and not self.rows.rows:
            painter = QPainter(port)
            style = style_of(self)
            painter.setFont(style.body)
            painter.setPen(QColor(style.theme.muted))
            painter.drawText(port.rect(), Qt.AlignmentFlag.AlignCenter, self._empty_text)
            painter.end()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Pass on keys of actions; others move through the table."""
        plain = event is not None and event.modifiers() == Qt.KeyboardModifier.NoModifier
        if event is not None and plain and event.key() in _KEYS:
            self.key_pressed.emit(event.key())
            return
        super().keyPressEvent(event)

    @property
    def _selection(self) -> QItemSelectionModel:
        selection = self.selectionModel()
        assert selection is not None
        return selection

    def _row(self, place: int) -> SessionRow:
        return self.rows.rows[self._sorted.mapToSource(self._sorted.index(place, 0)).row()]

    def _repaint(self) -> None:
        port = self.viewport()
        if port is not None:
            port.update()

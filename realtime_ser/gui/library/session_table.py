"""The table of sessions: rows that can be chosen, sorted and renamed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

from PyQt6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QSignalBlocker,
    QSortFilterProxyModel,
    Qt,
    pyqtSignal,
)
from PyQt6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent
from PyQt6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from realtime_ser.base.text import length_text, percent_text, size_text
from realtime_ser.gui.theme.style_watcher import set_size, style_of
from realtime_ser.gui.widgets.localised import day_text, local_numbers, moment_text
from realtime_ser.gui.widgets.tables import (
    SORT_ROLE,
    Column,
    ShareCell,
    TableModel,
    column_widths,
    header_of,
    selection_of,
    set_up_table,
)
from realtime_ser.session.statistics import session_shares
from realtime_ser.session.store import Query, SessionInfo, Store
from realtime_ser.timeline.style import Theme


class SessionColumn(IntEnum):
    """Columns of the table."""

    BEGAN = 0
    TITLE = 1
    STUDY = 2
    PARTICIPANT = 3
    CONDITION = 4
    LENGTH = 5
    SPEECH = 6
    SOUNDED = 7
    SIZE = 8
    SOUND = 9


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session and what is shown of it.

    Attributes
    ----------
    info
        The session.
    shares
        Share of the voiced duration whose segments carry a label, the largest first.
    expires
        When the retention setting lets it go; ``None``: never.
    """

    info: SessionInfo
    shares: Mapping[str, float]
    expires: datetime | None

    @property
    def name(self) -> str:
        """Title, or name of the source."""
        return self.info.metadata.name

    @property
    def study_words(self) -> list[str]:
        """Study and participant, as far as they were given."""
        study = self.info.metadata.study
        return [words for words in (study.name, study.participant) if words]

    @property
    def began(self) -> str:
        """Start of the session, to the minute."""
        return moment_text(self.info.metadata.started)

    @property
    def marks(self) -> list[str]:
        """Remarks beside the name, such as "interrupted"."""
        metadata = self.info.metadata
        return [
            *([] if self.info.state_text == "complete" else [self.info.state_text]),
            *(["demo"] if metadata.source.demo else []),
            *([f"heard again by {metadata.model.name}"] if metadata.origin is not None else []),
        ]

    @property
    def label_summary(self) -> str:
        """The leading labels in words."""
        if not self.shares:
            return "no speech"
        return " · ".join(_share_texts(self)[:2])


def read_session_rows(store: Store, query: Query, retention_days: float | None) -> list[SessionRow]:
    """Rows of the sessions that fit a query, the newest first."""
    rows = []
    for info in reversed(store.sessions(query)):
        started = info.metadata.started
        expires = None if retention_days is None else started + timedelta(days=retention_days)
        rows.append(SessionRow(info, session_shares(store, info.id), expires))
    return rows


def _label_order(row: SessionRow) -> str:
    name, share = next(iter(row.shares.items()), ("~", 0.0))
    return f"{name} {1.0 - share:.6f}"


def _share_texts(row: SessionRow) -> list[str]:
    return [f"{name} {percent_text(share)}" for name, share in row.shares.items()]


def _began_detail(row: SessionRow) -> str:
    if row.expires is None:
        return row.began
    return f"{row.began}; the retention setting lets it go on {day_text(row.expires)}"


def _title(row: SessionRow) -> str:
    return "  ·  ".join([row.name, *row.marks])


COLUMNS: Mapping[int, Column[SessionRow]] = {
    SessionColumn.BEGAN: Column(
        "Began",
        "When the session began, by the clock of its place",
        lambda row: row.began,
        order=lambda row: row.info.metadata.started.timestamp(),
        detail=_began_detail,
    ),
    SessionColumn.TITLE: Column(
        "Title",
        "Press F2 to rename; without a title, what was listened to",
        _title,
        detail=lambda row: f"{_title(row)} ({row.info.id})",
    ),
    SessionColumn.STUDY: Column(
        "Study", "The study that it belongs to", lambda row: row.info.metadata.study.name
    ),
    SessionColumn.PARTICIPANT: Column(
        "Participant", "The participant's code", lambda row: row.info.metadata.study.participant
    ),
    SessionColumn.CONDITION: Column(
        "Condition", "The study's condition", lambda row: row.info.metadata.study.condition
    ),
    SessionColumn.LENGTH: Column(
        "Length",
        "Time that it covers",
        lambda row: length_text(row.info.duration_s),
        order=lambda row: row.info.duration_s,
        right=True,
    ),
    SessionColumn.SPEECH: Column(
        "Speech",
        "Time of speech in all channels",
        lambda row: length_text(row.info.speech_s),
        order=lambda row: row.info.speech_s,
        right=True,
    ),
    SessionColumn.SOUNDED: Column(
        "Sounded",
        "Shares of the speech whose segments carry a label",
        lambda row: row.label_summary,
        order=_label_order,
        detail=lambda row: ", ".join(_share_texts(row)) or row.label_summary,
    ),
    SessionColumn.SIZE: Column(
        "Size",
        "What it takes on the disk",
        lambda row: local_numbers(size_text(row.info.size)),
        order=lambda row: float(row.info.size),
        right=True,
    ),
    SessionColumn.SOUND: Column(
        "Audio",
        "Whether the sound was kept",
        lambda row: "–" if row.info.audio is None else "kept",
        detail=lambda row: "No sound was kept" if row.info.audio is None else str(row.info.audio),
    ),
}


class SessionTableModel(TableModel[SessionRow]):
    """Rows for a view; a title can be edited."""

    renamed = pyqtSignal(str, str)

    def __init__(self) -> None:
        super().__init__(COLUMNS)

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Titles can be edited."""
        flags = super().flags(index)
        if index.column() == SessionColumn.TITLE:
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The title as it is edited, or what a cell shows."""
        if role == Qt.ItemDataRole.EditRole:
            return self.rows[index.row()].info.metadata.title
        return super().data(index, role)

    def setData(self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Pass a new title on."""
        title = str(value).strip()
        info = self.rows[index.row()].info
        if role != Qt.ItemDataRole.EditRole or title == info.metadata.title:
            return False
        self.renamed.emit(info.id, title)
        return True

    def color(self, row: SessionRow, column: int, theme: Theme) -> str:
        """Muted where there is no title, or no sound."""
        untitled = column == SessionColumn.TITLE and not row.info.metadata.title
        silent = column == SessionColumn.SOUND and row.info.audio is None
        return theme.muted if untitled or silent else theme.text

    def shares(self, row: SessionRow) -> Mapping[str, float]:
        """Shares of the voiced duration, the largest first."""
        return row.shares


_WIDEST_TEXTS: Mapping[int, str] = {
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
        self.setModel(self._sorted)
        set_up_table(self, "Sessions")
        set_size(self, rows=4.5)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setSortingEnabled(True)
        self.sortByColumn(SessionColumn.BEGAN, Qt.SortOrder.DescendingOrder)
        self.setItemDelegateForColumn(SessionColumn.SOUNDED, ShareCell(self))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header_of(self).setSectionResizeMode(SessionColumn.TITLE, QHeaderView.ResizeMode.Stretch)
        self._selection.selectionChanged.connect(lambda *_: self.changed.emit())

    @property
    def editing(self) -> bool:
        """Whether a title is being changed."""
        return self.state() is QAbstractItemView.State.EditingState

    def show_rows(self, rows: Sequence[SessionRow], empty: str) -> None:
        """Change all rows, or say why there are none; what was chosen stays so, or the first is."""
        names = [one.info.id for one in self.chosen()]
        bar = self.verticalScrollBar()
        assert bar is not None
        place = bar.value()
        self._empty_text = empty
        self.setAccessibleDescription("" if rows else empty)
        self._empty_columns = {
            column
            for column in (SessionColumn.STUDY, SessionColumn.PARTICIPANT, SessionColumn.CONDITION)
            if not any(COLUMNS[column].text(one) for one in rows)
        }
        self.rows.show_rows(rows)
        self.fit(self._width_px)
        there = {one.info.id for one in rows}
        self.choose([name for name in names if name in there] or [one.info.id for one in rows[:1]])
        bar.setValue(place)

    def chosen(self) -> list[SessionRow]:
        """The sessions that are selected, in the order in which they are shown."""
        places = sorted(index.row() for index in self._selection.selectedRows())
        return [self._row(place) for place in places]

    def choose(self, names: Sequence[str]) -> None:
        """Select sessions by their IDs, and bring the first one into view."""
        indexes = [
            self._sorted.index(place, 0)
            for place in range(self._sorted.rowCount())
            if self._row(place).info.id in names
        ]
        selection = QItemSelection()
        for index in indexes:
            selection.select(index, index)
        flags = QItemSelectionModel.SelectionFlag
        with QSignalBlocker(self._selection):  # told below, also where it is the same
            self._selection.select(selection, flags.ClearAndSelect | flags.Rows)
            if indexes:
                self._selection.setCurrentIndex(indexes[0], flags.NoUpdate)
        if indexes:
            self.scrollTo(indexes[0])
        if (port := self.viewport()) is not None:
            port.update()
        self.changed.emit()

    def rename(self) -> None:
        """Edit the title where it stands."""
        places = self._selection.selectedRows()
        if len(places) == 1:
            self.edit(self._sorted.index(places[0].row(), SessionColumn.TITLE))

    def fit(self, room: int) -> None:
        """Divide a width in pixels among the columns; the title takes the rest."""
        self._width_px, style = room, style_of(self)
        widths = column_widths(self, _WIDEST_TEXTS)
        for column in self._empty_columns:
            widths.pop(column)
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
        return selection_of(self)

    def _row(self, place: int) -> SessionRow:
        return self.rows.rows[self._sorted.mapToSource(self._sorted.index(place, 0)).row()]

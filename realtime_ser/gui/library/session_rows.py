"""The kept sessions as rows of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

from PyQt6.QtCore import QAbstractTableModel, QModelIndex, Qt, pyqtSignal
from PyQt6.QtGui import QColor

from realtime_ser.base.text import clock_text, percent, size_text
from realtime_ser.gui.theme.theme import Look
from realtime_ser.session.store import Query, SessionInfo, SessionState, Store

SORT_ROLE = Qt.ItemDataRole.UserRole
SHARES_ROLE = Qt.ItemDataRole.UserRole + 1
"""Shares of a row's labels, the largest first."""

_ROOT = QModelIndex()


class Column(IntEnum):
    """What the table tells of a session."""

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


HEADERS = {
    Column.BEGAN: ("Began", "When the session began, by the clock of its place"),
    Column.TITLE: ("Title", "Press F2 to rename; without a title, what was listened to"),
    Column.STUDY: ("Study", "The study that it belongs to"),
    Column.PARTICIPANT: ("Participant", "The participant's code"),
    Column.CONDITION: ("Condition", "The study's condition"),
    Column.LENGTH: ("Length", "Time that it covers"),
    Column.SPEECH: ("Speech", "Time of speech in all channels"),
    Column.SOUNDED: ("Sounded", "Shares of the speech whose segments carry a label"),
    Column.SIZE: ("Size", "What it takes on the disk"),
    Column.SOUND: ("Audio", "Whether the sound was kept"),
}

_RIGHT = {Column.LENGTH, Column.SPEECH, Column.SIZE}


@dataclass(frozen=True, slots=True)
class Row:
    """A session and what is shown of it.

    Attributes
    ----------
    info
        The session.
    shares
        Share of the voiced duration whose segments carry a label, the largest first.
    leaves
        When the retention setting lets it go; ``None``: never.
    """

    info: SessionInfo
    shares: Mapping[str, float]
    leaves: datetime | None

    @property
    def name(self) -> str:
        """Its title, or what was listened to."""
        return self.info.beginning.title or self.info.beginning.source.name

    @property
    def began(self) -> str:
        """When it began, to the minute."""
        return self.info.beginning.started.strftime("%Y-%m-%d %H:%M")

    @property
    def marks(self) -> list[str]:
        """What stands beside the name."""
        begun = self.info.beginning
        return [
            *([] if self.info.state is SessionState.COMPLETE else [self.info.state.value]),
            *(["demo"] if begun.source.demo else []),
            *([f"heard again by {begun.model.name}"] if begun.origin is not None else []),
        ]

    @property
    def sounded(self) -> str:
        """The leading labels in words."""
        if not self.shares:
            return "no speech"
        return " · ".join(f"{name} {percent(share)}" for name, share in [*self.shares.items()][:2])


def read_rows(store: Store, query: Query, retention_days: float | None) -> list[Row]:
    """Rows of the sessions that fit a query, the newest first."""
    rows = []
    for info in reversed(store.sessions(query)):
        started = info.beginning.started
        leaves = None if retention_days is None else started + timedelta(days=retention_days)
        rows.append(Row(info, store.shares(info.id), leaves))
    return rows


class SessionRows(QAbstractTableModel):
    """Rows for a view; a title can be edited."""

    renamed = pyqtSignal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Row] = []
        self._look: Look | None = None

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Change all rows."""
        self.beginResetModel()
        self.rows = list(rows)
        self.endResetModel()

    def set_look(self, look: Look) -> None:
        """Change theme and sizes."""
        self._look = look

    def rowCount(self, parent: QModelIndex = _ROOT) -> int:
        """Count the sessions."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = _ROOT) -> int:
        """Count what is told of each."""
        return 0 if parent.isValid() else len(Column)

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Titles can be edited."""
        flags = super().flags(index)
        if index.column() == Column.TITLE:
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Names of the columns, and what they mean."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        column = Column(section)
        if role == Qt.ItemDataRole.DisplayRole:
            return HEADERS[column][0]
        if role == Qt.ItemDataRole.ToolTipRole:
            return HEADERS[column][1]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: PLR0911
        """What a cell shows."""
        row, column = self.rows[index.row()], Column(index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(row, column)
        if role == Qt.ItemDataRole.EditRole:
            return row.info.beginning.title
        if role == SORT_ROLE:
            return _order(row, column)
        if role == SHARES_ROLE:
            return row.shares
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleDescriptionRole):
            return _tip(row, column)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{HEADERS[column][0]}: {_text(row, column) or 'none'}"
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role == Qt.ItemDataRole.ForegroundRole and self._look is not None:
            untitled = column is Column.TITLE and not row.info.beginning.title
            faint = untitled or (column is Column.SOUND and row.info.audio is None)
            return QColor(self._look.theme.muted if faint else self._look.theme.text)
        return None

    def setData(self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Pass a new title on."""
        title = str(value).strip()
        info = self.rows[index.row()].info
        if role != Qt.ItemDataRole.EditRole or title == info.beginning.title:
            return False
        self.renamed.emit(info.id, title)
        return True


def _alignment(column: Column) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column in _RIGHT else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


_TEXTS: Mapping[Column, Callable[[Row], str]] = {
    Column.BEGAN: lambda row: row.began,
    Column.TITLE: lambda row: "  ·  ".join([row.name, *row.marks]),
    Column.STUDY: lambda row: row.info.beginning.study.name,
    Column.PARTICIPANT: lambda row: row.info.beginning.study.participant,
    Column.CONDITION: lambda row: row.info.beginning.study.condition,
    Column.LENGTH: lambda row: clock_text(row.info.duration_s),
    Column.SPEECH: lambda row: clock_text(row.info.speech_s),
    Column.SOUNDED: lambda row: row.sounded,
    Column.SIZE: lambda row: size_text(row.info.size),
    Column.SOUND: lambda row: "kept" if row.info.audio is not None else "–",
}


def _text(row: Row, column: Column) -> str:
    return _TEXTS[column](row)


def _order(row: Row, column: Column) -> Any:
    info = row.info
    match column:
        case Column.BEGAN:
            return info.beginning.started.timestamp()
        case Column.LENGTH:
            return info.duration_s
        case Column.SPEECH:
            return info.speech_s
        case Column.SIZE:
            return float(info.size)
        case Column.SOUNDED:
            name, share = next(iter(row.shares.items()), ("~", 0.0))
            return f"{name} {1.0 - share:.6f}"
        case _:
            return _text(row, column).casefold()


def _tip(row: Row, column: Column) -> str:
    info = row.info
    if column is Column.SOUNDED and row.shares:
        return ", ".join(f"{name} {percent(share)}" for name, share in row.shares.items())
    if column is Column.BEGAN and row.leaves is not None:
        return f"{row.began}; the retention setting lets it go on {row.leaves:%Y-%m-%d}"
    if column is Column.TITLE:
        return f"{_text(row, column)} ({info.id})"
    if column is Column.SOUND:
        return "No sound was kept" if info.audio is None else str(info.audio)
    return _text(row, column)

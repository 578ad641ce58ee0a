"""The kept sessions as rows of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

from PyQt6.QtCore import QAbstractTableModel, QModelIndex, Qt, pyqtSignal
from PyQt6.QtGui import QColor

from realtime_ser.base.text import clock_text, percent_text, size_text
from realtime_ser.gui.theme.style_watcher import current_theme
from realtime_ser.session.store import Query, SessionInfo, SessionState, Store

SORT_ROLE = Qt.ItemDataRole.UserRole
SHARES_ROLE = Qt.ItemDataRole.UserRole + 1
"""Shares of a row's labels, the largest first."""

_ROOT = QModelIndex()


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


HEADERS = {
    SessionColumn.BEGAN: ("Began", "When the session began, by the clock of its place"),
    SessionColumn.TITLE: ("Title", "Press F2 to rename; without a title, what was listened to"),
    SessionColumn.STUDY: ("Study", "The study that it belongs to"),
    SessionColumn.PARTICIPANT: ("Participant", "The participant's code"),
    SessionColumn.CONDITION: ("Condition", "The study's condition"),
    SessionColumn.LENGTH: ("Length", "Time that it covers"),
    SessionColumn.SPEECH: ("Speech", "Time of speech in all channels"),
    SessionColumn.SOUNDED: ("Sounded", "Shares of the speech whose segments carry a label"),
    SessionColumn.SIZE: ("Size", "What it takes on the disk"),
    SessionColumn.SOUND: ("Audio", "Whether the sound was kept"),
}

_RIGHT_ALIGNED = {SessionColumn.LENGTH, SessionColumn.SPEECH, SessionColumn.SIZE}


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
        return self.info.metadata.title or self.info.metadata.source.name

    @property
    def began(self) -> str:
        """Start of the session, to the minute."""
        return self.info.metadata.started.strftime("%Y-%m-%d %H:%M")

    @property
    def marks(self) -> list[str]:
        """Remarks beside the name, such as "interrupted"."""
        metadata = self.info.metadata
        return [
            *([] if self.info.state is SessionState.COMPLETE else [self.info.state.value]),
            *(["demo"] if metadata.source.demo else []),
            *([f"heard again by {metadata.model.name}"] if metadata.origin is not None else []),
        ]

    @property
    def label_summary(self) -> str:
        """The leading labels in words."""
        if not self.shares:
            return "no speech"
        return " · ".join(
            f"{name} {percent_text(share)}" for name, share in [*self.shares.items()][:2]
        )


def read_session_rows(store: Store, query: Query, retention_days: float | None) -> list[SessionRow]:
    """Rows of the sessions that fit a query, the newest first."""
    rows = []
    for info in reversed(store.sessions(query)):
        started = info.metadata.started
        expires = None if retention_days is None else started + timedelta(days=retention_days)
        rows.append(SessionRow(info, store.shares(info.id), expires))
    return rows


class SessionTableModel(QAbstractTableModel):
    """Rows for a view; a title can be edited."""

    renamed = pyqtSignal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[SessionRow] = []

    def show_rows(self, rows: Sequence[SessionRow]) -> None:
        """Change all rows."""
        self.beginResetModel()
        self.rows = list(rows)
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = _ROOT) -> int:
        """Count the sessions."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = _ROOT) -> int:
        """Count the columns."""
        return 0 if parent.isValid() else len(SessionColumn)

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Titles can be edited."""
        flags = super().flags(index)
        if index.column() == SessionColumn.TITLE:
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Names of the columns, and what they mean."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        column = SessionColumn(section)
        if role == Qt.ItemDataRole.DisplayRole:
            return HEADERS[column][0]
        if role == Qt.ItemDataRole.ToolTipRole:
            return HEADERS[column][1]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: PLR0911
        """Text, tooltip, order and colour of a cell."""
        row, column = self.rows[index.row()], SessionColumn(index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(row, column)
        if role == Qt.ItemDataRole.EditRole:
            return row.info.metadata.title
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
        if role == Qt.ItemDataRole.ForegroundRole:
            untitled = column is SessionColumn.TITLE and not row.info.metadata.title
            faint = untitled or (column is SessionColumn.SOUND and row.info.audio is None)
            theme = current_theme()
            return QColor(theme.muted if faint else theme.text)
        return None

    def setData(self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Pass a new title on."""
        title = str(value).strip()
        info = self.rows[index.row()].info
        if role != Qt.ItemDataRole.EditRole or title == info.metadata.title:
            return False
        self.renamed.emit(info.id, title)
        return True


def _alignment(column: SessionColumn) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column in _RIGHT_ALIGNED else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


_TEXTS: Mapping[SessionColumn, Callable[[SessionRow], str]] = {
    SessionColumn.BEGAN: lambda row: row.began,
    SessionColumn.TITLE: lambda row: "  ·  ".join([row.name, *row.marks]),
    SessionColumn.STUDY: lambda row: row.info.metadata.study.name,
    SessionColumn.PARTICIPANT: lambda row: row.info.metadata.study.participant,
    SessionColumn.CONDITION: lambda row: row.info.metadata.study.condition,
    SessionColumn.LENGTH: lambda row: clock_text(row.info.duration_s),
    SessionColumn.SPEECH: lambda row: clock_text(row.info.speech_s),
    SessionColumn.SOUNDED: lambda row: row.label_summary,
    SessionColumn.SIZE: lambda row: size_text(row.info.size),
    SessionColumn.SOUND: lambda row: "kept" if row.info.audio is not None else "–",
}


def _text(row: SessionRow, column: SessionColumn) -> str:
    return _TEXTS[column](row)


def _order(row: SessionRow, column: SessionColumn) -> Any:
    info = row.info
    match column:
        case SessionColumn.BEGAN:
            return info.metadata.started.timestamp()
        case SessionColumn.LENGTH:
            return info.duration_s
        case SessionColumn.SPEECH:
            return info.speech_s
        case SessionColumn.SIZE:
            return float(info.size)
        case SessionColumn.SOUNDED:
            name, share = next(iter(row.shares.items()), ("~", 0.0))
            return f"{name} {1.0 - share:.6f}"
        case _:
            return _text(row, column).casefold()


def _tip(row: SessionRow, column: SessionColumn) -> str:
    info = row.info
    if column is SessionColumn.SOUNDED and row.shares:
        return ", ".join(f"{name} {percent_text(share)}" for name, share in row.shares.items())
    if column is SessionColumn.BEGAN and row.expires is not None:
        return f"{row.began}; the retention setting lets it go on {row.expires:%Y-%m-%d}"
    if column is SessionColumn.TITLE:
        return f"{_text(row, column)} ({info.id})"
    if column is SessionColumn.SOUND:
        return "No sound was kept" if info.audio is None else str(info.audio)
    return _text(row, column)

"""Recordings and what came of them as rows of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import Any

from PyQt6.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt
from PyQt6.QtGui import QColor

from realtime_ser.base.labels import LABELS
from realtime_ser.base.records import Estimate
from realtime_ser.base.text import clock_text, percent_text
from realtime_ser.gui.theme.style_watcher import current_theme
from realtime_ser.gui.widgets.tables import SHARES_ROLE, SORT_ROLE
from realtime_ser.session.analysis.analyzer import Outcome
from realtime_ser.session.analysis.inputs import InputFile

_ROOT = QModelIndex()


class FileColumn(IntEnum):
    """What the table tells of a recording."""

    FILE = 0
    LABEL = 1
    CONFIDENCE = 2
    LENGTH = 3
    SPEECH = 4
    REMARK = 5


HEADERS = {
    FileColumn.FILE: ("File", "The recording"),
    FileColumn.LABEL: (
        "Label",
        "The segments' results averaged by voiced duration; '?' where that is uncertain",
    ),
    FileColumn.CONFIDENCE: ("Confidence", "Probability of the label"),
    FileColumn.LENGTH: ("Length", "How long the recording is"),
    FileColumn.SPEECH: ("Speech", "Time of speech in all channels"),
    FileColumn.REMARK: ("Remark", "How far it is, or why it could not be analysed"),
}

_RIGHT_ALIGNED = {FileColumn.CONFIDENCE, FileColumn.LENGTH, FileColumn.SPEECH}


class FileRow:
    """A recording, how far it is, and what came of it.

    Attributes
    ----------
    item
        The file, and where its tables lie.
    share
        What share is done; ``None``: it is not being analysed.
    outcome
        What came of it; ``None``: it is not done.
    """

    def __init__(self, item: InputFile) -> None:
        self.item = item
        self.share: float | None = None
        self.outcome: Outcome | None = None

    @property
    def failed(self) -> bool:
        """Whether it could not be analysed."""
        return self.outcome is not None and self.outcome.error is not None

    @property
    def estimate(self) -> Estimate | None:
        """What was heard; ``None``: nothing, or nothing yet."""
        return None if self.outcome is None else self.outcome.estimate

    @property
    def remark(self) -> str:
        """How far it is, or why nothing came of it."""
        if self.outcome is None:
            return f"analysing, {percent_text(self.share)}" if self.share else "waiting"
        if self.outcome.error is not None:
            # The name stands in the same row.
            return f"\u26a0 {self.outcome.error.removeprefix(str(self.item.path)).strip()}"
        return "no speech was found" if self.outcome.estimate is None else ""


class FileTableModel(QAbstractTableModel):
    """The recordings for a view."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[FileRow] = []
        self.labels: tuple[str, ...] = LABELS

    def add(self, items: Sequence[InputFile]) -> None:
        """Add recordings at the end."""
        self.beginInsertRows(_ROOT, len(self.rows), len(self.rows) + len(items) - 1)
        self.rows += [FileRow(item) for item in items]
        self.endInsertRows()

    def clear(self) -> None:
        """Forget all recordings."""
        self.beginResetModel()
        self.rows = []
        self.endResetModel()

    def update_row(self, number: int) -> None:
        """Show what has changed in a row."""
        self.dataChanged.emit(self.index(number, 0), self.index(number, FileColumn.REMARK))

    def rowCount(self, parent: QModelIndex = _ROOT) -> int:
        """Count the recordings."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = _ROOT) -> int:
        """Count what is told of each."""
        return 0 if parent.isValid() else len(FileColumn)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Names of the columns, and what they mean."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        column = FileColumn(section)
        if role == Qt.ItemDataRole.DisplayRole:
            return HEADERS[column][0]
        if role == Qt.ItemDataRole.ToolTipRole:
            return HEADERS[column][1]
        return _alignment(column) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What a cell shows."""
        row, column = self.rows[index.row()], FileColumn(index.column())
        made: Mapping[int, Callable[[], Any]] = {
            Qt.ItemDataRole.DisplayRole: lambda: _TEXTS[column](row),
            Qt.ItemDataRole.ToolTipRole: lambda: _tip(row, column),
            Qt.ItemDataRole.AccessibleTextRole: lambda: (
                f"{HEADERS[column][0]}: {_TEXTS[column](row) or 'none'}"
            ),
            Qt.ItemDataRole.TextAlignmentRole: lambda: _alignment(column),
            Qt.ItemDataRole.ForegroundRole: lambda: self._color(row),
            SORT_ROLE: lambda: _ORDERS.get(column, _TEXTS[column])(row),
            SHARES_ROLE: lambda: self._shares(row),
        }
        return made[role]() if role in made else None

    def _color(self, row: FileRow) -> QColor | None:
        return QColor(current_theme().danger) if row.failed else None

    def _shares(self, row: FileRow) -> dict[str, float]:
        if row.estimate is None:
            return {}
        values = row.estimate.probabilities
        return {name: float(value) for name, value in zip(self.labels, values, strict=True)}


class FileSortModel(QSortFilterProxyModel):
    """Sorts the recordings, and leaves out all but the unreadable ones on demand."""

    def __init__(self, model: FileTableModel) -> None:
        super().__init__()
        self._model = model
        self._only_failed = False
        self.setSourceModel(model)
        self.setSortRole(SORT_ROLE)

    def filterAcceptsRow(self, row: int, parent: QModelIndex) -> bool:  # noqa: ARG002
        """Whether a recording is shown."""
        return not self._only_failed or self._model.rows[row].failed

    def show_failed(self, *, only: bool) -> None:
        """Show all recordings, or only those that could not be analysed."""
        self._only_failed = only
        self.invalidateFilter()


def _alignment(column: FileColumn) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column in _RIGHT_ALIGNED else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


def _label(row: FileRow) -> str:
    said = row.estimate
    return "" if said is None else said.label if said.certain else f"{said.label}?"


def _time(row: FileRow, name: str) -> float | None:
    return None if row.outcome is None else getattr(row.outcome, name)


def _clock(row: FileRow, name: str) -> str:
    seconds = _time(row, name)
    return "" if seconds is None else clock_text(seconds)


def _tip(row: FileRow, column: FileColumn) -> str:
    if column is FileColumn.FILE:
        return str(row.item.path)
    return _TEXTS[column](row)


_TEXTS: Mapping[FileColumn, Callable[[FileRow], str]] = {
    FileColumn.FILE: lambda row: row.item.path.name,
    FileColumn.LABEL: _label,
    FileColumn.CONFIDENCE: lambda row: (
        "" if row.estimate is None else percent_text(row.estimate.confidence)
    ),
    FileColumn.LENGTH: lambda row: _clock(row, "duration_s"),
    FileColumn.SPEECH: lambda row: _clock(row, "speech_s"),
    FileColumn.REMARK: lambda row: row.remark,
}

_ORDERS: Mapping[FileColumn, Callable[[FileRow], Any]] = {
    FileColumn.FILE: lambda row: str(row.item.path).casefold(),
    FileColumn.CONFIDENCE: lambda row: -1.0 if row.estimate is None else row.estimate.confidence,
    FileColumn.LENGTH: lambda row: _time(row, "duration_s") or -1.0,
    FileColumn.SPEECH: lambda row: _time(row, "speech_s") or -1.0,
}

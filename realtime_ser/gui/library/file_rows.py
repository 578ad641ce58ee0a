"""Recordings and what came of them as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from PyQt6.QtCore import QModelIndex

from realtime_ser.base.labels import LABELS
from realtime_ser.base.records import Estimate
from realtime_ser.base.text import in_no_share_text, length_text, percent_text, result_text
from realtime_ser.gui.widgets.localised import local_numbers
from realtime_ser.gui.widgets.tables import Column, TableModel
from realtime_ser.session.analysis.analyzer import Outcome
from realtime_ser.session.analysis.inputs import InputFile
from realtime_ser.timeline.style import Theme

FAILURE_SIGN = "\u26a0"
"""Begins the remark on a recording that could not be analysed, and no other."""


class FileColumn(IntEnum):
    """What the table tells of a recording."""

    FILE = 0
    LABEL = 1
    CONFIDENCE = 2
    LENGTH = 3
    SPEECH = 4
    REMARK = 5


@dataclass(slots=True)
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

    item: InputFile
    share: float | None = None
    outcome: Outcome | None = None

    @property
    def error(self) -> str | None:
        """Reason why it could not be analysed; one sentence."""
        return None if self.outcome is None else self.outcome.error

    @property
    def estimate(self) -> Estimate | None:
        """What was heard; ``None``: nothing, or nothing yet."""
        speech = None if self.outcome is None else self.outcome.speech
        return None if speech is None else speech.estimate

    @property
    def duration_s(self) -> float | None:
        """Length of the recording, once it is known."""
        return None if self.outcome is None else self.outcome.duration_s

    @property
    def speech_s(self) -> float | None:
        """Time of speech in all channels, once it is known."""
        speech = None if self.outcome is None else self.outcome.speech
        return None if speech is None else speech.speech_s

    @property
    def remark(self) -> str:
        """How far it is, or why nothing came of it."""
        if self.outcome is None:
            return f"analysing, {percent_text(self.share)}" if self.share else "waiting"
        if self.error is not None:
            # The name stands in the same row.
            return f"{FAILURE_SIGN} {self.error.removeprefix(str(self.item.path)).strip()}"
        speech = self.outcome.speech
        if speech is not None and speech.left_out_s:
            return local_numbers(in_no_share_text(speech.left_out_s))
        return "no speech was found" if self.estimate is None else ""


def _label(row: FileRow) -> str:
    return result_text(row.estimate, short=True) if row.estimate else ""


COLUMNS: Mapping[int, Column[FileRow]] = {
    FileColumn.FILE: Column(
        "File",
        "The recording",
        lambda row: row.item.path.name,
        order=lambda row: str(row.item.path).casefold(),
        detail=lambda row: str(row.item.path),
    ),
    FileColumn.LABEL: Column(
        "Label",
        "The segments' results averaged by voiced duration; '?' where that is uncertain",
        _label,
    ),
    FileColumn.CONFIDENCE: Column(
        "Confidence",
        "Probability of the label",
        lambda row: percent_text(row.estimate.confidence) if row.estimate else "",
        order=lambda row: row.estimate.confidence if row.estimate else -1.0,
        right=True,
    ),
    FileColumn.LENGTH: Column(
        "Length",
        "How long the recording is",
        lambda row: "" if row.duration_s is None else length_text(row.duration_s),
        order=lambda row: row.duration_s or -1.0,
        right=True,
    ),
    FileColumn.SPEECH: Column(
        "Speech",
        "Time of speech in all channels",
        lambda row: "" if row.speech_s is None else length_text(row.speech_s),
        order=lambda row: row.speech_s or -1.0,
        right=True,
    ),
    FileColumn.REMARK: Column(
        "Remark", "How far it is, or why it could not be analysed", lambda row: row.remark
    ),
}


class FileTableModel(TableModel[FileRow]):
    """The recordings for a view."""

    def __init__(self) -> None:
        super().__init__(COLUMNS)
        self.labels: tuple[str, ...] = LABELS

    def add(self, items: Sequence[InputFile]) -> None:
        """Add recordings at the end."""
        self.beginInsertRows(QModelIndex(), len(self.rows), len(self.rows) + len(items) - 1)
        self.rows += [FileRow(item) for item in items]
        self.endInsertRows()

    def update_row(self, number: int) -> None:
        """Show what has changed in a row."""
        self.dataChanged.emit(self.index(number, 0), self.index(number, FileColumn.REMARK))

    def color(self, row: FileRow, column: int, theme: Theme) -> str:  # noqa: ARG002
        """Another colour where it could not be analysed."""
        return theme.text if row.error is None else theme.danger

    def shares(self, row: FileRow) -> dict[str, float]:
        """Probabilities of the result."""
        if row.estimate is None:
            return {}
        values = row.estimate.probabilities
        return {name: float(value) for name, value in zip(self.labels, values, strict=True)}

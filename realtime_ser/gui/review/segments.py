"""The segments as a table: sorted and filtered at once, also those of a day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PyQt6.QtCore import QModelIndex, Qt, pyqtSignal
from PyQt6.QtWidgets import QHeaderView, QTableView, QWidget

from realtime_ser.base.records import Segment
from realtime_ser.base.text import exact_clock, percent_text, result_text
from realtime_ser.gui.theme.style_watcher import set_columns, set_size
from realtime_ser.gui.timeline.annotations import Annotations
from realtime_ser.gui.widgets.localised import local_numbers
from realtime_ser.gui.widgets.parts import (
    ChevronComboBox,
    KeysForWindow,
    column,
    label,
    line_edit,
    row,
)
from realtime_ser.gui.widgets.tables import (
    Column,
    TableModel,
    header_of,
    select_row,
    selection_of,
    set_up_table,
)
from realtime_ser.session.store import Interval
from realtime_ser.timeline.content import Content, annotation_text


@dataclass(frozen=True, slots=True)
class SegmentFilter:
    """Which segments are wanted; what is empty or ``None`` wants all.

    Attributes
    ----------
    text
        Found in any cell of the row.
    label
        Of the model, or by hand.
    certain, channel
        Only these.
    """

    text: str = ""
    label: str = ""
    certain: bool | None = None
    channel: int | None = None


class SegmentModel(TableModel[Segment]):
    """Rows of a session's segments, with the labels by hand."""

    def __init__(self, content: Content, annotations: Annotations) -> None:
        self._annotations = annotations
        self.columns = _columns(content, self.correction)
        super().__init__(dict(enumerate(self.columns)))
        self._all = self.rows = list(content.segments)
        self._filter = SegmentFilter()
        self._sorted = (0, Qt.SortOrder.AscendingOrder)
        self._row_by_segment: dict[tuple[int, int], int] = {}
        self._index()
        annotations.changed.connect(self._refresh)

    @property
    def total(self) -> int:
        """Number of all segments, filtered or not."""
        return len(self._all)

    def correction(self, segment: Segment) -> str:
        """Corrected label of a segment; empty: it was not corrected."""
        item = self._annotations.correction(segment)
        return "" if item is None else annotation_text(item.value)

    def set_filter(self, criteria: SegmentFilter) -> None:
        """Show other segments."""
        self._filter = criteria
        self._refresh()

    def place(self, segment: Segment) -> int | None:
        """Row of a segment; ``None``: it is filtered away."""
        return self._row_by_segment.get((segment.channel, segment.number))

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What a cell shows; a screen reader says so where the segment is uncertain."""
        shown = super().data(index, role)
        spoken = role == Qt.ItemDataRole.AccessibleTextRole
        estimate = self.rows[index.row()].estimate
        uncertain = spoken and not estimate.certain and estimate.quality.usable
        return f"{shown}, uncertain" if uncertain else shown

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Names of the columns, and what they mean."""
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return None  # all at the left, also over numbers
        return super().headerData(section, orientation, role)

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Order the rows by a column; those that are equal stay in order of time."""
        if (column, order) != self._sorted:
            self._sorted = (column, order)
            self._refresh()

    def _refresh(self) -> None:
        self.layoutAboutToBeChanged.emit()
        before = self.rows
        column, order = self._sorted
        self.rows = sorted(
            (segment for segment in self._all if self._matches(segment)),
            key=self.columns[column].order or self.columns[column].text,
            reverse=order is Qt.SortOrder.DescendingOrder,
        )
        self._index()
        for index in self.persistentIndexList():
            place = self.place(before[index.row()])
            now = QModelIndex() if place is None else self.index(place, index.column())
            self.changePersistentIndex(index, now)
        self.layoutChanged.emit()

    def _index(self) -> None:
        self._row_by_segment = {
            (segment.channel, segment.number): row for row, segment in enumerate(self.rows)
        }

    def _matches(self, segment: Segment) -> bool:
        criteria, estimate = self._filter, segment.estimate
        if criteria.channel not in (None, segment.channel):
            return False
        if criteria.certain not in (None, estimate.certain):
            return False
        if criteria.label and criteria.label != estimate.label:
            item = self._annotations.correction(segment)
            value = None if item is None else item.value
            if not isinstance(value, Interval) or value.label != criteria.label:
                return False
        text = criteria.text.casefold()
        return not text or any(text in column.text(segment).casefold() for column in self.columns)


def _columns(content: Content, correction: Callable[[Segment], str]) -> list[Column[Segment]]:
    columns: list[Column[Segment]] = [
        Column(
            "start",
            "When it begins; click to sort",
            lambda s: exact_clock(s.start_s, 0.1),
            order=lambda s: s.start_s,
        ),
        Column(
            "length",
            "How long it is, in seconds; click to sort",
            lambda s: local_numbers(f"{s.end_s - s.start_s:.1f} s"),
            order=lambda s: s.end_s - s.start_s,
            right=True,
        ),
        Column(
            "label",
            "What the model said, with a question mark where it was uncertain, or why the sound is "
            "not usable; click to sort",
            lambda s: result_text(s.estimate, short=True),
            order=lambda s: (s.estimate.label, -s.estimate.confidence),
        ),
        Column(
            "prob.",
            "Probability of the label; click to sort",
            lambda s: percent_text(s.estimate.confidence),
            order=lambda s: s.estimate.confidence,
            right=True,
        ),
        Column("corrected", "The label by hand; click to sort", correction, order=correction),
    ]
    if len(content.channels) > 1:

        def title(segment: Segment) -> str:
            return content.channels[segment.channel].title

        columns.insert(2, Column("who", "The channel; click to sort", title, order=title))
    return columns


class SegmentPanel(QWidget):
    """The table with its filter."""

    #: A person chose a segment.
    chosen = pyqtSignal(object)

    def __init__(self, content: Content, annotations: Annotations) -> None:
        super().__init__()
        self.model = SegmentModel(content, annotations)
        self.text = line_edit(
            "Filter the segments by text",
            "Show only segments in whose row this text is found (Ctrl+F)",
            "Filter",
            clearable=True,
        )
        self.label = ChevronComboBox(
            "Filter the segments by label",
            "Show only segments of this label, the model's or by hand",
        )
        self.label.fill([("all labels", ""), *((name, name) for name in content.labels)], "")
        self.certainty = ChevronComboBox(
            "Filter the segments by certainty", "Show only certain, or only uncertain segments"
        )
        levels = (("certain or not", None), ("certain", True), ("uncertain", False))
        self.certainty.fill(levels, None)
        self.channel = ChevronComboBox(
            "Filter the segments by channel", "Show only the segments of this channel"
        )
        channels = [(one.title, number) for number, one in content.channels.items()]
        self.channel.fill([("all channels", None), *channels], None)
        self.channel.setVisible(len(content.channels) > 1)
        self.count = label(role="small muted")
        self.table = self._make_table()
        parts = (
            row((self.text, 1), self.label),
            row(self.certainty, self.channel, None, self.count),
            (self.table, 1),
        )
        self.setLayout(column(*parts, margins=(1, 1, 1, 0.5), spacing=0.75))
        self.text.textChanged.connect(self._filter)
        for box in (self.label, self.certainty, self.channel):
            box.currentIndexChanged.connect(self._filter)
        self.model.layoutChanged.connect(self._show_count)
        self._show_count()

    def show_label(self, label: str, channel: int) -> None:
        """List the segments of a label in a channel, and no others."""
        self.text.clear()
        self.certainty.setCurrentIndex(0)
        self.label.setCurrentIndex(self.label.findData(label))
        several = self.channel.count() > 2
        self.channel.setCurrentIndex(self.channel.findData(channel) if several else 0)

    def follow(self, segment: Segment | None) -> None:
        """Select a segment's row, if it is there, without choosing it."""
        select_row(self.table, None if segment is None else self.model.place(segment))

    def _make_table(self) -> QTableView:
        table = QTableView()
        KeysForWindow(table)
        table.setModel(self.model)
        set_up_table(table, "Segments")
        table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        table.setSortingEnabled(True)
        table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        rows, header = table.verticalHeader(), header_of(table)
        assert rows is not None
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        set_size(table, rows=3)
        widths = {"start": 8.5, "length": 6.5, "who": 8, "label": 10.5, "prob.": 6}
        titles = [column.title for column in self.model.columns]
        set_columns(header, {titles.index(name): widths[name] for name in widths if name in titles})
        header.setStretchLastSection(True)
        selection_of(table).currentRowChanged.connect(self._choose)
        table.clicked.connect(lambda index: self.chosen.emit(self.model.rows[index.row()]))
        return table

    def _filter(self) -> None:
        self.model.set_filter(
            SegmentFilter(
                self.text.text().strip(),
                self.label.currentData(),
                self.certainty.currentData(),
                self.channel.currentData(),
            )
        )

    def _choose(self, index: QModelIndex) -> None:
        if index.isValid():
            self.chosen.emit(self.model.rows[index.row()])

    def _show_count(self) -> None:
        shown, total = len(self.model.rows), self.model.total
        words = local_numbers(
            f"{total:,} segments" if shown == total else f"{shown:,} of {total:,}"
        )
        self.count.setText(words if total != 1 else "1 segment")

"""The segments as a table: sorted and filtered at once, also those of a day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from PyQt6.QtCore import QAbstractTableModel, QItemSelectionModel, QModelIndex, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from realtime_ser.base.records import Segment
from realtime_ser.base.text import percent
from realtime_ser.gui.review.annotations import Annotations, words_of
from realtime_ser.gui.theme.theme import Look, set_role
from realtime_ser.gui.timeline.axis import exact_clock
from realtime_ser.gui.widgets.parts import Choice
from realtime_ser.session.store import Interval
from realtime_ser.timeline.content import Content

Certainty = Literal["all", "certain", "uncertain"]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which segments are wanted; what is empty or ``None`` wants all.

    Attributes
    ----------
    text
        Found in any cell of the row.
    label
        Of the model, or by hand.
    certainty, channel
        Only these.
    """

    text: str = ""
    label: str = ""
    certainty: Certainty = "all"
    channel: int | None = None


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    tip: str
    words: Callable[[Segment], str]
    order: Callable[[Segment], Any]


class SegmentModel(QAbstractTableModel):
    """Rows of segments.

    Parameters
    ----------
    content, annotations
        The session, and the labels by hand.
    """

    def __init__(self, content: Content, annotations: Annotations) -> None:
        super().__init__()
        self._all = content.segments
        self._titles = {number: one.title for number, one in content.channels.items()}
        self._annotations = annotations
        self._filter = Filter()
        self._sorted = (0, Qt.SortOrder.AscendingOrder)
        self.rows: list[Segment] = list(self._all)
        self._places: dict[tuple[int, int], int] = {}
        self.columns = self._columns()
        self._index()
        annotations.changed.connect(self._renew)

    def _columns(self) -> list[_Column]:
        columns = [
            _Column(
                "start",
                "When it begins",
                lambda s: exact_clock(s.start_s, 0.1),
                lambda s: s.start_s,
            ),
            _Column(
                "length",
                "How long it is, in seconds",
                lambda s: f"{s.end_s - s.start_s:.1f} s",
                lambda s: s.end_s - s.start_s,
            ),
            _Column(
                "label",
                "What the model said; a question mark where it was uncertain",
                lambda s: s.estimate.label + ("" if s.estimate.certain else "?"),
                lambda s: (s.estimate.label, -s.estimate.confidence),
            ),
            _Column(
                "prob.",
                "Probability of the label",
                lambda s: percent(s.estimate.confidence),
                lambda s: s.estimate.confidence,
            ),
            _Column("corrected", "The label by hand", self.correction, self.correction),
        ]
        if len(self._titles) > 1:
            titles = self._titles
            columns.insert(
                2,
                _Column(
                    "who",
                    "The channel",
                    lambda s: titles[s.channel],
                    lambda s: titles[s.channel],
                ),
            )
        return columns

    @property
    def whole(self) -> int:
        """How many segments there are, filtered away or not."""
        return len(self._all)

    def correction(self, segment: Segment) -> str:
        """The label by hand, if there is one."""
        item = self._annotations.correction(segment)
        return "" if item is None else words_of(item.value)

    def set_filter(self, wanted: Filter) -> None:
        """Show other segments."""
        self._filter = wanted
        self._renew()

    def place(self, segment: Segment) -> int | None:
        """Row of a segment; ``None``: it is filtered away."""
        return self._places.get((segment.channel, segment.number))

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Rows that fit the filter."""
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex | None = None) -> int:  # noqa: ARG002
        """Columns."""
        return len(self.columns)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Words of a cell, and how they are shown."""
        if not index.isValid():
            return None
        segment, column = self.rows[index.row()], self.columns[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.words(segment)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            sure = "" if segment.estimate.certain else " uncertain"
            return f"{column.title} {column.words(segment)}{sure}"
        if role == Qt.ItemDataRole.TextAlignmentRole and column.title in ("length", "prob."):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        """Titles of the columns."""
        if orientation is Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return self.columns[section].title
            if role == Qt.ItemDataRole.ToolTipRole:
                return f"{self.columns[section].tip}; click to sort"
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Order the rows by a column; those that are equal stay in order of time."""
        self._sorted = (column, order)
        self._renew()

    def _renew(self) -> None:
        self.layoutAboutToBeChanged.emit()
        before = self.rows
        column, order = self._sorted
        self.rows = sorted(
            (segment for segment in self._all if self._fits(segment)),
            key=self.columns[column].order,
            reverse=order is Qt.SortOrder.DescendingOrder,
        )
        self._index()
        for index in self.persistentIndexList():
            place = self.place(before[index.row()])
            now = QModelIndex() if place is None else self.index(place, index.column())
            self.changePersistentIndex(index, now)
        self.layoutChanged.emit()

    def _index(self) -> None:
        self._places = {
            (segment.channel, segment.number): row for row, segment in enumerate(self.rows)
        }

    def _fits(self, segment: Segment) -> bool:
        wanted, estimate = self._filter, segment.estimate
        if wanted.channel not in (None, segment.channel):
            return False
        if wanted.certainty != "all" and estimate.certain != (wanted.certainty == "certain"):
            return False
        if wanted.label and wanted.label != estimate.label:
            item = self._annotations.correction(segment)
            if item is None or not isinstance(item.value, Interval):
                return False
            if item.value.label != wanted.label:
                return False
        text = wanted.text.casefold()
        return not text or any(text in column.words(segment).casefold() for column in self.columns)


class _Table(QTableView):
    """Tells the label keys to the window, and does not search by typing."""

    def keyboardSearch(self, search: str | None) -> None:
        """Keys are actions here."""

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Leave to the window what no table needs."""
        if event is not None and event.text() and event.text().isprintable():
            event.ignore()
            return
        super().keyPressEvent(event)


class SegmentPanel(QWidget):
    """The table with its filter.

    Parameters
    ----------
    content, annotations
        The session, and the labels by hand.
    """

    #: A person chose a segment.
    chosen = pyqtSignal(object)

    def __init__(self, content: Content, annotations: Annotations) -> None:
        super().__init__()
        self.model = SegmentModel(content, annotations)
        self._following = False
        self.text = QLineEdit()
        self.text.setPlaceholderText("Filter")
        self.text.setClearButtonEnabled(True)
        self.text.setAccessibleName("Filter the segments by text")
        self.text.setToolTip("Show only segments in whose row this text is found (Ctrl+F)")
        self.label = _choice("label", "Show only segments of this label, the model's or by hand")
        self.label.addItem("all labels", "")
        for name in content.labels:
            self.label.addItem(name, name)
        self.certainty = _choice("certainty", "Show only certain, or only uncertain segments")
        for words, value in (
            ("certain or not", "all"),
            ("certain", "certain"),
            ("uncertain", "uncertain"),
        ):
            self.certainty.addItem(words, value)
        self.channel = _choice("channel", "Show only the segments of this channel")
        self.channel.addItem("all channels", None)
        for number, one in content.channels.items():
            self.channel.addItem(one.title, number)
        self.channel.setVisible(len(content.channels) > 1)
        self.count = QLabel()
        set_role(self.count, "small muted")
        self.table = self._make_table()
        self._lay_out()
        self.text.textChanged.connect(self._filter)
        for box in (self.label, self.certainty, self.channel):
            box.currentIndexChanged.connect(self._filter)
        self.model.layoutChanged.connect(self._tell)
        self._tell()

    def set_look(self, look: Look) -> None:
        """Change theme and sizes."""
        layout = self.layout()
        assert layout is not None
        layout.setContentsMargins(look.grid(1), look.grid(1), look.grid(1), look.grid(0.5))
        layout.setSpacing(look.grid(0.75))
        for box in (self.label, self.certainty, self.channel):
            box.set_look(look)
        rows = self.table.verticalHeader()
        assert rows is not None
        rows.setDefaultSectionSize(look.grid(3))
        header = self.table.horizontalHeader()
        assert header is not None
        widths = {"start": 8.5, "length": 6.5, "who": 8, "label": 10.5, "prob.": 6}
        for number, column in enumerate(self.model.columns):
            if column.title in widths:
                header.resizeSection(number, look.grid(widths[column.title]))

    def show_label(self, label: str, channel: int) -> None:
        """List the segments of a label in a channel, and no others."""
        self.text.clear()
        self.certainty.setCurrentIndex(0)
        self.label.setCurrentIndex(self.label.findData(label))
        several = self.channel.count() > 2
        self.channel.setCurrentIndex(self.channel.findData(channel) if several else 0)

    def follow(self, segment: Segment | None) -> None:
        """Select a segment's row, if it is there, without choosing it."""
        place = None if segment is None else self.model.place(segment)
        model = self.table.selectionModel()
        assert model is not None
        self._following = True
        try:
            if place is None:
                model.clear()
                return
            index = self.model.index(place, 0)
            flags = QItemSelectionModel.SelectionFlag
            model.setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
            self.table.scrollTo(index)
        finally:
            self._following = False

    def _make_table(self) -> QTableView:
        table = _Table()
        table.setModel(self.model)
        table.setAccessibleName("Segments")
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setSortingEnabled(True)
        table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setTabKeyNavigation(False)
        table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        rows, header = table.verticalHeader(), table.horizontalHeader()
        assert rows is not None
        assert header is not None
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setStretchLastSection(True)
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        model = table.selectionModel()
        assert model is not None
        model.currentRowChanged.connect(self._choose)
        table.clicked.connect(lambda index: self.chosen.emit(self.model.rows[index.row()]))
        return table

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        first, second = QHBoxLayout(), QHBoxLayout()
        first.addWidget(self.text, 1)
        first.addWidget(self.label)
        second.addWidget(self.certainty)
        second.addWidget(self.channel)
        second.addStretch(1)
        second.addWidget(self.count)
        for row in (first, second):
            column.addLayout(row)
        column.addWidget(self.table, 1)

    def _filter(self) -> None:
        self.model.set_filter(
            Filter(
                self.text.text().strip(),
                self.label.currentData(),
                self.certainty.currentData(),
                self.channel.currentData(),
            )
        )

    def _choose(self, index: QModelIndex) -> None:
        if not self._following and index.isValid():
            self.chosen.emit(self.model.rows[index.row()])

    def _tell(self) -> None:
        shown, whole = len(self.model.rows), self.model.whole
        words = f"{whole:,} segments" if shown == whole else f"{shown:,} of {whole:,}"
        self.count.setText(words if whole != 1 else "1 segment")


def _choice(name: str, tip: str) -> Choice:
    box = Choice()
    box.setAccessibleName(f"Filter the segments by {name}")
    box.setToolTip(tip)
    return box

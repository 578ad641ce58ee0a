"""Markers and intervals as a list, for the keyboard and for finding them, and how one is edited."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QDialogButtonBox, QFormLayout, QTableView, QWidget

from realtime_ser.base.records import Marker
from realtime_ser.base.text import exact_clock
from realtime_ser.gui.theme.style_watcher import pad, set_columns, set_size
from realtime_ser.gui.theme.theme import set_role
from realtime_ser.gui.timeline.annotations import Annotations
from realtime_ser.gui.widgets.dialogs import Dialog
from realtime_ser.gui.widgets.localised import local_numbers
from realtime_ser.gui.widgets.parts import (
    ChevronComboBox,
    KeysForWindow,
    button,
    column,
    line_edit,
    row,
    seconds_box,
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
from realtime_ser.session.store.values import CORRECTED
from realtime_ser.timeline.content import (
    Annotation,
    AnnotationItem,
    Content,
    annotation_text,
    end_of,
    start_of,
    with_times,
)


def _length(item: AnnotationItem) -> str:
    length_s = end_of(item.value) - start_of(item.value)
    return local_numbers(f"{length_s:.1f} s") if length_s else ""


def _tier(item: AnnotationItem) -> str:
    if isinstance(item.value, Marker):
        return "marker"
    return "corrected" if item.value.tier == CORRECTED else item.value.tier


_COLUMNS: Sequence[Column[AnnotationItem]] = (
    Column("start", "When it begins", lambda item: exact_clock(start_of(item.value), 0.1)),
    Column("length", "How long it lasts", _length),
    Column("tier", "What it is labelled for", _tier),
    Column("what", "Its label and words", lambda item: annotation_text(item.value)),
)


class MarkList(QWidget):
    """All markers and intervals, in order of time."""

    chosen = pyqtSignal(int)
    edit_wanted = pyqtSignal(int)

    def __init__(self, annotations: Annotations) -> None:
        super().__init__()
        self._annotations = annotations
        self.model = TableModel(dict(enumerate(_COLUMNS)))
        self.table = QTableView()
        self.table.setModel(self.model)
        set_up_table(self.table, "Markers and intervals")
        set_size(self.table, rows=3)
        set_columns(header_of(self.table), dict(enumerate((10, 8, 10))))
        header_of(self.table).setStretchLastSection(True)
        KeysForWindow(self.table)
        self.edit = button("Edit…", "Change words, label and times (Enter, or a double click)")
        self.delete = button("Delete", "Delete it (Del); Undo brings it back")
        tools = row(self.edit, self.delete, None)
        self.setLayout(column((self.table, 1), tools, margins=1.0, spacing=0.75))
        for moved in (selection_of(self.table).currentRowChanged, self.table.clicked):
            moved.connect(lambda *_: self._choose())
        for wanted in (self.table.doubleClicked, self.edit.clicked):  # Enter is the window's
            wanted.connect(lambda *_: self._for_current(self.edit_wanted.emit))
        self.delete.clicked.connect(lambda: self._for_current(annotations.remove))
        annotations.changed.connect(self._refresh)
        self._refresh()

    def follow(self, number: int | None) -> None:
        """Select a row without choosing its item."""
        numbers = [item.number for item in self.model.rows]
        select_row(self.table, numbers.index(number) if number in numbers else None)
        self._enable()

    def _current(self) -> int | None:
        index = self.table.currentIndex()
        return self.model.rows[index.row()].number if index.isValid() else None

    def _refresh(self) -> None:
        before = self._current()
        self.model.show_rows(list(self._annotations))
        self.follow(before)

    def _enable(self) -> None:
        for control in (self.edit, self.delete):
            control.setEnabled(self._current() is not None)

    def _choose(self) -> None:
        self._enable()
        self._for_current(self.chosen.emit)

    def _for_current(self, act: Callable[[int], object]) -> None:
        number = self._current()
        if number is not None:
            act(number)


class ItemDialog(Dialog):
    """Edits a marker or interval; :attr:`value` is what it has become.

    Labels, channels and length are those of the session, and tiers are offered to choose from.
    """

    def __init__(
        self,
        value: Annotation,
        content: Content,
        tiers: Sequence[str],
        title: str,
        parent: QWidget | None,
    ) -> None:
        super().__init__(title, parent)
        self._value = value
        self.label = _editable(content.labels, "Label", "One of the model's labels, or your own")
        self.tier = _editable(tiers, "Tier", "What the stretch is labelled for")
        self.text = line_edit("Text")
        self.code = line_edit("Code", "A short code, by which markers are counted")
        self.channel = ChevronComboBox("Channel", "The channel that it is about")
        self.channel.addItem("all channels", None)
        for number, channel in content.channels.items():
            self.channel.addItem(channel.title, number)
        tip = "Seconds from the start of the session"
        self.start = seconds_box("Start", tip, content.duration_s, decimals=3)
        self.end = seconds_box("End", tip, content.duration_s, decimals=3)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self._fill()
        self._lay_out()
        for box in (self.start, self.end):
            box.valueChanged.connect(self._check)
        self.tier.currentTextChanged.connect(self._check)
        self._check()

    @property
    def value(self) -> Annotation:
        """The marker or interval as edited."""
        start, end, text = self.start.value(), self.end.value(), self.text.text().strip()
        # What was not touched keeps its exact time.
        before = self._value
        start = start_of(before) if abs(start - start_of(before)) < 6e-4 else start
        end = end_of(before) if abs(end - end_of(before)) < 6e-4 else end
        if isinstance(before, Marker):
            marker = replace(before, text=text, code=self.code.text().strip())
            return with_times(marker, start, max(start, end))
        return Interval(
            self.tier.currentText().strip(),
            start,
            end,
            self.label.currentText().strip(),
            text,
            self.channel.currentData(),
            before.source,
        )

    def _fill(self) -> None:
        value = self._value
        self.text.setText(value.text)
        self.start.setValue(start_of(value))
        self.end.setValue(end_of(value))
        if isinstance(value, Marker):
            self.code.setText(value.code)
        else:
            self.label.setCurrentText(value.label)
            self.tier.setCurrentText(value.tier)
            self.channel.setCurrentIndex(max(0, self.channel.findData(value.channel)))

    def _lay_out(self) -> None:
        form = QFormLayout()
        pad(form, 0, 1)
        marker = isinstance(self._value, Marker)
        rows: list[tuple[str, QWidget]] = [("&Text", self.text), ("&Code", self.code)]
        if not marker:
            rows = [("&Label", self.label), ("T&ier", self.tier), ("&Text", self.text)]
            if self.channel.count() > 2 or self.channel.currentData() is not None:
                rows.append(("&Channel", self.channel))
        rows += [("&Start", self.start), ("&End", self.end)]
        for words, widget in rows:
            form.addRow(words, widget)
        self.show_parts(form, self.buttons, min_width=44, margins=2, spacing=1)
        (self.text if marker else self.label).setFocus()

    def _check(self) -> None:
        """Only what can be stored can be accepted."""
        start, end = self.start.value(), self.end.value()
        if isinstance(self._value, Marker):
            fine = end >= start
        else:
            fine = end > start and bool(self.tier.currentText().strip())
        button = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        assert button is not None
        set_role(button, "primary")
        button.setEnabled(fine)
        button.setToolTip("" if fine else "It must end after it starts, and have a tier")


def _editable(items: Sequence[str], name: str, tip: str) -> ChevronComboBox:
    box = ChevronComboBox(name, tip)
    box.setEditable(True)
    box.addItems(list(items))
    return box

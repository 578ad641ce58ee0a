"""Search field and filters of the sessions' table."""

from __future__ import annotations

from datetime import timedelta

from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtWidgets import QWidget

from realtime_ser.base.labels import LABELS
from realtime_ser.base.timebase import local_now
from realtime_ser.gui.theme.style_watcher import set_size
from realtime_ser.gui.widgets.parts import ChevronComboBox, button, column, line_edit, row
from realtime_ser.session.store import Query, Store

_TYPING_MS = 150

_PERIODS: tuple[tuple[str, int | None], ...] = (
    ("Any time", None),
    ("Today", 0),
    ("Last 7 days", 6),
    ("Last 30 days", 29),
    ("Last 12 months", 364),
)


class Filters(QWidget):
    """Search field and filters."""

    changed = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("bar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.search = line_edit(
            "Search",
            "Finds titles, notes, markers, labelled intervals, studies, participants, conditions, "
            "sources, and dates such as 2026-03 (Ctrl+F)",
            "Search titles, notes, markers, intervals, people, dates",
            clearable=True,
        )
        self.study = ChevronComboBox("Study", "Only sessions of this study")
        self.participant = ChevronComboBox("Participant", "Only sessions of this participant")
        self.label = ChevronComboBox("Label", "Only sessions with a segment of this label")
        self.period = ChevronComboBox("Period", "Only sessions that began in this time")
        self.sound = ChevronComboBox("Audio", "Only sessions whose sound was kept")
        self.period.fill(_PERIODS, None)
        self.sound.fill((("With or without audio", False), ("With audio", True)), False)
        self.label.fill((("Any label", None), *((label, label) for label in LABELS)), None)
        self.reset = button("Clear", "Show all sessions again", clicked=self.clear)
        set_size(self.search, min_width=20)
        self._search_row = row()
        self._filter_row = row((self.search, 1), *self._boxes, self.reset)
        for box in self._boxes:
            set_size(box, max_width=26)
            box.currentIndexChanged.connect(self._filter_changed)
        self.setLayout(column(self._search_row, self._filter_row, margins=(2, 1, 2, 1), spacing=1))
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_TYPING_MS)
        self._timer.timeout.connect(self.changed)
        self.search.textChanged.connect(self._search_edited)
        self._filter_changed()

    def fold(self, *, folded: bool) -> None:
        """Give the search a row of its own where there is little width."""
        there, here = (
            (self._search_row, self._filter_row) if folded else (self._filter_row, self._search_row)
        )
        if here.indexOf(self.search) >= 0:
            here.removeWidget(self.search)
            there.insertWidget(0, self.search, 1)

    def show_choices(self, store: Store) -> None:
        """Offer the studies and participants that there are."""
        for box, everything, known in (
            (self.study, "Any study", store.studies()),
            (self.participant, "Anybody", store.participants()),
        ):
            chosen = box.currentData()
            box.fill([(everything, None), *((name, name) for name in known)], chosen)
            box.setVisible(bool(known))
            if chosen != box.currentData():
                self._filter_changed()

    def clear(self) -> None:
        """Show everything again."""
        self.search.clear()
        for box in self._boxes:
            box.setCurrentIndex(0)

    @property
    def active(self) -> bool:
        """Whether a search or filter is set."""
        chosen = any(box.currentIndex() > 0 for box in self._boxes)
        return chosen or bool(self.search.text().strip())

    @property
    def with_sound(self) -> bool:
        """Whether only sessions with sound are wanted."""
        return bool(self.sound.currentData())

    def query(self) -> Query:
        """The search and filters as a query of the store."""
        days = self.period.currentData()
        since = None
        if days is not None:
            today = local_now().replace(hour=0, minute=0, second=0, microsecond=0)
            since = today - timedelta(days=days)
        return Query(
            text=self.search.text().strip() or None,
            study=self.study.currentData(),
            participant=self.participant.currentData(),
            label=self.label.currentData(),
            since=since,
        )

    @property
    def _boxes(self) -> tuple[ChevronComboBox, ...]:
        return self.study, self.participant, self.label, self.period, self.sound

    def _search_edited(self) -> None:
        self.reset.setEnabled(self.active)
        self._timer.start()

    def _filter_changed(self) -> None:
        self.reset.setEnabled(self.active)
        self.changed.emit()

"""One participant's sessions over weeks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import platformdirs
from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QSplitter, QTableWidget, QWidget

from realtime_ser.base.config import Config
from realtime_ser.base.errors import SerError
from realtime_ser.base.text import count_text, length_text, percent_text
from realtime_ser.gui.app.actions import TREND, Actions
from realtime_ser.gui.library.trend_plot import TrendPlot
from realtime_ser.gui.theme.style_watcher import StyleWatcher, set_size, style_of
from realtime_ser.gui.widgets.dialogs import Window, ask_target
from realtime_ser.gui.widgets.localised import moment_text
from realtime_ser.gui.widgets.parts import ChevronComboBox, MessageLabel, bar, button, column, label
from realtime_ser.gui.widgets.tables import RIGHT, fill_table, set_up_table
from realtime_ser.session.store import Store
from realtime_ser.session.trend import TrendPoint, channel_names, labels_of, trend, write_trend

_FIXED = ("Began", "Title", "Condition", "Length", "Speech", "Certain")
_FIRST_NUMBER = _FIXED.index("Length")


class TrendWindow(Window):
    """A participant's sessions: lines over time, and the same numbers in a table.

    Without a participant, the first one of the store; the window does not close the store.
    """

    #: A person wants to look at the session of this ID.
    open_requested = pyqtSignal(str)

    def __init__(
        self,
        config: Config,
        store: Store,
        participant: str | None = None,
        *,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("Trend", parent)
        self._store = store
        self._points: list[TrendPoint] = []
        self.participant = ChevronComboBox("Participant", "Whose sessions are shown")
        self.channel = ChevronComboBox("Channel", "Whose voice counts, where channels are named")
        self.sum = label("", "muted")
        self.export = button(
            "Export CSV…", "Write the table's numbers to a file (Ctrl+E)", clicked=self._ask_export
        )
        self.open = button(
            "Open", "Look at the chosen session (Enter)", "primary", clicked=self._open
        )
        self.message = MessageLabel()
        self.plot = TrendPlot()
        self.table = QTableWidget()
        set_up_table(self.table, "Sessions of the participant")
        self._lay_out()
        self._connect()
        self.resize(1280, 720)
        self.setMinimumSize(640, 480)
        StyleWatcher(self, config.window.theme, changed=lambda _: self._fit())
        self.participant.fill([(code, code) for code in store.participants()], participant)
        self.refresh()
        self.plot.setFocus()

    def refresh(self) -> None:
        """Read the sessions again."""
        code = self.participant.currentData()
        channel = self.channel.currentData()
        self.setWindowTitle(f"Trend of {code}" if code else "Trend")
        try:
            everything = [] if code is None else trend(self._store, code)
            self._fill_channels(channel_names(everything))
            channel = self.channel.currentData()
            self._points = everything if channel is None else trend(self._store, code, channel)
        except SerError as error:
            self.message.warn(str(error))
            return
        self.plot.show_points(self._points)
        self._fill_table()
        self.sum.setText(
            count_text(len(self._points), "session")
            if code
            else "No session has a participant yet."
        )
        self.export.setEnabled(bool(self._points))
        self._choose(len(self._points) - 1)

    def _fill_channels(self, names: list[str]) -> None:
        choices = [("All channels", None), *((name, name) for name in names)]
        self.channel.fill(choices, self.channel.currentData())
        self.channel.setVisible(bool(names))

    def _fill_table(self) -> None:
        labels = labels_of(self._points)
        self.table.setColumnCount(len(_FIXED) + len(labels))
        self.table.setHorizontalHeaderLabels([*_FIXED, *labels])
        fill_table(self.table, [_cells(point, labels) for point in self._points], _FIRST_NUMBER)
        for number in range(_FIRST_NUMBER, self.table.columnCount()):
            head = self.table.horizontalHeaderItem(number)
            if head is not None:
                head.setTextAlignment(RIGHT)
        conditions = [point.info.metadata.study.condition for point in self._points]
        self.table.setColumnHidden(_FIXED.index("Condition"), not any(conditions))
        self._fit()

    def _choose(self, index: int) -> None:
        self.open.setEnabled(index >= 0)
        self.plot.choose(index)
        if index >= 0 and self.table.currentRow() != index:
            self.table.selectRow(index)

    def _open(self) -> None:
        place = self.table.currentRow()
        if 0 <= place < len(self._points):
            self.open_requested.emit(self._points[place].info.id)

    def _ask_export(self) -> None:
        if self._points:
            name = f"trend of {self.participant.currentText()}.csv"
            proposed = Path(platformdirs.user_documents_dir()) / name
            ask_target(self, "Export the trend", "CSV", ".csv", proposed, self._export)

    def _export(self, to: Path) -> None:
        with self.message.reporting_errors():
            write_trend(self._points, to)
            self.message.say(f"Written: {to}")

    def _fit(self) -> None:
        self.table.resizeColumnsToContents()
        for number in range(self.table.columnCount()):
            width = self.table.columnWidth(number) + style_of(self).grid(1)
            self.table.setColumnWidth(number, min(width, style_of(self).grid(30)))

    def _lay_out(self) -> None:
        for box in (self.participant, self.channel):
            set_size(box, min_width=14)
        set_size(self.table, rows=3.5)
        head = bar(
            label("Participant"),
            self.participant,
            self.channel,
            self.sum,
            None,
            self.export,
            self.open,
        )
        below = QWidget()
        below.setLayout(column((self.table, 1), self.message, margins=(2, 1, 2, 2), spacing=1))
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(self.plot)
        split.addWidget(below)
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 2)
        split.setSizes([3000, 2000])
        split.setChildrenCollapsible(False)
        self.setLayout(column(head, (split, 1)))

    def _connect(self) -> None:
        self.participant.currentIndexChanged.connect(lambda _: self.refresh())
        self.channel.currentIndexChanged.connect(lambda _: self.refresh())
        self.table.currentCellChanged.connect(lambda row, *_: self._choose(row))
        self.table.cellActivated.connect(lambda *_: self._open())
        self.plot.chosen.connect(self._choose)
        self.plot.activated.connect(lambda _: self._open())
        self.actions_ = Actions(self, TREND)
        self.actions_.bind(
            {"export": self._ask_export, "refresh": self.refresh, "close": self.close}
        )


def _cells(point: TrendPoint, labels: Sequence[str]) -> list[str]:
    metadata = point.info.metadata
    shares = (percent_text(point.shares.get(name, 0.0)) for name in labels)
    return [
        moment_text(metadata.started),
        metadata.name,
        metadata.study.condition,
        length_text(point.info.duration_s),
        length_text(point.speech_s),
        "–" if point.certain_share is None else percent_text(point.certain_share),
        *(shares if point.segments else ["–"] * len(labels)),
    ]

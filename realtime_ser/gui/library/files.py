"""Many recordings at once: dropped, analysed, looked over, saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import platformdirs
from PyQt6.QtCore import QSortFilterProxyModel, Qt, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QResizeEvent
from PyQt6.QtWidgets import QCheckBox, QStackedWidget, QTableView, QWidget

from realtime_ser.audio.opening import AUDIO_FILES
from realtime_ser.base.config import Config
from realtime_ser.base.text import count_text
from realtime_ser.exchange.analysis_tables import save_analysis
from realtime_ser.gui.app.actions import FILES, Actions
from realtime_ser.gui.library.analysis_queue import AnalysisQueue
from realtime_ser.gui.library.file_rows import FAILURE_SIGN, FileColumn, FileRow, FileTableModel
from realtime_ser.gui.theme.style_watcher import StyleWatcher, set_size, style_of
from realtime_ser.gui.widgets.dialogs import FileDrop, Window, ask_files, ask_folder
from realtime_ser.gui.widgets.localised import local_numbers
from realtime_ser.gui.widgets.parts import (
    MessageLabel,
    bar,
    button,
    column,
    label,
    progress_bar,
    reveal,
    row,
)
from realtime_ser.gui.widgets.tables import (
    SORT_ROLE,
    ShareCell,
    column_widths,
    header_of,
    selection_of,
    set_up_table,
)
from realtime_ser.gui.widgets.task import ReportProgress, Task, error_sentence
from realtime_ser.session.analysis.analyzer import Outcome
from realtime_ser.session.analysis.files import StoredAnalysis
from realtime_ser.session.analysis.inputs import InputFile
from realtime_ser.session.store import Store

_WIDEST_TEXTS: Mapping[int, str] = {
    FileColumn.LABEL: "surprised? and some more",
    FileColumn.CONFIDENCE: "Confidence",
    FileColumn.LENGTH: "00:00:00",
    FileColumn.SPEECH: "00:00:00",
}


class FilesWindow(Window):
    """Analyses recordings that are dropped on it, or chosen, with the settings of ``config``."""

    #: A person wants to look at the recording at this path; its :class:`StoredAnalysis`, or None.
    open_requested = pyqtSignal(Path, object)

    def __init__(self, config: Config) -> None:
        super().__init__("Files")
        FileDrop(self).dropped.connect(self.add)
        self._saved = Path()
        self._saving: Task | None = None
        self._time_left = ""
        self.model = FileTableModel()
        self.sorted = QSortFilterProxyModel(self)
        self.table = QTableView()
        self._pages = QStackedWidget()
        self.add_files = button("Add files…", "Choose recordings (Ctrl+O)", clicked=self.ask_files)
        self.add_folder = button(
            "Add folder…", "Choose a folder with recordings (Ctrl+Shift+O)", clicked=self.ask_folder
        )
        self.failed = QCheckBox("Only unreadable ones")
        self.failed.setToolTip("Leave out what could be analysed")
        self.clear = button("Clear", "Empty the list; no file is touched", clicked=self._clear)
        self.progress = progress_bar()
        self.state = label("", "small muted")
        self.message = MessageLabel()
        self.cancel = button("Cancel", "End it; what is done stays (Esc)", clicked=self._cancel)
        self.resume = button("Go on", "Analyse the files that are left", clicked=self._resume)
        self.save = button(
            "Save…", "Write summary.csv and each file's tables (Ctrl+S)", clicked=self.ask_save
        )
        self.reveal = button(
            "Show the folder",
            "Open the folder of what was saved",
            clicked=lambda: reveal(self._saved),
        )
        self.reveal.hide()
        self.open = button("Open", "Look at the recording (Enter)", "primary", clicked=self._open)
        self.hint = label("Drop recordings or folders here", "big bold")
        self.subtitle = label(
            "or press “Add files”. Each is heard as the microphone would be: same gate, same "
            f"model. Formats: {' '.join(sorted(AUDIO_FILES))}",
            "muted",
            wrap=True,
        )
        self.analysis_queue = AnalysisQueue(config, self)
        self._set_up_table()
        self._lay_out()
        self._connect()
        self.resize(1040, 640)
        self.setMinimumSize(640, 400)
        StyleWatcher(self, config.window.theme, changed=lambda _: self._fit())
        self._update()

    def add(self, paths: Sequence[Path]) -> None:
        """Analyse files and folders, after what was added before."""
        if paths:
            self.message.say("")
            self.analysis_queue.add(paths)
            self._update()

    # ------------------------------------------------------------------------------------- acting

    def ask_files(self) -> None:
        """Choose recordings."""
        endings = " ".join(f"*{ending}" for ending in sorted(AUDIO_FILES))
        filters = [f"Sound ({endings})", "All files (*)"]
        ask_files(self, "Add recordings", filters, self.add)

    def ask_folder(self) -> None:
        """Choose a folder."""
        ask_folder(self, "Add a folder", lambda path: self.add([path]))

    def ask_save(self) -> None:
        """Choose where the results go."""
        if self.save.isEnabled():
            ask_folder(
                self,
                "Folder for the results",
                self.save_to,
                start=Path(platformdirs.user_documents_dir()),
                accept="Save here",
            )

    def save_to(self, folder: Path) -> None:
        """Write summary.csv and each file's tables into a folder, beside the window."""
        rows, labels = self.model.rows, self.model.labels
        outcomes = {one.item.path: one.outcome for one in rows if one.outcome is not None}

        def save(advance: ReportProgress) -> Path:
            with Store(self.analysis_queue.folder, temporary=True) as store:
                return save_analysis(store, outcomes, labels, folder, advance)

        self._saving = Task(save, self)
        self._saving.progressed.connect(lambda share: self.progress.setValue(round(1000 * share)))
        self._saving.succeeded.connect(self._saved_to)
        self._saving.failed.connect(lambda error: self._not_saved(error_sentence(error)))
        self._saving.cancelled.connect(lambda: self._not_saved("Not all of it was saved."))
        self._saving.start()
        self._update()

    def _saved_to(self, path: Path) -> None:
        self._saving, self._saved = None, path
        self._update()
        rows = self.model.rows
        good = sum(one.outcome is not None and one.error is None for one in rows)
        self.message.say(f"Saved: {path}, and the tables of {count_text(good, 'file')} beside it.")
        self.reveal.show()

    def _not_saved(self, reason: str) -> None:
        self._saving = None
        self.message.warn(reason)
        self._update()

    def _cancel(self) -> None:
        """End what runs, the analysis or the saving."""
        if self._saving is not None:
            self._saving.cancel()
        self.analysis_queue.cancel()

    def _open(self) -> None:
        one = self._current()
        if one is not None and one.error is None:
            session = None if one.outcome is None else one.outcome.session
            folder = self.analysis_queue.folder
            analysed = None if session is None else StoredAnalysis(folder, session)
            self.open_requested.emit(one.item.path, analysed)

    def _show_current(self) -> None:
        """Say in full why a recording could not be analysed."""
        one = self._current()
        if one is not None and one.error is not None:
            self.message.warn(one.error)
        elif not self.reveal.isVisible():
            self.message.say("")
        self._update()

    def _resume(self) -> None:
        rows = enumerate(self.model.rows)
        self.analysis_queue.resume({n: one.item for n, one in rows if one.outcome is None})
        self._update()

    def _clear(self) -> None:
        self.model.show_rows([])
        self.analysis_queue.reset()
        self.reveal.hide()
        self.message.say("")
        self._update()

    def _current(self) -> FileRow | None:
        index = self.table.currentIndex()
        return self.model.rows[self.sorted.mapToSource(index).row()] if index.isValid() else None

    # ---------------------------------------------------------------------------- what the lot does

    def _add_rows(self, items: Sequence[InputFile]) -> None:
        self.model.add(items)
        self._update()

    def _show_progress(self, shares: dict[int, float], left_s: float | None) -> None:
        for number, share in shares.items():
            one = self.model.rows[number]
            if one.outcome is None and share != one.share:
                one.share = share
                self.model.update_row(number)
        self._time_left = "" if left_s is None else time_left_text(left_s)
        self._update()

    def _show_outcome(self, number: int, outcome: Outcome) -> None:
        self.model.rows[number].outcome = outcome
        self.model.update_row(number)
        if self.table.currentIndex().row() < 0:
            self.table.selectRow(0)
        self._update()

    def _idle(self, cancelled: bool) -> None:
        self._time_left = ""
        for number, one in enumerate(self.model.rows):
            if one.outcome is None and one.share is not None:
                one.share = None
                self.model.update_row(number)
        self._update()
        if cancelled and not self.message.text():
            left = sum(one.outcome is None for one in self.model.rows)
            self.message.say(f"Ended: {count_text(left, 'file')} left. What is done stays.")

    def _update(self) -> None:
        """Show what can be done, and how far it is."""
        rows, saving = self.model.rows, self._saving is not None
        running = self.analysis_queue.running
        finished = sum(one.outcome is not None for one in rows)
        bad = sum(one.error is not None for one in rows)
        self._pages.setCurrentIndex(1 if rows else 0)
        idle = not running and not saving
        self.progress.setVisible(not idle)
        self.cancel.setVisible(not idle)
        self.resume.setVisible(idle and finished < len(rows))
        self.save.setEnabled(idle and finished > 0)
        self.clear.setEnabled(idle and bool(rows))
        self.failed.setVisible(bad > 0 or self.failed.isChecked())
        current = self._current()
        self.open.setEnabled(current is not None and current.error is None)
        work = sum(one.item.size for one in rows) or 1
        heard = sum(one.item.size * (1.0 if one.outcome else one.share or 0.0) for one in rows)
        if not saving:
            self.progress.setValue(round(1000 * heard / work))
        count = count_text(len(rows), "file")
        words = [f"{finished} of {count}" if running else count] if rows else []
        if running and not rows:
            words = ["Looking for recordings"]
        if bad:
            words.append(f"{bad} could not be analysed")
        if running and self._time_left:
            words.append(self._time_left)
        self.state.setText("  ·  ".join(words))
        self.progress.setAccessibleDescription(self.state.text())

    # ---------------------------------------------------------------------------------------- Qt's

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Closing ends the analysis, or the saving."""
        self._cancel()
        self.analysis_queue.wait()
        if self._saving is not None:
            self._saving.wait()
        super().closeEvent(event)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Share the width out anew."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        style = style_of(self)
        widths = column_widths(self.table, _WIDEST_TEXTS)
        for number, width in widths.items():
            self.table.setColumnWidth(number, width)
        room = self.width() - style.grid(6) - sum(widths.values())
        self.table.setColumnWidth(FileColumn.FILE, max(style.grid(20), round(room * 0.4)))

    def _set_up_table(self) -> None:
        table = self.table
        self.sorted.setSourceModel(self.model)
        self.sorted.setSortRole(SORT_ROLE)
        self.sorted.setFilterKeyColumn(FileColumn.REMARK)
        table.setModel(self.sorted)
        set_up_table(table, "Files")
        set_size(table, rows=4.5)
        table.setSortingEnabled(True)
        table.sortByColumn(FileColumn.FILE, Qt.SortOrder.AscendingOrder)
        table.setItemDelegateForColumn(FileColumn.LABEL, ShareCell(table))
        header_of(table).setStretchLastSection(True)

    def _lay_out(self) -> None:
        welcome = QWidget()
        for words in (self.hint, self.subtitle):
            words.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
        welcome.setLayout(
            column(
                (None, 2),
                row(None, (self.hint, 4), None),
                row(None, (self.subtitle, 4), None),
                (None, 3),
                margins=(6, 4, 6, 4),
                spacing=1.5,
            )
        )
        self._pages.addWidget(welcome)
        self._pages.addWidget(self.table)
        head = bar(self.add_files, self.add_folder, self.clear, None, self.failed)
        buttons = self.cancel, self.resume, self.reveal, self.save, self.open
        foot = bar(self.state, (self.progress, 1), (None, 0), *buttons)
        middle = column((self._pages, 1), self.message, margins=(2, 1, 2, 1), spacing=1)
        self.setLayout(column(head, (middle, 1), foot))

    def _connect(self) -> None:
        queue = self.analysis_queue
        queue.files_found.connect(self._add_rows)
        queue.progressed.connect(self._show_progress)
        queue.finished.connect(self._show_outcome)
        queue.labels_known.connect(lambda labels: setattr(self.model, "labels", labels))
        queue.idle.connect(self._idle)
        queue.failed.connect(lambda error: self.message.warn(error_sentence(error)))
        show_only = self.sorted.setFilterFixedString
        self.failed.toggled.connect(lambda failed: show_only(FAILURE_SIGN if failed else ""))
        self.table.activated.connect(lambda _: self._open())
        selection_of(self.table).currentRowChanged.connect(lambda *_: self._show_current())
        self.actions_ = Actions(self, FILES)
        self.actions_.bind(
            {
                "add_files": self.ask_files,
                "add_folder": self.ask_folder,
                "save": self.ask_save,
                "cancel": self._cancel,
                "close": self.close,
            }
        )


def time_left_text(seconds: float) -> str:
    """Time left, as coarse as it is sure."""
    if seconds < 10:
        return "a few seconds left"
    if seconds < 90:
        return f"about {round(seconds, -1):.0f} s left"
    if seconds < 5400:
        return f"about {seconds / 60:.0f} min left"
    return local_numbers(f"about {seconds / 3600:.1f} h left")

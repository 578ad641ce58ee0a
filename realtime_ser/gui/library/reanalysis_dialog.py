"""Hears sessions again with another model, where their sound was kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtGui import QCloseEvent
from PyQt6.QtWidgets import (
    QDialog,
    QFileDialog,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from realtime_ser.base.text import count_text
from realtime_ser.gui.library.session_rows import SessionRow
from realtime_ser.gui.theme.style_watcher import StyleWatcher, pad, set_size
from realtime_ser.gui.widgets.parts import (
    ChevronComboBox,
    MessageLabel,
    button,
    file_dialog,
    label,
    row,
)
from realtime_ser.gui.widgets.task import ReportProgress, Task, error_sentence
from realtime_ser.recogniser.bundle import shipped_models
from realtime_ser.session.analysis.reanalysis import reanalyse
from realtime_ser.session.store import Store


class ReanalysisDialog(QDialog):
    """Chooses a model, and shows how far the hearing is.

    Parameters
    ----------
    folder
        Of the store.
    rows
        Sessions whose sound was kept.
    """

    #: IDs of the new sessions, those that were done before an end on demand too.
    reanalysed = pyqtSignal(list)

    def __init__(self, folder: Path, rows: Sequence[SessionRow], parent: QWidget) -> None:
        super().__init__(parent)
        self._folder = folder
        self._session_ids = [session_row.info.id for session_row in rows]
        self._finished_ids: list[str] = []
        self._task: Task | None = None
        self.setWindowTitle("Hear again")
        self.title = label(f"Hear {count_text(len(rows), 'session')} again", "big bold")
        self.text = label(
            "A model listens to the kept audio; what it says becomes a new session beside the "
            "first one, with its markers, labelled intervals and study.",
            wrap=True,
        )
        self.models = ChevronComboBox(
            "Model", "Models that ship with the program, and those that you have chosen"
        )
        for name in shipped_models():
            self.models.addItem(name, name)
        self.browse = button("Other…", "Choose the folder of another model bundle")
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("Progress")
        self.message = MessageLabel()
        self.cancel = button("Cancel", "End here; nothing of an unfinished session is left (Esc)")
        self.begin = button("Hear again", "Begin", "primary")
        self.begin.setDefault(True)
        column = QVBoxLayout(self)
        pad(column, 3, 2)
        set_size(self, min_width=64)
        set_size(self.models, min_width=24)
        column.addWidget(self.title)
        column.addWidget(self.text)
        column.addLayout(row(label("Model"), self.models, self.browse, None))
        column.addWidget(self.progress)
        column.addWidget(self.message)
        column.addLayout(row(None, self.cancel, self.begin))
        self.progress.hide()
        self.browse.clicked.connect(self._browse)
        self.begin.clicked.connect(self._begin)
        self.cancel.clicked.connect(self.reject)
        StyleWatcher(self)

    def reject(self) -> None:
        """End the work, or close."""
        if self._task is not None and self._task.running:
            self.cancel.setEnabled(False)
            self.message.say("Ending…")
            self._task.cancel()
            return
        super().reject()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Closing ends the work first."""
        if self._task is not None and self._task.running:
            self._task.cancel()
            self._task.wait()
        super().closeEvent(event)

    def _browse(self) -> None:
        dialog = file_dialog(self, "Folder of a model bundle", [])
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self._add_model)
        dialog.open()

    def _add_model(self, folder: str) -> None:
        self.models.addItem(Path(folder).name, folder)
        self.models.setCurrentIndex(self.models.count() - 1)

    def _begin(self) -> None:
        model = str(self.models.currentData())
        folder, names, finished_ids = self._folder, self._session_ids, self._finished_ids

        def work(advance: ReportProgress) -> list[str]:
            with Store(folder) as store:
                for index, name in enumerate(names):

                    def inside(share: float, index: int = index) -> None:
                        advance((index + share) / len(names))

                    finished_ids.append(reanalyse(store, store.session(name), model, inside).id)
            return finished_ids

        self._task = task = Task(work, self)
        task.progressed.connect(lambda share: self.progress.setValue(round(1000 * share)))
        task.succeeded.connect(self._succeeded)
        task.failed.connect(self._failed)
        task.cancelled.connect(self._cancelled)
        self._busy(busy=True)
        self.message.say("")
        task.start()

    def _busy(self, *, busy: bool) -> None:
        self.progress.setVisible(busy)
        self.progress.setValue(0)
        for widget in (self.begin, self.models, self.browse):
            widget.setEnabled(not busy)
        self.cancel.setEnabled(True)

    def _succeeded(self, _: object) -> None:
        self.reanalysed.emit(self._finished_ids)
        self.accept()

    def _cancelled(self) -> None:
        if self._finished_ids:
            self.reanalysed.emit(self._finished_ids)
        super().reject()

    def _failed(self, error: Exception) -> None:
        self._busy(busy=False)
        self.message.warn(error_sentence(error))
        if self._finished_ids:
            self.reanalysed.emit(list(self._finished_ids))
            self._session_ids = self._session_ids[len(self._finished_ids) :]
            self._finished_ids = []

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
from realtime_ser.gui.library.session_rows import Row
from realtime_ser.gui.theme.style_watcher import Dresser
from realtime_ser.gui.theme.theme import Look
from realtime_ser.gui.widgets.parts import Choice, Said, button, file_dialog, label, pad, row
from realtime_ser.gui.widgets.task import Advance, Task, sentence_of
from realtime_ser.recogniser.bundle import shipped_models
from realtime_ser.session.reanalysis import reanalyse
from realtime_ser.session.store import Store


class AgainDialog(QDialog):
    """Chooses a model, and shows how far the hearing is.

    Parameters
    ----------
    folder
        Of the store.
    rows
        Sessions whose sound was kept.
    """

    #: IDs of the new sessions, those that were done before an end on demand too.
    heard = pyqtSignal(list)

    def __init__(self, folder: Path, rows: Sequence[Row], parent: QWidget) -> None:
        super().__init__(parent)
        self._folder = folder
        self._names = [one.info.id for one in rows]
        self._made: list[str] = []
        self._task: Task | None = None
        self.setWindowTitle("Hear again")
        self.title = label(f"Hear {count_text(len(rows), 'session')} again", "big bold")
        self.text = label(
            "A model listens to the kept audio; what it says becomes a new session beside the "
            "first one, with its markers, labelled intervals and study.",
            wrap=True,
        )
        self.models = Choice()
        self.models.setAccessibleName("Model")
        self.models.setToolTip("Models that ship with the program, and those that you have chosen")
        for name in shipped_models():
            self.models.addItem(name, name)
        self.browse = button("Other…", "Choose the folder of another model bundle")
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("Progress")
        self.said = Said()
        self.cancel = button("Cancel", "End here; nothing of an unfinished session is left (Esc)")
        self.begin = button("Hear again", "Begin", "primary")
        self.begin.setDefault(True)
        self._column = QVBoxLayout(self)
        self._column.addWidget(self.title)
        self._column.addWidget(self.text)
        self._choice = row(label("Model"), self.models, self.browse, None)
        self._column.addLayout(self._choice)
        self._column.addWidget(self.progress)
        self._column.addWidget(self.said)
        self._buttons = row(None, self.cancel, self.begin)
        self._column.addLayout(self._buttons)
        self.progress.hide()
        self.browse.clicked.connect(self._browse)
        self.begin.clicked.connect(self._begin)
        self.cancel.clicked.connect(self.reject)
        self._dresser = Dresser(self, self._wear)

    def reject(self) -> None:
        """End the work, or close."""
        if self._task is not None and self._task.running:
            self.cancel.setEnabled(False)
            self.said.say("Ending…")
            self._task.cancel()
            return
        super().reject()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Closing ends the work first."""
        if self._task is not None and self._task.running:
            self._task.cancel()
            self._task.wait()
        super().closeEvent(event)

    def _wear(self, look: Look) -> None:
        pad(self._column, look, 3, 2)
        self.models.set_look(look)
        self._choice.setSpacing(look.grid(1))
        self._buttons.setSpacing(look.grid(1))
        self.models.setMinimumWidth(look.grid(24))
        self.setMinimumWidth(look.grid(64))

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
        folder, names, made = self._folder, self._names, self._made

        def work(advance: Advance) -> list[str]:
            with Store(folder) as store:
                for index, name in enumerate(names):

                    def inside(share: float, index: int = index) -> None:
                        advance((index + share) / len(names))

                    made.append(reanalyse(store, store.session(name), model, inside).id)
            return made

        self._task = task = Task(work, self)
        task.advanced.connect(lambda share: self.progress.setValue(round(1000 * share)))
        task.succeeded.connect(self._succeeded)
        task.failed.connect(self._failed)
        task.cancelled.connect(self._cancelled)
        self._busy(busy=True)
        self.said.say("")
        task.start()

    def _busy(self, *, busy: bool) -> None:
        self.progress.setVisible(busy)
        self.progress.setValue(0)
        for widget in (self.begin, self.models, self.browse):
            widget.setEnabled(not busy)
        self.cancel.setEnabled(True)

    def _succeeded(self, _: object) -> None:
        self.heard.emit(self._made)
        self.accept()

    def _cancelled(self) -> None:
        if self._made:
            self.heard.emit(self._made)
        super().reject()

    def _failed(self, error: Exception) -> None:
        self._busy(busy=False)
        self.said.warn(sentence_of(error))
        if self._made:
            self.heard.emit(list(self._made))
            self._names = self._names[len(self._made) :]
            self._made = []

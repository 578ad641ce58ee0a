"""Dialogs about kept sessions: interrupted, deleted for good, or heard again by another model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QCheckBox, QPlainTextEdit, QWidget

from realtime_ser.base.text import count_text, length_text, size_text
from realtime_ser.gui.library.session_table import SessionRow
from realtime_ser.gui.theme.style_watcher import set_size
from realtime_ser.gui.widgets.dialogs import Dialog, TaskDialog, ask_folder
from realtime_ser.gui.widgets.localised import local_numbers
from realtime_ser.gui.widgets.parts import (
    ChevronComboBox,
    MessageLabel,
    VerticalScrollArea,
    button,
    column,
    label,
    row,
    separator,
    text_view,
)
from realtime_ser.gui.widgets.task import ReportProgress
from realtime_ser.recogniser.bundle import shipped_models
from realtime_ser.session.analysis.reanalysis import reanalyse
from realtime_ser.session.statistics import session_shares
from realtime_ser.session.store import Store


class DeleteDialog(Dialog):
    """Names the sessions and files that would be deleted."""

    #: A person wants it; the argument says whether the tables that a person named go too.
    confirmed = pyqtSignal(bool)

    def __init__(self, rows: Sequence[SessionRow], parent: QWidget) -> None:
        count = count_text(len(rows), "session")
        super().__init__("Delete for good", parent, heading=f"Delete {count} for good?")
        self._rows = tuple(rows)
        self.text = label("", wrap=True)
        self.list = text_view("What is deleted")
        self.list.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        named = [path for session_row in rows for path in _named_files(session_row)]
        self.files = QCheckBox(f"Also {count_text(len(named), 'file')} that you named yourself")
        self.files.setToolTip("\n".join(map(str, named)))
        self.files.setVisible(bool(named))
        self.files.toggled.connect(self._describe)
        self.cancel = button("Keep", "Delete nothing (Esc)", clicked=self.reject)
        self.delete_button = button(
            f"Delete {count}", "Delete what is listed, for good", "danger", clicked=self._confirm
        )
        set_size(self.list, min_width=64, min_height=14)
        self._describe()
        self.show_parts(
            self.text,
            self.list,
            self.files,
            row(None, self.cancel, self.delete_button),
            default=self.cancel,
        )

    def _confirm(self) -> None:
        self.confirmed.emit(self.files.isChecked())
        self.accept()

    def _describe(self) -> None:
        """Name what goes, and what stays."""
        files = self.files.isChecked()
        sounds = sum(_deletes_audio(session_row, files=files) for session_row in self._rows)
        audio = f", the audio of {sounds} of them included" if sounds else ""
        if sounds == len(self._rows):
            audio = ", audio included"
        size = sum(session_row.info.size for session_row in self._rows)
        self.text.setText(
            f"Updates, segments, markers, notes and labelled intervals go{audio}: "
            f"{local_numbers(size_text(size))} that nobody can bring back."
        )
        lines = [
            line for session_row in self._rows for line in _row_lines(session_row, files=files)
        ]
        self.list.setPlainText("\n".join(lines))


def _named_files(session_row: SessionRow) -> list[Path]:
    """Files whose names a person chose."""
    info = session_row.info
    return info.files.existing() if info.files is not None and info.named else []


def _deletes_audio(session_row: SessionRow, *, files: bool) -> bool:
    audio = session_row.info.own_audio
    return audio is not None and (files or audio not in _named_files(session_row))


def _row_lines(session_row: SessionRow, *, files: bool) -> list[str]:
    info = session_row.info
    words = [
        session_row.began,
        session_row.name,
        " ".join(session_row.study_words),
        length_text(info.duration_s),
        local_numbers(size_text(info.size)),
    ]
    written = [] if info.files is None else info.files.existing()
    stays = [] if files else _named_files(session_row)
    if info.audio is not None and info.audio not in written:
        written.append(info.audio)
        if info.own_audio is None:
            stays = [*stays, info.audio]
    return [
        "   ".join(word for word in words if word),
        *(f"    {'stays' if path in stays else 'goes'}  {path}" for path in written),
    ]


class ReanalysisDialog(TaskDialog):
    """Chooses a model that hears sessions with kept sound again, and shows how far it is."""

    #: IDs of the new sessions, those that were done before an end on demand too.
    reanalysed = pyqtSignal(list)

    def __init__(self, folder: Path, rows: Sequence[SessionRow], parent: QWidget) -> None:
        heading = f"Hear {count_text(len(rows), 'session')} again"
        super().__init__("Hear again", parent, heading=heading)
        self._folder = folder
        self._session_ids = [session_row.info.id for session_row in rows]
        self._finished_ids: list[str] = []
        self.text = label(
            "A model listens to the kept audio; what it says becomes a new session beside the "
            "first one, with its markers, labelled intervals and study.",
            wrap=True,
        )
        self.models = ChevronComboBox(
            "Model", "Models that ship with the program, and those that you have chosen"
        )
        self.models.fill([(name, name) for name in shipped_models()], None)
        self.browse = button(
            "Other…", "Choose the folder of another model bundle", clicked=self._browse
        )
        self.cancel = button(
            "Cancel",
            "End here; nothing of an unfinished session is left (Esc)",
            clicked=self.reject,
        )
        self.begin = button("Hear again", "Begin", "primary", clicked=self._begin)
        self.begin.setDefault(True)
        set_size(self.models, min_width=24)
        self.show_parts(
            self.text,
            row(label("Model"), self.models, self.browse, None),
            self.progress,
            self.message,
            row(None, self.cancel, self.begin),
            min_width=64,
        )

    def _browse(self) -> None:
        ask_folder(self, "Folder of a model bundle", self._add_model)

    def _add_model(self, folder: Path) -> None:
        self.models.addItem(folder.name, str(folder))
        self.models.setCurrentIndex(self.models.count() - 1)

    def _begin(self) -> None:
        model = str(self.models.currentData())
        folder, names, finished_ids = self._folder, self._session_ids, self._finished_ids

        def work(advance: ReportProgress) -> None:
            with Store(folder) as store:
                for index, name in enumerate(names):

                    def inside(share: float, index: int = index) -> None:
                        advance((index + share) / len(names))

                    finished_ids.append(reanalyse(store, store.session(name), model, inside).id)

        self.run_task(work)

    def show_busy(self, *, busy: bool) -> None:
        """Keep the model while it hears."""
        super().show_busy(busy=busy)
        self.progress.setValue(0)
        for widget in (self.begin, self.models, self.browse):
            widget.setEnabled(not busy)

    def succeeded(self, result: object) -> None:  # noqa: ARG002
        """Tell of the new sessions, and close."""
        self.reanalysed.emit(self._finished_ids)
        self.accept()

    def cancelled(self) -> None:
        """Tell of the sessions that were done before, and close."""
        if self._finished_ids:
            self.reanalysed.emit(self._finished_ids)
        self.done(self.DialogCode.Rejected.value)

    def failed(self, error: Exception) -> None:
        """Tell of the sessions that were done before; the others can be tried again."""
        super().failed(error)
        if self._finished_ids:
            self.reanalysed.emit(list(self._finished_ids))
            self._session_ids = self._session_ids[len(self._finished_ids) :]
            self._finished_ids = []


def offer_interrupted(store: Store, *, parent: QWidget | None = None) -> InterruptedDialog | None:
    """Recover the sessions of programs that were killed, and open a dialog that offers them.

    Those that were offered before, and of which nobody has decided anything, are offered again;
    ``None``: there is nothing to offer.

    Raises
    ------
    StoreError
        The store cannot be read or written.
    """
    store.recover()
    rows = [
        SessionRow(info, session_shares(store, info.id), None)
        for info in store.undecided_sessions()
    ]
    if not rows:
        return None
    dialog = InterruptedDialog(store, rows, parent)
    dialog.open()
    return dialog


class _InterruptedRow(QWidget):
    """One session, and what can be done with it."""

    def __init__(self, one: SessionRow) -> None:
        super().__init__()
        self.row = one
        self.setAccessibleName(f"{one.name}, {one.began}")
        self.name = label(one.name, "bold")
        audio = ["audio kept"] if one.info.audio is not None else []
        length = length_text(one.info.duration_s)
        words = [one.began, length, *one.study_words, *audio, one.label_summary]
        self.words = label("  ·  ".join(words), "small muted", wrap=True)
        self.open = button("Open", "Keep it, and look at it")
        self.keep = button("Keep", "Keep it among the sessions")
        self.delete = button("Delete…", "Delete it for good")
        message = column(self.name, self.words)
        self.setLayout(row((message, 1), self.open, self.keep, self.delete, margins=(0, 1, 0, 1)))


class InterruptedDialog(Dialog):
    """Interrupted sessions, each to be opened, kept or deleted; Esc asks again another time."""

    #: A person wants to look at the session of this ID.
    open_requested = pyqtSignal(str)

    def __init__(self, store: Store, rows: list[SessionRow], parent: QWidget | None) -> None:
        one = len(rows) == 1
        heading = f"{count_text(len(rows), 'session')} {'was' if one else 'were'} interrupted"
        super().__init__("Interrupted sessions", parent, heading=heading)
        self._store = store
        self.text = label(
            "The program ended before the session did. All but the last second is kept."
            if one
            else "The program ended before the sessions did. All but their last second is kept.",
            wrap=True,
        )
        self.offers = [_InterruptedRow(each) for each in rows]
        for offer in self.offers:
            offer.keep.setVisible(not one)
            self._connect(offer)
        inside = QWidget()
        inside.setObjectName("window")
        inside.setLayout(column(*self.offers, None))
        scroller = VerticalScrollArea(inside)
        scroller.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        set_size(scroller, min_height=7 * min(5, len(self.offers)))
        self.message = MessageLabel()
        self.later = button("Ask later", "Decide at the next start (Esc)", clicked=self.reject)
        self.keep_all = button(
            "Keep" if one else "Keep all", "Keep what is listed", "primary", clicked=self._keep_all
        )
        self.show_parts(
            self.text,
            separator(),
            scroller,
            separator(),
            self.message,
            row(None, self.later, self.keep_all),
            min_width=80,
            spacing=1.5,
            default=self.keep_all,
        )

    def _connect(self, offer: _InterruptedRow) -> None:
        offer.open.clicked.connect(lambda: self._open(offer))
        offer.keep.clicked.connect(lambda: self._keep(offer))
        offer.delete.clicked.connect(lambda: self._ask_delete(offer))

    def _open(self, offer: _InterruptedRow) -> None:
        self._keep(offer)
        self.open_requested.emit(offer.row.info.id)

    def _keep(self, offer: _InterruptedRow) -> None:
        with self.message.reporting_errors():
            self._store.keep_interrupted(offer.row.info.id)
            self._remove(offer)

    def _keep_all(self) -> None:
        for offer in list(self.offers):
            self._keep(offer)

    def _ask_delete(self, offer: _InterruptedRow) -> None:
        dialog = DeleteDialog([offer.row], self)
        dialog.confirmed.connect(lambda files: self._delete(offer, files=files))
        dialog.open()

    def _delete(self, offer: _InterruptedRow, *, files: bool) -> None:
        with self.message.reporting_errors():
            self._store.delete([offer.row.info], named_files=files)
            self._remove(offer)

    def _remove(self, offer: _InterruptedRow) -> None:
        self.offers.remove(offer)
        offer.hide()
        offer.deleteLater()
        if not self.offers:
            self.accept()
        else:
            self.offers[0].open.setFocus()

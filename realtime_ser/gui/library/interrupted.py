"""Asks what becomes of sessions whose program was killed."""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QPushButton, QWidget

from realtime_ser.base.text import clock_text, count_text
from realtime_ser.gui.library.session_dialogs import DeleteDialog
from realtime_ser.gui.library.session_table import SessionRow
from realtime_ser.gui.theme.style_watcher import set_size
from realtime_ser.gui.widgets.dialogs import Dialog
from realtime_ser.gui.widgets.parts import (
    MessageLabel,
    VerticalScrollArea,
    button,
    column,
    label,
    row,
    separator,
)
from realtime_ser.session.store import Store


def offer_interrupted(store: Store, *, parent: QWidget | None = None) -> InterruptedDialog | None:
    """Recover the sessions of programs that were killed, and offer them.

    Those that were offered before, and of which nobody has decided anything, are offered again.

    Parameters
    ----------
    store
        The kept sessions.
    parent
        The window that the dialog belongs to.

    Returns
    -------
    The dialog, which is open; ``None``: there is nothing to offer.

    Raises
    ------
    StoreError
        The store cannot be read or written.
    """
    store.recover()
    rows = [SessionRow(info, store.shares(info.id), None) for info in store.undecided_sessions()]
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
        length = clock_text(one.info.duration_s)
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
            following: QPushButton = self.offers[0].open
            following.setFocus()

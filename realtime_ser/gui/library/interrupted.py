"""Asks what becomes of sessions whose program was killed."""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QDialog, QPushButton, QScrollArea, QVBoxLayout, QWidget

from realtime_ser.base.config import Config
from realtime_ser.base.errors import SerError
from realtime_ser.base.text import clock_text, count_text
from realtime_ser.gui.library.deletion import DeleteDialog
from realtime_ser.gui.library.session_rows import SessionRow
from realtime_ser.gui.theme.style_watcher import StyleWatcher, pad, set_size
from realtime_ser.gui.widgets.parts import MessageLabel, button, label, row, separator
from realtime_ser.session.store import Store


def offer_interrupted(
    config: Config, store: Store, *, parent: QWidget | None = None
) -> InterruptedDialog | None:
    """Recover the sessions of programs that were killed, and offer them.

    Those that were offered before, and of which nobody has decided anything, are offered again.

    Parameters
    ----------
    config
        All settings.
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
    dialog = InterruptedDialog(config, store, rows, parent)
    dialog.open()
    return dialog


class _InterruptedRow(QWidget):
    """One session, and what can be done with it."""

    def __init__(self, one: SessionRow) -> None:
        super().__init__()
        self.row = one
        self.setAccessibleName(f"{one.name}, {one.began}")
        self.name = label(one.name, "bold")
        belongs = [one.info.metadata.study.name, one.info.metadata.study.participant]
        audio = "audio kept" if one.info.audio is not None else ""
        words = [one.began, clock_text(one.info.duration_s), *belongs, audio, one.label_summary]
        self.words = label("  ·  ".join(word for word in words if word), "small muted", wrap=True)
        self.open = button("Open", "Keep it, and look at it")
        self.keep = button("Keep", "Keep it among the sessions")
        self.delete = button("Delete…", "Delete it for good")
        message = QVBoxLayout()
        pad(message)
        message.addWidget(self.name)
        message.addWidget(self.words)
        line = row(self.open, self.keep, self.delete)
        pad(line, (0, 1, 0, 1), 1)
        line.insertLayout(0, message, 1)
        self.setLayout(line)


class InterruptedDialog(QDialog):
    """Interrupted sessions, each to be opened, kept or deleted; Esc asks again another time."""

    #: A person wants to look at the session of this ID.
    open_requested = pyqtSignal(str)

    def __init__(
        self, config: Config, store: Store, rows: list[SessionRow], parent: QWidget | None
    ) -> None:
        super().__init__(parent)
        self._store = store
        self.setWindowTitle("Interrupted sessions")
        one = len(rows) == 1
        was = "was" if one else "were"
        self.title = label(
            f"{count_text(len(rows), 'session')} {was} interrupted", "big bold", wrap=True
        )
        self.text = label(
            "The program ended before the session did. All but the last second is kept."
            if one
            else "The program ended before the sessions did. All but their last second is kept.",
            wrap=True,
        )
        self.offers = [_InterruptedRow(each) for each in rows]
        inside = QWidget()
        inside.setObjectName("window")
        offers = QVBoxLayout(inside)
        pad(offers)
        for offer in self.offers:
            offers.addWidget(offer)
        offers.addStretch(1)
        scroller = QScrollArea()
        scroller.setWidget(inside)
        scroller.setWidgetResizable(True)
        scroller.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroller.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.message = MessageLabel()
        self.later = button("Ask later", "Decide at the next start (Esc)")
        self.keep_all = button("Keep" if one else "Keep all", "Keep what is listed", "primary")
        self.keep_all.setDefault(True)
        column = QVBoxLayout(self)
        pad(column, 3, 1.5)
        set_size(self, min_width=80)
        set_size(scroller, min_height=7 * min(5, len(self.offers)))
        for widget in (
            self.title,
            self.text,
            separator(),
            scroller,
            separator(),
            self.message,
        ):
            column.addWidget(widget)
        column.addLayout(row(None, self.later, self.keep_all))
        for offer in self.offers:
            offer.keep.setVisible(not one)
            self._connect(offer)
        self.later.clicked.connect(self.reject)
        self.keep_all.clicked.connect(self._keep_all)
        StyleWatcher(self, config.window.theme)
        self.keep_all.setFocus()

    def _connect(self, offer: _InterruptedRow) -> None:
        offer.open.clicked.connect(lambda: self._open(offer))
        offer.keep.clicked.connect(lambda: self._keep(offer))
        offer.delete.clicked.connect(lambda: self._ask_delete(offer))

    def _open(self, offer: _InterruptedRow) -> None:
        self._keep(offer)
        self.open_requested.emit(offer.row.info.id)

    def _keep(self, offer: _InterruptedRow) -> None:
        try:
            self._store.keep_interrupted(offer.row.info.id)
        except SerError as error:
            self.message.warn(str(error))
        else:
            self._remove(offer)

    def _keep_all(self) -> None:
        for offer in list(self.offers):
            self._keep(offer)

    def _ask_delete(self, offer: _InterruptedRow) -> None:
        dialog = DeleteDialog([offer.row], self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.confirmed.connect(lambda files: self._delete(offer, files=files))
        dialog.open()

    def _delete(self, offer: _InterruptedRow, *, files: bool) -> None:
        try:
            self._store.delete([offer.row.info], named_files=files)
        except SerError as error:
            self.message.warn(str(error))
        else:
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

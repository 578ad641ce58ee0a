"""All kept sessions: found, looked over, renamed, exported, deleted."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from PyQt6.QtCore import QEvent, QPoint, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QResizeEvent, QShowEvent
from PyQt6.QtWidgets import QPushButton

from realtime_ser.base.config import Config
from realtime_ser.base.text import count_text, size_text
from realtime_ser.base.timebase import local_now
from realtime_ser.exchange.import_annotations import import_annotations
from realtime_ser.gui.app.actions import SESSIONS, Actions
from realtime_ser.gui.library.details import WIDTH as DETAILS_WIDTH
from realtime_ser.gui.library.details import SessionDetails
from realtime_ser.gui.library.exporting import ExportDialog
from realtime_ser.gui.library.filters import Filters
from realtime_ser.gui.library.session_dialogs import DeleteDialog, ReanalysisDialog
from realtime_ser.gui.library.session_table import SessionRow, SessionTable, read_session_rows
from realtime_ser.gui.library.trend import TrendWindow
from realtime_ser.gui.theme.style_watcher import StyleWatcher, pad, style_of
from realtime_ser.gui.widgets.dialogs import Window, ask_files
from realtime_ser.gui.widgets.localised import local_numbers, moment_text
from realtime_ser.gui.widgets.parts import MessageLabel, PopupMenu, bar, button, column, label, row
from realtime_ser.session.store import Query, SessionInfo, SessionState, Store

_RUNNING_MS = 2000
"""How often the list is read again while a session runs."""

FOLD_WIDTH = 120
"""Below this width, in units of the grid, the details fold away."""


class SessionsWindow(Window):
    """The table of the kept sessions, and what can be done with them.

    The window uses the store in its own thread, and does not close it.
    """

    #: A person wants to look at the session of this ID.
    open_requested = pyqtSignal(str)

    def __init__(self, config: Config, store: Store) -> None:
        super().__init__("Sessions")
        self._config = config
        self._store = store
        self._retention_days = config.sessions.retention_days
        self.filters = Filters()
        self.table = SessionTable()
        self.details = SessionDetails()
        self.message = MessageLabel()
        self.sum = label("", "small muted")
        self.retention = label("", "small muted", wrap=True)
        self.open = button("Open", "Look at the session (Enter)", "primary", clicked=self._open)
        self.export = button("Export…", "Write for other tools (Ctrl+E)", clicked=self.ask_export)
        self.import_button = button(
            "Import…",
            "Read markers and intervals of ELAN, Praat or Audacity",
            clicked=self.ask_import,
        )
        self.reanalysis = button(
            "Hear again…", "Let another model listen to the kept audio", clicked=self.ask_reanalysis
        )
        self.trend = button("Trend…", "A participant's sessions over time", clicked=self.show_trend)
        self.delete = button(
            "Delete…", "Delete for good, audio included (Del)", clicked=self.ask_delete
        )
        self._timer = QTimer(self)
        self._timer.setInterval(_RUNNING_MS)
        self._lay_out()
        self._connect()
        self.resize(1280, 720)
        self.setMinimumSize(640, 400)
        StyleWatcher(self, config.window.theme, changed=lambda _: self._fit())
        self.refresh()
        self.table.setFocus()

    # ------------------------------------------------------------------------------------ showing

    def refresh(self) -> None:
        """Read the list again; what was chosen stays so."""
        if self.table.editing:
            return
        with self.message.reporting_errors():
            self.filters.show_choices(self._store)
            rows = read_session_rows(self._store, self.filters.query(), self._retention_days)
            if self.filters.with_sound:
                rows = [one for one in rows if one.info.audio is not None]
            self._show(rows)
            self._show_total(rows)

    def set_retention(self, days: float | None) -> None:
        """Tell of another retention from now on; ``None``: sessions stay until they are deleted."""
        self._retention_days = days
        self.refresh()

    def _show(self, rows: list[SessionRow]) -> None:
        self.table.show_rows(
            rows,
            "Nothing fits. Press Clear to see all sessions."
            if self.filters.active
            else "No session is kept yet. Start one in the live window.",
        )
        running = any(one.info.state is SessionState.RUNNING for one in rows)
        (self._timer.start if running else self._timer.stop)()

    def _show_chosen(self) -> None:
        rows = self.table.chosen()
        with self.message.reporting_errors():
            notes = self._store.notes(rows[0].info.id) if len(rows) == 1 else []
            self.details.show_rows(rows, notes)
        kept = all(one.info.audio is not None for one in rows)
        for control in (self.open, self.import_button):
            control.setEnabled(len(rows) == 1)
        for control in (self.export, self.delete):
            control.setEnabled(bool(rows))
        self.reanalysis.setEnabled(bool(rows) and kept)
        self.reanalysis.setToolTip(
            "Let another model listen to the kept audio"
            if kept
            else "No audio was kept of what is chosen: record with the setting 'keep audio'"
        )
        self.trend.setEnabled(self.filters.participant.count() > 1)

    def _show_total(self, rows: Sequence[SessionRow]) -> None:
        active = self.filters.active
        everything = self._store.sessions() if active else [one.info for one in rows]
        whole = count_text(len(everything), "session")
        shown = f"{len(rows)} of {whole}" if active else whole
        self.sum.setText(f"{shown}  ·  {local_numbers(size_text(self._store.size()))} on the disk")
        self.sum.setToolTip(str(self._store.folder))
        self.retention.setText(self._retention_text(everything))
        self.retention.setToolTip("The setting sessions.retention_days")

    def _retention_text(self, everything: Sequence[SessionInfo]) -> str:
        """How long sessions are kept, and which of them goes when."""
        days = self._retention_days
        if days is None:
            return "Kept until you delete them"
        over = [info for info in everything if info.state is not SessionState.RUNNING]
        words, length = f"Kept for {days:g} days", timedelta(days=days)
        now = local_now()
        due = sum(info.metadata.started + length <= now for info in over)
        if due:
            gone = count_text(due, "session")
            return f"{words}; {gone} will be deleted when the next session starts"
        if over:
            metadata = min((info.metadata for info in over), key=lambda metadata: metadata.started)
            leaves = metadata.started + length
            return f"{words}; the next to go is '{metadata.name}' after {moment_text(leaves)}"
        return words

    # ------------------------------------------------------------------------------------- acting

    def ask_delete(self) -> None:
        """Name what goes, and ask."""
        self._ask_delete(self.table.chosen())

    def ask_delete_participant(self, code: str) -> None:
        """Name all of a participant, whatever the filters show, and ask."""
        with self.message.reporting_errors():
            self._ask_delete(read_session_rows(self._store, Query(participant=code), None))

    def _ask_delete(self, rows: Sequence[SessionRow]) -> None:
        running = [one.info.id for one in rows if one.info.state is SessionState.RUNNING]
        if running:
            self.message.warn(f"The session {running[0]} is running: end it first.")
            return
        if rows:
            dialog = DeleteDialog(rows, self)
            dialog.confirmed.connect(lambda files: self._delete(rows, files=files))
            dialog.open()

    def _delete(self, rows: Sequence[SessionRow], *, files: bool) -> None:
        with self.message.reporting_errors():
            done = self._store.delete([one.info for one in rows], named_files=files)
            words = [f"{count_text(len(rows), 'session')} deleted for good."]
            if done.left:
                words.append(f"Left, since you named them: {', '.join(map(str, done.left))}.")
            if not done.log_emptied:
                words.append(
                    "Another window is using the store: the last traces leave its log when that "
                    "one closes."
                )
            self.refresh()
            self.message.say(" ".join(words))

    def ask_export(self) -> None:
        """Choose a format and a place."""
        rows = self.table.chosen()
        if rows:
            dialog = ExportDialog(self._store.folder, [one.info for one in rows], self)
            dialog.exported.connect(lambda paths: self.message.say(f"Exported to {paths[0]}."))
            dialog.open()

    def ask_import(self) -> None:
        """Choose a file of another tool."""
        rows = self.table.chosen()
        if len(rows) != 1:
            return
        ask_files(
            self,
            "Read markers and intervals into the session",
            ["ELAN, Praat, Audacity (*.eaf *.TextGrid *.txt)", "All files (*)"],
            lambda paths: self._import(rows[0].info.id, paths[0]),
            several=False,
        )

    def _import(self, name: str, path: Path) -> None:
        with self.message.reporting_errors():
            found = import_annotations(self._store, self._store.session(name), path)
            counts = (len(found.markers), "marker"), (len(found.intervals), "interval")
            new = [count_text(number, noun) for number, noun in counts if number]
            known = f"; {found.known} were there already" if found.known else ""
            self.refresh()
            self.message.say(f"{' and '.join(new) or 'Nothing new'} read from {path.name}{known}.")

    def ask_reanalysis(self) -> None:
        """Choose a model that hears the chosen sessions again."""
        rows = [one for one in self.table.chosen() if one.info.audio is not None]
        if rows:
            dialog = ReanalysisDialog(self._store.folder, rows, self)
            dialog.reanalysed.connect(self._show_reanalysed)
            dialog.open()

    def show_trend(self) -> TrendWindow:
        """Show the sessions of the chosen participant over time, or else of the first one."""
        codes = [one.info.metadata.study.participant for one in self.table.chosen()]
        code = next((code for code in codes if code), None)
        window = TrendWindow(self._config, self._store, code, parent=self)
        window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        window.open_requested.connect(self.open_requested)
        window.show()
        return window

    def _show_reanalysed(self, names: Sequence[str]) -> None:
        self.refresh()
        self.table.choose(names)
        self.message.say(f"Heard again: {', '.join(names)}.")

    def _open(self) -> None:
        rows = self.table.chosen()
        if len(rows) == 1:
            self.open_requested.emit(rows[0].info.id)

    def _rename(self, name: str, title: str) -> None:
        with self.message.reporting_errors():
            self._store.rename(name, title)
        # The editor is still open: the table may change when it is gone.
        QTimer.singleShot(0, self.refresh)

    def _add_note(self, text: str) -> None:
        rows = self.table.chosen()
        if len(rows) == 1:
            with self.message.reporting_errors():
                self._store.add_note(rows[0].info.id, text)
            self._show_chosen()

    def _open_menu(self, place: QPoint) -> None:
        rows = self.table.chosen()
        menu = PopupMenu(self)
        for control in self._buttons:
            if control is self.delete:
                menu.add("Rename\tF2", self.table.rename, enabled=len(rows) == 1)
                menu.add("Add a note\tN", self._go_to_note, enabled=len(rows) == 1)
                menu.addSeparator()
            menu.add(control.text(), control.click, enabled=control.isEnabled())
        people = {one.info.metadata.study.participant for one in rows} - {""}
        for code in sorted(people):
            words = f"Delete all of participant {code}…"
            menu.add(words, functools.partial(self.ask_delete_participant, code))
        port = self.table.viewport()
        assert port is not None
        menu.popup(port.mapToGlobal(place))

    def _go_to_note(self) -> None:
        self._fold(folded=False)
        self.details.note.setFocus()

    # ------------------------------------------------------------------------------------- Qt's

    def showEvent(self, event: QShowEvent | None) -> None:
        """Fold the details away where there is no room for them."""
        super().showEvent(event)
        self._fold(folded=self._narrow)

    def changeEvent(self, event: QEvent | None) -> None:
        """Read the list anew when a person comes back to the window."""
        super().changeEvent(event)
        activation = event is not None and event.type() is QEvent.Type.ActivationChange
        if activation and self.isActiveWindow():
            self.refresh()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Fold the details away where there is no room for them."""
        super().resizeEvent(event)
        self._fold(folded=self._narrow)
        self.filters.fold(folded=self._narrow)
        self._fit()

    @property
    def _narrow(self) -> bool:
        return self.width() < style_of(self).grid(FOLD_WIDTH)

    def _fold(self, *, folded: bool) -> None:
        self.details.setVisible(not folded)
        pad(self._middle, (2, 1, 2 if folded else 0, 0), 1)

    def _fit(self) -> None:
        style = style_of(self)
        room = self.width() - style.grid(6)
        self.table.fit(room if self.details.isHidden() else room - style.grid(DETAILS_WIDTH))

    def _lay_out(self) -> None:
        other = self.import_button, self.reanalysis, self.trend
        words = column(self.sum, self.retention)
        foot = bar((words, 1), *other, self.export, self.delete, self.open)
        left = column((self.table, 1), self.message, spacing=0.75)
        self._middle = row((left, 1), self.details, margins=(2, 1, 0, 0))
        self.setLayout(column(self.filters, (self._middle, 1), foot))

    @property
    def _buttons(self) -> tuple[QPushButton, ...]:
        """In the order of the context menu."""
        other = self.import_button, self.reanalysis, self.trend
        return self.open, self.export, *other, self.delete

    def _connect(self) -> None:
        self.table.changed.connect(self._show_chosen)
        self.filters.changed.connect(self.refresh)
        self.table.rows.renamed.connect(self._rename)
        self.details.note_written.connect(self._add_note)
        self.details.delete_wanted.connect(self.ask_delete_participant)
        self.table.activated.connect(lambda _: self._open())
        self.table.key_pressed.connect(self._handle_key)
        self.table.customContextMenuRequested.connect(self._open_menu)
        self._timer.timeout.connect(self.refresh)
        self.actions_ = Actions(self, SESSIONS)
        self.actions_.bind(
            {
                "find": self.filters.search.setFocus,
                "export": self.ask_export,
                "import": self.ask_import,
                "refresh": self.refresh,
                "close": self.close,
            }
        )

    def _handle_key(self, key: int) -> None:
        if key == Qt.Key.Key_Delete:
            self.ask_delete()
        elif key == Qt.Key.Key_F2:
            self.table.rename()
        else:
            self._go_to_note()

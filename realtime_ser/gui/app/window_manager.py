"""Opens every other window and dialog from the live window's menus."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PyQt6 import sip
from PyQt6.QtCore import QObject, Qt
from PyQt6.QtWidgets import QDialog, QFileDialog, QWidget

from realtime_ser.base.errors import SerError
from realtime_ser.gui.app.about import AboutDialog
from realtime_ser.gui.app.log_file import log_path
from realtime_ser.gui.app.preferences import PreferencesDialog
from realtime_ser.gui.app.welcome import NUMBER, Welcome
from realtime_ser.gui.live.calibration_dialog import CalibrateDialog
from realtime_ser.gui.live.microphone_check import CheckDialog
from realtime_ser.gui.live.session_controller import Conductor
from realtime_ser.gui.live.window import MainWindow
from realtime_ser.gui.widgets.parts import file_dialog, reveal
from realtime_ser.recogniser.bundle import bundle_folder, load_bundle, shipped_models
from realtime_ser.session.live import LiveSession
from realtime_ser.session.opening import open_store
from realtime_ser.session.profiles.folder import usable
from realtime_ser.session.store import SessionState, Store

_log = logging.getLogger(__name__)

_REVEALING = ("sessions", "review", "files", "export_as")
"""Actions that show what was heard."""

_PROFILES = "Correct for a person"

_OTHER = "?"
"""Stands for a model that is yet to be chosen from the disk."""


class Hub(QObject):
    """Knows all windows of the program, and closes them with the live one.

    Parameters
    ----------
    window, conductor
        The live window, and what runs its sessions.
    """

    def __init__(self, window: MainWindow, conductor: Conductor) -> None:
        super().__init__(window)
        self._window = window
        self._conductor = conductor
        self._store: Store | None = None
        self._sessions: Any = None
        self._files: Any = None
        self._progress: list[QWidget] = []
        self.windows: list[QWidget] = []
        acts = window.actions_
        for name, act in (
            ("study", self.study),
            ("sessions", self.sessions),
            ("review", self.review_latest),
            ("files", self.ask_files),
            ("export_as", self.export_latest),
            ("check", self.check),
            ("calibrate", self.calibrate),
            ("settings", self.preferences),
            ("notice", self.notice),
            ("diagnostics", self.diagnostics),
            ("log", self.show_log),
            ("about", self.about),
        ):
            acts.bind(name, self._guarded(act))
        self._list_models()
        acts.menus[_PROFILES].aboutToShow.connect(self._guarded(self._list_profiles))
        window.dropped.connect(self._guarded(self.files))
        window.closing.connect(self.close)
        window.blinded.connect(self._blind)
        window.chosen.connect(self._chosen)
        conductor.began.connect(self._began)
        conductor.completed.connect(self._completed)

    def close(self) -> None:
        """Close all other windows: the program ends with the live one."""
        for window in (*self.windows, *self._progress):
            if not sip.isdeleted(window):
                window.close()
        if self._store is not None:
            self._store.close()
            self._store = None

    # ------------------------------------------------------------------------- sessions and files

    def offer_interrupted(self) -> None:
        """Ask what becomes of sessions whose program was killed."""
        if self._conductor.config.sessions.keep:
            self._guarded(self._offer)()

    def _offer(self) -> None:
        from realtime_ser.gui.library import offer_interrupted

        dialog = offer_interrupted(self._conductor.config, self._kept(), parent=self._window)
        if dialog is not None:
            dialog.open_requested.connect(self._guarded(self.review))

    def sessions(self) -> None:
        """Open the table of all sessions, or bring it to the front."""
        from realtime_ser.gui.library import SessionsWindow

        if self._sessions is None:
            made = SessionsWindow(self._conductor.config, self._kept())
            made.open_requested.connect(self._guarded(self.review))
            self._sessions = self._adopt(made)
        self._show(self._sessions)

    def review_latest(self) -> None:
        """Look at the session that runs, or at the last one."""
        latest = self._latest()
        if latest is not None:
            self.review(latest)

    def review(self, session: str) -> None:
        """Look at a kept session, in the window that shows it already if there is one.

        Two would not know of each other's corrections.
        """
        from realtime_ser.gui.review import ReviewWindow

        for window in self.windows:
            if (
                isinstance(window, ReviewWindow)
                and window.isVisible()
                and window.content.info.id == session
            ):
                if window.content.info.state is SessionState.RUNNING:
                    window.reload()
                self._show(window)
                return
        self._show(self._adopt(ReviewWindow(self._conductor.config, self._kept(), session)))

    def review_file(self, path: Path) -> None:
        """Analyse a recording, and look at it."""
        from realtime_ser.gui.review import review_file

        made = review_file(self._conductor.config, path)
        self._progress.append(made)  # the review lives as long as this does
        made.opened.connect(self._adopt)

    def ask_files(self) -> None:
        """Ask which recordings to analyse."""
        filters = ["Sound (*.wav *.flac *.ogg *.mp3 *.aiff *.aif)", "All files (*)"]
        dialog = file_dialog(self._window, "Analyse recordings", filters)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        analyse = self._guarded(self.files)
        dialog.filesSelected.connect(lambda names: analyse([Path(name) for name in names]))
        dialog.open()

    def files(self, paths: Sequence[Path]) -> None:
        """Analyse recordings and folders of them."""
        from realtime_ser.gui.library import FilesWindow

        if self._files is None:
            made = FilesWindow(self._conductor.config)
            made.open_requested.connect(self._guarded(self.review_file))
            self._files = self._adopt(made)
        self._files.add(list(paths))
        self._show(self._files)

    def export_latest(self) -> None:
        """Export the session that runs, or the last one, for another tool."""
        from realtime_ser.gui.library import ExportDialog

        latest = self._latest()
        if latest is not None:
            store = self._kept()
            dialog = ExportDialog(store.folder, [store.session(latest)], self._window)
            self._open(dialog)

    def study(self) -> None:
        """Say where the next session belongs."""
        from realtime_ser.gui.library import StudyDialog

        config = self._conductor.wanted
        store = self._kept() if config.sessions.keep else None
        dialog = StudyDialog(config, store, parent=self._window)
        dialog.accepted.connect(lambda: self._conductor.adopt(dialog.config()))
        self._open(dialog)

    # ------------------------------------------------------------------------------------- dialogs

    def check(self) -> None:
        """Try the microphone."""
        running = self._conductor.view.situation.running
        dialog = CheckDialog(self._conductor.config, running=running, parent=self._window)
        if running:
            self._conductor.heard.connect(dialog.hear)
        dialog.chosen.connect(lambda values: self._window.choose(**values))
        self._open(dialog)

    def calibrate(self) -> None:
        """Make a person's profile."""
        conductor = self._conductor
        busy = conductor.view.situation.running and conductor.view.live
        dialog = CalibrateDialog(conductor.config, busy=busy, parent=self._window)
        dialog.chosen.connect(self._guarded(conductor.use_profile))
        self._open(dialog)

    def preferences(self) -> None:
        """Change what is remembered."""
        days = self._conductor.config.sessions.retention_days
        self._open(PreferencesDialog(self._window, days))

    def notice(self) -> None:
        """Show the notice of purpose, limits and consent again."""
        self._open(Welcome(first=False, parent=self._window))

    def welcome(self, begin: Callable[[], None]) -> None:
        """Show the notice, unless it was read; ``begin`` when it was."""
        if self._window.settings.notice >= NUMBER:
            begin()
            return
        dialog = Welcome(first=True, parent=self._window)

        def read() -> None:
            self._window.choose(notice=NUMBER)
            begin()

        dialog.accepted.connect(read)
        dialog.rejected.connect(self._window.close)
        self._open(dialog)

    def diagnostics(self) -> None:
        """Look at this machine."""
        from realtime_ser.gui.app.diagnostics import DiagnosticsDialog

        self._open(DiagnosticsDialog(self._conductor.config, self._window))

    def show_log(self) -> None:
        """Show where the log lies."""
        reveal(log_path())

    def about(self) -> None:
        """Versions and licences."""
        manifest = load_bundle(bundle_folder(self._conductor.config.model)).manifest
        corpora = ", ".join(manifest.corpora)
        words = f"Model {manifest.name} {manifest.version}, trained on {corpora}."
        card = bundle_folder(self._conductor.config.model) / "CARD.md"
        self._open(AboutDialog(words, card, self._window))

    # -------------------------------------------------------------------------------------- models

    def _list_models(self) -> None:
        names = shipped_models()
        now = self._conductor.wanted.model
        other = [("Another folder…", _OTHER)]
        acts = self._window.actions_
        known = names if now in names else [*names, now]
        acts.choices(
            "Model",
            [(Path(name).name, name) for name in known] + other,
            now,
            self._guarded(self._use_model),
        )
        acts.choices(
            "Compare with",
            [("Nothing", None), *((Path(name).name, name) for name in names), *other],
            self._conductor.second,
            self._guarded(self._compare),
        )

    def _list_profiles(self) -> None:
        """As they are now: calibrating makes them, here or in a terminal."""
        acts = self._window.actions_
        found = list(usable(self._conductor.wanted))
        acts.choices(
            _PROFILES,
            [("Nobody", None), *((one.profile.name, one.profile.name) for one in found)],
            self._conductor.wanted.profile,
            self._guarded(self._conductor.use_profile),
        )
        menu = acts.menus[_PROFILES]
        for action, one in zip(menu.actions()[1:], found, strict=True):
            action.setEnabled(not one.fault)
            action.setToolTip(one.fault or f"Made with {one.profile.device}")
        menu.addSeparator()
        menu.addAction(acts["calibrate"])

    def _use_model(self, name: str) -> None:
        self._choose_model(name, self._conductor.use_model, "Model", self._conductor.wanted.model)

    def _compare(self, name: str | None) -> None:
        self._choose_model(name, self._conductor.compare, "Compare with", self._conductor.second)

    def _choose_model(
        self, name: str | None, use: Callable[[Any], None], menu: str, before: str | None
    ) -> None:
        """Take a model, or ask for its folder; what cannot be used changes nothing."""
        acts = self._window.actions_
        if name == _OTHER:
            acts.tick(menu, before)
            dialog = file_dialog(self._window, "Folder of a model bundle", ["All files (*)"])
            dialog.setFileMode(QFileDialog.FileMode.Directory)
            choose = self._guarded(lambda folder: self._choose_model(folder, use, menu, before))
            dialog.fileSelected.connect(choose)
            dialog.open()
            return
        try:
            if name is not None:
                load_bundle(bundle_folder(name))
        except SerError:
            acts.tick(menu, before)
            raise
        use(name)
        acts.tick(menu, name)

    # -------------------------------------------------------------------------------------- within

    def _kept(self) -> Store:
        if self._store is None:
            self._store = open_store(self._conductor.config)
        return self._store

    def _latest(self) -> str | None:
        if self._conductor.session is None:
            self._window.statusline.say("there is no session yet that was kept")
        return self._conductor.session

    def _guarded(self, act: Callable[..., Any]) -> Callable[..., None]:
        """What cannot be done is said, with what to do."""

        def guarded(*arguments: Any) -> None:
            try:
                act(*arguments)
            except SerError as error:
                self._window.warn("That does not work", str(error))

        return guarded

    def _adopt(self, window: QWidget) -> Any:
        """Know a window until it is closed."""
        window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        window.setWindowIcon(self._window.windowIcon())
        self.windows.append(window)
        window.destroyed.connect(lambda: self._forget(window))
        return window

    def _forget(self, window: QWidget) -> None:
        if window in self.windows:
            self.windows.remove(window)
        if window is self._sessions:
            self._sessions = None
        if window is self._files:
            self._files = None

    def _show(self, window: QWidget) -> None:
        window.show()
        window.raise_()
        window.activateWindow()

    def _open(self, dialog: QDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _blind(self, on: bool) -> None:
        """Other windows show results too: they go with them, and come back with them."""
        for name in _REVEALING:
            self._window.actions_[name].setEnabled(not on)
        for window in self.windows:
            if not sip.isdeleted(window):
                window.setVisible(not on)

    def _chosen(self, values: dict[str, Any]) -> None:
        if "retention_days" in values and self._sessions is not None:
            self._sessions.keep_for(self._conductor.config.sessions.retention_days)

    def _began(self, session: LiveSession) -> None:
        _log.info("session %s began, tables in %s", session.id, session.files.frames)

    def _completed(self, session: LiveSession) -> None:
        _log.info(
            "session %s is complete%s", session.id, f": {session.error}" if session.error else ""
        )

"""Opens every other window and dialog from the live window's menus."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PyQt6 import sip
from PyQt6.QtCore import QObject, Qt
from PyQt6.QtWidgets import QDialog, QWidget

from realtime_ser.base.errors import SerError
from realtime_ser.gui.app.help import NOTICE_VERSION, AboutDialog, DiagnosticsDialog, WelcomeDialog
from realtime_ser.gui.app.log import log_path
from realtime_ser.gui.app.preferences_dialog import PreferencesDialog
from realtime_ser.gui.live.calibration_dialog import CalibrateDialog
from realtime_ser.gui.live.microphone_check import MicrophoneCheckDialog
from realtime_ser.gui.live.session_controller import SessionController
from realtime_ser.gui.live.window import MainWindow
from realtime_ser.gui.widgets.dialogs import ask_files, ask_folder
from realtime_ser.gui.widgets.parts import reveal
from realtime_ser.recogniser.bundle import bundle_folder, load_bundle, shipped_models
from realtime_ser.recogniser.profiles import profile_choices
from realtime_ser.session.analysis.files import StoredAnalysis
from realtime_ser.session.live import LiveSession
from realtime_ser.session.store import SessionState, Store, open_store

_log = logging.getLogger(__name__)

_RESULT_ACTIONS = ("sessions", "review", "files", "export_as")
"""Actions that show what was heard."""

_PROFILES = "Correct for a person"

_OTHER_FOLDER = "?"
"""Stands for a model that is yet to be chosen from the disk."""


class WindowManager(QObject):
    """Knows all windows of the program, and closes them with the live one.

    Parameters
    ----------
    window, controller
        The live window, and what runs its sessions.
    """

    def __init__(self, window: MainWindow, controller: SessionController) -> None:
        super().__init__(window)
        self._window = window
        self._controller = controller
        self._store: Store | None = None
        self._sessions: Any = None
        self._files: Any = None
        self._progress: list[QWidget] = []
        self.windows: list[QWidget] = []
        acts = window.actions_
        callbacks: dict[str, Callable[[], object]] = {
            "study": self.study,
            "sessions": self.sessions,
            "review": self.review_latest,
            "files": self.ask_files,
            "export_as": self.export_latest,
            "check": self.check,
            "calibrate": self.calibrate,
            "settings": self.preferences,
            "notice": self.notice,
            "diagnostics": self.diagnostics,
            "log": self.show_log,
            "about": self.about,
        }
        acts.bind({name: self._reporting_errors(act) for name, act in callbacks.items()})
        self._list_models()
        acts.menus[_PROFILES].aboutToShow.connect(self._reporting_errors(self._list_profiles))
        window.dropped.connect(self._reporting_errors(self.files))
        window.closing.connect(self.close)
        window.blinded.connect(self._hide_results)
        window.chosen.connect(self._apply_choices)
        controller.started.connect(self._log_began)
        controller.completed.connect(self._log_completed)

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
        if self._controller.config.sessions.keep:
            self._reporting_errors(self._offer_interrupted)()

    def _offer_interrupted(self) -> None:
        from realtime_ser.gui.library import offer_interrupted

        dialog = offer_interrupted(self._session_store(), parent=self._window)
        if dialog is not None:
            dialog.open_requested.connect(self._reporting_errors(self.review))

    def sessions(self) -> None:
        """Open the table of all sessions, or bring it to the front."""
        from realtime_ser.gui.library import SessionsWindow

        if self._sessions is None:
            made = SessionsWindow(self._controller.config, self._session_store())
            made.open_requested.connect(self._reporting_errors(self.review))
            self._sessions = self._track_window(made)
        self._show(self._sessions)

    def review_latest(self) -> None:
        """Look at the session that runs, or at the last one."""
        latest = self._latest_session()
        if latest is not None:
            self.review(latest)

    def review(self, session: str) -> None:
        """Look at a kept session, in the window that shows it already if there is one.

        Two would not know of each other's corrections.
        """
        from realtime_ser.gui.review import ReviewWindow

        reviews = [window for window in self.windows if isinstance(window, ReviewWindow)]
        made = next(
            (one for one in reviews if one.isVisible() and one.content.info.id == session), None
        )
        if made is None:
            made = ReviewWindow(self._controller.config, self._session_store(), session)
            self._track_window(made)
        elif made.content.info.state is SessionState.RUNNING:
            made.reload()
        self._show(made)

    def review_file(self, path: Path, analysed: StoredAnalysis | None = None) -> None:
        """Look at a recording, which is analysed unless that has been done."""
        from realtime_ser.gui.review import review_file

        made = review_file(self._controller.config, path, analysed)
        self._progress.append(made)  # the review lives as long as this does
        made.opened.connect(self._track_window)

    def ask_files(self) -> None:
        """Ask which recordings to analyse."""
        filters = ["Sound (*.wav *.flac *.ogg *.mp3 *.aiff *.aif)", "All files (*)"]
        ask_files(self._window, "Analyse recordings", filters, self._reporting_errors(self.files))

    def files(self, paths: Sequence[Path]) -> None:
        """Analyse recordings and folders of them."""
        from realtime_ser.gui.library import FilesWindow

        if self._files is None:
            made = FilesWindow(self._controller.config)
            made.open_requested.connect(self._reporting_errors(self.review_file))
            self._files = self._track_window(made)
        self._files.add(list(paths))
        self._show(self._files)

    def export_latest(self) -> None:
        """Export the session that runs, or the last one, for another tool."""
        from realtime_ser.gui.library import ExportDialog

        latest = self._latest_session()
        if latest is not None:
            store = self._session_store()
            dialog = ExportDialog(store.folder, [store.session(latest)], self._window)
            self._open(dialog)

    def study(self) -> None:
        """Say where the next session belongs."""
        from realtime_ser.gui.library import StudyDialog

        config = self._controller.wanted
        store = self._session_store() if config.sessions.keep else None
        dialog = StudyDialog(config, store, parent=self._window)
        dialog.accepted.connect(lambda: self._controller.set_config(dialog.config()))
        self._open(dialog)

    # ------------------------------------------------------------------------------------- dialogs

    def check(self) -> None:
        """Try the microphone."""
        running = self._controller.view.ui_state.running
        dialog = MicrophoneCheckDialog(
            self._controller.config, running=running, parent=self._window
        )
        if running:
            self._controller.sound_received.connect(dialog.push)
        dialog.chosen.connect(lambda values: self._window.choose(**values))
        self._open(dialog)

    def calibrate(self) -> None:
        """Make a person's profile."""
        controller = self._controller
        busy = controller.view.ui_state.running and controller.view.live
        dialog = CalibrateDialog(controller.config, busy=busy, parent=self._window)
        dialog.chosen.connect(self._reporting_errors(controller.use_profile))
        self._open(dialog)

    def preferences(self) -> None:
        """Open the preferences."""
        days = self._controller.config.sessions.retention_days
        self._open(PreferencesDialog(self._window, days))

    def notice(self) -> None:
        """Show the notice of purpose, limits and consent again."""
        self._open(WelcomeDialog(first=False, parent=self._window))

    def welcome(self, begin: Callable[[], None]) -> None:
        """Show the notice, unless it was read; ``begin`` when it was."""
        if self._window.preferences.notice >= NOTICE_VERSION:
            begin()
            return
        dialog = WelcomeDialog(first=True, parent=self._window)

        def read() -> None:
            self._window.choose(notice=NOTICE_VERSION)
            begin()

        dialog.accepted.connect(read)
        dialog.rejected.connect(self._window.close)
        self._open(dialog)

    def diagnostics(self) -> None:
        """Look at this machine."""
        self._open(DiagnosticsDialog(self._controller.config, self._window))

    def show_log(self) -> None:
        """Show where the log lies."""
        reveal(log_path())

    def about(self) -> None:
        """Versions and licences."""
        manifest = load_bundle(self._controller.config.model).manifest
        corpora = ", ".join(manifest.corpora)
        words = f"Model {manifest.name} {manifest.version}, trained on {corpora}."
        card = bundle_folder(self._controller.config.model) / "CARD.md"
        self._open(AboutDialog(words, card, self._window))

    # -------------------------------------------------------------------------------------- models

    def _list_models(self) -> None:
        names = shipped_models()
        now = self._controller.wanted.model
        other = [("Another folder…", _OTHER_FOLDER)]
        acts = self._window.actions_
        known = names if now in names else [*names, now]
        acts.choices(
            "Model",
            [(Path(name).name, name) for name in known] + other,
            now,
            self._reporting_errors(self._use_model),
        )
        acts.choices(
            "Compare with",
            [("Nothing", None), *((Path(name).name, name) for name in names), *other],
            self._controller.comparison,
            self._reporting_errors(self._compare),
        )

    def _list_profiles(self) -> None:
        """As they are now: calibrating makes them, here or in a terminal."""
        acts = self._window.actions_
        found = list(profile_choices(self._controller.wanted))
        acts.choices(
            _PROFILES,
            [("Nobody", None), *((one.profile.name, one.profile.name) for one in found)],
            self._controller.wanted.profile,
            self._reporting_errors(self._controller.use_profile),
        )
        menu = acts.menus[_PROFILES]
        for action, one in zip(menu.actions()[1:], found, strict=True):
            action.setEnabled(not one.fault)
            action.setToolTip(one.fault or f"Made with {one.profile.device}")
        menu.addSeparator()
        menu.addAction(acts["calibrate"])

    def _use_model(self, name: str) -> None:
        self._choose_model(name, self._controller.use_model, "Model", self._controller.wanted.model)

    def _compare(self, name: str | None) -> None:
        self._choose_model(
            name, self._controller.compare, "Compare with", self._controller.comparison
        )

    def _choose_model(
        self, name: str | None, use: Callable[[Any], None], menu: str, before: str | None
    ) -> None:
        """Take a model, or ask for its folder; what cannot be used changes nothing."""
        acts = self._window.actions_
        if name == _OTHER_FOLDER:
            acts.check_value(menu, before)
            choose = self._reporting_errors(
                lambda folder: self._choose_model(str(folder), use, menu, before)
            )
            ask_folder(self._window, "Folder of a model bundle", choose)
            return
        try:
            if name is not None:
                load_bundle(name)
        except SerError:
            acts.check_value(menu, before)
            raise
        use(name)
        acts.check_value(menu, name)

    # -------------------------------------------------------------------------------------- within

    def _session_store(self) -> Store:
        if self._store is None:
            self._store = open_store(self._controller.config)
        return self._store

    def _latest_session(self) -> str | None:
        if self._controller.session is None:
            self._window.statusline.say("there is no session yet that was kept")
        return self._controller.session

    def _reporting_errors(self, act: Callable[..., Any]) -> Callable[..., None]:
        """What cannot be done is said, with what to do."""

        def guarded(*arguments: Any) -> None:
            try:
                act(*arguments)
            except SerError as error:
                self._window.warn("That does not work", str(error))

        return guarded

    def _track_window(self, window: QWidget) -> Any:
        """Keep a window until it is closed."""
        window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        window.setWindowIcon(self._window.windowIcon())
        self.windows.append(window)
        window.destroyed.connect(lambda: self._untrack_window(window))
        return window

    def _untrack_window(self, window: QWidget) -> None:
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

    def _hide_results(self, on: bool) -> None:
        """Other windows show results too: they go with them, and come back with them."""
        for name in _RESULT_ACTIONS:
            self._window.actions_[name].setEnabled(not on)
        for window in self.windows:
            if not sip.isdeleted(window):
                window.setVisible(not on)

    def _apply_choices(self, values: dict[str, Any]) -> None:
        if "retention_days" in values and self._sessions is not None:
            self._sessions.set_retention(self._controller.config.sessions.retention_days)

    def _log_began(self, session: LiveSession) -> None:
        _log.info("session %s began, tables in %s", session.id, session.files.steps)

    def _log_completed(self, session: LiveSession) -> None:
        _log.info(
            "session %s is complete%s", session.id, f": {session.error}" if session.error else ""
        )

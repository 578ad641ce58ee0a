"""Opens every other window and dialog from the live window's menus."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PyQt6 import sip
from PyQt6.QtCore import QObject, Qt, QTimer
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QWidget

from realtime_ser.base.config import AUTO
from realtime_ser.base.errors import SerError
from realtime_ser.base.memory import release_memory
from realtime_ser.engine.model_choice import for_live
from realtime_ser.gui.app.log import log_path
from realtime_ser.gui.live.session_controller import SessionController
from realtime_ser.gui.live.window import MainWindow
from realtime_ser.gui.widgets.dialogs import ask_files, ask_folder
from realtime_ser.gui.widgets.parts import reveal
from realtime_ser.outputs.registry import OUTPUTS
from realtime_ser.recogniser.bundle import load_bundle, shipped_models
from realtime_ser.recogniser.profiles import profile_choices
from realtime_ser.recogniser.step_model import StepModel
from realtime_ser.session.analysis.files import StoredAnalysis
from realtime_ser.session.live import LiveSession
from realtime_ser.session.store import SessionState, Store, open_store

_log = logging.getLogger(__name__)

_RESULT_ACTIONS = ("sessions", "review", "files", "export_as")  # actions that show what was heard

_TIDY_MS = 200
_PATIENCE_S = 0.2
"""Longest that the window waits for another program that uses the store, in seconds."""

_PROFILES = "Correct for a person"
_PROGRAMS = "Other programs"

_OTHER_FOLDER = "?"  # stands for a model that is yet to be chosen from the disk
_AUTO_MODEL = "The best that this computer keeps up with"


class WindowManager(QObject):
    """Knows all windows of the program, and closes them with the live one."""

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
            "study": self._ask_study,
            "sessions": self._show_sessions,
            "review": self._review_latest,
            "files": self._ask_files,
            "export_as": self._export_latest,
            "check": self._check_microphone,
            "calibrate": self._calibrate,
            "settings": self._show_preferences,
            "notice": self._show_notice,
            "diagnostics": self._diagnose,
            "log": self._show_log,
            "about": self._show_about,
        }
        acts.bind({name: self._reporting_errors(act) for name, act in callbacks.items()})
        self._list_models()
        acts.menus[_PROFILES].aboutToShow.connect(self._reporting_errors(self._list_profiles))
        acts.menus[_PROGRAMS].aboutToShow.connect(self._list_programs)
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
        from realtime_ser.gui.library.session_dialogs import offer_interrupted

        dialog = offer_interrupted(self._session_store(), parent=self._window)
        if dialog is not None:
            dialog.open_requested.connect(self._reporting_errors(self.review))

    def _show_sessions(self) -> None:
        """Open the table of all sessions, or bring it to the front."""
        from realtime_ser.gui.library.sessions import SessionsWindow

        if self._sessions is None:
            made = SessionsWindow(self._controller.config, self._session_store())
            made.open_requested.connect(self._reporting_errors(self.review))
            self._sessions = self._track_window(made)
        self._show(self._sessions)

    def _review_latest(self) -> None:
        if (latest := self._latest_session()) is not None:
            self.review(latest)

    def review(self, session: str) -> None:
        """Look at a kept session, in the window that shows it already if there is one.

        Two would not know of each other's corrections.
        """
        from realtime_ser.gui.review.window import ReviewWindow

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
        from realtime_ser.gui.review.file_dialog import review_file

        made = review_file(self._controller.config, path, analysed)
        self._progress.append(made)  # the review lives as long as this does
        made.opened.connect(self._track_window)

    def _ask_files(self) -> None:
        filters = ["Sound (*.wav *.flac *.ogg *.mp3 *.aiff *.aif)", "All files (*)"]
        ask_files(self._window, "Analyse recordings", filters, self._reporting_errors(self.files))

    def files(self, paths: Sequence[Path]) -> None:
        """Analyse recordings and folders of them."""
        from realtime_ser.gui.library.files import FilesWindow

        if self._files is None:
            made = FilesWindow(self._controller.config)
            made.open_requested.connect(self._reporting_errors(self.review_file))
            self._files = self._track_window(made)
        self._files.add(list(paths))
        self._show(self._files)

    def _export_latest(self) -> None:
        from realtime_ser.gui.library.exporting import ExportDialog

        if (latest := self._latest_session()) is not None:
            store = self._session_store()
            ExportDialog(store.folder, [store.session(latest)], self._window).open()

    def _ask_study(self) -> None:
        from realtime_ser.gui.library.study import StudyDialog

        config = self._controller.wanted
        store = self._session_store() if config.sessions.keep else None
        channels = self._window.topbar.sources.channel_names
        dialog = StudyDialog(config, store, channels, parent=self._window)
        dialog.accepted.connect(lambda: self._controller.set_config(dialog.config()))
        dialog.open()

    # ------------------------------------------------------------------------------------- dialogs

    def _check_microphone(self) -> None:
        from realtime_ser.gui.live.microphone_check import MicrophoneCheckDialog

        controller = self._controller
        running = controller.view.ui_state.running
        dialog = MicrophoneCheckDialog(controller.config, running=running, parent=self._window)
        if running:
            controller.sound_received.connect(dialog.push)
        dialog.chosen.connect(lambda values: self._window.choose(**values))
        dialog.open()

    def _calibrate(self) -> None:
        from realtime_ser.gui.live.calibration_dialog import CalibrateDialog

        controller = self._controller
        busy = controller.view.ui_state.running and controller.view.live
        dialog = CalibrateDialog(controller.config, busy=busy, parent=self._window)
        dialog.chosen.connect(self._reporting_errors(controller.use_profile))
        dialog.open()

    def _show_preferences(self) -> None:
        from realtime_ser.gui.app.preferences_dialog import PreferencesDialog

        days = self._controller.config.sessions.retention_days
        PreferencesDialog(self._window, days).open()

    def _show_notice(self) -> None:
        from realtime_ser.gui.app.help import WelcomeDialog

        WelcomeDialog(first=False, parent=self._window).open()

    def welcome(self, begin: Callable[[], None]) -> None:
        """Show the notice, unless it was read; ``begin`` when it was."""
        from realtime_ser.gui.app.help import NOTICE_VERSION, WelcomeDialog

        if self._window.preferences.notice >= NOTICE_VERSION:
            begin()
            return
        dialog = WelcomeDialog(first=True, parent=self._window)

        def read() -> None:
            self._window.choose(notice=NOTICE_VERSION)
            begin()

        dialog.accepted.connect(read)
        dialog.rejected.connect(self._window.close)
        dialog.open()

    def _diagnose(self) -> None:
        from realtime_ser.gui.app.help import DiagnosticsDialog

        DiagnosticsDialog(self._controller.config, self._window).open()

    def _show_log(self) -> None:
        reveal(log_path())

    def _show_about(self) -> None:
        from realtime_ser.gui.app.help import AboutDialog

        bundle = load_bundle(for_live(self._controller.config).config.model)
        manifest = bundle.manifest
        corpora = ", ".join(manifest.corpora)
        words = f"Model {manifest.name} {manifest.version}, trained on {corpora}."
        AboutDialog(words, bundle.folder / "CARD.md", self._window).open()

    # -------------------------------------------------------------------------------------- models

    def _list_models(self) -> None:
        acts, controller = self._window.actions_, self._controller
        names, now = shipped_models(), controller.wanted.model
        known = names if now in (AUTO, *names) else [*names, now]
        other = [("Another folder…", _OTHER_FOLDER)]
        acts.choices(
            "Model",
            [(_AUTO_MODEL, AUTO), *((Path(name).name, name) for name in known), *other],
            now,
            self._reporting_errors(lambda name: self._choose_model(name, controller.use_model)),
        )
        acts.choices(
            "Compare with",
            [("Nothing", None), *((Path(name).name, name) for name in names), *other],
            controller.comparison,
            self._reporting_errors(lambda name: self._choose_model(name, controller.compare)),
        )

    def _list_profiles(self) -> None:
        """As they are now: calibrating makes them, here or in a terminal."""
        acts = self._window.actions_
        found = list(profile_choices(for_live(self._controller.wanted).config))
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

    def _list_programs(self) -> None:
        """Outputs that are on and those that can be, and where markers come from."""
        menu, controller = self._window.actions_.menus[_PROGRAMS], self._controller
        menu.clear()
        states = {state.address: state for state in controller.program_states}
        wanted = controller.wanted.outputs
        usual = [kind.example for kind in OUTPUTS if kind.scheme != "json"]
        for address in dict.fromkeys((*wanted, *usual)):
            state = states.pop(address, None)
            action = QAction(address if state is None else f"{address}: {state.text}", menu)
            action.setToolTip(state.error or "" if state is not None else "")
            action.setCheckable(True)
            action.setChecked(address in wanted)
            use = self._reporting_errors(partial(controller.send_to, address))
            action.triggered.connect(lambda on, use=use: use(on))
            menu.addAction(action)
        menu.addSeparator()
        for address, state in states.items():
            if address not in usual:
                action = QAction(f"{address}: {state.text}", menu)
                action.setEnabled(False)
                menu.addAction(action)

    def _choose_model(self, name: str | None, use: Callable[[Any], None]) -> None:
        """Take a model, or ask for its folder; what cannot be used changes nothing."""
        self._check_models()  # another one holds when it was taken
        if name == _OTHER_FOLDER:
            choose = self._reporting_errors(lambda folder: self._choose_model(str(folder), use))
            ask_folder(self._window, "Folder of a model bundle", choose)
            return
        if name not in (None, AUTO):
            StepModel(load_bundle(name))
        use(name)
        self._check_models()

    def _check_models(self) -> None:
        self._window.actions_.check_value("Model", self._controller.wanted.model)
        self._window.actions_.check_value("Compare with", self._controller.comparison)

    # -------------------------------------------------------------------------------------- within

    def _session_store(self) -> Store:
        if self._store is None:
            self._store = open_store(self._controller.config, patience_s=_PATIENCE_S)
        return self._store

    def _latest_session(self) -> str | None:
        """The session that runs, or the last one."""
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
        QTimer.singleShot(_TIDY_MS, release_memory)  # once all that belonged to it is gone
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
        error = f": {session.error}" if session.error else ""
        _log.info("session %s is complete%s", session.id, error)

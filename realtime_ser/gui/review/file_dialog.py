"""A recording is analysed, then reviewed."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from PyQt6.QtCore import pyqtSignal

from realtime_ser.base.config import Config
from realtime_ser.base.errors import SerError
from realtime_ser.base.paths import store_folder
from realtime_ser.gui.review.window import ReviewWindow
from realtime_ser.gui.widgets.dialogs import TaskDialog
from realtime_ser.gui.widgets.parts import button, label, row
from realtime_ser.gui.widgets.task import ReportProgress
from realtime_ser.session.analysis.files import StoredAnalysis, session_of_file
from realtime_ser.session.store import SessionInfo, Store


class FileReview(TaskDialog):
    """Analyses a file through the same pipeline as live sound, then opens its review.

    The result is a session of the store, whose sound is the file itself; a file that was analysed
    before and has not changed is opened at once, with all that was marked in it. Where sessions
    are not kept, it lasts as long as its window. What was ``analysed`` just now is not analysed
    again.
    """

    #: The review is open: its :class:`ReviewWindow`.
    opened = pyqtSignal(object)

    def __init__(self, config: Config, path: Path, analysed: StoredAnalysis | None = None) -> None:
        super().__init__("Analyse a file", None)
        self._config, self._path, self._analysed = config, path, analysed
        self._resources = contextlib.ExitStack()
        if config.sessions.keep:
            self._folder = store_folder(config.sessions)
        else:
            temporary = tempfile.TemporaryDirectory(prefix="realtime-ser-")
            self._folder = Path(self._resources.enter_context(temporary))
        self.review_window: ReviewWindow | None = None
        self.words = label("Hearing it, through the same pipeline as live sound…", wrap=True)
        self.cancel = button("Cancel", "Stop; nothing is kept (Esc)", clicked=self.reject)
        self.show_parts(
            label(path.name, "bold", wrap=True),
            self.words,
            self.progress,
            self.message,
            None,
            row(None, self.cancel),
            min_width=56,
            margins=2,
            spacing=1,
        )
        self.run_task(self._analyse)

    def _analyse(self, advance: ReportProgress) -> SessionInfo:
        with Store(self._folder) as store:
            return session_of_file(store, self._config, self._path, advance, self._analysed)

    def succeeded(self, result: SessionInfo) -> None:
        """Open the review, and close."""
        try:
            store = self._resources.enter_context(Store(self._folder))
            window = ReviewWindow(self._config, store, result.id)
        except SerError as error:
            self.failed(error)
            return
        window.closed.connect(self._resources.close)
        self.review_window = window
        if not self._config.sessions.keep:
            window.review_view.say(
                "Sessions are not kept: export what you mark before you close this."
            )
        self.accept()
        window.show()
        window.activateWindow()
        self.opened.emit(window)

    def failed(self, error: Exception) -> None:
        """Say why there is nothing to review."""
        super().failed(error)
        self.words.hide()
        self.cancel.setText("Close")
        self.cancel.setToolTip("Close (Esc)")
        self._resources.close()

    def cancelled(self) -> None:
        """Keep nothing, and close."""
        self._resources.close()
        self.done(self.DialogCode.Rejected.value)


def review_file(config: Config, path: Path, analysed: StoredAnalysis | None = None) -> FileReview:
    """Analyse an audio file as :class:`FileReview` does; returns at once.

    Returns
    -------
    The window that shows the progress. Hold on to it as long as the review is to live.
    """
    dialog = FileReview(config, path, analysed)
    dialog.show()
    return dialog

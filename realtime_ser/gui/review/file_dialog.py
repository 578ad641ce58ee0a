"""A recording is analysed, then reviewed."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtGui import QCloseEvent

from realtime_ser.base.config import Config
from realtime_ser.base.errors import SerError
from realtime_ser.base.paths import store_folder
from realtime_ser.gui.review.window import ReviewWindow
from realtime_ser.gui.widgets.dialogs import Dialog
from realtime_ser.gui.widgets.parts import button, label, progress_bar, row
from realtime_ser.gui.widgets.task import ReportProgress, Task, error_sentence
from realtime_ser.session.analysis.files import StoredAnalysis, session_of_file
from realtime_ser.session.store import SessionInfo, Store


class FileReview(Dialog):
    """Analyses a file through the same pipeline as live sound, then opens its review.

    The result is a session of the store, whose sound is the file itself; a file that was analysed
    before and has not changed is opened at once, with all that was marked in it. Where sessions
    are not kept, it lasts as long as its window.

    Parameters
    ----------
    config
        All settings.
    path
        The file.
    analysed
        An analysis that was made of it just now: it is not made again.
    """

    #: The review is open: its :class:`ReviewWindow`.
    opened = pyqtSignal(object)

    def __init__(self, config: Config, path: Path, analysed: StoredAnalysis | None = None) -> None:
        super().__init__("Analyse a file", None)
        self._config = config
        self._path = path
        self._analysed = analysed
        self._resources = contextlib.ExitStack()
        self._store: Store | None = None
        self.review_window: ReviewWindow | None = None
        self.words = label("Hearing it, through the same pipeline as live sound…", wrap=True)
        self.progress = progress_bar()
        self.cancel = button("Cancel", "Stop; nothing is kept (Esc)", clicked=self.reject)
        self.show_parts(
            label(path.name, "bold", wrap=True),
            self.words,
            self.progress,
            None,
            row(None, self.cancel),
            min_width=56,
            margins=2,
            spacing=1,
        )
        self._task = Task(self._analyse, self)
        self._task.progressed.connect(lambda share: self.progress.setValue(round(1000 * share)))
        self._task.succeeded.connect(self._succeeded)
        self._task.failed.connect(self._failed)
        self._task.cancelled.connect(self._resources.close)
        self._begin()

    def reject(self) -> None:
        """Stop, and keep nothing."""
        self._task.cancel()
        super().reject()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Closing stops."""
        self._task.cancel()
        super().closeEvent(event)

    def _begin(self) -> None:
        try:
            folder = self._folder()
            self._store = self._resources.enter_context(Store(folder))
        except SerError as error:
            self._failed(error)
        else:
            self._task.start()

    def _folder(self) -> Path:
        if self._config.sessions.keep:
            return store_folder(self._config.sessions)
        return Path(
            self._resources.enter_context(tempfile.TemporaryDirectory(prefix="realtime-ser-"))
        )

    def _analyse(self, advance: ReportProgress) -> SessionInfo:
        # A store is for one thread.
        assert self._store is not None
        with Store(self._store.folder) as store:
            return session_of_file(store, self._config, self._path, advance, self._analysed)

    def _succeeded(self, info: SessionInfo) -> None:
        assert self._store is not None
        window = ReviewWindow(self._config, self._store, info.id)
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

    def _failed(self, error: Exception) -> None:
        self.words.setText(error_sentence(error))
        self.progress.hide()
        self.cancel.setText("Close")
        self.cancel.setToolTip("Close (Esc)")
        self._resources.close()


def review_file(config: Config, path: Path, analysed: StoredAnalysis | None = None) -> FileReview:
    """Analyse an audio file as :class:`FileReview` does; returns at once.

    Returns
    -------
    The window that shows the progress. Hold on to it as long as the review is to live.
    """
    dialog = FileReview(config, path, analysed)
    dialog.show()
    return dialog

"""Starts Qt, with a window that runs sessions or shows a finished one."""

from __future__ import annotations

import contextlib
import functools
import logging
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from PyQt6.QtCore import QTimer

from realtime_ser.audio.source import SourceInfo
from realtime_ser.base.config import Config, WindowConfig
from realtime_ser.base.errors import SerError
from realtime_ser.base.records import Record, Update
from realtime_ser.engine.status import Status
from realtime_ser.gui.app.application import application, collecting_here
from realtime_ser.gui.app.log import file_logging, report_faults
from realtime_ser.gui.app.preferences import PreferenceStore
from realtime_ser.gui.app.window_manager import WindowManager
from realtime_ser.gui.live.session_controller import SessionController
from realtime_ser.gui.live.status_model import status_model
from realtime_ser.gui.live.timing import RateMeter
from realtime_ser.gui.live.window import MainWindow
from realtime_ser.gui.theme.theme import ThemeChoice
from realtime_ser.session.live import LiveSession
from realtime_ser.session.statistics import SummaryAccumulator

_log = logging.getLogger(__name__)


def run(
    config: Config,
    *,
    export: Path | None = None,
    screenshot: Path | None = None,
    duration_s: float | None = None,
    completed: Callable[[LiveSession], None] | None = None,
) -> int:
    """Show the window and run sessions in it until it is closed.

    Parameters
    ----------
    config
        All settings.
    export
        Frames CSV of the first session; later ones get a number.
    screenshot
        PNG of the window as the first session ends; then the window closes.
    duration_s
        End the session, and close, after so many seconds of its clock.
    completed
        Called with each session whose files are complete.

    Returns
    -------
    The exit code: 0, or that of the error with which the last session did not open or has failed.

    Raises
    ------
    OutputError
        The screenshot cannot be written.
    SerError
        The session did not open or has failed, and its length or a screenshot was asked for, so
        that nobody may have read the window.
    """
    app = application()
    scripted = screenshot is not None or duration_s is not None
    with contextlib.ExitStack() as stack:
        stack.enter_context(collecting_here())
        # A run that a script has asked for looks as the configuration says, and leaves no traces.
        log = None if scripted else stack.enter_context(file_logging())
        preference_store = None if scripted else PreferenceStore(config.window)
        window = MainWindow(
            config.window, None if preference_store is None else preference_store.preferences
        )
        controller = SessionController(window, config, export, duration_s)
        window_manager = WindowManager(window, controller)
        if preference_store is not None:
            window.chosen.connect(preference_store.keep)
            preference_store.failed.connect(window.statusline.say)
        if completed is not None:
            controller.completed.connect(completed)
        picture = _Screenshot(window, screenshot)
        controller.ending.connect(picture.save_once)
        if scripted:
            controller.finished.connect(window.close)
        window.show()
        stack.enter_context(
            report_faults(window, lambda: _session_kept_text(controller), log, window.close)
        )
        stack.enter_context(_signals(window))
        begin = functools.partial(_begin_after_welcome, window_manager, controller)
        QTimer.singleShot(0, lambda: _log.info("the window is shown"))
        QTimer.singleShot(0, controller.begin if scripted else begin)
        app.exec()
        controller.finish()
        picture.save_once()  # closed by hand, or never opened
    if picture.fault is not None:
        raise picture.fault
    error = controller.error
    if not isinstance(error, SerError):
        return int(error is not None)
    if scripted:
        raise error
    return error.exit_code


class _Screenshot:
    """The screenshot that is wanted, taken once, and why it could not be written."""

    def __init__(self, window: MainWindow, path: Path | None) -> None:
        self.fault: SerError | None = None
        self._window = window
        self._path = path

    def save_once(self) -> None:
        """Write the screenshot, at the first call only."""
        path, self._path = self._path, None
        if path is not None:
            try:
                self._window.picture(path)
            except SerError as error:
                self.fault = error


def _begin_after_welcome(window_manager: WindowManager, controller: SessionController) -> None:
    """Listen, once a person knows what that means; a recording needs no consent to be played."""

    def begin() -> None:
        window_manager.offer_interrupted()
        controller.begin()

    if controller.wanted.audio.input in ("auto", "mic"):
        window_manager.welcome(begin)
    else:
        begin()
        window_manager.welcome(lambda: None)


def _session_kept_text(controller: SessionController) -> str:
    """Sentence on the files of the running session; empty without one."""
    folder = controller.view.folder
    return f"The session goes on and its files are in {folder}." if folder else ""


def render_screenshot(  # noqa: PLR0913
    records: Sequence[Record],
    labels: Sequence[str],
    status: Status,
    path: Path,
    size: tuple[int, int] = (1280, 720),
    theme: ThemeChoice = "dark",
    *,
    source: SourceInfo,
    model: str = "",
) -> None:
    """Write a picture of the window as it stands at the end of a finished session.

    Parameters
    ----------
    records
        The session's records, at least those of its last minute.
    labels
        Labels of their probabilities, in order.
    status
        The engine at the end.
    path
        PNG to write.
    size
        Width and height in pixels.
    source, model
        What was listened to, and the model's name, as the window is to show them.

    Raises
    ------
    OutputError
        The picture cannot be written.
    """
    app = application()
    updates = [record for record in records if isinstance(record, Update)]
    channels = sorted({update.channel for update in updates}) or [1]
    rate_meter = RateMeter(len(channels))
    for update in updates[-100:]:
        rate_meter.feed([update], update.time_s)
    view = replace(status_model(status, source, rate_meter), model=model)
    window = MainWindow(WindowConfig(theme=theme))
    window.resize(*size)
    window.begin(labels, channels, rate=0.0)
    window.feed(records, 0.0)
    window.show_status(view, 0.0)
    window.ensurePolished()
    tally = SummaryAccumulator()
    for record in records:
        tally.feed(record)
    window.show_summaries(tally.summary())
    for moment_s in (0.0, 1.0):  # the bars have arrived by then
        window.tick(moment_s)
    app.processEvents()
    try:
        window.picture(path)
    finally:
        window.deleteLater()


@contextlib.contextmanager
def _signals(window: MainWindow) -> Iterator[None]:
    """Close in order when the terminal or the system asks to end."""
    names = ("SIGINT", "SIGTERM", "SIGHUP")  # the last is not there on Windows
    wanted = [number for name in names if (number := getattr(signal, name, None)) is not None]

    def close_soon(*_: object) -> None:
        """Close from the event loop: Python may hear of a signal while the window is painting."""
        QTimer.singleShot(0, window.close)

    before = {number: signal.signal(number, close_soon) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

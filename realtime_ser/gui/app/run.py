"""Starts Qt, with a window that runs sessions or shows a finished one."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from PyQt6.QtCore import QTimer

from realtime_ser.audio.source import SourceInfo
from realtime_ser.base.config import Config, WindowConfig
from realtime_ser.base.errors import SerError
from realtime_ser.base.records import Record, Update
from realtime_ser.engine.monitor import Status
from realtime_ser.gui.app.application import application
from realtime_ser.gui.app.crash import faults_told
from realtime_ser.gui.app.log_file import noted
from realtime_ser.gui.app.preference_store import Keeper
from realtime_ser.gui.app.window_manager import Hub
from realtime_ser.gui.live.rate_meter import Pace
from realtime_ser.gui.live.session_controller import SITUATIONS, Conductor
from realtime_ser.gui.live.status_model import Panorama
from realtime_ser.gui.live.window import MainWindow
from realtime_ser.gui.theme.theme import ThemeChoice
from realtime_ser.session.live import LiveSession
from realtime_ser.session.running_summary import Tally


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
    """
    app = application()
    scripted = screenshot is not None or duration_s is not None
    with contextlib.ExitStack() as stack:
        # A run that a script has asked for looks as the configuration says, and leaves no traces.
        log = None if scripted else stack.enter_context(noted())
        keeper = None if scripted else Keeper(config.window)
        window = MainWindow(config.window, None if keeper is None else keeper.settings)
        conductor = Conductor(window, config, export, duration_s)
        hub = Hub(window, conductor)
        if keeper is not None:
            window.chosen.connect(keeper.keep)
            keeper.failed.connect(window.statusline.say)
        if completed is not None:
            conductor.completed.connect(completed)
        picture = _Picture(window, screenshot)
        conductor.ending.connect(picture.take)
        if scripted:
            conductor.over.connect(window.close)
        window.show()
        stack.enter_context(faults_told(window, lambda: _kept(conductor), log, window.close))
        stack.enter_context(_signals(window))
        QTimer.singleShot(0, conductor.begin if scripted else lambda: _begin(hub, conductor))
        app.exec()
        conductor.finish()
        picture.take()  # closed by hand, or never opened
    if picture.fault is not None:
        raise picture.fault
    return (
        conductor.error.exit_code
        if isinstance(conductor.error, SerError)
        else int(conductor.error is not None)
    )


class _Picture:
    """The screenshot that is wanted, taken once.

    Attributes
    ----------
    fault
        Why it could not be written.
    """

    def __init__(self, window: MainWindow, path: Path | None) -> None:
        self.fault: SerError | None = None
        self._window = window
        self._path = path

    def take(self) -> None:
        """Write it, unless it was."""
        path, self._path = self._path, None
        if path is not None:
            try:
                self._window.picture(path)
            except SerError as error:
                self.fault = error


def _begin(hub: Hub, conductor: Conductor) -> None:
    """Listen, once a person knows what that means; a recording needs no consent to be played."""

    def begin() -> None:
        hub.offer_interrupted()
        conductor.begin()

    if conductor.wanted.audio.input in ("auto", "mic"):
        hub.welcome(begin)
    else:
        begin()
        hub.welcome(lambda: None)


def _kept(conductor: Conductor) -> str:
    """What is kept of the session that runs."""
    folder = conductor.view.folder
    return f"The session goes on and its files are in {folder}." if folder else ""


def render_screenshot(  # noqa: PLR0913
    records: Sequence[Record],
    labels: Sequence[str],
    status: Status,
    path: Path,
    size: tuple[int, int] = (1280, 720),
    theme: ThemeChoice = "dark",
    *,
    source: SourceInfo | None = None,
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
    pace = Pace(len(channels))
    for update in updates[-100:]:
        pace.feed([update], update.time_s)
    view = Panorama(
        situation=SITUATIONS[status.phase],
        source=source.name if source is not None else "",
        demo=source is not None and source.demo,
        live=source is None or source.live,
        message=status.error or "",
        position_s=status.position_s,
        duration_s=source.duration_s if source is not None else None,
        latency_ms=pace.latency_ms(),
        updates_per_s=pace.updates_per_s(),
        dropped_samples=status.dropped_samples,
        overflows=status.overflows,
        model=model,
    )
    window = MainWindow(WindowConfig(theme=theme))
    window.resize(*size)
    window.begin(labels, channels, rate=0.0)
    window.feed(records, 0.0)
    window.show_view(view, 0.0)
    window.ensurePolished()
    tally = Tally()
    for record in records:
        tally.add(record)
    window.conclude(tally.summary())
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
    wanted = [signal.SIGINT, signal.SIGTERM]
    before = {number: signal.signal(number, lambda *_: window.close()) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

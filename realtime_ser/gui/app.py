"""Starts Qt, with a window that runs sessions or shows a finished one."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType

from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QApplication

from realtime_ser.audio.source import SourceInfo
from realtime_ser.config import Config, WindowConfig
from realtime_ser.errors import SerError
from realtime_ser.gui.live.conductor import SITUATIONS, Conductor
from realtime_ser.gui.live.pace import Pace
from realtime_ser.gui.live.states import Panorama
from realtime_ser.gui.live.window import MainWindow
from realtime_ser.gui.theme import ThemeChoice
from realtime_ser.monitor import Status
from realtime_ser.records import Record, Update
from realtime_ser.session.live import LiveSession
from realtime_ser.session.summary import Tally

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
    """
    app = application()
    window = MainWindow(config.window)
    conductor = Conductor(window, config, export, duration_s)
    if completed is not None:
        conductor.completed.connect(completed)
    wanted = [] if screenshot is None else [screenshot]
    faults: list[SerError] = []

    def picture() -> None:
        while wanted:
            try:
                window.picture(wanted.pop())
            except SerError as error:
                faults.append(error)

    conductor.ending.connect(picture)
    if screenshot is not None or duration_s is not None:
        conductor.over.connect(window.close)
    window.show()
    with _excepthook(window, conductor), _signals(window):
        QTimer.singleShot(0, conductor.begin)
        app.exec()
    conductor.finish()
    picture()  # closed by hand, or never opened
    if faults:
        raise faults[0]
    return (
        conductor.error.exit_code
        if isinstance(conductor.error, SerError)
        else int(conductor.error is not None)
    )


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


@functools.cache  # Qt ends when nobody holds it
def application() -> QApplication:
    """The one application of the process; without a screen where there is no display."""
    app = QApplication.instance()
    if isinstance(app, QApplication):
        return app
    if sys.platform == "linux" and not (
        os.environ.get("DISPLAY")
        or os.environ.get("WAYLAND_DISPLAY")
        or os.environ.get("QT_QPA_PLATFORM")
    ):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    app = QApplication([sys.argv[0]])
    app.setApplicationName("realtime-ser")
    app.setApplicationDisplayName("Realtime SER")
    app.setStyle("Fusion")
    return app


@contextlib.contextmanager
def _excepthook(window: MainWindow, conductor: Conductor) -> Iterator[None]:
    """Survive a fault in a slot: one dialog, the traceback in the log, the session goes on.

    Without it PyQt ends the process.
    """
    before = sys.excepthook
    told = False

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        nonlocal told
        if issubclass(kind, KeyboardInterrupt):
            window.close()
            return
        _log.error("unhandled exception in the window", exc_info=(kind, error, trace))
        if not told:
            told = True
            folder = conductor.view.folder
            kept = f" The session goes on and its files are in {folder}." if folder else ""
            window.warn(
                "Something went wrong in the window",
                f"{kind.__name__}: {error}.{kept} If the window does not behave, close it and "
                "start again; nothing is lost.",
            )

    sys.excepthook = hook
    try:
        yield
    finally:
        sys.excepthook = before


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

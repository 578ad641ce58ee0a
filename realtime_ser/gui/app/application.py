"""The one Qt application of the process."""

from __future__ import annotations

import functools
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from PyQt6.QtWidgets import QApplication, QMessageBox
from pyqtgraph.util.garbage_collector import GarbageCollector


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
    app.setDesktopFileName("realtime-ser")  # by which a desktop finds icon and menu entry
    app.setStyle("Fusion")
    return app


@contextmanager
def collecting_here() -> Iterator[None]:
    """Let the thread of the windows alone free what only holds itself.

    Python looks for such objects in whatever thread makes one more, and would destroy there what
    belongs to a window.
    """
    collector = GarbageCollector()
    try:
        yield
    finally:
        collector.timer.stop()
        gc.enable()


def show_error(words: str) -> None:
    """Show why the program could not start, until it is read."""
    application()
    QMessageBox.critical(None, "Realtime SER", words)

"""The one Qt application of the process."""

from __future__ import annotations

import functools
import os
import sys

from PyQt6.QtWidgets import QApplication, QMessageBox


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


def show_error(words: str) -> None:
    """Show why the program could not start, until it is read."""
    application()
    QMessageBox.critical(None, "Realtime SER", words)

"""The one Qt application of the process."""

from __future__ import annotations

import functools
import os
import sys

from PyQt6.QtWidgets import QApplication


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

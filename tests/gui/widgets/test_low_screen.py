"""On a screen as low as a small laptop's, every dialog can be read and closed."""

from __future__ import annotations

import json
import os
import subprocess
import sys

SCRIPT = """
import sys
from PyQt6.QtCore import QRect
from PyQt6.QtWidgets import QPushButton
from realtime_ser.base.config import Config, WindowConfig
from realtime_ser.gui.app.application import application
from realtime_ser.gui.app.help import AboutDialog, WelcomeDialog
from realtime_ser.gui.app.preferences_dialog import PreferencesDialog
from realtime_ser.gui.library.study import StudyDialog
from realtime_ser.gui.live.microphone_check import MicrophoneCheckDialog
from realtime_ser.gui.live.window import MainWindow
from pathlib import Path

app = application()
screen = app.primaryScreen().availableGeometry()
assert (screen.width(), screen.height()) == (911, 512)
window = MainWindow(WindowConfig())
window.show()
dialogs = [
    PreferencesDialog(window, None),
    WelcomeDialog(first=True, parent=window),
    AboutDialog("A model", Path("CARD.md"), window),
    StudyDialog(Config(), None, parent=window),
    MicrophoneCheckDialog(Config(), running=True, parent=window),
]
for dialog in dialogs:
    dialog.open()
    for _ in range(5):
        app.processEvents()
    assert dialog.frameGeometry().height() <= screen.height(), (dialog, dialog.frameGeometry())
    inside = dialog.rect()
    for one in dialog.findChildren(QPushButton):
        if one.isVisibleTo(dialog) and one.isDefault():
            place = QRect(one.mapTo(dialog, one.rect().topLeft()), one.size())
            assert inside.contains(place), (dialog, one.text(), place, inside)
    dialog.close()
print("all")
"""


def test_every_dialog_fits_a_low_screen(tmp_path):
    screen = {"x": 0, "y": 0, "width": 911, "height": 512, "name": "low", "dpr": 1}
    screen |= {"logicalDpi": 96, "logicalBaseDpi": 96}
    path = tmp_path / "screen.json"
    path.write_text(json.dumps({"screens": [screen], "windowFrameMargins": True}))
    env = os.environ | {"QT_QPA_PLATFORM": f"offscreen:configfile={path}"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "all\n", done.stderr

"""Windows that were closed give their memory back."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
from pathlib import Path
import time
from PyQt6.QtCore import QCoreApplication, QEvent
from realtime_ser.base.config import Config, WindowConfig
from realtime_ser.gui.app.application import application
from realtime_ser.gui.app.window_manager import WindowManager
from realtime_ser.gui.live.session_controller import SessionController
from realtime_ser.gui.live.window import MainWindow
from realtime_ser.session.store import open_store
from tests import kept_sessions as made

app = application()
with open_store(Config()) as store:
    info = made.interview(store, audio=True)
window = MainWindow(WindowConfig())
manager = WindowManager(window, SessionController(window, Config()))

def open_and_close():
    manager.review(info.id)
    for _ in range(4):
        app.processEvents()
    (review,) = manager.windows
    review.close()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    for _ in range(2):
        app.processEvents()

def resident_mb():
    return int(Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0]) / 1024

def wait():
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        app.processEvents()
        time.sleep(0.01)

for _ in range(10):
    open_and_close()
wait()
before = resident_mb()
for _ in range(40):
    open_and_close()
wait()
print(resident_mb() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_reviews_that_were_closed_give_their_memory_back():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 10.0, "megabytes of forty reviews"

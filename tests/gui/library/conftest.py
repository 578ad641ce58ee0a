"""A store with sessions in it, and hands."""

from __future__ import annotations

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QDialog, QFileDialog

from realtime_ser.base.config import Config
from realtime_ser.session.store import open_store


@pytest.fixture
def config():
    return Config.model_validate({"window": {"theme": "dark"}})


@pytest.fixture
def store(config):
    with open_store(config) as opened:
        yield opened


@pytest.fixture
def click(qtbot):
    return lambda button: qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


@pytest.fixture
def dialog_of(qtbot):
    """The dialog that a window has opened."""

    def find(window, kind=QDialog):
        def shown():
            return next((d for d in window.findChildren(kind) if d.isVisible()), None)

        qtbot.waitUntil(lambda: shown() is not None)
        return shown()

    return find


@pytest.fixture
def choose_file(dialog_of):
    """Choose a file or folder in the file dialog that is open."""

    def choose(window, path):
        dialog = dialog_of(window, QFileDialog)
        dialog.setDirectory(str(path.parent))
        dialog.selectFile(path.name)
        dialog.accept()

    return choose

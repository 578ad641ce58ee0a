"""The window as a menu of the desktop starts it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PyQt6.QtCore import QTimer
from PyQt6.QtGui import QIcon, QImage
from PyQt6.QtWidgets import QApplication, QMessageBox

from realtime_ser.commands.window import main
from realtime_ser.gui.widgets.icons import face_icon

PACKAGING = Path(__file__).parents[3] / "packaging"


def test_an_error_is_shown_where_nobody_reads_what_is_printed(qapp, monkeypatch, capsys):
    shown = []

    def read_and_close():
        dialog = QApplication.activeModalWidget()
        if isinstance(dialog, QMessageBox):
            shown.append(dialog.text())
            dialog.accept()
        else:
            QTimer.singleShot(10, read_and_close)

    monkeypatch.setattr(sys, "argv", ["realtime-ser-window", "--chanels", "2"])
    QTimer.singleShot(0, read_and_close)
    assert main() == 2
    (words,) = shown
    assert words == "There is no option '--chanels'; did you mean '--channels'?"
    assert words in capsys.readouterr().err, "what starts it from a script can still read it"


def test_without_streams_as_on_windows_it_starts_all_the_same(qapp, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["realtime-ser-window", "--version"])
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert main() == 0


def pixels(image: QImage) -> np.ndarray:
    image = image.convertToFormat(QImage.Format.Format_RGBA8888)
    data = image.constBits().asarray(image.sizeInBytes())
    return np.frombuffer(data, np.uint8).reshape(image.height(), image.width(), 4).astype(int)


def test_the_icon_in_the_menu_is_that_of_the_window(qapp):
    window = pixels(face_icon("happy").pixmap(128, 128).toImage())
    for name in ("realtime-ser.svg", "realtime-ser.png"):
        menu = pixels(QIcon(str(PACKAGING / name)).pixmap(128, 128).toImage())
        assert np.abs(menu - window).mean() < 2.0, name

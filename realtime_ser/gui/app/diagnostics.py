"""Findings of the doctor on this machine, to be copied into a question."""

from __future__ import annotations

import platform

from PyQt6.QtCore import QT_VERSION_STR, Qt
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtWidgets import QDialog, QPlainTextEdit, QVBoxLayout, QWidget

from realtime_ser import __version__
from realtime_ser.base.config import Config
from realtime_ser.gui.app.log_file import log_path
from realtime_ser.gui.theme.style_watcher import StyleWatcher, pad, set_size
from realtime_ser.gui.widgets.parts import MessageLabel, button, label, row
from realtime_ser.gui.widgets.task import ReportProgress, Task, error_sentence

_TAIL = 40
"""Lines of the log that are added."""


class DiagnosticsDialog(QDialog):
    """Examines the machine beside the window, and offers the findings for copying.

    Parameters
    ----------
    config
        All settings.
    """

    def __init__(self, config: Config, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Diagnostics")
        self.title = label("Diagnostics", "big bold")
        self.text = label(
            "Versions, devices, folders and the last lines of the log: nothing of what was heard. "
            "Look through it before you send it: names of devices and folders are in it.",
            wrap=True,
        )
        self.findings = QPlainTextEdit()
        self.findings.setReadOnly(True)
        self.findings.setAccessibleName("Findings")
        self.findings.setToolTip("What was found")
        self.findings.setPlaceholderText("Looking at this machine…")
        self.findings.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.message = MessageLabel()
        self.copy = button("Copy", "Copy all of it", "primary")
        self.copy.setEnabled(False)
        self.close_button = button("Close", "Close (Esc)")
        self.findings.setObjectName("monospaced")
        column = QVBoxLayout(self)
        pad(column, 3, 2)
        set_size(self, min_width=96)
        set_size(self.findings, min_height=44)
        for widget in (self.title, self.text, self.findings, self.message):
            column.addWidget(widget)
        column.addLayout(row(None, self.close_button, self.copy))
        self.copy.clicked.connect(self._copy)
        self.close_button.clicked.connect(self.reject)
        StyleWatcher(self)
        self._task = Task(lambda advance: _examination_text(config, advance), self)
        self._task.succeeded.connect(self._show)
        self._task.failed.connect(lambda error: self.message.warn(error_sentence(error)))
        self._task.start()

    def done(self, result: int) -> None:
        """Close; the examination ends at its next step."""
        self._task.cancel()
        self._task.wait()
        super().done(result)

    def _show(self, text: str) -> None:
        self.findings.setPlainText(text)
        self.copy.setEnabled(True)
        self.copy.setFocus()

    def _copy(self) -> None:
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self.findings.toPlainText())
            self.message.say("Copied.")


def _examination_text(config: Config, advance: ReportProgress) -> str:
    from realtime_ser.engine.doctor import run_checks

    lines = [f"realtime-ser {__version__}, Qt {QT_VERSION_STR}, {platform.platform()}", ""]
    for finding in run_checks(config):
        advance(0.0)
        lines.append(f"{finding.verdict:6}{finding.subject:18}{finding.words}")
    try:
        log_lines = log_path().read_text(encoding="utf-8").splitlines()[-_TAIL:]
    except OSError as error:
        log_lines = [f"the log cannot be read: {error}"]
    return "\n".join([*lines, "", "Last lines of the log:", *log_lines])

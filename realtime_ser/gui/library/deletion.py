"""Asks before sessions are deleted, and names what goes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QCheckBox, QDialog, QPlainTextEdit, QVBoxLayout, QWidget

from realtime_ser.base.text import clock_text, count_text, size_text
from realtime_ser.gui.library.session_rows import SessionRow
from realtime_ser.gui.theme.style_watcher import StyleWatcher, pad, set_size
from realtime_ser.gui.widgets.parts import button, label, row


class DeleteDialog(QDialog):
    """Names the sessions and files that would be deleted.

    Parameters
    ----------
    rows
        The sessions.
    """

    #: A person wants it; the argument says whether the tables that a person named go too.
    confirmed = pyqtSignal(bool)

    def __init__(self, rows: Sequence[SessionRow], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Delete for good")
        self.title = label(f"Delete {count_text(len(rows), 'session')} for good?", "big bold")
        self._rows = tuple(rows)
        self.text = label("", wrap=True)
        self.list = QPlainTextEdit()
        self.list.setReadOnly(True)
        self.list.setTabChangesFocus(True)
        self.list.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.list.setAccessibleName("What is deleted")
        named = [path for row in rows for path in _named_files(row)]
        self.files = QCheckBox(f"Also {count_text(len(named), 'file')} that you named yourself")
        self.files.setToolTip("\n".join(map(str, named)))
        self.files.setVisible(bool(named))
        self.files.toggled.connect(self._describe)
        self.cancel = button("Keep", "Delete nothing (Esc)")
        self.delete_button = button(
            f"Delete {count_text(len(rows), 'session')}",
            "Delete what is listed, for good",
            "danger",
        )
        self.cancel.setDefault(True)
        self.cancel.setFocus()
        column = QVBoxLayout(self)
        pad(column, 3, 2)
        set_size(self.list, min_width=64, min_height=14)
        for widget in (self.title, self.text, self.list, self.files):
            column.addWidget(widget)
        column.addLayout(row(None, self.cancel, self.delete_button))
        self.cancel.clicked.connect(self.reject)
        self.delete_button.clicked.connect(self._confirm)
        StyleWatcher(self)
        self._describe()

    def _confirm(self) -> None:
        self.confirmed.emit(self.files.isChecked())
        self.accept()

    def _describe(self) -> None:
        """Name what goes, and what stays."""
        files = self.files.isChecked()
        sounds = sum(_deletes_audio(session_row, files=files) for session_row in self._rows)
        audio = f", the audio of {sounds} of them included" if sounds else ""
        if sounds == len(self._rows):
            audio = ", audio included"
        size = sum(session_row.info.size for session_row in self._rows)
        self.text.setText(
            f"Updates, segments, markers, notes and labelled intervals go{audio}: "
            f"{size_text(size)} that nobody can bring back."
        )
        lines = [
            line for session_row in self._rows for line in _row_lines(session_row, files=files)
        ]
        self.list.setPlainText("\n".join(lines))


def _named_files(session_row: SessionRow) -> list[Path]:
    """Files whose names a person chose."""
    info = session_row.info
    return info.files.existing() if info.files is not None and info.named else []


def _deletes_audio(session_row: SessionRow, *, files: bool) -> bool:
    audio = session_row.info.own_audio
    return audio is not None and (files or audio not in _named_files(session_row))


def _row_lines(session_row: SessionRow, *, files: bool) -> list[str]:
    info = session_row.info
    belongs = " ".join(
        word for word in (info.metadata.study.name, info.metadata.study.participant) if word
    )
    words = [
        session_row.began,
        session_row.name,
        belongs,
        clock_text(info.duration_s),
        size_text(info.size),
    ]
    written = [] if info.files is None else info.files.existing()
    stays = [] if files else _named_files(session_row)
    if info.audio is not None and info.audio not in written:
        written.append(info.audio)
        if info.own_audio is None:
            stays = [*stays, info.audio]
    return [
        "   ".join(word for word in words if word),
        *(f"    {'stays' if path in stays else 'goes'}  {path}" for path in written),
    ]

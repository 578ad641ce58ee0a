"""Beside the table: all that is known of the session that is chosen, and its notes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QFormLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from realtime_ser.base.labels import LABELS
from realtime_ser.base.text import channel_title, clock_text, percent, size_text
from realtime_ser.gui.library.session_rows import Row
from realtime_ser.gui.theme.theme import Look, set_role
from realtime_ser.gui.widgets.bars import Bars
from realtime_ser.gui.widgets.parts import button, label, row, rule
from realtime_ser.session.store import Note

WIDTH = 36
"""Of the panel, in units of the grid."""


class Details(QScrollArea):
    """One session in words and bars, or the sum of several."""

    note_written = pyqtSignal(str)

    #: All of a participant, by their code, is to be deleted.
    delete_wanted = pyqtSignal(str)

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self.title = label("", "bold", wrap=True)
        self.under = label("", "small muted", wrap=True)
        self.bars = Bars(LABELS, look)
        self.facts = QFormLayout()
        self.notes = QVBoxLayout()
        self.heading = label("Notes", "bold")
        self.note = QLineEdit()
        self.note.setPlaceholderText("Add a note")
        self.note.setAccessibleName("Add a note")
        self.note.setToolTip("Enter keeps the note with the session; N comes here")
        self.add = button("Add", "Keep the note with the session")
        self.forget = button("", "All sessions of this participant, after a list and a question")
        self._participant = ""
        inside = QWidget()
        inside.setObjectName("side")
        self._column = QVBoxLayout(inside)
        for widget in (self.title, self.under, self.bars):
            self._column.addWidget(widget)
        self._column.addLayout(self.facts)
        self._rule = rule()
        self._column.addWidget(self._rule)
        self._column.addWidget(self.heading)
        self._column.addLayout(self.notes)
        self._writing = row(self.note, self.add)
        self._column.addLayout(self._writing)
        self._column.addStretch(1)
        self._column.addLayout(row(None, self.forget))
        self.setWidget(inside)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Details")
        self.note.returnPressed.connect(self._write)
        self.add.clicked.connect(self._write)
        self.forget.clicked.connect(lambda: self.delete_wanted.emit(self._participant))
        self.show_rows([], [])

    def set_look(self, look: Look) -> None:
        """Change theme and sizes."""
        self._look = look
        self.setFixedWidth(look.grid(WIDTH))
        side = look.grid(2)
        self._column.setContentsMargins(side, side, side, side)
        self._column.setSpacing(look.grid(1))
        self.facts.setHorizontalSpacing(look.grid(1.5))
        self.facts.setVerticalSpacing(look.grid(0.25))
        self.notes.setSpacing(look.grid(0.75))
        self._writing.setSpacing(look.grid(1))
        self.bars.set_look(look, look.grid(2.25))

    def show_rows(self, rows: Sequence[Row], notes: Sequence[Note]) -> None:
        """Show a session with its notes, or what several have in common."""
        one = rows[0] if len(rows) == 1 else None
        for part in (self._rule, self.heading, self.note, self.add):
            part.setVisible(one is not None)
        self._empty(self.facts)
        self._empty(self.notes)
        self._offer_to_forget(rows)
        if one is None:
            self._show_several(rows)
            return
        self.title.setText(one.name)
        self.under.setText("  ·  ".join([one.info.id, *one.marks]))
        self._show_shares(one)
        for name, words in _facts(one):
            self._fact(name, words)
        self.heading.setText("Notes" if notes else "No notes yet")
        for note in notes:
            self.notes.addWidget(label(f"{note.written:%Y-%m-%d %H:%M}", "small muted"))
            text = label(note.text, wrap=True)
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self.notes.addWidget(text)

    def sizeHint(self) -> QSize:
        """A fixed width."""
        return QSize(self._look.grid(WIDTH), self._look.grid(40))

    def _offer_to_forget(self, rows: Sequence[Row]) -> None:
        """Where all that is chosen is of one participant, all of that person can be deleted."""
        people = {row.info.beginning.study.participant for row in rows}
        self._participant = next(iter(people)) if len(people) == 1 else ""
        self.forget.setVisible(bool(self._participant))
        shown = self.forget.fontMetrics().elidedText(
            self._participant, Qt.TextElideMode.ElideMiddle, self._look.grid(14)
        )
        self.forget.setText(f"Delete all of {shown}…")
        self.forget.setAccessibleName(f"Delete all of participant {self._participant}")

    def _show_several(self, rows: Sequence[Row]) -> None:
        self.bars.hide()
        if not rows:
            self.title.setText("No session chosen")
            self.under.setText("Choose one in the table to see what is known of it.")
            return
        self.title.setText(f"{len(rows)} sessions chosen")
        self.under.setText("")
        self._fact("Length", clock_text(sum(row.info.duration_s for row in rows)))
        self._fact("Speech", clock_text(sum(row.info.speech_s for row in rows)))
        self._fact("Takes", size_text(sum(row.info.size for row in rows)))
        people = {row.info.beginning.study.participant for row in rows} - {""}
        if people:
            self._fact("Participants", ", ".join(sorted(people)))

    def _show_shares(self, one: Row) -> None:
        self.bars.setVisible(bool(one.shares))
        values = [one.shares.get(name, 0.0) for name in self.bars.labels]
        self.bars.glide(values, math.inf)
        numbers = [percent(value) if value else "–" for value in values]
        self.bars.show_numbers(numbers, next(iter(one.shares), None))

    def _fact(self, name: str, words: str) -> None:
        value = label(words, wrap=True)
        value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        caption = QLabel(name)
        set_role(caption, "muted")
        self.facts.addRow(caption, value)

    def _write(self) -> None:
        text = self.note.text().strip()
        if text:
            self.note.clear()
            self.note_written.emit(text)

    @staticmethod
    def _empty(layout: QFormLayout | QVBoxLayout) -> None:
        while layout.count():
            item = layout.takeAt(0)
            widget = None if item is None else item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()


def _facts(one: Row) -> Iterator[tuple[str, str]]:
    info, begun = one.info, one.info.beginning
    yield "Began", f"{begun.started:%Y-%m-%d %H:%M:%S}"
    yield "Source", begun.source.name
    yield "Length", clock_text(info.duration_s)
    several = len(info.channels) > 1
    if several:
        yield "Speech", clock_text(info.speech_s)
    for channel in info.channels:
        name = f"of {channel_title(channel.number, begun.names)}" if several else "Speech"
        lost = f", {channel.lost_s:.1f} s lost" if channel.lost_s else ""
        yield name, f"{clock_text(channel.speech_s)}{lost}"
    study = begun.study
    for name, words in (
        ("Study", study.name),
        ("Participant", study.participant),
        ("Condition", study.condition),
        ("Consent", "" if study.consent is None else f"{study.consent:%Y-%m-%d %H:%M}"),
    ):
        if words:
            yield name, words
    yield "Model", begun.heard_by
    if begun.origin is not None:
        yield "Heard again", f"from the sound of {begun.origin}"
    sound = "audio kept" if info.audio is not None else "no audio kept"
    yield "Takes", f"{size_text(info.size)}, {sound}"
    limit = "you delete it" if one.leaves is None else f"{one.leaves:%Y-%m-%d %H:%M}"
    yield "Kept until", limit
    if info.course.error is not None:
        yield "Stopped", info.course.error

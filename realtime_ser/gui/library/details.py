"""Beside the table: all that is known of the session that is chosen, and its notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QFormLayout, QLabel, QSizePolicy, QWidget

from realtime_ser.base.labels import LABELS
from realtime_ser.base.text import channel_title, length_text, size_text
from realtime_ser.gui.library.session_table import SessionRow
from realtime_ser.gui.theme.style_watcher import pad, set_size, style_of
from realtime_ser.gui.widgets.bars import Bars
from realtime_ser.gui.widgets.localised import local_numbers, moment_text
from realtime_ser.gui.widgets.parts import (
    VerticalScrollArea,
    button,
    column,
    label,
    line_edit,
    row,
    separator,
)
from realtime_ser.session.store import Note

WIDTH = 36
"""Of the panel, in units of the grid."""


class SessionDetails(VerticalScrollArea):
    """One session in words and bars, or the sum of several."""

    note_written = pyqtSignal(str)

    #: All of a participant, by their code, is to be deleted.
    delete_wanted = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__()
        self.title = label("", "bold", wrap=True)
        self.subtitle = label("", "small muted", wrap=True)
        self.bars = Bars(LABELS, 2.25)
        self.facts = QFormLayout()
        self.notes = QFormLayout()
        pad(self.facts, 0, (1.5, 0.25))
        pad(self.notes, 0, (0, 0.75))
        set_size(self, width=WIDTH)
        self.heading = label("Notes", "bold")
        tip = "Enter keeps the note with the session; N comes here"
        self.note = line_edit("Add a note", tip, "Add a note")
        self.add = button("Add", "Keep the note with the session", clicked=self._write)
        self.delete_participant = button(
            "",
            "All sessions of this participant, after a list and a question",
            clicked=lambda: self.delete_wanted.emit(self._participant),
        )
        self._participant = ""
        self._separator = separator()
        inside = QWidget()
        inside.setObjectName("side")
        inside.setLayout(
            column(
                self.title,
                self.subtitle,
                self.bars,
                self.facts,
                self._separator,
                self.heading,
                self.notes,
                row(self.note, self.add),
                None,
                row(None, self.delete_participant),
                margins=2,
                spacing=1,
            )
        )
        self.setWidget(inside)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Details")
        self.note.returnPressed.connect(self._write)
        self.show_rows([], [])

    def show_rows(self, rows: Sequence[SessionRow], notes: Sequence[Note]) -> None:
        """Show a session with its notes, or what several have in common."""
        one = rows[0] if len(rows) == 1 else None
        for part in (self._separator, self.heading, self.note, self.add):
            part.setVisible(one is not None)
        for form in (self.facts, self.notes):
            while form.rowCount():
                form.removeRow(0)
        self._show_participant_deletion(rows)
        if one is None:
            self._show_several(rows)
            return
        self.title.setText(one.name)
        self.subtitle.setText("  ·  ".join([one.info.id, *one.marks]))
        self.bars.setVisible(bool(one.shares))
        self.bars.show_shares(one.shares)
        for name, words in _fact_rows(one):
            self._fact(name, words)
        self.heading.setText("Notes" if notes else "No notes yet")
        for note in notes:
            self.notes.addRow(label(moment_text(note.written), "small muted"))
            self.notes.addRow(_selectable(note.text))

    def _show_participant_deletion(self, rows: Sequence[SessionRow]) -> None:
        """Where all that is chosen is of one participant, all of that person can be deleted."""
        people = {row.info.metadata.study.participant for row in rows}
        self._participant = next(iter(people)) if len(people) == 1 else ""
        self.delete_participant.setVisible(bool(self._participant))
        shown = self.delete_participant.fontMetrics().elidedText(
            self._participant, Qt.TextElideMode.ElideMiddle, style_of(self).grid(14)
        )
        self.delete_participant.setText(f"Delete all of {shown}…")
        self.delete_participant.setAccessibleName(f"Delete all of participant {self._participant}")

    def _show_several(self, rows: Sequence[SessionRow]) -> None:
        self.bars.hide()
        if not rows:
            self.title.setText("No session chosen")
            self.subtitle.setText("Choose one in the table to see what is known of it.")
            return
        self.title.setText(f"{len(rows)} sessions chosen")
        self.subtitle.setText("")
        self._fact("Length", length_text(sum(row.info.duration_s for row in rows)))
        self._fact("Speech", length_text(sum(row.info.speech_s for row in rows)))
        self._fact("Takes", local_numbers(size_text(sum(row.info.size for row in rows))))
        people = {row.info.metadata.study.participant for row in rows} - {""}
        if people:
            self._fact("Participants", ", ".join(sorted(people)))

    def _fact(self, name: str, words: str) -> None:
        self.facts.addRow(label(name, "muted"), _selectable(words))

    def _write(self) -> None:
        text = self.note.text().strip()
        if text:
            self.note.clear()
            self.note_written.emit(text)


def _selectable(words: str) -> QLabel:
    made = label(words, wrap=True)
    made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return made


def _fact_rows(one: SessionRow) -> Iterator[tuple[str, str]]:
    info, metadata = one.info, one.info.metadata
    yield "Began", moment_text(metadata.started, seconds=True)
    yield "Source", metadata.source.name
    yield "Length", length_text(info.duration_s)
    several = len(info.channels) > 1
    if several:
        yield "Speech", length_text(info.speech_s)
    for channel in info.channels:
        name = f"of {channel_title(channel.number, metadata.names)}" if several else "Speech"
        lost = f", {channel.lost_s:.1f} s lost" if channel.lost_s else ""
        yield name, local_numbers(f"{length_text(channel.speech_s)}{lost}")
    study = metadata.study
    for name, words in (
        ("Study", study.name),
        ("Participant", study.participant),
        ("Condition", study.condition),
        ("Consent", "" if study.consent is None else moment_text(study.consent)),
    ):
        if words:
            yield name, words
    yield "Model", metadata.model_text
    if metadata.origin is not None:
        yield "Heard again", f"from the sound of {metadata.origin}"
    sound = "audio kept" if info.audio is not None else "no audio kept"
    yield "Takes", local_numbers(f"{size_text(info.size)}, {sound}")
    limit = "you delete it" if one.expires is None else moment_text(one.expires)
    yield "Kept until", limit
    if info.health.error is not None:
        yield "Stopped", info.health.error

"""What a reader has to tell of a file besides its samples."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class NoteKind(Enum):
    """Kinds of trouble that leave something to hear."""

    CUT = "cut"
    """The file ends before its end."""

    DAMAGED = "damaged"
    """Some stretch inside cannot be decoded."""

    NO_NUMBERS = "no_numbers"
    """Some samples are no numbers."""

    OVERLOAD = "overload"
    """Some samples lie far above full scale."""

    SCALE = "scale"
    """All samples are in another unit than full scale."""

    CHANNEL = "channel"
    """The voice is on another channel."""


@dataclass(frozen=True, slots=True)
class ReadNote:
    """A trouble that was met while a file was read."""

    kind: NoteKind
    text: str  # said of the file: ``is truncated: it ends after 4.1 s of 7.3 s``
    seconds: float | None = None  # length of the sound that is concerned, where it is known

    @property
    def lacks_sound(self) -> bool:
        """Whether sound that the file is to hold could not be heard."""
        return self.kind in (NoteKind.CUT, NoteKind.DAMAGED, NoteKind.NO_NUMBERS)

    def sentence(self, name: object) -> str:
        """A sentence about a file, by its name or path."""
        return f"{name} {self.text}."


def cut_note(heard_s: float, expected_s: float | None = None) -> ReadNote:
    """A file that ends after ``heard_s`` seconds, of ``expected_s`` where that is known."""
    of = ", within its sound" if expected_s is None else f" of {expected_s:.1f} s"
    return ReadNote(
        NoteKind.CUT,
        f"is truncated: it ends after {heard_s:.1f} s{of}; copy it again from where it came",
        None if expected_s is None else expected_s - heard_s,
    )


def damage_note(lost_s: float | None) -> ReadNote:
    """A file of which something inside cannot be decoded, some seconds if that is known."""
    what = "a part of it" if lost_s is None else f"{lost_s:.2f} s of it"
    return ReadNote(
        NoteKind.DAMAGED,
        f"is damaged: {what} cannot be decoded; copy it again from where it came",
        lost_s,
    )


def note_fields(note: ReadNote) -> dict[str, str | float | None]:
    """A note as it stands in a sidecar."""
    seconds = None if note.seconds is None else round(note.seconds, 6)
    return {"kind": note.kind.value, "text": note.text, "seconds": seconds}

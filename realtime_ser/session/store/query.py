"""Which sessions are wanted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Query:
    """Selection of sessions: those that fit every given condition.

    Attributes
    ----------
    text
        Text to be found, in upper or lower case, in the title, a note, a marker, an interval
        labelled by hand, the source's name, the ID, the study, the participant, the condition, or
        the day and time of the start, such as ``2026-03-01 14:02``.
    study, participant
        Exact names.
    label
        Label of at least one segment.
    since, before
        Bounds of the start: at that moment or later, and before that moment.
    """

    text: str | None = None
    study: str | None = None
    participant: str | None = None
    label: str | None = None
    since: datetime | None = None
    before: datetime | None = None

    def where(self) -> tuple[str, list[Any]]:
        """Conditions in SQL, and their values."""
        found: list[tuple[str, Any]] = []
        if self.text:
            found.append((_TEXT, f"%{_escape_like(self.text)}%"))
        if self.study is not None:
            found.append(("study = ?", self.study))
        if self.participant is not None:
            found.append(("participant = ?", self.participant))
        if self.label:
            label = "EXISTS (SELECT 1 FROM segments WHERE session = key AND label = ?)"
            found.append((label, self.label))
        if self.since:
            found.append(("julianday(started) >= julianday(?)", self.since.isoformat()))
        if self.before:
            found.append(("julianday(started) < julianday(?)", self.before.isoformat()))
        conditions = " AND ".join(condition for condition, _ in found) or "TRUE"
        return conditions, [value for _, value in found]


_TEXT = r"""EXISTS (
    SELECT ? AS wanted WHERE title LIKE wanted ESCAPE '\' OR id LIKE wanted ESCAPE '\'
    OR study LIKE wanted ESCAPE '\' OR participant LIKE wanted ESCAPE '\'
    OR condition LIKE wanted ESCAPE '\'
    OR replace(substr(started, 1, 16), 'T', ' ') LIKE wanted ESCAPE '\'
    OR json_extract(source, '$.name') LIKE wanted ESCAPE '\'
    OR EXISTS (SELECT 1 FROM notes n WHERE n.session = sessions.key
               AND n.text LIKE wanted ESCAPE '\')
    OR EXISTS (SELECT 1 FROM markers m WHERE m.session = sessions.key
               AND (m.text LIKE wanted ESCAPE '\' OR m.code LIKE wanted ESCAPE '\'))
    OR EXISTS (SELECT 1 FROM intervals i WHERE i.session = sessions.key
               AND (i.label LIKE wanted ESCAPE '\' OR i.text LIKE wanted ESCAPE '\'
                    OR i.tier LIKE wanted ESCAPE '\'))
)"""


def _escape_like(text: str) -> str:
    """Text in which LIKE finds no wildcards."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")

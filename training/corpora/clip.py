"""Recordings of a corpus with their labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from realtime_ser.base.labels import LABELS


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording with its corpus's metadata.

    Attributes
    ----------
    corpus
        Name of the corpus.
    path
        The audio file.
    name
        Official name without extension.
    speaker
        The corpus's own name of the speaker, such as ``07``, ``1037`` or ``OAF``.
    label
        The intended emotion, one of :data:`realtime_ser.base.labels.LABELS`.
    language
        ISO 639-1 code.
    classes
        The classes that its corpus has, in the order of ``LABELS``.
    sex
        ``female`` or ``male``; ``None`` if unknown.
    sentence
        What was said, by the corpus's own code; ``None`` if unknown.
    sentence_heard
        Of a test clip: whether training holds its sentence; ``None`` where no sentence is withheld.
    intensity
        Intended intensity in the corpus's words; ``None`` without one.
    votes
        Shares of the votes of listeners to the voice alone over ``LABELS``, which sum to 1;
        ``None`` without listeners.
    """

    corpus: str
    path: Path
    name: str
    speaker: str
    label: str
    language: str
    classes: tuple[str, ...]
    sex: str | None = None
    intensity: str | None = None
    votes: tuple[float, ...] | None = None
    sentence: str | None = None
    sentence_heard: bool | None = None

    @property
    def majority_vote(self) -> str | None:
        """Emotion that most listeners chose; ``None`` at a tie or without votes."""
        if self.votes is None:
            return None
        best = np.flatnonzero(np.array(self.votes) == max(self.votes))
        return LABELS[best[0]] if len(best) == 1 else None

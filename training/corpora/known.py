"""The known corpora: sources, terms, and patterns of their file names."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from realtime_ser.base.labels import LABELS
from training.corpora.clip import Clip
from training.corpora.crema_d import add_votes_and_sex


@dataclass(frozen=True, slots=True)
class Corpus:
    """A corpus in its official layout.

    Attributes
    ----------
    name, title
        Key in recipes, and name in tables.
    language
        ISO 639-1 code.
    licence, commercial
        Terms, and whether these allow commercial use.
    source
        Official address.
    instructions
        What to fetch there, as a sentence.
    example
        A clip below the folder of the corpora, in the official layout; the folders between do not
        matter.
    files
        Pattern of a speaker's files in one folder, for a shell.
    official_clips, official_speakers
        Number of clips of :attr:`labels` in the complete corpus, and of its speakers.
    download
        Size of the download, with its source.
    pattern
        Matches the end of a clip's path without extension; groups ``speaker``, ``emotion``, and
        where there are such ``intensity`` and ``sentence``.
    copies
        Matches the path of processed copies, which are left out; ``None``: there are none.
    measured_only
        Whether models are only measured on it: without a licence for its recordings, no recipe that
        ships learns from it.
    emotions
        Label of each emotion code; codes without a class are left out.
    sexes
        Sex of each speaker.
    intensities
        Word for each intensity's code.
    aliases
        Other spellings of a speaker.
    add_metadata
        Function that adds metadata from other files of the corpus, in the given folders.
    """

    name: str
    title: str
    language: str
    licence: str
    commercial: bool
    source: str
    instructions: str
    example: str
    files: str
    official_clips: int
    official_speakers: int
    download: str
    pattern: re.Pattern[str]
    emotions: Mapping[str, str]
    sexes: Mapping[str, str] = field(default_factory=dict)
    intensities: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    copies: re.Pattern[str] | None = None
    measured_only: bool = False
    add_metadata: Callable[[Sequence[Clip], Sequence[Path]], list[Clip]] | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Classes of the corpus, in the order of ``LABELS``."""
        return tuple(label for label in LABELS if label in self.emotions.values())


_ADD_METADATA = {"crema_d": add_votes_and_sex}


def _corpus(name: str, entry: dict[str, Any]) -> Corpus:
    """Corpus of an entry of ``known.toml``."""
    female, male = (entry.pop(sex, "").split() for sex in ("female", "male"))
    pattern = re.compile(rf"(?:^|/)(?P<name>{entry.pop('pattern')})$")
    copies = entry.pop("copies", None)
    return Corpus(
        name=name,
        pattern=pattern,
        copies=copies and re.compile(copies),
        sexes=dict.fromkeys(female, "female") | dict.fromkeys(male, "male"),
        add_metadata=_ADD_METADATA.get(name),
        **entry,
    )


_TABLE = Path(__file__).with_suffix(".toml")

LANGUAGES: Mapping[str, str] = {
    "en": "English",
    "de": "German",
    "pl": "Polish",
    "ko": "Korean",
    "tr": "Turkish",
    "am": "Amharic",
    "ur": "Urdu",
}
"""Names of languages by their ISO 639-1 codes."""

LANGUAGE_GROUPS: Mapping[str, str] = {
    "en": "Germanic",
    "de": "Germanic",
    "pl": "Slavic",
    "ko": "Koreanic",
    "tr": "Turkic",
    "am": "Semitic",
    "ur": "Indo-Aryan",
}
"""Groups of related languages."""

CORPORA: Mapping[str, Corpus] = {
    name: _corpus(name, entry)
    for name, entry in tomllib.loads(_TABLE.read_text(encoding="utf-8")).items()
}
"""The known corpora by name."""


def title(name: str) -> str:
    """Name of a corpus in tables and figures; of one that is not known, that of its folder."""
    return CORPORA[name].title if name in CORPORA else name

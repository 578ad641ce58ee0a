"""Audio files below a folder, and those that are not used."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

from realtime_ser.base.files import walk_links

#: Of two copies of a clip, the one whose extension comes first is taken.
AUDIO_SUFFIXES = (
    *(".wav", ".flac", ".aiff", ".aif"),
    *(".ogg", ".opus", ".mp3", ".m4a", ".aac", ".wma", ".amr", ".webm", ".mp4"),
)


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file that is not used.

    Attributes
    ----------
    path
        The file.
    reason
        Why, in words that fit all files with the same fault.
    other
        The file that is used in its place, or that contradicts it.
    """

    path: Path
    reason: str
    other: Path | None = None


def audio_files(folder: Path) -> Iterator[Path]:
    """All audio files below a folder, in order, but for what systems and archives leave there."""
    return iter(sorted(audio_paths(folder)))


def audio_paths(folder: Path, others: Container[Path] = ()) -> Iterator[Path]:
    """The same in any order, without those below ``others``."""
    for place, below, names in walk_links(folder):
        below[:] = [n for n in below if not is_hidden(n) and place / n not in others]
        for name in names:
            if not is_hidden(name) and Path(name).suffix.lower() in AUDIO_SUFFIXES:
                yield place / name


def is_hidden(name: str) -> bool:
    """Whether a file or folder is none of a person's: ``.DS_Store``, ``._x.wav``, ``__MACOSX``."""
    return name.startswith(".") or name == "__MACOSX"


def format_rank(path: Path) -> tuple[int, str]:
    """Sort key of copies: lossless ones first."""
    return AUDIO_SUFFIXES.index(path.suffix.lower()), path.as_posix()

"""Audio files below a folder, and those that are not used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: Of two copies of a clip, the one whose extension comes first is taken.
AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3")


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
    """All audio files below a folder, in order, but for hidden ones."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith("."):
            yield path


def format_rank(path: Path) -> tuple[int, str]:
    """Sort key of copies: lossless ones first."""
    return AUDIO_SUFFIXES.index(path.suffix.lower()), path.as_posix()

"""Which files are analysed, and where their results go."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from realtime_ser.audio.opening import AUDIO_FILES
from realtime_ser.base.errors import reason_text
from realtime_ser.base.files import walk_links
from realtime_ser.base.text import printable


@dataclass(frozen=True, slots=True)
class OutputPaths:
    """Paths of a file's results beside each other: three tables, sidecar, picture of the timeline.

    ``name`` is what they have in common.
    """

    name: Path

    @property
    def steps(self) -> Path:
        """Table of the steps."""
        return self._with(".frames.csv")

    @property
    def segments(self) -> Path:
        """Table of the segments."""
        return self._with(".segments.csv")

    @property
    def voice(self) -> Path:
        """Table of what the voice did."""
        return self._with(".voice.csv")

    @property
    def sidecar(self) -> Path:
        """Sidecar."""
        return self._with(".json")

    @property
    def plot(self) -> Path:
        """Picture of the timeline."""
        return self._with(".png")

    @property
    def paths(self) -> tuple[Path, ...]:
        """All of them."""
        return self.steps, self.segments, self.voice, self.sidecar, self.plot

    def sizes(self) -> list[int]:
        """Sizes of all of them in bytes; -1 where there is none."""
        return [size_and_time(path)[0] for path in self.paths]

    def _with(self, ending: str) -> Path:
        return self.name.with_name(f"{self.name.name}{ending}")


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file to analyse, where its results go, and why it cannot be analysed, if known already.

    ``name`` is what it is called in results and messages, where that is not its path;
    ``intervals`` is a file with intervals of it that a person brings.
    """

    path: Path
    outputs: OutputPaths | None = None
    error: str | None = None
    name: str | None = None
    intervals: Path | None = None

    @property
    def title(self) -> str:
        """Its name, or else its path."""
        return printable(self.name or str(self.path))

    def told(self, words: str) -> str:
        """What is said of it by its path, by its name."""
        return printable(words if self.name is None else words.replace(str(self.path), self.name))

    @property
    def size(self) -> int:
        """Size in bytes, by which the work is measured."""
        try:
            return max(1, self.path.stat().st_size)
        except OSError:
            return 1


def size_and_time(path: Path) -> tuple[int, int]:
    """Size in bytes and time of change in ns; -1: there is no file."""
    try:
        found = path.stat()
    except OSError:
        return -1, -1
    return found.st_size, found.st_mtime_ns


def find_inputs(
    paths: Sequence[Path], out: Path | None, names: Mapping[Path, str] = MappingProxyType({})
) -> list[InputFile]:
    """Files to analyse, in order.

    Folders are searched with all that lies in them, through links too. Below ``out`` is the same
    tree of folders as below the deepest folder that holds all of ``paths``. A file that is named
    twice counts once.

    ``names`` has what those of ``paths`` are called whose path says nothing; their results lie in
    ``out`` itself.
    """
    found: dict[str, InputFile] = {}
    for path in paths:
        files = [InputFile(path, name=names.get(path))]
        for item in _search(path) if path.is_dir() else files:
            found.setdefault(_absolute(item.path), item)
    if out is None:
        return list(found.values())
    placed = [path for path in paths if path not in names]
    top = _common_folder([path if path.is_dir() else path.parent for path in placed])
    results = _result_names(
        [Path(item.name) if item.name else _below(Path(path), top) for path, item in found.items()]
    )
    return [
        replace(item, outputs=OutputPaths(out / name))
        for item, name in zip(found.values(), results, strict=True)
    ]


def _search(folder: Path) -> list[InputFile]:
    refused: list[InputFile] = []

    def refuse(error: OSError) -> None:
        reason = reason_text(error)
        words = f"{error.filename} cannot be opened ({reason}); change its permissions."
        refused.append(InputFile(Path(error.filename), error=words))

    files = []
    for place, _, names in walk_links(folder, refuse):
        for name in names:
            path = place / name
            if _is_audio(name):
                files.append(InputFile(path))
            elif not path.suffix and path.is_symlink() and not path.exists():
                words = f"{path} is a link that leads nowhere; mend it, or delete it."
                refused.append(InputFile(path, error=words))
    if not files and not refused:
        error = f"{folder} holds no audio file, such as .wav, .mp3 or .m4a; check the path."
        return [InputFile(folder, error=error)]
    return sorted(files + refused, key=lambda item: item.path)


def _is_audio(name: str) -> bool:
    return Path(name).suffix.lower() in AUDIO_FILES and not name.startswith(".")


def _absolute(path: Path) -> str:
    """Path from the root, with links unresolved: results lie where the link does."""
    return os.path.normpath(path.absolute())


def _common_folder(folders: Sequence[Path]) -> str | None:
    """Deepest folder that holds all; ``None``: there is none."""
    try:
        return os.path.commonpath([_absolute(folder) for folder in folders])
    except ValueError:  # none at all, or on different drives
        return None


def _below(path: Path, top: str | None) -> Path:
    """Path seen from the deepest folder; of that folder itself, in which no file is, its name."""
    below = path.relative_to(top or path.anchor)
    return below if below.name else Path(path.name or "folder")


def _result_names(files: Sequence[Path]) -> list[Path]:
    """Name of each file's results: the stem, or the whole name where stems are equal."""
    keys = [str(path.with_suffix("")).casefold() for path in files]
    counts = Counter(keys)
    taken: set[str] = set()
    names = []
    for path, key in zip(files, keys, strict=True):
        wanted = path if counts[key] > 1 else path.with_suffix("")
        name, number = wanted, 2
        while str(name).casefold() in taken:
            name = wanted.with_name(f"{wanted.name}_{number}")
            number += 1
        taken.add(str(name).casefold())
        names.append(name)
    return names

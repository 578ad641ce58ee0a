"""Which files are analysed, and where their results go."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from realtime_ser.audio.opening import AUDIO_FILES
from realtime_ser.base.errors import reason_text


@dataclass(frozen=True, slots=True)
class OutputPaths:
    """Paths of a file's results: frames CSV, segments CSV, sidecar, picture of the timeline."""

    steps: Path
    segments: Path
    sidecar: Path
    plot: Path

    @classmethod
    def of(cls, name: Path) -> Self:
        """Paths beside each other under the same name."""
        endings = (".frames.csv", ".segments.csv", ".json", ".png")
        return cls(*(name.with_name(f"{name.name}{ending}") for ending in endings))


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file to analyse, where its results go, and why it cannot be analysed, if known already."""

    path: Path
    outputs: OutputPaths | None = None
    error: str | None = None

    @property
    def size(self) -> int:
        """Size in bytes, by which the work is measured."""
        try:
            return max(1, self.path.stat().st_size)
        except OSError:
            return 1


def find_inputs(paths: Sequence[Path], out: Path | None) -> list[InputFile]:
    """Files to analyse, in order.

    Folders are searched with all that lies in them. Below ``out`` is the same tree of folders as
    below the deepest folder that holds all of ``paths``. A file that is named twice counts once.
    """
    found: dict[str, InputFile] = {}
    for path in paths:
        for item in _search(path) if path.is_dir() else [InputFile(path)]:
            found.setdefault(_absolute(item.path), item)
    if out is None:
        return list(found.values())
    top = _common_folder([path if path.is_dir() else path.parent for path in paths])
    names = _result_names([path.relative_to(top or path.anchor) for path in map(Path, found)])
    return [
        InputFile(item.path, OutputPaths.of(out / name), item.error)
        for item, name in zip(found.values(), names, strict=True)
    ]


def _search(folder: Path) -> list[InputFile]:
    refused: list[InputFile] = []

    def refuse(error: OSError) -> None:
        reason = reason_text(error)
        words = f"{error.filename} cannot be opened ({reason}); change its permissions."
        refused.append(InputFile(Path(error.filename), error=words))

    files = [
        InputFile(Path(place) / name)
        for place, _, names in os.walk(folder, onerror=refuse)
        for name in names
        if Path(name).suffix.lower() in AUDIO_FILES and not name.startswith(".")
    ]
    if not files and not refused:
        error = f"{folder} holds no audio file, such as .wav, .mp3 or .m4a; check the path."
        return [InputFile(folder, error=error)]
    return sorted(files + refused, key=lambda item: item.path)


def _absolute(path: Path) -> str:
    """Path from the root, with links unresolved: results lie where the link does."""
    return os.path.normpath(path.absolute())


def _common_folder(folders: Sequence[Path]) -> str | None:
    try:
        return os.path.commonpath([_absolute(folder) for folder in folders])
    except ValueError:  # on different drives
        return None


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

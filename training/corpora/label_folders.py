"""Corpora of the user: a folder for each label.

``my_corpus/angry/anna/01.wav``, ``my_corpus/anna/angry/01.wav`` or ``my_corpus/angry/anna_01.wav``:
the folder at the first or second level that is named after an emotion gives the label. The speaker
is the folder below it, or the one above it, or what comes before the first underscore of the file's
name. Files without any of these all count as of one unknown speaker, so
that no voice is both in training and test.

``my_corpus/metadata.csv`` may hold more, and takes precedence over the folders. The table has a
column ``file``, the path below the folder of the corpus, with or without extension, and any of
``speaker``, ``sex`` (``female`` or ``male``), ``intensity`` and ``language`` (ISO 639-1).
"""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from realtime_ser.base.errors import SerError
from realtime_ser.base.labels import LABELS
from training.corpora.clip import Clip
from training.corpora.files import AUDIO_SUFFIXES, SkippedFile, audio_files, format_rank

METADATA = "metadata.csv"
COLUMNS = ("speaker", "sex", "intensity", "language")
"""Optional columns of ``metadata.csv``."""

UNKNOWN_SPEAKER = "unknown"
UNKNOWN_LANGUAGE = "und"

_SYNONYMS: Mapping[str, str] = {label: label for label in LABELS} | {
    "neutrality": "neutral",
    "calmness": "calm",
    "happiness": "happy",
    "joy": "happy",
    "joyful": "happy",
    "sadness": "sad",
    "anger": "angry",
    "fear": "fearful",
    "afraid": "fearful",
    "scared": "fearful",
    "disgusted": "disgust",
    "surprise": "surprised",
    "ps": "surprised",
    "neu": "neutral",
    "hap": "happy",
    "ang": "angry",
    "fea": "fearful",
    "dis": "disgust",
    "sur": "surprised",
    "pleasantsurprise": "surprised",
    "pleasantsurprised": "surprised",
}
_SHORTEST_WORD = 4
_LIKENESS = 0.84
"""How alike two words are of which one is misspelt: ``suprised``, ``fearfull``, ``netural``."""

_SEXES = {"f": "female", "m": "male"}


def folder_label(folder: str) -> str | None:
    """The label that a folder is named after, be it misspelt; ``None``: no label."""
    word = re.sub(r"[^a-z]", "", folder.lower())
    if word in _SYNONYMS or len(word) < _SHORTEST_WORD:
        return _SYNONYMS.get(word)
    known = [name for name in _SYNONYMS if name[0] == word[0] and len(name) >= _SHORTEST_WORD]
    near = difflib.get_close_matches(word, known, n=1, cutoff=_LIKENESS)
    return _SYNONYMS[near[0]] if near else None


def label_level(path: Path, folder: Path) -> int | None:
    """Level of the folder that gives a file's label, 0 or 1; ``None`` without such a folder."""
    above = path.relative_to(folder).parts[:-1]
    return next((level for level, part in enumerate(above[:2]) if folder_label(part)), None)


def read_label_folders(folder: Path, name: str) -> tuple[list[Clip], list[SkippedFile]]:
    """Clips of a corpus with a folder for each label, and the files that are not used.

    The clips have no classes yet: see :func:`with_classes`.

    Raises
    ------
    SerError
        ``metadata.csv`` cannot be read.
    """
    clips, skipped = [], []
    for path in audio_files(folder):
        clip = _clip(path, folder, name)
        if clip is None:
            skipped.append(
                SkippedFile(path, "its folder is named after none of the eight emotions")
            )
        else:
            clips.append(clip)
    clips.sort(key=lambda clip: (clip.name, format_rank(clip.path)))
    metadata = _metadata(folder / METADATA)
    known = {clip.name for clip in clips}
    skipped += [
        SkippedFile(folder / file, f"{METADATA} names it, but there is no such clip")
        for file in metadata
        if file not in known
    ]
    return [replace(clip, **metadata.get(clip.name, {})) for clip in clips], skipped


def with_classes(clips: Sequence[Clip]) -> list[Clip]:
    """Clips of a user's corpus with the labels found among them as ``classes``."""
    found = {clip.label for clip in clips}
    classes = tuple(label for label in LABELS if label in found)
    return [replace(clip, classes=classes) for clip in clips]


def _clip(path: Path, folder: Path, corpus: str) -> Clip | None:
    relative_path = path.relative_to(folder).with_suffix("")
    level = label_level(path, folder)
    label = None if level is None else folder_label(relative_path.parts[level])
    if level is None or label is None:
        return None
    return Clip(
        corpus=corpus,
        path=path,
        name=relative_path.as_posix(),
        speaker=_speaker(relative_path.parts[:-1], level, relative_path.name),
        label=label,
        language=UNKNOWN_LANGUAGE,
        classes=(),
    )


def _speaker(above: Sequence[str], level: int, name: str) -> str:
    if len(above) > level + 1:
        return above[level + 1]
    if level:
        return above[0]
    speaker, underscore, _ = name.partition("_")
    return speaker if underscore and speaker else UNKNOWN_SPEAKER


def _metadata(path: Path) -> dict[str, dict[str, Any]]:
    """Cells of the metadata table by file, empty ones left out."""
    metadata: dict[str, dict[str, Any]] = {}
    if not path.is_file():
        return metadata
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                name = row["file"].replace("\\", "/")
                metadata[_without_suffix(name)] = _filled_cells(row)
    except (OSError, LookupError, AttributeError, ValueError, csv.Error) as error:
        raise SerError(
            f"{path} cannot be read; it is to be a CSV file in UTF-8 with the column 'file' and "
            f"any of {', '.join(COLUMNS)}."
        ) from error
    return metadata


def _filled_cells(row: Mapping[str, str | None]) -> dict[str, str]:
    cells = {column: (row.get(column) or "").strip() for column in COLUMNS}
    sex = cells["sex"].lower()
    cells["sex"] = _SEXES.get(sex, sex)
    return {column: value for column, value in cells.items() if value}


def _without_suffix(file: str) -> str:
    relative_path = PurePosixPath(file)
    return str(
        relative_path.with_suffix("")
        if relative_path.suffix.lower() in AUDIO_SUFFIXES
        else relative_path
    )

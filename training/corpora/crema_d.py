"""Listeners' votes and actors' sex, which CREMA-D keeps in tables beside the audio."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from realtime_ser.base.errors import SerError
from realtime_ser.base.files import walk_links
from realtime_ser.base.labels import LABELS
from training.corpora.clip import Clip

_VOTES = "tabulatedVotes.csv"
_ACTORS = "VideoDemographics.csv"
_NO_TABLE = (OSError, LookupError, ValueError, TypeError, AttributeError, csv.Error)
"""What reading raises where a file is not the table that its name says."""

_EMOTIONS = {
    "A": "angry",
    "D": "disgust",
    "F": "fearful",
    "H": "happy",
    "N": "neutral",
    "S": "sad",
}


def add_votes_and_sex(clips: Sequence[Clip], folders: Sequence[Path]) -> list[Clip]:
    """Add listeners' votes and actors' sex from the tables in some folders, where there are any.

    Raises
    ------
    SerError
        A table is not one of CREMA-D's.
    """
    votes = _voice_votes(_find_table(_VOTES, folders))
    sexes = _sexes(_find_table(_ACTORS, folders))
    return [
        replace(clip, votes=votes.get(_table_name(clip.name)), sex=sexes.get(clip.speaker))
        for clip in clips
    ]


def _table_name(name: str) -> str:
    """Name in the tables: one file, ``1040_ITH_SAD_X``, is misspelt."""
    return f"{name}X" if name.endswith("_X") else name


def _find_table(table: str, folders: Sequence[Path]) -> Path | None:
    places = (
        place for folder in folders for place, _, names in walk_links(folder) if table in names
    )
    return next((place / table for place in places), None)


def _rows(path: Path | None) -> Iterator[dict[str, str]]:
    if path is None:
        return
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)


def _voice_votes(path: Path | None) -> dict[str, tuple[float, ...]]:
    """Shares of the votes of raters without video; their row ids begin with a 1."""
    shares: dict[str, tuple[float, ...]] = {}
    try:
        for row in _rows(path):
            number = row[""]
            if len(number) != 6 or not number.startswith("1"):
                continue
            counts = np.zeros(len(LABELS))
            for code, label in _EMOTIONS.items():
                counts[LABELS.index(label)] = float(row[code])
            if counts.sum() > 0:
                shares[row["fileName"]] = tuple((counts / counts.sum()).tolist())
    except _NO_TABLE as error:
        raise SerError(
            f"{path} is not CREMA-D's table of votes; fetch processedResults/{_VOTES} again."
        ) from error
    return shares


def _sexes(path: Path | None) -> dict[str, str]:
    try:
        return {row["ActorID"]: row["Sex"].lower() for row in _rows(path)}
    except _NO_TABLE as error:
        raise SerError(
            f"{path} is not CREMA-D's table of actors; fetch {_ACTORS} again."
        ) from error

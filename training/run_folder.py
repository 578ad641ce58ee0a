"""The folder of a run: names and contents of its files."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from realtime_ser import __version__
from realtime_ser.base.errors import UsageError
from realtime_ser.base.files import write_whole
from training.corpora import Clip
from training.folds import SplitPart
from training.settings import RecipeSection

RECORD = "run.json"
HISTORY = "history.json"
RESULTS = "results.json"
PREDICTIONS = "predictions.csv"
REPORT = "report.html"
OFFLINE_MODEL = "model.keras"
CACHE = "cache"
"""Name of the folder beside the runs with the cache of all of them."""

_PACKAGES = ("numpy", "keras", "tensorflow", "jax", "torch", "librosa", "scikit-learn")


class RunRecord(RecipeSection):
    """Record of a run: recipe, command, versions and data.

    Attributes
    ----------
    recipe
        The whole recipe in effect.
    recipe_name, changes, recipe_sha256
        Name of the recipe's file without extension, settings that replace those of the file, and
        the hash of the recipe in effect.
    kind
        Kind of the model.
    fold, seed
        Number of the split's fold, from 1, and seed of all random draws.
    command
        The command line that makes the run anew.
    created
        Time of the start in UTC, ISO 8601.
    versions
        Versions of Python, the platform and the packages that matter.
    data
        Clips, speakers and labels by part and corpus.
    parent
        Run from whose weights this one started.
    """

    schema_version: Literal[1] = 1
    recipe: dict[str, Any]
    recipe_name: str
    changes: tuple[str, ...]
    recipe_sha256: str
    kind: Literal["streaming", "offline"]
    fold: int
    seed: int
    command: str
    created: str
    versions: dict[str, str]
    data: dict[str, dict[str, dict[str, Any]]]
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A run's folder.

    Attributes
    ----------
    folder
        Holds ``run.json``, ``history.json``, checkpoints (``*.npz``), ``tensorboard/``, either
        ``bundle/`` or ``model.keras``, ``predictions.csv``, ``results.json``, ``report.html`` and
        the report's figures.
    """

    folder: Path

    @property
    def bundle(self) -> Path:
        """Folder of the streaming bundle."""
        return self.folder / "bundle"

    @property
    def record(self) -> RunRecord:
        """Record of the run, from ``run.json``.

        Raises
        ------
        UsageError
            The folder is not that of a run.
        """
        path = self.folder / RECORD
        try:
            return RunRecord.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise UsageError(
                f"{self.folder} is not the folder of a run; 'realtime-ser-train run' makes one."
            ) from error

    def results(self) -> dict[str, Any]:
        """Every number that was measured.

        Raises
        ------
        UsageError
            The run has not come to its end.
        """
        try:
            read: dict[str, Any] = json.loads((self.folder / RESULTS).read_bytes())
        except OSError as error:
            raise UsageError(
                f"{self.folder} holds no results; run the same recipe again, and it goes on."
            ) from error
        return read

    def history(self) -> dict[str, list[dict[str, float]]]:
        """Values of each epoch, by stage."""
        path = self.folder / HISTORY
        return json.loads(path.read_bytes()) if path.exists() else {}

    def write(self, name: str, text: str) -> None:
        """Write one of its files in one step.

        Raises
        ------
        OutputError
            The folder cannot be written.
        """
        path = self.folder / name
        advice = "make room or name another folder with --runs: what is trained already is kept"
        write_whole(path, text, advice)

    def write_json(self, name: str, data: object) -> None:
        """Write one of its JSON files in one step."""
        self.write(name, json.dumps(data, indent=2) + "\n")


def versions() -> dict[str, str]:
    """Versions of what makes a run."""
    return {
        "realtime-ser": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "backend": os.environ.get("KERAS_BACKEND", "tensorflow"),
        **{name: version(name) for name in _PACKAGES if find_spec(_module(name))},
    }


def _module(package: str) -> str:
    return "sklearn" if package == "scikit-learn" else package


def utc_timestamp() -> str:
    """Present time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def command_line() -> str:
    """The present command as typed in a shell."""
    return " ".join(["realtime-ser-train", *sys.argv[1:]])


def data_table(parts: Mapping[SplitPart, Sequence[Clip]]) -> dict[str, dict[str, dict[str, Any]]]:
    """Clips, speakers and labels by part and corpus."""
    return {
        part: {
            corpus: _counts([clip for clip in clips if clip.corpus == corpus])
            for corpus in sorted({clip.corpus for clip in clips})
        }
        for part, clips in parts.items()
    }


def _counts(clips: Sequence[Clip]) -> dict[str, Any]:
    return {
        "clips": len(clips),
        "speakers": sorted({clip.speaker for clip in clips}),
        "labels": dict(Counter(clip.label for clip in clips)),
    }

"""Inputs of a run: recipe, clips of a fold, folders, amount of work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from training.corpora import Clip
from training.folds import SplitPart
from training.run_folder import Run
from training.settings import BaseRecipe

R = TypeVar("R", bound=BaseRecipe)


@dataclass(frozen=True, slots=True)
class Job(Generic[R]):
    """Inputs of a run.

    Attributes
    ----------
    recipe
        The recipe in effect.
    parts
        Clips for training, validation and test.
    run
        Folder of the run.
    cache
        Folder of the cache of all runs: gated clips, spectra, features.
    pretrained
        Weights of the pretrained encoder; ``None`` for a recipe without.
    parent
        Run whose weights are the start; ``None``: none.
    seed
        Seed of all random draws.
    jobs
        Number of processes.
    fold_runs
        Runs of the recipe's folds, for a model of all speakers.
    """

    recipe: R
    parts: Mapping[SplitPart, Sequence[Clip]]
    run: Run
    cache: Path
    pretrained: Path | None
    parent: Run | None
    seed: int
    jobs: int
    fold_runs: Sequence[Run] = ()


@dataclass(frozen=True, slots=True)
class Workload:
    """Amount of work: processes, and extent of the evaluation.

    Attributes
    ----------
    jobs
        Number of processes.
    thorough
        Whether to evaluate a streaming model at other levels, in noise, in long streams and at
        switches as well.
    """

    jobs: int
    thorough: bool = True

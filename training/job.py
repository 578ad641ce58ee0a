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
        Clips that train, choose and are tested.
    run
        Where the run is kept.
    cache
        Folder of what is computed once for all runs: gated clips, spectra, features.
    pretrained
        Weights of the pretrained encoder; ``None`` where the recipe does without.
    parent
        Run whose weights are the start; ``None``: none.
    seed
        Of everything that is drawn.
    jobs
        Processes that prepare and listen to clips.
    tried
        Runs of the recipe's folds, where everybody trains.
    """

    recipe: R
    parts: Mapping[SplitPart, Sequence[Clip]]
    run: Run
    cache: Path
    pretrained: Path | None
    parent: Run | None
    seed: int
    jobs: int
    tried: Sequence[Run] = ()


@dataclass(frozen=True, slots=True)
class Workload:
    """Amount of work: processes, and extent of the evaluation.

    Attributes
    ----------
    jobs
        Processes that prepare and listen to clips.
    thorough
        Whether a streaming model also listens at other levels, in noise, to long streams and to
        switches.
    """

    jobs: int
    thorough: bool = True

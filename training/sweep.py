"""Search for better settings of a recipe, by validation speakers alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from realtime_ser.base.errors import UsageError, reason_text
from realtime_ser.base.yaml_file import YamlError, read_yaml
from training.corpora import Clip, title
from training.measure.scoring import averaged_corpora, uar_by_corpus
from training.recipe import RecipeFile, load_recipe, recipe_digest
from training.run import RunPaths, prepare, read_clips
from training.run_folder import Run
from training.streaming.recipe import StreamingRecipe
from training.tables import table

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

SWEEP = "trials.log"
"""File of a sweep's trials, in its folder."""

Choice: TypeAlias = bool | int | float | str


class Between(BaseModel):
    """A setting between two bounds, whole if both are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    low: int | float
    high: int | float
    log: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Between:
        if self.low >= self.high or (self.log and self.low <= 0):
            raise ValueError("'low' lies below 'high', and above 0 with 'log'")
        return self


Space: TypeAlias = Mapping[str, Between | Annotated[tuple[Choice, ...], Field(min_length=1)]]
"""What is tried of each setting, such as ``head.dropout``: an interval, or a list."""

_SPACE: TypeAdapter[Space] = TypeAdapter(Annotated[Space, Field(min_length=1)])


def read_space(path: Path) -> Space:
    """Read a file of settings to be tried.

    Raises
    ------
    UsageError
        It cannot be read, or makes no sense.
    """
    try:
        return _SPACE.validate_python(read_yaml(path))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {reason_text(error)}.") from error
    except YamlError as error:
        raise UsageError(f"{path} {error}.") from error
    except ValidationError as error:
        where = next((str(part) for part in error.errors()[0]["loc"]), "it")
        raise UsageError(
            f"In {path}, '{where}' is no setting to try: write it like 'head.dropout: {{low: 0.1, "
            "high: 0.5}' or 'architecture.lstm: [64, 128]'."
        ) from error


@dataclass(frozen=True)
class Sweep:
    """A recipe, and what is tried of its settings.

    Attributes
    ----------
    recipe
        Name or path of the recipe.
    changes
        Settings that replace those of the file in every trial.
    space
        Settings that the trials differ in.
    paths
        Folders and files to read and write; the sweep's own folder lies in that of the runs.
    fold, seed
        Fold of the split, and seed of the trials and of the search.
    jobs
        Number of processes.
    """

    recipe: str
    changes: tuple[str, ...]
    space: Space
    paths: RunPaths
    fold: int
    seed: int
    jobs: int

    def file(self, settings: Mapping[str, Any] | None = None) -> RecipeFile:
        """The recipe, with the settings of a trial."""
        tried = (f"{name}={_text(value)}" for name, value in (settings or {}).items())
        return load_recipe(self.recipe, (*self.changes, *tried))

    @property
    def folder(self) -> Path:
        """Folder of the trials."""
        name = f"{self.file().title}-sweep-fold{self.fold}-seed{self.seed}"
        return self.paths.runs / name


def run_sweep(sweep: Sweep, trials: int) -> str:
    """Make trials until there are so many, those of earlier calls included.

    The next settings are proposed by a tree-structured Parzen estimator (Bergstra et al., 2011).
    A trial is trained by the training speakers and scored by the UAR of the validation speakers,
    the mean of the corpora; the test speakers are not heard. One that was interrupted goes on.

    Returns
    -------
    str
        Table of the best trials, in Markdown, and the options that give the best one.

    Raises
    ------
    UsageError
        The recipe is of another kind, a setting is wrong, or Optuna is missing.
    """
    try:
        import optuna
    except ImportError as error:
        raise UsageError("A sweep needs Optuna: install 'realtime-ser[train,sweep]'.") from error
    if not isinstance(sweep.file().recipe, StreamingRecipe):
        raise UsageError(
            "A sweep tries settings of streaming recipes; this one is of another kind."
        )
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = _study(sweep)
    for interrupted in study.get_trials(states=[optuna.trial.TrialState.RUNNING]):
        study.tell(interrupted.number, state=optuna.trial.TrialState.FAIL)
        study.enqueue_trial(interrupted.params)
    clips: dict[tuple[str, ...], Sequence[Clip]] = {}  # by corpora, which trials seldom change
    complete = (optuna.trial.TrialState.COMPLETE,)
    while len(study.get_trials(states=complete)) < trials:
        trial = study.ask()
        settings = {name: _propose(trial, name, values) for name, values in sweep.space.items()}
        scores = _scores(sweep, settings, clips)
        for name, score in scores.items():
            trial.set_user_attr(name, score)
        study.tell(trial, fmean(scores[name] for name in averaged_corpora(scores)))
    return _report(study.get_trials(states=complete))


def _study(sweep: Sweep) -> Study:
    import optuna
    from optuna.storages.journal import JournalFileBackend

    sweep.folder.mkdir(parents=True, exist_ok=True)
    backend = JournalFileBackend(str(sweep.folder / SWEEP))
    study = optuna.create_study(
        study_name="sweep",
        storage=optuna.storages.JournalStorage(backend),
        direction="maximize",
        load_if_exists=True,
    )
    # One seed for all calls would propose again what an earlier call has tried.
    study.sampler = optuna.samplers.TPESampler(seed=sweep.seed + len(study.get_trials()))
    return study


def _propose(trial: Trial, name: str, values: Between | tuple[Choice, ...]) -> Choice | None:
    if not isinstance(values, Between):
        return trial.suggest_categorical(name, values)
    if isinstance(values.low, int) and isinstance(values.high, int):
        return trial.suggest_int(name, values.low, values.high, log=values.log)
    return trial.suggest_float(name, values.low, values.high, log=values.log)


def _scores(
    sweep: Sweep, settings: Mapping[str, Any], clips: dict[tuple[str, ...], Sequence[Clip]]
) -> dict[str, float]:
    """UAR of the validation speakers of each corpus."""
    from training.streaming.train import validate  # brings Keras

    file = sweep.file(settings)
    corpora = file.recipe.corpora
    if corpora not in clips:
        clips[corpora] = read_clips(file.recipe, sweep.paths)
    trial_run = Run(sweep.folder / recipe_digest(file.recipe)[:12])
    job = prepare(trial_run, file, clips[corpora], sweep.paths, sweep.fold, sweep.seed)
    return uar_by_corpus(validate(replace(job, jobs=sweep.jobs)))


def _report(trials: list[FrozenTrial]) -> str:
    best = sorted(trials, key=lambda trial: -(trial.value or 0.0))
    corpora = list(best[0].user_attrs)
    rows = [
        [
            str(trial.number + 1),
            ", ".join(f"{name}={_text(value)}" for name, value in trial.params.items()),
            *(f"{trial.user_attrs[name]:.3f}" for name in corpora),
            f"{trial.value:.3f}",
        ]
        for trial in best[:10]
    ]
    head = ["trial", "settings", *(f"UAR, {title(name)}" for name in corpora), "mean"]
    options = " ".join(f"--set {name}={_text(value)}" for name, value in best[0].params.items())
    return f"{table(head, rows)}\n\nThe best by validation speakers: {options}"


def _text(value: object) -> str:
    """A value as YAML reads it."""
    return f"{value:.5e}" if isinstance(value, float) else str(value)

"""Keeps what was measured: predictions, numbers and report of a run, card of a bundle."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from realtime_ser.errors import OutputError, UsageError
from realtime_ser.model import MANIFEST, Bundle, bundle_folder, load_bundle
from training.corpora import Clip
from training.folds import partition
from training.job import Job
from training.measure.evaluate import Evaluation, evaluate_bundle, scores, streaming_scores
from training.measure.predictions import predictions_of, write_predictions
from training.recipe import Recipe, check_recipe
from training.report.card import write_card
from training.report.run_report import write_report
from training.runs import CACHE, PREDICTIONS, RECORD, RESULTS, Run
from training.streaming.export import write_manifest

EVALUATION = "evaluation.json"
"""File of a bundle that holds every number of its card."""

Reader = Callable[[Recipe], Sequence[Clip]]
"""Gives the clips of a recipe's corpora."""


def keep_results(run: Run, evaluation: Evaluation, jobs: int, *, thorough: bool = True) -> None:
    """Measure what a run's model said, and write predictions, numbers, report and card.

    Parameters
    ----------
    run
        Holds the model.
    evaluation
        What it said of the test clips.
    jobs
        Processes that listen.
    thorough
        Whether a streaming model also listens in noise, to long streams and to switches.
    """
    write_predictions(run.folder / PREDICTIONS, predictions_of(evaluation))
    results = _results(run, evaluation, jobs, thorough=thorough)
    if run.record.kind == "streaming":
        _renew_card(load_bundle(run.bundle), results)
    run.write_json(RESULTS, results)
    write_report(run)


def measure_again(
    target: str, read: Reader, cache: Path, jobs: int, *, thorough: bool, write: bool
) -> dict[str, Any]:
    """Measure a run or a bundle once more, on the speakers that its recipe withheld.

    Parameters
    ----------
    target
        Folder of a run or of a bundle, or the name of a shipped bundle.
    read
        Reads the clips of its recipe.
    cache, jobs, thorough
        As for :func:`keep_results`; a run has a cache of its own.
    write
        Whether its report or its card is written anew.

    Returns
    -------
    dict
        Every number, fit for JSON.

    Raises
    ------
    UsageError
        It does not say which speakers were withheld.
    """
    run = Run(Path(target))
    if not (run.folder / RECORD).exists():
        bundle = load_bundle(bundle_folder(target))
        evaluation = evaluate_bundle(bundle, _withheld(bundle, read), jobs=jobs)
        results = streaming_scores(bundle, evaluation, cache=cache, jobs=jobs, thorough=thorough)
        if write:
            _renew_card(bundle, results)
        return results
    evaluation = _hear(run, read, jobs)
    if write:
        keep_results(run, evaluation, jobs, thorough=thorough)
        return run.results()
    return _results(run, evaluation, jobs, thorough=thorough)


def _results(run: Run, evaluation: Evaluation, jobs: int, *, thorough: bool) -> dict[str, Any]:
    if run.record.kind == "offline":
        return scores(evaluation)
    cache = run.folder.parent / CACHE
    bundle = load_bundle(run.bundle)
    return streaming_scores(bundle, evaluation, cache=cache, jobs=jobs, thorough=thorough)


def _hear(run: Run, read: Reader, jobs: int) -> Evaluation:
    record = run.record
    recipe = check_recipe(record.recipe, str(run.folder / RECORD))
    parts = partition(read(recipe), recipe.split, record.fold, record.seed)
    if recipe.kind == "streaming":
        return evaluate_bundle(load_bundle(run.bundle), parts["test"], jobs=jobs)
    # What is trained is kept, so that making it again only listens.
    from training.offline.making import make

    cache = run.folder.parent / CACHE
    return make(Job(recipe, parts, run, cache, None, None, record.seed, jobs))


def _withheld(bundle: Bundle, read: Reader) -> list[Clip]:
    made = bundle.manifest.recipe
    if "settings" not in made:
        raise UsageError(
            f"{bundle.folder} does not say which speakers it has not heard, so it cannot be "
            "measured fairly; measure a run instead."
        )
    recipe = check_recipe(made["settings"], str(bundle.folder / MANIFEST))
    return partition(read(recipe), recipe.split, made["fold"], made["seed"])["test"]


def _renew_card(bundle: Bundle, results: dict[str, Any]) -> None:
    text = json.dumps(results, indent=2) + "\n"
    try:
        (bundle.folder / EVALUATION).write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"{bundle.folder} cannot be written ({error.strerror}); change its permissions, or "
            "copy it elsewhere."
        ) from error
    headline = {name: round(corpus["uar"], 4) for name, corpus in results["corpora"].items()}
    write_manifest(bundle.manifest.model_copy(update={"metrics": {"uar": headline}}), bundle.folder)
    write_card(load_bundle(bundle.folder), results)

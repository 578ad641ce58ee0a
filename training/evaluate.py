"""Evaluation of runs and bundles, and the files of the results: predictions, report, card."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from realtime_ser.base.errors import UsageError
from realtime_ser.base.files import write_whole
from realtime_ser.recogniser.bundle import MANIFEST, STEP_MODEL, Bundle, load_bundle
from training.corpora import Clip
from training.folds import SplitParts, partition
from training.job import Job, Workload
from training.measure.clip_results import Evaluation
from training.measure.live_path import evaluate_bundle
from training.measure.predictions import predictions_of, write_predictions
from training.measure.scoring import scores
from training.recipe import Recipe, check_recipe
from training.report.card import write_card
from training.report.run_report import write_report
from training.run_folder import CACHE, PREDICTIONS, RECORD, RESULTS, Run, RunRecord
from training.streaming.export import write_manifest
from training.streaming.scores import cross_validated_scores, streaming_scores

EVALUATION = "evaluation.json"
"""File of a bundle with all figures of its card."""

LANGUAGES = "languages"
"""Key of what a bundle makes of languages, which a command of its own measures."""

ALL_SPEAKERS = 0
"""Number of the fold in which all speakers train and none is tested."""

_SHARED_RECORD_KEYS = ("recipe_sha256", "seed", "parent")

ClipReader = Callable[[Recipe], Sequence[Clip]]
"""Function that gives the clips of a recipe's corpora."""


def save_results(run: Run, evaluation: Evaluation, workload: Workload) -> None:
    """Compute figures of a run's evaluation, and write predictions, results, report and card.

    Parameters
    ----------
    run
        Run with the model.
    evaluation
        Results for the test clips.
    workload
        Amount of work.
    """
    write_predictions(run.folder / PREDICTIONS, predictions_of(evaluation))
    results = _results(run, evaluation, workload)
    if run.record.kind == "streaming":
        rewrite_card(load_bundle(run.bundle), results)
    run.write_json(RESULTS, results)
    write_report(run)


def remeasure(
    target: str,
    folds: Sequence[Run],
    read: ClipReader,
    workload: Workload,
    *,
    cache: Path,
    write: bool,
) -> dict[str, Any]:
    """Evaluate a run or a bundle anew, on the speakers that its recipe withheld.

    Parameters
    ----------
    target
        Folder of a run or of a bundle, or the name of a shipped bundle.
    folds
        Runs of the folds that cross-validated a bundle of all speakers; empty for other targets.
    read
        Function that reads the clips of the target's recipe.
    workload
        Amount of work.
    cache
        Folder of the cache; a run has its own.
    write
        Whether to write the report or the card anew.

    Returns
    -------
    dict
        All figures, fit for JSON.

    Raises
    ------
    UsageError
        The target does not name the withheld speakers, or the folds are not of its recipe.
    """
    run = Run(Path(target))
    if folds and (run.folder / RECORD).exists():
        raise UsageError(
            f"{target} is a run, which is measured by itself: name its bundle, {run.bundle}, or "
            "leave --folds out."
        )
    if not (run.folder / RECORD).exists():
        bundle = load_bundle(target)
        if folds:
            _check_recipe_of(bundle, folds)
            results = cross_validate(folds, read, workload, cache)
        else:
            results = _streaming_results(bundle, _test_clips(bundle, read), workload, cache)
        if write:
            rewrite_card(bundle, results)
        return results
    evaluation = _evaluate_run(run, read, workload.jobs)
    if write:
        save_results(run, evaluation, workload)
        return run.results()
    return _results(run, evaluation, workload)


def cross_validate(
    folds: Sequence[Run], read: ClipReader, workload: Workload, cache: Path
) -> dict[str, Any]:
    """Evaluate the bundles of a recipe's folds, each on its own test speakers.

    Parameters
    ----------
    folds
        Runs of one recipe and seed, one for each fold.
    read, workload, cache
        As for :func:`remeasure`.

    Returns
    -------
    dict
        Figures of :func:`training.streaming.scores.cross_validated_scores`.

    Raises
    ------
    UsageError
        The runs are not folds of the same recipe.
    """
    recipe = check_recipe(common_record(folds).recipe, str(folds[0].folder / RECORD))
    clips = read(recipe)
    return cross_validated_scores(
        {
            run.record.fold: (
                load_bundle(run.bundle),
                _evaluate_run(run, lambda _: clips, workload.jobs),
            )
            for run in folds
        },
        cache=cache,
        jobs=workload.jobs,
        thorough=workload.thorough,
    )


def common_record(folds: Sequence[Run]) -> RunRecord:
    """Record of the first of several folds of one recipe and seed.

    Raises
    ------
    UsageError
        They are of several recipes or seeds, or of one fold twice.
    """
    records = [run.record for run in folds]
    first = records[0]
    for run, record in zip(folds[1:], records[1:], strict=True):
        if any(getattr(record, key) != getattr(first, key) for key in _SHARED_RECORD_KEYS):
            raise UsageError(
                f"{run.folder} is of another recipe, seed or start than {folds[0].folder}; name "
                "the folds of one."
            )
    if len({record.fold for record in records}) < len(records):
        raise UsageError("A fold is named twice; name one run for each fold.")
    return first


def _check_recipe_of(bundle: Bundle, folds: Sequence[Run]) -> None:
    if bundle.manifest.recipe.get("sha256") != common_record(folds).recipe_sha256:
        raise UsageError(
            f"{folds[0].folder} is of another recipe than {bundle.folder}; name the runs by which "
            "that bundle was tried."
        )


def _results(run: Run, evaluation: Evaluation, workload: Workload) -> dict[str, Any]:
    if run.record.kind == "offline":
        return scores(evaluation)
    return streaming_scores(
        load_bundle(run.bundle),
        evaluation,
        cache=run.folder.parent / CACHE,
        jobs=workload.jobs,
        thorough=workload.thorough,
    )


def _streaming_results(
    bundle: Bundle, clips: list[Clip], workload: Workload, cache: Path
) -> dict[str, Any]:
    evaluation = evaluate_bundle(bundle, clips, jobs=workload.jobs)
    return streaming_scores(
        bundle, evaluation, cache=cache, jobs=workload.jobs, thorough=workload.thorough
    )


def _evaluate_run(run: Run, read: ClipReader, jobs: int) -> Evaluation:
    record = run.record
    recipe = check_recipe(record.recipe, str(run.folder / RECORD))
    parts = partition(read(recipe), recipe.split, record.fold, record.seed)
    if recipe.kind == "streaming":
        return evaluate_bundle(load_bundle(run.bundle), parts["test"], jobs=jobs)
    # The trained model is kept, so that making the model again only evaluates.
    from training.offline.train import make_model

    cache = run.folder.parent / CACHE
    return make_model(Job(recipe, parts, run, cache, None, None, record.seed, jobs))


def _test_clips(bundle: Bundle, read: ClipReader) -> list[Clip]:
    if bundle.manifest.recipe.get("fold") == ALL_SPEAKERS:
        raise UsageError(
            f"{bundle.folder} learned from every speaker, so it cannot be measured fairly; name "
            "the runs of its folds with --folds."
        )
    return recipe_and_parts(bundle, read)[1]["test"]


def recipe_and_parts(bundle: Bundle, read: ClipReader) -> tuple[Recipe, SplitParts]:
    """Recipe of a bundle, and the clips that it learned from, was chosen and is tested by.

    Raises
    ------
    UsageError
        The bundle does not say.
    """
    provenance = bundle.manifest.recipe
    if "settings" not in provenance:
        raise UsageError(
            f"{bundle.folder} does not say which speakers it has not heard, so it cannot be "
            "measured fairly; measure a run instead."
        )
    recipe = check_recipe(provenance["settings"], str(bundle.folder / MANIFEST))
    clips = read(recipe)
    if provenance["fold"] == ALL_SPEAKERS:
        return recipe, {"train": list(clips), "validation": [], "test": []}
    return recipe, partition(clips, recipe.split, provenance["fold"], provenance["seed"])


def add_languages(bundle: Bundle, languages: Mapping[str, Any]) -> bool:
    """Put what a bundle makes of languages into its figures and its card.

    Parameters
    ----------
    bundle
        The bundle.
    languages
        Figures of :class:`training.languages.bundles.BundleLanguages`, fit for JSON.

    Returns
    -------
    bool
        Whether the bundle has figures that these can stand beside.

    Raises
    ------
    OutputError
        The folder cannot be written.
    """
    results = _figures(bundle)
    if results is None:
        return False
    rewrite_card(bundle, {**results, LANGUAGES: dict(languages)})
    return True


def _figures(bundle: Bundle) -> dict[str, Any] | None:
    """Figures of a bundle's card; ``None``: it has none yet."""
    path = bundle.folder / EVALUATION
    if not path.exists():
        return None
    results: dict[str, Any] = json.loads(path.read_bytes())
    return results


def _with_languages(bundle: Bundle, results: dict[str, Any]) -> dict[str, Any]:
    """Results with what was measured on languages before, where that was the same model."""
    before = (_figures(bundle) or {}).get(LANGUAGES)
    if LANGUAGES in results or before is None:
        return results
    same = before["step_model_sha256"] == bundle.manifest.files[STEP_MODEL]
    return {**results, LANGUAGES: before} if same else results


def rewrite_card(bundle: Bundle, results: dict[str, Any]) -> None:
    """Write figures into a bundle's folder: ``evaluation.json``, the headline, the card.

    What was measured on languages stays, unless the model is another one by now.

    Raises
    ------
    OutputError
        The folder cannot be written.
    """
    results = _with_languages(bundle, results)
    text = json.dumps(results, indent=2) + "\n"
    advice = "change the folder's permissions, or copy it elsewhere"
    write_whole(bundle.folder / EVALUATION, text, advice)
    headline = {name: round(corpus["uar"], 4) for name, corpus in results["corpora"].items()}
    write_manifest(bundle.manifest.model_copy(update={"metrics": {"uar": headline}}), bundle.folder)
    write_card(load_bundle(bundle.folder), results)

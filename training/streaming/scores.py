"""All figures of a streaming model on test clips, as its card and a run's results hold them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from realtime_ser.recogniser.bundle import Bundle
from training.measure.clip_results import Evaluation
from training.measure.levels import level_scores
from training.measure.noise import noise_scores
from training.measure.paired import EvaluatedBundles, pooled_evaluation
from training.measure.scoring import scores, uar_by_corpus
from training.measure.speaker_calibration import speaker_calibration_scores
from training.measure.streams import stream_scores, switch_scores
from training.streaming.graph import compare_with_graph, evaluate_graph


def streaming_scores(
    bundle: Bundle, evaluation: Evaluation, *, cache: Path, jobs: int, thorough: bool = True
) -> dict[str, Any]:
    """All figures of a streaming model, fit for JSON.

    Parameters
    ----------
    bundle
        The model.
    evaluation
        Results for the test clips, from :func:`training.measure.live_path.evaluate_bundle`.
    cache
        Folder of gated clips, shared by all runs.
    jobs
        Number of processes.
    thorough
        Whether to evaluate at other levels, in noise, in long streams and at switches of emotion
        as well, which takes some ten times as long.

    Returns
    -------
    dict
        The figures of :func:`training.measure.scoring.scores`; ``offline``: the training graph
        beside the stream; ``baseline``: the gain by speaker calibration, where the bundle has one;
        and, when thorough, ``levels``, ``noise``, ``stream`` and ``switches``.

    Raises
    ------
    SerError
        A clip cannot be read, or the cache cannot be written.
    """
    return _all_scores([(bundle, evaluation)], cache, jobs, thorough=thorough)


def cross_validated_scores(
    folds: Mapping[int, tuple[Bundle, Evaluation]],
    *,
    cache: Path,
    jobs: int,
    thorough: bool = True,
) -> dict[str, Any]:
    """All figures of a recipe by its folds' bundles, each evaluated on its own test speakers.

    Parameters
    ----------
    folds
        By fold number: the fold's bundle, and its results for the fold's test clips.
    cache, jobs, thorough
        As for :func:`streaming_scores`.

    Returns
    -------
    dict
        The figures of :func:`streaming_scores` over all folds' clips together; ``folds``: UAR of
        each fold by corpus, under its number; ``mean_of_folds``: mean UAR of the folds by corpus.
    """
    numbers = sorted(folds)
    found = _all_scores([folds[number] for number in numbers], cache, jobs, thorough=thorough)
    of_folds = {str(number): uar_by_corpus(folds[number][1]) for number in numbers}
    found["folds"] = of_folds
    found["mean_of_folds"] = {
        name: float(np.mean([own[name] for own in of_folds.values() if name in own]))
        for name in found["corpora"]
    }
    return found


def _all_scores(
    evaluated: EvaluatedBundles, cache: Path, jobs: int, *, thorough: bool
) -> dict[str, Any]:
    whole = pooled_evaluation(evaluated)
    graphs = [
        evaluate_graph(b, evaluation.clips, cache=cache, jobs=jobs) for b, evaluation in evaluated
    ]
    found = {**scores(whole), "offline": compare_with_graph(whole, Evaluation.pooled(graphs))}
    calibrations = [b.manifest.baseline for b, _ in evaluated if b.manifest.baseline is not None]
    if len(calibrations) == len(evaluated):
        found["baseline"] = speaker_calibration_scores(
            [evaluation for _, evaluation in evaluated], calibrations
        )
    if thorough:
        found["levels"] = level_scores(evaluated, jobs=jobs)
        found["noise"] = noise_scores(evaluated, jobs=jobs)
        found["stream"] = stream_scores(evaluated, jobs=jobs)
        found["switches"] = switch_scores(evaluated, jobs=jobs)
    return found

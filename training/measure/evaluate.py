"""The door of this room: what a model says of clips, and what that is worth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from realtime_ser.recogniser.bundle import Bundle
from training.measure.answers import (
    ClipResult,
    Evaluation,
    SegmentResult,
    posterior,
    result_logits,
)
from training.measure.baseline import speaker_calibration_scores
from training.measure.levels import level_scores
from training.measure.listening import EARLY_SECONDS, evaluate_bundle
from training.measure.noise import noise_scores
from training.measure.paired import EvaluatedBundles, pooled_evaluation
from training.measure.scoring import scores, uar_by_corpus
from training.measure.streams import stream_scores, switch_scores
from training.streaming.graph import compare_with_graph, evaluate_graph

__all__ = [
    "EARLY_SECONDS",
    "ClipResult",
    "Evaluation",
    "SegmentResult",
    "cross_validated_scores",
    "evaluate_bundle",
    "posterior",
    "result_logits",
    "scores",
    "streaming_scores",
]


def streaming_scores(
    bundle: Bundle, evaluation: Evaluation, *, cache: Path, jobs: int, thorough: bool = True
) -> dict[str, Any]:
    """All figures of a streaming model, fit for JSON.

    Parameters
    ----------
    bundle
        The model.
    evaluation
        What it said of the test clips, as :func:`evaluate_bundle` gives it.
    cache
        Folder of gated clips, shared by all runs.
    jobs
        Number of processes.
    thorough
        Whether it also listens at other levels, in noise, to long streams and to switches of
        emotion, which takes some ten times as long.

    Returns
    -------
    dict
        What :func:`scores` gives; ``offline``: the training graph beside the stream; ``baseline``:
        what a personal baseline gives, where the bundle has one; and, when thorough, ``levels``,
        ``noise``, ``stream`` and ``switches``.

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
    """All figures of a recipe by its folds' bundles, each of which heard its own test speakers.

    Parameters
    ----------
    folds
        By number: a fold's bundle, and what it said of its test clips.
    cache, jobs, thorough
        As for :func:`streaming_scores`.

    Returns
    -------
    dict
        What :func:`streaming_scores` gives, of all folds' clips together; ``folds``: ``uar`` of
        each by corpus, under its number; ``mean_of_folds``: their means by corpus.
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
    """Figures of all clips together."""
    whole = pooled_evaluation(evaluated)
    graphs = [evaluate_graph(b, heard.clips, cache=cache, jobs=jobs) for b, heard in evaluated]
    found = {**scores(whole), "offline": compare_with_graph(whole, Evaluation.pooled(graphs))}
    calibrations = [b.manifest.baseline for b, _ in evaluated if b.manifest.baseline is not None]
    if len(calibrations) == len(evaluated):
        found["baseline"] = speaker_calibration_scores(
            [heard for _, heard in evaluated], calibrations
        )
    if thorough:
        found["levels"] = level_scores(evaluated, jobs=jobs)
        found["noise"] = noise_scores(evaluated, jobs=jobs)
        found["stream"] = stream_scores(evaluated, jobs=jobs)
        found["switches"] = switch_scores(evaluated, jobs=jobs)
    return found

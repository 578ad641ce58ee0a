"""The door of this room: what a model says of clips, and what that is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from realtime_ser.model import Bundle
from training.measure.answers import (
    ClipResult,
    Evaluation,
    SegmentResult,
    posterior,
    result_logits,
)
from training.measure.baseline import baseline_scores
from training.measure.graph import beside, evaluate_graph
from training.measure.levels import level_scores
from training.measure.listening import SECONDS, evaluate_bundle
from training.measure.noise import noise_scores
from training.measure.scoring import scores, uar_by_corpus
from training.measure.streams import stream_scores, switch_scores

__all__ = [
    "SECONDS",
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
        Whether it also listens in noise, to long streams and to switches of emotion, which takes
        some ten times as long.

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
    return _figures([bundle], [evaluation], cache, jobs, thorough=thorough)


def cross_validated_scores(
    bundles: Mapping[int, Bundle],
    evaluations: Mapping[int, Evaluation],
    *,
    cache: Path,
    jobs: int,
    thorough: bool = True,
) -> dict[str, Any]:
    """All figures of a recipe by its folds' bundles, each of which heard its own test speakers.

    Parameters
    ----------
    bundles, evaluations
        By number of the fold.
    cache, jobs, thorough
        As for :func:`streaming_scores`.

    Returns
    -------
    dict
        What :func:`streaming_scores` gives, of all folds' clips together; ``folds``: ``uar`` of
        each by corpus, under its number; ``mean_of_folds``: their means by corpus.
    """
    numbers = sorted(bundles)
    heard = [evaluations[number] for number in numbers]
    found = _figures([bundles[number] for number in numbers], heard, cache, jobs, thorough=thorough)
    of_folds = {number: uar_by_corpus(evaluations[number]) for number in numbers}
    found["folds"] = {str(number): own for number, own in of_folds.items()}
    found["mean_of_folds"] = {
        name: float(np.mean([own[name] for own in of_folds.values() if name in own]))
        for name in found["corpora"]
    }
    return found


def _figures(
    bundles: Sequence[Bundle],
    evaluations: Sequence[Evaluation],
    cache: Path,
    jobs: int,
    *,
    thorough: bool,
) -> dict[str, Any]:
    """Figures of all clips together."""
    said = list(zip(bundles, evaluations, strict=True))
    whole = Evaluation.pooled(evaluations)
    graphs = [evaluate_graph(b, heard.clips, cache=cache, jobs=jobs) for b, heard in said]
    found = {**scores(whole), "offline": beside(whole, Evaluation.pooled(graphs))}
    baselines = [b.manifest.baseline for b in bundles if b.manifest.baseline is not None]
    if len(baselines) == len(bundles):
        found["baseline"] = baseline_scores(evaluations, baselines)
    if thorough:
        found["levels"] = level_scores(said, jobs=jobs)
        found["noise"] = noise_scores(said, jobs=jobs)
        found["stream"] = stream_scores(said, jobs=jobs)
        found["switches"] = switch_scores(said, jobs=jobs)
    return found

"""The door of this room: what a model says of clips, and what that is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
from training.measure.listening import SECONDS, evaluate_bundle
from training.measure.noise import noise_scores
from training.measure.scoring import scores
from training.measure.streams import stream_scores, switch_scores

__all__ = [
    "SECONDS",
    "ClipResult",
    "Evaluation",
    "SegmentResult",
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
        what a personal baseline gives, where the bundle has one; and, when thorough, ``noise``,
        ``stream`` and ``switches``.

    Raises
    ------
    SerError
        A clip cannot be read, or the cache cannot be written.
    """
    clips = evaluation.clips
    graph = evaluate_graph(bundle, clips, cache=cache, jobs=jobs)
    found = {**scores(evaluation), "offline": beside(evaluation, graph)}
    if bundle.manifest.baseline is not None:
        found["baseline"] = baseline_scores(evaluation, bundle.manifest.baseline)
    if thorough:
        found["noise"] = noise_scores(bundle, evaluation, jobs=jobs)
        found["stream"] = stream_scores(bundle, evaluation, jobs=jobs)
        found["switches"] = switch_scores(bundle, clips, jobs=jobs)
    return found

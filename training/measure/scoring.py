"""Figures of a model's results, by corpus and over all corpora."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.corpora import CORPORA, Clip, title
from training.measure.clip_results import (
    ClassPredictions,
    ClipResult,
    Evaluation,
    SegmentResult,
    check_classes,
)
from training.measure.metrics import (
    Interval,
    bootstrap,
    classification,
    ece,
    ece_of_perfect,
    interval,
    nll,
    reliability,
    uar,
)

TWO_SPEAKER_CORPUS = "tess"
"""Corpus of two speakers, which no mean over corpora includes."""

_LOSSY = (".ogg", ".opus")

Labels = NDArray[np.integer[Any]]


def by_corpus(results: Sequence[ClipResult]) -> dict[str, list[ClipResult]]:
    """Results of each corpus, in the order of :func:`corpus_order`."""
    found: defaultdict[str, list[ClipResult]] = defaultdict(list)
    for result in results:
        found[result.clip.corpus].append(result)
    return {name: found[name] for name in corpus_order(found)}


def corpus_order(names: Iterable[str]) -> list[str]:
    """Corpora in the order of tables: known ones first, then others by name."""
    found = set(names)
    return [*(name for name in CORPORA if name in found), *sorted(found - CORPORA.keys())]


def averaged_corpora(corpora: Mapping[str, object]) -> list[str]:
    """Names of the corpora that a mean over corpora includes."""
    return [name for name in corpora if name != TWO_SPEAKER_CORPUS]


def scores(evaluation: Evaluation) -> dict[str, Any]:
    """All figures of an evaluation, fit for JSON.

    A clip in which the gate found no speech counts as an error in every recall and accuracy, and is
    left out of calibration.

    Returns
    -------
    dict
        ``corpora``: figures of each, among the classes of the corpus. ``mean_uar`` and
        ``by_language``: means over corpora, without TESS, which has two speakers. ``pooled``: all
        clips together, the model choosing among all of its labels.
    """
    check_classes(evaluation.labels, evaluation.clips)
    corpora = {
        name: _corpus_scores(evaluation, name, results)
        for name, results in by_corpus(evaluation.results).items()
    }
    averaged = averaged_corpora(corpora)
    return {
        "model": dict(evaluation.model),
        "mean_uar": _mean([corpora[name]["uar"] for name in averaged]),
        "mean_over": averaged,
        "by_language": _languages(corpora),
        "pooled": _pooled(evaluation),
        "corpora": corpora,
    }


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _languages(corpora: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Mean over the corpora in which each language is spoken."""
    of_language: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for name in averaged_corpora(corpora):
        for language, group in corpora[name]["by_language"].items():
            of_language[language][name] = group
    return {
        language: {
            "corpora": list(groups),
            "clips": sum(group["clips"] for group in groups.values()),
            "uar": _mean([group["uar"] for group in groups.values()]),
        }
        for language, groups in sorted(of_language.items())
    }


def _pooled(evaluation: Evaluation) -> dict[str, Any]:
    """Figures over the clips of all corpora together, for comparison with published ones."""
    clips = evaluation.clips
    answers = ClassPredictions.from_segments(
        [result.segments for result in evaluation.results], np.arange(len(evaluation.labels))
    )
    labels = np.array([evaluation.labels.index(clip.label) for clip in clips])
    return {
        "clips": len(clips),
        **classification(labels, answers.predictions, evaluation.labels),
        **_intervals(labels, answers.predictions, clips),
    }


def _intervals(labels: Labels, predictions: Labels, clips: Sequence[Clip]) -> dict[str, Interval]:
    """95 % intervals of the headline figures, by a bootstrap over speakers."""
    speakers = [f"{clip.corpus}/{clip.speaker}" for clip in clips]
    draws = bootstrap(labels, predictions, speakers)
    return {
        "uar_interval": interval(draws.uar),
        "accuracy_interval": interval(draws.accuracy),
        "macro_f1_interval": interval(draws.macro_f1),
    }


# ------------------------------------------------------------------------------------- one corpus

_BY_SENTENCE = {True: "sentences heard", False: "sentences never heard", None: None}


def corpus_classes(
    evaluation: Evaluation, clips: Sequence[Clip]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of a corpus's classes in the labels, and of the clips' labels in these classes."""
    classes = clips[0].classes
    class_indices = np.array([evaluation.labels.index(label) for label in classes])
    return class_indices, np.array([classes.index(clip.label) for clip in clips])


def uar_by_corpus(evaluation: Evaluation) -> dict[str, float]:
    """UAR of each corpus, among the classes that the corpus has."""
    found = {}
    for name, results in by_corpus(evaluation.results).items():
        class_indices, labels = corpus_classes(evaluation, [result.clip for result in results])
        own = ClassPredictions.from_segments([result.segments for result in results], class_indices)
        found[name] = uar(labels, own.predictions)
    return found


def _corpus_scores(
    evaluation: Evaluation, corpus: str, results: Sequence[ClipResult]
) -> dict[str, Any]:
    clips = [result.clip for result in results]
    clip_segments = [result.segments for result in results]
    class_indices, labels = corpus_classes(evaluation, clips)
    own = ClassPredictions.from_segments(clip_segments, class_indices)
    groups = _Subgroups(clips, labels, own.predictions)
    figures = {
        "title": title(corpus),
        "clips": len(clips),
        "without_speech": int(np.sum(~own.answered)),
        "speakers": sorted({clip.speaker for clip in clips}),
        "formats": sorted({clip.path.suffix.lower().lstrip(".") for clip in clips}),
        "opus_copies": sum(clip.path.suffix.lower() in _LOSSY for clip in clips),
        **classification(labels, own.predictions, clips[0].classes),
        **_intervals(labels, own.predictions, clips),
        "all_classes": _all_classes(
            evaluation, clip_segments, class_indices[labels], class_indices
        ),
        "calibration": _calibration(labels, own),
        "coverage": _coverage(labels, own),
        "by_language": groups.scores_by(lambda clip: clip.language),
        "by_sex": groups.scores_by(lambda clip: clip.sex),
        "by_intensity": groups.scores_by(lambda clip: clip.intensity),
        "by_sentence": groups.scores_by(lambda clip: _BY_SENTENCE[clip.sentence_heard]),
        "by_speaker": groups.scores_by(lambda clip: clip.speaker),
    }
    if all(result.early_segments for result in results):
        figures["uar_after"] = {
            str(seconds): uar(
                labels,
                ClassPredictions.from_segments(
                    [r.early_segments[seconds] for r in results], class_indices
                ).predictions,
            )
            for seconds in results[0].early_segments
        }
    if any(clip.majority_vote in clip.classes for clip in clips):
        figures["listeners"] = _listener_scores(clips, labels, own.predictions)
    return figures


def _all_classes(
    evaluation: Evaluation,
    clip_segments: Sequence[Sequence[SegmentResult]],
    labels: Labels,
    present: NDArray[np.intp],
) -> dict[str, Any]:
    """Figures among all of the model's classes, as the program shows them by default."""
    answers = ClassPredictions.from_segments(clip_segments, np.arange(len(evaluation.labels)))
    predictions, answered = answers.predictions, answers.answered
    certain = np.zeros(len(labels), bool)
    if evaluation.certainty_threshold is not None:
        confidences = answers.posteriors[answered].max(axis=1)
        certain[answered] = confidences >= evaluation.certainty_threshold
    return {
        "uar": uar(labels, predictions),
        "accuracy": float(np.mean(labels == predictions)),
        "absent": float(np.mean(answered & ~np.isin(predictions, present))),
        "ece": _calibration(labels, answers)["ece"],
        "certain": float(certain.mean()),
        "uar_certain": uar(labels[certain], predictions[certain]) if certain.any() else None,
    }


def _calibration(labels: Labels, answers: ClassPredictions) -> dict[str, Any]:
    """Calibration over the clips that got an answer."""
    kept = answers.answered
    if not kept.any():
        return {"ece": None, "ece_of_perfect": None, "nll": None, "bins": []}
    posteriors = answers.posteriors[kept]
    confidences, right = posteriors.max(axis=1), answers.predictions[kept] == labels[kept]
    return {
        "ece": ece(confidences, right),
        "ece_of_perfect": ece_of_perfect(confidences),
        "nll": nll(posteriors, labels[kept]),
        "bins": [asdict(part) for part in reliability(confidences, right)],
    }


COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
"""Shares of the clips that are answered, most confident first."""


def _coverage(labels: Labels, answers: ClassPredictions) -> dict[str, float]:
    """UAR of the most confident share of the clips that got an answer."""
    answered = np.flatnonzero(answers.answered)
    ordered = answered[np.argsort(-answers.posteriors[answered].max(axis=1), kind="stable")]
    kept = {share: ordered[: round(share * len(ordered))] for share in COVERAGES}
    return {
        f"{share:g}": uar(labels[some], answers.predictions[some])
        for share, some in kept.items()
        if len(some)
    }


class _Subgroups:
    """Clips of a corpus with their predictions, for figures by subgroup."""

    def __init__(self, clips: Sequence[Clip], labels: Labels, predictions: Labels) -> None:
        self._clips, self._labels, self._predictions = clips, labels, predictions
        self._speakers = np.array([clip.speaker for clip in clips])

    def scores_by(self, group: Callable[[Clip], str | None]) -> dict[str, dict[str, Any]]:
        """UAR of each group and its interval; clips that belong to none are left out."""
        names = np.array([group(clip) or "" for clip in self._clips])
        return {name: self._figures(names == name) for name in sorted(set(names.tolist()) - {""})}

    def _figures(self, chosen: NDArray[np.bool_]) -> dict[str, Any]:
        labels, predictions = self._labels[chosen], self._predictions[chosen]
        speakers = self._speakers[chosen].tolist()
        return {
            "clips": int(chosen.sum()),
            "uar": uar(labels, predictions),
            "uar_interval": interval(bootstrap(labels, predictions, speakers).uar),
        }


def _listener_scores(
    clips: Sequence[Clip], labels: Labels, predictions: Labels
) -> dict[str, float]:
    """UAR of model and listeners, on the clips with a majority vote for a class."""
    voted = [clip.majority_vote if clip.majority_vote in clip.classes else None for clip in clips]
    agreed = np.array([label is not None for label in voted])
    voted_classes = np.array(
        [clips[0].classes.index(label) for label in voted if label is not None]
    )
    return {
        "clips": int(agreed.sum()),
        "uar_model_heard": uar(voted_classes, predictions[agreed]),
        "uar_model_intended": uar(labels[agreed], predictions[agreed]),
        "uar_listeners_intended": uar(labels[agreed], voted_classes),
    }

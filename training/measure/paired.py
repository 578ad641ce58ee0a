"""Paired comparison of the same clips under two conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from realtime_ser.recogniser.bundle import Bundle
from training.corpora import Clip
from training.measure.clip_results import ClassPredictions, ClipResult, Evaluation
from training.measure.live_path import evaluate_examples
from training.measure.metrics import bootstrap, interval, uar
from training.measure.scoring import averaged_corpora, by_corpus, corpus_classes
from training.sound.examples import Example


@dataclass(frozen=True, slots=True, eq=False)
class PairedPredictions:
    """Predictions for the clips of a corpus under two conditions, as class indices."""

    labels: NDArray[np.intp]
    before: NDArray[np.intp]
    after: NDArray[np.intp]
    answered: NDArray[np.bool_]
    speakers: NDArray[np.str_]

    @classmethod
    def of(
        cls, evaluation: Evaluation, before: Sequence[ClipResult], after: Sequence[ClipResult]
    ) -> PairedPredictions:
        """Pairs of results for the clips of a corpus, in the same order."""
        clips = [result.clip for result in before]
        class_indices, labels = corpus_classes(evaluation, clips)
        first, second = (
            ClassPredictions.from_segments([r.segments for r in s], class_indices)
            for s in (before, after)
        )
        speakers = np.array([clip.speaker for clip in clips])
        return cls(labels, first.predictions, second.predictions, second.answered, speakers)

    def subset(self, chosen: NDArray[np.intp]) -> PairedPredictions:
        """Pairs of the chosen clips."""
        return PairedPredictions(
            self.labels[chosen],
            self.before[chosen],
            self.after[chosen],
            self.answered[chosen],
            self.speakers[chosen],
        )

    def figures(self) -> dict[str, Any]:
        """UAR under the second condition, and the loss against the first in points."""
        after = uar(self.labels, self.after)
        return {
            "clips": len(self.labels),
            "uar": after,
            "points_lost": 100 * (uar(self.labels, self.before) - after),
            "without_speech": int(np.sum(~self.answered)),
        }

    def intervals(self) -> dict[str, Any]:
        """95 % intervals of UAR and loss, by a bootstrap over speakers."""
        speakers = self.speakers.tolist()
        before, after = (
            bootstrap(self.labels, predictions, speakers).uar
            for predictions in (self.before, self.after)
        )
        return {
            "uar_interval": interval(after),
            "points_lost_interval": interval(100 * (before - after)),
        }

    def figures_with_intervals(self) -> dict[str, Any]:
        """Items of :meth:`figures` and :meth:`intervals`."""
        return {**self.figures(), **self.intervals()}


def paired_by_corpus(
    clean: Evaluation, after: Sequence[ClipResult]
) -> dict[str, PairedPredictions]:
    """Pairs of results for the same clips before and after a change, by corpus."""
    changed_results = by_corpus(after)
    return {
        corpus: PairedPredictions.of(clean, before, changed_results[corpus])
        for corpus, before in by_corpus(clean.results).items()
    }


EvaluatedBundles: TypeAlias = Sequence[tuple[Bundle, Evaluation]]
"""A model, or the models of a recipe's folds, each with its evaluation on its clips as recorded."""


def pooled_evaluation(evaluated: EvaluatedBundles) -> Evaluation:
    """Results for all models' clips as recorded, pooled."""
    return Evaluation.pooled([evaluation for _, evaluation in evaluated])


def pairs_by_condition(
    evaluated: EvaluatedBundles,
    conditions: Mapping[str, Callable[[Clip], Example]],
    jobs: int,
    title: str,
) -> dict[str, dict[str, PairedPredictions]]:
    """Pairs of results for clips as recorded and changed, by corpus and condition.

    Parameters
    ----------
    evaluated
        The models, with their evaluations on the clips as recorded.
    conditions
        Functions that give a clip under each condition.
    jobs, title
        Number of processes, and title of the progress bar.
    """
    changed_results: dict[str, list[ClipResult]] = {name: [] for name in conditions}
    for bundle, clean in evaluated:
        examples = [example(clip) for example in conditions.values() for clip in clean.clips]
        changed = iter(evaluate_examples(bundle, examples, jobs, title))
        for results in changed_results.values():
            results.extend(islice(changed, len(clean.clips)))
    whole = pooled_evaluation(evaluated)
    found = {name: paired_by_corpus(whole, results) for name, results in changed_results.items()}
    return {
        corpus: {name: own[corpus] for name, own in found.items()}
        for corpus in by_corpus(whole.results)
    }


def mean_points_lost(corpora: Mapping[str, Any], condition_key: str, name: str) -> float | None:
    """Mean loss of UAR in points over the corpora, under a condition."""
    points_lost = [
        corpora[corpus][condition_key][name]["points_lost"] for corpus in averaged_corpora(corpora)
    ]
    return float(np.mean(points_lost)) if points_lost else None

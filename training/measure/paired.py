"""The same clips under two circumstances: what the second one costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from realtime_ser.recogniser.bundle import Bundle
from training.corpora import Clip
from training.measure.answers import Answers, ClipResult, Evaluation
from training.measure.listening import listen
from training.measure.metrics import bootstrap, interval, uar
from training.measure.scoring import by_corpus, in_mean, own_classes
from training.sound.takes import Take


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """What was said of the clips of one corpus under two circumstances, over its classes."""

    labels: NDArray[np.intp]
    before: NDArray[np.intp]
    after: NDArray[np.intp]
    answered: NDArray[np.bool_]
    speakers: NDArray[np.str_]

    @classmethod
    def of(
        cls, evaluation: Evaluation, before: Sequence[ClipResult], after: Sequence[ClipResult]
    ) -> Pair:
        """Both answers to clips of one corpus, in the same order."""
        clips = [result.clip for result in before]
        among, labels = own_classes(evaluation, clips)
        first, second = (Answers.over([r.segments for r in s], among) for s in (before, after))
        speakers = np.array([clip.speaker for clip in clips])
        return cls(labels, first.predictions, second.predictions, second.answered, speakers)

    def only(self, chosen: NDArray[np.intp]) -> Pair:
        """Some of the clips."""
        return Pair(
            self.labels[chosen],
            self.before[chosen],
            self.after[chosen],
            self.answered[chosen],
            self.speakers[chosen],
        )

    def figures(self) -> dict[str, Any]:
        """UAR under the second circumstance, and the points that it lost."""
        after = uar(self.labels, self.after)
        return {
            "clips": len(self.labels),
            "uar": after,
            "points_lost": 100 * (uar(self.labels, self.before) - after),
            "without_speech": int(np.sum(~self.answered)),
        }

    def intervals(self) -> dict[str, Any]:
        """What UAR and loss may be for other speakers like these."""
        speakers = self.speakers.tolist()
        before, after = (
            bootstrap(self.labels, said, speakers).uar for said in (self.before, self.after)
        )
        return {
            "uar_interval": interval(after),
            "points_lost_interval": interval(100 * (before - after)),
        }

    def told(self) -> dict[str, Any]:
        """Figures and intervals."""
        return {**self.figures(), **self.intervals()}


def pairs(clean: Evaluation, after: Sequence[ClipResult]) -> dict[str, Pair]:
    """Answers to the same clips before and after, by corpus."""
    later = by_corpus(after)
    return {
        corpus: Pair.of(clean, before, later[corpus])
        for corpus, before in by_corpus(clean.results).items()
    }


Said: TypeAlias = Sequence[tuple[Bundle, Evaluation]]
"""A model, or those of a recipe's folds, and what each said of its own clips as they are."""


def as_it_is(said: Said) -> Evaluation:
    """What was said of all clips as they are."""
    return Evaluation.pooled([evaluation for _, evaluation in said])


def pairs_under(
    said: Said, changed: Mapping[str, Callable[[Clip], Take]], jobs: int, title: str
) -> dict[str, dict[str, Pair]]:
    """Clips as they are and under some circumstances, by corpus and circumstance.

    Parameters
    ----------
    said
        The models, and their clips as they are.
    changed
        A clip under each circumstance.
    jobs, title
        Number of processes, and what their progress is called.
    """
    later: dict[str, list[ClipResult]] = {name: [] for name in changed}
    for bundle, clean in said:
        takes = [take(clip) for take in changed.values() for clip in clean.clips]
        heard = iter(listen(bundle, takes, jobs, title))
        for results in later.values():
            results.extend(islice(heard, len(clean.clips)))
    whole = as_it_is(said)
    found = {name: pairs(whole, results) for name, results in later.items()}
    return {
        corpus: {name: own[corpus] for name, own in found.items()}
        for corpus in by_corpus(whole.results)
    }


def mean_lost(corpora: Mapping[str, Any], circumstances: str, name: str) -> float | None:
    """Points lost under one of the circumstances, in the mean over the corpora."""
    lost = [corpora[corpus][circumstances][name]["points_lost"] for corpus in in_mean(corpora)]
    return float(np.mean(lost)) if lost else None

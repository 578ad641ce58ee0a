"""The same clips under two circumstances: what the second one costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime_ser.model import Bundle
from training.measure.answers import Answers, ClipResult, Evaluation
from training.measure.listening import listen
from training.measure.metrics import bootstrap, interval, uar
from training.measure.scoring import by_corpus, in_mean, own_classes
from training.sound.takes import Take


def heard_under(
    bundle: Bundle, takes: Mapping[str, Sequence[Take]], jobs: int, title: str
) -> dict[str, dict[str, list[ClipResult]]]:
    """What a bundle says of clips under some circumstances, by circumstance and corpus."""
    results = listen(bundle, [take for own in takes.values() for take in own], jobs, title)
    found, start = {}, 0
    for name, own in takes.items():
        found[name] = by_corpus(results[start : start + len(own)])
        start += len(own)
    return found


def mean_lost(corpora: Mapping[str, Any], circumstances: str, name: str) -> float | None:
    """Points lost under one of the circumstances, in the mean over the corpora."""
    lost = [corpora[corpus][circumstances][name]["points_lost"] for corpus in in_mean(corpora)]
    return float(np.mean(lost)) if lost else None


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

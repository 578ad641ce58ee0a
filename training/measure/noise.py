"""What noise costs, of kinds that no model learned from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime_ser.model import Bundle
from training.corpora import Clip
from training.measure.answers import Answers, ClipResult, Evaluation
from training.measure.listening import listen
from training.measure.metrics import bootstrap, interval, uar
from training.measure.scoring import by_corpus, in_mean, own_classes
from training.sound.chance import generator
from training.sound.noises import TEST_NOISES
from training.sound.takes import Noisy, Take


@dataclass(frozen=True, slots=True)
class NoiseTest:
    """Which noise is mixed under test clips.

    Attributes
    ----------
    kinds
        Each clip gets one of these, the same one at every ratio.
    snr_db
        Signal-to-noise ratios over voiced samples.
    seed
        Of the kinds and of the noise.
    """

    kinds: tuple[str, ...] = TEST_NOISES
    snr_db: tuple[float, ...] = (20.0, 10.0, 5.0, 0.0)
    seed: int = 0

    def kind_of(self, clip: Clip) -> str:
        """Kind of noise that a clip gets."""
        random = generator(self.seed, "kind of test noise", clip.corpus, clip.name)
        return self.kinds[int(random.integers(len(self.kinds)))]

    def take(self, clip: Clip, snr_db: float) -> Take:
        """A clip with its noise."""
        return Take(clip, Noisy((self.kind_of(clip),), snr_db, self.seed))


def noise_scores(
    bundle: Bundle, clean: Evaluation, *, jobs: int, test: NoiseTest | None = None
) -> dict[str, Any]:
    """Measure a bundle on the same clips with noise under them.

    A clip in which the gate no longer finds speech counts as an error.

    Parameters
    ----------
    bundle
        The model.
    clean
        What it said of the clips without noise.
    jobs
        Number of processes.
    test
        The noise; :class:`NoiseTest` as it stands where left out.

    Returns
    -------
    dict
        ``corpora``, and in each ``by_snr``: ``uar`` and its interval, ``points_lost`` against the
        clean clips with the interval of a paired bootstrap, clips ``without_speech``, and the same
        ``by_kind``. ``points_lost``: the mean over the corpora of what is lost at each ratio.
    """
    test = test or NoiseTest()
    takes = [test.take(clip, ratio) for ratio in test.snr_db for clip in clean.clips]
    heard = listen(bundle, takes, jobs, "Listening in noise")
    count = len(clean.clips)
    noisy = {
        _name(ratio): by_corpus(heard[k * count : (k + 1) * count])
        for k, ratio in enumerate(test.snr_db)
    }
    corpora = {
        corpus: {
            "by_snr": {
                ratio: _compared(clean, results, mine[corpus], test)
                for ratio, mine in noisy.items()
            }
        }
        for corpus, results in by_corpus(clean.results).items()
    }
    return {
        "kinds": list(test.kinds),
        "snr_db": list(test.snr_db),
        "seed": test.seed,
        "points_lost": {ratio: _mean_lost(corpora, ratio) for ratio in noisy},
        "corpora": corpora,
    }


def _name(ratio: float) -> str:
    return f"{ratio:g}"


def _mean_lost(corpora: Mapping[str, Any], ratio: str) -> float | None:
    lost = [corpora[name]["by_snr"][ratio]["points_lost"] for name in in_mean(corpora)]
    return float(np.mean(lost)) if lost else None


def _compared(
    clean: Evaluation, before: Sequence[ClipResult], after: Sequence[ClipResult], test: NoiseTest
) -> dict[str, Any]:
    clips = [result.clip for result in before]
    pair = Pair.of(clean, before, after)
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for number, clip in enumerate(clips):
        groups[test.kind_of(clip)].append(number)
    by_kind = {kind: pair.only(np.array(groups[kind])).figures() for kind in sorted(groups)}
    return {**pair.figures(), **pair.intervals(), "by_kind": by_kind}


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

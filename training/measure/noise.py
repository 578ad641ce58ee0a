"""What noise costs, of kinds that no model learned from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from realtime_ser.model import Bundle
from training.corpora import Clip
from training.measure.answers import ClipResult, Evaluation
from training.measure.paired import Pair, heard_under, mean_lost
from training.measure.scoring import by_corpus
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
    ratios = {f"{ratio:g}": ratio for ratio in test.snr_db}
    takes = {
        name: [test.take(clip, ratio) for clip in clean.clips] for name, ratio in ratios.items()
    }
    noisy = heard_under(bundle, takes, jobs, "Listening in noise")
    corpora = {
        corpus: {
            "by_snr": {
                name: _compared(clean, results, mine[corpus], test) for name, mine in noisy.items()
            }
        }
        for corpus, results in by_corpus(clean.results).items()
    }
    return {
        "kinds": list(test.kinds),
        "snr_db": list(test.snr_db),
        "seed": test.seed,
        "points_lost": {name: mean_lost(corpora, "by_snr", name) for name in noisy},
        "corpora": corpora,
    }


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

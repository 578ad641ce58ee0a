"""Loss of UAR in noise, of kinds that no model trains on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from training.corpora import Clip
from training.measure.paired import (
    EvaluatedBundles,
    PairedPredictions,
    mean_points_lost,
    pairs_by_condition,
    pooled_evaluation,
)
from training.measure.scoring import by_corpus
from training.sound.examples import Example
from training.sound.noise_mixer import NoiseMixer
from training.sound.noises import TEST_NOISES
from training.sound.seeding import generator


@dataclass(frozen=True, slots=True)
class NoiseTest:
    """Kinds and signal-to-noise ratios of the noise under test clips.

    Attributes
    ----------
    kinds
        Kinds of noise, of which each clip gets one, the same at every ratio.
    snr_db
        Signal-to-noise ratios over voiced samples.
    seed
        Seed of the kinds and of the noise.
    """

    kinds: tuple[str, ...] = TEST_NOISES
    snr_db: tuple[float, ...] = (20.0, 10.0, 5.0, 0.0)
    seed: int = 0

    def kind_of(self, clip: Clip) -> str:
        """Kind of noise of a clip."""
        random = generator(self.seed, "kind of test noise", clip.corpus, clip.name)
        return self.kinds[int(random.integers(len(self.kinds)))]

    def example(self, clip: Clip, snr_db: float) -> Example:
        """A clip with noise at a signal-to-noise ratio in dB."""
        return Example(clip, NoiseMixer((self.kind_of(clip),), snr_db, self.seed))


def noise_scores(
    evaluated: EvaluatedBundles, *, jobs: int, test: NoiseTest | None = None
) -> dict[str, Any]:
    """UAR of models on noisy clips, and its loss against the clean ones.

    A clip in which the gate no longer finds speech counts as an error.

    Parameters
    ----------
    evaluated
        The models, with their evaluations on the clean clips.
    jobs
        Number of processes.
    test
        The noise; by default that of :class:`NoiseTest`.

    Returns
    -------
    dict
        ``corpora``, and in each ``by_snr``: ``uar`` and its interval, ``points_lost`` against the
        clean clips with the interval of a paired bootstrap, clips ``without_speech``, and the same
        ``by_kind``. ``points_lost``: the mean loss over the corpora at each ratio.
    """
    test = test or NoiseTest()
    noisy = {f"{ratio:g}": partial(test.example, snr_db=ratio) for ratio in test.snr_db}
    found = pairs_by_condition(evaluated, noisy, jobs, "Evaluating in noise")
    kinds = {
        corpus: [test.kind_of(result.clip) for result in results]
        for corpus, results in by_corpus(pooled_evaluation(evaluated).results).items()
    }
    corpora = {
        corpus: {
            "by_snr": {
                name: {**pair.figures_with_intervals(), "by_kind": _by_kind(pair, kinds[corpus])}
                for name, pair in own.items()
            }
        }
        for corpus, own in found.items()
    }
    return {
        "kinds": list(test.kinds),
        "snr_db": list(test.snr_db),
        "seed": test.seed,
        "points_lost": {name: mean_points_lost(corpora, "by_snr", name) for name in noisy},
        "corpora": corpora,
    }


def _by_kind(pair: PairedPredictions, kinds: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Figures of the clips of each kind of noise."""
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for number, kind in enumerate(kinds):
        groups[kind].append(number)
    return {kind: pair.subset(np.array(groups[kind])).figures() for kind in sorted(groups)}

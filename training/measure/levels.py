"""What a microphone's level costs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.measure.paired import EvaluatedBundles, mean_points_lost, pairs_by_condition
from training.sound.examples import Example

GAINS_DB = (-12.0, -6.0, 6.0, 12.0)
"""What clips are heard at beside their own level."""


@dataclass(frozen=True, slots=True)
class GainChange:
    """The same sound louder or quieter, never clipped."""

    gain_db: float

    def __call__(self, samples: NDArray[np.float32], key: str) -> NDArray[np.float32]:  # noqa: ARG002
        """Sound at another level."""
        return samples * np.float32(10.0 ** (self.gain_db / 20.0))

    def voice(self, samples: NDArray[np.float32], key: str) -> NDArray[np.float32]:
        """The same, for there is nothing but the voice."""
        return self(samples, key)

    def digest(self, key: str) -> bytes:  # noqa: ARG002
        """The gain."""
        return repr(self.gain_db).encode()


def level_scores(evaluated: EvaluatedBundles, *, jobs: int) -> dict[str, Any]:
    """Measure models on the same clips at other levels.

    A clip in which the gate no longer finds speech counts as an error.

    Parameters
    ----------
    evaluated
        The models, and what they said of the clips as recorded.
    jobs
        Number of processes.

    Returns
    -------
    dict
        ``corpora``, and in each ``by_gain``, under the gain in dB: ``uar`` and its interval,
        ``points_lost`` against the clips as recorded with the interval of a paired bootstrap, and
        clips ``without_speech``. ``points_lost``: the mean over the corpora at each gain.
    """
    conditions = {f"{gain:+g}": partial(Example, change=GainChange(gain)) for gain in GAINS_DB}
    found = pairs_by_condition(evaluated, conditions, jobs, "Listening at other levels")
    corpora = {
        corpus: {
            "by_gain": {condition: pair.figures_with_intervals() for condition, pair in own.items()}
        }
        for corpus, own in found.items()
    }
    return {
        "gains_db": list(GAINS_DB),
        "points_lost": {
            condition: mean_points_lost(corpora, "by_gain", condition) for condition in conditions
        },
        "corpora": corpora,
    }

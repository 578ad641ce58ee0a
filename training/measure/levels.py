"""Loss of UAR when the microphone's gain differs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.measure.paired import EvaluatedBundles, mean_points_lost, pairs_by_condition
from training.sound.examples import Example

GAINS_DB = (-12.0, -6.0, 6.0, 12.0)
"""Gains in dB of the test."""


@dataclass(frozen=True, slots=True)
class GainChange:
    """Gain in dB, without clipping."""

    gain_db: float

    def __call__(self, samples: NDArray[np.float32], key: str) -> NDArray[np.float32]:  # noqa: ARG002
        """Samples after the gain."""
        return samples * np.float32(10.0 ** (self.gain_db / 20.0))

    def voice(self, samples: NDArray[np.float32], key: str) -> NDArray[np.float32]:
        """Samples after the gain, as for the whole sound."""
        return self(samples, key)

    def digest(self, key: str) -> bytes:  # noqa: ARG002
        """Gain in dB as text."""
        return repr(self.gain_db).encode()


def level_scores(evaluated: EvaluatedBundles, *, jobs: int) -> dict[str, Any]:
    """UAR of models on clips at other levels, and its loss against the clips as recorded.

    A clip in which the gate no longer finds speech counts as an error.

    Parameters
    ----------
    evaluated
        The models, with their evaluations on the clips as recorded.
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
    found = pairs_by_condition(evaluated, conditions, jobs, "Evaluating at other levels")
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

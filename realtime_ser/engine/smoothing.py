"""What a voice sounds like now: the smoothed values, their leader, and what led before.

Only the display is smoothed; files hold what the model said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.records import STEP_S, State, Update

#: How far a label must be ahead of the leader to take over.
_MARGIN = 0.02


class Smoother:
    """Follows one channel.

    Parameters
    ----------
    labels
        Labels of the model, in its order.
    smoothing_s
        Time constant in seconds; 0 shows each step as it is.

    Attributes
    ----------
    values
        Smoothed probabilities, shape ``(labels,)``; zeros outside speech.
    leader
        The label to show; ``None`` outside speech.
    certain
        Whether the model's answers have lately been certain.
    state
        State of the newest step; ``None`` before the first.
    level_dbfs, clipped_s
        Level of the newest step, and when a sample last reached full scale.
    """

    def __init__(self, labels: Sequence[str], smoothing_s: float) -> None:
        self.labels = tuple(labels)
        self.values: NDArray[np.float64] = np.zeros(len(labels))
        self.leader: str | None = None
        self.certain = True
        self.state: State | None = None
        self.level_dbfs = -math.inf
        self.clipped_s = -math.inf
        self.set_smoothing(smoothing_s)
        self._certainty = 1.0
        self._last_led: dict[str, float] = {}

    def set_smoothing(self, seconds: float) -> None:
        """Change the time constant."""
        self._gain = 1.0 - math.exp(-STEP_S / seconds) if seconds > 0 else 1.0

    @property
    def confidence(self) -> float:
        """Smoothed probability of the leader; 0 outside speech."""
        return float(self.values[self.labels.index(self.leader)]) if self.leader else 0.0

    def feed(self, update: Update) -> None:
        """Take in the channel's next step."""
        restarts = self.leader is None
        self.state = update.state
        self.level_dbfs = update.level_dbfs
        if np.abs(update.envelope).max() >= 0.999:
            self.clipped_s = update.time_s
        if not update.speech or update.estimate is None:
            self.values[:] = 0.0
            self.leader = None
            return
        gain = 1.0 if restarts else self._gain
        self.values += gain * (update.estimate.probabilities - self.values)
        self._certainty += gain * (float(update.estimate.certain) - self._certainty)
        self._choose_leader(restarts)
        assert self.leader is not None
        self._last_led[self.leader] = update.time_s

    def previous(self) -> tuple[str, float] | None:
        """The label that led before this one, and when it last did, in seconds."""
        others = [(when, label) for label, when in self._last_led.items() if label != self.leader]
        if not others:
            return None
        when, label = max(others)
        return label, when

    def _choose_leader(self, restarts: bool) -> None:
        best = int(np.argmax(self.values))
        if restarts or self.values[best] > self.confidence + _MARGIN:
            self.leader = self.labels[best]
        # Two thresholds: an answer on the border must not make the label blink.
        if restarts:
            self.certain = self._certainty >= 0.5
        elif self.certain:
            self.certain = self._certainty >= 0.35
        else:
            self.certain = self._certainty >= 0.65

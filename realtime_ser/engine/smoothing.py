"""Smoothed probabilities of a channel, and the label that leads them.

Only the display is smoothed; files hold the probabilities of the model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.labels import LABEL_WORDS
from realtime_ser.base.records import STEP_S, Quality, State, Update
from realtime_ser.base.text import NO_RESULT, confidence_text, elapsed_text

#: How far a label must be ahead of the leader to take over.
_MARGIN = 0.02

#: So much speech in a row that is not usable is worth a word.
UNUSABLE_S = 3.0

_ADVICE = {
    Quality.TOO_QUIET: "Come nearer to the microphone, or raise its level.",
    Quality.OVERLOADED: "Lower the microphone's level, or go further away from it.",
    Quality.NOT_A_VOICE: "What is heard does not sound like speech.",
    Quality.LOUD_BACKGROUND: "Come nearer to the microphone, or make it quieter around you.",
    Quality.UNUSUAL_VOICE: "The model knows no voice like this: whisper, laughter or song, say.",
}


class Smoother:
    """Exponential smoothing of one channel's probabilities, with a leader that does not flicker.

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
        Whether the estimates have lately been certain.
    quality, unusable_s
        What the sound has lately been like, and for how many seconds of speech it has not been
        usable.
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
        self.quality = Quality.UNMEASURED
        self.unusable_s = 0.0
        self.state: State | None = None
        self.level_dbfs = -math.inf
        self.clipped_s = -math.inf
        self.set_smoothing(smoothing_s)
        self._certainty = self._usability = 1.0
        self._last_led: dict[str, float] = {}

    def set_smoothing(self, seconds: float) -> None:
        """Change the time constant."""
        self._gain = 1.0 - math.exp(-STEP_S / seconds) if seconds > 0 else 1.0

    @property
    def confidence(self) -> float:
        """Smoothed probability of the leader; 0 outside speech."""
        return float(self.values[self.labels.index(self.leader)]) if self.leader else 0.0

    def feed(self, update: Update) -> None:
        """Take the channel's next step."""
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
        self._follow_quality(update.estimate.quality, gain)
        self._choose_leader(restarts)
        assert self.leader is not None
        if self.quality.usable:
            self._last_led[self.leader] = update.time_s

    @property
    def leader_text(self) -> str:
        """The leader in words, with a question mark where uncertain; or why there is none."""
        if self.leader is None:
            return "sound lost" if self.state is State.LOST else "no speech"
        if not self.quality.usable:
            return self.quality.value
        sounds = f"sounds {LABEL_WORDS.get(self.leader, self.leader)}"
        return sounds if self.certain else f"{sounds}?"

    @property
    def value_text(self) -> str:
        """What stands beside the leader: its probability, or that nothing counts."""
        if self.leader is None:
            return ""
        if not self.quality.usable:
            return NO_RESULT
        return confidence_text(self.confidence, certain=self.certain)

    @property
    def advice(self) -> str | None:
        """What to do about a sound that has not been usable for long; ``None``: it is."""
        if self.unusable_s < UNUSABLE_S:
            return None
        return f"{_ADVICE[self.quality]} No result counts meanwhile."

    def previous_text(self, now_s: float) -> str:
        """The label that led before the leader, and how long ago, in words; empty: none did."""
        others = [(when, label) for label, when in self._last_led.items() if label != self.leader]
        if not others:
            return ""
        when_s, label = max(others)
        return f"was {label} {elapsed_text(now_s - when_s)}"

    def _follow_quality(self, quality: Quality, gain: float) -> None:
        self._usability += gain * (float(quality.usable) - self._usability)
        # Two thresholds, as for certainty.
        if quality.usable == (self._usability >= (0.35 if self.quality.usable else 0.65)):
            self.quality = quality
        self.unusable_s = 0.0 if self.quality.usable else self.unusable_s + STEP_S

    def _choose_leader(self, restarts: bool) -> None:
        best = int(np.argmax(self.values))
        if restarts or self.values[best] > self.confidence + _MARGIN:
            self.leader = self.labels[best]
        # Two thresholds: an answer on the border must not make the label blink.
        threshold = 0.5 if restarts else 0.35 if self.certain else 0.65
        self.certain = self._certainty >= threshold

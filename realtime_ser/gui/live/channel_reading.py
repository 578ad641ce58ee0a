"""Words and bars of a channel, left of its timeline. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

from realtime_ser.base.labels import LABEL_WORDS
from realtime_ser.base.text import percent_text
from realtime_ser.engine.smoothing import Smoother
from realtime_ser.session.statistics import ChannelSummary

NOTICE = (
    "What a voice sounds like, as a model hears it, is not what a person feels: "
    "do not judge anyone by it."
)


@dataclass(frozen=True, slots=True)
class ChannelReading:
    """Words and bars of one channel.

    Attributes
    ----------
    title, value, previous
        From large to small.
    label
        The emotion whose face is shown; ``None`` for the one that waits.
    certain
        Whether to show it in full colour.
    bars
        Length of each bar, 0 to 1; ``None`` where there is nothing to say.
    """

    title: str
    value: str = ""
    previous: str = ""
    label: str | None = None
    certain: bool = True
    bars: tuple[float, ...] | None = None

    @property
    def muted(self) -> bool:
        """Whether the words are shown less strongly."""
        return self.label is None or not self.certain

    @property
    def line(self) -> str:
        """Title and value in one line."""
        return f"{self.title}  {self.value}".strip()


def live_reading(smoother: Smoother, now_s: float) -> ChannelReading:
    """What is heard now; ``now_s`` is the session's time in seconds."""
    title, previous = smoother.leader_text, smoother.previous_text(now_s)
    if smoother.leader is None:
        return ChannelReading(title, previous=previous)
    value = percent_text(smoother.confidence)
    if not smoother.certain:
        value = f"{value}, uncertain"
    bars = tuple(smoother.values.tolist())
    return ChannelReading(title, value, previous, smoother.leader, smoother.certain, bars)


def stopped_reading(word: str, smoother: Smoother, now_s: float) -> ChannelReading:
    """A state in which nothing is heard."""
    return ChannelReading(word, previous=smoother.previous_text(now_s))


def summary_reading(summary: ChannelSummary, smoother: Smoother) -> ChannelReading:
    """How a finished session went: which label had most of the speech."""
    if not summary.shares:
        return ChannelReading("no speech", previous="in this session")
    label, share = next(iter(summary.shares.items()))
    return ChannelReading(
        f"mostly {LABEL_WORDS.get(label, label)}",
        percent_text(share),
        f"of {summary.voiced_s:.0f} s of voice",
        label,
        bars=tuple(summary.shares.get(name, 0.0) for name in smoother.labels),
    )

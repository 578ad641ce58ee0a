"""What stands left of a timeline: a few words and a value for each label. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

from realtime_ser.base.labels import SOUNDS
from realtime_ser.base.records import State
from realtime_ser.base.text import elapsed, percent
from realtime_ser.engine.smoothing import Readout
from realtime_ser.session.running_summary import ChannelSummary


@dataclass(frozen=True, slots=True)
class Reading:
    """Words and bars of one channel.

    Attributes
    ----------
    title, value, before
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
    before: str = ""
    label: str | None = None
    certain: bool = True
    bars: tuple[float, ...] | None = None

    @property
    def line(self) -> str:
        """Title and value in one line."""
        return f"{self.title}  {self.value}".strip()


def live_reading(readout: Readout, now_s: float) -> Reading:
    """What is heard now; ``now_s`` is the session's time in seconds."""
    before = _before(readout, now_s)
    label = readout.leader
    if label is None:
        return Reading("sound lost" if readout.state is State.LOST else "no speech", before=before)
    sounds = f"sounds {SOUNDS.get(label, label)}"
    value = percent(readout.confidence)
    if not readout.certain:
        sounds, value = f"{sounds}?", f"{value}, uncertain"
    bars = tuple(readout.values.tolist())
    return Reading(sounds, value, before, label, readout.certain, bars)


def stopped_reading(word: str, readout: Readout, now_s: float) -> Reading:
    """A state in which nothing is heard."""
    return Reading(word, before=_before(readout, now_s))


def summary_reading(summary: ChannelSummary, readout: Readout) -> Reading:
    """How a finished session went: which label had most of the speech."""
    if not summary.shares:
        return Reading("no speech", before="in this session")
    label, share = next(iter(summary.shares.items()))
    return Reading(
        f"mostly {SOUNDS.get(label, label)}",
        percent(share),
        f"of {summary.voiced_s:.0f} s of voice",
        label,
        bars=tuple(summary.shares.get(name, 0.0) for name in readout.labels),
    )


def _before(readout: Readout, now_s: float) -> str:
    previous = readout.previous()
    return f"was {previous[0]} {elapsed(now_s - previous[1])}" if previous else ""

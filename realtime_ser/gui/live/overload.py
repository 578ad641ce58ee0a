"""When sound is lost or results come late: what happened, and what to do. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

from realtime_ser.gui.live.status_model import Panorama, Situation

#: A loss is told for so long, and all losses within that time as one.
TOLD_S = 20.0

#: Results that come later than this are worth a word, once they have for so long.
LATE_MS = 400.0
LATE_S = 3.0

#: Updates a second, of 12.5, below which the computer does not keep up.
SLOW = 11.0


@dataclass(frozen=True, slots=True)
class Strain:
    """What is amiss, and what to do."""

    title: str
    text: str


class StrainWatch:
    """Follows the states of a session.

    What was put away by a person stays away until something new happens.
    """

    def __init__(self) -> None:
        self._dropped = self._overflows = 0
        self._lost = self._overflowed = 0
        self._lost_s = float("-inf")
        self._late_since_s: float | None = None
        self._away: str | None = None
        self._kind = ""

    def put_away(self) -> None:
        """Say no more of what is being said."""
        self._away = self._kind
        self._lost = self._overflowed = 0
        self._lost_s = float("-inf")

    def observe(self, view: Panorama, now_s: float) -> Strain | None:
        """What to say of a state at ``now_s`` on the monotonic clock; ``None``: nothing."""
        self._count(view, now_s)
        found = self._describe(view, now_s) if view.situation in _HEARING else None
        self._kind = found.title if found is not None else ""
        if found is None or found.title != self._away:
            self._away = None
            return found
        return None

    def _count(self, view: Panorama, now_s: float) -> None:
        lost = view.dropped_samples - self._dropped
        overflowed = view.overflows - self._overflows
        self._dropped, self._overflows = view.dropped_samples, view.overflows
        if now_s - self._lost_s > TOLD_S:
            self._lost = self._overflowed = 0
        if view.situation not in _HEARING:
            return  # a microphone that went away has a ribbon of its own
        if lost > 0 or overflowed > 0:
            self._away = None
            self._lost_s = now_s
            self._lost += max(0, lost)
            self._overflowed += max(0, overflowed)

    def _describe(self, view: Panorama, now_s: float) -> Strain | None:
        if now_s - self._lost_s <= TOLD_S:
            return Strain(_amount(self._lost, view.rate), self._reason())
        late = view.latency_ms is not None and view.latency_ms > LATE_MS
        slow = view.live and view.updates_per_s is not None and view.updates_per_s < SLOW
        if not (late or slow):
            self._late_since_s = None
            return None
        if self._late_since_s is None:
            self._late_since_s = now_s
        if now_s - self._late_since_s < LATE_S:
            return None
        if slow:
            return Strain(
                "This computer does not keep up",
                "Close other programs; nothing is lost while the buffer holds.",
            )
        return Strain(
            "Results come late",
            "Wireless microphones and busy sound servers add delay: a cable, or closing "
            "programs that use sound, helps. Times in the files stay right.",
        )

    def _reason(self) -> str:
        if self._overflowed:
            return (
                "The system did not hand the sound over in time. Close other programs; the gap is "
                "kept as lost, never guessed."
            )
        return (
            "The program could not follow. Close other programs, or raise audio.buffer_s; the gap "
            "is kept as lost, never guessed."
        )


_HEARING = frozenset({Situation.LISTENING, Situation.SPEECH, Situation.PAUSED})


def _amount(samples: int, rate: int) -> str:
    if not samples:
        return "Sound may be lost"
    seconds = samples / rate if rate else 0.0
    if not seconds:
        return f"{samples:,} samples lost"
    return f"{1000 * seconds:.0f} ms of sound lost" if seconds < 1 else f"{seconds:.1f} s lost"

"""When sound is lost or results come late: what happened, and what to do. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

from realtime_ser.base.records import STEP_S
from realtime_ser.gui.live.status_model import StatusModel, UiState

#: A loss is told for so long, and all losses within that time as one.
SHOWN_S = 20.0

#: Results that come later than this are worth a word, once they have for so long.
LATE_MS = 400.0
LATE_S = 3.0

#: Updates a second and channel below which the computer does not keep up.
MIN_UPDATES_PER_S = 0.88 / STEP_S


@dataclass(frozen=True, slots=True)
class Overload:
    """What is amiss, and what to do."""

    title: str
    text: str


class OverloadMonitor:
    """Follows the states of a session.

    What was put away by a person stays away until something new happens.
    """

    def __init__(self) -> None:
        self._dropped = self._overflows = 0
        self._lost_samples = self._overflowed = 0
        self._last_loss_s = float("-inf")
        self._late_since_s: float | None = None
        self._dismissed: str | None = None
        self._shown_title = ""

    def dismiss(self) -> None:
        """Say no more of what is being said."""
        self._dismissed = self._shown_title
        self._lost_samples = self._overflowed = 0
        self._last_loss_s = float("-inf")

    def feed(self, status: StatusModel, now_s: float) -> Overload | None:
        """What to say of a state at ``now_s`` on the monotonic clock; ``None``: nothing."""
        self._count_losses(status, now_s)
        found = (
            self._current_overload(status, now_s) if status.ui_state in _MONITORED_STATES else None
        )
        self._shown_title = found.title if found is not None else ""
        if found is None or found.title != self._dismissed:
            self._dismissed = None
            return found
        return None

    def _count_losses(self, status: StatusModel, now_s: float) -> None:
        lost = status.dropped_samples - self._dropped
        overflowed = status.overflows - self._overflows
        self._dropped, self._overflows = status.dropped_samples, status.overflows
        if now_s - self._last_loss_s > SHOWN_S:
            self._lost_samples = self._overflowed = 0
        if status.ui_state not in _MONITORED_STATES:
            return  # a microphone that went away has a ribbon of its own
        if lost > 0 or overflowed > 0:
            self._dismissed = None
            self._last_loss_s = now_s
            self._lost_samples += max(0, lost)
            self._overflowed += max(0, overflowed)

    def _current_overload(self, status: StatusModel, now_s: float) -> Overload | None:
        if now_s - self._last_loss_s <= SHOWN_S:
            return Overload(_loss_text(self._lost_samples, status.rate), self._loss_advice())
        late = status.latency_ms is not None and status.latency_ms > LATE_MS
        slow = (
            status.live
            and status.updates_per_s is not None
            and status.updates_per_s < MIN_UPDATES_PER_S
        )
        if not (late or slow):
            self._late_since_s = None
            return None
        if self._late_since_s is None:
            self._late_since_s = now_s
        if now_s - self._late_since_s < LATE_S:
            return None
        if slow:
            return Overload(
                "This computer does not keep up",
                "Close other programs; nothing is lost while the buffer holds.",
            )
        return Overload(
            "Results come late",
            "Wireless microphones and busy sound servers add delay: a cable, or closing "
            "programs that use sound, helps. Times in the files stay right.",
        )

    def _loss_advice(self) -> str:
        if self._overflowed:
            return (
                "The system did not hand the sound over in time. Close other programs; the gap is "
                "kept as lost, never guessed."
            )
        return (
            "The program could not follow. Close other programs, or raise audio.buffer_s; the gap "
            "is kept as lost, never guessed."
        )


_MONITORED_STATES = frozenset({UiState.LISTENING, UiState.SPEECH, UiState.PAUSED})


def _loss_text(samples: int, rate: int) -> str:
    if not samples:
        return "Sound may be lost"
    seconds = samples / rate if rate else 0.0
    if not seconds:
        return f"{samples:,} samples lost"
    return f"{1000 * seconds:.0f} ms of sound lost" if seconds < 1 else f"{seconds:.1f} s lost"

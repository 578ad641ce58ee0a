"""The states of the window: each has its own shape and its own words, so that none needs colour."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from realtime_ser.base.text import count_text


class Situation(StrEnum):
    """What the window is doing; the value is the word that it shows."""

    IDLE = "Idle"
    OPENING = "Opening"
    LISTENING = "Listening"
    SPEECH = "Speech"
    PAUSED = "Paused"
    RECONNECTING = "Reconnecting"
    ENDED = "Ended"
    NO_MICROPHONE = "No microphone"
    FAILED = "Stopped"

    @property
    def running(self) -> bool:
        """Whether a session is open."""
        return self in _RUNNING

    @property
    def glyph(self) -> str:
        """Name of its shape in :mod:`realtime_ser.gui.widgets.icons`."""
        return _GLYPHS[self]


_RUNNING = frozenset(
    {Situation.LISTENING, Situation.SPEECH, Situation.PAUSED, Situation.RECONNECTING}
)

_GLYPHS = {
    Situation.IDLE: "ring",
    Situation.OPENING: "dots",
    Situation.LISTENING: "target",
    Situation.SPEECH: "waves",
    Situation.PAUSED: "pause",
    Situation.RECONNECTING: "broken",
    Situation.ENDED: "square",
    Situation.NO_MICROPHONE: "warning",
    Situation.FAILED: "warning",
}


@dataclass(frozen=True, slots=True)
class Panorama:
    """Everything that the bars above and below the timeline show.

    Attributes
    ----------
    message
        What went wrong and what to do, where something did.
    fault
        Why the files are no longer written, although the session goes on.
    folder
        Where the session's files lie.
    fallback
        Whether the demo plays because there is no microphone.
    duration_s
        Length of a file, ``None`` for a microphone.
    latency_ms
        Recent median; ``None`` for files and before the first update.
    updates_per_s
        Of each channel.
    rate
        Samples a second of the source, in which losses are counted.
    second
        The model that is shown beside it for comparison; empty: none.
    participant
        Whose session it is, by their code; empty: nobody's.
    """

    situation: Situation = Situation.IDLE
    source: str = ""
    demo: bool = False
    fallback: bool = False
    live: bool = False
    recording: bool = False
    message: str = ""
    fault: str = ""
    folder: str = ""
    position_s: float = 0.0
    duration_s: float | None = None
    latency_ms: float | None = None
    updates_per_s: float | None = None
    dropped_samples: int = 0
    overflows: int = 0
    rate: int = 0
    model: str = ""
    second: str = ""
    participant: str = ""


_PARTICIPANT = 16
"""So many letters of a participant's code have room."""


def status_words(view: Panorama) -> list[str]:
    """The cells of the status line, in order."""
    if not view.model:  # nothing is open, and nothing was
        latency, rate = "latency –", "–"
    else:
        rate = "–" if view.updates_per_s is None else f"{view.updates_per_s:.1f}"
        if not view.live:
            latency = "no latency: file"
        else:
            latency = (
                "latency –" if view.latency_ms is None else f"latency {view.latency_ms:.0f} ms"
            )
    dropped = f"{view.dropped_samples:,} samples dropped" if view.dropped_samples else "0 dropped"
    if view.overflows:
        dropped += f", {count_text(view.overflows, 'overflow')}"
    stored = "audio is being stored" if view.recording else "audio is not stored"
    model = f"{view.model} and, not stored, {view.second}" if view.second else view.model
    if view.participant:
        code = view.participant
        short = code if len(code) <= _PARTICIPANT else f"{code[: _PARTICIPANT - 1]}…"
        model = f"participant {short}   {model}"
    return [latency, f"{rate} updates/s", dropped, model, stored]


def sign(view: Panorama) -> str:
    """What the window's title says first, so that the taskbar says it too."""
    words = view.situation.value
    if view.situation in (Situation.LISTENING, Situation.SPEECH):
        words = "\u25cf Listening"  # also in speech: a title that changes with each word unsettles
    if view.recording and view.situation.running:
        words += ", recording audio"
    return f"{words} (demo)" if view.demo else words

"""The states of the window: each has its own shape and its own words, so that none needs colour."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from realtime_ser.engine.status import latency_text, losses_text, storage_text


class UiState(StrEnum):
    """State of the window; the value is shown as a word."""

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
        return _STATE_WORDS[self].glyph

    @property
    def sentence(self) -> str:
        """Words that say nothing of what is heard, not even whether it is speech."""
        return _STATE_WORDS[self].sentence

    @property
    def stopped(self) -> str:
        """Words in place of what is heard; empty while something may be."""
        return _STATE_WORDS[self].stopped


_RUNNING = frozenset({UiState.LISTENING, UiState.SPEECH, UiState.PAUSED, UiState.RECONNECTING})


class _StateWords(NamedTuple):
    glyph: str
    sentence: str
    stopped: str = ""


_STATE_WORDS = {
    UiState.IDLE: _StateWords("ring", "Not listening", "not listening"),
    UiState.OPENING: _StateWords("dots", "Opening…", "opening"),
    UiState.LISTENING: _StateWords("target", "Listening"),
    UiState.SPEECH: _StateWords("waves", "Listening"),
    UiState.PAUSED: _StateWords("pause", "Paused: nothing is heard", "paused"),
    UiState.RECONNECTING: _StateWords(
        "broken", "The microphone is silent: reconnecting", "reconnecting"
    ),
    UiState.ENDED: _StateWords("square", "The session has ended", "ended"),
    UiState.NO_MICROPHONE: _StateWords("warning", "No microphone found", "no microphone"),
    UiState.FAILED: _StateWords("warning", "The session has stopped", "stopped"),
}


@dataclass(frozen=True, slots=True)
class StatusModel:
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
    comparison
        The model that is shown beside it for comparison; empty: none.
    participant
        Whose session it is, by their code; empty: nobody's.
    """

    ui_state: UiState = UiState.IDLE
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
    comparison: str = ""
    participant: str = ""


_MAX_PARTICIPANT_CHARS = 16
"""So many letters of a participant's code have room."""


def status_cells(status: StatusModel) -> list[str]:
    """The cells of the status line, in order."""
    if not status.model:  # nothing is open, and nothing was
        latency, rate = "latency –", "–"
    else:
        rate = "–" if status.updates_per_s is None else f"{status.updates_per_s:.1f}"
        latency = latency_text(status.latency_ms, live=status.live)
    dropped = losses_text(status.dropped_samples, status.overflows)
    stored = storage_text(recording=status.recording)
    model = status.model
    if status.comparison:
        model += f" and, not stored, {status.comparison}"
    if code := status.participant:
        if len(code) > _MAX_PARTICIPANT_CHARS:
            code = f"{code[: _MAX_PARTICIPANT_CHARS - 1]}…"
        model = f"participant {code}   {model}"
    return [latency, f"{rate} updates/s", dropped, model, stored]


def status_title(status: StatusModel) -> str:
    """First words of the window's title, which the taskbar shows too."""
    words = status.ui_state.value
    if status.ui_state in (UiState.LISTENING, UiState.SPEECH):
        words = "\u25cf Listening"  # also in speech: a title that changes with each word unsettles
    if status.recording and status.ui_state.running:
        words += ", recording audio"
    return f"{words} (demo)" if status.demo else words

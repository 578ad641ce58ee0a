"""What the window shows, as plain values: its state, and the words of each channel. No Qt.

Each state has its own shape and its own words, so that none needs colour.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from realtime_ser.audio.source import SourceInfo
from realtime_ser.base.labels import LABEL_WORDS
from realtime_ser.base.text import certain_text, in_no_share_text, percent_text
from realtime_ser.engine.smoothing import Smoother
from realtime_ser.engine.status import Phase, Status, latency_text, losses_text, storage_text
from realtime_ser.gui.live.timing import RateMeter
from realtime_ser.gui.widgets.localised import local_numbers
from realtime_ser.session.statistics import ChannelSummary


class UiState(StrEnum):
    """State of the window; the value is shown as a word.

    Attributes
    ----------
    glyph
        Name of its shape in :mod:`realtime_ser.gui.widgets.icons`.
    sentence
        Words that say nothing of what is heard, not even whether it is speech.
    """

    IDLE = "Idle", "ring", "Not listening"
    OPENING = "Opening", "dots", "Opening…"
    LISTENING = "Listening", "target", "Listening"
    SPEECH = "Speech", "waves", "Listening"
    PAUSED = "Paused", "pause", "Paused: nothing is heard"
    RECONNECTING = "Reconnecting", "broken", "The microphone is silent: reconnecting"
    ENDED = "Ended", "square", "The session has ended"
    NO_MICROPHONE = "No microphone", "warning", "No microphone found"
    FAILED = "Stopped", "warning", "The session has stopped"

    glyph: str
    sentence: str

    def __new__(cls, word: str, glyph: str, sentence: str) -> Self:
        """Make a state of its words; the first is its value."""
        made = str.__new__(cls, word)
        made._value_ = word
        made.glyph, made.sentence = glyph, sentence
        return made

    @property
    def hearing(self) -> bool:
        """Whether something may be heard."""
        return self in (UiState.LISTENING, UiState.SPEECH)

    @property
    def running(self) -> bool:
        """Whether a session is open."""
        return self.hearing or self in (UiState.PAUSED, UiState.RECONNECTING)

    @property
    def stopped(self) -> str:
        """Words in place of what is heard; empty while something may be."""
        return "" if self.hearing else self.value.lower()


@dataclass(frozen=True, slots=True)
class StatusModel:
    """Everything that the bars above and below the timeline show."""

    ui_state: UiState = UiState.IDLE
    source: str = ""
    demo: bool = False
    fallback: bool = False  # the demo plays because there is no microphone
    live: bool = False
    recording: bool = False
    message: str = ""  # what went wrong and what to do, where something did
    fault: str = ""  # why the files are no longer written, although the session goes on
    warning: str = ""  # what a person should know of the microphone
    folder: str = ""  # of the session's files
    position_s: float = 0.0
    duration_s: float | None = None  # of a file
    latency_ms: float | None = None  # recent median; None for files and before the first update
    updates_per_s: float | None = None  # of each channel
    dropped_samples: int = 0
    away_samples: int = 0  # of those, lost while the microphone was away
    overflows: int = 0
    rate: int = 0  # samples a second of the source, in which losses are counted
    model: str = ""
    model_reason: str = ""  # why the program chose it; empty: a person did
    comparison: str = ""  # the model that is shown beside it
    participant: str = ""  # the code of the person whose session it is


def status_model(status: Status, source: SourceInfo, rate_meter: RateMeter) -> StatusModel:
    """State of a monitor, without what its session and its model add."""
    idle = status.phase is Phase.IDLE  # a source that has begun, before its first block
    return StatusModel(
        ui_state=UiState.LISTENING if idle else UiState[status.phase.name],
        source=source.name,
        demo=source.demo,
        live=source.live,
        message=status.error or "",
        warning=status.notice or "",
        position_s=status.position_s,
        duration_s=source.duration_s,
        latency_ms=rate_meter.latency_ms(),
        updates_per_s=rate_meter.updates_per_s(),
        dropped_samples=status.dropped_samples,
        away_samples=status.away_samples,
        overflows=status.overflows,
        rate=source.native_rate,
    )


_MAX_PARTICIPANT_CHARS = 16  # so many letters of a participant's code have room


def status_cells(status: StatusModel) -> list[str]:
    """The cells of the status line, in order."""
    if not status.model:  # nothing is open, and nothing was
        latency, rate = "latency –", "–"
    else:
        per_s = status.updates_per_s
        rate = "–" if per_s is None else local_numbers(f"{per_s:.1f}")
        latency = latency_text(status.latency_ms, live=status.live)
    dropped = local_numbers(losses_text(status.dropped_samples, status.overflows))
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
    if status.ui_state.hearing:
        words = "\u25cf Listening"  # also in speech: a title that changes with each word unsettles
    if status.recording and status.ui_state.running:
        words += ", recording audio"
    return f"{words} (demo)" if status.demo else words


# ------------------------------------------------------------------------------- a channel

NOTICE = (
    "What a voice sounds like, as a model hears it, is not what a person feels: "
    "do not judge anyone by it."
)


@dataclass(frozen=True, slots=True)
class ChannelReading:
    """Words of one channel, from large to small, and its bars."""

    title: str
    value: str = ""
    previous: str = ""
    label: str | None = None  # the emotion whose face is shown; None for the one that waits
    certain: bool = True  # whether the face is shown in full colour
    bars: tuple[float, ...] | None = None  # lengths, 0 to 1; None where there is nothing to say

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
    if not smoother.quality.usable:
        return ChannelReading(title, smoother.value_text, previous)
    bars = tuple(smoother.values.tolist())
    return ChannelReading(
        title, smoother.value_text, previous, smoother.leader, smoother.certain, bars
    )


def stopped_reading(word: str, smoother: Smoother, now_s: float) -> ChannelReading:
    """A state in which nothing is heard."""
    return ChannelReading(word, previous=smoother.previous_text(now_s))


def summary_reading(summary: ChannelSummary, smoother: Smoother) -> ChannelReading:
    """How a finished session went: which label had most of the speech."""
    left_out = local_numbers(in_no_share_text(summary.left_out_s))
    if not summary.shares or summary.certain_share is None:
        if left_out:
            return ChannelReading("no result", previous=left_out)
        return ChannelReading("no speech", previous="in this session")
    certain = certain_text(summary.certain_share)
    label, share = next(iter(summary.shares.items()))
    return ChannelReading(
        f"mostly {LABEL_WORDS.get(label, label)}",
        percent_text(share),
        "; ".join(filter(None, (f"of {summary.voiced_s:.0f} s of voice", certain, left_out))),
        label,
        bars=tuple(summary.shares.get(name, 0.0) for name in smoother.labels),
    )

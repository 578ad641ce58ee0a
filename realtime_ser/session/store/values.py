"""Values that a reader of the store returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from realtime_ser.base.errors import UsageError
from realtime_ser.base.records import STEP_S
from realtime_ser.base.text import channel_title, one_line
from realtime_ser.session.metadata import SessionHealth, SessionMetadata
from realtime_ser.session.sinks import TableFiles
from realtime_ser.session.store.blobs import record_dtype
from realtime_ser.session.store.voice_blobs import VOICE_DTYPE

CORRECTED = "corrected segments"
"""Tier of the intervals by which a person corrects segments."""


class SessionState(StrEnum):
    """State of a session: running, complete or interrupted."""

    RUNNING = "running"
    COMPLETE = "complete"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class ChannelInfo:
    """A channel of a session, as far as stored.

    Attributes
    ----------
    number
        Number of the device's or file's channel, from 1.
    name
        Name that a person gave; may be empty.
    updates
        Number of stored updates.
    last_step
        Number of the newest stored step; -1: none.
    speech_s, lost_s
        Time of speech steps and of lost steps, in seconds.
    """

    number: int
    name: str
    updates: int
    last_step: int
    speech_s: float
    lost_s: float

    @property
    def end_s(self) -> float:
        """Time of the newest step in seconds from the start of the session."""
        return (self.last_step + 1) * STEP_S


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A session of the store, without its updates.

    Attributes
    ----------
    id
        Four letters and digits that never change.
    state
        Running in some program, complete, or interrupted: its program was killed.
    metadata
        Metadata of the start; the title is the present one.
    channels
        Channels, in the order of :attr:`SessionMetadata.channels`.
    health
        Lost samples and errors.
    audio
        File of the sound; ``None``: not kept, or gone.
    files
        Tables that were written while the session ran; ``None``: none.
    named
        Whether a person chose the name of those tables.
    """

    id: str
    state: SessionState
    metadata: SessionMetadata
    channels: tuple[ChannelInfo, ...]
    health: SessionHealth
    audio: Path | None
    files: TableFiles | None
    named: bool

    @property
    def state_text(self) -> str:
        """State in a word: ``incomplete`` where a session has ended and something is missing."""
        missing = self.state is SessionState.COMPLETE and self.health.error is not None
        return "incomplete" if missing else self.state.value

    @property
    def duration_s(self) -> float:
        """Time that the updates cover, in seconds."""
        return max((channel.end_s for channel in self.channels), default=0.0)

    @property
    def speech_s(self) -> float:
        """Time of the speech steps of all channels."""
        return sum(channel.speech_s for channel in self.channels)

    def speaker(self, channel: int | None) -> str:
        """Title of a channel; empty for all channels, and for a single one without a name."""
        names = self.metadata.names
        if channel is None or (len(self.channels) == 1 and channel not in names):
            return ""
        return one_line(channel_title(channel, names))

    def require_ended(self) -> None:
        """Refuse to work on a session that still runs.

        Raises
        ------
        UsageError
            The session runs.
        """
        if self.state is SessionState.RUNNING:
            raise UsageError(f"The session {self.id} is running: end it first.")

    @property
    def own_audio(self) -> Path | None:
        """File of the sound that was recorded with the session; ``None``: there is none.

        The sound of an analysed recording is the recording itself, which the store never deletes.
        """
        if self.audio is None:
            return None
        beside = self.files is not None and self.audio == self.files.audio
        return self.audio if beside or self.audio.parent.name == self.id else None

    @property
    def size(self) -> int:
        """Size of the updates and of the session's own sound, in bytes."""
        record = record_dtype(len(self.metadata.labels)).itemsize
        if self.metadata.measures_voice:
            record += VOICE_DTYPE.itemsize
        sound = 0 if self.own_audio is None else self.own_audio.stat().st_size
        return record * sum(channel.updates for channel in self.channels) + sound


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of a session that a person labelled, on a named tier.

    Attributes
    ----------
    tier
        Name of the tier, such as ``phase`` or ``emotion``; not empty.
    start_s, end_s
        Start and end in seconds from the start of the session; ``start_s < end_s``.
    label
        The label; may be empty.
    text
        Remark; may be empty.
    channel
        Number of the channel, from 1; ``None``: all channels.
    source
        ``user``, or the name of the file that the interval was read from.
    key
        Number in the store; ``None``: not stored yet. Intervals that differ in the key alone are
        equal.
    """

    tier: str
    start_s: float
    end_s: float
    label: str
    text: str = ""
    channel: int | None = None
    source: str = "user"
    key: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Note:
    """Words that a person added to a session, and when."""

    text: str
    written: datetime

"""What a reader of the store gets: values that do not change."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from realtime_ser.base.records import STEP_S
from realtime_ser.base.text import channel_title, one_line
from realtime_ser.session.metadata import SessionHealth, SessionMetadata
from realtime_ser.session.sinks import TableFiles
from realtime_ser.session.store.blobs import record_dtype


class SessionState(StrEnum):
    """Whether a session is over, and how it ended."""

    RUNNING = "running"
    COMPLETE = "complete"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class ChannelInfo:
    """One channel of a session, as far as it is stored.

    Attributes
    ----------
    number
        The device's or file's channel, from 1.
    name
        What a person calls it; empty: nothing.
    updates
        Number of stored updates.
    last_step
        The newest stored step; -1: none.
    speech_s, lost_s
        Time of its speech steps, and of its lost ones.
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
        What was known when it began; the title is the present one.
    channels
        Its channels, in the order of :attr:`SessionMetadata.channels`.
    health
        How it went.
    audio
        The sound, if it was kept and is there.
    files
        The tables that were written beside; ``None``: none were.
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
    def duration_s(self) -> float:
        """Time that its updates cover."""
        return max((channel.end_s for channel in self.channels), default=0.0)

    @property
    def speech_s(self) -> float:
        """Time of the speech steps of all channels."""
        return sum(channel.speech_s for channel in self.channels)

    @property
    def own_audio(self) -> Path | None:
        """The sound, if it was written for the session.

        That of an analysed recording is the recording itself: it is not the store's to delete.
        """
        if self.audio is None:
            return None
        beside = self.files is not None and self.audio == self.files.audio
        return self.audio if beside or self.audio.parent.name == self.id else None

    @property
    def size(self) -> int:
        """Bytes that its updates and its own sound take."""
        record = record_dtype(len(self.metadata.labels)).itemsize
        sound = 0 if self.own_audio is None else self.own_audio.stat().st_size
        return record * sum(channel.updates for channel in self.channels) + sound


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of a session that a person labelled, on a tier that they named.

    Attributes
    ----------
    tier
        What the stretch is labelled for, such as ``phase`` or ``emotion``; not empty.
    start_s, end_s
        In seconds from the start of the session; ``start_s < end_s``.
    label
        The label; may be empty.
    text
        What else is said of it.
    channel
        Number of the channel that it is about, from 1; ``None``: all of them.
    source
        Who made it: ``user``, or the name of the file that it was read from.
    key
        Its number in the store; ``None``: not stored yet. Two intervals that differ in it alone
        are equal.
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


def speaker_of(info: SessionInfo, channel: int | None) -> str:
    """Title by which a tier names its channel; empty where there is but one without a name."""
    names = info.metadata.names
    if channel is None or (len(info.channels) == 1 and channel not in names):
        return ""
    return one_line(channel_title(channel, names))

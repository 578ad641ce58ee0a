"""Contract between a session and the programs that hear its results live."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Protocol, TypeAlias

from realtime_ser.audio.source import SourceInfo
from realtime_ser.base.errors import OutputError
from realtime_ser.base.records import Anchor, IntervalOpened, Marker, Segment, Update
from realtime_ser.engine.status import Status
from realtime_ser.outputs.objects import event_object, json_text
from realtime_ser.recogniser.speaker_calibration import ModelIdentity


class ListenerGoneError(OutputError):
    """The only listener has gone, and none can come: the output is over."""


def limit_send_buffer(connection: socket.socket) -> None:
    """Let little wait in the system for a listener that does not read: it is soon old."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 128 * 1024)


@dataclass(frozen=True, slots=True)
class LiveDescription:
    """Description of a running session, which a listener gets first.

    Attributes
    ----------
    session
        ID of the session.
    started
        Local time of second 0, with its UTC offset.
    started_s
        The same moment in seconds on the monotonic clock: ADC time.
    labels
        Labels of the probabilities, in the bundle's order.
    model
        The model.
    certainty_threshold
        Confidence from which an estimate can be certain.
    source
        Description of the source.
    channels
        Numbers of the monitored channels, from 1.
    names
        Names of some or all channels, by their numbers.
    """

    session: str
    started: datetime
    started_s: float
    labels: tuple[str, ...]
    model: ModelIdentity
    certainty_threshold: float
    source: SourceInfo
    channels: tuple[int, ...]
    names: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class LiveStatus:
    """Status of the monitor, and what one output has lost of it.

    Attributes
    ----------
    status
        Status of the monitor.
    sent, dropped
        Number of records that the output has sent, and that it could not.
    """

    status: Status
    sent: int
    dropped: int


Content: TypeAlias = Update | Segment | Marker | IntervalOpened | Anchor | LiveStatus


@dataclass(frozen=True, eq=False)
class LiveEvent:
    """A record on its way out, with the moment it is about; all outputs share it.

    Attributes
    ----------
    content
        The record.
    time_s
        Time in the session in seconds: the end of a step or segment, the start of an interval.
    adc_s
        The same moment in seconds on the monotonic clock: ADC time.
    wall_clock
        The same moment as local time, with its UTC offset.
    """

    content: Content
    time_s: float
    adc_s: float
    wall_clock: datetime

    @cached_property
    def json_line(self) -> str:
        """Its JSON object as one line of ASCII, made once."""
        return json_text(event_object(self))


class Output(Protocol):
    """Way out to other programs; one thread calls all its methods.

    A method may wait for a listener: only the output's own queue then loses records.
    """

    @property
    def listeners(self) -> int | None:
        """Number of programs that listen now; ``None``: the protocol does not tell."""

    @property
    def dropped(self) -> int:
        """Number of records that could not be handed to one of several listeners."""

    def open(self, description: LiveDescription) -> None:
        """Connect, or begin to listen for connections.

        Raises
        ------
        OutputError
            It cannot be done now; it is tried again.
        """

    def send(self, events: Sequence[LiveEvent]) -> None:
        """Send records, in order.

        Raises
        ------
        OutputError
            The connection is lost; the output is closed and opened again.
        ListenerGoneError
            The output is over.
        """

    def close(self) -> None:
        """Let go of all connections; safe to call twice."""

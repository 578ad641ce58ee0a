"""Open Sound Control: a bundle of messages for each record, over UDP."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from realtime_ser.base.errors import OutputError, reason_text
from realtime_ser.base.records import Anchor, Estimate, IntervalOpened, Marker, Segment, Update
from realtime_ser.outputs.contract import LiveDescription, LiveEvent, LiveStatus
from realtime_ser.outputs.objects import MEASURES

_Argument: TypeAlias = float | int | str
_Message: TypeAlias = tuple[str, Sequence[_Argument]]


class OscOutput:
    """Bundles to one address, stamped with the wall clock of what they are about.

    UDP does not tell whether anybody listens, so the labels go out again with each status.
    """

    listeners = None
    dropped = 0

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
        self._socket: socket.socket | None = None
        self._target: Any = None
        self._labels: tuple[str, ...] = ()

    def open(self, description: LiveDescription) -> None:
        """Find the address."""
        self._labels = description.labels
        try:
            family, *_, self._target = socket.getaddrinfo(*self._address, type=socket.SOCK_DGRAM)[0]
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
        except OSError as error:
            host, port = self._address
            words = f"Cannot send to {host}:{port}: {reason_text(error)}; check the host's name."
            raise OutputError(words) from error

    def send(self, events: Sequence[LiveEvent]) -> None:
        """Send a bundle for each record."""
        assert self._socket is not None
        for event in events:
            messages = list(self._messages(event))
            try:
                if messages:
                    packet = _bundle(event.wall_clock.timestamp(), messages)
                    self._socket.sendto(packet, self._target)
            except OSError as error:
                host, port = self._address
                words = f"Cannot send to {host}:{port}: {reason_text(error)}."
                raise OutputError(words) from error

    def close(self) -> None:
        """Let go of the address."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _messages(self, event: LiveEvent) -> Iterator[_Message]:
        content = event.content
        if isinstance(content, Update):
            yield from _update_messages(content)
        elif isinstance(content, Segment):
            about = (content.number, content.start_s, content.end_s)
            estimate = content.estimate
            yield (
                f"/ser/{content.channel}/segment",
                (*about, estimate.label, float(estimate.confidence)),
            )
        elif isinstance(content, Marker):
            yield "/ser/marker", (content.text, content.time_s, content.duration_s, content.source)
        elif isinstance(content, IntervalOpened):
            marker = content.marker
            yield "/ser/interval", (marker.text, marker.time_s, marker.source)
        elif isinstance(content, LiveStatus):
            yield "/ser/labels", self._labels
            yield "/ser/status", (content.status.phase.value, event.time_s, content.dropped)
        else:
            assert isinstance(content, Anchor)  # the bundles' own time is enough


def _update_messages(update: Update) -> Iterator[_Message]:
    place = f"/ser/{update.channel}"
    yield f"{place}/time", (update.time_s,)
    yield f"{place}/speech", (int(update.speech),)
    for measure in MEASURES:
        value = measure.read(update)
        if value is not None:
            yield f"{place}/{measure.name}", (value,)
    if update.estimate is not None:
        yield from _estimate_messages(place, update.estimate)


def _estimate_messages(place: str, estimate: Estimate) -> Iterator[_Message]:
    yield f"{place}/probabilities", estimate.probabilities.tolist()
    yield f"{place}/label", (estimate.label,)
    yield f"{place}/confidence", (float(estimate.confidence),)
    yield f"{place}/certain", (int(estimate.certain),)


def _bundle(unix_s: float, messages: Sequence[_Message]) -> bytes:
    """A bundle as it is sent; the builders of python-osc read again all that they have written."""
    from pythonosc.parsing.osc_types import write_date, write_int

    contents = [_encoded(*message) for message in messages]
    sized = [write_int(len(content)) + content for content in contents]
    return b"".join([b"#bundle\0", write_date(unix_s), *sized])


def _encoded(address: str, arguments: Sequence[_Argument]) -> bytes:
    from pythonosc.parsing.osc_types import write_float, write_int, write_string

    tags, values = ",", b""
    for argument in arguments:
        if isinstance(argument, str):
            tags, values = tags + "s", values + write_string(argument)
        elif isinstance(argument, float):
            tags, values = tags + "f", values + write_float(argument)
        else:
            tags, values = tags + "i", values + write_int(argument)
    return write_string(address) + write_string(tags) + values

"""Open Sound Control: a bundle of messages for each record, over UDP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from realtime_ser.base.errors import OutputError, reason_text
from realtime_ser.base.records import Anchor, Estimate, IntervalOpened, Marker, Segment, Update
from realtime_ser.outputs.contract import LiveDescription, LiveEvent, LiveStatus
from realtime_ser.outputs.objects import MEASURES

if TYPE_CHECKING:
    from pythonosc.osc_bundle import OscBundle
    from pythonosc.udp_client import UDPClient

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
        self._client: UDPClient | None = None
        self._labels: tuple[str, ...] = ()

    def open(self, description: LiveDescription) -> None:
        """Find the address."""
        from pythonosc.udp_client import UDPClient

        self._labels = description.labels
        try:
            self._client = UDPClient(*self._address)
        except OSError as error:
            host, port = self._address
            words = f"Cannot send to {host}:{port}: {reason_text(error)}; check the host's name."
            raise OutputError(words) from error

    def send(self, events: Sequence[LiveEvent]) -> None:
        """Send a bundle for each record."""
        assert self._client is not None
        for event in events:
            messages = list(self._messages(event))
            try:
                if messages:
                    self._client.send(_bundle(event.wall_clock.timestamp(), messages))
            except OSError as error:
                host, port = self._address
                words = f"Cannot send to {host}:{port}: {reason_text(error)}."
                raise OutputError(words) from error

    def close(self) -> None:
        """Let go of the address."""
        if self._client is not None:
            self._client.close()
            self._client = None

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


def _bundle(unix_s: float, messages: Sequence[_Message]) -> OscBundle:
    from pythonosc.osc_bundle_builder import OscBundleBuilder
    from pythonosc.osc_message_builder import OscMessageBuilder

    bundle = OscBundleBuilder(unix_s)  # type: ignore[arg-type]  # it means a float
    for address, arguments in messages:
        message = OscMessageBuilder(address)
        for argument in arguments:
            message.add_arg(argument, "f" if isinstance(argument, float) else None)
        bundle.add_content(message.build())
    return bundle.build()

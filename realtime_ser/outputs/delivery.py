"""Delivery of a session's records to its outputs, each in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from realtime_ser.base.errors import OutputError, fault_text
from realtime_ser.base.records import (
    SAMPLE_RATE,
    Anchor,
    IntervalOpened,
    Record,
    Segment,
    Sound,
    Update,
)
from realtime_ser.base.text import count_text
from realtime_ser.engine.monitor import Monitor
from realtime_ser.engine.status import Status
from realtime_ser.engine.subscription import Subscription
from realtime_ser.outputs.address import Address, parse_addresses
from realtime_ser.outputs.contract import (
    Content,
    ListenerGoneError,
    LiveDescription,
    LiveEvent,
    LiveStatus,
    Output,
)
from realtime_ser.outputs.marker_inputs import MARKER_INPUTS, MarkerInput, MarkerInputState
from realtime_ser.outputs.registry import OUTPUTS, output_kind
from realtime_ser.session.live import LiveSession

_log = logging.getLogger(__name__)

_CAPACITY = 750  # records a channel: a minute; what is older is no longer live
_SHARED = 64  # events that are kept for the outputs that come to them later
_POLL_S = 0.25
_STATUS_S = 10.0  # at most between two status objects
_FIRST_RETRY_S, _LONGEST_RETRY_S = 0.5, 15.0
_END_PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True)
class OutputState:
    """State of an output, for a person.

    Attributes
    ----------
    address
        Its address.
    on
        Whether it is switched on.
    connected
        Whether it could be opened, and is.
    listeners
        Number of programs that listen; ``None``: the protocol does not tell.
    sent, dropped
        Number of records that were sent, and that were not.
    error
        Why it is not connected; one sentence.
    """

    address: str
    on: bool
    connected: bool
    listeners: int | None
    sent: int
    dropped: int
    error: str | None

    @property
    def counts_text(self) -> str:
        """How much was sent and dropped, in words."""
        dropped = f", {self.dropped:,} dropped" if self.dropped else ""
        return f"{self.sent:,} sent{dropped}"

    @property
    def text(self) -> str:
        """The state in a few words."""
        if not self.on:
            return "off"
        if not self.connected:
            return f"not connected, {self.counts_text}"
        if self.listeners is None:
            return self.counts_text
        return f"{count_text(self.listeners, 'listener')}, {self.counts_text}"


class LiveOutputs:
    """The outputs that the settings of a session name, and the inputs for markers.

    Make it before the session starts, so that nothing is missed.

    Raises
    ------
    SerError
        An address cannot be used: see :func:`parse_addresses`.
    """

    def __init__(self, session: LiveSession) -> None:
        config = session.config
        self._session = session
        self._events = _EventMaker(session.monitor)
        self._description: LiveDescription | None = None
        addresses = parse_addresses(config.outputs, OUTPUTS, config.network)
        self._threads = [self._make(address) for address in addresses]
        sources = parse_addresses(config.markers_from, MARKER_INPUTS, config.network)
        take = session.monitor.mark_from_outside
        self._inputs = [MarkerInput(address, config.network, take) for address in sources]

    @property
    def states(self) -> tuple[OutputState, ...]:
        """State of each output, in the order of the settings."""
        return tuple(thread.state for thread in self._threads)

    @property
    def all_states(self) -> tuple[OutputState | MarkerInputState, ...]:
        """State of each output and of each input for markers."""
        return (*self.states, *(source.state for source in self._inputs))

    @property
    def error(self) -> str | None:
        """Why the first of them that is not connected is not; one sentence."""
        return next((state.error for state in self.all_states if state.error is not None), None)

    @property
    def abandoned(self) -> bool:
        """Whether the reader of standard output has gone."""
        return any(thread.over for thread in self._threads)

    def start(self) -> None:
        """Begin to send; the session has started."""
        self._description = _describe(self._session)
        for source in self._inputs:
            source.start()
        for thread in self._threads:
            thread.begin(self._description)

    def switch(self, address: str, *, on: bool) -> None:
        """Switch an output on or off; one that is new begins now.

        Raises
        ------
        SerError
            The address cannot be used.
        """
        known = next((one for one in self._threads if one.state.address == address), None)
        if known is not None:
            known.on = on
        elif on and self._description is not None:
            (parsed,) = parse_addresses([address], OUTPUTS, self._session.config.network)
            thread = self._make(parsed)
            self._threads.append(thread)
            thread.begin(self._description)

    def finish(self) -> None:
        """Send what is left, and let go of all connections; the session has stopped."""
        for source in self._inputs:
            source.stop()
        deadline_s = time.monotonic() + _END_PATIENCE_S
        for thread in self._threads:
            thread.finish(deadline_s)

    def _make(self, address: Address) -> _OutputThread:
        monitor, kind = self._session.monitor, output_kind(address)
        records = monitor.subscribe(_CAPACITY * len(monitor.channels), waited_for=kind.waits)
        output = kind.make(address, self._session.config, monitor.mark_from_outside)
        return _OutputThread(address, output, records, monitor, self._events)


def _describe(session: LiveSession) -> LiveDescription:
    monitor, config = session.monitor, session.config
    started = monitor.wall_clock(0.0)
    return LiveDescription(
        session=session.id or f"{started:%Y%m%d-%H%M%S}",
        started=started,
        started_s=monitor.adc_time(0.0),
        labels=monitor.labels,
        model=monitor.bundle.identity,
        certainty_threshold=monitor.decoder.threshold,
        source=monitor.source.info,
        channels=monitor.channels,
        names=config.audio.names,
    )


class _EventMaker:
    """Makes the event of an update once for all outputs, whose threads ask for it soon."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        # A place is read and replaced whole, so that no thread waits for another.
        self._recent: list[LiveEvent | None] = [None] * _SHARED

    def event_of(self, record: Record) -> LiveEvent:
        """The event of a record."""
        if not isinstance(record, Update):
            return self._make(record)
        place = hash((record.channel, record.step)) % _SHARED
        event = self._recent[place]
        if event is None or event.content is not record:
            self._recent[place] = event = self._make(record)
        return event

    def at(self, content: Content, time_s: float) -> LiveEvent:
        """The event of what is about a moment of the session in seconds."""
        monitor = self._monitor
        return LiveEvent(content, time_s, monitor.adc_time(time_s), monitor.wall_clock(time_s))

    def _make(self, record: Record) -> LiveEvent:
        assert not isinstance(record, Sound)
        if isinstance(record, Segment):
            return self.at(record, record.end_s)
        if isinstance(record, Anchor):
            return self.at(record, record.sample / SAMPLE_RATE)
        marker = record.marker if isinstance(record, IntervalOpened) else record
        return self.at(record, marker.time_s)


class _OutputThread:
    """Thread that hands the records of one queue to one output, and opens that again when lost."""

    def __init__(
        self,
        address: Address,
        output: Output,
        records: Subscription,
        monitor: Monitor,
        events: _EventMaker,
    ) -> None:
        self.on = True
        self.over = False
        self._address = address
        self._output = output
        self._records = records
        self._monitor = monitor
        self._events = events
        self._description: LiveDescription | None = None
        self._thread = threading.Thread(
            target=self._run, name=f"output {address.text}", daemon=True
        )
        self._connected = False
        self._error: str | None = None
        self._sent = self._dropped = 0
        self._retry_s, self._due_s = _FIRST_RETRY_S, 0.0
        self._told: tuple[object, ...] = ()
        self._told_s = 0.0

    @property
    def state(self) -> OutputState:
        """State now; any thread may ask."""
        return OutputState(
            address=self._address.text,
            on=self.on,
            connected=self._connected,
            listeners=self._output.listeners if self._connected else None,
            sent=self._sent,
            dropped=self._lost,
            error=self._error,
        )

    @property
    def _lost(self) -> int:
        return self._dropped + self._output.dropped + self._records.dropped

    def begin(self, description: LiveDescription) -> None:
        self._description = description
        self._thread.start()

    def finish(self, deadline_s: float) -> None:
        if self._thread.ident is not None:
            self._thread.join(max(0.0, deadline_s - time.monotonic()))
        self._dropped += len(self._records.drain())  # a listener did not take them in time

    def _run(self) -> None:
        try:
            while not self._records.ended and not self.over:
                self._deliver(self._records.drain(_POLL_S))
            self._deliver([])  # the last status
        except Exception as error:  # noqa: BLE001 - whatever it is, the session goes on
            _log.exception("the %s failed", self._thread.name)
            self._error = f"{fault_text(self._thread.name, error)}."
        finally:
            self._records.close()
            self._connected = False
            self._output.close()

    def _deliver(self, records: Sequence[Record]) -> None:
        if not self.on:
            self._disconnect()
            self._error = None
            return
        events = [self._events.event_of(record) for record in records]
        try:
            if not self._connect():
                self._dropped += len(events)
                return
            self._output.send([*events, *self._status_events()])
            self._sent += len(events)
        except ListenerGoneError:
            self.over = True
        except OutputError as error:
            self._dropped += len(events)
            self._fail(error)

    def _connect(self) -> bool:
        """Whether the output is open; opens it where that is due."""
        if self._connected:
            return True
        if time.monotonic() < self._due_s or self.over:
            return False
        assert self._description is not None
        self._output.open(self._description)
        self._connected, self._error = True, None
        self._retry_s, self._told = _FIRST_RETRY_S, ()
        return True

    def _fail(self, error: OutputError) -> None:
        if self._error is None:
            _log.warning("%s", error)
        self._error = str(error)
        self._disconnect()
        self._due_s = time.monotonic() + self._retry_s
        self._retry_s = min(2 * self._retry_s, _LONGEST_RETRY_S)

    def _disconnect(self) -> None:
        if self._connected:
            self._connected = False
            self._output.close()

    def _status_events(self) -> list[LiveEvent]:
        """Status of the monitor, where it has changed or was not told for some time."""
        status, now_s = self._monitor.status, time.monotonic()
        news = (_lasting(status), self._lost)
        if news == self._told and now_s - self._told_s < _STATUS_S:
            return []
        self._told, self._told_s = news, now_s
        told = LiveStatus(status, self._sent, self._lost)
        return [self._events.at(told, status.position_s)]


def _lasting(status: Status) -> tuple[object, ...]:
    """What of a status does not change with every block."""
    return (
        status.phase,
        status.overflows,
        status.dropped_samples,
        status.error,
        status.notice,
    )

"""Markers from other programs: LSL streams, lines over TCP, and OSC."""

from __future__ import annotations

import logging
import selectors
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from realtime_ser.base.config import NetworkConfig
from realtime_ser.base.errors import OutputError, fault_text
from realtime_ser.base.text import count_text, one_line
from realtime_ser.base.timebase import clock_s
from realtime_ser.engine.handover import OutsideMarker
from realtime_ser.outputs.address import Address, Plug

if TYPE_CHECKING:
    from pythonosc.osc_bundle import OscBundle
    from pythonosc.osc_message import OscMessage

_log = logging.getLogger(__name__)

MARKER_PATH = "/marker"
"""Address of OSC messages that are markers."""

_LONGEST = 500  # characters of a marker
_LONGEST_LINE, _LARGEST_PACKET = 4096, 65_536  # bytes
_MOST_CONNECTIONS = 32
_POLL_S = 0.1
_FARTHEST_S = 600.0  # from its arrival, that the time of a bundle is believed
_RETRY_S = 2.0
_READINGS = 3  # of two clocks at once

_SO_TIMESTAMPNS = 35  # Linux: option of a socket and kind of its notes, which Python does not name
_TIMESPEC = struct.Struct("@qq")

Take = Callable[[OutsideMarker], None]
"""Takes a marker; called in whatever thread."""


def read_marker(text: str, at_s: float, source: str) -> OutsideMarker | None:
    """What a text marks: ``NAME begin`` and ``NAME end`` an interval, all else a moment.

    ``None``: the text is empty.
    """
    words = one_line(text)[:_LONGEST].strip()
    name, _, edge = words.rpartition(" ")
    if name and edge == "begin":
        return OutsideMarker(at_s, name, source, "begin")
    if name and edge == "end":
        return OutsideMarker(at_s, name, source, "end")
    return OutsideMarker(at_s, words, source) if words else None


def moment_of(unix_s: float) -> float:
    """Moment on the monotonic clock of a moment on the wall clock, both in seconds."""
    _, ahead_s = min(_read_clocks() for _ in range(_READINGS))  # the least interrupted one
    return unix_s + ahead_s


def _read_clocks() -> tuple[float, float]:
    """Length of a reading, and how far the monotonic clock is ahead in its middle, in seconds."""
    before = clock_s()
    unix_s = time.time()
    after = clock_s()
    return after - before, (before + after) / 2 - unix_s


def stamp_arrivals(receiver: socket.socket) -> None:
    """Have the system note when what a socket receives arrives, where the system can."""
    if sys.platform == "linux":
        receiver.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


def receive_stamped(receiver: socket.socket, most: int) -> tuple[bytes, float]:
    """What has come, and the moment of the last of it on the monotonic clock in seconds.

    The moment is the system's, which a busy computer does not delay; else that of this call.
    """
    if sys.platform != "linux":
        data = receiver.recv(most)
        return data, clock_s()
    data, notes, _, _ = receiver.recvmsg(most, socket.CMSG_SPACE(_TIMESPEC.size))
    for level, kind, value in notes:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            seconds, nanoseconds = _TIMESPEC.unpack(value)
            return data, min(moment_of(seconds + 1e-9 * nanoseconds), clock_s())
    return data, clock_s()


class Reception:
    """What an input has received; the threads of the program meet here.

    Attributes
    ----------
    connected
        Whether it is ready for markers.
    received
        Number of markers.
    error
        Why it is not ready; one sentence.
    """

    def __init__(self, take: Take) -> None:
        self.connected = False
        self.received = 0
        self.error: str | None = None
        self.stopped = threading.Event()
        self._take = take

    def ready(self) -> None:
        """Say that markers can come."""
        self.connected, self.error = True, None

    def take(self, text: str, at_s: float, source: str) -> None:
        """Take a text of a moment of the monotonic clock, in seconds."""
        marker = read_marker(text, at_s, source)
        if marker is not None:
            self.received += 1
            self._take(marker)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkerInputKind(Plug):
    """A kind of input for markers.

    Attributes
    ----------
    serve
        Receives markers until it is stopped; raises :class:`OutputError` where it cannot.
    """

    serve: Callable[[Address, NetworkConfig, Reception], None]


@dataclass(frozen=True, slots=True)
class MarkerInputState:
    """State of an input for markers, for a person.

    Attributes
    ----------
    address
        Its address.
    connected
        Whether it is ready for markers.
    received
        Number of markers.
    error
        Why it is not ready; one sentence.
    """

    address: str
    connected: bool
    received: int
    error: str | None

    @property
    def counts_text(self) -> str:
        """How many markers have come, in words."""
        return f"{count_text(self.received, 'marker')} received"

    @property
    def text(self) -> str:
        """The state in a few words."""
        return self.counts_text if self.connected else f"not connected, {self.counts_text}"


class MarkerInput:
    """Thread that receives the markers of one address, and tries again where it cannot."""

    def __init__(self, address: Address, network: NetworkConfig, take: Take) -> None:
        self._address = address
        self._reception = Reception(take)
        kind = next(kind for kind in MARKER_INPUTS if kind.scheme == address.scheme)
        self._serve = kind.serve
        self._network = network
        self._thread = threading.Thread(
            target=self._run, name=f"markers from {address.text}", daemon=True
        )

    @property
    def state(self) -> MarkerInputState:
        """State now; any thread may ask."""
        reception = self._reception
        return MarkerInputState(
            self._address.text, reception.connected, reception.received, reception.error
        )

    def start(self) -> None:
        """Begin to receive."""
        self._thread.start()

    def stop(self) -> None:
        """Receive no more."""
        self._reception.stopped.set()
        if self._thread.ident is not None:
            self._thread.join(_RETRY_S)

    def _run(self) -> None:
        reception = self._reception
        while not reception.stopped.is_set():
            try:
                self._serve(self._address, self._network, reception)
            except OutputError as error:
                if reception.error is None:
                    _log.warning("%s", error)
                reception.error = str(error)
            except Exception as error:  # noqa: BLE001 - whatever it is, the session goes on
                _log.exception("the %s failed", self._thread.name)
                reception.error = f"{fault_text(self._thread.name, error)}."
                return
            finally:
                reception.connected = False
            reception.stopped.wait(_RETRY_S)


# ----------------------------------------------------------------------------------------- TCP


def _serve_tcp(address: Address, _network: NetworkConfig, reception: Reception) -> None:
    from realtime_ser.outputs.asgi import listening_socket

    with (
        listening_socket(address.host, address.port) as server,
        selectors.DefaultSelector() as selector,
    ):
        stamp_arrivals(server)  # and so for each connection that it accepts
        selector.register(server, selectors.EVENT_READ, None)
        reception.ready()
        take = partial(reception.take, source=address.text)
        try:
            while not reception.stopped.is_set():
                for key, _ in selector.select(_POLL_S):
                    if key.data is None:
                        _accept(server, selector)
                    else:
                        _read_lines(key, selector, take)
        finally:
            for key in list(selector.get_map().values()):
                if isinstance(key.fileobj, socket.socket):
                    key.fileobj.close()


def _accept(server: socket.socket, selector: selectors.BaseSelector) -> None:
    connection, _ = server.accept()
    if len(selector.get_map()) > _MOST_CONNECTIONS:
        connection.close()
        return
    connection.setblocking(False)
    selector.register(connection, selectors.EVENT_READ, bytearray())


def _read_lines(
    key: selectors.SelectorKey, selector: selectors.BaseSelector, take: Callable[[str, float], None]
) -> None:
    """Take the lines that have come, and the last words of a program that has gone."""
    connection, waiting = key.fileobj, key.data
    assert isinstance(connection, socket.socket)
    try:
        found, at_s = receive_stamped(connection, _LONGEST_LINE)
    except OSError:
        found, at_s = b"", clock_s()
    waiting += found
    while (end := waiting.find(b"\n")) >= 0:
        take(waiting[:end].decode("utf-8", "replace"), at_s)
        del waiting[: end + 1]
    if not found or len(waiting) > _LONGEST_LINE:
        take(waiting.decode("utf-8", "replace"), at_s)
        selector.unregister(connection)
        connection.close()


# ----------------------------------------------------------------------------------------- OSC


def _serve_osc(address: Address, _network: NetworkConfig, reception: Reception) -> None:
    with _udp_socket(address) as server:
        server.settimeout(_POLL_S)
        reception.ready()
        while not reception.stopped.is_set():
            try:
                packet, arrived_s = receive_stamped(server, _LARGEST_PACKET)
            except TimeoutError:
                continue
            for text, at_s in _osc_markers(packet, arrived_s):
                reception.take(text, at_s, address.text)


def _udp_socket(address: Address) -> socket.socket:
    try:
        family = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)[0][0]
        server = socket.socket(family, socket.SOCK_DGRAM)
        stamp_arrivals(server)
        server.bind((address.host, address.port))
    except OSError as error:
        from realtime_ser.outputs.asgi import port_error

        raise port_error(address.host, address.port, error) from error
    return server


def _osc_markers(packet: bytes, arrived_s: float) -> Iterator[tuple[str, float]]:
    """Texts of a packet, with their moments: a bundle has its own, all else is of its arrival."""
    from pythonosc.osc_bundle import OscBundle
    from pythonosc.osc_bundle import ParseError as BundleError
    from pythonosc.osc_message import OscMessage
    from pythonosc.osc_message import ParseError as MessageError

    try:
        if OscBundle.dgram_is_bundle(packet):
            yield from _bundle_markers(OscBundle(packet), arrived_s)
        elif OscMessage.dgram_is_message(packet):
            yield from _message_markers(OscMessage(packet), arrived_s)
    except (BundleError, MessageError, ValueError, RecursionError):  # it is no OSC, or no text
        return


def _bundle_markers(bundle: OscBundle, arrived_s: float) -> Iterator[tuple[str, float]]:
    from pythonosc.osc_bundle import OscBundle

    at_s = moment_of(bundle.timestamp)
    if abs(at_s - arrived_s) > _FARTHEST_S:  # it says "at once", or its clock is wrong
        at_s = arrived_s
    for content in bundle:
        if isinstance(content, OscBundle):
            yield from _bundle_markers(content, arrived_s)
        else:
            yield from _message_markers(content, at_s)


def _message_markers(message: OscMessage, at_s: float) -> Iterator[tuple[str, float]]:
    if message.address == MARKER_PATH:
        yield " ".join(str(argument) for argument in message.params), at_s


# ----------------------------------------------------------------------------------------- LSL


def _serve_lsl(_address: Address, network: NetworkConfig, reception: Reception) -> None:
    from realtime_ser.outputs.lsl import MARKERS_TYPE, SOURCE_PREFIX, LslClock, load_lsl

    lsl = load_lsl(remote=network.remote, searching=True)
    clock = LslClock(lsl)
    resolver = lsl.ContinuousResolver("type", MARKERS_TYPE)
    inlets: dict[str, tuple[str, Any]] = {}
    reception.ready()
    while not reception.stopped.wait(_POLL_S):
        for info in resolver.results():
            if info.uid() not in inlets and not info.source_id().startswith(SOURCE_PREFIX):
                inlet = lsl.StreamInlet(info, processing_flags=lsl.proc_clocksync)
                inlets[info.uid()] = f"lsl:{info.name()}", inlet
        for uid, (source, inlet) in list(inlets.items()):
            try:
                samples, stamps = inlet.pull_chunk(0.0)
            except lsl.util.LostError:
                del inlets[uid]
                continue
            ahead_s = clock.ahead_s()
            for sample, stamp in zip(samples, stamps, strict=True):
                text = " ".join(_word(value) for value in sample)
                reception.take(text, stamp - ahead_s, source)


def _word(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


MARKER_INPUTS: tuple[MarkerInputKind, ...] = (
    MarkerInputKind(
        scheme="lsl",
        title="Markers of Lab Streaming Layer",
        package="pylsl",
        extra="lsl",
        serve=_serve_lsl,
    ),
    MarkerInputKind(scheme="tcp", title="Lines over TCP", port=5005, serve=_serve_tcp),
    MarkerInputKind(scheme="osc", title="Open Sound Control", port=9001, serve=_serve_osc),
)
"""All kinds of inputs for markers; the WebSocket of the outputs takes them too."""

"""What other programs send as markers: OSC packets and lines over TCP."""

from __future__ import annotations

import math
import queue
import socket
import struct
import time
from functools import cache
from pathlib import Path
from random import Random

from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from realtime_ser.base.config import NetworkConfig
from realtime_ser.engine.handover import OutsideMarker
from realtime_ser.outputs.address import Address
from realtime_ser.outputs.marker_inputs import MARKER_PATH, MarkerInput
from tests.fuzz.kind import FindingError, Kind, Place
from tests.fuzz.mutation import changed_bytes, changed_text

_HOST = "127.0.0.1"
_LONGEST_PACKET = 60_000
_LAST = "this is the last one"
_ANSWER_S = 10.0
_LONGEST_NAME = 500
_LINES = "question 1\nvideo begin\nblock 2 begin\n\nbutton, 3.5 \nblock 2 end\nvideo end\n"


class Receiver:
    """An input for markers that runs, and what it has taken."""

    def __init__(self, scheme: str, kind: socket.SocketKind) -> None:
        with socket.socket(type=kind) as probe:
            probe.bind((_HOST, 0))
            self.port = probe.getsockname()[1]
        self.taken: queue.Queue[OutsideMarker] = queue.Queue()
        address = Address(f"{scheme}://{_HOST}:{self.port}", scheme, _HOST, self.port)
        self.input = MarkerInput(address, NetworkConfig(), self.taken.put)
        self.input.start()

    def check_until_last(self) -> None:
        """See that what was taken are markers, up to the one that is sent last."""
        while True:
            try:
                marker = self.taken.get(timeout=_ANSWER_S)
            except queue.Empty:
                raise FindingError(f"no marker comes any more: {self.input.state}") from None
            if marker.text == _LAST:
                return
            _check(marker)


def _check(marker: OutsideMarker) -> None:
    text = marker.text
    if not text or len(text) > _LONGEST_NAME or "\n" in text or text != text.strip():
        raise FindingError(f"this is no name: {text!r}")
    if not math.isfinite(marker.at_s):
        raise FindingError(f"this is no moment: {marker.at_s}")


def _message(*values: str | float | bool | bytes | None) -> OscMessageBuilder:
    builder = OscMessageBuilder(MARKER_PATH)
    for value in values:
        builder.add_arg(value)
    return builder


def _bundle(*contents: object, timestamp: float = IMMEDIATELY) -> OscBundleBuilder:
    builder = OscBundleBuilder(timestamp)
    for content in contents:
        builder.add_content(content)
    return builder


def _nested(content: bytes, levels: int) -> bytes:
    """A packet within so many bundles."""
    for _ in range(levels):
        if len(content) > _LONGEST_PACKET:
            break
        content = b"#bundle\0" + struct.pack(">QI", 1, len(content)) + content
    return content


def _prepare_packets(folder: Path) -> None:
    text = _message("question", 1, 0.5).build()
    every = _message(True, False, None, b"blob", "video begin", [1, [2.0, "x"]]).build()
    packets = {
        "text": text.dgram,
        "every": every.dgram,
        "bundle": _bundle(text, every, timestamp=1.7e9).build().dgram,
        "bundles": _bundle(_bundle(text).build(), every).build().dgram,
        "other": OscMessageBuilder("/other").build().dgram,
    }
    for name, packet in packets.items():
        (folder / name).write_bytes(packet)


def _make_packets(place: Place, chance: Random) -> None:
    wholes = sorted(place.whole.iterdir())
    for number in range(chance.choice((1, 1, 2, 4))):
        packet = chance.choice(wholes).read_bytes()
        if chance.random() < 0.9:
            packet = changed_bytes(packet, chance)
        if chance.random() < 0.2:
            packet = _nested(packet, chance.choice((1, 2, 10, 100, 1000, 3000)))
        (place.input / f"{number}.osc").write_bytes(packet[:_LONGEST_PACKET])


def _take_packets(place: Place, _chance: Random) -> None:
    receiver = _receiver("osc", socket.SOCK_DGRAM)
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        for path in sorted(place.input.iterdir()):
            sender.sendto(path.read_bytes(), (_HOST, receiver.port))
        sender.sendto(_message(_LAST).build().dgram, (_HOST, receiver.port))
    receiver.check_until_last()


def _prepare_lines(folder: Path) -> None:
    (folder / "lines").write_text(_LINES)


def _make_lines(place: Place, chance: Random) -> None:
    """Change lines, and break them into what is sent at once."""
    data = changed_text(_LINES * chance.choice((1, 1, 20)), chance)
    if chance.random() < 0.3:
        data = changed_bytes(data, chance)
    cuts = sorted(chance.randrange(len(data) + 1) for _ in range(chance.choice((0, 1, 3))))
    for number, (start, end) in enumerate(zip((0, *cuts), (*cuts, len(data)), strict=True)):
        (place.input / f"{number}.txt").write_bytes(data[start:end])


def _take_lines(place: Place, _chance: Random) -> None:
    receiver = _receiver("tcp", socket.SOCK_STREAM)
    with socket.create_connection((_HOST, receiver.port)) as sender:
        try:
            for path in sorted(place.input.iterdir()):
                sender.sendall(path.read_bytes())
        except OSError:
            place.refused = True  # a line without an end: the connection is closed
    with socket.create_connection((_HOST, receiver.port)) as sender:
        sender.sendall(f"{_LAST}\n".encode())
    receiver.check_until_last()


@cache
def _receiver(scheme: str, kind: socket.SocketKind) -> Receiver:
    receiver = Receiver(scheme, kind)
    while not receiver.input.state.connected:
        time.sleep(0.01)
    return receiver


PACKETS = Kind("osc-packets", _prepare_packets, _make_packets, _take_packets)
LINES = Kind("marker-lines", _prepare_lines, _make_lines, _take_lines)

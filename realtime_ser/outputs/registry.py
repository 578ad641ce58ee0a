"""Registry of the outputs: a record for each, of which help, errors and the menu are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from realtime_ser.base.config import Config
from realtime_ser.outputs.address import Address, Plug
from realtime_ser.outputs.contract import Output
from realtime_ser.outputs.marker_inputs import Reception, Take


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputKind(Plug):
    """A kind of output.

    Attributes
    ----------
    make
        Makes the output of an address; its listeners may set markers.
    waits
        Whether a file waits for its listener, who therefore loses nothing.
    """

    make: Callable[[Address, Config, Take], Output]
    waits: bool = False


def _json(_address: Address, _config: Config, _take: Take) -> Output:
    from realtime_ser.outputs.json_lines import JsonLinesOutput

    return JsonLinesOutput()


def _lsl(_address: Address, config: Config, _take: Take) -> Output:
    from realtime_ser.outputs.lsl import LslOutput

    return LslOutput(remote=config.network.remote, searching="lsl" in config.markers_from)


def _mqtt(address: Address, config: Config, _take: Take) -> Output:
    from realtime_ser.outputs.mqtt import Broker, MqttOutput, login_of, tls_context

    tls = tls_context(config.network) if address.scheme == "mqtts" else None
    broker = Broker(address.host, address.port, login_of(address, config.network), tls)
    return MqttOutput(broker, address.path)


def _osc(address: Address, _config: Config, _take: Take) -> Output:
    from realtime_ser.outputs.osc import OscOutput

    return OscOutput(address.host, address.port)


def _websocket(address: Address, config: Config, take: Take) -> Output:
    from realtime_ser.outputs.asgi import Access
    from realtime_ser.outputs.websocket import WebSocketOutput

    access = Access(address.host, address.port, config.network.secret)
    return WebSocketOutput(access, Reception(take), address.text)


# A library is loaded where it is used: most sessions have no output.
OUTPUTS: tuple[OutputKind, ...] = (
    OutputKind(scheme="json", title="JSON lines on standard output", waits=True, make=_json),
    OutputKind(scheme="lsl", title="Lab Streaming Layer", package="pylsl", extra="lsl", make=_lsl),
    OutputKind(scheme="osc", title="Open Sound Control", port=9000, make=_osc),
    OutputKind(scheme="ws", title="WebSocket", port=8765, make=_websocket),
    OutputKind(scheme="mqtt", title="MQTT", port=1883, package="paho", extra="mqtt", make=_mqtt),
    OutputKind(
        scheme="mqtts",
        title="MQTT over TLS",
        port=8883,
        package="paho",
        extra="mqtt",
        make=_mqtt,
    ),
)


def output_kind(address: Address) -> OutputKind:
    """Kind of output of an address."""
    return next(kind for kind in OUTPUTS if kind.scheme == address.scheme)

"""MQTT: JSON objects to a broker, below ``ser/<session>/``."""

from __future__ import annotations

import os
import ssl
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from realtime_ser.base.config import NetworkConfig
from realtime_ser.base.errors import OutputError, UsageError, reason_text
from realtime_ser.base.records import Segment, Update
from realtime_ser.outputs.address import Address
from realtime_ser.outputs.contract import (
    LiveDescription,
    LiveEvent,
    LiveStatus,
    limit_send_buffer,
)
from realtime_ser.outputs.objects import event_kind, gone_object, hello_object, json_text

if TYPE_CHECKING:
    import paho.mqtt.client as paho
    from paho.mqtt.reasoncodes import ReasonCode

DEFAULT_PREFIX = "ser"
"""First level of all topics, where none is given."""

USER_VARIABLE, PASSWORD_VARIABLE = "REALTIME_SER_MQTT_USER", "REALTIME_SER_MQTT_PASSWORD"
"""Variables of the environment with a user's name and password; a command line shows neither."""

_CONNECT_S = 5.0
_KEEPALIVE_S = 15
_CAPACITY = 750  # messages that wait for the broker
_END_S = 1.0
_PASSWORD = f"{PASSWORD_VARIABLE} or network.password"
_REFUSED_LOGINS = (134, 135)  # reason codes of MQTT 5, into which paho turns those of 3.1.1


@dataclass(frozen=True, slots=True)
class Broker:
    """Address of a broker, and how it is spoken to.

    Attributes
    ----------
    host, port
        Address.
    login
        Name and password of a user; ``None``: nobody in particular.
    tls
        Whom to trust over TLS; ``None``: nothing is encrypted.
    """

    host: str
    port: int
    login: tuple[str, str | None] | None = None
    tls: ssl.SSLContext | None = None


def login_of(address: Address, network: NetworkConfig) -> tuple[str, str | None] | None:
    """Name and password of a user, from the address, the environment and the settings."""
    user = address.user or os.environ.get(USER_VARIABLE)
    if not user:
        return None
    kept = None if network.password is None else network.password.get_secret_value()
    return user, os.environ.get(PASSWORD_VARIABLE) or kept


def tls_context(network: NetworkConfig) -> ssl.SSLContext:
    """Trust in the authorities of the system, or in the one of the settings.

    Raises
    ------
    UsageError
        The file of the authority cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=network.ca_file)
    except OSError as error:
        raise UsageError(
            f"network.ca_file, {network.ca_file}, cannot be used ({reason_text(error)}): it must "
            "be a PEM file of certificates."
        ) from error
    context.sslsocket_class = _ClosingSocket
    return context


class _ClosingSocket(ssl.SSLSocket):
    """Socket that closes itself where no TLS comes about: paho would leave it open."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


class MqttOutput:
    """Publisher of a session; a broker hears by its last will when the program dies.

    Parameters
    ----------
    broker
        The broker.
    prefix
        First levels of all topics.

    Raises
    ------
    UsageError
        The prefix is no topic.
    """

    listeners = None

    def __init__(self, broker: Broker, prefix: str) -> None:
        self.dropped = 0
        self._broker = broker
        self._prefix = prefix or DEFAULT_PREFIX
        if set("#+") & set(self._prefix):
            raise UsageError(f"'{self._prefix}' is no topic of MQTT: leave out # and +.")
        self._client: paho.Client | None = None
        self._topic = ""
        self._session = ""
        self._told_end = False
        self._waiting: deque[paho.MQTTMessageInfo] = deque()

    def open(self, description: LiveDescription) -> None:
        """Connect to the broker."""
        import paho.mqtt.client as paho
        from paho.mqtt.enums import CallbackAPIVersion

        self._session, self._topic = description.session, f"{self._prefix}/{description.session}"
        client = paho.Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
        client.will_set(f"{self._topic}/status", self._gone, qos=1, retain=True)
        broker = self._broker
        if broker.login is not None:
            client.username_pw_set(*broker.login)
        if broker.tls is not None:
            client.tls_set_context(broker.tls)
        answered, refused = threading.Event(), [""]

        def hear(
            _client: object, _data: object, _flags: object, reason: ReasonCode, _more: object
        ) -> None:
            refused[0] = self._refusal(reason) if reason.is_failure else ""
            answered.set()

        def lose(*_: object) -> None:
            refused[0] = refused[0] or "it closed the connection; say mqtts:// if it expects TLS"
            answered.set()

        def bound(_client: object, _data: object, connection: Any) -> None:
            limit_send_buffer(connection)

        client.on_connect, client.on_disconnect = hear, lose
        client.on_socket_open = bound
        client.connect_timeout = _CONNECT_S
        try:
            client.connect(broker.host, broker.port, keepalive=_KEEPALIVE_S)
        except OSError as error:
            raise self._error(_failure(error, tls=broker.tls is not None)) from error
        client.loop_start()
        if not answered.wait(_CONNECT_S) or refused[0]:
            client.loop_stop()
            raise self._error(refused[0] or "it does not answer")
        client.on_disconnect = None
        self._client, self._told_end = client, False
        self._publish("hello", json_text(hello_object(description)), retain=True)

    def send(self, events: Sequence[LiveEvent]) -> None:
        """Publish an object for each record."""
        if self._client is None or not self._client.is_connected():
            raise self._error("the connection was lost")
        for event in events:
            place, retain = event_kind(event), isinstance(event.content, LiveStatus)
            if isinstance(event.content, Update | Segment):
                place = f"{event.content.channel}/{place}"
            self._publish(place, event.json_line, retain=retain)
            if isinstance(event.content, LiveStatus):
                self._told_end = event.content.status.phase in ("ended", "failed")

    def close(self) -> None:
        """Say that nothing more comes, and leave the broker."""
        client, self._client = self._client, None
        if client is None:
            return
        if client.is_connected():
            if not self._told_end:
                last = client.publish(f"{self._topic}/status", self._gone, qos=1, retain=True)
                self._waiting.append(last)
            self._wait_for_last()
        client.disconnect()
        client.loop_stop()
        self.dropped += self._unsent()
        self._waiting.clear()

    @property
    def _gone(self) -> str:
        return json_text(gone_object(self._session))

    def _publish(self, place: str, text: str, *, retain: bool) -> None:
        while self._waiting and self._waiting[0].is_published():
            self._waiting.popleft()
        if len(self._waiting) >= _CAPACITY:
            self.dropped += 1
            return
        assert self._client is not None
        qos = 1 if retain else 0
        self._waiting.append(
            self._client.publish(f"{self._topic}/{place}", text, qos=qos, retain=retain)
        )

    def _wait_for_last(self) -> None:
        deadline_s = time.monotonic() + _END_S
        while self._unsent() and time.monotonic() < deadline_s:
            time.sleep(0.01)

    def _unsent(self) -> int:
        return sum(not message.is_published() for message in self._waiting)

    def _refusal(self, reason: ReasonCode) -> str:
        if reason.value not in _REFUSED_LOGINS:
            return str(reason).lower()
        if self._broker.login is None:
            return f"it asks for a user: say mqtt://NAME@HOST, and the password as {_PASSWORD}"
        user, _ = self._broker.login
        return f"it refuses the user '{user}': see to the name, and to the password in {_PASSWORD}"

    def _error(self, reason: str) -> OutputError:
        host, port = self._broker.host, self._broker.port
        return OutputError(
            f"The MQTT broker at {host}:{port} cannot be used: {reason}; it is tried again."
        )


def _failure(error: OSError, *, tls: bool) -> str:
    """Why a broker cannot be reached."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not trusted ({error.verify_message}); let network.ca_file be the "
            "file of its authority"
        )
    if tls and isinstance(error, ssl.SSLError | ConnectionResetError):
        return "there is no TLS at this port; the one for mqtts:// is mostly 8883"
    return reason_text(error).lower()

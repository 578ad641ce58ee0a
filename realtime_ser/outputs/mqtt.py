"""MQTT: JSON objects to a broker, below ``ser/<session>/``."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from realtime_ser.base.errors import OutputError, UsageError, reason_text
from realtime_ser.base.records import Segment, Update
from realtime_ser.outputs.contract import LiveDescription, LiveEvent, LiveStatus
from realtime_ser.outputs.objects import event_object, gone_object, hello_object, json_text

if TYPE_CHECKING:
    import paho.mqtt.client as paho

DEFAULT_PREFIX = "ser"
"""First level of all topics, where none is given."""

_CONNECT_S = 5.0
_KEEPALIVE_S = 15
_CAPACITY = 750  # messages that wait for the broker
_END_S = 1.0


class MqttOutput:
    """Publisher of a session; a broker hears by its last will when the program dies.

    Parameters
    ----------
    host, port
        The broker.
    prefix
        First levels of all topics.
    login
        Name and password of a user; ``None``: the broker asks for none.

    Raises
    ------
    UsageError
        The prefix is no topic.
    """

    listeners = None

    def __init__(
        self, host: str, port: int, prefix: str, login: tuple[str, str | None] | None = None
    ) -> None:
        self.dropped = 0
        self._broker = host, port
        self._prefix = prefix or DEFAULT_PREFIX
        if set("#+") & set(self._prefix):
            raise UsageError(f"'{self._prefix}' is no topic of MQTT: leave out # and +.")
        self._login = login
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
        if self._login is not None:
            client.username_pw_set(*self._login)
        answered, refused = threading.Event(), [""]

        def hear(
            _client: object, _data: object, _flags: object, reason: object, _more: object
        ) -> None:
            refused[0] = str(reason) if getattr(reason, "is_failure", False) else ""
            answered.set()

        client.on_connect = hear
        client.connect_timeout = _CONNECT_S
        try:
            client.connect(*self._broker, keepalive=_KEEPALIVE_S)
        except OSError as error:
            raise self._error(reason_text(error).lower()) from error
        client.loop_start()
        if not answered.wait(_CONNECT_S) or refused[0]:
            client.loop_stop()
            raise self._error(refused[0].lower() or "it does not answer")
        self._client, self._told_end = client, False
        self._publish("hello", json_text(hello_object(description)), retain=True)

    def send(self, events: Sequence[LiveEvent]) -> None:
        """Publish an object for each record."""
        if self._client is None or not self._client.is_connected():
            raise self._error("the connection was lost")
        for event in events:
            fields = event_object(event)
            place, retain = str(fields["type"]), isinstance(event.content, LiveStatus)
            if isinstance(event.content, Update | Segment):
                place = f"{event.content.channel}/{place}"
            self._publish(place, json_text(fields), retain=retain)
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

    def _error(self, reason: str) -> OutputError:
        host, port = self._broker
        return OutputError(
            f"The MQTT broker at {host}:{port} cannot be used: {reason}; it is tried again."
        )

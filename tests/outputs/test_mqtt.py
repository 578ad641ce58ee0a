"""MQTT, by way of Debian's broker, heard by a subscriber."""

from __future__ import annotations

import getpass
import json
import queue
import shutil
import socket
import subprocess

import paho.mqtt.client as paho
import pytest

from realtime_ser.base.errors import UsageError
from tests.outputs.live_session import Running, check_objects, of_type, program, until

pytestmark = pytest.mark.skipif(
    shutil.which("mosquitto") is None and not shutil.which("/usr/sbin/mosquitto"),
    reason="there is no mosquitto: on Debian and Ubuntu `make test` installs it",
)


class Broker:
    """mosquitto on a free port of this computer."""

    def __init__(self, folder, port=None, settings="allow_anonymous true\n"):
        with socket.create_server(("127.0.0.1", port or 0)) as taken:
            self.port = taken.getsockname()[1]
        path = folder / "mosquitto.conf"
        path.write_text(f"user {getpass.getuser()}\nlistener {self.port} 127.0.0.1\n{settings}")
        found = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self._process = subprocess.Popen(
            [found, "-c", str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(self._answers)

    def _answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self):
        self._process.terminate()
        self._process.wait(10)


@pytest.fixture
def broker(tmp_path):
    broker = Broker(tmp_path)
    yield broker
    broker.close()


class Subscriber:
    """Everything that comes, by topic."""

    def __init__(self, broker, topic="#"):
        self._messages = queue.Queue()
        self.found = []
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
        subscribed = queue.Queue()
        self._client.on_subscribe = lambda *_: subscribed.put(True)
        self._client.on_message = lambda _client, _data, message: self._messages.put(message)
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        subscribed.get(timeout=30)

    def until(self, wanted):
        """Messages until one is as wanted."""
        while True:
            message = self._messages.get(timeout=60)
            one = json.loads(message.payload)
            self.found.append((message.topic, one))
            if wanted(message, one):
                return one

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def subscriber(broker):
    subscriber = Subscriber(broker)
    yield subscriber
    subscriber.close()


def ended(_message, one):
    return one.get("phase") == "ended"


def test_a_subscriber_hears_the_session(speech_wav, tmp_path, broker, subscriber):
    address = f"mqtt://127.0.0.1:{broker.port}"
    with Running(speech_wav, tmp_path, address, speed=8.0) as running:
        running.monitor.mark("stimulus")
        running.wait()
    subscriber.until(ended)
    place = f"ser/{running.session.id}"
    check_objects([one for _, one in subscriber.found])
    topics = {topic for topic, _ in subscriber.found}
    wanted = ("hello", "1/update", "1/segment", "marker", "clock", "status")
    assert topics == {f"{place}/{name}" for name in wanted}
    assert subscriber.found[0][0] == f"{place}/hello"
    found = [one for _, one in subscriber.found]
    assert len(of_type(found, "segment")) == 3
    assert running.state.dropped == 0
    late = Subscriber(broker)
    try:
        assert late.until(ended)["type"] == "status", "it is retained"
    finally:
        late.close()


def test_a_prefix_and_a_user(speech_wav, tmp_path):
    secret = tmp_path / "passwords"
    password = "a secret that is long enough"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(secret), "lab", password], check=True)
    broker = Broker(tmp_path, settings=f"allow_anonymous false\npassword_file {secret}\n")
    address = f"mqtt://lab@127.0.0.1:{broker.port}/room/7"
    try:
        with Running(speech_wav, tmp_path / "a", address, network={"token": password}) as running:
            running.wait()
        assert running.state.sent > 100
        wrong = {"network": {"token": "another that is long enough"}}
        with Running(speech_wav, tmp_path / "b", address, speed=1.0, **wrong) as running:
            until(lambda: running.outputs.error is not None)
            assert "not authorized" in running.outputs.error
            assert running.session.error is None
    finally:
        broker.close()


def test_a_broker_that_is_away_is_told_and_found_when_it_comes(speech_wav, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with Running(speech_wav, tmp_path, f"mqtt://127.0.0.1:{port}", speed=0.5) as running:
        until(lambda: running.outputs.error is not None)
        assert f"broker at 127.0.0.1:{port} cannot be used: connection refused" in (
            running.outputs.error
        )
        broker = Broker(tmp_path, port)
        until(lambda: running.state.connected)
        assert running.outputs.error is None
        broker.close()
        until(lambda: running.outputs.error is not None)
        assert "connection was lost" in running.outputs.error
        broker = Broker(tmp_path, port)
        until(lambda: running.state.connected)
        assert running.monitor.status.phase.value == "listening"
    broker.close()
    assert running.state.dropped > 0


def test_a_program_that_dies_is_told_by_its_last_will(tmp_path, broker, subscriber):
    process = program("--input", "demo", "--out", f"mqtt://127.0.0.1:{broker.port}")
    subscriber.until(lambda _message, one: one["type"] == "update")
    process.kill()
    process.communicate()
    gone = subscriber.until(lambda _message, one: one["type"] == "gone")
    check_objects([gone])


def test_a_topic_with_a_wildcard_is_refused(speech_wav, tmp_path):
    with pytest.raises(UsageError, match="no topic"):
        Running(speech_wav, tmp_path, "mqtt://127.0.0.1/a+b")

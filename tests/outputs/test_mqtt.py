"""MQTT, by way of Debian's broker, heard by a subscriber."""

from __future__ import annotations

import getpass
import json
import queue
import shutil
import signal
import socket
import subprocess

import paho.mqtt.client as paho
import pytest

from realtime_ser.base.errors import UsageError
from tests.outputs.live_session import Running, answers, check_objects, of_type, program, until

pytestmark = pytest.mark.skipif(
    shutil.which("mosquitto") is None and not shutil.which("/usr/sbin/mosquitto"),
    reason="there is no mosquitto: on Debian and Ubuntu `make test` installs it",
)


class Mosquitto:
    """mosquitto on a free port of this computer."""

    def __init__(self, folder, port=None, settings="allow_anonymous true\n"):
        with socket.create_server(("127.0.0.1", port or 0)) as taken:
            self.port = taken.getsockname()[1]
        path = folder / f"mosquitto-{self.port}.conf"
        path.write_text(f"user {getpass.getuser()}\nlistener {self.port} 127.0.0.1\n{settings}")
        found = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self._process = subprocess.Popen(
            [found, "-c", str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(lambda: answers(self.port))

    def signal(self, number):
        self._process.send_signal(number)

    def close(self):
        self._process.terminate()
        self._process.wait(10)


@pytest.fixture
def broker(tmp_path):
    broker = Mosquitto(tmp_path)
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


PASSWORD = "pw-1x7"


@pytest.fixture
def strict_broker(tmp_path):
    """A broker that knows one user."""
    secret = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(secret), "lab", PASSWORD], check=True)
    broker = Mosquitto(tmp_path, settings=f"allow_anonymous false\npassword_file {secret}\n")
    yield broker
    broker.close()


def sent_to(address, wav, folder, **sections):
    """Number of records that an output has sent when a recording is over."""
    with Running(wav, folder, address, **sections) as running:
        running.wait()
    return running.state.sent


def refusal_of(address, wav, folder, **sections):
    """Why an output is not connected, while the session goes on."""
    with Running(wav, folder, address, speed=1.0, **sections) as running:
        until(lambda: running.outputs.error is not None)
        assert running.session.error is None
        assert running.monitor.status.phase.value == "listening"
        words = running.outputs.error
    assert words.count("\n") == 0
    assert words.endswith("; it is tried again.")
    return words


def test_a_prefix_and_a_user(speech_wav, tmp_path, strict_broker):
    address = f"mqtt://lab@127.0.0.1:{strict_broker.port}/room/7"
    assert sent_to(address, speech_wav, tmp_path / "a", network={"password": PASSWORD}) > 100


def test_user_and_password_from_the_environment(speech_wav, tmp_path, strict_broker, monkeypatch):
    monkeypatch.setenv("REALTIME_SER_MQTT_USER", "lab")
    monkeypatch.setenv("REALTIME_SER_MQTT_PASSWORD", PASSWORD)
    address = f"mqtt://127.0.0.1:{strict_broker.port}"
    other = "written in the settings"
    assert sent_to(address, speech_wav, tmp_path / "a", network={"password": other}) > 100
    kept = [path.read_bytes() for path in (tmp_path / "a").rglob("*") if path.is_file()]
    assert kept
    assert not any(secret.encode() in data for secret in (PASSWORD, other) for data in kept)


def test_a_refused_login_is_one_sentence(speech_wav, tmp_path, strict_broker):
    wrong = {"network": {"password": "wrong"}}
    named = f"mqtt://lab@127.0.0.1:{strict_broker.port}"
    assert "refuses the user 'lab': see to the name, and to the password in" in refusal_of(
        named, speech_wav, tmp_path / "a", **wrong
    )
    nameless = f"mqtt://127.0.0.1:{strict_broker.port}"
    assert "it asks for a user: say mqtt://NAME@HOST" in refusal_of(
        nameless, speech_wav, tmp_path / "b"
    )


def test_a_password_in_an_address_is_refused(speech_wav, tmp_path):
    with pytest.raises(UsageError, match=r"must not hold a password.*network\.password"):
        Running(speech_wav, tmp_path, "mqtt://lab:secret@127.0.0.1")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """Folder with a certificate for 127.0.0.1 that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("authority")
    subject = ["-subj", "/CN=broker", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    subprocess.run([*command, *files, *subject], check=True, capture_output=True)
    return folder


@pytest.fixture
def tls_broker(tmp_path, authority):
    files = f"certfile {authority / 'cert.pem'}\nkeyfile {authority / 'key.pem'}\n"
    broker = Mosquitto(tmp_path, settings=f"allow_anonymous true\n{files}")
    yield broker
    broker.close()


def test_over_tls_by_the_authority_of_the_broker(speech_wav, tmp_path, tls_broker, authority):
    address = f"mqtts://127.0.0.1:{tls_broker.port}"
    network = {"ca_file": str(authority / "cert.pem")}
    assert sent_to(address, speech_wav, tmp_path / "a", network=network) > 100


def test_what_is_wrong_with_tls_is_one_sentence(
    speech_wav, tmp_path, broker, tls_broker, authority
):
    encrypted = f"mqtts://127.0.0.1:{tls_broker.port}"
    said = refusal_of(encrypted, speech_wav, tmp_path / "a")
    assert "certificate is not trusted (self-signed certificate); let network.ca_file" in said
    said = refusal_of(f"mqtts://127.0.0.1:{broker.port}", speech_wav, tmp_path / "b")
    assert "there is no TLS at this port" in said
    said = refusal_of(f"mqtt://127.0.0.1:{tls_broker.port}", speech_wav, tmp_path / "c")
    assert "closed the connection; say mqtts:// if it expects TLS" in said
    key = {"ca_file": str(authority / "key.pem")}
    with pytest.raises(UsageError, match=r"network\.ca_file.*must be a PEM file"):
        Running(speech_wav, tmp_path / "d", encrypted, network=key)


def test_a_broker_that_is_away_is_told_and_found_when_it_comes(speech_wav, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with Running(speech_wav, tmp_path, f"mqtt://127.0.0.1:{port}", speed=0.5) as running:
        until(lambda: running.outputs.error is not None)
        assert f"broker at 127.0.0.1:{port} cannot be used: connection refused" in (
            running.outputs.error
        )
        broker = Mosquitto(tmp_path, port)
        until(lambda: running.state.connected)
        assert running.outputs.error is None
        broker.close()
        until(lambda: running.outputs.error is not None)
        assert "connection was lost" in running.outputs.error
        broker = Mosquitto(tmp_path, port)
        until(lambda: running.state.connected)
        assert running.monitor.status.phase.value == "listening"
    broker.close()
    assert running.state.dropped > 0


def test_a_broker_that_hangs_costs_its_own_updates_alone(long_wav, tmp_path, broker, subscriber):
    """Ten minutes pass meanwhile: a minute waits, and the newest is heard when it goes on."""
    address = f"mqtt://127.0.0.1:{broker.port}"
    with Running(long_wav, tmp_path, address) as running:
        until(lambda: running.state.connected)
        broker.signal(signal.SIGSTOP)
        try:
            running.wait()
            running.session.stop()
        finally:
            broker.signal(signal.SIGCONT)
    with (tmp_path / "out.csv").open(encoding="utf-8") as table:
        assert sum(1 for _ in table) == 1 + 7499
    assert running.state.dropped > 0
    assert running.session.error is None


def test_a_broker_that_does_not_answer_is_told_and_nothing_piles_up(long_wav, tmp_path, broker):
    """While it is waited for, the newest minute of records is kept, and the rest is counted."""
    broker.signal(signal.SIGSTOP)
    try:
        with Running(long_wav, tmp_path, f"mqtt://127.0.0.1:{broker.port}") as running:
            until(lambda: running.monitor.status.position_s > 120.0)
            assert running.state.dropped > 500
            until(lambda: running.outputs.error is not None)
            assert "it does not answer; it is tried again." in running.outputs.error
    finally:
        broker.signal(signal.SIGCONT)


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

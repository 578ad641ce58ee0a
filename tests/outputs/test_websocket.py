"""The WebSocket, heard by the websockets package's own client."""

from __future__ import annotations

import json
import socket
import time

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from realtime_ser.base.errors import UsageError
from tests.outputs.live_session import Running, check_objects, of_type, until

TOKEN = "a secret that is long enough"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def port():
    return free_port()


def connected(port, query=""):
    """A client, once the server listens."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return connect(f"ws://127.0.0.1:{port}/live{query}", max_size=None)
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def all_of(client):
    """All until the server ends it in order."""
    return [json.loads(text) for text in client]


def test_listeners_hear_the_session_from_when_they_come_to_its_end(speech_wav, tmp_path, port):
    with (
        Running(speech_wav, tmp_path, f"ws://127.0.0.1:{port}", speed=4.0) as running,
        connected(port) as one,
        connected(port) as other,
    ):
        until(lambda: running.state.listeners == 2)
        running.monitor.mark("stimulus")
        running.wait()
        running.session.stop()
        running.outputs.finish()
        found, same = all_of(one), all_of(other)
    check_objects(found)
    assert found[0] == same[0]
    assert found[0]["type"] == "hello"
    assert of_type(found, "update")[-10:] == of_type(same, "update")[-10:]
    assert len(of_type(found, "segment")) == 3
    assert of_type(found, "marker")[0]["text"] == "stimulus"
    assert found[-1]["phase"] == "ended"
    assert running.state.dropped == 0


def test_one_that_stops_reading_loses_its_own_updates_alone(long_wav, tmp_path, port):
    """Its socket fills, then its queue, and the oldest updates go; nobody waits for it."""
    with socket.socket() as deaf, Running(long_wav, tmp_path, f"ws://127.0.0.1:{port}") as running:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        until(lambda: running.state.connected)
        deaf.connect(("127.0.0.1", port))
        deaf.sendall(
            b"GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        with connected(port) as reader:
            until(lambda: running.state.listeners == 2)
            found, lost = [], 0
            for text in reader:
                found.append(json.loads(text))
                lost = running.state.dropped if found[-1].get("step") == 7000 else lost
        running.wait()
    assert lost > 1000, "not even while the session runs does more than a minute wait"
    assert len(running.session.stop()) == 1
    with (tmp_path / "out.csv").open(encoding="utf-8") as table:
        assert sum(1 for _ in table) == 1 + 7500 - 1
    assert running.state.dropped > 0
    assert found[-1]["phase"] == "ended"
    assert of_type(found, "update")[-1]["step"] == 7498


def test_a_port_that_is_taken_is_told_and_tried_again(speech_wav, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        running = Running(speech_wav, tmp_path, f"ws://127.0.0.1:{port}", speed=1.0)
        with running:
            until(lambda: running.outputs.error is not None)
            assert f"Cannot listen at port {port} of 127.0.0.1" in running.outputs.error
            assert running.outputs.error.count(".") == 4  # those of the address, and one sentence
            other.close()
            until(lambda: running.state.connected)
            assert running.outputs.error is None
            assert running.state.dropped > 0
            with connected(port) as client:
                assert json.loads(client.recv())["type"] == "hello"
        assert running.session.error is None


def test_a_wrong_token_is_refused_and_the_session_goes_on(speech_wav, tmp_path, port):
    network = {"network": {"token": TOKEN}}
    with Running(speech_wav, tmp_path, f"ws://127.0.0.1:{port}", speed=1.0, **network) as running:
        until(lambda: running.state.connected)
        for query in ("", "?token=wrong"):
            with pytest.raises(InvalidStatus) as refused:
                connect(f"ws://127.0.0.1:{port}/live{query}")
            assert refused.value.response.status_code == 401
        with connected(port, f"?token={TOKEN.replace(' ', '%20')}") as client:
            assert json.loads(client.recv())["type"] == "hello"
        assert running.monitor.status.phase.value == "listening"


def test_beyond_this_computer_a_token_is_needed(speech_wav, tmp_path):
    with pytest.raises(UsageError, match="--remote"):
        Running(speech_wav, tmp_path, "ws://0.0.0.0:8765")
    with pytest.raises(UsageError, match="give a token"):
        Running(speech_wav, tmp_path, "ws://0.0.0.0:8765", network={"remote": True})


def test_a_token_is_not_kept_with_the_session(speech_wav, tmp_path, port):
    network = {"network": {"token": TOKEN}}
    with Running(speech_wav, tmp_path, f"ws://127.0.0.1:{port}", **network) as running:
        running.wait()
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert TOKEN.encode() not in path.read_bytes()

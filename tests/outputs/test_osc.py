"""Open Sound Control, heard by python-osc's own server."""

from __future__ import annotations

import socket
import threading

import pytest
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_server import BlockingOSCUDPServer

from realtime_ser.base.labels import LABELS
from realtime_ser.session.store import Store
from tests.outputs.live_session import Running, until


class Listener:
    """Server on a free port that keeps what comes, and the time of its bundles."""

    def __init__(self):
        dispatcher = Dispatcher()
        dispatcher.set_default_handler(self.take)
        self.messages = []
        self.stamps = []
        self._server = BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher)
        self._server.verify_request = self.note_stamp
        self._server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def take(self, address, *arguments):
        self.messages.append((address, arguments))

    def note_stamp(self, request, _client):
        self.stamps.append(OscBundle(request[0]).timestamp)
        return True

    def of(self, address):
        return [arguments for found, arguments in self.messages if found == address]

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def listener():
    listener = Listener()
    yield listener
    listener.close()


def test_a_listener_hears_what_the_session_keeps(speech_wav, tmp_path, listener):
    with Running(speech_wav, tmp_path, f"osc://127.0.0.1:{listener.port}", speed=4) as running:
        running.monitor.mark("stimulus")
        running.wait()
    until(lambda: listener.of("/ser/status")[-1:] and listener.of("/ser/status")[-1][0] == "ended")
    with Store(tmp_path / "store") as store:
        (info,) = store.sessions()
        columns, segments = store.columns(info.id), store.segments(info.id)
    speech = columns.label >= 0
    assert listener.of("/ser/labels")[0] == LABELS
    assert [time for (time,) in listener.of("/ser/1/time")] == pytest.approx(columns.time_s)
    assert [on for (on,) in listener.of("/ser/1/speech")] == speech.astype(int).tolist()
    heard = listener.of("/ser/1/probabilities")
    assert [len(one) for one in heard] == [len(LABELS)] * int(speech.sum())
    for one, kept in zip(heard, columns.probabilities[speech], strict=True):
        assert one == pytest.approx(kept, abs=1e-4)
    labels = [LABELS[number] for number in columns.label[speech]]
    assert [label for (label,) in listener.of("/ser/1/label")] == labels
    confidences = [confidence for (confidence,) in listener.of("/ser/1/confidence")]
    assert confidences == pytest.approx(columns.confidence[speech], abs=1e-4)
    assert [one[0] for one in listener.of("/ser/1/segment")] == [one.number for one in segments]
    assert listener.of("/ser/marker")[0][0] == "stimulus"
    assert running.state.sent > len(columns)
    assert running.state.dropped == 0


def test_bundles_carry_the_time_of_their_step(speech_wav, tmp_path, listener):
    with Running(speech_wav, tmp_path, f"osc://127.0.0.1:{listener.port}", speed=4) as running:
        started = running.monitor.wall_clock(0.0).timestamp()
        running.wait()
    until(lambda: listener.of("/ser/status")[-1:] and listener.of("/ser/status")[-1][0] == "ended")
    times = [stamp - started for stamp in listener.stamps]
    assert listener.of("/ser/1/time")
    for (time,) in listener.of("/ser/1/time"):
        assert min(abs(time - one) for one in times) < 0.001


def test_nobody_has_to_listen(speech_wav, tmp_path, listener):
    listener.close()
    with Running(speech_wav, tmp_path, f"osc://127.0.0.1:{listener.port}") as running:
        running.wait()
    assert running.monitor.status.phase.value == "ended"
    assert running.session.error is None

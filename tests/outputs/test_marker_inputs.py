"""Markers that other programs set, each over its own way in."""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.udp_client import SimpleUDPClient
from websockets.sync.client import connect

from realtime_ser.base.config import NetworkConfig
from realtime_ser.base.timebase import clock_s
from realtime_ser.commands.main import main
from realtime_ser.engine.handover import OutsideMarker
from realtime_ser.outputs.address import Address
from realtime_ser.outputs.marker_inputs import (
    MarkerInput,
    read_marker,
    receive_stamped,
    stamp_arrivals,
)
from realtime_ser.session.store import Store
from tests.outputs.live_session import Running, answers, of_type, program, until


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(type=kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def kept(folder):
    with Store(folder / "store") as store:
        (info,) = store.sessions()
        return store.markers(info.id)


def received(running):
    return running.outputs.all_states[-1].received


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("stimulus", OutsideMarker(1.0, "stimulus", "x")),
        ("  two\twords\r\n", OutsideMarker(1.0, "two words", "x")),
        ("video begin", OutsideMarker(1.0, "video", "x", "begin")),
        ("second video end", OutsideMarker(1.0, "second video", "x", "end")),
        ("begin", OutsideMarker(1.0, "begin", "x")),
        (" \n", None),
    ],
)
def test_a_text_is_a_moment_or_an_end_of_an_interval(text, expected):
    assert read_marker(text, 1.0, "x") == expected


def message(text):
    builder = OscMessageBuilder("/marker")
    builder.add_arg(text)
    return builder.build().dgram


def nested(packet, levels):
    for _ in range(levels):
        packet = b"#bundle\0" + struct.pack(">QI", 1, len(packet)) + packet
    return packet


@pytest.mark.parametrize(
    "packet",
    [message("lost").replace(b"lost", b"\xff\xfe\xfd\xfc"), nested(message("lost"), 2000)],
    ids=["no text", "bundles without end"],
)
def test_a_packet_that_is_no_osc_is_left_out_and_the_next_is_heard(packet):
    taken, port = queue.Queue(), free_port(socket.SOCK_DGRAM)
    address = Address(f"osc://127.0.0.1:{port}", "osc", "127.0.0.1", port)
    hearing = MarkerInput(address, NetworkConfig(), taken.put)
    hearing.start()
    until(lambda: hearing.state.connected)
    try:
        with socket.socket(type=socket.SOCK_DGRAM) as sender:
            for one in (packet, message("heard")):
                sender.sendto(one, ("127.0.0.1", port))
        assert taken.get(timeout=30).text == "heard"
        assert hearing.state.error is None
    finally:
        hearing.stop()


def test_lines_over_tcp(speech_wav, tmp_path):
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    with Running(speech_wav, tmp_path, speed=1.0, markers_from=[address]) as running:
        until(lambda: running.outputs.all_states[0].connected)
        with socket.create_connection(("127.0.0.1", port)) as one:
            one.sendall(b"stimulus\nvideo begin\n\nvid")
            until(lambda: received(running) == 2)
            now_s = running.monitor.now_s
            one.sendall(b"eo end\nlast words")
        until(lambda: received(running) == 4)
        with socket.create_connection(("127.0.0.1", port)) as another:
            another.settimeout(30)
            with contextlib.suppress(ConnectionResetError):  # closed, and nothing else happens
                another.sendall(b"\xff\xfe" + b"x" * 10_000)
                assert another.recv(1) == b""
    stimulus, video, last, *_ = kept(tmp_path)
    assert (stimulus.text, stimulus.code, stimulus.source) == ("stimulus", "", address)
    assert stimulus.wall_clock is not None
    assert (video.text, video.code, video.source) == ("video", "video", address)
    assert video.time_s == pytest.approx(stimulus.time_s, abs=0.1)
    assert video.time_s + video.duration_s >= now_s - 0.1
    assert last.text == "last words"


def test_intervals_that_do_not_fit(speech_wav, tmp_path):
    """An end without a beginning is a moment; a second beginning ends the first."""
    with Running(speech_wav, tmp_path, speed=1.0) as running:
        until(lambda: running.monitor.status.position_s > 1.0)
        start_s = running.monitor.adc_time(0.0)
        for at_s, edge in ((0.2, "end"), (0.4, "begin"), (0.6, "begin")):
            marker = OutsideMarker(start_s + at_s, "video", "lsl:x", edge)
            running.monitor.mark_from_outside(marker)
        running.monitor.begin_mark("video", "a person's own")
        until(lambda: running.monitor.status.position_s > 1.5)
        running.monitor.end_mark("video")
    lost, first, second, own = sorted(kept(tmp_path), key=lambda one: one.time_s)
    assert (lost.text, lost.duration_s) == ("video end", 0.0)
    assert first.duration_s == pytest.approx(0.2, abs=0.001)
    assert second.time_s + second.duration_s == pytest.approx(
        running.monitor.status.position_s, abs=0.2
    )
    assert own.text == "a person's own"
    assert own.duration_s < second.duration_s


def test_osc_messages_and_bundles_with_their_own_time(speech_wav, tmp_path):
    port = free_port(socket.SOCK_DGRAM)
    address = f"osc://127.0.0.1:{port}"
    with Running(speech_wav, tmp_path, speed=1.0, markers_from=[address]) as running:
        until(lambda: running.outputs.all_states[0].connected)
        until(lambda: running.monitor.status.position_s > 1.5)
        with SimpleUDPClient("127.0.0.1", port) as client:
            client.send_message("/other", "no marker")
            client.send_message("/marker", "stimulus")
            client.send_message("/marker", [7, "begin"])
            for stamp in (time.time() - 1.0, IMMEDIATELY):
                bundle = OscBundleBuilder(stamp)
                message = OscMessageBuilder("/marker")
                message.add_arg("stamped")
                bundle.add_content(message.build())
                client.send(bundle.build())
        with socket.socket(type=socket.SOCK_DGRAM) as noise:
            noise.sendto(b"no OSC at all", ("127.0.0.1", port))
        until(lambda: received(running) == 4)
        now_s = running.monitor.now_s
    by_text = {}
    for marker in kept(tmp_path):
        by_text.setdefault(marker.text, []).append(marker.time_s)
    assert set(by_text) == {"stimulus", "7", "stamped"}
    early, late = sorted(by_text["stamped"])
    assert late - early == pytest.approx(1.0, abs=0.2)
    assert late <= now_s + 0.1  # a file's position advances by blocks


def test_a_listener_of_the_websocket_marks_too(speech_wav, tmp_path):
    port = free_port()
    address = f"ws://127.0.0.1:{port}"
    with Running(speech_wav, tmp_path, address, speed=1.0) as running:
        until(lambda: running.state.connected)
        with connect(f"ws://127.0.0.1:{port}") as client:
            until(lambda: running.monitor.status.position_s > 1.5)
            past = running.monitor.wall_clock(running.monitor.now_s - 1.0).isoformat()
            client.send("button")
            client.send(json.dumps({"type": "marker", "text": "earlier", "wall_clock": past}))
            found = []
            while len(found) < 2:
                one = json.loads(client.recv(timeout=60))
                found += [one] if one["type"] == "marker" else []
    button, earlier = found
    assert (button["text"], button["source"]) == ("button", address)
    assert button["time_s"] - earlier["time_s"] == pytest.approx(1.0, abs=0.3)
    assert [marker.text for marker in kept(tmp_path)] in (
        ["earlier", "button"],
        ["button", "earlier"],
    )


STREAMS = """
import sys
import pylsl
pylsl.set_config_content("[log]\\nlevel = -2\\n")
words = pylsl.StreamOutlet(
    pylsl.StreamInfo("PsychoPy", "Markers", 1, 0, pylsl.cf_string, "psychopy-1"))
numbers = pylsl.StreamOutlet(
    pylsl.StreamInfo("Triggers", "Markers", 1, 0, pylsl.cf_int32, "triggers-1"))
while not (words.have_consumers() and numbers.have_consumers()):
    pylsl.local_clock()
now = pylsl.local_clock()
print(now, flush=True)
words.push_sample(["stimulus"], now - 0.5)
words.push_sample(["video begin"], now - 0.25)
numbers.push_sample([17], now - 0.125)
sys.stdin.readline()
"""


def from_lsl(found):
    """Markers of the two streams, whatever else runs on this computer."""
    streams = ("lsl:PsychoPy", "lsl:Triggers")
    return [one for one in of_type(found, "marker") if one["source"] in streams]


@pytest.mark.pulse
def test_streams_of_lsl_with_their_own_time(pulse):
    arguments = ("--input", "mic", "--markers-from", "lsl", "--out", "json", "--out", "lsl")
    session = program(*arguments, env=pulse.env)
    found = [json.loads(session.stdout.readline())]
    while found[-1].get("time_s", 0.0) < 2.0:
        found.append(json.loads(session.stdout.readline()))
    sender = subprocess.Popen(
        [sys.executable, "-c", STREAMS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        while len(from_lsl(found)) < 3:
            found.append(json.loads(session.stdout.readline()))
    finally:
        sender.communicate("\n")
        session.terminate()
        session.communicate(timeout=60)
    stimulus, video, number = sorted(from_lsl(found), key=lambda one: one["time_s"])
    assert (stimulus["text"], stimulus["source"]) == ("stimulus", "lsl:PsychoPy")
    assert (video["text"], video["duration_s"]) == ("video", None)
    assert (number["text"], number["source"]) == ("17", "lsl:Triggers")
    assert video["time_s"] - stimulus["time_s"] == pytest.approx(0.25, abs=0.01)
    assert number["time_s"] - stimulus["time_s"] == pytest.approx(0.375, abs=0.01)


def test_a_port_that_is_taken_is_told_and_tried_again(speech_wav, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with Running(
            speech_wav, tmp_path, speed=0.5, markers_from=[f"tcp://127.0.0.1:{port}"]
        ) as running:
            until(lambda: running.outputs.error is not None)
            assert f"Cannot listen at port {port} of 127.0.0.1" in running.outputs.error
            other.close()
            until(lambda: running.outputs.all_states[0].connected)
            assert running.outputs.error is None
            assert running.session.error is None


def test_an_address_that_cannot_be_used_is_refused(capsys):
    arguments = ["--headless", "--input", "demo", "--markers-from"]
    assert main([*arguments, "json"]) == 2
    assert "known are lsl, tcp, osc" in capsys.readouterr().err
    assert main([*arguments, "tcp://0.0.0.0:5005"]) == 2
    assert "--remote" in capsys.readouterr().err


EXPERIMENT = """
import json, socket, sys, time
import numpy as np
import sounddevice
from pythonosc.osc_bundle_builder import OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.udp_client import UDPClient
from websockets.sync.client import connect

RATE = 48_000
osc, tcp, ws, clicks = map(int, sys.argv[1:])
click = np.zeros(RATE // 4, np.float32)
click[:480] = 0.8 * np.sin(2 * np.pi * 1000 * np.arange(480) / RATE)
due, moments, position = RATE, [], 0

def fill(data, frames, clock, status):
    global position, due
    data[:] = 0.0
    if due < position + frames:
        offset = due - position
        moments.append(clock.outputBufferDacTime + offset / RATE)
        part = click[: frames - offset]
        data[offset : offset + len(part), 0] = part
        due += RATE
    position += frames

def message(text):
    built = OscMessageBuilder("/marker")
    built.add_arg(text)
    return built.build()

with (
    UDPClient("127.0.0.1", osc) as to,
    socket.create_connection(("127.0.0.1", tcp)) as line,
    connect(f"ws://127.0.0.1:{ws}") as page,
    sounddevice.OutputStream(RATE, 1024, channels=1, callback=fill, latency=0.04) as stream,
):
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send_bundle():
        bundle = OscBundleBuilder(time.time() - (stream.time - moments[told]))
        bundle.add_content(message(f"bundle {told}"))
        to.send(bundle.build())

    ways = {
        "message": lambda: to.send(message(f"message {told}")),
        "line": lambda: line.sendall(f"line {told}\\n".encode()),
        "frame": lambda: page.send(f"frame {told}"),
    }
    told = 0
    while told < clicks:
        if len(moments) > told and stream.time >= moments[told]:
            send_bundle()
            for way, send in ways.items():
                late = stream.time - moments[told]
                send()
                print(json.dumps([f"{way} {told}", late]), flush=True)
            told += 1
        time.sleep(0.005)
"""


@pytest.fixture
def busy(request):
    """Processes that do nothing but take the processor."""
    burning = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(request.param)
    ]
    yield request.param
    for process in burning:
        process.kill()
        process.wait()


@pytest.mark.pulse
@pytest.mark.parametrize("busy", [0, 4], indirect=True)
def test_a_marker_lies_where_the_sound_is_that_it_marks(pulse, tmp_path, busy):
    """An experiment plays clicks through the sound server, and tells of each as it is heard.

    A bundle says when the click was heard; all else is a marker of the moment at which it was sent,
    and the experiment notes how long after the click that was.
    """
    osc, tcp, ws, clicks = free_port(socket.SOCK_DGRAM), free_port(), free_port(), 7
    arguments = (
        *("--input", "mic", "--record-audio", "--export", tmp_path / "out.csv", "--out", "json"),
        *("--markers-from", f"osc://127.0.0.1:{osc}", "--markers-from", f"tcp://127.0.0.1:{tcp}"),
        *("--out", f"ws://127.0.0.1:{ws}"),
    )
    with (tmp_path / "said.txt").open("w") as said:
        session = program(*arguments, env=pulse.env, stderr=said)
    found = {}
    with session.stdout:
        assert session.stdout.readline(), (tmp_path / "said.txt").read_text()
        until(lambda: answers(tcp) and answers(ws))
        playing = subprocess.Popen(
            [sys.executable, "-c", EXPERIMENT, *map(str, (osc, tcp, ws, clicks))],
            env=pulse.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # ALSA tells of each underrun
            text=True,
        )
        try:
            while len(found) < 4 * clicks:
                one = json.loads(session.stdout.readline())
                if one["type"] == "marker" and one["source"] != "device":
                    found[one["text"]] = one["time_s"]
            said, _ = playing.communicate(timeout=60)
        finally:
            playing.kill()
            playing.wait()
            session.terminate()
            session.wait(100)
    late = dict(map(json.loads, said.splitlines()))
    samples, rate = soundfile.read(tmp_path / "out.flac", always_2d=True)
    loud = np.abs(samples[:, 0]) > 0.2
    onsets = np.flatnonzero(loud[1:] & ~loud[:-1]) / rate
    onsets = onsets[np.diff(onsets, prepend=-1.0) > 0.3]
    errors = {}
    for way in ("bundle", "message", "line", "frame"):
        names = [f"{way} {number}" for number in range(clicks)]
        heard = np.array([found[name] - late.get(name, 0.0) for name in names])
        errors[way] = np.array([(one - onsets)[np.abs(one - onsets).argmin()] for one in heard])
        # A busy sound server is itself some milliseconds less sure of when it plays and hears.
        # Beside others the sound server itself is late.
        assert np.median(np.abs(errors[way])) <= (0.050 if busy else 0.025), errors
        assert np.median(np.abs(errors[way] - errors["bundle"])) <= 0.005, errors


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells when something came")
def test_a_marker_is_of_its_arrival_not_of_when_it_was_read():
    """A datagram and a line lie in the system's queue while the program is held up."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(type=kind) as receiver, socket.socket(type=kind) as sender:
            stamp_arrivals(receiver)
            time.sleep(0.1)  # the kernel begins a moment after it is asked
            receiver.bind(("127.0.0.1", 0))
            if kind is socket.SOCK_STREAM:
                receiver.listen()
            sender.connect(receiver.getsockname())
            before_s = clock_s()
            sender.sendall(b"stimulus\n")
            after_s = clock_s()
            time.sleep(0.3)
            heard = receiver.accept()[0] if kind is socket.SOCK_STREAM else receiver
            with heard:
                data, at_s = receive_stamped(heard, 100)
            assert data == b"stimulus\n"
            assert before_s - 0.001 <= at_s <= after_s + 0.005

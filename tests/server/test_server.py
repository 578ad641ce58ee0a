"""The server of the page: what it answers, and what it refuses in a sentence."""

from __future__ import annotations

import csv
import http.client
import io
import json
import shutil
import socket
import ssl
import subprocess
import sys
import time
from urllib.parse import quote, urlsplit
from urllib.request import urlopen

import numpy as np
import pytest
import soundfile
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from realtime_ser.base.config import Config
from realtime_ser.base.labels import COLORS, FACES, LABELS
from realtime_ser.base.paths import shipped
from realtime_ser.commands.main import main
from realtime_ser.outputs.asgi import Access
from realtime_ser.session.store import open_store
from realtime_ser.timeline.style import DARK, LIGHT
from tests.server.conftest import block

DEMO = shipped("demo.flac")
AHEAD = {"ahead_s": 1e9}  # sound that need not be spoken


def request(url, method="GET", path="/", body=None, **headers):
    """Status, headers and text of an answer."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=30)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read().decode()
    finally:
        connection.close()


def answer_to(connection):
    """Status and text of the answer to what was sent by hand."""
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return answer.status, answer.read().decode()


def upload(url, data, name="talk.wav", **query):
    """Messages of a file that is sent."""
    more = "".join(f"&{key}={value}" for key, value in query.items())
    status, _, text = request(url, "POST", f"/files?name={quote(name)}{more}", data)
    return status, [json.loads(line) for line in text.splitlines()]


def tables(messages):
    """The tables of a session, as their rows came."""
    found = {"steps": "", "segments": "", "markers": "", "voice": ""}
    for message in messages:
        if message["type"] == "rows":
            anew = message.get("anew", False)
            found[message["table"]] = ("" if anew else found[message["table"]]) + message["text"]
    return found


def rows(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def analysed(path, to, *options):
    assert main(["analyze", str(path), "--out", str(to), *options]) == 0
    (steps,) = to.glob("*.frames.csv")
    (segments,) = to.glob("*.segments.csv")
    (voice,) = to.glob("*.voice.csv")
    files = {"steps": steps, "segments": segments, "voice": voice}
    return {table: path.read_bytes().decode() for table, path in files.items()}


def dial(url, **options):
    return connect(f"{url.replace('http', 'ws', 1)}microphone", **options)


def started(client, rate=16_000):
    client.send(json.dumps({"type": "start", "rate": rate, "name": "Desk microphone"}))


def until_end(client):
    """All messages until the server closes."""
    messages = []
    try:
        while True:
            messages.append(json.loads(client.recv(timeout=60)))
    except ConnectionClosed:
        return messages


def speak(client, samples, rate, size=1237):
    for first in range(0, len(samples), size):
        client.send(block(1000 + first, samples[first : first + size]))


def refused(client):
    """The one sentence with which a page is turned away."""
    last = until_end(client)[-1]
    assert last["type"] == "error"
    assert last["words"].endswith(".")
    return last["words"]


# ------------------------------------------------------------------------------------------ files


@pytest.mark.parametrize("options", [(), ("--channels", "2")], ids=["first", "second"])
def test_a_file_is_heard_as_analyze_hears_it(page_url, speech_stereo_wav, tmp_path, options):
    channel = options[1] if options else "1"
    _, messages = upload(page_url, speech_stereo_wav.read_bytes(), channel=channel)
    expected = analysed(speech_stereo_wav, tmp_path / "out", *options)
    assert {name: tables(messages)[name] for name in expected} == expected
    steps = [message for message in messages if message["type"] == "update"]
    spoken = [row for row in rows(expected["steps"]) if row["speech"] == "1"]
    assert [one["time_s"] for one in steps if one["state"] == "speech"] == [
        float(row["time_s"]) for row in spoken
    ]
    values = [one["probabilities"] for one in steps if one["probabilities"]]
    wanted = [[float(row[label]) for label in LABELS] for row in spoken]
    assert np.allclose(values, wanted, atol=1e-6)
    assert messages[-1]["type"] == "end"
    assert "s of speech in" in messages[-1]["words"]


def test_the_formats_that_the_program_reads_are_taken(page_url, tmp_path):
    samples, rate = soundfile.read(DEMO, dtype="float32")
    whole = {}
    for ending in ("flac", "wav", "ogg"):
        path = tmp_path / f"one.{ending}"
        soundfile.write(path, samples[: 6 * rate], rate)
        _, messages = upload(page_url, path.read_bytes(), path.name)
        whole[ending] = tables(messages)["segments"]
        assert messages[-1]["type"] == "end"
    assert whole["flac"] == whole["wav"]


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("notes.wav", b"this is no sound", "notes.wav"),
        ("nothing.wav", b"", "nothing.wav"),
        ("../../etc/passwd", b"root:x:0:0", "passwd"),
    ],
)
def test_what_is_no_sound_is_one_sentence(page_url, name, data, words):
    _, messages = upload(page_url, data, name)
    assert [message["type"] for message in messages] == ["error"]
    assert messages[0]["words"].startswith(words)
    assert "/tmp" not in messages[0]["words"]


def test_a_channel_that_is_not_there_is_one_sentence(page_url):
    _, messages = upload(page_url, DEMO.read_bytes(), "demo.flac", channel=3)
    assert "channel 3 is not there" in messages[-1]["words"]
    status, messages = upload(page_url, b"", channel="many")
    assert (status, "is no channel" in messages[0]["words"]) == (400, True)


def test_a_large_file_is_refused_before_it_is_sent(serve):
    place = urlsplit(serve(upload_bytes=1_000_000))
    with socket.create_connection((place.hostname, place.port), 30) as connection:
        head = f"POST /files HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: 2000000000\r\n\r\n"
        connection.sendall(head.encode())
        status, words = answer_to(connection)
    assert (status, "larger than 1.0 MB" in words) == (413, True)


def test_a_large_file_is_refused_when_it_does_not_say_so(serve):
    url = serve(upload_bytes=1_000_000)
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), 30) as connection:
        head = f"POST /files HTTP/1.1\r\nHost: {place.netloc}\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode())
        chunk = b"186a0\r\n" + bytes(100_000) + b"\r\n"
        for _ in range(11):
            connection.sendall(chunk)
        status, words = answer_to(connection)
    assert (status, "larger than 1.0 MB" in words) == (413, True)


def test_a_file_that_stops_coming_is_given_up(serve):
    place = urlsplit(serve(idle_s=0.3))
    with socket.create_connection((place.hostname, place.port), 30) as connection:
        head = f"POST /files HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: 1000\r\n\r\nRIFF"
        connection.sendall(head.encode())
        assert "stopped coming" in answer_to(connection)[1]


def test_a_file_that_is_too_long_is_refused(serve):
    _, messages = upload(serve(sound_s=10.0), DEMO.read_bytes(), "demo.flac")
    assert [message["type"] for message in messages] == ["error"]
    assert "longer than 10 s" in messages[0]["words"]


def test_no_file_stays(serve, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    url = serve()
    (folder,) = tmp_path.glob("realtime-ser-*")
    upload(url, DEMO.read_bytes(), "demo.flac")
    upload(url, b"this is no sound")
    assert list(folder.iterdir()) == []


# ------------------------------------------------------------------------------------- microphone


def test_a_microphone_is_heard_as_the_same_sound_in_a_file(serve, speech_wav, tmp_path):
    samples, rate = soundfile.read(speech_wav, dtype="float32")
    with dial(serve(**AHEAD)) as client:
        started(client, rate)
        speak(client, samples, rate)
        client.send('{"type": "stop"}')
        messages = until_end(client)
    heard, expected = tables(messages), analysed(speech_wav, tmp_path / "out")
    assert heard["segments"] == expected["segments"]
    assert heard["voice"] == expected["voice"]
    outside = {"wall_clock", "latency_ms"}  # a file has none
    assert [
        {name: cell for name, cell in row.items() if name not in outside}
        for row in rows(heard["steps"])
    ] == [
        {name: cell for name, cell in row.items() if name not in outside}
        for row in rows(expected["steps"])
    ]
    assert all(row["wall_clock"] and row["latency_ms"] for row in rows(heard["steps"]))


def test_what_is_left_out_is_lost_and_a_block_without_sound_is_a_pause(serve):
    with dial(serve(**AHEAD)) as client:
        started(client, 48_000)
        client.send(block(5000, np.zeros(48_000)))
        client.send(block(5000 + 96_000, np.zeros(48_000)))  # a second is missing
        client.send(block(5000 + 192_000))  # a second of pause
        client.send(block(5000 + 192_000, np.zeros(48_000)))
        client.send('{"type": "stop"}')
        messages = until_end(client)
    states = [row["state"] for row in rows(tables(messages)["steps"])]
    assert [states.count(state) for state in ("lost", "paused")] == [13, 13]
    assert messages[-1]["lost_s"] == pytest.approx(1.04)


def test_a_marker_is_a_row(serve):
    with dial(serve(**AHEAD)) as client:
        started(client)
        client.send(block(0, np.zeros(16_000)))
        client.send(json.dumps({"type": "mark", "text": "=question\n1", "time_s": 0.5}))
        client.send('{"type": "stop"}')
        (marker,) = rows(tables(until_end(client))["markers"])
    assert (marker["time_s"], marker["text"]) == ("0.500", "'=question 1")


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (["hello"], "text where sound belongs"),
        (["[" * 100_000], "text where sound belongs"),
        ([block(0, [0.0])], "must say how it records"),
        (['{"type": "start", "rate": 5}'], "8,000 to 192,000 Hz"),
        ([None, b"1234"], "something that is no sound"),
        ([None, block(float("nan"), [0.0])], "sound of no time"),
        ([None, block(100, [0.0]), block(50, [0.0])], "sent before"),
        ([None, block(0, [0.0]), block(1e9, [0.0])], "longer than 4 h"),
        ([None, block(0, np.zeros(160_000))], "faster than it can be spoken"),
        ([None, '{"type": "dance"}'], "means nothing"),
        ([None, '{"type": "mark", "time_s": "now"}'], "marker without a time"),
    ],
)
def test_what_is_no_sound_ends_that_page_alone(page_url, sent, words):
    with dial(page_url) as other, dial(page_url) as client:
        started(other)
        for one in sent:
            started(client) if one is None else client.send(one)
        assert words in refused(client)
        other.send(block(0, np.zeros(3200)))
        other.send('{"type": "stop"}')
        assert until_end(other)[-1]["type"] == "end"


def test_a_page_that_stops_sending_is_let_go(serve):
    with dial(serve(idle_s=0.3)) as client:
        started(client)
        assert "sent no sound for" in refused(client)


def test_all_places_taken_is_one_sentence_until_one_is_free(serve):
    url = serve(microphones=1)
    with dial(url) as first:
        started(first)
        assert json.loads(first.recv())["type"] == "session"
        with dial(url) as second:
            assert "1 microphone at a time" in refused(second)
        first.send('{"type": "stop"}')
        until_end(first)
    with dial(url) as third:
        started(third)
        assert json.loads(third.recv())["type"] == "session"


# ---------------------------------------------------------------------------------------- keeping


def kept_sessions():
    with open_store(Config()) as store:
        return sorted(
            (info.metadata.name, len(store.segments(info.id)), info.state.value)
            for info in store.sessions()
        )


def test_nothing_is_kept_unless_it_was_asked_for(serve):
    upload(serve(), DEMO.read_bytes(), "demo.flac")
    with dial(serve(**AHEAD)) as client:
        started(client)
        client.send(block(0, np.zeros(16_000)))
        client.send('{"type": "stop"}')
        assert until_end(client)[-1]["kept"] is None
    assert kept_sessions() == []


def test_files_and_recordings_are_kept_if_it_was(serve, speech_wav):
    url = serve(keep=True, **AHEAD)
    _, messages = upload(url, speech_wav.read_bytes(), "talk.wav")
    samples, rate = soundfile.read(speech_wav, dtype="float32")
    with dial(url) as client:
        started(client, rate)
        speak(client, samples, rate)
        client.send('{"type": "stop"}')
        heard = until_end(client)
    segments = len(rows(tables(messages)["segments"]))
    assert segments >= 3
    assert kept_sessions() == [
        ("Desk microphone", segments, "complete"),
        ("talk.wav", segments, "complete"),
    ]
    assert all(one[-1]["kept"] for one in (messages, heard))


def test_a_recording_whose_page_went_away_is_kept(serve, speech_wav):
    url = serve(keep=True, **AHEAD)
    samples, rate = soundfile.read(speech_wav, dtype="float32")
    with dial(url) as client:
        started(client, rate)
        speak(client, samples, rate)
        while json.loads(client.recv(timeout=60)).get("segment") != 2:
            pass
    deadline = time.monotonic() + 30
    while not kept_sessions() or kept_sessions()[0][2] != "complete":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert kept_sessions()[0][1] >= 1


# ----------------------------------------------------------------------------------------- access


def test_a_page_of_another_port_sends_nothing(page_url):
    origin = "http://127.0.0.1:1"
    status, _, text = request(page_url, "POST", "/files", b"", Origin=origin)
    assert (status, "own page" in text) == (403, True)
    with pytest.raises(InvalidStatus) as turned_away, dial(page_url, origin=origin):
        pass
    assert turned_away.value.response.status_code == 403
    own = page_url.rstrip("/")
    with dial(page_url, origin=own) as client:
        started(client)
        assert json.loads(client.recv())["type"] == "session"


def test_a_token_moves_from_the_address_into_a_cookie(serve):
    url = serve(Access(token="a secret of 16 letters"))
    assert request(url)[0] == 401
    assert request(url, path="/?token=wrong")[0] == 401
    status, headers, _ = request(url, path=f"/?{urlsplit(url).query}")
    assert (status, headers["location"]) == (303, "/")
    assert {"HttpOnly", "SameSite=strict"} <= set(headers["set-cookie"].split("; "))
    cookie = headers["set-cookie"].partition(";")[0]
    assert request(url, path="/page.js", Cookie=cookie)[0] == 200
    assert request(url, path="/page.js", Cookie="realtime-ser-token=wrong")[0] == 401


def test_every_answer_forbids_what_is_from_elsewhere(page_url):
    for path in ("/", "/page.js", "/about.json", "/nowhere"):
        _, headers, _ = request(page_url, path=path)
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(("pages", "live"), [(1, "large"), (100_000, "default")])
def test_auto_hears_as_many_pages_as_the_machine_can_and_files_with_large(
    serve, speech_wav, pages, live
):
    url = serve(config=Config(model="auto"), microphones=pages)
    assert json.loads(request(url, path="/about.json")[2])["model"].startswith(f"{live} ")
    with dial(url) as client:
        started(client)
        assert json.loads(client.recv())["model"].startswith(f"{live} ")
    _, (session, *_) = upload(url, speech_wav.read_bytes())
    assert session["model"].startswith("large ")


def test_colours_and_words_are_those_of_the_window(page_url):
    css = request(page_url, path="/theme.css")[2]
    light, dark = css.split("@media (prefers-color-scheme: dark)")
    for part, theme in ((light, LIGHT), (dark, DARK)):
        assert f"--background: {theme.background};" in part
        assert f"--accent: {theme.accent};" in part
    about = json.loads(request(page_url, path="/about.json")[2])
    assert {one["name"]: one["color"] for one in about["labels"]} == COLORS
    face = request(page_url, path="/faces/happy.svg")[2]
    assert face == (FACES / "happy.svg").read_text(encoding="utf-8")


# ---------------------------------------------------------------------------------------- command


def test_a_port_in_use_is_one_sentence(page_url, capsys):
    assert main(["serve", "--port", str(urlsplit(page_url).port)]) == 1
    said = capsys.readouterr().err
    assert "choose another port" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--tls-cert", "cert.pem"], "give --tls-cert and --tls-key"),
        (["--tls-cert", "no.pem", "--tls-key", "no.pem"], "cannot be used"),
        (["--host", "0.0.0.0", "--token", "short"], "16 characters"),
        (["--port", "70000"], "70000"),
    ],
)
def test_a_wrong_command_line_is_one_sentence(options, words, capsys):
    assert main(["serve", *options]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl")
def test_with_a_certificate_the_page_comes_by_tls(serve, tmp_path):
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    make = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -addext"
    names = ["subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run([*make.split(), *names], check=True, capture_output=True)
    url = serve(Access(certificate=(cert, key)))
    assert url.startswith("https://127.0.0.1:")
    with urlopen(url, context=ssl.create_default_context(cafile=cert)) as answer:
        assert b"<title>Realtime SER</title>" in answer.read()


def test_the_command_serves_until_it_is_interrupted():
    command = [sys.executable, "-m", "realtime_ser", "serve", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    with process:
        try:
            url = process.stdout.readline().split()[1]
            assert "Nothing is kept" in process.stdout.readline()
            assert "<title>Realtime SER</title>" in request(url)[2]
        finally:
            process.terminate()
        assert process.wait(30) == 0

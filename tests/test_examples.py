"""Each example of docs/examples does what it says, with the program beside it."""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from realtime_ser.commands.main import main
from tests.outputs.live_session import Running, of_type, program, until

EXAMPLES = Path(__file__).resolve().parent.parent / "docs" / "examples"
RECORDER = Path(__file__).with_name("outputs") / "xdf_recorder.py"
TESTED = {
    *("chatbot.py", "experiment.py", "live.html", "osc_print.py"),
    *("read_session.py", "read_session.ipynb"),
}


def run(name, *arguments, **options):
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(type=kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until_asked(process):
    """Until a program waits for Enter; its question ends without a line."""
    said = ""
    while not said.endswith("records. "):
        said += process.stdout.read(1)


def test_every_example_is_tested_here():
    assert {path.name for path in EXAMPLES.iterdir()} == TESTED


def test_the_chatbot_answers_each_utterance(speech_wav):
    chatbot = run("chatbot.py", speech_wav)
    said, _ = chatbot.communicate(timeout=100)
    assert chatbot.returncode == 0
    assert len(said.splitlines()) == 3
    assert all(line.startswith("[") and line.endswith((".", "?")) for line in said.splitlines())


def test_the_print_out_has_each_segment_and_marker(speech_wav, tmp_path):
    port = free_port(socket.SOCK_DGRAM)
    printing = run("osc_print.py", port)
    try:
        until(lambda: _is_bound(port))
        with Running(speech_wav, tmp_path, f"osc://127.0.0.1:{port}", speed=8.0) as running:
            running.monitor.mark("stimulus")
            running.wait()
        lines = [printing.stdout.readline() for _ in range(4)]
    finally:
        printing.kill()
        printing.communicate()
    assert "stimulus" in lines[0]
    assert all(line.startswith("1 ") and "%" in line for line in lines[1:])


def _is_bound(port):
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def trials_of(found):
    """Intervals that the experiment has ended."""
    marked = [one for one in of_type(found, "marker") if one["source"] == "lsl:Experiment"]
    return [one for one in marked if one["duration_s"] is not None]


@pytest.mark.pulse
def test_the_experiment_and_the_emotions_lie_on_one_clock(pulse, tmp_path):
    """As a recorder wrote them to XDF, and as the session has them."""
    import pyxdf

    arguments = ("--out", "json", "--out", "lsl", "--markers-from", "lsl")
    session = program("--input", "mic", *arguments, env=pulse.env)
    first = json.loads(session.stdout.readline())
    experiment = run("experiment.py", 1.0, stdin=subprocess.PIPE)
    until_asked(experiment)
    which = f"contains(source_id, '{first['session']}') or source_id='experiment-1'"
    recorder = subprocess.Popen(
        [sys.executable, str(RECORDER), str(tmp_path / "all.xdf"), "3", which],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    found = []
    try:
        assert recorder.stdout.readline() == "ready\n"
        experiment.stdin.write("\n")
        experiment.stdin.flush()
        while len(trials_of(found)) < 3:
            found.append(json.loads(session.stdout.readline()))
        assert experiment.wait(60) == 0
    finally:
        recorder.communicate("\n", timeout=60)
        for process in (experiment, session):
            process.terminate()
            process.communicate(timeout=60)
    trials = trials_of(found)
    assert [one["text"] for one in trials] == ["calm video", "sad video", "funny video"]
    assert [one["duration_s"] for one in trials] == pytest.approx([1.0] * 3, abs=0.3)
    streams, _ = pyxdf.load_xdf(str(tmp_path / "all.xdf"))
    by_name = {stream["info"]["name"][0]: stream for stream in streams}
    affect = by_name["Realtime SER channel 1"]
    channels = affect["info"]["desc"][0]["channels"][0]["channel"]
    assert [one["label"][0] for one in channels][: len(first["labels"])] == first["labels"]
    words = by_name["Experiment"]
    begun = dict(zip([word for (word,) in words["time_series"]], words["time_stamps"], strict=True))
    between = begun["funny video begin"] - begun["calm video begin"]
    assert trials[2]["time_s"] - trials[0]["time_s"] == pytest.approx(between, abs=0.02)
    # what the session has on its own clock is where the recorder has it
    level = [one["label"][0] for one in channels].index("level_dbfs")
    for trial in trials:
        inside = [
            one
            for one in of_type(found, "update")
            if trial["time_s"] < one["time_s"] <= trial["time_s"] + 0.5
        ]
        since = begun[f"{trial['text']} begin"] - trial["time_s"]
        for one in inside:
            nearest = np.abs(affect["time_stamps"] - since - one["time_s"]).argmin()
            assert affect["time_series"][nearest][level] == pytest.approx(
                one["level_dbfs"], abs=0.01
            )


def test_the_table_of_a_session_is_plotted(speech_wav, tmp_path):
    table = tmp_path / "talk.csv"
    heard = ["--headless", "--input", str(speech_wav), "--speed", "0", "--export", str(table)]
    assert main(heard) == 0
    reading = run("read_session.py", table, tmp_path / "talk.png")
    said, _ = reading.communicate(timeout=100)
    assert reading.returncode == 0
    steps, speech = (int(word) for word in said.split() if word.isdigit())
    assert steps > speech > 50
    assert (tmp_path / "talk.png").stat().st_size > 10_000


def test_the_notebook_reads_a_session_into_pandas_and_plots_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLES.parents[1]))
    notebook = nbformat.read(EXAMPLES / "read_session.ipynb", as_version=4)
    shown = [cell.get("outputs", []) for cell in notebook.cells]
    NotebookClient(notebook, timeout=200, resources={"metadata": {"path": str(tmp_path)}}).execute()
    kinds = [
        [sorted(output.get("data", {})) for output in cell.get("outputs", [])]
        for cell in notebook.cells
    ]
    frames, picture, means = [one for one in kinds if one]
    assert frames == means == [["text/html", "text/plain"]]
    assert picture == [["image/png", "text/plain"]]
    *_, by_label = notebook.cells
    words = by_label["outputs"][0]["data"]["text/plain"]
    assert "speaking_rate" in words
    assert "NaN" not in words
    text = (EXAMPLES / "read_session.ipynb").read_text(encoding="utf-8")
    assert [bool(one) for one in shown] == [bool(one) for one in kinds], "its outputs are shipped"
    assert "/tmp/" not in text


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no Chromium")
def test_the_page_shows_what_the_websocket_says(tmp_path):
    from playwright.sync_api import sync_playwright

    handler = functools.partial(_QuietHandler, directory=EXAMPLES)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = free_port()
    address = f"ws://127.0.0.1:{port}"
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            page = browser.new_page()
            with Running("demo", tmp_path, address, speed=1.0) as running:
                until(lambda: running.state.connected)
                page.goto(f"http://localhost:{server.server_port}/live.html?ws={address}/live")
                page.wait_for_selector("#segments li", timeout=60_000)
                assert " s: " in page.inner_text("#segments li")
                assert page.locator("meter").count() == len(running.monitor.labels)
            gone = "document.querySelector('#label').innerText == 'not connected'"
            page.wait_for_function(gone)
            browser.close()
    finally:
        server.shutdown()
        server.server_close()

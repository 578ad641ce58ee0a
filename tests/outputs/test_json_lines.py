"""JSON lines on standard output: what a script reads that started the monitor."""

from __future__ import annotations

import csv
import json
import os
import re

import pytest

from realtime_ser.commands.main import main
from tests.outputs.live_session import Running, check_objects, of_type, program, until


def lines_of(process):
    out, err = process.communicate(timeout=100)
    return [json.loads(line) for line in out.splitlines()], err


@pytest.fixture(scope="module")
def heard(speech_wav, tmp_path_factory):
    """All lines of a recording, its tables, and what was said besides."""
    table = tmp_path_factory.mktemp("heard") / "out.csv"
    process = program("--input", speech_wav, "--speed", 0, "--out", "json", "--export", table)
    found, err = lines_of(process)
    assert process.returncode == 0, err
    return found, table, err


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_line_is_as_the_schema_says_and_the_first_explains_the_others(heard):
    found, _, _ = heard
    check_objects(found)
    hello = found[0]
    assert hello["type"] == "hello"
    assert hello["source"] == {"name": "speech.wav", "live": False, "demo": False}
    assert hello["model"]["name"] == "default"
    assert hello["channels"] == [{"number": 1, "name": None}]
    assert of_type(found[1:], "hello") == []
    assert found[-1]["phase"] == "ended"
    assert found[-1]["dropped"] == 0


def test_updates_and_segments_are_the_rows_of_the_tables(heard):
    found, table, _ = heard
    labels = found[0]["labels"]
    updates, steps = of_type(found, "update"), rows(table)
    assert [f"{one['time_s']:.2f}" for one in updates] == [row["time_s"] for row in steps]
    assert [one["wall_clock"] for one in updates] == [row["wall_clock"] for row in steps]
    for one, row in zip(updates, steps, strict=True):
        assert (one["label"] or "") == row["label"]
        for name in ("confidence", "f0_hz", "loudness_lufs", "speaking_rate", "activation"):
            known = one[name] is not None
            assert known == bool(row[name]), name
            assert not known or one[name] == pytest.approx(float(row[name]), abs=0.06), name
        if one["probabilities"] is not None:
            assert one["probabilities"] == pytest.approx([float(row[name]) for name in labels])
    segments = of_type(found, "segment")
    assert len(segments) == 3
    for one, row in zip(segments, rows(table.with_suffix(".segments.csv")), strict=True):
        assert [one["start_s"], one["end_s"]] == [float(row["start_s"]), float(row["end_s"])]
        assert one["label"] == row["label"]


def test_words_for_people_go_to_standard_error(heard):
    _, _, err = heard
    assert "(0." in err
    assert "Files:" in err
    assert "json: " in err
    assert " sent\n" in err


def test_a_reader_that_goes_ends_the_session_in_order(tmp_path):
    """As with ``| head``: nobody is left who could end it."""
    table = tmp_path / "out.csv"
    process = program("--input", "demo", "--out", "json", "--export", table)
    assert any(json.loads(line)["type"] == "update" for line in iter(process.stdout.readline, ""))
    process.stdout.close()
    with process.stderr:
        err = process.stderr.read()
    assert process.wait(60) == 0, err
    assert "Traceback" not in err
    assert "error" not in err
    assert rows(table)


@pytest.mark.pulse
def test_a_reader_that_stops_reading_costs_a_microphone_s_session_nothing(
    pulse, speech_wav, tmp_path
):
    """The pipe is full after some ten lines, and the session goes on without a wait."""
    import fcntl

    table, (reading, writing) = tmp_path / "out.csv", os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    arguments = ["--input", "mic", "--duration", 6, "--out", "json", "--export", table]
    process = program(*arguments, stdout=writing, env=pulse.env)
    os.close(writing)
    playing = pulse.play(speech_wav)
    with process.stderr:
        err = process.stderr.read()
    assert process.wait(60) == 0, err
    playing.kill()
    os.close(reading)
    assert "0 samples dropped" in err
    assert re.search(r"json: [\d,]+ sent, [\d,]+ dropped", err)
    assert [row["state"] for row in rows(table)].count("lost") == 0
    assert float(rows(table)[-1]["time_s"]) == pytest.approx(5.92)


def test_a_file_waits_for_a_slow_reader(speech_wav, tmp_path, heard):
    process = program(
        "--input", speech_wav, "--speed", 0, "--out", "json", "--export", tmp_path / "o.csv"
    )
    first = process.stdout.readline()
    until((tmp_path / "o.csv").exists)
    found = [json.loads(line) for line in process.stdout]  # behind what readline has read ahead
    process.communicate(timeout=100)
    assert json.loads(first)["type"] == "hello"
    assert len(of_type(found, "update")) == len(of_type(heard[0], "update"))


def test_markers_and_intervals_are_told_as_they_are_made(speech_wav, tmp_path, capfd):
    with Running(speech_wav, tmp_path, "json", speed=4.0) as running:
        running.monitor.mark("stimulus", "7")
        running.monitor.begin_mark("1", "video")
        until(lambda: running.monitor.status.position_s > 1.0)
        running.monitor.end_mark("1")
        running.wait()
    found = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    check_objects(found)
    moment, begun, ended = of_type(found, "marker")
    assert (moment["text"], moment["code"], moment["duration_s"]) == ("stimulus", "7", 0.0)
    assert (begun["text"], begun["duration_s"]) == ("video", None)
    assert ended["time_s"] == begun["time_s"]
    assert ended["duration_s"] > 0.0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--out", "jsn"], "did you mean 'json'"),
        (["--out", "json://127.0.0.1"], "takes no address: say json."),
        (["--out", "osc"], "say it as osc://127.0.0.1:9000."),
        (["--out", "osc://127.0.0.1:99999"], "say it as osc://127.0.0.1:9000."),
        (["--out", "osc://10.0.0.7:9000"], "--remote"),
        (["--out", "json", "--out", "json"], "twice"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_before_the_session(arguments, words, capsys):
    assert main(["--headless", "--input", "demo", *arguments]) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""

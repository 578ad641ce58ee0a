"""``realtime-ser monitor`` without a window: what it prints, what it leaves, how it ends."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from realtime_ser.base.labels import LABELS
from realtime_ser.commands.main import main

CLI = [sys.executable, "-W", "error", "-m", "realtime_ser", "--model", "default"]


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def play(wav, out, *more):
    """Monitor a file as fast as it goes."""
    arguments = ["--headless", "--input", str(wav), "--export", str(out), "--speed", "0", *more]
    return main(arguments)


def wait_for(condition, what):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


# ------------------------------------------------------------------------------------- the session


def test_a_file_leaves_its_tables_and_their_story(speech_wav, tmp_path, capsys):
    assert play(speech_wav, tmp_path / "out.csv") == 0
    frames, segments = rows(tmp_path / "out.csv"), rows(tmp_path / "out.segments.csv")
    assert list(frames[0]) == [
        *("time_s", "wall_clock", "channel", "state", "speech", "segment"),
        *("label", "confidence", "certain", *LABELS, "level_dbfs", "latency_ms", "quality"),
        *("corrected", "f0_hz", "loudness_lufs", "speaking_rate", "pause_share", "activation"),
        "hf500_db",
    ]
    spoken = [row for row in frames if row["speech"] == "1"]
    assert len(segments) >= 3
    assert {row["segment"] for row in spoken} == {row["segment"] for row in segments}
    for row in spoken:
        assert sum(float(row[label]) for label in LABELS) == pytest.approx(1.0, abs=1e-5)
    silent = [row for row in frames if row["speech"] == "0"]
    assert silent
    assert not any(row[name] for row in silent for name in ("segment", "label", *LABELS))
    assert (tmp_path / "out.markers.csv").read_text("utf-8").startswith("time_s,wall_clock,")
    story = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert story["source"] == {"name": "speech.wav", "live": False, "demo": False}
    assert story["config"]["audio"]["speed"] == 0.0
    said = capsys.readouterr().out
    assert [row["segment"] for row in rows(tmp_path / "out.voice.csv")] == ["1", "2", "3"]
    for ending in ("csv", "segments.csv", "voice.csv", "markers.csv", "json"):
        assert str(tmp_path / f"out.{ending}") in said


def test_the_summary_gives_duration_speech_segments_and_the_shares_of_labels(
    speech_wav, tmp_path, capsys
):
    assert play(speech_wav, tmp_path / "out.csv") == 0
    segments = rows(tmp_path / "out.segments.csv")
    spoken = [row for row in rows(tmp_path / "out.csv") if row["speech"] == "1"]
    summary = capsys.readouterr().out.partition("of speech.wav")[2]
    assert f"{0.08 * len(spoken):.1f} s of speech in {len(segments)} segments, mostly " in summary
    of_labels = summary.partition("of it certain")[0].rpartition(",")[0] or summary
    shares = [part.split("\u202f")[0].split()[-1] for part in of_labels.split("%")[:-1]]
    assert sum(map(int, shares)) == pytest.approx(100, abs=2)


def test_without_a_terminal_each_segment_is_a_line(speech_wav, tmp_path, capsys):
    assert play(speech_wav, tmp_path / "out.csv") == 0
    lines = capsys.readouterr().out.splitlines()
    for line, row in zip(lines, rows(tmp_path / "out.segments.csv"), strict=False):
        assert row["label"] in line
        assert f"({row['start_s']} to {row['end_s']} s)" in line


def test_a_file_without_speech_is_said_to_have_none(tmp_path, capsys):
    soundfile.write(tmp_path / "silence.wav", np.zeros(32_000), 16_000)
    assert play(tmp_path / "silence.wav", tmp_path / "out.csv") == 0
    assert "no speech" in capsys.readouterr().out
    assert rows(tmp_path / "out.segments.csv") == []


def test_the_duration_counts_the_clock_of_the_session(speech_wav, tmp_path, capsys):
    assert play(speech_wav, tmp_path / "out.csv", "--duration", "3") == 0
    # A step's last frame reaches 15 ms beyond the step.
    assert float(rows(tmp_path / "out.csv")[-1]["time_s"]) == pytest.approx(2.96)
    assert "00:00:03 of speech.wav" in capsys.readouterr().out


def test_the_sound_is_kept_when_asked_for(speech_wav, tmp_path):
    assert play(speech_wav, tmp_path / "out.csv", "--record-audio") == 0
    kept, rate = soundfile.read(tmp_path / "out.flac", dtype="int16")
    given, given_rate = soundfile.read(speech_wav, dtype="int16")
    assert rate == given_rate
    np.testing.assert_allclose(kept, given, atol=1)


def test_two_channels_give_rows_of_both(speech_stereo_wav, tmp_path, capsys):
    assert play(speech_stereo_wav, tmp_path / "out.csv", "--channels", "1,2") == 0
    frames, segments = rows(tmp_path / "out.csv"), rows(tmp_path / "out.segments.csv")
    spoken = {channel: set() for channel in "12"}
    for row in frames:
        if row["speech"] == "1":
            spoken[row["channel"]].add(row["time_s"])
    assert spoken["1"]
    assert spoken["2"]
    assert not spoken["1"] & spoken["2"], "the voices speak in turn"
    assert {row["channel"] for row in segments} == {"1", "2"}
    said = capsys.readouterr().out
    assert "channel 1: " in said
    assert "channel 2: " in said


def test_the_picture_shows_the_end(speech_wav, tmp_path, capsys):
    picture = tmp_path / "pictures" / "end.png"
    assert play(speech_wav, tmp_path / "out.csv", "--screenshot", str(picture)) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert str(picture) in capsys.readouterr().out


def test_settings_of_the_command_line_win_over_those_of_the_file(speech_wav, tmp_path):
    config = tmp_path / "mine.yaml"
    config.write_text(f"audio: {{input: '{speech_wav}', speed: 5}}\ngate: {{hangover_ms: 700}}\n")
    out = tmp_path / "out.csv"
    arguments = ["monitor", "--headless", "--config", str(config), "--export", str(out)]
    assert main([*arguments, "--speed", "0"]) == 0
    used = json.loads((tmp_path / "out.json").read_text("utf-8"))["config"]
    assert used["audio"]["speed"] == 0.0
    assert used["audio"]["input"] == str(speech_wav)
    assert used["gate"]["hangover_ms"] == 700


def test_a_file_at_live_speed_gives_what_its_analysis_gives(speech_wav, tmp_path):
    """The segments are the same, and so are all probabilities, at a rate that is resampled."""
    import soxr

    speech, rate = soundfile.read(speech_wav, dtype="float32", frames=16_000 * 6)
    wav = tmp_path / "speech.wav"
    soundfile.write(wav, soxr.resample(speech, rate, 44_100), 44_100)
    live = tmp_path / "live.csv"
    assert main(["--headless", "--input", str(wav), "--export", str(live)]) == 0
    assert main(["analyze", str(wav), "--out", str(tmp_path / "offline")]) == 0

    offline = tmp_path / "offline" / "speech"
    segments = rows(tmp_path / "live.segments.csv")
    assert segments
    assert segments == rows(offline.with_suffix(".segments.csv"))
    for now, then in zip(rows(live), rows(offline.with_suffix(".frames.csv")), strict=True):
        assert [now[name] for name in ("time_s", "state", "segment", "label")] == [
            then[name] for name in ("time_s", "state", "segment", "label")
        ]
        if now["speech"] == "1":
            for label in LABELS:
                assert float(now[label]) == pytest.approx(float(then[label]), abs=1e-4)


# ----------------------------------------------------------------------------------------- the end


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_asked_to_end_it_completes_its_files(speech_wav, tmp_path, name):
    out = tmp_path / "out.csv"
    command = [*CLI, "--headless", "--input", str(speech_wav), "--export", str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_for(lambda: out.exists() and len(rows(out)) > 10, "rows")
        process.send_signal(getattr(signal, name))
        said, complained = process.communicate(timeout=30)
    assert process.returncode == 0, complained
    assert complained == b""
    assert b"Files:" in said
    end_s = float(rows(out)[-1]["time_s"])
    assert 0.8 < end_s < float(soundfile.info(str(speech_wav)).duration) - 1
    anchors = json.loads((tmp_path / "out.json").read_text("utf-8"))["anchors"]
    assert anchors[-1]["sample"] / 16_000 == pytest.approx(end_s, abs=0.2)


def test_a_key_that_bounces_does_not_end_it_before_its_files_are_whole(speech_wav, tmp_path):
    out = tmp_path / "out.csv"
    command = [*CLI, "--headless", "--input", str(speech_wav), "--export", str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_for(lambda: out.exists() and len(rows(out)) > 10, "rows")
        for _ in range(3):
            process.send_signal(signal.SIGINT)
            time.sleep(0.01)
        said, complained = process.communicate(timeout=30)
    assert process.returncode == 0, complained
    assert b"Files:" in said


def test_a_reader_that_goes_away_is_told_and_the_session_goes_on(speech_wav, tmp_path):
    out = tmp_path / "out.csv"
    command = [*CLI, "--headless", "--input", str(speech_wav), "--export", str(out)]
    command += ["--speed", "8"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        complained = process.stderr.read()
        process.wait(30)
    assert process.returncode == 0
    assert complained.count(b"\n") == 1
    assert b"nobody reads the output any more; the session goes on" in complained
    assert float(rows(out)[-1]["time_s"]) > float(soundfile.info(str(speech_wav)).duration) - 0.2


def test_nobody_reading_its_output_loses_no_row(speech_wav, tmp_path):
    out = tmp_path / "out.csv"
    command = [*CLI, "--headless", "--input", str(speech_wav), "--export", str(out)]
    command += ["--speed", "20"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        complained = process.stderr.read()
        process.wait(30)
    assert b"Traceback" not in complained
    assert rows(out)


# ----------------------------------------------------------------------------- without a microphone


def test_without_a_microphone_auto_says_so_and_plays_the_demo(bare_machine, tmp_path):
    out = tmp_path / "out.csv"
    command = [*CLI, "--speed", "0", "--export", str(out)]
    done = subprocess.run(command, env=bare_machine, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    display, microphone = done.stderr.splitlines()
    assert "no display" in display
    assert "No microphone found: plug one in" in microphone
    assert "Playing the demo recording" in microphone
    assert "of demo recording, synthesised speech" in done.stdout
    assert {row["state"] for row in rows(out)} == {"speech", "silence"}
    assert json.loads((tmp_path / "out.json").read_text("utf-8"))["source"]["demo"] is True


def test_without_a_microphone_mic_insists(bare_machine, tmp_path):
    command = [*CLI, "--headless", "--input", "mic", "--export", str(tmp_path / "out.csv")]
    done = subprocess.run(command, env=bare_machine, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("realtime-ser: error: No microphone found: plug one in")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out.csv").exists()


def test_the_demo_does_not_stand_for_two_microphones(bare_machine, tmp_path):
    command = [*CLI, "--headless", "--channels", "1,2", "--export", str(tmp_path / "out.csv")]
    done = subprocess.run(command, env=bare_machine, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "No microphone found" in done.stderr


def test_without_a_name_sessions_lie_in_the_documents(bare_machine, tmp_path):
    command = [*CLI, "--headless", "--input", "demo", "--duration", "1", "--speed", "0"]
    done = subprocess.run(command, env=bare_machine, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    written = sorted((tmp_path / "home" / "Documents" / "Realtime SER").iterdir())
    assert len(written) == 5
    assert all(str(path) in done.stdout for path in written)


# ----------------------------------------------------------------------------------- on a terminal


def on_a_terminal(command, columns, lines):
    """What a command writes on a terminal of that size, and its exit code."""
    import pty

    leader, follower = pty.openpty()
    env = os.environ | {"TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": str(lines)}
    env.pop("NO_COLOR", None)
    with subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, env=env) as it:
        os.close(follower)
        written = b""
        try:
            while part := os.read(leader, 65536):
                written += part
        except OSError:  # how Linux says that the other side is closed
            pass
        os.close(leader)
    return written.decode("utf-8"), it.returncode


def test_on_a_terminal_the_view_is_drawn_and_gone_at_the_end(tmp_path):
    command = [*CLI, "--headless", "--input", "demo", "--speed", "10", "--duration", "12"]
    written, code = on_a_terminal([*command, "--export", str(tmp_path / "out.csv")], 90, 30)
    assert code == 0, written
    view, other_screen, after = written.rpartition("\x1b[?1049l")
    assert other_screen
    assert "\x1b[?1049h" in view
    assert " DEMO " in view
    assert all(label in view for label in LABELS)
    assert "Files:" in after
    assert "\x1b[?25h" in written, "the cursor is back"

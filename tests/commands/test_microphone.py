"""The whole way: speech is played, PortAudio captures it, and the tables come out."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import datetime

import numpy as np
import pytest
import soundfile

from realtime_ser.base.config import Config
from realtime_ser.base.labels import LABELS
from realtime_ser.base.paths import store_folder
from realtime_ser.session.store import Store

pytestmark = pytest.mark.pulse

CLI = [sys.executable, "-W", "error", "-m", "realtime_ser"]
HEADLESS = [*CLI, "--model", "default", "--headless"]


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def wait_for(condition, what):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


@contextmanager
def listening(server, out, *more):
    """A monitor of the default microphone that is at work; ended by Ctrl+C."""
    command = [
        *HEADLESS,
        "--input",
        "mic",
        "--export",
        str(out),
        *more,
    ]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=server.env, **pipes) as process:
        try:
            wait_for(lambda: process.poll() is not None or (out.exists() and rows(out)), "rows")
            yield process
            process.send_signal(signal.SIGINT)
            process.said, process.complained = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0, process.complained


@pytest.fixture
def sentence_wav(speech_wav, tmp_path):
    """The first sentence alone."""
    speech, rate = soundfile.read(speech_wav, dtype="int16", frames=16_000 * 5)
    path = tmp_path / "sentence.wav"
    soundfile.write(path, speech, rate)
    return path


@pytest.fixture
def another_server(tmp_path_factory, pulse):
    """A sound server whose microphone may be unplugged without harm to other tests."""
    server = type(pulse)(tmp_path_factory.mktemp("pulse"))
    yield server
    server.close()


def test_speech_that_is_played_is_captured_and_written(pulse, speech_wav, tmp_path):
    out = tmp_path / "out.csv"
    with listening(pulse, out) as process:
        assert pulse.play(speech_wav).wait(60) == 0
        time.sleep(1.0)  # the device's buffer, and a hang-over
    frames, segments = rows(out), rows(tmp_path / "out.segments.csv")
    assert process.complained == ""
    assert len(segments) >= 3
    spoken = [row for row in frames if row["speech"] == "1"]
    spoken_s = soundfile.info(str(speech_wav)).duration - 4 * 1.5
    assert 0.08 * len(spoken) > 0.7 * spoken_s
    assert all(
        sum(float(row[name]) for name in LABELS) == pytest.approx(1, abs=1e-5) for row in spoken
    )
    steps = [round(float(row["time_s"]) / 0.08) for row in frames]
    assert steps == list(range(1, len(steps) + 1))
    heard = [row for row in frames if row["state"] in ("speech", "silence")]
    latencies = [float(row["latency_ms"]) for row in heard]
    assert 0 < np.median(latencies) < 2000
    assert all(row["wall_clock"] for row in frames)
    story = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert story["source"]["live"] is True
    assert story["native_rate"] >= 8000
    assert story["effective_rate"] == pytest.approx(story["native_rate"], rel=0.02)
    assert len(story["anchors"]) >= 2
    assert "latency" in process.said
    assert "samples dropped" in process.said


def test_two_channels_of_a_microphone_are_two_timelines(pulse, speech_stereo_wav, tmp_path):
    out = tmp_path / "out.csv"
    with listening(pulse, out, "--channels", "1,2"):
        assert pulse.play(speech_stereo_wav).wait(60) == 0
        time.sleep(1.0)
    segments = rows(tmp_path / "out.segments.csv")
    starts = {channel: [] for channel in "12"}
    for row in segments:
        starts[row["channel"]].append(float(row["start_s"]))
    assert min(starts["1"]) < min(starts["2"]) < max(starts["1"])


def test_an_unplugged_microphone_costs_rows_and_comes_back(another_server, sentence_wav, tmp_path):
    out = tmp_path / "out.csv"

    def state(name):
        return lambda: rows(out)[-1]["state"] == name

    with listening(another_server, out) as process:
        another_server.remove_null_sink("speaker")
        wait_for(state("lost"), "lost rows")
        another_server.add_null_sink("speaker")
        wait_for(state("silence"), "sound again")
        assert another_server.play(sentence_wav).wait(60) == 0
        time.sleep(1.0)
    frames = rows(out)
    states = [row["state"] for row in frames]
    lost = [index for index, name in enumerate(states) if name == "lost"]
    assert states[lost[0] : lost[-1] + 1] == ["lost"] * len(lost), "one gap"
    assert not any(frames[index]["label"] or frames[index]["latency_ms"] for index in lost)
    assert "speech" in states[lost[-1] :]
    steps = [round(float(row["time_s"]) / 0.08) for row in frames]
    assert steps == list(range(1, len(steps) + 1)), "lost time counts"
    assert json.loads((tmp_path / "out.json").read_text("utf-8"))["dropped_samples"] > 0
    assert "reconnecting" in process.said
    assert "s were lost" in process.said
    assert process.complained == "", "PortAudio's words are nobody's"


def test_a_microphone_is_chosen_by_a_part_of_its_name(pulse, tmp_path):
    out = tmp_path / "out.csv"
    with listening(pulse, out, "--device", "puls"):
        pass
    assert json.loads((tmp_path / "out.json").read_text("utf-8"))["source"]["name"].endswith(
        "pulse"
    )


def test_devices_are_listed_by_host_api_with_the_default_marked(pulse):
    done = subprocess.run([*CLI, "devices"], env=pulse.env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, *others = done.stdout.splitlines()
    assert first == "ALSA"
    marked = [line for line in others if line.startswith(" * ")]
    assert len(marked) == 1
    assert "Hz" in marked[0]
    assert "channels" in marked[0]


def test_a_device_that_refuses_ends_with_what_to_do_and_leaves_nothing(pulse, tmp_path):
    alsa = tmp_path / "asound.conf"
    usual = pulse.env["ALSA_CONFIG_PATH"]
    alsa.write_text(f'<{usual}>\npcm.broken {{ type pulse device "nowhere" }}\n')
    env = pulse.env | {"ALSA_CONFIG_PATH": str(alsa)}
    command = [
        *HEADLESS,
        "--device",
        "broken",
        "--export",
        str(tmp_path / "out" / "x.csv"),
    ]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "refuses to record" in done.stderr
    assert "choose another microphone" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_name_that_no_device_has_points_to_the_list(pulse, tmp_path):
    command = [
        *HEADLESS,
        "--device",
        "gramophone",
        "--export",
        str(tmp_path / "x.csv"),
    ]
    done = subprocess.run(command, env=pulse.env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "No microphone is named 'gramophone'" in done.stderr
    assert "realtime-ser devices" in done.stderr
    assert not (tmp_path / "x.csv").exists()


def test_the_doctor_hears_the_microphone(pulse):
    done = subprocess.run([*CLI, "doctor"], env=pulse.env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    microphone = next(line for line in done.stdout.splitlines() if " microphone " in line)
    assert "gives pure silence" in microphone  # nothing is played


def refused(server, *arguments, env=None):
    """What a command says that fails within ten seconds, in one line."""
    done = subprocess.run(
        [*CLI, *arguments], env=env or server.env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1, done.stdout
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_a_sound_system_that_does_not_answer_is_left(another_server, tmp_path):
    another_server.freeze()
    out = tmp_path / "out" / "x.csv"
    for command in (
        ["devices"],
        ["--model", "default", "--headless", "--input", "mic", "--export", str(out)],
    ):
        assert "The sound system does not answer" in refused(another_server, *command)
    assert not out.parent.exists()


def test_ctrl_c_ends_a_monitor_that_still_waits_for_the_sound_system(another_server, tmp_path):
    another_server.freeze()
    command = [
        *HEADLESS,
        "--input",
        "mic",
        "--export",
        str(tmp_path / "x.csv"),
    ]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=another_server.env, **pipes) as process:
        time.sleep(3.0)  # it waits five seconds for an answer
        asked_s = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, complained = process.communicate(timeout=60)
    assert time.monotonic() - asked_s < 2.0
    assert process.returncode == 1
    assert "Interrupted" in complained


def test_a_session_whose_sound_system_hangs_says_so_and_ends_whole(another_server, tmp_path):
    out = tmp_path / "out.csv"
    with listening(another_server, out) as process:
        another_server.freeze()
        wait_for(lambda: rows(out)[-1]["state"] == "lost", "lost rows")
        time.sleep(3.0)  # it says so when it is sure
        asked_s = time.monotonic()
    assert time.monotonic() - asked_s < 2.0
    assert "The sound system does not answer" in process.said
    assert process.complained == ""
    steps = [round(float(row["time_s"]) / 0.08) for row in rows(out)]
    assert steps == list(range(1, len(steps) + 1))
    assert json.loads((tmp_path / "out.json").read_text("utf-8"))["dropped_samples"] > 0


def test_a_sound_system_that_answers_again_is_heard_again(another_server, tmp_path):
    out = tmp_path / "out.csv"
    with listening(another_server, out):
        another_server.freeze()
        wait_for(lambda: rows(out)[-1]["state"] == "lost", "lost rows")
        time.sleep(3.0)
        another_server.thaw()
        wait_for(lambda: rows(out)[-1]["state"] == "silence", "sound again")


@pytest.mark.parametrize(
    "settings", [None, "", "pcm.!default { type pulse", 'pcm.!default "nowhere" {{{']
)
def test_broken_settings_of_alsa_are_told(pulse, tmp_path, settings):
    alsa = tmp_path / "asound.conf"
    if settings is not None:
        alsa.write_text(settings)
    env = pulse.env | {"ALSA_CONFIG_PATH": str(alsa)}
    said = refused(pulse, "devices", env=env)
    assert "its settings are broken" in said
    assert "~/.asoundrc" in said
    done = subprocess.run([*CLI, "doctor"], env=env, capture_output=True, text=True, timeout=60)
    assert "its settings are broken" in done.stdout
    assert " window " in done.stdout or " display " in done.stdout, "the other checks go on"


def age_s(row):
    """Seconds since the moment of a row, by its wall clock."""
    return (datetime.now().astimezone() - datetime.fromisoformat(row["wall_clock"])).total_seconds()


def test_a_monitor_that_was_stopped_for_a_while_has_a_gap_and_right_times(pulse, tmp_path):
    out = tmp_path / "out.csv"
    with listening(pulse, out) as process:
        wait_for(lambda: len(rows(out)) > 60, "five seconds")
        process.send_signal(signal.SIGSTOP)
        time.sleep(6.0)
        process.send_signal(signal.SIGCONT)
        # The server keeps some of it, or none: what it does not is lost time.
        wait_for(lambda: age_s(rows(out)[-1]) < 2.0, "the present")
        time.sleep(1.0)
        late_s = age_s(rows(out)[-1])
    frames = rows(out)
    assert late_s < 3.0
    starts = [
        datetime.fromisoformat(row["wall_clock"]).timestamp() - float(row["time_s"])
        for row in frames[50:]
    ]
    assert max(starts) - min(starts) < 0.03
    steps = [round(float(row["time_s"]) / 0.08) for row in frames]
    assert steps == list(range(1, len(steps) + 1))


def test_a_microphone_that_gives_pure_silence_is_told_and_noted(pulse, sentence_wav, tmp_path):
    out = tmp_path / "out.csv"
    markers = tmp_path / "out.markers.csv"
    with listening(pulse, out) as process:
        wait_for(lambda: len(rows(out)) > 150, "twelve seconds")
        assert pulse.play(sentence_wav).wait(60) == 0  # it is unmuted
        wait_for(lambda: rows(markers), "the marker")
    first = rows(markers)[0]
    assert (first["text"], first["source"]) == ("pure silence", "device")
    assert float(first["time_s"]) < 6.0, "what was played before has ended"
    assert 5.0 < float(first["duration_s"]) < 30.0
    assert "The microphone gives pure silence: unmute it" in process.said


REOPEN = """
import time
from realtime_ser.audio import microphone
from realtime_ser.audio.block_queue import BlockQueue
from realtime_ser.base.errors import DeviceError

lists, list_inputs = [], microphone.list_inputs

def counted(**options):
    lists.append(options)
    return list_inputs(**options)

microphone.list_inputs = counted
source, queue = microphone.MicrophoneSource(), BlockQueue(48_000, blocking=False)
source.start(queue)
input()
while True:
    try:
        if source.reopen(queue):
            break
    except DeviceError as error:
        print(error, flush=True)
    time.sleep(0.1)
print("open, lists:", len(lists), flush=True)
source.stop()
"""


def test_a_microphone_that_is_away_for_seconds_costs_no_new_list_of_devices(another_server):
    """The libraries below PortAudio keep some memory of each list."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", REOPEN]
    with subprocess.Popen(command, env=another_server.env, **pipes) as process:
        wait_for(lambda: another_server.pactl("list", "short", "source-outputs"), "the stream")
        another_server.remove_null_sink("speaker")
        process.stdin.write("\n")
        process.stdin.flush()
        for _ in range(5):
            assert "has no microphone now" in process.stdout.readline()
        another_server.add_speaker()
        *_, last = process.communicate(timeout=60)[0].splitlines()
    assert last == "open, lists: 0"


def levels(out):
    """Loudest level of each channel, in dBFS."""
    loudest = {}
    for row in rows(out):
        level = float(row["level_dbfs"])
        loudest[row["channel"]] = max(level, loudest.get(row["channel"], level))
    return loudest


def play_tone(server, folder, channel, channels, sink):
    """Play a second of a tone on one channel alone, without a channel being moved or mixed."""
    sound = np.zeros((48_000, channels))
    sound[:, channel - 1] = 0.3 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)
    path = folder / "tone.raw"
    path.write_bytes(sound.astype("<f4").tobytes())
    shape = ["--raw", "--format=float32le", "--rate=48000", f"--channels={channels}"]
    named = {2: "front-left,front-right", 8: EIGHT}[channels]
    command = ["paplay", *shape, f"--channel-map={named}", f"--device={sink}", str(path)]
    subprocess.run(command, env=server.env, check=True, timeout=60)


EIGHT = "front-left,front-right,rear-left,rear-right,front-center,lfe,side-left,side-right"


@pytest.mark.parametrize("heard", [1, 2])
def test_a_channel_is_heard_alone_and_not_mixed(pulse, tmp_path, heard):
    out = tmp_path / "out.csv"
    with listening(pulse, out, "--channels", str(heard)):
        play_tone(pulse, tmp_path, 2, 2, "speaker")
        time.sleep(1.0)
    assert (levels(out)[str(heard)] > -20.0) is (heard == 2)


@pytest.mark.parametrize("order", [EIGHT, ",".join(reversed(EIGHT.split(",")))])
def test_of_eight_channels_each_is_where_the_device_has_it(another_server, tmp_path, order):
    another_server.add_null_sink("array", 8, f"channel_map={order}")
    another_server.pactl("set-default-source", "array.monitor")
    out = tmp_path / "out.csv"
    with listening(another_server, out, "--channels", "1,2,3,4,5,6,7,8"):
        play_tone(another_server, tmp_path, 3, 8, "array")  # on rear-left
        time.sleep(1.0)
    place = order.split(",").index("rear-left") + 1
    found = levels(out)
    assert found.pop(str(place)) > -20.0
    assert max(found.values()) < -60.0
    devices = subprocess.run([*CLI, "devices"], env=another_server.env, capture_output=True)
    assert f"8 channels: {order.replace(',', ', ')}" in devices.stdout.decode()


def test_a_channel_that_the_server_mixes_is_refused(another_server, tmp_path):
    another_server.add_null_sink("array", 4, "channel_map=aux0,aux1,aux2,aux3")
    another_server.pactl("set-default-source", "array.monitor")
    export = ("--export", str(tmp_path / "x.csv"))
    said = refused(
        another_server,
        "--model",
        "default",
        "--headless",
        "--input",
        "mic",
        "--channels",
        "3",
        *export,
    )
    assert "not to be had alone" in said
    assert not (tmp_path / "x.csv").exists()


def test_another_microphone_that_takes_over_is_told_and_noted(another_server, tmp_path):
    another_server.add_null_sink("elsewhere", 2, "sink_properties=device.description=Elsewhere")
    out, markers = tmp_path / "out.csv", tmp_path / "out.markers.csv"

    def changes():
        return [row for row in rows(markers) if row["text"] != "pure silence"]

    with listening(another_server, out) as process:
        stream, *_ = another_server.pactl("list", "short", "source-outputs").split()
        time.sleep(1.0)
        another_server.pactl("move-source-output", stream, "elsewhere.monitor")
        wait_for(changes, "the marker")
    note = changes()[0]
    # The stream may stand still after it was moved, and is opened again where it was.
    assert note["source"] == "device"
    assert note["text"].startswith("Monitor of Elsewhere in place of ")
    assert "The microphone has changed: Monitor of Elsewhere in place of" in process.said


def take_over(server, folder, name):
    """Let a microphone take over, and return when the program has noticed."""
    markers = folder / "out.markers.csv"

    def is_noticed():
        streams = server.pactl("list", "short", "source-outputs").split()
        if streams:  # else it is being opened again
            server.pactl("move-source-output", streams[0], f"{name}.monitor")
        changes = [row["text"] for row in rows(markers) if " in place of " in row["text"]]
        return bool(changes) and changes[-1].startswith(f"Monitor of {name} ")

    wait_for(is_noticed, "the marker")


@pytest.mark.parametrize("order", ["front-left,front-right", "front-right,front-left"])
def test_channels_are_those_of_the_microphone_that_takes_over(another_server, tmp_path, order):
    named = "sink_properties=device.description=elsewhere"
    another_server.add_null_sink("elsewhere", 2, f"channel_map={order}", named)
    out = tmp_path / "out.csv"

    def heard():
        # The stream may stand still after it was moved, and is opened again where it was.
        take_over(another_server, tmp_path, "elsewhere")
        play_tone(another_server, tmp_path, 1, 2, "elsewhere")  # on front-left
        return max(levels(out).values()) > -30.0

    with listening(another_server, out, "--channels", "1,2"):
        wait_for(heard, "the tone")
    place = order.split(",").index("front-left") + 1
    found = levels(out)
    assert found.pop(str(place)) > -30.0
    assert max(found.values()) < -60.0


def test_a_microphone_that_takes_over_with_more_channels_is_not_mixed(another_server, tmp_path):
    named = "sink_properties=device.description=array"
    another_server.add_null_sink("array", 8, f"channel_map={EIGHT}", named)
    out = tmp_path / "out.csv"
    with listening(another_server, out) as process:
        take_over(another_server, tmp_path, "array")
        play_tone(another_server, tmp_path, 3, 8, "array")  # on rear-left
        wait_for(lambda: "lost" in {row["state"] for row in rows(out)}, "lost rows")
        wait_for(lambda: rows(out)[-1]["state"] != "lost", "sound again")
    assert "reconnecting" in process.said
    assert levels(out)["1"] < -60.0


def test_times_of_the_wall_clock_are_right_from_the_first_row_on(another_server, tmp_path):
    """The first stream of a server is off by 0.1 to 0.6 s at its beginning."""
    out = tmp_path / "out.csv"
    with listening(another_server, out):
        wait_for(lambda: len(rows(out)) > 60, "five seconds")
        wait_for(lambda: json.loads((tmp_path / "out.json").read_text("utf-8"))["anchors"], "times")
        walls = [datetime.fromisoformat(row["wall_clock"]).timestamp() for row in rows(out)]
    times = [float(row["time_s"]) for row in rows(out)]
    starts = [wall - time_s for wall, time_s in zip(walls, times, strict=False)]
    assert max(starts) - min(starts) < 0.021  # a block, and what the table rounds
    assert all(float(row["latency_ms"]) > 0 for row in rows(out))
    with Store(store_folder(Config().sessions)) as store:
        (info,) = store.sessions()
        stored = list(store.updates(info.id))
    assert [one.wall_clock.timestamp() for one in stored][: len(walls)] == pytest.approx(
        walls, abs=0.001
    )
    assert info.metadata.started.timestamp() == pytest.approx(starts[0], abs=0.02)


def come_back_as(server, channels, rate):
    """Put another microphone in the place of the one that is unplugged."""
    server.remove_null_sink("speaker")
    time.sleep(2.0)
    server.add_null_sink("other", channels, f"rate={rate}")
    server.pactl("set-default-source", "other.monitor")


def test_a_microphone_that_comes_back_in_another_format_is_heard_on(another_server, tmp_path):
    out = tmp_path / "out.csv"
    with listening(another_server, out):
        come_back_as(another_server, 1, 16_000)
        wait_for(lambda: "lost" in {row["state"] for row in rows(out)}, "lost rows")
        wait_for(lambda: rows(out)[-1]["state"] == "silence", "sound again")
        play_tone(another_server, tmp_path, 1, 2, "other")
        time.sleep(1.0)
    assert levels(out)["1"] > -30.0


def test_a_microphone_that_comes_back_without_a_channel_ends_the_session(another_server, tmp_path):
    out = tmp_path / "out.csv"
    command = [
        *HEADLESS,
        "--input",
        "mic",
        "--channels",
        "1,2",
        "--export",
        str(out),
    ]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=another_server.env, **pipes) as process:
        wait_for(lambda: out.exists() and rows(out), "rows")
        come_back_as(another_server, 1, 48_000)
        said, complained = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "came back with 1 channel, so channel 2 is not there any more" in complained
    assert "Kept in" in said


def test_sound_on_a_channel_that_is_not_heard_is_told(pulse, tmp_path):
    out = tmp_path / "out.csv"
    with listening(pulse, out) as process:
        for _ in range(9):
            play_tone(pulse, tmp_path, 2, 2, "speaker")
            time.sleep(0.5)
    assert "There is sound on channel 2, and none on channel 1" in process.said
    assert "--channels 2" in process.said

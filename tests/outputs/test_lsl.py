"""The Lab Streaming Layer, read by an inlet in another process."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pylsl
import pytest

from realtime_ser.base.labels import LABELS
from realtime_ser.base.records import IntervalOpened, Marker
from realtime_ser.base.timebase import clock_s
from realtime_ser.outputs.lsl import LslClock, MarkerWords
from realtime_ser.session.store import Store
from tests.outputs.live_session import Running, program, until

READER = """
import json, sys
import pylsl
session, count = sys.argv[1], int(sys.argv[2])
pylsl.set_config_content("[log]\\nlevel = -2\\n")
found = pylsl.resolve_bypred(f"contains(source_id, '{session}')", count, 30)
inlets = {one.type(): pylsl.StreamInlet(one, max_buflen=600) for one in found}
heard = {kind: [] for kind in inlets}
for inlet in inlets.values():
    inlet.open_stream(30)
about = {}
for kind, inlet in inlets.items():
    info = inlet.info()
    columns, column = [], info.desc().child("channels").child("channel")
    while not column.empty():
        columns.append([column.child_value(key) for key in ("label", "unit", "type")])
        column = column.next_sibling()
    about[kind] = [info.name(), info.nominal_srate(), info.channel_format(), columns]
print("ready", flush=True)
sys.stdin.readline()
for kind, inlet in inlets.items():
    while True:
        sample, stamp = inlet.pull_sample(timeout=0.5)
        if sample is None:
            break
        heard[kind].append([stamp, sample])
print(json.dumps([about, heard]))
"""


class Reader:
    """A process with an inlet for each stream of a session."""

    def __init__(self, session, count=2):
        self._process = subprocess.Popen(
            [sys.executable, "-c", READER, session, str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout.readline() == "ready\n"

    def signal(self, number):
        self._process.send_signal(number)

    def all(self):
        out, _ = self._process.communicate("\n", timeout=60)
        return json.loads(out)


def test_an_inlet_reads_what_the_session_keeps(speech_wav, tmp_path):
    with Running(speech_wav, tmp_path, "lsl", speed=2.0) as running:
        reader = Reader(running.session.id)
        until(lambda: running.state.listeners == 2)
        running.monitor.mark("stimulus")
        running.monitor.begin_mark("1", "video")
        until(lambda: running.monitor.status.position_s > 9.0)
        running.monitor.end_mark("1")
        running.wait()
        ahead = LslClock(pylsl).ahead_s()
        started = running.monitor.adc_time(0.0) + ahead
        about, heard = reader.all()
    name, rate, form, columns = about["Affect"]
    assert (name, rate, form) == ("Realtime SER channel 1", 12.5, pylsl.cf_float32)
    expected = [[label, "probability", "Probability"] for label in LABELS]
    assert columns[: len(LABELS)] == expected
    assert [one[0] for one in columns[len(LABELS) :]] == [
        *("confidence", "certain", "speech"),
        *("level_dbfs", "f0_hz", "loudness_lufs", "speaking_rate", "pause_share", "activation"),
    ]
    with Store(tmp_path / "store") as store:
        (info,) = store.sessions()
        kept, (*_, last) = store.columns(info.id), store.segments(info.id)
    by_step = {round((stamp - started) / 0.08) - 1: sample for stamp, sample in heard["Affect"]}
    assert len(by_step) > 50
    for step, sample in by_step.items():
        spoken = kept.label[step] >= 0
        assert sample[len(LABELS) + 2] == float(spoken)
        assert math.isnan(sample[0]) != spoken
        if spoken:
            assert sample[: len(LABELS)] == pytest.approx(kept.probabilities[step], abs=1e-4)
            assert sample[len(LABELS)] == pytest.approx(kept.confidence[step], abs=1e-4)
        for place, name in enumerate(about["Affect"][3][len(LABELS) + 4 :], len(LABELS) + 4):
            known = kept.voice[name[0]][step]
            assert sample[place] == pytest.approx(known, abs=1e-3, nan_ok=True), name
    stamps = np.array([stamp for stamp, _ in heard["Affect"]]) - started
    assert np.abs(stamps / 0.08 - np.round(stamps / 0.08)).max() < 0.02
    assert about["Markers"][1:3] == [0.0, pylsl.cf_string]
    words = [(word, stamp - started) for stamp, (word,) in heard["Markers"]]
    names = [word for word, _ in words]
    assert names.index("stimulus") < names.index("video begin") < names.index("video end")
    label = last.estimate.label if last.estimate.quality.usable else last.estimate.quality.value
    end = f"segment {last.number} end {label} {last.estimate.confidence:.2f}"
    assert dict(words)[end] == pytest.approx(last.end_s, abs=0.002)
    begun = dict(words)[f"segment {last.number} begin"]
    assert last.start_s - 0.001 <= begun <= last.start_s + 0.6


def test_a_reader_that_stops_costs_the_session_nothing(long_wav, tmp_path):
    """Ten minutes pass while it stands still."""
    with Running(long_wav, tmp_path, "lsl", speed=60.0) as running:
        reader = Reader(running.session.id)
        reader.signal(signal.SIGSTOP)
        try:
            running.wait()
            running.session.stop()
            running.outputs.finish()
        finally:
            reader.signal(signal.SIGCONT)
        reader.all()
    with (tmp_path / "out.csv").open(encoding="utf-8") as table:
        assert sum(1 for _ in table) == 1 + 7499
    assert running.session.error is None
    assert running.outputs.error is None


@pytest.mark.parametrize("library", ["none", "of another computer"])
def test_without_the_library_one_sentence_says_how_to_get_it(speech_wav, tmp_path, library):
    """As on 64-bit ARM, where the package comes without it."""
    env = dict(os.environ)
    if library == "none":
        package = Path(pylsl.__file__).parent
        without = shutil.ignore_patterns("*.so*", "*.dylib", "*.dll", "__pycache__")
        shutil.copytree(package, tmp_path / "pylsl", ignore=without)
        env["PYTHONPATH"] = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    else:
        env["PYLSL_LIB"] = str(tmp_path / "liblsl.so")
        Path(env["PYLSL_LIB"]).write_bytes(b"\x7fELF of another computer")
    process = program("--input", speech_wav, "--speed", 4, "--out", "lsl", env=env)
    _, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    assert "install liblsl (conda-forge has it for 64-bit ARM too), and let PYLSL_LIB be" in err
    assert "Traceback" not in err


def test_the_clocks_are_read_in_one_moment():
    """An error of a millisecond would shift every stamp."""
    clock = LslClock(pylsl)
    differences = []
    for _ in range(50):
        before = clock_s()
        now = pylsl.local_clock()
        after = clock_s()
        if after - before < 0.0001:
            differences.append(now - (before + after) / 2 - clock.ahead_s())
        time.sleep(0.001)
    assert np.abs(np.median(differences)) < 0.0005


def test_an_interval_that_was_not_announced_has_both_ends():
    words = MarkerWords((1, 2), {2: "coach"})
    assert list(words.feed(Marker(2.0, "video", "1", 1.5))) == [
        ("video begin", 2.0),
        ("video end", 3.5),
    ]
    assert list(words.feed(IntervalOpened(Marker(5.0, "", "2")))) == [("2 begin", 5.0)]
    assert list(words.feed(Marker(5.0, "", "2", 1.0))) == [("2 end", 6.0)]
    assert list(words.feed(Marker(7.0, ""))) == [("marker", 7.0)]

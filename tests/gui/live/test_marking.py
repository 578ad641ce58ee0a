"""Markers on the number keys, and the last seconds played again."""

import json
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from PyQt6.QtCore import QEvent, Qt
from PyQt6.QtWidgets import QApplication, QMessageBox

from realtime_ser.base.paths import shipped
from realtime_ser.base.records import Sound
from realtime_ser.gui.live.replay import HISTORY_S, RecentSound
from tests.gui.live.test_window import playing, rows

CTRL = Qt.KeyboardModifier.ControlModifier


def markers(tmp_path):
    return [
        (row["code"], row["text"], float(row["time_s"]), float(row["duration_s"]))
        for row in rows(tmp_path / "session.markers.csv")
    ]


def test_a_key_marks_the_moment_it_went_down_and_holding_it_an_interval(
    qtbot, window, conduct, tmp_path
):
    window.choose(presets=("question", *window.preferences.presets[1:]))
    controller = conduct(speed=1.0)
    qtbot.waitUntil(playing(controller), timeout=20000)
    qtbot.keyPress(window, Qt.Key.Key_1)
    at_s = controller.view.position_s
    qtbot.keyRelease(window, Qt.Key.Key_1)
    qtbot.keyPress(window, Qt.Key.Key_2)
    qtbot.wait(900)
    qtbot.keyRelease(window, Qt.Key.Key_2)
    qtbot.waitUntil(lambda: len(window.timeline.markers) == 2, timeout=5000)
    assert window.statusline.message.text().startswith("marked: answer, ")
    window.close()
    moment, stretch = markers(tmp_path)
    assert moment[:2] == ("1", "question")
    assert moment[2] == pytest.approx(at_s, abs=0.3)
    assert moment[3] == 0
    assert stretch[:2] == ("2", "answer")
    assert stretch[3] == pytest.approx(0.9, abs=0.3)


def test_control_and_a_digit_begin_an_interval_and_end_it(qtbot, window, conduct, tmp_path):
    controller = conduct(speed=1.0)
    qtbot.waitUntil(playing(controller), timeout=20000)
    qtbot.keyClick(window, Qt.Key.Key_5, CTRL)
    assert window.intervals.isVisible()
    assert "Ctrl+5 ends it" in window.intervals.text.text()
    qtbot.wait(300)
    qtbot.keyClick(window, Qt.Key.Key_5, CTRL)
    assert not window.intervals.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_6, CTRL)
    qtbot.wait(200)
    window.close()  # ends what has begun
    first, last = markers(tmp_path)
    assert (first[0], last[0]) == ("5", "6")
    assert first[3] >= 0.2
    assert last[3] >= 0.1


def test_what_an_observer_calls_an_interval_is_hidden_with_the_results(qtbot, window, conduct):
    window.choose(presets=("<b>lies</b>", *window.preferences.presets[1:]))
    controller = conduct(speed=1.0)
    qtbot.waitUntil(playing(controller), timeout=20000)
    qtbot.keyClick(window, Qt.Key.Key_1, CTRL)
    before = window.intervals.text.text()
    assert before.startswith("<b>lies</b> since ")
    window.actions_["blind"].trigger()
    assert window.intervals.text.text() == before.replace("<b>lies</b>", "1")
    window.actions_["blind"].trigger()
    assert window.intervals.text.text() == before


def test_an_interval_that_is_open_when_the_sound_ends_ends_with_it(
    qtbot, window, conduct, tmp_path
):
    sound, rate = soundfile.read(shipped("demo.flac"), dtype="float32")
    soundfile.write(tmp_path / "short.wav", sound[: 4 * rate], rate)
    controller = conduct(input=str(tmp_path / "short.wav"), speed=1.0)
    qtbot.waitUntil(playing(controller), timeout=20000)
    with qtbot.waitSignal(controller.finished, timeout=20000):
        qtbot.keyClick(window, Qt.Key.Key_7, CTRL)
    ((code, text, start_s, duration_s),) = markers(tmp_path)
    assert (code, text) == ("7", "noise")
    assert start_s + duration_s == pytest.approx(4.0, abs=0.1)
    assert not window.intervals.isVisible()


def test_a_key_that_is_held_while_the_window_loses_the_keyboard_ends_there(qtbot, window, conduct):
    controller = conduct(speed=1.0)
    qtbot.waitUntil(playing(controller), timeout=20000)
    qtbot.keyPress(window, Qt.Key.Key_4)
    QApplication.sendEvent(window, QEvent(QEvent.Type.WindowDeactivate))
    qtbot.waitUntil(lambda: len(window.timeline.markers) == 1, timeout=5000)
    qtbot.keyRelease(window, Qt.Key.Key_4)
    assert len(window.timeline.markers) == 1


def test_digits_typed_into_the_text_of_a_marker_are_text(qtbot, window, conduct):
    controller = conduct(speed=1.0)
    qtbot.waitUntil(playing(controller), timeout=20000)
    window.topbar.text.setFocus()
    qtbot.keyClicks(window.topbar.text, "2nd of 5")
    assert window.topbar.text.text() == "2nd of 5"
    assert not window.timeline.markers


def test_without_a_session_a_key_says_why_nothing_happens(qtbot, window, conduct):
    controller = conduct(speed=0.0)
    with qtbot.waitSignal(controller.finished, timeout=60000):
        pass
    qtbot.keyClick(window, Qt.Key.Key_1)
    assert "no session is running" in window.statusline.message.text()


def test_the_ring_holds_the_last_seconds_with_silence_where_time_was_lost():
    rate = 1000
    recent = RecentSound(rate, (2,))
    assert recent.clip() is None
    count = np.arange(40 * rate, dtype=np.float32)
    both = np.stack([np.zeros_like(count), count], axis=1)
    recent.feed(Sound(0, both[: 20 * rate]))
    recent.feed(Sound(22 * rate, both[22 * rate :]))
    clip = recent.clip()
    assert (clip.start_s, clip.end_s) == (40 - HISTORY_S, 40)
    expected = np.where(count < 20 * rate, count, np.where(count < 22 * rate, 0, count))
    np.testing.assert_array_equal(clip.samples[:, 0], expected[10 * rate :])


def test_without_a_loudspeaker_replay_says_what_to_do(qtbot, window, conduct, inputs):
    controller = conduct(speed=1.0)
    qtbot.keyClick(window, Qt.Key.Key_R)
    assert "nothing was heard yet" in window.statusline.message.text()
    qtbot.waitUntil(playing(controller), timeout=20000)
    qtbot.keyClick(window, Qt.Key.Key_R)
    qtbot.waitUntil(lambda: bool(window.findChildren(QMessageBox)), timeout=5000)
    (box,) = window.findChildren(QMessageBox)
    assert "plug in headphones" in box.text()
    assert not window.replay.isVisible()
    assert controller.view.ui_state.running
    box.close()


REPLAY = """
import json, os, sys
from pathlib import Path
os.environ["QT_QPA_PLATFORM"] = "offscreen"
from PyQt6.QtTest import QTest
from realtime_ser.base.config import parse_config
from realtime_ser.gui.app.application import application
from realtime_ser.gui.live.session_controller import SessionController
from realtime_ser.gui.live.window import MainWindow
folder = Path(sys.argv[1])
config = parse_config({"audio": {"input": "mic"}, "session": {"folder": folder}}, "test")
application()
window = MainWindow(config.window)
window.show()
controller = SessionController(window, config, folder / "s.csv")
controller.begin()
def wait(condition):
    for _ in range(400):
        if condition(): return
        QTest.qWait(50)
    raise SystemExit("waited in vain: " + window.statusline.message.text())
wait(lambda: controller.view.position_s > 1.5)
window.actions_["replay"].trigger()
assert window.replay.isVisible(), [box.text() for box in window.findChildren(type(window.card))]
places = []
controller._replay_controller._player.moved.connect(places.append)
wait(lambda: window.topbar.state.text() == "Paused")
wait(lambda: not window.replay.isVisible())
wait(lambda: window.topbar.state.text() in ("Listening", "Speech"))
on_s = controller.view.position_s
wait(lambda: controller.view.position_s > on_s + 0.5)
window.close()
print(json.dumps(places))
"""


@pytest.mark.pulse
def test_the_last_seconds_are_played_while_listening_pauses(pulse, tmp_path):
    """On a real output; the microphone hears it, so listening waits until it is over."""
    done = subprocess.run(
        [sys.executable, "-c", REPLAY, str(tmp_path)],
        env=pulse.env,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    places = json.loads(done.stdout)
    assert len(places) > 5
    assert places == sorted(places)
    assert places[-1] - places[0] > 0.5
    states = [row["state"] for row in rows(tmp_path / "s.csv")]
    assert "paused" in states
    assert states[-1] != "paused"

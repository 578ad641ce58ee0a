"""The kept sound is heard and seen."""

from __future__ import annotations

import sys

import pytest
from PyQt6.QtCore import Qt

from realtime_ser.gui.timeline.qt_surface import qrect
from realtime_ser.timeline.signal_tracks import SpectrumTrack
from tests import kept_sessions as made

LEFT = Qt.MouseButton.LeftButton


class NoOutput:
    """PortAudio on a machine without loudspeakers."""

    class PortAudioError(Exception):
        """What it raises there."""

    def query_devices(self, **_):
        raise self.PortAudioError("no default output")


@pytest.fixture
def silent(monkeypatch):
    monkeypatch.setattr("realtime_ser.audio.playback.portaudio", NoOutput)


def test_without_an_output_the_cursor_moves_in_silence_and_that_is_said(
    qtbot, store, review, silent
):
    window = review(made.keep(store, made.records(), audio=True))
    axis, play = window.review_view.axis, window.buttons["play"]
    axis.place_cursor(3.0)
    qtbot.mouseClick(play, LEFT)
    qtbot.waitUntil(lambda: axis.cursor_s > 3.3, timeout=5000)
    assert "No sound output was found" in window.review_view.message.text()
    assert play.text() == "Stop"
    qtbot.keyClick(window.review_view.canvas, Qt.Key.Key_Space)
    assert play.text() == "Play"
    stopped_s = axis.cursor_s
    qtbot.wait(100)
    assert axis.cursor_s == stopped_s


def test_a_selection_is_played_to_its_end(qtbot, store, review, silent):
    window = review(made.keep(store, made.records(), audio=True))
    axis = window.review_view.axis
    axis.select(2.0, 2.3)
    qtbot.keyClick(window.review_view.canvas, Qt.Key.Key_Space)
    assert window.review_view.player.playing
    qtbot.waitUntil(lambda: not window.review_view.player.playing, timeout=5000)
    assert axis.cursor_s == pytest.approx(2.3)


def test_without_sound_nothing_is_played_and_the_button_says_why(qtbot, store, review):
    window = review(made.keep(store, made.records()))
    assert not window.buttons["play"].isEnabled()
    assert "No sound was kept" in window.buttons["play"].toolTip()
    qtbot.keyClick(window.review_view.canvas, Qt.Key.Key_Space)
    assert "No sound was kept" in window.review_view.message.text()
    assert not any(isinstance(row.track, SpectrumTrack) for row in window.review_view.canvas.rows)


def test_the_spectrogram_comes_when_it_has_been_read(qtbot, store, review, pointer):
    window = review(made.keep(store, made.records(), audio=True))
    mouse = pointer(window)
    row = mouse.row(SpectrumTrack)

    def colors():
        """How many shades the strip has."""
        image = window.review_view.canvas.grab(qrect(row.place.plot).toAlignedRect()).toImage()
        step = range(0, image.width(), 7)
        return len({image.pixel(x, y) for x in step for y in range(0, image.height(), 5)})

    qtbot.waitUntil(lambda: colors() > 20, timeout=5000)


@pytest.mark.pulse
@pytest.mark.skipif(sys.platform != "linux", reason="a private sound server")
def test_a_loudspeaker_plays_what_was_kept(qtbot, store, review, pulse, monkeypatch):
    import sounddevice

    for name, value in pulse.env.items():
        monkeypatch.setenv(name, value)
    sounddevice._terminate()
    sounddevice._initialize()
    monkeypatch.setattr("realtime_ser.audio.playback.portaudio", lambda: sounddevice)
    window = review(made.keep(store, made.records(), audio=True))
    axis = window.review_view.axis
    axis.select(2.0, 3.0)
    qtbot.keyClick(window.review_view.canvas, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: axis.cursor_s > 2.4, timeout=10000)
    assert "No sound output" not in window.review_view.message.text()
    qtbot.waitUntil(lambda: not window.review_view.player.playing, timeout=10000)
    assert axis.cursor_s == pytest.approx(3.0)

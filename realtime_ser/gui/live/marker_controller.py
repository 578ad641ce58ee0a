"""Joins the number keys to a session's markers."""

from __future__ import annotations

from typing import Any

from PyQt6.QtCore import QObject

from realtime_ser.engine.monitor import Monitor
from realtime_ser.gui.live.presets import Preset, PresetKeys
from realtime_ser.gui.live.window import MainWindow


class MarkerController(QObject):
    """Sets a marker for each key, stamped when the key went down.

    Parameters
    ----------
    window
        Whose keys they are, and which knows their texts.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._monitor: Monitor | None = None
        self._presets = PresetKeys(window.preferences.presets)
        keys = window.keyboard
        keys.pressed.connect(self._press)
        keys.released.connect(self._release)
        keys.ctrl_pressed.connect(self._switch)
        window.chosen.connect(self._change_texts)

    def begin(self, monitor: Monitor) -> None:
        """Mark in a session from now on."""
        self._monitor = monitor
        self._presets = PresetKeys(self._window.preferences.presets)
        self._window.show_open_intervals(())

    def finish(self) -> None:
        """The session is about to end; intervals end with it."""
        if self._monitor is not None:
            for preset in self._presets.release_all(self._monitor.now_s):
                self._set_marker(preset)
            self._monitor = None
            self._window.show_open_intervals(())

    def _press(self, digit: int) -> None:
        if self._monitor is None:
            self._window.statusline.say("no session is running: markers belong to one")
        else:
            self._presets.press(digit, self._monitor.now_s)

    def _release(self, digit: int) -> None:
        if self._monitor is not None:
            self._set_marker(self._presets.release(digit, self._monitor.now_s))

    def _switch(self, digit: int) -> None:
        if self._monitor is None:
            self._window.statusline.say("no session is running: intervals belong to one")
            return
        ended = self._presets.switch(digit, self._monitor.now_s)
        if ended is None:
            self._monitor.begin_mark(str(digit), self._presets.texts[digit - 1])
        else:
            self._monitor.end_mark(str(digit))
            self._say(ended)
        self._window.show_open_intervals(self._presets.open_intervals)

    def _set_marker(self, preset: Preset | None) -> None:
        if preset is None or self._monitor is None:
            return
        self._monitor.mark(preset.text, str(preset.digit), preset.duration_s, preset.start_s)
        self._say(preset)

    def _say(self, preset: Preset) -> None:
        length = f", {preset.duration_s:.1f} s" if preset.duration_s else ""
        self._window.statusline.say(f"marked: {preset.text or preset.digit}{length}")

    def _change_texts(self, values: dict[str, Any]) -> None:
        if "presets" in values:
            self._presets.texts = tuple(values["presets"])

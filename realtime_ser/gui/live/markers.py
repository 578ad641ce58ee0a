"""Markers on the number keys: moments and intervals, by when keys go down and come up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PyQt6.QtCore import QObject

from realtime_ser.engine.monitor import Monitor
from realtime_ser.gui.live.window import MainWindow

#: A key that is held for so long means an interval.
HOLD_S = 0.5


@dataclass(frozen=True, slots=True)
class Preset:
    """A marker to set.

    Attributes
    ----------
    digit
        Its key.
    text
        What that key means.
    start_s, duration_s
        When the key went down, and how long it lasts; 0 for a moment.
    """

    digit: int
    text: str
    start_s: float
    duration_s: float = 0.0


class PresetKeys:
    """Follows the keys of a session.

    Parameters
    ----------
    texts
        Those of the keys 1 to 9.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = tuple(texts)
        self._pressed_s: dict[int, float] = {}
        self._interval_starts: dict[int, float] = {}

    @property
    def open_intervals(self) -> list[tuple[int, str, float]]:
        """Intervals that have begun: key, text, and when."""
        return [
            (digit, self.texts[digit - 1], start) for digit, start in self._interval_starts.items()
        ]

    def press(self, digit: int, now_s: float) -> None:
        """A key went down."""
        self._pressed_s.setdefault(digit, now_s)

    def release(self, digit: int, now_s: float) -> Preset | None:
        """A key came up."""
        start_s = self._pressed_s.pop(digit, None)
        if start_s is None:
            return None
        held_s = now_s - start_s
        return self._preset(digit, start_s, held_s if held_s >= HOLD_S else 0.0)

    def switch(self, digit: int, now_s: float) -> Preset | None:
        """Begin an interval, or end it."""
        start_s = self._interval_starts.pop(digit, None)
        if start_s is None:
            self._interval_starts[digit] = now_s
            return None
        return self._preset(digit, start_s, now_s - start_s)

    def release_all(self, now_s: float) -> list[Preset]:
        """All keys come up: the session is over."""
        held = [self.release(digit, now_s) for digit in list(self._pressed_s)]
        return [preset for preset in held if preset is not None]

    def _preset(self, digit: int, start_s: float, duration_s: float) -> Preset:
        return Preset(digit, self.texts[digit - 1], start_s, max(0.0, duration_s))


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

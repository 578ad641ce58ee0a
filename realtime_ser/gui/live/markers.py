"""Markers on the number keys: moments and intervals, by when keys go down and come up."""

from __future__ import annotations

from PyQt6.QtCore import QObject

from realtime_ser.engine.monitor import Monitor
from realtime_ser.gui.live.window import MainWindow
from realtime_ser.gui.widgets.localised import local_numbers

HOLD_S = 0.5  # a key that is held for so long means an interval


class MarkerController(QObject):
    """Sets a marker for each key of the window, stamped when the key went down."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._monitor: Monitor | None = None
        self._pressed_s: dict[int, float] = {}
        self._interval_starts: dict[int, float] = {}
        keys = window.keyboard
        keys.pressed.connect(self._press)
        keys.released.connect(self._release)
        keys.ctrl_pressed.connect(self._switch)

    def begin(self, monitor: Monitor) -> None:
        """Mark in a session from now on."""
        self._monitor = monitor
        self._pressed_s.clear()
        self._interval_starts.clear()
        self._show_intervals()

    def finish(self) -> None:
        """The session is about to end; intervals end with it."""
        if self._monitor is not None:
            for digit in list(self._pressed_s):
                self._release(digit)
            self._monitor = None
            self._interval_starts.clear()
            self._show_intervals()

    def _press(self, digit: int) -> None:
        if self._monitor is None:
            self._window.statusline.say("no session is running: markers belong to one")
        else:
            self._pressed_s.setdefault(digit, self._monitor.now_s)

    def _release(self, digit: int) -> None:
        start_s = self._pressed_s.pop(digit, None)
        if self._monitor is None or start_s is None:
            return
        held_s = self._monitor.now_s - start_s
        duration_s = held_s if held_s >= HOLD_S else 0.0
        self._monitor.mark(self._text(digit), str(digit), duration_s, start_s)
        self._say(digit, duration_s)

    def _switch(self, digit: int) -> None:
        """Begin an interval, or end it."""
        if self._monitor is None:
            self._window.statusline.say("no session is running: intervals belong to one")
            return
        now_s = self._monitor.now_s
        start_s = self._interval_starts.pop(digit, None)
        if start_s is None:
            self._interval_starts[digit] = now_s
            self._monitor.begin_mark(str(digit), self._text(digit))
        else:
            self._monitor.end_mark(str(digit))
            self._say(digit, now_s - start_s)
        self._show_intervals()

    def _show_intervals(self) -> None:
        starts = self._interval_starts.items()
        self._window.show_open_intervals([(key, self._text(key), start) for key, start in starts])

    def _say(self, digit: int, duration_s: float) -> None:
        length = f", {local_numbers(f'{duration_s:.1f} s')}" if duration_s else ""
        self._window.statusline.say(f"marked: {self._text(digit) or digit}{length}")

    def _text(self, digit: int) -> str:
        return self._window.preferences.presets[digit - 1]

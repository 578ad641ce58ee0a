"""The time axis that all tracks of a window share: visible range, cursor, selection."""

from __future__ import annotations

import math
import time

from PyQt6.QtCore import QObject, Qt, QTimer, pyqtSignal

SHORTEST_S = 0.1
"""The closest that one can look."""

_FRAME_MS = 15
_GLIDE_TIME_S = 0.045
"""Time constant of a glide: it is over in a fifth of a second."""

_ARRIVED_SHARE = 0.002
"""Share of the visible range that no eye sees."""


class TimeAxis(QObject):
    """A stretch of a session.

    Parameters
    ----------
    duration_s
        Length of the session.

    Attributes
    ----------
    start_s, span_s
        Where what is visible begins, and how much it is: moving leaves its length as it is.
    cursor_s
        Where the cursor is.
    selection
        What is selected; ``None``: nothing.
    """

    moved = pyqtSignal()
    cursor_moved = pyqtSignal()
    selected = pyqtSignal()

    def __init__(self, duration_s: float, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.duration_s = max(duration_s, SHORTEST_S)
        self.start_s = 0.0
        self.span_s = self.duration_s
        self.cursor_s = 0.0
        self.selection: tuple[float, float] | None = None
        self._target = (0.0, self.duration_s)
        self._last_s = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_FRAME_MS)
        self._timer.timeout.connect(self._step)

    @property
    def end_s(self) -> float:
        """Where what is visible ends."""
        return self.start_s + self.span_s

    @property
    def target_range(self) -> tuple[float, float]:
        """Visible range in seconds once the axis has come to rest."""
        start, span = self._target
        return start, start + span

    def set_duration(self, duration_s: float) -> None:
        """Change the length; what is visible stays as far as that goes."""
        self.duration_s = max(duration_s, SHORTEST_S)
        self.show(self.start_s, self.end_s)

    def show(self, start_s: float, end_s: float, *, glide: bool = False) -> None:
        """Make a stretch visible, as far as the session goes; at once, or smoothly."""
        self._aim(start_s, end_s - start_s, glide=glide)

    def _aim(self, start_s: float, span_s: float, *, glide: bool) -> None:
        span = min(max(span_s, SHORTEST_S), self.duration_s)
        self._target = (min(max(0.0, start_s), self.duration_s - span), span)
        if glide:
            if not self._timer.isActive():
                self._last_s = time.monotonic()
                self._timer.start()
            return
        self._timer.stop()
        self._set_range(*self._target)

    def fit(self) -> None:
        """Show everything."""
        self.show(0.0, self.duration_s, glide=True)

    def zoom(self, factor: float, at_s: float | None = None, *, glide: bool = True) -> None:
        """Show ``factor`` times as much, while a moment stays where it is on the screen."""
        at = self._anchor() if at_s is None else at_s
        span = min(max(self._target[1] * factor, SHORTEST_S), self.duration_s)
        # The place on the screen is that of now, also in the middle of a glide.
        share = (at - self.start_s) / self.span_s
        self._aim(at - share * span, span, glide=glide)

    def pan(self, seconds: float, *, glide: bool = False) -> None:
        """Show what is later by so much."""
        start, span = self._target if glide else (self.start_s, self.span_s)
        self._aim(start + seconds, span, glide=glide)

    def reveal(self, start_s: float, end_s: float | None = None) -> None:
        """Make sure that a moment, or as much as fits of a stretch, is visible."""
        end_s = start_s if end_s is None else end_s
        left, span = self._target
        if left <= start_s and end_s <= left + span:
            return
        middle = (start_s + min(end_s, start_s + span)) / 2
        self._aim(middle - span / 2, span, glide=True)

    def seek(self, time_s: float) -> None:
        """Put the cursor somewhere, and make sure that it is seen."""
        self.place_cursor(time_s)
        self.reveal(self.cursor_s)

    def place_cursor(self, time_s: float) -> None:
        """Put the cursor somewhere."""
        time_s = min(max(0.0, time_s), self.duration_s)
        if time_s != self.cursor_s:
            self.cursor_s = time_s
            self.cursor_moved.emit()

    def select(self, from_s: float, to_s: float) -> None:
        """Select what lies between two moments; nothing where they are one."""
        first, last = sorted(min(max(0.0, t), self.duration_s) for t in (from_s, to_s))
        self._select((first, last) if last > first else None)

    def unselect(self) -> None:
        """Select nothing."""
        self._select(None)

    def _select(self, selection: tuple[float, float] | None) -> None:
        if selection != self.selection:
            self.selection = selection
            self.selected.emit()

    def _anchor(self) -> float:
        """Time that stays in place: the cursor where it is seen, else the middle."""
        if self.start_s <= self.cursor_s <= self.end_s:
            return self.cursor_s
        return (self.start_s + self.end_s) / 2

    def _step(self) -> None:
        now_s = time.monotonic()
        part = 1.0 - math.exp(-(now_s - self._last_s) / _GLIDE_TIME_S)
        self._last_s = now_s
        left_s, wider_s = self._target[0] - self.start_s, self._target[1] - self.span_s
        start, span = self.start_s + part * left_s, self.span_s + part * wider_s
        if (1.0 - part) * max(abs(left_s), abs(left_s + wider_s)) < _ARRIVED_SHARE * span:
            self._timer.stop()
            start, span = self._target
        self._set_range(start, span)

    def _set_range(self, start_s: float, span_s: float) -> None:
        if (start_s, span_s) != (self.start_s, self.span_s):
            self.start_s, self.span_s = start_s, span_s
            self.moved.emit()

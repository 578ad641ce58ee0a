"""Markers on the number keys: moments and intervals, by when keys go down and come up. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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

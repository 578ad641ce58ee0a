"""Which stretches of a running sound a peer judges: windows on a clock, or the gate's segments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.config import GateConfig
from realtime_ser.base.records import SAMPLE_RATE
from realtime_ser.recogniser.gate import GATE_FRAME, Offset, Onset, SpeechGate

Sound: TypeAlias = NDArray[np.float32]
"""Samples at 16 kHz, shape ``(n,)``."""


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """A stretch of the sound that is judged at once.

    Attributes
    ----------
    sound
        Its samples.
    until
        Samples of the stream that had been heard when it was cut.
    """

    sound: Sound
    until: int


class Cutter(Protocol):
    """Cuts a stream while it comes."""

    def push(self, samples: Sound) -> list[Cut]:
        """Take samples, and return what they complete."""
        ...


class WindowCutter:
    """A window of the last ``length_s`` seconds each ``hop_s`` seconds; zeros lie before the start.

    The first window is full where ``length_s`` and ``hop_s`` are equal.
    """

    def __init__(self, length_s: float, hop_s: float) -> None:
        self._hop = round(hop_s * SAMPLE_RATE)
        self._window: Sound = np.zeros(round(length_s * SAMPLE_RATE), np.float32)
        self._count = 0

    def push(self, samples: Sound) -> list[Cut]:
        """Take samples, and return the windows that end with one of them."""
        cuts = []
        while len(samples):
            part = samples[: self._hop - self._count % self._hop]
            samples = samples[len(part) :]
            kept = part[-len(self._window) :]
            self._window = np.concatenate([self._window[len(kept) :], kept])
            self._count += len(part)
            if self._count % self._hop == 0:
                cuts.append(Cut(self._window, self._count))
        return cuts


class SegmentCutter:
    """The gate's segments, each when its hang-over has passed, with the pre-roll."""

    def __init__(self, gate: GateConfig) -> None:
        self._gate = SpeechGate(gate)
        self._preroll = gate.preroll_ms * SAMPLE_RATE // 1000
        self._kept: Sound = np.empty(0, np.float32)
        self._pending = 0
        self._start: int | None = None
        self._origin = 0

    def push(self, samples: Sound) -> list[Cut]:
        """Take samples, and return the segments that they end."""
        self._kept = np.concatenate([self._kept, samples])
        cuts = []
        while self._pending + GATE_FRAME <= self._origin + len(self._kept):
            frame = self._kept[self._pending - self._origin :][:GATE_FRAME]
            event = self._gate.push(frame)[0].event
            self._pending += GATE_FRAME
            if isinstance(event, Onset):
                start = event.first_voiced * GATE_FRAME - self._preroll
                self._start = max(self._origin, start)
            elif isinstance(event, Offset):
                cuts += self._end((event.last_voiced + 1) * GATE_FRAME)
        if self._start is None:
            self._forget(self._pending - SAMPLE_RATE)
        return cuts

    def finish(self) -> list[Cut]:
        """End a running segment with the sound."""
        return self._end(self._pending)

    def _end(self, end: int) -> list[Cut]:
        start, self._start = self._start, None
        if start is None:
            return []
        cut = Cut(self._kept[start - self._origin : end - self._origin], self._pending)
        self._forget(end)
        return [cut]

    def _forget(self, before: int) -> None:
        count = max(0, before - self._origin)
        self._kept = self._kept[count:]
        self._origin += count


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of ``length_s`` seconds each ``hop_s`` seconds."""

    length_s: float
    hop_s: float

    def cutter(self) -> WindowCutter:
        """Cutter of a stream."""
        return WindowCutter(self.length_s, self.hop_s)

    def of_clip(self, sound: Sound, end: int) -> list[Sound]:
        """Windows of a clip that begins with the clock and whose speech ends with sample ``end``.

        The last is the first one that has heard all of the speech; others are at least half full.
        """
        hop = round(self.hop_s * SAMPLE_RATE)
        heard = -(-end // hop) * hop
        cuts = self.cutter().push(np.pad(sound[:heard], (0, max(0, heard - len(sound)))))
        half = round(self.length_s * SAMPLE_RATE / 2)
        return [cut.sound for cut in cuts[:-1] if cut.until >= half] + [cuts[-1].sound]


@dataclass(frozen=True, slots=True)
class Segments:
    """Segments of the gate that the product has."""

    def cutter(self) -> SegmentCutter:
        """Cutter of a stream."""
        return SegmentCutter(GateConfig())

    def of_clip(self, sound: Sound, _end: int) -> list[Sound]:
        """Segments of a clip."""
        cutter = self.cutter()
        return [cut.sound for cut in [*cutter.push(sound), *cutter.finish()]]


Cutting: TypeAlias = Windows | Segments


Features: TypeAlias = Callable[[Sound], NDArray[np.float32]]
"""Features of one cut, of one shape for all."""

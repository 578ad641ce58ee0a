"""Speech gate: webrtcvad behind slow level normalisation, with onset and hang-over.

One decision each 20 ms. A segment begins when enough of the last frames are voiced, and is never
withdrawn; the segment ends after a hang-over without voice.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from realtime_ser.base.config import GateConfig
from realtime_ser.base.records import SAMPLE_RATE

GATE_FRAME = SAMPLE_RATE // 50  # samples of a gate frame: 20 ms
_FRAME_MS = 20
_WINDOW = np.hanning(GATE_FRAME)
_DB_PER_NEPER = 20.0 / math.log(10.0)


class LevelNormaliser:
    """Slow gain that brings speech to the target level, and never attenuates.

    The gain begins at its maximum, falls at once when a frame is louder than the recent peak, and
    rises again with the time constant ``release_s``.
    """

    def __init__(self, config: GateConfig) -> None:
        self._target_db = config.target_dbfs
        self._max_gain_db = config.max_gain_db
        self._fall_db = _DB_PER_NEPER * GATE_FRAME / SAMPLE_RATE / config.release_s
        self._peak_db = self._target_db - self._max_gain_db

    def gain(self, level_db: float) -> float:
        """Gain for a frame of a level in dBFS, as a factor of 1 or more."""
        self._peak_db = max(level_db, self._peak_db - self._fall_db)
        gain_db = min(self._max_gain_db, max(0.0, self._target_db - self._peak_db))
        return math.pow(10.0, gain_db / 20.0)


class NoiseFloor:
    """Noise floor by minimum statistics, and the test of a frame against it.

    The floor is the minimum of the smoothed level over the last ``noise_window_s`` (Martin, IEEE
    Trans. Speech and Audio Processing 9, 2001). webrtcvad by itself takes loud steady noise for
    speech. Before a whole window was heard, every frame passes, so that a recording may begin with
    a word.

    The level is measured from 150 to 2000 Hz, where voices are strong: below, pink noise swings so
    much that it seems to begin and end; above, white noise hides voices that are plain to hear.
    """

    _SMOOTHING = 0.25

    def __init__(self, config: GateConfig) -> None:
        self._margin_db = config.noise_margin_db
        hz_per_bin = SAMPLE_RATE / GATE_FRAME
        self._band = slice(round(150 / hz_per_bin), round(2000 / hz_per_bin))
        self._length = math.ceil(config.noise_window_s * SAMPLE_RATE / GATE_FRAME)
        self._count = 0
        self._smoothed: float | None = None
        self._minima: deque[tuple[int, float]] = deque()  # rising, with the numbers of their frames

    def levels(self, frames: NDArray[np.float32]) -> list[float]:
        """Levels of frames from 150 to 2000 Hz in dB, not smoothed."""
        spectra = np.fft.rfft(frames * _WINDOW)[:, self._band]
        return [_decibels(float(np.vdot(spectrum, spectrum).real)) for spectrum in spectra]

    def push(self, level_db: float) -> float:
        """Height of the smoothed level, this frame included, above the floor so far, in dB."""
        last = level_db if self._smoothed is None else self._smoothed
        self._smoothed = last + self._SMOOTHING * (level_db - last)
        while self._minima and self._minima[-1][1] >= self._smoothed:
            self._minima.pop()
        self._minima.append((self._count, self._smoothed))
        self._count += 1
        if self._minima[0][0] < self._count - self._length:
            self._minima.popleft()
        return self._smoothed - self._minima[0][1]

    @property
    def known(self) -> bool:
        """Whether a whole window was heard: until then the floor may be the voice's own."""
        return self._count >= self._length

    def passes(self, height_db: float) -> bool:
        """Whether a frame of a height above the floor may be speech."""
        return not self.known or height_db >= self._margin_db


def _decibels(power: float) -> float:
    return 10.0 * math.log10(max(power, 1e-12))


@dataclass(frozen=True, slots=True)
class Onset:
    """Start of a segment; ``first_voiced`` is the number of its first voiced gate frame."""

    first_voiced: int


@dataclass(frozen=True, slots=True)
class Offset:
    """End of a segment; ``last_voiced`` is the number of its last voiced gate frame."""

    last_voiced: int


@dataclass(frozen=True, slots=True)
class GateFrame:
    """Decision on a gate frame of 20 ms, and the start or end of a segment, if there is one.

    Attributes
    ----------
    above_floor_db
        Height of its level above the noise floor so far.
    floor_known
        Whether that floor is of a whole window.
    """

    voiced: bool
    event: Onset | Offset | None
    above_floor_db: float
    floor_known: bool


class SpeechGate:
    """Stateful gate over consecutive 20 ms frames.

    Frames are counted from the gate's start or last reset. A new gate belongs to each session and
    to each evaluated clip, since webrtcvad adapts to the background it has heard.
    """

    def __init__(self, config: GateConfig) -> None:
        self._config = config
        self._hangover = math.ceil(config.hangover_ms / _FRAME_MS)
        self.reset()

    def reset(self) -> None:
        """Start anew: the next frame is number 0."""
        self._vad = webrtcvad.Vad(self._config.mode)
        self._levels = LevelNormaliser(self._config)
        self._floor = NoiseFloor(self._config)
        self._recent: deque[bool] = deque(maxlen=self._config.onset_frames)
        self._count = 0
        self._last_voiced: int | None = None

    @property
    def open(self) -> bool:
        """Whether a segment is running."""
        return self._last_voiced is not None

    def push(self, samples: NDArray[np.float32]) -> list[GateFrame]:
        """Decide on the next frames: whole ones, shape ``(n * 320,)``, 16 kHz, -1 .. 1."""
        frames = samples.reshape(-1, GATE_FRAME)
        decided = zip(self._floor.levels(frames), self._speech(frames), strict=True)
        return [self._decide(level_db, is_speech) for level_db, is_speech in decided]

    def _decide(self, level_db: float, is_speech: bool) -> GateFrame:
        height_db = self._floor.push(level_db)
        voiced = is_speech and self._floor.passes(height_db)
        event = self._detect_offset(voiced) if self.open else self._detect_onset(voiced)
        self._count += 1
        return GateFrame(voiced, event, height_db, self._floor.known)

    def _speech(self, frames: NDArray[np.float32]) -> list[bool]:
        """What webrtcvad says of frames whose level is normalised."""
        powers = (float(np.dot(frame, frame)) / GATE_FRAME for frame in frames)
        gains = [self._levels.gain(_decibels(power)) for power in powers]
        loud = frames * np.array(gains, np.float32)[:, None]
        pcm = np.round(np.minimum(np.maximum(loud, -1.0), 1.0) * 32767.0).astype("<i2")
        return [bool(self._vad.is_speech(one.tobytes(), SAMPLE_RATE)) for one in pcm]

    def _detect_onset(self, voiced: bool) -> Onset | None:
        self._recent.append(voiced)
        if not voiced or sum(self._recent) < self._config.onset_voiced:
            return None
        first = self._count - (len(self._recent) - 1 - list(self._recent).index(True))
        self._recent.clear()
        self._last_voiced = self._count
        return Onset(first)

    def _detect_offset(self, voiced: bool) -> Offset | None:
        assert self._last_voiced is not None
        if voiced:
            self._last_voiced = self._count
        if self._count - self._last_voiced < self._hangover:
            return None
        ended = Offset(self._last_voiced)
        self._last_voiced = None
        return ended

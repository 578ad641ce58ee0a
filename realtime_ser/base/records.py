"""Records: the values that travel from the pipeline to a pixel and to a CSV row.

The time axis is one counter of 16 kHz samples for each channel, from the start of the session.
Frame ``k`` covers samples ``160 k .. 160 k + 399``; step ``j`` is frames ``8 j .. 8 j + 7`` and its
time is ``0.08 (j + 1)`` seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000  # rate of everything behind the resampler, in Hz
HOP = 160  # samples between two frames
FRAME = 400  # samples of a frame
STEP_FRAMES = 8  # frames of a step
STEP = HOP * STEP_FRAMES  # samples between two steps
STEP_SPAN = STEP - HOP + FRAME
"""Samples from the first of a step's first frame to the last of its last frame, counted."""

STEP_S = STEP / SAMPLE_RATE  # seconds between two steps: 0.08
SILENCE_DBFS = -120.0  # level that stands for digital silence


def step_time(step: int) -> float:
    """Time of step ``step`` in seconds from the start of the session."""
    return STEP * (step + 1) / SAMPLE_RATE


class State(StrEnum):
    """Content of a step: speech, silence, lost or paused time."""

    SPEECH = "speech"
    SILENCE = "silence"
    LOST = "lost"
    PAUSED = "paused"


class Quality(StrEnum):
    """What the sound behind a result was like, in the words that views and tables say."""

    UNMEASURED = ""
    GOOD = "good"
    TELEPHONE = "telephone"
    DOUBTFUL_VOICE = "doubtful voice"
    TOO_QUIET = "too quiet"
    OVERLOADED = "overloaded"
    NOT_A_VOICE = "not a voice"
    LOUD_BACKGROUND = "loud background"
    UNUSUAL_VOICE = "unusual voice"

    @property
    def usable(self) -> bool:
        """Whether a result counts in shares."""
        return self.clear or self is Quality.DOUBTFUL_VOICE

    @property
    def clear(self) -> bool:
        """Whether a result may be certain."""
        return self in (Quality.UNMEASURED, Quality.GOOD, Quality.TELEPHONE)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Result of the model for a step or a segment."""

    probabilities: NDArray[np.float32]  # calibrated, shape ``(labels,)``, in the bundle's order
    label: str  # the most probable
    confidence: float  # probability of the label
    certain: bool  # the confidence reaches the bundle's threshold, and the sound is clear
    quality: Quality = Quality.UNMEASURED  # unmeasured in sessions of earlier versions

    def judged(self, quality: Quality) -> Estimate:
        """The estimate on a sound of a quality; one that is not clear is never certain."""
        return replace(self, quality=quality, certain=self.certain and quality.clear)


@dataclass(frozen=True, slots=True)
class VoiceMeasures:
    """What the voice does at a step, beside what it sounds like; nothing looks ahead."""

    f0_hz: float | None  # median of the step; ``None`` without a voice
    loudness_lufs: float  # momentary, of the last 400 ms; -120 without sound
    speaking_rate: float | None  # syllables a second of speaking, in the last 4 s
    pause_share: float  # of the last 10 s, in which pauses have at least 240 ms
    activation: float | None  # of the last 3 s, -1 .. 1 against the speaker's own baseline
    hf500_db: float | None  # energy above 500 Hz over that below; ``None`` without a voice


@dataclass(frozen=True, slots=True)
class SegmentVoice:
    """What the voice did in a segment: a row of the voice CSV."""

    f0_hz: float | None  # median; ``None``: no step has an F0
    f0_range_semitones: float | None  # from the 5th to the 95th percentile
    loudness_lufs: float  # of the whole segment, without a gate
    speaking_rate: float | None  # syllables a second of speaking
    pause_share: float  # of the segment
    activation: float | None  # mean, -1 .. 1 against the speaker's own baseline


@dataclass(frozen=True, slots=True)
class Update:
    """Result of a step of a channel: a row of the frames CSV.

    The envelope holds the lowest and highest sample of each hop, shape ``(8, 2)``, float32 in
    -1 .. 1. The latency is the moment the update was ready minus the ADC time of sample
    ``1280 (step + 1)``; files have none.
    """

    step: int  # from 0
    channel: int  # number of the device's or file's, from 1
    state: State  # ``silence`` in a pre-roll too: rows never change later
    segment: int | None = None  # number within its channel, from 1; ``None`` outside speech
    estimate: Estimate | None = None  # ``None`` outside speech
    level_dbfs: float = SILENCE_DBFS  # RMS of the step's 80 ms; -120 without sound too
    envelope: NDArray[np.float32] = field(
        default_factory=lambda: np.zeros((STEP_FRAMES, 2), np.float32)
    )
    voiced: int = 0  # gate frames among the step's four, each of 20 ms
    latency_ms: float | None = None
    wall_clock: datetime | None = None  # of ``time_s``, with its UTC offset; ``None``: no clock ran
    voice: VoiceMeasures | None = None  # ``None`` where it is not measured, and without sound

    @property
    def time_s(self) -> float:
        """Time of the step in seconds from the start of the session."""
        return step_time(self.step)

    @property
    def speech(self) -> bool:
        """Whether the step belongs to a speech segment."""
        return self.state is State.SPEECH


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech and its result: a row of the segments CSV."""

    number: int  # within its channel, from 1
    channel: int  # from 1
    start_s: float  # on the step grid, pre-roll included
    end_s: float  # time of the step that holds the last voiced frame
    voiced_s: float  # duration of the voiced gate frames
    estimate: Estimate  # that at ``end_s``
    voice: SegmentVoice | None = None  # ``None`` where it is not measured


USER = "user"  # source of the markers that a person sets
DEVICE = "device"  # code and source of the markers that the program itself sets


@dataclass(frozen=True, slots=True)
class Marker:
    """A moment or an interval that was marked: a row of the markers CSV."""

    time_s: float  # of its start in the session
    text: str  # of a person, may be empty
    code: str = ""  # of the kind of marker, may be empty
    duration_s: float = 0.0  # a moment has none
    source: str = USER  # or :data:`DEVICE`, another program, or a file that it was read from
    wall_clock: datetime | None = None  # of ``time_s``, with its UTC offset; ``None``: no clock ran


@dataclass(frozen=True, slots=True)
class IntervalOpened:
    """Start of an interval that a person marks, and that may be long.

    Its marker has no length yet; one with the same time and code follows at its end.
    """

    marker: Marker


@dataclass(frozen=True, slots=True)
class Anchor:
    """A 16 kHz sample and the readings of the clocks that belong to it."""

    sample: int
    adc_s: float  # of the sample, on the monotonic clock
    monotonic_s: float  # when the anchor was taken
    wall: datetime  # likewise, by the wall clock


@dataclass(frozen=True, slots=True)
class Sound:
    """Samples as the source delivered them."""

    position: int  # of the first, at the native rate, lost and paused time counted
    samples: NDArray[np.float32]  # shape ``(n, channels)``, float32 in -1 .. 1


Record: TypeAlias = Update | Segment | Marker | IntervalOpened | Anchor | Sound

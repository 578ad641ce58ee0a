"""16 kHz samples to steps: level, envelope, speech gate, and the log-mel frames for the model.

The step grid never moves; the gate only says which steps are fed. Evaluation and training read the
same steps as the live path does.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.config import GateConfig
from realtime_ser.base.records import (
    HOP,
    SAMPLE_RATE,
    SILENCE_DBFS,
    STEP,
    STEP_FRAMES,
    STEP_S,
    STEP_SPAN,
)
from realtime_ser.recogniser.features import FeatureParams, LogMel, StepFramer
from realtime_ser.recogniser.gate import GATE_FRAME, Offset, Onset, SpeechGate

_GATE_FRAMES = STEP // GATE_FRAME
_FRAME_MS = 1000 * GATE_FRAME // SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Step:
    """A step of 80 ms, with the log-mel frames for the model.

    Attributes
    ----------
    index
        Number of the step from 0.
    level_dbfs, envelope, voiced
        As in :class:`~realtime_ser.base.records.Update`.
    above_floor_db
        Greatest height of a gate frame's level above the noise floor so far.
    floor_known
        Whether that floor is of a whole window.
    ends_segment
        Whether a segment that ran before this step has ended.
    segment_start
        Number of the first step of a segment that begins here, earlier than ``index`` by the
        pre-roll and the onset; ``None`` where no segment begins.
    span
        Samples of the step itself, shape ``(1520,)``.
    log_mels
        Log-mel frames that the model is to hear now, shape ``(steps, 8, n_mels)``: none outside
        speech, several steps at an onset, else one.
    spans
        Samples of the steps that the model is to hear, shape ``(steps, 1520)``.
    """

    index: int
    level_dbfs: float
    envelope: NDArray[np.float32]
    voiced: int
    above_floor_db: float
    floor_known: bool
    ends_segment: bool
    segment_start: int | None
    span: NDArray[np.float32]
    log_mels: NDArray[np.float64]
    spans: NDArray[np.float32]

    @property
    def speech(self) -> bool:
        """Whether the step belongs to a segment."""
        return len(self.log_mels) > 0


class Segmenter:
    """Speech gate and log-mel features of a channel on its step grid.

    The pre-roll is decided here: the first step of a segment is the step of its first voiced gate
    frame less ``preroll_ms``, but never a step that another segment has had.
    """

    def __init__(self, features: FeatureParams, gate: GateConfig) -> None:
        self._log_mel = LogMel(features)
        self._config = gate
        self._gate = SpeechGate(gate)
        self._preroll = gate.preroll_ms * SAMPLE_RATE // 1000
        self._max_steps = math.ceil(gate.max_segment_s / STEP_S)
        reach = gate.onset_frames + math.ceil(gate.preroll_ms / _FRAME_MS)
        kept = 2 + reach // _GATE_FRAMES
        self._log_mels: deque[NDArray[np.float64]] = deque(maxlen=kept)
        self._last_spans: deque[NDArray[np.float32]] = deque(maxlen=kept)
        self._no_frames: NDArray[np.float64] = np.empty((0, STEP_FRAMES, features.n_mels))
        self._no_spans: NDArray[np.float32] = np.empty((0, STEP_SPAN), np.float32)
        self._next = 0
        self._restart()

    @property
    def next_step(self) -> int:
        """Number of the next step."""
        return self._next

    def _restart(self) -> None:
        self._spans = StepFramer()
        self._gate.reset()
        self._log_mels.clear()
        self._last_spans.clear()
        self._gate_origin = self._next
        self._first_unfed = self._next
        self._start: int | None = None

    def skip(self, step: int) -> None:
        """Skip to ``step``, whose first sample is the next one pushed.

        A running segment ends; gate and features start anew.
        """
        self._next = step
        self._restart()

    def push(self, samples: NDArray[np.float32]) -> list[Step]:
        """Take 16 kHz samples, shape ``(n,)``, and return the steps that they complete."""
        return [self._step(span) for span in self._spans.push(samples)]

    def _step(self, span: NDArray[np.float32]) -> Step:
        index = self._next
        self._next += 1
        sound = span[:STEP]
        self._log_mels.append(self._log_mel.spectrum(span))
        self._last_spans.append(span)
        frames = self._gate.push(sound)
        voiced = sum(frame.voiced for frame in frames)
        # The configuration's bounds leave room for one event in four frames.
        event = next((frame.event for frame in frames if frame.event is not None), None)
        ends_segment, segment_start = self._track_segment(index, voiced, event)
        log_mels, spans = self._no_frames, self._no_spans
        if self._start is not None:
            fed = index + 1 - (index if segment_start is None else segment_start)
            log_mels = np.stack(list(self._log_mels)[-fed:])
            spans = np.stack(list(self._last_spans)[-fed:])
            self._first_unfed = index + 1
        hops = sound.reshape(STEP_FRAMES, HOP)
        envelope = np.stack([hops.min(axis=1), hops.max(axis=1)], axis=1)
        return Step(
            index=index,
            level_dbfs=level_dbfs(sound),
            envelope=envelope,
            voiced=voiced,
            above_floor_db=max(frame.above_floor_db for frame in frames),
            floor_known=frames[-1].floor_known,
            ends_segment=ends_segment,
            segment_start=segment_start,
            span=span,
            log_mels=log_mels,
            spans=spans,
        )

    def _track_segment(
        self, index: int, voiced: int, event: Onset | Offset | None
    ) -> tuple[bool, int | None]:
        """Whether a segment ends before this step, and the first step of a segment that begins."""
        if isinstance(event, Onset):
            sample = (
                self._gate_origin * _GATE_FRAMES + event.first_voiced
            ) * GATE_FRAME - self._preroll
            self._start = max(self._first_unfed, sample // STEP)
            return False, self._start
        if isinstance(event, Offset):
            self._start = None
            return True, None
        if self._start is not None and voiced and index - self._start >= self._max_steps:
            self._start = index
            return True, index
        return False, None


def level_dbfs(samples: NDArray[np.float32]) -> float:
    """RMS level of samples in dB below full scale, not less than -120."""
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    return max(SILENCE_DBFS, 10.0 * math.log10(power)) if power > 0 else SILENCE_DBFS

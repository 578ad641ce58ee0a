"""Calibration: from a person's normal voice to a profile."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import numpy as np

from realtime_ser.audio.source import Source
from realtime_ser.base.config import AudioConfig, Config
from realtime_ser.base.errors import SerError, UsageError
from realtime_ser.base.records import SAMPLE_RATE, Quality, Segment, Update
from realtime_ser.base.text import left_out_text
from realtime_ser.base.timebase import local_now
from realtime_ser.engine.monitor import Monitor
from realtime_ser.engine.status import Phase
from realtime_ser.recogniser.activation import RunningBaseline
from realtime_ser.recogniser.bundle import Bundle
from realtime_ser.recogniser.gate import GATE_FRAME
from realtime_ser.recogniser.speaker_calibration import (
    SEGMENT_S,
    SPEECH_S,
    Profile,
    mean_log_probabilities,
)

MIN_SPEECH_S = 5.0  # voiced speech without which there is no profile

_LONGEST_RATIO = 3.5
"""A microphone is listened to at most so many times as long as the voice that is asked for."""


def make_profile(
    name: str, source: Source, bundle: Bundle, config: Config, advance: Callable[[float], None]
) -> Profile:
    """Profile of a person, from their neutral speech.

    Listens until :data:`SPEECH_S` seconds of voice were heard, the source ends, or too much time
    has passed.

    Parameters
    ----------
    bundle
        The model, not corrected.
    config
        Gate, and the channel.
    advance
        Called with the seconds of voice so far at every update, in silence too; an exception that
        it raises ends the listening.
    """
    gate = config.gate.model_copy(update={"max_segment_s": SEGMENT_S})
    channels, buffer_s = config.audio.channels, config.audio.buffer_s
    monitor = Monitor(source, bundle, gate, channels=channels, buffer_s=buffer_s)
    records = monitor.subscribe()
    segments: list[Segment] = []
    voice = RunningBaseline()
    left_out_s: defaultdict[Quality, float] = defaultdict(float)
    heard_s = 0.0
    monitor.start(_LONGEST_RATIO * SPEECH_S if source.info.live else None)
    try:
        for record in records:
            if isinstance(record, Segment):
                if record.estimate.quality.usable:
                    segments.append(record)
                else:
                    left_out_s[record.estimate.quality] += record.voiced_s
                if sum(segment.voiced_s for segment in segments) >= SPEECH_S:
                    break
            elif isinstance(record, Update):
                if record.estimate is not None and record.estimate.quality.usable:
                    heard_s += record.voiced * GATE_FRAME / SAMPLE_RATE
                    voice.feed_update(record)
                advance(min(heard_s, SPEECH_S))
    finally:
        monitor.stop()
    if monitor.status.phase is Phase.FAILED:
        raise SerError(monitor.status.error or "The source failed.")
    weights = np.array([segment.voiced_s for segment in segments])
    if weights.sum() < MIN_SPEECH_S:
        advice = (
            "speak in your normal voice, near the microphone."
            if source.info.live
            else "choose a recording with more of it, or another of its channels."
        )
        also = f" besides {left_out_text(left_out_s)}" if left_out_s else ""
        raise SerError(
            f"Only {weights.sum():.1f} s of voice were heard from {source.info.name}{also}, and a "
            f"profile needs {MIN_SPEECH_S:.0f} s: {advice}"
        )
    probabilities = np.stack([segment.estimate.probabilities for segment in segments])
    means = mean_log_probabilities(probabilities, weights)
    return Profile(
        name=name,
        device=source.info.name,
        model=bundle.identity,
        seconds=round(float(weights.sum()), 2),
        made=local_now().replace(microsecond=0),
        log_probabilities=dict(zip(bundle.labels, means.tolist(), strict=True)),
        voice=voice.so_far(),
    )


def calibration_audio(audio: AudioConfig) -> AudioConfig:
    """Settings of the source: never the demo unasked, one channel, a file at full speed."""
    if len(audio.channels) > 1:
        raise UsageError("A profile is of one person: say which channel with --channel N.")
    wanted = "mic" if audio.input == "auto" else audio.input
    return audio.model_copy(update={"input": wanted, "speed": 0.0})

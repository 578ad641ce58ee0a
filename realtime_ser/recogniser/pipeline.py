"""Samples in, updates out: the way of one channel or several from native samples to records.

:class:`ChannelPipeline` resamples a channel of the source; :class:`Pipeline` hands its 16 kHz
samples to the segmenter, the segmenter's steps to the step model, and the model's logits to the
decoder. :class:`ChannelPipelines` does so for several channels of one source.

No threads, no window, and no clock but the count of samples, so that a microphone, a file that
plays as one, and an offline analysis all run this very code and get the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from realtime_ser.audio.resample import Resampler
from realtime_ser.audio.samples import stretches
from realtime_ser.base.config import GateConfig
from realtime_ser.base.records import (
    SAMPLE_RATE,
    STEP,
    STEP_S,
    STEP_SPAN,
    Estimate,
    Segment,
    State,
    Update,
    VoiceMeasures,
    step_time,
)
from realtime_ser.base.timebase import TimeBase
from realtime_ser.recogniser.bundle import Bundle, Decoder
from realtime_ser.recogniser.gate import GATE_FRAME
from realtime_ser.recogniser.quality import QualityMeter
from realtime_ser.recogniser.segmenter import Segmenter, Step
from realtime_ser.recogniser.step_model import StepModel
from realtime_ser.recogniser.voice_judge import shipped_judge
from realtime_ser.recogniser.voice_measures import StepFacts, VoiceMeter, segment_voice


class _OpenSegment:
    """The running segment, and its result so far."""

    def __init__(self, number: int, start: int) -> None:
        self.number = number
        self.start = start
        self.voiced = 0
        self.result: tuple[int, Estimate] | None = None
        self.facts: list[StepFacts] = []

    def feed(self, step: Step, estimate: Estimate) -> None:
        """Take a step's estimate; the segment's result is the estimate of its last voiced step."""
        self.voiced += step.voiced
        if step.voiced:
            self.result = (step.index, estimate)


class Pipeline:
    """Segmenter, step model and decoder of a channel.

    Parameters
    ----------
    channel
        Number that the records carry, from 1.
    decoder
        The bundle's decoder; ``None``: over all labels, without a profile.
    model
        The bundle's step model, where several pipelines of one thread share it.
    voice
        Whether what the voice does is measured.
    """

    def __init__(
        self,
        bundle: Bundle,
        gate: GateConfig,
        channel: int = 1,
        decoder: Decoder | None = None,
        model: StepModel | None = None,
        *,
        voice: bool = False,
    ) -> None:
        self._segmenter = Segmenter(bundle.manifest.features, gate)
        self._model = model or StepModel(bundle)
        self._decoder = decoder or bundle.decoder()
        self.channel = channel
        self._segments = 0
        self._open: _OpenSegment | None = None
        self._state = self._model.initial_state()
        self._quality = QualityMeter(shipped_judge())
        profile = self._decoder.profile
        baseline = None if profile is None else profile.voice
        self._voice = VoiceMeter(baseline) if voice else None
        self._position = 0
        self._skip_samples = 0

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the probabilities, in order."""
        return self._decoder.labels

    @property
    def position(self) -> int:
        """Samples of the session so far, lost and paused ones counted."""
        return self._position

    @property
    def next_end(self) -> int:
        """Sample of the session behind the last one of the next step."""
        return self._segmenter.next_step * STEP + STEP_SPAN

    def push(self, samples: NDArray[np.float32]) -> list[Update | Segment]:
        """Take samples, and return the records that they complete, in order.

        Parameters
        ----------
        samples
            Shape ``(n,)``, 16 kHz, -1 .. 1.
        """
        self._position += len(samples)
        skipped = min(self._skip_samples, len(samples))
        self._skip_samples -= skipped
        records: list[Update | Segment] = []
        steps = self._segmenter.push(samples[skipped:])
        for step, logits in zip(steps, self._logits(steps), strict=True):
            records += self._records(step, logits)
        return records

    def gap(self, position: int, state: State) -> list[Update | Segment]:
        """Advance to sample ``position`` without sound: lost or paused time.

        Ends a running segment and resets gate and model. Each step that lacks sound gets one row.
        """
        if position <= self._position:
            return []
        self._position = position
        resume = -(-position // STEP)
        records = self.finish() + [
            Update(step, self.channel, state) for step in range(self._segmenter.next_step, resume)
        ]
        if resume > self._segmenter.next_step:
            self._segmenter.skip(resume)
            if self._voice is not None:
                self._voice.reset()
        self._skip_samples = resume * STEP - position
        return records

    def finish(self) -> list[Update | Segment]:
        """Close a running segment at the end of the sound."""
        segment, self._open = self._open, None
        if segment is None or segment.result is None:
            return []
        last, estimate = segment.result
        facts = [one for one in segment.facts if one.index <= last]
        return [
            Segment(
                number=segment.number,
                channel=self.channel,
                start_s=segment.start * STEP_S,
                end_s=step_time(last),
                voiced_s=segment.voiced * GATE_FRAME / SAMPLE_RATE,
                estimate=estimate,
                voice=segment_voice(facts) if facts else None,
            )
        ]

    def _logits(self, steps: Sequence[Step]) -> Iterator[NDArray[np.float32] | None]:
        """Logits of each step; ``None`` where nobody speaks."""
        for run in _runs(steps):
            if not run[0].speech:
                yield from (None for _ in run)
                continue
            if run[0].segment_start is not None:
                self._state = self._model.initial_state()
            log_mels = np.concatenate([step.log_mels for step in run])
            logits, self._state = self._model.steps(log_mels, self._state)
            last = np.cumsum([len(step.log_mels) for step in run]) - 1
            yield from logits[last]

    def _records(self, step: Step, logits: NDArray[np.float32] | None) -> list[Update | Segment]:
        records = self.finish() if step.ends_segment else []
        if step.segment_start is not None:
            self._segments += 1
            self._quality.restart()
            self._open = _OpenSegment(self._segments, step.segment_start)
        estimate = None
        if self._open is not None and logits is not None:
            estimate = self._decoder.decode(logits).judged(self._quality.feed(step))
            self._open.feed(step, estimate)
        voice = None if self._voice is None else self._measure(step, self._voice, self._open)
        update = Update(
            step=step.index,
            channel=self.channel,
            state=State.SILENCE if estimate is None else State.SPEECH,
            segment=self._open.number if self._open else None,
            estimate=estimate,
            level_dbfs=step.level_dbfs,
            envelope=step.envelope,
            voiced=step.voiced,
            voice=voice,
        )
        return [*records, update]

    def _measure(
        self, step: Step, meter: VoiceMeter, segment: _OpenSegment | None
    ) -> VoiceMeasures:
        measures = meter.push(step)
        if segment is not None:
            begins = step.segment_start is not None
            segment.facts += meter.since(segment.start if begins else step.index)
        return measures


def _runs(steps: Sequence[Step]) -> Iterator[list[Step]]:
    """Steps that follow each other in one segment, or between two."""
    run: list[Step] = []
    for step in steps:
        if run and (step.segment_start is not None or step.speech != run[0].speech):
            yield run
            run = []
        run.append(step)
    if run:
        yield run


class ChannelPipeline:
    """Resampler and pipeline of one channel, in step with the count of samples at ``rate`` Hz."""

    def __init__(self, pipeline: Pipeline, rate: int) -> None:
        self._pipeline = pipeline
        self._column = pipeline.channel - 1
        self._time_base = TimeBase(rate)
        self._resampler = Resampler(rate)
        self._native_position = 0

    @property
    def missing(self) -> int:
        """Native samples without which the next step is not complete."""
        end = self._pipeline.next_end + self._resampler.held
        return self._time_base.native(end) - self._native_position

    def push(self, samples: NDArray[np.float32]) -> list[Update | Segment]:
        """Take the source's next samples, shape ``(n, channels)``.

        Those that are no numbers are lost time. The records do not depend on how the samples were
        cut into blocks.
        """
        records: list[Update | Segment] = []
        for stretch in stretches(samples[:, self._column]):
            position = self._native_position + len(stretch.samples)
            if stretch.lost:
                records += self.gap(position, State.LOST)
            else:
                records += self._pipeline.push(self._resampler.push(stretch.samples))
            self._native_position = position
        return records

    def gap(self, native_position: int, state: State) -> list[Update | Segment]:
        """Advance to native sample ``native_position`` without sound: lost or paused time."""
        self._native_position = native_position
        target = self._time_base.sample(native_position)
        return self._flush(target) + self._pipeline.gap(target, state)

    def finish(self, native_position: int) -> list[Update | Segment]:
        """End the sound after ``native_position`` native samples."""
        return self._flush(self._time_base.sample(native_position)) + self._pipeline.finish()

    def _flush(self, target: int) -> list[Update | Segment]:
        rest = self._resampler.flush()
        return self._pipeline.push(rest[: max(0, target - self._pipeline.position)])


class ChannelPipelines:
    """Pipelines of channels, all at the same native sample; for one thread.

    Parameters
    ----------
    rate
        Native rate of the source in Hz.
    decoder
        The bundle's decoder; ``None``: over all labels, without a profile.
    model
        The bundle's step model, where sources after one another share it.
    voice
        Whether what the voices do is measured.

    Attributes
    ----------
    channels
        Numbers of the channels, from 1.
    position
        Native samples of the session so far, lost and paused ones counted.
    """

    def __init__(  # noqa: PLR0913
        self,
        bundle: Bundle,
        gate: GateConfig,
        channels: Sequence[int],
        rate: int,
        decoder: Decoder | None = None,
        model: StepModel | None = None,
        *,
        voice: bool = False,
    ) -> None:
        model = model or StepModel(bundle)
        self.channels = tuple(channels)
        self.position = 0
        self._pipelines = [
            ChannelPipeline(Pipeline(bundle, gate, channel, decoder, model, voice=voice), rate)
            for channel in channels
        ]

    @property
    def missing(self) -> int:
        """Native samples without which no channel's next step is complete."""
        return min(one.missing for one in self._pipelines)

    def push(self, samples: NDArray[np.float32]) -> list[Update | Segment]:
        """Take the source's next samples, shape ``(n, channels)``, and return all records."""
        self.position += len(samples)
        return [record for one in self._pipelines for record in one.push(samples)]

    def gap(self, position: int, state: State) -> list[Update | Segment]:
        """Advance to native sample ``position`` without sound: lost or paused time."""
        self.position = position
        return [record for one in self._pipelines for record in one.gap(position, state)]

    def finish(self) -> list[Update | Segment]:
        """Close the running segments at the end of the sound."""
        return [record for one in self._pipelines for record in one.finish(self.position)]

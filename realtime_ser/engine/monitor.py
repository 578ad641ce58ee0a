"""The live engine: a source, one worker thread, and whoever listens.

The capture thread belongs to the source. The worker takes its blocks from the ring, resamples each
channel, runs its pipeline, and hands the updates to all subscriptions. It is also the one that
notices a device that went away and brings it back.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

from realtime_ser.audio.microphone import MicrophoneSource
from realtime_ser.audio.ring import AudioBlock, RingBuffer
from realtime_ser.audio.source import Source
from realtime_ser.base.clock import SessionClock
from realtime_ser.base.config import GateConfig
from realtime_ser.base.errors import DeviceError, SerError
from realtime_ser.base.records import (
    SAMPLE_RATE,
    STEP,
    IntervalOpened,
    Marker,
    Record,
    Sound,
    State,
    Update,
)
from realtime_ser.base.timebase import TimeBase
from realtime_ser.engine.subscription import Subscription
from realtime_ser.recogniser.bundle import Bundle, Decoder
from realtime_ser.recogniser.pipeline import ChannelPipeline, Pipeline

SILENT_DEVICE_S = 1.0
"""A microphone that delivers nothing for so long is taken to be gone."""

SLOW_DEVICE_S = 4.0
"""One that was just opened may take so long to begin, as Bluetooth headsets do."""

_ANCHOR_S = 10.0
_POLL_S = 0.1
_CAPACITY = 7500  # records: ten minutes of one channel


class Phase(StrEnum):
    """What the engine is doing."""

    IDLE = "idle"
    LISTENING = "listening"
    PAUSED = "paused"
    RECONNECTING = "reconnecting"
    ENDED = "ended"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Status:
    """The engine at a moment.

    Attributes
    ----------
    phase
        What it is doing.
    position_s
        The session's clock in seconds.
    overflows
        How often the device said that it lost samples.
    dropped_samples
        Samples lost, at the native rate.
    updates
        Updates made so far.
    error
        Why it failed or is reconnecting; one sentence.
    """

    phase: Phase = Phase.IDLE
    position_s: float = 0.0
    overflows: int = 0
    dropped_samples: int = 0
    updates: int = 0
    error: str | None = None


class Monitor:
    """Listens to a source and says, each 80 ms and channel, which emotions the voice carries.

    Iterating yields its updates until the source ends or :meth:`stop` is called, and starts it if
    need be; as a context manager it starts and stops.

    Parameters
    ----------
    source
        Microphone or file.
    bundle
        The model.
    gate
        Settings of the speech gate.
    channels
        Channels of the source to monitor, from 1; each has its own gate and state.
    decoder
        The bundle's decoder; ``None``: over all labels, without a profile.
    buffer_s
        Size of the ring between capture and worker, in seconds.
    """

    def __init__(
        self,
        source: Source,
        bundle: Bundle,
        gate: GateConfig | None = None,
        *,
        channels: Sequence[int] = (1,),
        decoder: Decoder | None = None,
        buffer_s: float = 10.0,
    ) -> None:
        self.source = source
        self.bundle = bundle
        self.decoder = decoder or bundle.decoder()
        self.channels = tuple(channels)
        self._rate = source.info.native_rate
        self._time_base = TimeBase(self._rate)
        self._channel_pipelines = [
            ChannelPipeline(
                Pipeline(bundle, gate or GateConfig(), channel, self.decoder), self._rate
            )
            for channel in channels
        ]
        self._ring = RingBuffer(
            round(buffer_s * self._rate), source.info.channels, blocking=not source.info.live
        )
        self._subscriptions: list[Subscription] = []
        self._own_subscription: Subscription | None = None
        self._pending_markers: deque[Marker | IntervalOpened] = deque()
        self._open_intervals: dict[str, Marker] = {}
        self._pause = threading.Event()
        self._stop = threading.Event()
        self._worker = threading.Thread(target=self._work, name="worker", daemon=True)
        self._status = Status()
        self._clock = SessionClock()
        self._native_position = 0
        self._end_position: int | None = None
        self._last_block_s = 0.0  # or when the device was opened, if it has not begun yet
        self._delivering = False
        self._last_anchor_s = -_ANCHOR_S

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the probabilities, in order."""
        return self.decoder.labels

    @property
    def status(self) -> Status:
        """The engine now; any thread may ask."""
        return self._status

    def subscribe(self, capacity: int = _CAPACITY, *, sound: bool = False) -> Subscription:
        """A queue of everything that the engine makes from now on; before it starts: all of it."""
        subscription = Subscription(capacity, blocking=not self.source.info.live, sound=sound)
        # A new list, since the worker may be walking along the old one.
        self._subscriptions = [*self._subscriptions, subscription]
        return subscription

    def start(self, duration_s: float | None = None) -> None:
        """Open the source and begin; end after ``duration_s`` by the session's clock.

        Raises
        ------
        SerError
            The source cannot be opened.
        """
        self._end_position = None if duration_s is None else round(duration_s * self._rate)
        self._clock = SessionClock()
        self.source.start(self._ring)
        self._last_block_s = time.monotonic()
        self._update_status(phase=Phase.LISTENING)
        self._worker.start()

    def stop(self) -> None:
        """Stop, and return when the last record was handed over; safe to call twice."""
        self._stop.set()
        for subscription in self._subscriptions:
            subscription.lift_limit()
        self._ring.close()
        if self._worker.is_alive():
            self._worker.join()
        for subscription in self._subscriptions:
            subscription.close()

    def pause(self) -> None:
        """Stop listening; time goes on."""
        self._pause.set()

    def resume(self) -> None:
        """Listen again."""
        self._pause.clear()

    @property
    def now_s(self) -> float:
        """The session's clock now, in seconds; for a file, what was played of it."""
        if not self.source.info.live:
            return self._status.position_s
        return max(0.0, time.monotonic() - self._clock.adc_time(0))

    def mark(
        self,
        text: str = "",
        code: str = "",
        duration_s: float = 0.0,
        time_s: float | None = None,
    ) -> Marker:
        """Mark this moment, or the stretch of ``duration_s`` seconds that begins now.

        ``time_s``, from :attr:`now_s`, marks a moment that is over.
        """
        time_s = self.now_s if time_s is None else time_s
        marker = self._new_marker(text, code, duration_s, time_s)
        self._pending_markers.append(marker)
        return marker

    def begin_mark(self, code: str, text: str = "") -> None:
        """Begin an interval; :meth:`end_mark` ends it, and so does the end of the session."""
        marker = self._new_marker(text, code, 0.0, self.now_s)
        self._pending_markers.append(IntervalOpened(marker))
        self._open_intervals[code] = marker

    def end_mark(self, code: str) -> Marker | None:
        """End the interval that was begun with a code; ``None``: there is none."""
        marker = self._open_intervals.pop(code, None)
        if marker is None:
            return None
        return self.mark(marker.text, code, max(0.0, self.now_s - marker.time_s), marker.time_s)

    def _new_marker(self, text: str, code: str, duration_s: float, time_s: float) -> Marker:
        wall = self._clock.wall_clock(round(time_s * SAMPLE_RATE))
        return Marker(time_s, text, code, duration_s, wall_clock=wall)

    def __enter__(self) -> Self:
        self._own_subscription = self.subscribe()
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __iter__(self) -> Iterator[Update]:
        """Updates until the end.

        Raises
        ------
        SerError
            The source failed.
        """
        subscription, self._own_subscription = self._own_subscription or self.subscribe(), None
        try:
            if self._status.phase is Phase.IDLE:
                self.start()
            for record in subscription:
                if isinstance(record, Update):
                    yield record
        finally:
            subscription.close()
        if self._status.phase is Phase.FAILED:
            raise SerError(self._status.error or "The monitor failed.")

    # What follows runs in the worker thread.

    def _work(self) -> None:
        end = Phase.FAILED
        try:
            while self._limit_to_end(1) and not self._stop.is_set() and not self._ring.ended:
                self._work_once()
            self._update_status(error=None)
            end = Phase.ENDED
        except SerError as error:
            self._update_status(error=str(error))
        finally:
            self._ring.close()  # a file that waits for room would never stop
            self.source.stop()
            self._finish()
            self._update_status(phase=end)
            for subscription in self._subscriptions:
                subscription.close()

    def _work_once(self) -> None:
        block = self._ring.read(_POLL_S)
        if block is not None:
            self._process_block(block)
        elif self.source.info.live:
            self._handle_silence(time.monotonic() - self._last_block_s)
        self._publish_markers()
        # Before the first block the device's clock is not known.
        if self._native_position and self._status.position_s - self._last_anchor_s >= _ANCHOR_S:
            self._publish_anchor()

    def _process_block(self, block: AudioBlock) -> None:
        lost = self._limit_to_end(block.lost + self._lost_in_device(block))
        if lost:
            self._native_position += lost
            self._gap(State.LOST)
        if block.adc_s is not None:
            self._clock.feed(self._native_position / self._rate, block.adc_s)
        position = self._native_position
        samples = block.samples[: self._limit_to_end(len(block.samples))]
        self._native_position += len(samples)
        self._last_block_s = time.monotonic()
        self._delivering = True
        if self._pause.is_set():
            self._gap(State.PAUSED)
        else:
            self._publish([Sound(position, samples)])
            for channel_pipeline in self._channel_pipelines:
                self._publish(channel_pipeline.push(samples))
        before = self._status
        self._update_status(
            phase=Phase.PAUSED if self._pause.is_set() else Phase.LISTENING,
            position_s=self._native_position / self._rate,
            overflows=before.overflows + block.overflow,
            dropped_samples=before.dropped_samples + lost,
            error=None,
        )

    def _limit_to_end(self, count: int) -> int:
        """How many of the next ``count`` native samples belong to the session."""
        return (
            count
            if self._end_position is None
            else max(0, min(count, self._end_position - self._native_position))
        )

    def _lost_in_device(self, block: AudioBlock) -> int:
        """Samples missing before a block by its ADC time, where some may have been lost."""
        resumed = self._status.phase is Phase.RECONNECTING
        if block.adc_s is None or not (block.overflow or resumed):
            return 0
        expected = self._clock.adc_time(self._time_base.sample(self._native_position))
        if resumed:
            self._clock.restart()
        return max(0, round((block.adc_s - expected) * self._rate))

    def _handle_silence(self, silent_s: float) -> None:
        """Nothing has come for so long: the time is lost, and the device may have to be opened."""
        lost_device = silent_s > (SILENT_DEVICE_S if self._delivering else SLOW_DEVICE_S)
        if lost_device or (self._status.phase is Phase.RECONNECTING and silent_s > SILENT_DEVICE_S):
            lost = round((self.now_s - SILENT_DEVICE_S) * self._rate) - self._native_position
            lost = self._limit_to_end(max(0, lost))
            self._native_position += lost
            self._gap(State.LOST)
            self._update_status(
                phase=Phase.RECONNECTING,
                position_s=self._native_position / self._rate,
                dropped_samples=self._status.dropped_samples + lost,
            )
        if lost_device:
            self._reopen()

    def _reopen(self) -> None:
        """Try to open the device again."""
        self.source.stop()
        try:
            if isinstance(self.source, MicrophoneSource):
                self.source.find_device()
            self.source.start(self._ring)
        except DeviceError as error:
            self._update_status(error=str(error))
            self._stop.wait(_POLL_S)
            return
        self._last_block_s = time.monotonic()
        self._delivering = False

    def _gap(self, state: State) -> None:
        for channel_pipeline in self._channel_pipelines:
            self._publish(channel_pipeline.gap(self._native_position, state))

    def _finish(self) -> None:
        for channel_pipeline in self._channel_pipelines:
            self._publish(channel_pipeline.finish(self._native_position))
        for code in list(self._open_intervals):
            self.end_mark(code)
        self._publish_markers()
        self._publish_anchor()

    def _publish_anchor(self) -> None:
        self._last_anchor_s = self._status.position_s
        self._publish([self._clock.anchor(self._time_base.sample(self._native_position))])

    def _publish_markers(self) -> None:
        while self._pending_markers:
            self._publish([self._pending_markers.popleft()])

    def _publish(self, records: Sequence[Record]) -> None:
        stamped = [self._stamp(record) for record in records]
        for subscription in self._subscriptions:
            subscription.put(stamped)

    def _stamp(self, record: Record) -> Record:
        if not isinstance(record, Update):
            return record
        self._update_status(updates=self._status.updates + 1)
        sample = STEP * (record.step + 1)
        latency_ms = None
        if self.source.info.live and record.state in (State.SPEECH, State.SILENCE):
            latency_ms = 1000.0 * (time.monotonic() - self._clock.adc_time(sample))
        return replace(record, latency_ms=latency_ms, wall_clock=self._clock.wall_clock(sample))

    def _update_status(self, **changes: Any) -> None:
        self._status = replace(self._status, **changes)

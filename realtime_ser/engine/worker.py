"""The worker thread of a monitor: blocks from the queue to records for the subscriptions."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from realtime_ser.audio.block_queue import AudioBlock
from realtime_ser.audio.samples import count_lost, silenced
from realtime_ser.audio.source import Source
from realtime_ser.base.errors import SerError
from realtime_ser.base.records import STEP, Record, State, Update
from realtime_ser.base.timebase import TimeBase, clock_s
from realtime_ser.engine.device_notes import DeviceNotes
from realtime_ser.engine.device_watch import DeviceWatch, PlacedBlock
from realtime_ser.engine.handover import Handover
from realtime_ser.engine.status import Phase
from realtime_ser.recogniser.pipeline import ChannelPipelines

_ANCHOR_S = 10.0
_POLL_S = 0.1

_LATE_S, _PATIENCE_S = 1.0, 3.0
"""Seconds behind the microphone from which results are late, and for how long before it counts."""


class Worker:
    """Reads the queue, runs the pipeline of each channel, and publishes their records.

    It stops the source at the end. Every private method runs in the worker's own thread.
    """

    def __init__(self, source: Source, pipelines: ChannelPipelines, handover: Handover) -> None:
        self._source = source
        self._pipelines = pipelines
        self._handover = handover
        self._time = TimeBase(source.info.native_rate)
        self._watch = DeviceWatch(source, handover.blocks, handover.clock)
        self._unheard: list[NDArray[np.float32]] = []
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
        self._end: int | None = None
        self._anchor_s = -_ANCHOR_S
        self._in_time_s = 0.0
        self._notes = DeviceNotes(source, pipelines.channels, handover)

    @property
    def _position(self) -> int:
        """Native samples of the session so far, lost and paused ones counted."""
        return self._pipelines.position + self._waiting

    @property
    def _waiting(self) -> int:
        """Native samples that were taken and not heard yet."""
        return sum(map(len, self._unheard))

    def start(self, duration_s: float | None) -> None:
        """Begin to read the queue; end after ``duration_s`` seconds of the session."""
        self._end = None if duration_s is None else self._time.native_at(duration_s)
        self._watch.opened()
        self._thread.start()

    def join(self) -> None:
        """Return when the thread has ended, or was never started."""
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        handover, end, error = self._handover, Phase.FAILED, None
        try:
            while not self._over():
                self._run_once()
            self._hear_rest()
            self._take(self._watch.release(self._position))
            self._hear()
            end = Phase.ENDED
        except SerError as failure:
            error = str(failure)
        finally:
            handover.blocks.close()  # a file that waits for room would never stop
            self._source.stop()
            self._finish()
            handover.status = replace(handover.status, phase=end, error=error)
            handover.close()

    def _over(self) -> bool:
        handover = self._handover
        return not self._limit_to_end(1) or handover.stopped.is_set() or handover.blocks.ended

    def _run_once(self) -> None:
        # Blocks that are held tell by their times when they were: each is looked at when it comes.
        least = 1 if self._watch.holds else self._limit_to_end(self._pipelines.missing)
        blocks = self._handover.blocks.read(_POLL_S, least)
        self._take_blocks(blocks)
        if not blocks and self._source.info.live:
            self._process_silence()
        self._notes.look(self._time.seconds(self._position))
        if self._notes.notice != self._handover.status.notice:
            self._handover.status = replace(self._handover.status, notice=self._notes.notice)
        # Before the clock has settled the device's time is not known.
        sure = self._handover.clock.settled or not self._source.info.live
        if sure:
            self._handover.place_outside()
        self._publish(self._handover.markers.drain())
        if (
            sure
            and self._position
            and self._handover.status.position_s - self._anchor_s >= _ANCHOR_S
        ):
            self._publish_anchor()

    def _hear_rest(self) -> None:
        """Process what the next step waited for when it was to end."""
        until = self._position + self._limit_to_end(self._pipelines.missing)
        while self._position < until and self._handover.blocks.waiting:
            self._take_blocks(self._handover.blocks.read(0.0))

    def _take_blocks(self, blocks: Sequence[AudioBlock]) -> None:
        """Hear what the device has delivered; nothing: no block came in time."""
        arrived: Sequence[AudioBlock | None] = blocks or [None]
        for block in arrived:
            self._take(self._watch.place(block, self._position))
        self._hear()

    def _take(self, blocks: Sequence[PlacedBlock]) -> None:
        """Pass lost and paused time, and lay the rest by, which is heard a step at a time."""
        for placed in blocks:
            block = placed.block
            self._lose(placed.lost, away=placed.away)
            if block.adc_s is not None:
                self._handover.clock.feed(self._time.seconds(self._position), block.adc_s)
            if block.overflow:
                self._count(overflows=1)
            samples = block.samples[: self._limit_to_end(len(block.samples))]
            if block.paused:
                self._pass(len(samples), State.PAUSED)
                self._tell(Phase.PAUSED)
                continue
            self._unheard.append(samples)
            if self._waiting >= self._pipelines.missing:
                self._hear()

    def _hear(self) -> None:
        """Hear the sound that was laid by."""
        if not self._unheard:
            return
        samples, start = np.concatenate(self._unheard), self._pipelines.position
        self._unheard.clear()
        lost = count_lost(samples)
        self._handover.publish_sound(start, silenced(samples) if lost else samples)
        self._publish(self._pipelines.push(samples))
        self._notes.feed(samples, self._time.seconds(start), self._time.seconds(self._position))
        if lost:
            self._count(dropped=lost)
        self._tell(Phase.LISTENING)

    def _tell(self, phase: Phase) -> None:
        """Say how far the session is."""
        handover, position_s = self._handover, self._time.seconds(self._position)
        late = handover.status.late or self._is_late()
        handover.status = replace(
            handover.status, phase=phase, position_s=position_s, late=late, error=None
        )

    def _count(self, *, overflows: int = 0, dropped: int = 0, away: int = 0) -> None:
        """Count what the device has lost."""
        before = self._handover.status
        self._handover.status = replace(
            before,
            overflows=before.overflows + overflows,
            dropped_samples=before.dropped_samples + dropped,
            away_samples=before.away_samples + away,
        )

    def _is_late(self) -> bool:
        """Whether the worker has been behind a microphone for some time."""
        position_s = self._time.seconds(self._position)
        handover = self._handover
        sure = self._source.info.live and handover.clock.settled
        if not sure or handover.now_s - position_s < _LATE_S:
            self._in_time_s = position_s
        return position_s - self._in_time_s >= _PATIENCE_S

    def _process_silence(self) -> None:
        """Count the time of a device that went away as lost, and try to open it again."""
        handover = self._handover
        missing = self._watch.lost_in_silence(handover.now_s, self._position)
        if missing is None:
            return
        self._lose(missing, away=True)
        handover.status = replace(
            handover.status,
            phase=Phase.RECONNECTING,
            position_s=self._time.seconds(self._position),
        )
        if self._watch.gone and (error := self._watch.reopen()) is not None:
            handover.status = replace(handover.status, error=error)
            handover.stopped.wait(_POLL_S)

    def _limit_to_end(self, count: int) -> int:
        """How many of the next ``count`` native samples belong to the session."""
        return count if self._end is None else max(0, min(count, self._end - self._position))

    def _lose(self, missing: int, *, away: bool) -> None:
        """Advance over native samples that were lost, as far as they belong to the session."""
        lost = self._limit_to_end(missing)
        if lost:
            self._pass(lost, State.LOST)
            self._count(dropped=lost, away=lost if away else 0)

    def _finish(self) -> None:
        self._publish(self._pipelines.finish())
        self._handover.place_outside()
        self._handover.markers.close_all(self._handover.now_s)
        self._publish(self._handover.markers.drain())
        self._publish_anchor()

    def _pass(self, count: int, state: State) -> None:
        """Advance over native samples without sound."""
        self._hear()
        self._notes.interrupt(self._time.seconds(self._position))
        self._publish(self._pipelines.gap(self._position + count, state))
        self._in_time_s = self._time.seconds(self._position)

    def _publish_anchor(self) -> None:
        self._anchor_s = self._handover.status.position_s
        self._publish([self._handover.clock.anchor(self._time.sample(self._position))])

    def _publish(self, records: Sequence[Record]) -> None:
        if not records:  # most blocks end no step, and nobody need wake for that
            return
        handover = self._handover
        stamped = [self._stamp(r) if isinstance(r, Update) else r for r in records]
        updates = sum(isinstance(record, Update) for record in stamped)
        if updates:
            made = handover.status.updates + updates
            handover.status = replace(handover.status, updates=made)
        handover.publish(stamped)

    def _stamp(self, update: Update) -> Update:
        """An update with its latency and its wall clock."""
        clock, sample = self._handover.clock, STEP * (update.step + 1)
        latency_ms = None
        if self._source.info.live and update.state in (State.SPEECH, State.SILENCE):
            latency_ms = 1000.0 * (clock_s() - clock.adc_time(sample))
        return replace(update, latency_ms=latency_ms, wall_clock=clock.wall_clock(sample))

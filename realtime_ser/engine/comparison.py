"""A second model on the sound of a monitor, for comparison: shown, never stored."""

from __future__ import annotations

import threading

from realtime_ser.base.config import GateConfig
from realtime_ser.base.records import STEP, Record, Sound, State, Update
from realtime_ser.base.timebase import TimeBase
from realtime_ser.engine.monitor import Monitor
from realtime_ser.engine.subscription import Subscription
from realtime_ser.recogniser.bundle import Bundle
from realtime_ser.recogniser.pipeline import ChannelPipelines

_CAPACITY = 7500  # records: two minutes of updates and blocks of sound
_GAPS = (State.LOST, State.PAUSED)


class ComparisonModel:
    """Pipelines of a second model on a monitor's sound, in a thread of their own.

    The monitor, which must not have started, does not know of it, so it can neither delay nor
    change what is stored. Its updates lie on the same steps; they have no latency and no wall
    clock.
    """

    def __init__(self, monitor: Monitor, bundle: Bundle, gate: GateConfig) -> None:
        self.bundle = bundle
        rate = monitor.source.info.native_rate
        self._time_base = TimeBase(rate)
        self._pipelines = ChannelPipelines(bundle, gate, monitor.channels, rate)
        self._first_channel = monitor.channels[0]
        self._input = monitor.subscribe(_CAPACITY, sound=True)
        self._output = Subscription(_CAPACITY, blocking=not monitor.source.info.live)
        self._state = State.LOST
        self._thread = threading.Thread(target=self._work, name="second model", daemon=True)

    def start(self) -> None:
        """Begin to process the monitor's sound."""
        self._thread.start()

    def stop(self) -> None:
        """Return when all sound was processed; the monitor must have stopped."""
        self._output.lift_limit()
        if self._thread.is_alive():
            self._thread.join()

    def drain(self) -> list[Record]:
        """Records of the second model since the last call."""
        return self._output.drain()

    def _work(self) -> None:
        try:
            for record in self._input:
                if isinstance(record, Sound):
                    self._process_sound(record)
                elif isinstance(record, Update) and record.state in _GAPS:
                    self._process_gap(record)
            self._output.feed(self._pipelines.finish())
        finally:
            self._input.close()
            self._output.close()

    def _process_sound(self, sound: Sound) -> None:
        if sound.position > self._pipelines.position:
            self._output.feed(self._pipelines.gap(sound.position, self._state))
        # A gap ends on the grid of steps, at most one step after the sound goes on.
        samples = sound.samples[self._pipelines.position - sound.position :]
        if len(samples):
            self._output.feed(self._pipelines.push(samples))

    def _process_gap(self, update: Update) -> None:
        """Advance over lost or paused time, which every channel of the monitor reports."""
        self._state = update.state
        end = self._time_base.native(STEP * (update.step + 1))
        if update.channel == self._first_channel and end > self._pipelines.position:
            self._output.feed(self._pipelines.gap(end, self._state))

"""The live engine: a source, the pipelines of its channels, and subscriptions to the records.

The source owns the capture thread, and the monitor a worker thread; the methods here belong to the
caller. All three meet in :class:`~realtime_ser.engine.handover.Handover`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Self

from realtime_ser.audio.block_queue import BlockQueue
from realtime_ser.audio.source import Source
from realtime_ser.base.config import GateConfig
from realtime_ser.base.errors import SerError
from realtime_ser.base.records import SAMPLE_RATE, Marker, Update
from realtime_ser.engine.handover import Handover, OutsideMarker
from realtime_ser.engine.status import Phase, Status
from realtime_ser.engine.subscription import Subscription
from realtime_ser.engine.worker import Worker
from realtime_ser.recogniser.bundle import Bundle, Decoder
from realtime_ser.recogniser.pipeline import ChannelPipelines

_FILE_BUFFER_S = 1.0  # a file waits for room
_CAPACITY = 7500  # records: ten minutes of one channel


class Monitor:
    """A source that is analysed while it plays: an update for each 80 ms and channel.

    Iterating yields its updates until the source ends or :meth:`stop` is called, and starts it if
    need be; as a context manager it starts and stops.

    Parameters
    ----------
    source
        Microphone or file.
    channels
        Channels of the source to monitor, from 1; each has its own gate and state.
    decoder
        The bundle's decoder; ``None``: over all labels, without a profile.
    buffer_s
        Size of the queue between a microphone and the worker, in seconds.
    voice
        Whether what the voices do is measured.
    """

    def __init__(  # noqa: PLR0913
        self,
        source: Source,
        bundle: Bundle,
        gate: GateConfig | None = None,
        *,
        channels: Sequence[int] = (1,),
        decoder: Decoder | None = None,
        buffer_s: float = 10.0,
        voice: bool = True,
    ) -> None:
        self.source = source
        self.bundle = bundle
        self.decoder = decoder or bundle.decoder()
        self.channels = tuple(channels)
        info, gate = source.info, gate or GateConfig()
        pipelines = ChannelPipelines(
            bundle, gate, channels, info.native_rate, self.decoder, voice=voice
        )
        frames = round((buffer_s if info.live else _FILE_BUFFER_S) * info.native_rate)
        queue = BlockQueue(frames, blocking=not info.live)
        self._handover = Handover(queue, live=info.live)
        self._worker = Worker(source, pipelines, self._handover)
        self._own_subscription: Subscription | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the probabilities, in order."""
        return self.decoder.labels

    @property
    def status(self) -> Status:
        """Status now; any thread may ask."""
        return self._handover.status

    @property
    def now_s(self) -> float:
        """Time of the session now, in seconds; for a file, the end of what was played."""
        return self._handover.now_s

    def subscribe(
        self,
        capacity: int = _CAPACITY,
        *,
        sound: bool = False,
        wake: Callable[[], None] | None = None,
        waited_for: bool = True,
    ) -> Subscription:
        """Queue of all records from now on; before the monitor starts: of the whole session.

        A file waits for room in it, unless it is not to be ``waited_for``; a microphone never does.
        """
        return self._handover.subscribe(capacity, sound=sound, wake=wake, waited_for=waited_for)

    def adc_time(self, time_s: float) -> float:
        """ADC time of a moment of the session, in seconds on the monotonic clock."""
        return self._handover.clock.adc_time(round(time_s * SAMPLE_RATE))

    def wall_clock(self, time_s: float) -> datetime:
        """Local time, with its UTC offset, of a moment of the session in seconds."""
        return self._handover.clock.wall_clock(round(time_s * SAMPLE_RATE))

    def start(self, duration_s: float | None = None) -> None:
        """Open the source and begin; end after ``duration_s`` seconds of the session."""
        handover = self._handover
        handover.clock.start()
        self.source.start(handover.blocks)
        handover.status = replace(handover.status, phase=Phase.LISTENING)
        self._worker.start(duration_s)

    def stop(self) -> None:
        """Stop, and return when the last record was handed over; safe to call twice."""
        self._handover.stop()
        self._worker.join()
        self._handover.close()

    def pause(self) -> None:
        """Stop listening; time goes on."""
        self._handover.blocks.paused = True

    def resume(self) -> None:
        """Listen again."""
        self._handover.blocks.paused = False

    def mark(
        self,
        text: str = "",
        code: str = "",
        duration_s: float = 0.0,
        time_s: float | None = None,
    ) -> Marker:
        """Mark this moment, or the interval of ``duration_s`` seconds that begins now.

        ``time_s``, from :attr:`now_s`, marks a moment that is over.
        """
        marker = self._marker(self.now_s if time_s is None else time_s, text, code, duration_s)
        self._handover.markers.put(marker)
        return marker

    def begin_mark(self, code: str, text: str = "") -> None:
        """Begin an interval; :meth:`end_mark` ends it, and so does the end of the session."""
        self._handover.markers.open(self._marker(self.now_s, text, code))

    def end_mark(self, code: str) -> Marker | None:
        """End the interval that was begun with a code; ``None``: there is none."""
        return self._handover.markers.close(code, self.now_s)

    def mark_from_outside(self, marker: OutsideMarker) -> None:
        """Mark what another program says; its place is known once the clock has settled."""
        self._handover.markers.put_outside(marker)

    def _marker(self, time_s: float, text: str, code: str, duration_s: float = 0.0) -> Marker:
        return Marker(time_s, text, code, duration_s, wall_clock=self.wall_clock(time_s))

    def __enter__(self) -> Self:
        self._own_subscription = self.subscribe()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __iter__(self) -> Iterator[Update]:
        """Updates until the end; :class:`SerError` where the source failed."""
        subscription, self._own_subscription = self._own_subscription or self.subscribe(), None
        try:
            if self.status.phase is Phase.IDLE:
                self.start()
            for record in subscription:
                if isinstance(record, Update):
                    yield record
        finally:
            subscription.close()
        if self.status.phase is Phase.FAILED:
            raise SerError(self.status.error or "The monitor failed.")

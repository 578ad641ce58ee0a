"""What the timeline shows, without Qt: rings of steps, stretches of speech, markers.

Widgets read contiguous slices; nothing is allocated while records arrive.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.records import (
    SILENCE_DBFS,
    STEP_FRAMES,
    STEP_S,
    Estimate,
    Marker,
    Record,
    Segment,
    State,
    Update,
)

#: Codes of a step's state in a ring; ``UNKNOWN`` stands for steps that never arrived.
STATE_CODES: dict[State, int] = {state: code for code, state in enumerate(State)}
UNKNOWN = len(STATE_CODES)

#: Sample magnitude from which a hop counts as clipped.
CLIPPED = 0.999


@dataclass(frozen=True, slots=True)
class StepSlice:
    """A contiguous stretch of steps of one channel; the arrays are views into the rings.

    Attributes
    ----------
    first
        Number of the first step.
    probabilities
        Shape ``(steps, labels)``; NaN outside speech.
    level
        dBFS, shape ``(steps,)``.
    envelope
        Lowest and highest sample of each hop, shape ``(steps, 8, 2)``.
    voiced
        Voiced gate frames of each step, shape ``(steps,)``.
    state
        Codes of :data:`STATE_CODES`, or :data:`UNKNOWN`, shape ``(steps,)``.
    segment
        Number of the speech segment, 0 outside speech, shape ``(steps,)``.
    """

    first: int
    probabilities: NDArray[np.float32]
    level: NDArray[np.float32]
    envelope: NDArray[np.float32]
    voiced: NDArray[np.uint8]
    state: NDArray[np.uint8]
    segment: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.level)

    def runs(self, code: int) -> list[tuple[int, int]]:
        """Stretches of one state as half-open ranges of indices into this slice."""
        in_state = self.state == code
        if not in_state.any():  # most stretches have no gap, and the rest takes ten times as long
            return []
        edges = np.flatnonzero(np.diff(in_state, prepend=False, append=False))
        return [(int(begin), int(end)) for begin, end in zip(edges[::2], edges[1::2], strict=True)]


@dataclass(frozen=True, slots=True)
class LiveSegment:
    """A speech segment on the timeline; ``estimate`` is ``None`` while it is open."""

    number: int
    start_s: float
    end_s: float
    estimate: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """Everything that is known of one step, for reading it off under the pointer."""

    time_s: float
    state: State | None
    probabilities: NDArray[np.float32] | None
    level_dbfs: float
    speech: LiveSegment | None


@dataclass(frozen=True, slots=True)
class NumberedMarker:
    """A marker and its number in the session, from 1."""

    number: int
    marker: Marker

    @property
    def name(self) -> str:
        """What to call it."""
        return self.marker.text or self.marker.code or f"mark {self.number}"

    @property
    def start_s(self) -> float:
        """When it begins, in seconds."""
        return self.marker.time_s

    @property
    def end_s(self) -> float:
        """When it ends, in seconds."""
        return self.marker.time_s + self.marker.duration_s


class ChannelTimeline:
    """The last steps and segments of one channel.

    Parameters
    ----------
    labels
        Number of probabilities of a step.
    capacity
        Steps to keep.

    Notes
    -----
    Each ring is written twice, ``capacity`` apart, so that any stretch is one slice.
    """

    def __init__(self, labels: int, capacity: int) -> None:
        self.capacity = capacity
        self.newest = -1
        self.speech: deque[LiveSegment] = deque()
        self._segment_list: list[LiveSegment] | None = None
        ring_length = 2 * capacity
        self._probabilities = np.full((ring_length, labels), np.nan, np.float32)
        self._level = np.full(ring_length, SILENCE_DBFS, np.float32)
        self._envelope = np.zeros((ring_length, STEP_FRAMES, 2), np.float32)
        self._voiced = np.zeros(ring_length, np.uint8)
        self._state = np.full(ring_length, UNKNOWN, np.uint8)
        self._segment = np.zeros(ring_length, np.int32)

    @property
    def oldest(self) -> int:
        """Number of the oldest step that is kept."""
        return max(0, self.newest - self.capacity + 1)

    def feed(self, update: Update) -> None:
        """Take in the next step; steps that were skipped become unknown."""
        for step in range(max(self.newest + 1, update.step - self.capacity + 1), update.step):
            self._write_step(step, None)
        self._write_step(update.step, update)
        self.newest = max(self.newest, update.step)
        if update.segment is not None:
            self._extend_segment(update.segment, update.time_s)
        self._drop_old()

    def close_segment(self, segment: Segment) -> None:
        """Take in a finished segment: its exact bounds and its result."""
        self._segment_list = None
        done = LiveSegment(segment.number, segment.start_s, segment.end_s, segment.estimate)
        for index in range(len(self.speech) - 1, -1, -1):
            if self.speech[index].number == segment.number:
                self.speech[index] = done
                return
        self.speech.append(done)

    def between(self, start_s: float, end_s: float) -> list[LiveSegment]:
        """Segments that reach into a stretch of time; fast, however many there are."""
        if self._segment_list is None:
            self._segment_list = list(self.speech)
        begin = bisect_left(self._segment_list, start_s, key=lambda item: item.end_s)
        stop = bisect_left(self._segment_list, end_s, lo=begin, key=lambda item: item.start_s)
        return self._segment_list[begin:stop]

    def steps(self, first: int, stop: int) -> StepSlice:
        """Steps ``first`` up to ``stop``, without those that are not kept."""
        first = max(first, self.oldest)
        count = max(0, min(stop, self.newest + 1) - first)
        begin = first % self.capacity
        part = slice(begin, begin + count)
        return StepSlice(
            first,
            self._probabilities[part],
            self._level[part],
            self._envelope[part],
            self._voiced[part],
            self._state[part],
            self._segment[part],
        )

    def segment_start(self, step: int) -> int:
        """First step of the segment that ``step`` belongs to; ``step`` itself outside speech."""
        before = self.steps(self.oldest, step + 1).segment
        if not len(before) or before[-1] == 0:
            return step
        outside = np.flatnonzero(before != before[-1])
        return step + 1 - len(before) + (int(outside[-1]) + 1 if len(outside) else 0)

    def step_at(self, time_s: float) -> Moment | None:
        """The step nearest to a time; ``None`` where nothing is kept."""
        step = round(time_s / STEP_S) - 1
        if not self.oldest <= step <= self.newest:
            return None
        part = self.steps(step, step + 1)
        code, number = int(part.state[0]), int(part.segment[0])
        states = list(State)
        return Moment(
            time_s=STEP_S * (step + 1),
            state=states[code] if code != UNKNOWN else None,
            probabilities=part.probabilities[0].copy() if number else None,
            level_dbfs=float(part.level[0]),
            speech=next(
                (item for item in self.between(time_s - 1, time_s + 1) if item.number == number),
                None,
            ),
        )

    def _write_step(self, step: int, update: Update | None) -> None:
        estimate = update.estimate if update else None
        for index in (step % self.capacity, step % self.capacity + self.capacity):
            self._probabilities[index] = np.nan if estimate is None else estimate.probabilities
            self._level[index] = update.level_dbfs if update else SILENCE_DBFS
            self._envelope[index] = update.envelope if update else 0.0
            self._voiced[index] = update.voiced if update else 0
            self._state[index] = STATE_CODES[update.state] if update else UNKNOWN
            self._segment[index] = (update.segment or 0) if update else 0

    def _extend_segment(self, number: int, time_s: float) -> None:
        self._segment_list = None
        if self.speech and self.speech[-1].number == number:
            if self.speech[-1].estimate is None:
                self.speech[-1] = replace(self.speech[-1], end_s=time_s)
        elif not self.speech or self.speech[-1].number < number:
            self.speech.append(LiveSegment(number, time_s - STEP_S, time_s))

    def _drop_old(self) -> None:
        limit = STEP_S * self.oldest
        while self.speech and self.speech[0].end_s < limit:
            self.speech.popleft()
            self._segment_list = None


class LiveTimeline:
    """All channels of a session, and its markers.

    Parameters
    ----------
    labels
        Labels of the model, in its order.
    channels
        Numbers of the monitored channels, from 1.
    span_s
        Seconds to keep at least.

    Attributes
    ----------
    markers
        Markers within those seconds.
    revision
        Changes with the contents.
    markers_revision
        Changes with the markers.
    """

    def __init__(self, labels: Sequence[str], channels: Iterable[int], span_s: float) -> None:
        self.labels = tuple(labels)
        capacity = math.ceil(span_s / STEP_S) + 2
        self.channels = {number: ChannelTimeline(len(labels), capacity) for number in channels}
        self.markers: deque[NumberedMarker] = deque()
        self.revision = 0
        self.markers_revision = 0
        self._marker_count = 0

    @property
    def end_s(self) -> float:
        """Time of the newest step of any channel, in seconds."""
        return STEP_S * (max(channel.newest for channel in self.channels.values()) + 1)

    def feed(self, records: Iterable[Record]) -> None:
        """Take in records in the order in which they were made."""
        self.revision += 1
        for record in records:
            if isinstance(record, Update):
                self.channels[record.channel].feed(record)
            elif isinstance(record, Segment):
                self.channels[record.channel].close_segment(record)
            elif isinstance(record, Marker):
                self._marker_count += 1
                self.markers_revision += 1
                self.markers.append(NumberedMarker(self._marker_count, record))
        self._drop_old()

    def _drop_old(self) -> None:
        limit = min(STEP_S * channel.oldest for channel in self.channels.values())
        while self.markers and self.markers[0].end_s < limit:
            self.markers.popleft()
            self.markers_revision += 1


def bin_envelope(envelope: NDArray[np.float32], first_hop: int, size: int) -> NDArray[np.float32]:
    """Lowest and highest sample over ``size`` hops at a time.

    Parameters
    ----------
    envelope
        Shape ``(hops, 2)``; its first row is hop number ``first_hop``.
    size
        Hops of a bucket. Buckets lie on multiples of it, whatever the slice, so that a scrolling
        picture does not shimmer.

    Returns
    -------
    Shape ``(buckets, 2)``; the first holds hop ``first_hop``.
    """
    if not len(envelope):
        return envelope
    starts = np.arange(-(first_hop % size), len(envelope), size).clip(min=0)
    low = np.minimum.reduceat(envelope[:, 0], starts)
    high = np.maximum.reduceat(envelope[:, 1], starts)
    return np.stack([low, high], axis=1)

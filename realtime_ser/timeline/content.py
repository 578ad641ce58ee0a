"""Content of a timeline: channels with steps and segments, markers, intervals.

A live session is appended to; a kept session is the same objects with everything in them.
"""

from __future__ import annotations

import functools
import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.memory import without_collection
from realtime_ser.base.records import (
    STEP_S,
    Estimate,
    Marker,
    Record,
    Segment,
    State,
    Update,
    VoiceMeasures,
)
from realtime_ser.base.text import UNNAMED_MARKER, channel_title, one_line
from realtime_ser.session.store import Interval, Reader, SessionInfo
from realtime_ser.session.store.blobs import STATES, moment
from realtime_ser.session.store.voice_blobs import unpack_voice
from realtime_ser.timeline.pyramid import Bins, Pyramid, runs
from realtime_ser.timeline.viewport import Viewport

Annotation: TypeAlias = Marker | Interval


def start_of(value: Annotation) -> float:
    """Start of a marker or interval, in seconds."""
    return value.time_s if isinstance(value, Marker) else value.start_s


def end_of(value: Annotation) -> float:
    """End of a marker or interval, in seconds."""
    return value.time_s + value.duration_s if isinstance(value, Marker) else value.end_s


def annotation_text(value: Annotation, unnamed: str = "unnamed") -> str:
    """Words of a marker or interval, in one line; ``unnamed`` for an interval without any."""
    if isinstance(value, Marker):
        parts, unnamed = (value.code, value.text), UNNAMED_MARKER
    else:
        parts = (value.label, value.text)
    return ": ".join(words for part in parts if (words := one_line(part))) or unnamed


def with_times(value: Annotation, start_s: float, end_s: float) -> Annotation:
    """A marker or interval at another place; its wall clock moves along."""
    if isinstance(value, Interval):
        return replace(value, start_s=start_s, end_s=end_s)
    wall = value.wall_clock
    if wall is not None:
        wall += timedelta(seconds=start_s - value.time_s)
    return replace(value, time_s=start_s, duration_s=end_s - start_s, wall_clock=wall)


@dataclass(frozen=True, slots=True)
class AnnotationItem:
    """A marker or interval and its number, which stays when its value changes."""

    number: int
    value: Annotation


@dataclass(frozen=True, slots=True)
class UnfinishedSegment:
    """A segment without a result: somebody is still speaking. Times in seconds."""

    number: int
    start_s: float
    end_s: float
    estimate: None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """Everything that is known of the step that ends at a time, to be read off under the pointer.

    ``state`` is ``None`` where the step is missing, ``probabilities`` outside speech.
    """

    time_s: float
    state: State | None
    probabilities: NDArray[np.float32] | None
    level_dbfs: float
    speech: Segment | UnfinishedSegment | None
    voice: VoiceMeasures | None = None


@dataclass(frozen=True, slots=True)
class TimeGap:
    """A stretch without sound, in seconds; ``kind`` is a key of ``GAP_WORDS``."""

    start_s: float
    end_s: float
    kind: str


_GAP_KINDS = {State.LOST: "lost", State.PAUSED: "paused"}


_SEGMENT = np.dtype([("start_s", "f8"), ("end_s", "f8"), ("label", "i8"), ("certain", "?")])


def _code(estimate: Estimate, codes: Mapping[str, int]) -> int:
    return codes[estimate.label] if estimate.quality.usable else len(codes)


class ChannelContent:
    """One channel of a session: updates, segments that have ended, and the one that is open."""

    def __init__(
        self, number: int, title: str, pyramid: Pyramid, segments: Iterable[Segment] = ()
    ) -> None:
        self.number = number
        self.title = title
        self.pyramid = pyramid
        self.segments = sorted(segments, key=lambda segment: segment.start_s)
        self.open: UnfinishedSegment | None = None
        self._segment_records: NDArray[np.void] | None = None
        self._bins: tuple[Viewport, Bins] | None = None
        self._gaps: list[TimeGap] | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the probabilities, in order."""
        return self.pyramid.columns.labels

    @property
    def end_s(self) -> float:
        """End of the newest step, in seconds."""
        return STEP_S * (self.pyramid.last_step + 1)

    def feed(self, updates: Sequence[Update]) -> None:
        """Take in the next updates; steps that were left out are missing."""
        self._bins, gaps = None, self._known_gaps()
        expected = self.pyramid.last_step + 1
        for update in updates:
            end_s = STEP_S * (update.step + 1)
            if 0 < expected < update.step:
                gaps.append(TimeGap(STEP_S * expected, STEP_S * update.step, "missing"))
            kind = _GAP_KINDS.get(update.state)
            if kind is not None:
                last = gaps[-1] if gaps else None
                same = last is not None and last.kind == kind and update.step == expected
                if last is not None and same and abs(last.end_s - end_s) < 1.5 * STEP_S:
                    gaps[-1] = replace(last, end_s=end_s)
                else:
                    gaps.append(TimeGap(end_s - STEP_S, end_s, kind))
            expected = update.step + 1
            if update.segment is not None:
                self._extend(update.segment, update.time_s)
        self.pyramid.append(updates)
        oldest_s = STEP_S * self.pyramid.first_step
        del gaps[: bisect_left(gaps, oldest_s, key=lambda gap: gap.end_s)]
        expired = bisect_left(self.segments, oldest_s, key=lambda segment: segment.end_s)
        if expired:
            del self.segments[:expired]
            self._segment_records = None

    def close(self, segment: Segment) -> None:
        """Take in a segment that has ended."""
        self.segments.append(segment)
        self._segment_records = None
        if self.open is not None and self.open.number <= segment.number:
            self.open = None

    def _extend(self, number: int, time_s: float) -> None:
        if self.segments and self.segments[-1].number >= number:
            return  # hang-over of a segment that has ended
        same = self.open is not None and self.open.number == number
        start_s = self.open.start_s if self.open is not None and same else time_s - STEP_S
        self.open = UnfinishedSegment(number, start_s, time_s)

    @property
    def segment_records(self) -> NDArray[np.void]:
        """Segments that have ended: ``start_s``, ``end_s``, index of the ``label``, ``certain``.

        The index of a segment whose sound is not usable is the number of labels.
        """
        if self._segment_records is None:
            codes = {label: code for code, label in enumerate(self.labels)}
            records = self._segment_records = np.empty(len(self.segments), _SEGMENT)
            records["start_s"] = [s.start_s for s in self.segments]
            records["end_s"] = [s.end_s for s in self.segments]
            records["label"] = [_code(s.estimate, codes) for s in self.segments]
            records["certain"] = [s.estimate.certain for s in self.segments]
        return self._segment_records

    def bins(self, viewport: Viewport) -> Bins:
        """Bins of a viewport's columns; read once for all tracks of the channel."""
        read = self._bins
        if read is not None and read[0].s_per_px == viewport.s_per_px:
            first = viewport.first - read[0].first
            if first == 0 and viewport.columns == read[0].columns:
                return read[1]
            if first >= 0 and first + viewport.columns <= read[0].columns:
                return read[1].part(first, first + viewport.columns)
        bins = self.pyramid.read(viewport.edges_s)
        self._bins = viewport, bins
        return bins

    def gaps_between(self, start_s: float, end_s: float) -> list[TimeGap]:
        """Gaps that touch a stretch."""
        gaps = self._known_gaps()
        first = bisect_right(gaps, start_s, key=lambda gap: gap.end_s)
        return gaps[first : bisect_left(gaps, end_s, key=lambda gap: gap.start_s)]

    def _known_gaps(self) -> list[TimeGap]:
        if self._gaps is None:
            self._gaps = _gaps(self.pyramid)
        return self._gaps

    def first_after(self, time_s: float) -> int:
        """Place in :attr:`segments` of the first segment that ends after a time."""
        return bisect_right(self.segments, time_s, key=lambda segment: segment.end_s)

    def segments_between(self, start_s: float, end_s: float) -> list[Segment]:
        """Segments that have ended and touch a stretch."""
        first = self.first_after(start_s)
        stop = bisect_left(self.segments, end_s, lo=first, key=lambda segment: segment.start_s)
        return self.segments[first:stop]

    def segment_at(self, time_s: float) -> Segment | None:
        """The segment that holds a time."""
        place = bisect_right(self.segments, time_s, key=lambda segment: segment.start_s) - 1
        if place >= 0 and time_s < self.segments[place].end_s:
            return self.segments[place]
        return None

    def moment(self, time_s: float) -> Moment | None:
        """Everything that is known of the step that holds a time; ``None`` outside the session."""
        step = math.floor(time_s / STEP_S + 1e-9)
        if not len(self.pyramid) or not self.pyramid.first_step <= step <= self.pyramid.last_step:
            return None
        place = self.pyramid.index_at(time_s)
        if place is None:
            return Moment(STEP_S * (step + 1), None, None, -120.0, None)
        record = self.pyramid.columns.records[place]
        number = int(record["segment"])
        speech: Segment | UnfinishedSegment | None = None
        if number:
            opened = self.open is not None and self.open.number == number
            speech = self.open if opened else self.segment_at(time_s)
        return Moment(
            time_s=STEP_S * (step + 1),
            state=STATES[record["state"]],
            probabilities=record["probabilities"].copy() if number else None,
            level_dbfs=float(record["level_dbfs"]),
            speech=speech,
            voice=next(unpack_voice(self.pyramid.columns.voice[place : place + 1])),
        )

    def wall_clock(self, time_s: float) -> datetime | None:
        """Wall clock of the step that holds a time; ``None`` where none ran."""
        place = self.pyramid.index_at(time_s)
        if place is None:
            return None
        record = self.pyramid.columns.records[place]
        return moment(int(record["wall_us"]), int(record["utc_offset_s"]))


def _gaps(pyramid: Pyramid) -> list[TimeGap]:
    """Gaps of a channel, in order of time."""
    steps, states, found = pyramid.steps, pyramid.columns.state.copy(), []
    for state, kind in _GAP_KINDS.items():
        for begin, end in runs(states == STATES.index(state)):
            found.append(
                TimeGap(STEP_S * int(steps[begin]), STEP_S * int(steps[end - 1] + 1), kind)
            )
    for place in np.flatnonzero(np.diff(steps) > 1):
        end_s = STEP_S * int(steps[place + 1])
        found.append(TimeGap(STEP_S * int(steps[place] + 1), end_s, "missing"))
    return sorted(found, key=lambda gap: gap.start_s)


class LiveContent:
    """The last stretch of a session that goes on.

    At least ``span_s`` seconds are kept, of the channels by their numbers and of the markers, which
    are numbered from 1. ``revision`` changes with the contents.
    """

    def __init__(self, labels: Sequence[str], channels: Sequence[int], span_s: float) -> None:
        self.labels = tuple(labels)
        capacity = math.ceil(span_s / STEP_S) + 2
        self.channels = {
            number: ChannelContent(
                number,
                channel_title(number, {}) if len(channels) > 1 else "speech",
                Pyramid.empty(number, self.labels, capacity),
            )
            for number in channels
        }
        self.markers: list[AnnotationItem] = []
        self.revision = 0
        self._marker_count = 0
        self._span_s = span_s

    @property
    def end_s(self) -> float:
        """Time of the newest step of any channel, in seconds."""
        return max(channel.end_s for channel in self.channels.values())

    def feed(self, records: Iterable[Record]) -> None:
        """Take in records in the order in which they were made."""
        self.revision += 1
        updates: defaultdict[int, list[Update]] = defaultdict(list)
        for record in records:
            if isinstance(record, Update):
                updates[record.channel].append(record)
            elif isinstance(record, Segment):
                channel = self.channels[record.channel]
                channel.feed(updates.pop(record.channel, []))
                channel.close(record)
            elif isinstance(record, Marker):
                self._marker_count += 1
                self.markers.append(AnnotationItem(self._marker_count, record))
        for number, rest in updates.items():
            self.channels[number].feed(rest)
        oldest_s = self.end_s - self._span_s
        while self.markers and end_of(self.markers[0].value) < oldest_s:
            del self.markers[0]


@dataclass(frozen=True)
class Content:
    """A kept session, with its channels by their numbers."""

    info: SessionInfo
    channels: dict[int, ChannelContent]

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the probabilities, in order."""
        return self.info.metadata.labels

    @property
    def duration_s(self) -> float:
        """Time that its updates cover; never 0, so that there is something to look at."""
        return max(self.info.duration_s, STEP_S)

    @functools.cached_property
    def segments(self) -> list[Segment]:
        """Segments of all channels, in order of time."""
        found = [segment for channel in self.channels.values() for segment in channel.segments]
        return sorted(found, key=lambda segment: (segment.start_s, segment.channel))

    @property
    def title(self) -> str:
        """Title, or the number."""
        return self.info.metadata.title or f"Session {self.info.id}"


def load_content(reader: Reader, session_id: str) -> Content:
    """Read a session."""
    with without_collection():
        info = reader.session(session_id)
        channels = {
            channel.number: ChannelContent(
                channel.number,
                info.speaker(channel.number) or "speech",
                Pyramid(reader.columns(session_id, channel.number)),
                reader.segments(session_id, channel.number),
            )
            for channel in info.channels
        }
    return Content(info, channels)


def stored_annotations(reader: Reader, session_id: str) -> list[AnnotationItem]:
    """Markers and intervals of a kept session, in order of time."""
    values: list[Annotation] = [*reader.markers(session_id), *reader.intervals(session_id)]
    values.sort(key=lambda value: (start_of(value), end_of(value)))
    return [AnnotationItem(number, value) for number, value in enumerate(values, 1)]

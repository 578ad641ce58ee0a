"""A kept session as the review shows it: channels, segments, what is known of a moment. No Qt."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.records import STEP_S, Segment
from realtime_ser.base.text import channel_title
from realtime_ser.session.store import Reader, SessionInfo
from realtime_ser.session.store.blobs import STATES, moment
from realtime_ser.timeline.live import LiveSegment, Moment
from realtime_ser.timeline.pyramid import Pyramid


class ChannelContent:
    """One channel of a session.

    Parameters
    ----------
    number, title
        From 1, and what it is called.
    pyramid
        Its updates.
    segments
        Its segments.
    """

    def __init__(self, number: int, title: str, pyramid: Pyramid, segments: list[Segment]) -> None:
        labels = pyramid.columns.labels
        self.number = number
        self.title = title
        self.pyramid = pyramid
        self.segments = sorted(segments, key=lambda segment: segment.start_s)
        self.starts_s = np.array([segment.start_s for segment in self.segments])
        self.ends_s = np.array([segment.end_s for segment in self.segments])
        self.certain = np.array([s.estimate.certain for s in self.segments], np.bool_)
        self.codes = np.array([labels.index(s.estimate.label) for s in self.segments], np.intp)

    def segments_between(self, start_s: float, end_s: float) -> list[Segment]:
        """Segments that touch a stretch."""
        first = int(np.searchsorted(self.ends_s, start_s, "right"))
        return self.segments[first : int(np.searchsorted(self.starts_s, end_s))]

    def segment_at(self, time_s: float) -> Segment | None:
        """The segment that holds a time."""
        place = int(np.searchsorted(self.starts_s, time_s, "right")) - 1
        if place >= 0 and time_s < self.segments[place].end_s:
            return self.segments[place]
        return None

    def moment(self, time_s: float) -> Moment | None:
        """Everything that is known of the step that holds a time."""
        place = self.pyramid.index_at(time_s)
        if place is None:
            return None
        record = self.pyramid.columns.records[place]
        number = int(record["segment"])
        segment = self.segment_at(time_s)
        speech = None
        if segment is not None and number:
            speech = LiveSegment(segment.number, segment.start_s, segment.end_s, segment.estimate)
        return Moment(
            time_s=STEP_S * (int(record["step"]) + 1),
            state=STATES[record["state"]],
            probabilities=record["probabilities"].copy() if number else None,
            level_dbfs=float(record["level_dbfs"]),
            speech=speech,
        )

    def wall_clock(self, time_s: float) -> datetime | None:
        """Wall clock of the step that holds a time; ``None`` where none ran."""
        place = self.pyramid.index_at(time_s)
        if place is None:
            return None
        record = self.pyramid.columns.records[place]
        return moment(int(record["wall_us"]), int(record["utc_offset_s"]))


@dataclass(frozen=True)
class Content:
    """A session.

    Attributes
    ----------
    info
        What is known of it as a whole.
    channels
        Its channels, by their numbers, in the order of the session.
    """

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

    @property
    def segments(self) -> list[Segment]:
        """Segments of all channels, in order of time."""
        found = [segment for channel in self.channels.values() for segment in channel.segments]
        return sorted(found, key=lambda segment: (segment.start_s, segment.channel))

    @property
    def title(self) -> str:
        """What to call it."""
        return self.info.metadata.title or f"Session {self.info.id}"


def load_content(reader: Reader, session_id: str) -> Content:
    """Read a session.

    Raises
    ------
    UsageError
        There is no such session.
    StoreError
        The store cannot be read.
    """
    info = reader.session(session_id)
    segments: defaultdict[int, list[Segment]] = defaultdict(list)
    for segment in reader.segments(session_id):
        segments[segment.channel].append(segment)
    names = info.metadata.names
    several = len(info.channels) > 1
    return Content(
        info,
        {
            channel.number: ChannelContent(
                channel.number,
                channel_title(channel.number, names)
                if several or channel.number in names
                else "speech",
                Pyramid(reader.columns(session_id, channel.number)),
                segments[channel.number],
            )
            for channel in info.channels
        },
    )


def runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Stretches of true values as half-open ranges."""
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]

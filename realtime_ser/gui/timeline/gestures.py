"""Gestures of the left button on the timeline, from press to release."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from PyQt6.QtCore import QPointF, Qt

from realtime_ser.base.records import Marker, Segment
from realtime_ser.gui.timeline.axis import TimeAxis
from realtime_ser.session.store import Interval
from realtime_ser.timeline.content import (
    AnnotationItem,
    ChannelContent,
    end_of,
    start_of,
    with_times,
)
from realtime_ser.timeline.tracks import RulerTrack, TierTrack, Track
from realtime_ser.timeline.viewport import RowRect, Viewport

_CLICK_PX = 4.0
"""The pointer has to go that far before a click becomes a drag."""


@dataclass(frozen=True, slots=True)
class TrackRow:
    """A track, its place, and the channel that it belongs to; ``None``: all of them."""

    track: Track
    place: RowRect
    channel: ChannelContent | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """Track, time and item at a place.

    Attributes
    ----------
    row
        The track; ``None``: below all of them.
    time_s
        The time.
    item
        The marker or interval.
    edge
        Which of its edges is near: ``start``, ``end`` or none.
    segment
        The segment.
    """

    row: TrackRow | None
    time_s: float
    item: AnnotationItem | None = None
    edge: str = ""
    segment: Segment | None = None


class Host(Protocol):
    """Widget that gestures act on."""

    @property
    def axis(self) -> TimeAxis:
        """Time axis with cursor and selection."""

    @property
    def viewport(self) -> Viewport:
        """The visible stretch and its place."""

    def hit(self, at: QPointF) -> Hit:
        """Track, time and item at a place."""

    def select(self, number: int | None, segment: Segment | None = None) -> None:
        """Select a marker or interval, or a segment, or nothing."""


class Gestures:
    """Pans, seeks, selects, draws and moves.

    On the ruler, or with Shift, a drag selects. On a tier a drag from a free place draws an
    interval. A marker or interval is moved, and an interval's edges too. Anywhere else a drag pans,
    and a click puts the cursor there.

    Parameters
    ----------
    host
        What they happen on.

    Attributes
    ----------
    draft
        What a marker or interval would be if the button were let go now; number 0 for a new one.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._pressed_at: QPointF | None = None
        self._hit = Hit(None, 0.0)
        self._left_s = 0.0
        self._dragged = False
        self._selects = False
        self.draft: AnnotationItem | None = None

    @property
    def dragged(self) -> bool:
        """Whether the pointer has moved with the button down."""
        return self._dragged and self._pressed_at is not None

    @property
    def row(self) -> TrackRow | None:
        """Track in which the button went down."""
        return self._hit.row

    def press(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        """The button goes down."""
        host = self._host
        self._pressed_at, self._dragged, self.draft = at, False, None
        self._hit = host.hit(at)
        self._left_s = host.axis.start_s
        on_ruler = self._hit.row is not None and isinstance(self._hit.row.track, RulerTrack)
        shift = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
        self._selects = on_ruler or shift

    def move(self, at: QPointF) -> None:
        """The pointer moves while the button is down."""
        if self._pressed_at is None:
            return
        if not self._dragged and abs(at.x() - self._pressed_at.x()) < _CLICK_PX:
            return
        self._dragged = True
        host, hit = self._host, self._hit
        viewport = host.viewport
        time_s = min(max(0.0, viewport.time(at.x())), host.axis.duration_s)
        track = None if hit.row is None else hit.row.track
        if self._selects:
            host.axis.select(hit.time_s, time_s)
        elif hit.item is not None:
            self.draft = AnnotationItem(hit.item.number, self._dragged_value(hit, time_s))
        elif isinstance(track, TierTrack):
            first, last = sorted((hit.time_s, time_s))
            if last > first:
                value = Interval(track.tier, first, last, "", channel=track.channel)
                self.draft = AnnotationItem(0, value)
        else:
            seconds = (self._pressed_at.x() - at.x()) / viewport.px_per_s
            host.axis.pan(self._left_s + seconds - host.axis.start_s)

    def release(self) -> AnnotationItem | None:
        """The button goes up; what was drawn or moved, if anything was."""
        if self._pressed_at is not None and not self._dragged:
            self._click(self._hit)
        drawn = self.draft
        self._pressed_at = self.draft = None
        return drawn

    def shape(self, at: QPointF) -> Qt.CursorShape:
        """How the pointer looks at a place, so that one knows what a drag would do."""
        hit = self._host.hit(at)
        if hit.edge:
            return Qt.CursorShape.SizeHorCursor
        if hit.item is not None or hit.segment is not None:
            return Qt.CursorShape.PointingHandCursor
        if hit.row is not None and isinstance(hit.row.track, RulerTrack | TierTrack):
            return Qt.CursorShape.IBeamCursor
        return Qt.CursorShape.ArrowCursor

    def _click(self, hit: Hit) -> None:
        host = self._host
        if self._selects and hit.row is not None and isinstance(hit.row.track, RulerTrack):
            host.axis.unselect()
        host.select(None if hit.item is None else hit.item.number, hit.segment)
        if hit.item is not None:
            host.axis.place_cursor(start_of(hit.item.value))
        elif hit.segment is not None:
            host.axis.place_cursor(hit.segment.start_s)
        else:
            host.axis.place_cursor(hit.time_s)

    def _dragged_value(self, hit: Hit, time_s: float) -> Marker | Interval:
        """The item as it is dragged."""
        assert hit.item is not None
        value, length_s = hit.item.value, self._host.axis.duration_s
        start, end = start_of(value), end_of(value)
        if hit.edge == "start":
            return with_times(value, min(time_s, end - _shortest_s(value)), end)
        if hit.edge == "end":
            return with_times(value, start, max(time_s, start + _shortest_s(value)))
        by_s = min(max(time_s - hit.time_s, -start), max(0.0, length_s - end))
        return with_times(value, start + by_s, end + by_s)


def _shortest_s(value: Marker | Interval) -> float:
    """Shortest length of an item: a marker may have none."""
    return 0.0 if isinstance(value, Marker) else 0.01

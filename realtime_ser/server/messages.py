"""Messages to a page: the objects of other programs, with what the page shows on top."""

from __future__ import annotations

from typing import Any, TypeAlias

from realtime_ser.base.records import Marker, Segment, Update
from realtime_ser.base.text import result_text
from realtime_ser.outputs.objects import marker_fields, segment_fields, update_fields

Message: TypeAlias = dict[str, Any]


def update_message(update: Update) -> Message:
    """Result of a step, with its lowest and highest sample and its voiced gate frames."""
    return {
        "type": "update",
        "time_s": round(update.time_s, 2),
        **update_fields(update),
        "low": round(float(update.envelope[:, 0].min()), 3),
        "high": round(float(update.envelope[:, 1].max()), 3),
        "voiced": update.voiced,
    }


def segment_message(segment: Segment) -> Message:
    """Result of a segment, also in words."""
    return {
        "type": "segment",
        **segment_fields(segment),
        "words": result_text(segment.estimate),
    }


def marker_message(marker: Marker) -> Message:
    """A marker."""
    return {"type": "marker", "time_s": round(marker.time_s, 3), **marker_fields(marker)}

"""Messages to a page: records as JSON objects, a ``type`` in each."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from realtime_ser.base.records import Estimate, Marker, Segment, Update
from realtime_ser.base.text import result_text

Message: TypeAlias = dict[str, Any]


def update_message(update: Update) -> Message:
    """Result of a step."""
    return {
        "type": "update",
        "channel": update.channel,
        "time_s": round(update.time_s, 2),
        "state": update.state.value,
        "segment": update.segment,
        **_estimate(update.estimate),
        "level_dbfs": round(update.level_dbfs, 1),
        "low": round(float(update.envelope[:, 0].min()), 3),
        "high": round(float(update.envelope[:, 1].max()), 3),
        "voiced": update.voiced,
        "latency_ms": None if update.latency_ms is None else round(update.latency_ms, 1),
    }


def segment_message(segment: Segment) -> Message:
    """Result of a segment, also in words."""
    return {
        "type": "segment",
        "channel": segment.channel,
        "segment": segment.number,
        "start_s": round(segment.start_s, 2),
        "end_s": round(segment.end_s, 2),
        **_estimate(segment.estimate),
        "words": result_text(segment.estimate),
    }


def marker_message(marker: Marker) -> Message:
    """A marker."""
    return {"type": "marker", "time_s": round(marker.time_s, 3), "text": marker.text}


def _estimate(estimate: Estimate | None) -> Message:
    if estimate is None:
        return {"label": None, "confidence": None, "certain": None, "probabilities": None}
    values = estimate.probabilities.astype(np.float64).round(6).tolist()
    return {
        "label": estimate.label,
        "confidence": round(estimate.confidence, 6),
        "certain": estimate.certain,
        "probabilities": values,
        "quality": estimate.quality.value or None,
    }

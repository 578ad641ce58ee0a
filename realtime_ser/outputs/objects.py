"""JSON objects of a running session, the same over every protocol that carries text.

``live.schema.json`` describes them, and docs/outputs.md for people.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from realtime_ser import __version__
from realtime_ser.base.records import (
    STEP_S,
    Anchor,
    Estimate,
    IntervalOpened,
    Marker,
    Segment,
    Update,
)

if TYPE_CHECKING:
    from realtime_ser.outputs.contract import LiveDescription, LiveEvent, LiveStatus

SCHEMA = "realtime-ser live"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Measure:
    """A number that each update has beside the estimate.

    Attributes
    ----------
    name
        Key of JSON objects, address of OSC, and label of LSL channels.
    unit
        Unit, as LSL and people write it.
    kind
        Kind of the LSL channel.
    read
        Returns the number of an update; ``None``: it has none.
    """

    name: str
    unit: str
    kind: str
    read: Callable[[Update], float | None]


def _voice(name: str) -> Callable[[Update], float | None]:
    return lambda update: None if update.voice is None else getattr(update.voice, name)


MEASURES = (
    Measure("level_dbfs", "dBFS", "Level", lambda update: update.level_dbfs),
    Measure("f0_hz", "Hz", "Voice", _voice("f0_hz")),
    Measure("loudness_lufs", "LUFS", "Voice", _voice("loudness_lufs")),
    Measure("speaking_rate", "1/s", "Voice", _voice("speaking_rate")),
    Measure("pause_share", "share", "Voice", _voice("pause_share")),
    Measure("activation", "normalized", "Voice", _voice("activation")),
)
"""All numbers of an update beside the estimate, in the order of LSL channels: one line each."""


def hello_object(description: LiveDescription) -> dict[str, Any]:
    """First object: what the others mean."""
    source = description.source
    return {
        "type": "hello",
        "schema": SCHEMA,
        "version": VERSION,
        "program": f"realtime-ser {__version__}",
        "session": description.session,
        "labels": list(description.labels),
        "certainty_threshold": description.certainty_threshold,
        "model": asdict(description.model),
        "source": {"name": source.name, "live": source.live, "demo": source.demo},
        "channels": [
            {"number": number, "name": description.names.get(number)}
            for number in description.channels
        ],
        "measures": [{"name": measure.name, "unit": measure.unit} for measure in MEASURES],
        "step_s": STEP_S,
        "clock": {"started": _iso(description.started), "started_s": description.started_s},
    }


def gone_object(session: str) -> dict[str, Any]:
    """Last object where the program could not say how the session ended."""
    return {"type": "gone", "session": session}


def event_kind(event: LiveEvent) -> str:
    """Type of a record's object."""
    content = event.content
    if isinstance(content, Update):
        return "update"
    if isinstance(content, Segment):
        return "segment"
    if isinstance(content, Marker | IntervalOpened):
        return "marker"
    return "clock" if isinstance(content, Anchor) else "status"


def event_object(event: LiveEvent) -> dict[str, Any]:
    """Object of a record."""
    content, fields = event.content, dict[str, Any]()
    if isinstance(content, Update):
        fields = update_fields(content)
    elif isinstance(content, Segment):
        fields = segment_fields(content)
    elif isinstance(content, Marker | IntervalOpened):
        fields = marker_fields(content)
    elif not isinstance(content, Anchor):
        fields = _status_fields(content)
    place = {
        "time_s": round(event.time_s, 4),
        "adc_s": round(event.adc_s, 4),
        "wall_clock": _iso(event.wall_clock),
    }
    return {"type": event_kind(event)} | place | fields


def json_text(fields: Mapping[str, Any]) -> str:
    """An object as one line of ASCII."""
    return json.dumps(fields, separators=(",", ":"), allow_nan=False)


def update_fields(update: Update) -> dict[str, Any]:
    """Properties of a step's object, without its times."""
    measures = {measure.name: _number(measure.read(update), 2) for measure in MEASURES}
    return {
        "channel": update.channel,
        "step": update.step,
        "latency_ms": _number(update.latency_ms, 1),
        "state": update.state.value,
        "segment": update.segment,
        **_estimate_fields(update.estimate),
        **measures,
    }


def segment_fields(segment: Segment) -> dict[str, Any]:
    """Properties of a segment's object, without its times."""
    return {
        "channel": segment.channel,
        "segment": segment.number,
        "start_s": round(segment.start_s, 2),
        "end_s": round(segment.end_s, 2),
        "voiced_s": round(segment.voiced_s, 2),
        **_estimate_fields(segment.estimate),
    }


def _estimate_fields(estimate: Estimate | None) -> dict[str, Any]:
    if estimate is None:
        names = ("label", "confidence", "certain", "probabilities", "quality")
        return dict.fromkeys(names)
    return {
        "label": estimate.label,
        "confidence": round(float(estimate.confidence), 6),
        "certain": bool(estimate.certain),
        "probabilities": estimate.probabilities.astype(np.float64).round(6).tolist(),
        "quality": estimate.quality.value or None,
    }


def marker_fields(content: Marker | IntervalOpened) -> dict[str, Any]:
    """Properties of a marker's object, without its times."""
    marker = content.marker if isinstance(content, IntervalOpened) else content
    return {
        "text": marker.text,
        "code": marker.code,
        "source": marker.source,
        "duration_s": None if isinstance(content, IntervalOpened) else round(marker.duration_s, 3),
    }


def _status_fields(content: LiveStatus) -> dict[str, Any]:
    status = content.status
    return {
        "phase": status.phase.value,
        "overflows": status.overflows,
        "dropped_samples": status.dropped_samples,
        "error": status.error,
        "notice": status.notice,
        "sent": content.sent,
        "dropped": content.dropped,
    }


def _number(value: float | None, digits: int) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), digits)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")

"""A session as one JSON document."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from realtime_ser.base.files import AtomicFiles
from realtime_ser.base.records import Segment
from realtime_ser.session.metadata import anchor_fields
from realtime_ser.session.statistics import labels_by_hand, session_tally
from realtime_ser.session.store import Columns, SessionInfo, Store
from realtime_ser.session.store.blobs import QUALITIES, STATES, moment

FORMAT = "realtime-ser session"
VERSION = 1


def write_document(
    store: Store, info: SessionInfo, to: Path, atomic_files: AtomicFiles, *, frames: bool
) -> None:
    """Write a session with its annotations as one JSON object, UTF-8.

    With ``frames``, the object also holds the updates as columns of each channel, which pandas
    takes as they are; without speech a value is ``null``. No path of this computer is written.
    """
    with atomic_files.begin(to).open("w", encoding="utf-8", newline="\n") as file:
        text = json.dumps(_document(store, info), indent=2, ensure_ascii=False, allow_nan=False)
        if not frames:
            file.write(text + "\n")
            return
        file.write(text.removesuffix("\n}"))
        file.write(',\n  "frames": [')
        for index, channel in enumerate(info.channels):
            file.write(",\n    {" if index else "\n    {")
            columns = store.columns(info.id, channel.number)
            for number, (name, values) in enumerate(_columns(columns)):
                cells = json.dumps(values, ensure_ascii=False, allow_nan=False)
                comma = "," if number else ""
                file.write(f"{comma}\n      {json.dumps(name, ensure_ascii=False)}: {cells}")
            file.write("\n    }")
        file.write("\n  ]\n}\n")


def session_data(store: Store, info: SessionInfo) -> dict[str, Any]:
    """Metadata, segments and annotations of a session, in JSON's types."""
    metadata, study = info.metadata, info.metadata.study
    tally = session_tally(store, info.id)
    return {
        "id": info.id,
        "state": info.state.value,
        "started": metadata.started.isoformat(timespec="milliseconds"),
        "title": metadata.title,
        "source": metadata.source.name,
        "demo": metadata.source.demo,
        "duration_s": round(info.duration_s, 2),
        "speech_s": round(info.speech_s, 2),
        "lost_s": round(sum(channel.lost_s for channel in info.channels), 2),
        "channels": {channel.number: channel.name for channel in info.channels},
        "shares": {name: round(share, 6) for name, share in tally.shares.items()},
        "study": study.name,
        "participant": study.participant,
        "condition": study.condition,
        "consent": _iso_text(study.consent),
        "model": {"name": metadata.model.name, "version": metadata.model.version},
        "profile": (metadata.provenance.get("profile") or {}).get("name"),
        "origin": metadata.origin,
        "notes": [note.text for note in store.notes(info.id)],
        "left_out_s": {quality: round(s, 2) for quality, s in tally.left_out_s.items()},
    }


def _document(store: Store, info: SessionInfo) -> dict[str, Any]:
    session = session_data(store, info)
    del session["notes"]
    labels, corrected = info.metadata.labels, labels_by_hand(store, info.id)
    return {
        "format": FORMAT,
        "version": VERSION,
        "session": session | {"labels": list(labels), "course": asdict(info.health)},
        "segments": [
            _segment(one, labels) | {"corrected": corrected.get((one.channel, one.number))}
            for one in store.segments(info.id)
        ],
        "markers": [
            asdict(marker) | {"wall_clock": _iso_text(marker.wall_clock)}
            for marker in store.markers(info.id)
        ],
        "intervals": [
            {name: value for name, value in asdict(interval).items() if name != "key"}
            for interval in store.intervals(info.id)
        ],
        "notes": [
            {"written": note.written.isoformat(), "text": note.text}
            for note in store.notes(info.id)
        ],
        "anchors": [anchor_fields(anchor) for anchor in store.anchors(info.id)],
        "provenance": dict(info.metadata.provenance),
    }


def _segment(segment: Segment, labels: tuple[str, ...]) -> dict[str, Any]:
    estimate = segment.estimate
    values = estimate.probabilities.astype(np.float64).round(6).tolist()
    return {
        "segment": segment.number,
        "channel": segment.channel,
        "start_s": round(segment.start_s, 2),
        "end_s": round(segment.end_s, 2),
        "voiced_s": round(segment.voiced_s, 2),
        "label": estimate.label,
        "confidence": round(estimate.confidence, 6),
        "certain": estimate.certain,
        "probabilities": dict(zip(labels, values, strict=True)),
        "quality": estimate.quality.value or None,
        "voice": segment.voice and {name: _rounded(n) for name, n in asdict(segment.voice).items()},
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _iso_text(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _columns(columns: Columns) -> Iterator[tuple[str, Any]]:
    """Columns of a channel under the names of the steps table, with the channel's number."""
    yield "channel", columns.channel
    yield "time_s", columns.time_s.round(2).tolist()
    walls = (
        moment(int(wall), int(offset))
        for wall, offset in zip(columns.wall_us, columns.utc_offset_s, strict=True)
    )
    yield "wall_clock", [w and w.isoformat(timespec="milliseconds") for w in walls]
    yield "state", [STATES[state].value for state in columns.state]
    yield "segment", [number or None for number in columns.segment.tolist()]
    yield "label", [columns.labels[n] if n >= 0 else None for n in columns.label.tolist()]
    yield "confidence", _numbers(columns.confidence, 6)
    certain = zip(columns.label.tolist(), columns.certain.tolist(), strict=True)
    yield "certain", [value if label >= 0 else None for label, value in certain]
    for index, label in enumerate(columns.labels):
        yield label, _numbers(columns.probabilities[:, index].astype(np.float64), 6)
    yield "level_dbfs", _numbers(columns.level_dbfs, 1)
    yield "latency_ms", _numbers(columns.latency_ms, 1)
    yield "quality", [QUALITIES[quality].value or None for quality in columns.quality]
    for name in columns.voice.dtype.names or ():
        yield name, _numbers(columns.voice[name].astype(np.float64), 3)


def _numbers(values: np.ndarray[Any, np.dtype[np.float64]], digits: int) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values.round(digits).tolist()]

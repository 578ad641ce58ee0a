"""Trend over the sessions of a participant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from realtime_ser.base.files import AtomicFiles
from realtime_ser.base.labels import LABELS
from realtime_ser.session import csv_rows
from realtime_ser.session.statistics import session_tally
from realtime_ser.session.store import Query, Reader, SessionInfo


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """Summary of a session of a participant.

    Attributes
    ----------
    info
        The session.
    speech_s
        Time of speech in the chosen channel or in all, in seconds.
    segments
        Number of segments.
    shares
        Share of the voiced duration whose segments carry a label; empty without segments.
    certain_share
        Share of the voiced duration whose segments are certain; ``None`` without segments.
    """

    info: SessionInfo
    speech_s: float
    segments: int
    shares: Mapping[str, float]
    certain_share: float | None


def trend(store: Reader, participant: str, channel: str | None = None) -> list[TrendPoint]:
    """Sessions of a participant in order of time; sessions that were heard again are left out.

    ``channel`` is the name of the only channel that counts, and sessions without it are left out;
    ``None``: all channels together.
    """
    points = []
    for info in store.sessions(Query(participant=participant)):
        wanted = [one for one in info.channels if channel in (None, one.name)]
        if info.metadata.origin is None and wanted:
            tally = session_tally(store, info.id, {one.number for one in wanted})
            speech_s = sum(one.speech_s for one in wanted)
            point = TrendPoint(info, speech_s, tally.segments, tally.shares, tally.certain_share)
            points.append(point)
    return points


def channel_names(points: Sequence[TrendPoint]) -> list[str]:
    """Names of the channels of all sessions, in order."""
    return sorted({one.name for point in points for one in point.info.channels if one.name})


def labels_of(points: Sequence[TrendPoint]) -> list[str]:
    """All labels of the sessions' models, in the fixed order."""
    known = {label for point in points for label in point.info.metadata.labels}
    return [*(name for name in LABELS if name in known), *sorted(known - set(LABELS))]


def write_trend(points: Sequence[TrendPoint], to: Path) -> None:
    """Write a row for each session; nothing is replaced.

    Raises
    ------
    OutputError
        The file exists already or cannot be written.
    """
    labels = labels_of(points)
    header = [*HEADER, *(f"share_{label}" for label in labels)]
    with AtomicFiles(to) as drafts:
        rows = [header, *(_trend_row(point, labels) for point in points)]
        csv_rows.write_table(drafts.begin(to), rows)


HEADER = [
    *("session", "began", "title", "study", "participant", "condition"),
    *("duration_s", "speech_s", "segments", "certain_share"),
]
"""Columns of the table; one for the share of each label follows."""


def _trend_row(point: TrendPoint, labels: Sequence[str]) -> list[str]:
    metadata = point.info.metadata
    words = (
        metadata.title,
        metadata.study.name,
        metadata.study.participant,
        metadata.study.condition,
    )
    heard = bool(point.segments)
    return [
        point.info.id,
        metadata.started.isoformat(timespec="seconds"),
        *map(csv_rows.plain_text, words),
        f"{point.info.duration_s:.2f}",
        f"{point.speech_s:.2f}",
        str(point.segments),
        "" if point.certain_share is None else f"{point.certain_share:.6f}",
        *(f"{point.shares.get(label, 0.0):.6f}" if heard else "" for label in labels),
    ]

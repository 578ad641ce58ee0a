"""The tables of a session: steps, segments, what the voice did in them, markers, as CSV rows.

UTF-8, comma-separated, ``.`` decimals whatever the locale, RFC 4180. Outside speech the cells of
segment and estimate are empty.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Protocol

from realtime_ser.base.records import Estimate, Marker, Segment, SegmentVoice, Update, VoiceMeasures


class RowWriter(Protocol):
    """Protocol of the object that :func:`csv.writer` returns."""

    def writerow(self, row: Sequence[Any], /) -> Any:
        """Write one row."""

    def writerows(self, rows: Iterable[Sequence[Any]], /) -> Any:
        """Write several rows."""


def csv_writer(file: IO[str]) -> RowWriter:
    """Writer of RFC 4180 rows into a file that was opened with ``newline=""``."""
    return csv.writer(file, lineterminator="\r\n")


def write_table(path: Path, rows: Iterable[Sequence[str]], *, spreadsheet: bool = False) -> None:
    """Write a table whole; the first row is its header.

    ``spreadsheet`` writes it for a spreadsheet whose locale has a decimal comma: byte-order mark,
    semicolons, and commas in numbers, but not in words that look like one.
    """
    with path.open("w", encoding="utf-8-sig" if spreadsheet else "utf-8", newline="") as file:
        if spreadsheet:
            csv.writer(file, delimiter=";", lineterminator="\r\n").writerows(_decimal_commas(rows))
        else:
            csv_writer(file).writerows(rows)


_WORDS = {
    *("wall_clock", "channel", "state", "label", "quality", "corrected", "code", "text", "source"),
    *("tier", "study", "participant", "condition", "session", "interval"),
}
"""Columns of words, which stay as they are."""

_DECIMAL = re.compile(r"-?\d+\.\d+")


def _decimal_commas(rows: Iterable[Sequence[str]]) -> Iterator[Sequence[str]]:
    rest = iter(rows)
    header = next(rest)
    yield header
    words = [name in _WORDS for name in header]
    for row in rest:
        yield [
            cell if word or not _DECIMAL.fullmatch(cell) else cell.replace(".", ",")
            for cell, word in zip(row, words, strict=True)
        ]


def steps_header(labels: Sequence[str]) -> list[str]:
    """Columns of the steps table."""
    return [
        *("time_s", "wall_clock", "channel", "state", "speech", "segment"),
        *estimate_header(labels),
        *("level_dbfs", "latency_ms", "quality", "corrected"),
        *_MEASURES,
    ]


Names = Mapping[int, str]
"""Names of channels by their numbers."""

NO_NAMES: Names = {}


def steps_row(
    update: Update, labels: Sequence[str], names: Names = NO_NAMES, corrected: str = ""
) -> list[str]:
    """Row of the steps table, which is a step; the channel by its name, if it has one.

    ``corrected`` is the label that a person gave to the step's segment.
    """
    return [
        f"{update.time_s:.2f}",
        _clock(update.wall_clock),
        channel_cell(update.channel, names),
        update.state.value,
        str(int(update.speech)),
        "" if update.segment is None else str(update.segment),
        *estimate_cells(update.estimate, labels),
        f"{update.level_dbfs:.1f}",
        _number(update.latency_ms, 1),
        "" if update.estimate is None else update.estimate.quality.value,
        plain_text(corrected),
        *_measure_cells(update.voice, _MEASURES),
    ]


_MEASURES = {
    "f0_hz": 1,
    "loudness_lufs": 1,
    "speaking_rate": 2,
    "pause_share": 3,
    "activation": 3,
    "hf500_db": 1,
}
"""Columns of what the voice does, and the digits of each."""


def segments_header(labels: Sequence[str]) -> list[str]:
    """Columns of the segments table."""
    place = ("segment", "channel", "start_s", "end_s")
    return [*place, *estimate_header(labels), "quality", "corrected"]


def segments_row(
    segment: Segment, labels: Sequence[str], names: Names = NO_NAMES, corrected: str = ""
) -> list[str]:
    """Row of the segments table; the channel by its name, if it has one.

    ``corrected`` is the label that a person gave to the segment.
    """
    return [
        *_place(segment, names),
        *estimate_cells(segment.estimate, labels),
        segment.estimate.quality.value,
        plain_text(corrected),
    ]


SEGMENT_MEASURES = {
    "f0_hz": 1,
    "f0_range_semitones": 2,
    "loudness_lufs": 1,
    "speaking_rate": 2,
    "pause_share": 3,
    "activation": 3,
}
"""Columns of what the voice did in a stretch, and the digits of each."""

VOICE_HEADER = ["segment", "channel", "start_s", "end_s", *SEGMENT_MEASURES]
"""Columns of the table of what the voice did in each segment."""


def voice_row(segment: Segment, names: Names = NO_NAMES) -> list[str]:
    """Row of the voice table; the channel by its name, if it has one."""
    return [*_place(segment, names), *segment_measure_cells(segment.voice)]


def segment_measure_cells(voice: SegmentVoice | None) -> list[str]:
    """Cells of what the voice did in a stretch; empty where it was not measured."""
    return _measure_cells(voice, SEGMENT_MEASURES)


def _place(segment: Segment, names: Names) -> list[str]:
    times = (f"{segment.start_s:.2f}", f"{segment.end_s:.2f}")
    return [str(segment.number), channel_cell(segment.channel, names), *times]


MARKERS_HEADER = ["time_s", "wall_clock", "duration_s", "code", "text", "source"]
"""Columns of the markers table."""


def markers_row(marker: Marker) -> list[str]:
    """Row of the markers table."""
    return [
        f"{marker.time_s:.3f}",
        _clock(marker.wall_clock),
        f"{marker.duration_s:.3f}",
        *(plain_text(text) for text in (marker.code, marker.text, marker.source)),
    ]


def channel_cell(channel: int, names: Names) -> str:
    """A channel's name, or its number."""
    return plain_text(names[channel]) if channel in names else str(channel)


def plain_text(text: str) -> str:
    """Text that no spreadsheet takes for a formula (OWASP, CSV Injection)."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def estimate_header(labels: Sequence[str]) -> list[str]:
    """Columns of an estimate."""
    return ["label", "confidence", "certain", *labels]


def estimate_cells(estimate: Estimate | None, labels: Sequence[str]) -> list[str]:
    """Cells of an estimate; empty outside speech."""
    if estimate is None:
        return [""] * len(estimate_header(labels))
    return [
        estimate.label,
        f"{estimate.confidence:.6f}",
        str(int(estimate.certain)),
        *(f"{value:.6f}" for value in estimate.probabilities),
    ]


def _measure_cells(
    voice: VoiceMeasures | SegmentVoice | None, digits: Mapping[str, int]
) -> list[str]:
    if voice is None:
        return [""] * len(digits)
    return [_number(getattr(voice, name), count) for name, count in digits.items()]


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _clock(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(timespec="milliseconds")

"""Intervals of recordings as people bring them, and the table of what the analysis says of them."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from realtime_ser.base.errors import SerError, UsageError, reason_text
from realtime_ser.base.files import walk_links
from realtime_ser.base.text import one_line
from realtime_ser.exchange.import_annotations import read_tiers
from realtime_ser.exchange.text_input import check_spans, decoded, lines_of, seconds_of
from realtime_ser.exchange.tiers import AnnotationTier, LabelledSpan
from realtime_ser.session import csv_rows
from realtime_ser.session.analysis.analyzer import Outcome
from realtime_ser.session.analysis.inputs import InputFile, InputList
from realtime_ser.session.analysis.intervals import GivenInterval, IntervalSummary

_TABLES = (".csv", ".tsv")
_ENDINGS = (".textgrid", ".eaf", ".txt", *_TABLES)
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "start": ("start_s", "start", "begin", "onset", "xmin", "tmin"),
    "end": ("end_s", "end", "stop", "offset", "xmax", "tmax"),
    "duration": ("duration_s", "duration"),
    "label": ("label", "text", "annotation", "value", "trial_type", "name"),
    "tier": ("tier",),
}
"""Names that a column may have, whatever their case, the first that is there."""

# ------------------------------------------------------------------------------------------ reading


def read_intervals(path: Path) -> tuple[GivenInterval, ...]:
    """Intervals of a TextGrid, an EAF, a label track of Audacity, ELAN's text, or a table.

    Moments are none, and neither are intervals without a label in a TextGrid. A table has a header,
    a column for the start and one for the end or the duration, in seconds or as on a clock, and
    perhaps a label and a tier.

    Raises
    ------
    SerError
        The file cannot be read, or holds no interval.
    """
    tiers = _read_table(path) if path.suffix.lower() in _TABLES else read_tiers(path)[1]
    found = tuple(
        GivenInterval(tier.name, span.text, span.start_s, span.end_s)
        for tier in tiers
        for span in tier.spans
        if span.end_s > span.start_s
    )
    if not found:
        raise SerError(f"{path} holds no interval: mark some in it, or name another file.")
    return found


def _read_table(path: Path) -> list[AnnotationTier]:
    try:
        spans = list(_table_spans(lines_of(decoded(path.read_bytes()))))
        tiers: defaultdict[str, list[LabelledSpan]] = defaultdict(list)
        for tier, span in spans:
            tiers[tier].append(span)
        for tier, of_tier in tiers.items():
            check_spans(tier, of_tier)
    except OSError as error:
        raise SerError(f"Cannot read {path}: {reason_text(error)}.") from error
    except (ValueError, csv.Error) as error:
        raise SerError(
            f"{path} is not a table of intervals ({error}): give it a header with start, end and "
            "label, and times in seconds."
        ) from error
    return [AnnotationTier(tier, tuple(of_tier)) for tier, of_tier in tiers.items()]


def _table_spans(lines: Sequence[str]) -> Iterator[tuple[str, LabelledSpan]]:
    mark = max("\t;,", key=lines[0].count)
    rows = csv.reader(lines, delimiter=mark)
    header = [name.strip().lower() for name in next(rows, [])]
    places = {
        what: next((header.index(name) for name in names if name in header), None)
        for what, names in _COLUMNS.items()
    }
    if places["start"] is None or (places["end"] is None and places["duration"] is None):
        raise ValueError("no column says where intervals start, or none where they end")
    for number, row in enumerate(rows, 2):
        cells = {
            what: row[place]
            for what, place in places.items()
            if place is not None and place < len(row)
        }
        if any(cell.strip() for cell in row):
            try:
                yield one_line(cells.get("tier", "")), _table_span(cells)
            except (KeyError, ValueError) as error:
                raise ValueError(f"row {number} has no times: {error}") from error


def _table_span(cells: Mapping[str, str]) -> LabelledSpan:
    start_s = seconds_of(cells["start"])
    end_s = seconds_of(cells["end"]) if "end" in cells else start_s + seconds_of(cells["duration"])
    return LabelledSpan(start_s, end_s, one_line(cells.get("label", "")))


# --------------------------------------------------------------------------------- whose they are


def add_intervals(items: InputList, given: Path) -> Sequence[Path]:
    """Give files their intervals; return the files of intervals that belong to none of them.

    ``given`` is the one file's, or a folder with files of the same stems, which may lie in the
    same folders below it.

    Raises
    ------
    UsageError
        One file of intervals is given for several recordings, two belong to one, or none to any.
    """
    if not given.is_dir():
        if len(items) != 1:
            raise UsageError(
                f"{given} holds the intervals of one recording, but there are {len(items)}: name a "
                "folder with a file for each, under the same name."
            )
        items.add_intervals(lambda _: given)
        return ()
    by_stem: defaultdict[str, list[Path]] = defaultdict(list)
    for place, _, names in walk_links(given):
        for name in names:
            below = Path(place, name).relative_to(given)
            if below.suffix.lower() in _ENDINGS and not name.startswith("."):
                by_stem[below.stem].append(below)
    owners: dict[Path, Path] = {}

    def find(item: InputFile) -> Path | None:
        path = _file_of(item.path, by_stem)
        if path is not None and owners.setdefault(path, item.path).parent != item.path.parent:
            raise UsageError(
                f"{given / path} may belong to {owners[path]} and to {item.path}: put files of "
                "intervals into folders that are called as those of the recordings."
            )
        return None if path is None else given / path

    items.add_intervals(find)
    if not owners:
        raise UsageError(
            f"{given} holds no intervals of these recordings: name each file of intervals as its "
            "recording, such as talk.TextGrid for talk.wav."
        )
    left = [one for paths in by_stem.values() for one in paths if one not in owners]
    return [given / one for one in left]


def _file_of(recording: Path, by_stem: Mapping[str, Sequence[Path]]) -> Path | None:
    """The file of a recording's stem whose folders end those of the recording; the deepest."""
    folders = recording.absolute().parent.parts
    fitting = [
        path
        for path in by_stem.get(recording.stem, ())
        if path.parent.parts == folders[len(folders) - len(path.parent.parts) :]
    ]
    deepest = max((len(path.parts) for path in fitting), default=0)
    best = [path for path in fitting if len(path.parts) == deepest]
    if len(best) > 1:
        raise UsageError(
            f"{best[0]} and {best[1]} both hold intervals of {recording.name}: leave one there."
        )
    return best[0] if best else None


# ------------------------------------------------------------------------------------------ writing


def intervals_header(labels: Sequence[str]) -> list[str]:
    """Columns of the table of intervals; ``interval`` is the label that a person gave it."""
    return [
        *("file", "tier", "interval", "start_s", "end_s", "channel", "speech_s"),
        *csv_rows.estimate_header(labels),
        *("certain_share", "left_out_s", "quality"),
        *csv_rows.SEGMENT_MEASURES,
    ]


def intervals_rows(outcome: Outcome, labels: Sequence[str]) -> list[list[str]]:
    """Rows of the table of intervals: an interval and channel each."""
    return [[csv_rows.plain_text(outcome.file), *_cells(one, labels)] for one in outcome.intervals]


def _cells(summary: IntervalSummary, labels: Sequence[str]) -> list[str]:
    given, share = summary.given, summary.certain_share
    return [
        csv_rows.plain_text(given.tier),
        csv_rows.plain_text(given.label),
        f"{given.start_s:.3f}",
        f"{given.end_s:.3f}",
        str(summary.channel),
        f"{summary.speech_s:.2f}",
        *csv_rows.estimate_cells(summary.estimate, labels),
        "" if share is None else f"{share:.6f}",
        f"{summary.left_out_s:.2f}",
        summary.quality.value,
        *csv_rows.segment_measure_cells(summary.voice),
    ]

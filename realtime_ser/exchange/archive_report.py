"""What a whole archive sounds like: shares by folder, speaker and time, as a table and a page."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from pathlib import Path, PurePath
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.errors import UsageError
from realtime_ser.base.files import AtomicFiles
from realtime_ser.base.labels import label_shares
from realtime_ser.base.text import certain_text, count_text, length_text, percent_text
from realtime_ser.exchange.html_report import LIMITS, REPORT_STYLE
from realtime_ser.session import csv_rows
from realtime_ser.session.analysis.analyzer import Outcome, SpeechSummary
from realtime_ser.session.analysis.done_list import written_lists
from realtime_ser.session.analysis.outcome_json import read_outcome

TABLE, PAGE = "report.csv", "report.html"

Period: TypeAlias = Literal["day", "month", "year"]

ALL, FOLDER, TIME = "all", "folder", "time"

HEADER = [
    *("group", "value", "label", "share", "mean_probability", "voiced_s", "certain_share"),
    *("speech_s", "left_out_s", "duration_s", "files", "failed"),
]
"""Columns of the table: a row for each group, value and label."""

_DATE_PARTS = ("year", "month", "day")
_MOST_ROWS = 200  # of a table of the page


@dataclass(slots=True)
class GroupTally:
    """Sums over the files of a group, weighted by voiced duration, in seconds.

    Attributes
    ----------
    files, failed
        Number of files, and of those that could not be analysed.
    duration_s, speech_s, left_out_s
        Length of the files, speech in them, and speech whose sound is not usable.
    voiced_s
        Voiced duration that counts in the shares.
    """

    files: int = 0
    failed: int = 0
    duration_s: float = 0.0
    speech_s: float = 0.0
    left_out_s: float = 0.0
    voiced_s: float = 0.0
    _certain_s: float = 0.0
    _by_label: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    _weighted: NDArray[np.float64] | None = None

    def feed(self, outcome: Outcome) -> None:
        """Take the next file."""
        self.files += 1
        self.failed += outcome.error is not None
        self.duration_s += outcome.duration_s or 0.0
        if outcome.speech is not None:
            self._add(outcome.speech)

    def _add(self, speech: SpeechSummary) -> None:
        self.speech_s += speech.speech_s
        self.left_out_s += sum(speech.left_out_s.values())
        if speech.estimate is None:
            return
        self.voiced_s += speech.voiced_s
        self._certain_s += speech.voiced_s * (speech.certain_share or 0.0)
        for label, share in speech.shares.items():
            self._by_label[label] += speech.voiced_s * share
        weighted = speech.voiced_s * speech.estimate.probabilities.astype(np.float64)
        self._weighted = weighted if self._weighted is None else self._weighted + weighted

    @property
    def shares(self) -> dict[str, float]:
        """Share of the voiced duration whose segments carry a label, the largest first."""
        return label_shares(self._by_label)

    @property
    def certain_share(self) -> float | None:
        """Share of the voiced duration that is certain; ``None``: nothing counts."""
        return self._certain_s / self.voiced_s if self.voiced_s else None

    def rows(self, labels: Sequence[str]) -> Iterator[list[str]]:
        """Cells of each label behind the group's name."""
        counted, shares = self.certain_share, self.shares
        sums = (self.speech_s, self.left_out_s, self.duration_s)
        for index, label in enumerate(labels):
            mean = None if self._weighted is None else self._weighted[index] / self.voiced_s
            yield [
                label,
                "" if counted is None else f"{shares.get(label, 0.0):.6f}",
                "" if mean is None else f"{mean:.6f}",
                f"{self.voiced_s:.2f}",
                "" if counted is None else f"{counted:.6f}",
                *(f"{seconds:.2f}" for seconds in sums),
                str(self.files),
                str(self.failed),
            ]


Groups: TypeAlias = dict[str, dict[str, GroupTally]]
"""Sums by the name of the grouping and by its value."""


class PathPattern:
    """Pattern on the paths of files, whose named groups say to what a file belongs.

    ``year``, ``month`` and ``day`` are its time; each other name, such as ``speaker``, is a
    grouping of its own.

    Raises
    ------
    UsageError
        The pattern is none, or names no group.
    """

    def __init__(self, text: str | None, period: Period) -> None:
        self._length = 1 + ("year", "month", "day").index(period)
        try:
            self._pattern = None if text is None else re.compile(text)
        except re.error as error:
            raise UsageError(f"'{text}' is no pattern ({error}): see Python's re.") from error
        if self._pattern is not None and not self._pattern.groupindex:
            raise UsageError(
                f"'{text}' names no group: write (?P<speaker>...) around what tells the speaker."
            )
        self.unmatched = 0

    def groups(self, path: str, changed_ns: int) -> dict[str, str]:
        """Value of each grouping for a file; its time is by its path, or else of its change."""
        found: Mapping[str, str | None] = {}
        if self._pattern is not None:
            match = self._pattern.search(path)
            self.unmatched += match is None
            found = {} if match is None else match.groupdict()
        date = [str(found[part]) for part in _DATE_PARTS if found.get(part)]
        if not date:
            moment = datetime.fromtimestamp(max(0, changed_ns) / 1e9, UTC)
            date = moment.strftime("%Y-%m-%d").split("-")
        others = {name: value for name, value in found.items() if name not in _DATE_PARTS and value}
        return {**others, TIME: "-".join(date[: self._length])}


def report_archive(out: Path, pattern: PathPattern) -> tuple[Groups, tuple[str, ...]]:
    """Sums of the archive whose results a folder holds, and the labels.

    Raises
    ------
    UsageError
        The folder holds no list of what is done.
    """
    groups: Groups = defaultdict(lambda: defaultdict(GroupTally))
    with written_lists(out, "a folder") as lists:
        for line in lists.lines():
            outcome = read_outcome(line["outcome"])
            for name, value in _groups_of(line, pattern).items():
                groups[name][value].feed(outcome)
    return groups, next(reversed(lists.runs.values())).labels


def _groups_of(line: Mapping[str, Any], pattern: PathPattern) -> dict[str, str]:
    folder = str(PurePath(line["name"] or "").parent)
    return {ALL: "", FOLDER: folder, **pattern.groups(line["path"], line["mtime_ns"])}


def write_report(out: Path, groups: Groups, labels: Sequence[str]) -> list[Path]:
    """Write the table and the page; those of an earlier report are replaced.

    Raises
    ------
    OutputError
        The disk refuses.
    """
    with AtomicFiles(out / TABLE, overwrite=True) as drafts:
        csv_rows.write_table(drafts.begin(out / TABLE), _table(groups, labels))
        drafts.write(out / PAGE, report_page(groups))
        return drafts.paths


def _table(groups: Groups, labels: Sequence[str]) -> Iterator[list[str]]:
    yield HEADER
    for name, values in groups.items():
        for value in sorted(values):
            for row in values[value].rows(labels):
                yield [csv_rows.plain_text(name), csv_rows.plain_text(value), *row]


# --------------------------------------------------------------------------------------------- page


def report_page(groups: Groups) -> str:
    """The report as a page of HTML that needs no other file."""
    whole = groups[ALL][""]
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Archive</title><style>{REPORT_STYLE}</style></head>",
        f"<body><h1>{count_text(whole.files, 'recording')}</h1>",
        f"<p>{escape(tally_text(whole))}</p>",
        *(
            part
            for name, values in groups.items()
            if name != ALL
            for part in _section(name, values)
        ),
        f'<p class="limits"><strong>Limits of use.</strong> {escape(LIMITS)}</p>',
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def tally_text(tally: GroupTally) -> str:
    """What a group of files sounds like, in words."""
    parts = [
        f"{length_text(tally.duration_s)} of sound",
        f"{length_text(tally.speech_s)} of speech",
    ]
    parts += [f"{label} {percent_text(share)}" for label, share in tally.shares.items()]
    if tally.certain_share is not None:
        parts.append(certain_text(tally.certain_share))
    if tally.failed:
        parts.append(f"{count_text(tally.failed, 'file')} could not be analysed")
    return ", ".join(parts)


def _section(name: str, values: Mapping[str, GroupTally]) -> Iterator[str]:
    heads = (name, "files", "speech", "shares", "certain")
    yield f"<h2>By {escape(name)}</h2><table><thead><tr>"
    yield "".join(f"<th>{escape(head)}</th>" for head in heads) + "</tr></thead>"
    for value in sorted(values)[:_MOST_ROWS]:
        yield _row(value, values[value])
    yield "</table>"
    if len(values) > _MOST_ROWS:
        yield f"<p>The first {_MOST_ROWS} of {len(values):,}; all are in {TABLE}.</p>"


def _row(value: str, tally: GroupTally) -> str:
    shares = ", ".join(f"{label} {percent_text(share)}" for label, share in tally.shares.items())
    certain = "" if tally.certain_share is None else percent_text(tally.certain_share)
    cells = (value, f"{tally.files:,}", length_text(tally.speech_s), shares, certain)
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"

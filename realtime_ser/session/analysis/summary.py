"""The summary: a row a file, as CSV or as a table to read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO

from rich.table import Table

from realtime_ser.base.errors import OutputError
from realtime_ser.base.text import result_text
from realtime_ser.session import csv_rows
from realtime_ser.session.analysis.analyzer import Outcome


def header(labels: Sequence[str]) -> list[str]:
    """Columns of the summary."""
    return ["file", "duration_s", "speech_s", *csv_rows.estimate_header(labels), "note", "error"]


def row(outcome: Outcome, labels: Sequence[str]) -> list[str]:
    """Row of the summary: one file."""
    return [
        csv_rows.plain_text(outcome.file),
        "" if outcome.duration_s is None else f"{outcome.duration_s:.3f}",
        "" if outcome.speech_s is None else f"{outcome.speech_s:.2f}",
        *csv_rows.estimate_cells(outcome.estimate, labels),
        csv_rows.plain_text("; ".join(note.text for note in outcome.notes)),
        csv_rows.plain_text(outcome.error or ""),
    ]


class SummaryRows:
    """The summary as CSV; each row is on its way when it is written.

    Parameters
    ----------
    writer, file
        Writes rows into the file.
    """

    def __init__(self, writer: csv_rows.RowWriter, labels: Sequence[str], file: IO[str]) -> None:
        self._file = file
        self._labels = labels
        self._writer = writer
        self._writer.writerow(header(labels))

    def feed(self, outcome: Outcome) -> None:
        """Write a row."""
        self._writer.writerow(row(outcome, self._labels))
        self._file.flush()


def check_replaceable(path: Path) -> None:
    """Make sure that no file is replaced which is not a summary.

    Raises
    ------
    OutputError
        There is one.
    """
    if not path.exists():
        return
    try:
        first = path.read_text(encoding="utf-8", errors="replace").partition("\n")[0]
    except OSError:
        first = ""
    if not first.startswith(",".join(header([])[:4])):
        raise OutputError(
            f"{path} exists already and is not the summary of an analysis: choose another folder "
            "with --out."
        )


def table(outcomes: Sequence[Outcome]) -> Table:
    """A table to read on a terminal."""
    grid = Table(box=None, pad_edge=False, header_style="bold")
    grid.add_column("file", overflow="fold")
    for name in ("duration", "speech"):
        grid.add_column(name, justify="right", no_wrap=True)
    grid.add_column("result", overflow="fold")
    for outcome in outcomes:
        grid.add_row(
            outcome.file,
            "" if outcome.duration_s is None else f"{outcome.duration_s:.1f} s",
            "" if outcome.speech_s is None else f"{outcome.speech_s:.1f} s",
            _result(outcome),
        )
    return grid


def _result(outcome: Outcome) -> str:
    estimate = outcome.estimate
    if outcome.error is not None:
        return f"[bold]failed:[/] {outcome.error}"
    result = "no speech"
    if estimate is not None:
        result = result_text(estimate.label, estimate.confidence, certain=estimate.certain)
    return "; ".join([result, *(note.text for note in outcome.notes)])

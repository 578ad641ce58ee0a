"""Runs an analysis: progress on the way, a summary at the end."""

from __future__ import annotations

import csv
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from realtime_ser.base.errors import SerError
from realtime_ser.session import csv_rows
from realtime_ser.session.analysis import summary
from realtime_ser.session.analysis.analyzer import AnalysisSettings, Analyzer, Outcome
from realtime_ser.session.analysis.inputs import InputFile, find_inputs
from realtime_ser.session.analysis.processes import (
    ProgressCallback,
    analyze_here,
    analyze_in_processes,
    processes_for,
)
from realtime_ser.session.analysis.results import cannot_write
from realtime_ser.session.analysis.saving import SUMMARY

_REFRESH_S = 0.2


class SummarySink(Protocol):
    """Takes the summary's rows."""

    def feed(self, outcome: Outcome) -> None:
        """Take a row."""


def analyze(
    paths: Sequence[Path], settings: AnalysisSettings, *, out: Path | None, jobs: int | None
) -> None:
    """Analyse files and folders.

    Parameters
    ----------
    paths
        Files and folders.
    settings
        What is the same for all of them.
    out
        Where the results go; without it the summary is printed.
    jobs
        Processes; ``None`` for as many as are worth their start, at most one a processor.

    Raises
    ------
    SerError
        The model cannot be used, the results cannot be written, or some files failed; the others
        are done.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    analyzer = Analyzer(settings)
    items = find_inputs(paths, out)
    failed: list[Outcome] = []
    silent: list[Outcome] = []
    with _sink(out, analyzer.labels) as sink, _progress(items) as report_progress:
        count = processes_for(items, jobs)
        outcomes = (
            analyze_here(items, analyzer, report_progress)
            if count == 1
            else analyze_in_processes(items, settings, count, report_progress)
        )
        for outcome in outcomes:
            sink.feed(outcome)
            if outcome.error is not None:
                failed.append(outcome)
            elif outcome.estimate is None:
                silent.append(outcome)
    _print_totals(len(items), failed, silent)


def _print_totals(total: int, failed: Sequence[Outcome], silent: Sequence[Outcome]) -> None:
    if silent:
        where = silent[0].file if len(silent) == 1 else f"{len(silent)} of {total} files"
        print(f"No speech was found in {where}: no probabilities are given.", file=sys.stderr)
    if len(failed) == 1:
        raise SerError(failed[0].error or "")
    if failed:
        raise SerError(
            f"{len(failed)} of {total} files could not be analysed: the last column tells why, the "
            f"first is {failed[0].file}."
        )


@contextmanager
def _sink(out: Path | None, labels: Sequence[str]) -> Iterator[SummarySink]:
    """Where the summary goes: a file, a table on the terminal, or CSV into a pipe."""
    if out is None and sys.stdout.isatty():
        printed = _PrintedSummary()
        try:
            yield printed
        finally:
            Console().print(summary.table(printed.outcomes))
    elif out is None:
        yield summary.SummaryRows(csv.writer(sys.stdout, lineterminator="\n"), labels, sys.stdout)
    else:
        path = out / SUMMARY
        summary.check_replaceable(path)
        try:
            out.mkdir(parents=True, exist_ok=True)
            with path.open("w", encoding="utf-8", newline="") as file:
                yield summary.SummaryRows(csv_rows.csv_writer(file), labels, file)
        except OSError as error:
            raise cannot_write(path, error) from error
        finally:
            if path.exists():
                print(path.resolve())


class _PrintedSummary:
    """Keeps the rows until there is a table to print."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def feed(self, outcome: Outcome) -> None:
        """Take a row."""
        self.outcomes.append(outcome)


@contextmanager
def _progress(items: Sequence[InputFile]) -> Iterator[ProgressCallback]:
    """A bar on standard error, by bytes, with the time that is left."""
    console = Console(stderr=True)
    sizes = [item.size for item in items]
    bar = Progress(
        TextColumn("{task.fields[files]} of {task.fields[total_files]} files"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task("", total=sum(sizes), files=0, total_files=len(items))
        shown_s = 0.0

        def report_progress(shares: Sequence[float]) -> None:
            nonlocal shown_s
            now_s = time.monotonic()
            if bar.disable or now_s - shown_s < _REFRESH_S:
                return
            shown_s = now_s
            done = sum(share * size for share, size in zip(shares, sizes, strict=True))
            bar.update(task, completed=done, files=sum(share >= 1.0 for share in shares))

        yield report_progress

"""What a person is shown of an analysis: its progress, a table, and sentences at the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from realtime_ser.base.errors import SerError
from realtime_ser.base.text import printable
from realtime_ser.commands.plain_output import drawing_stream, visible
from realtime_ser.commands.shared import progress_bar

if TYPE_CHECKING:
    from rich.progress import Progress
    from rich.table import Table

    from realtime_ser.exchange.analysis_tables import OutcomeTable
    from realtime_ser.session.analysis.analyzer import Outcome, SpeechSummary
    from realtime_ser.session.analysis.archive import ArchiveRun
    from realtime_ser.session.analysis.inputs import InputFile
    from realtime_ser.session.analysis.processes import ProgressCallback, WatchCallback

_REFRESH_S = 0.2
_LOGGED_S = 60.0

_LISTED = 20
"""Files of a kind that are named at the end; all are in the summary."""


def say(sentence: str) -> None:
    """Say a sentence on standard error."""
    print(printable(sentence), file=sys.stderr)


class AnalysisTotals:
    """What is said of all files at the end, in constant memory."""

    def __init__(self) -> None:
        self._total = 0
        self._silent = 0
        self._noted = 0
        self._failed = 0
        self._first_silent = ""
        self._first_noted: Outcome | None = None
        self._first_failed: Outcome | None = None
        self._without_result: list[str] = []
        self._more_without_result = 0
        self._failures: list[str] = []

    def feed(self, outcome: Outcome) -> None:
        """Take the next outcome."""
        from realtime_ser.base.text import left_out_text

        self._total += 1
        speech = outcome.speech
        if outcome.error is not None:
            self._failed += 1
            self._first_failed = self._first_failed or outcome
            if self._failed <= _LISTED:
                self._failures.append(outcome.error)
        elif speech is None or not speech.segments:
            self._silent += 1
            self._first_silent = self._first_silent or outcome.file
        elif speech.estimate is None:
            if len(self._without_result) < _LISTED:
                words = left_out_text(speech.left_out_s)
                self._without_result.append(f"No result is given for {outcome.file}: {words}.")
            else:
                self._more_without_result += 1
        if outcome.notes:
            self._noted += 1
            self._first_noted = self._first_noted or outcome

    def tell(self) -> None:
        """Say what there is to say; what failed is an error.

        Raises
        ------
        SerError
            Files could not be analysed, or the only one lacks sound.
        """
        if self._silent:
            one = self._silent == 1
            where = self._first_silent if one else f"{self._silent} of {self._total} files"
            say(f"No speech was found in {where}: no probabilities are given.")
        for sentence in self._without_result:
            say(sentence)
        if self._more_without_result:
            words = f"{self._more_without_result} files more"
            say(f"No result is given for {words}: the columns left_out_s and quality tell why.")
        self._tell_notes()
        self._tell_failures()

    def _tell_notes(self) -> None:
        first = self._first_noted
        if first is None:
            return
        if self._noted > 1:
            say(
                f"{self._noted} of {self._total} files are not as they should be: the column note "
                f"tells what, the first is {first.file}."
            )
            return
        sentences = [note.sentence(first.file) for note in first.notes]
        if self._total == 1 and any(note.lacks_sound for note in first.notes):
            raise SerError(" ".join(sentences))
        for sentence in sentences:
            say(sentence)

    def _tell_failures(self) -> None:
        first = self._first_failed
        if first is None:
            return
        if self._failed == 1:
            raise SerError(first.error or "")
        for sentence in self._failures:
            say(sentence)
        more = self._failed - len(self._failures)
        unnamed = f", {more} of them not named here" if more else ""
        raise SerError(
            f"{self._failed} of {self._total} files could not be analysed{unnamed}: the column "
            f"error tells why, the first is {first.file}."
        )


@contextmanager
def printed(table: OutcomeTable, labels: Sequence[str]) -> Iterator[Callable[[Outcome], None]]:
    """Consumer of outcomes that draws a table on the terminal, or writes CSV into a pipe."""
    from rich.console import Console

    from realtime_ser.exchange.analysis_tables import SUMMARY

    if not sys.stdout.isatty():
        yield table.writer(drawing_stream(sys.stdout), labels, line_end="\n")
        return
    outcomes: list[Outcome] = []
    draw = _table if table is SUMMARY else _interval_table
    try:
        yield outcomes.append
    finally:
        Console(file=drawing_stream(sys.stdout)).print(draw(outcomes))


def _interval_table(outcomes: Sequence[Outcome]) -> Table:
    """The intervals to read on a terminal."""
    from rich.markup import escape
    from rich.table import Table

    from realtime_ser.base.text import exact_clock, result_text

    grid = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("file", "tier", "interval"):
        grid.add_column(name, overflow="fold")
    for name in ("from", "to", "channel", "speech"):
        grid.add_column(name, justify="right", no_wrap=True)
    grid.add_column("result", overflow="fold")
    for outcome in outcomes:
        if outcome.error is not None:
            grid.add_row(escape(visible(outcome.file)), *[""] * 6, _result(outcome))
        for one in outcome.intervals:
            grid.add_row(
                *(
                    escape(visible(text))
                    for text in (outcome.file, one.given.tier, one.given.label)
                ),
                *(exact_clock(one.given.start_s), exact_clock(one.given.end_s)),
                *(str(one.channel), f"{one.speech_s:.1f} s"),
                "no speech" if one.estimate is None else result_text(one.estimate),
            )
    return grid


def _table(outcomes: Sequence[Outcome]) -> Table:
    """A table to read on a terminal."""
    from rich.markup import escape
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, header_style="bold")
    grid.add_column("file", overflow="fold")
    for name in ("duration", "speech"):
        grid.add_column(name, justify="right", no_wrap=True)
    grid.add_column("result", overflow="fold")
    for outcome in outcomes:
        grid.add_row(
            escape(visible(outcome.file)),
            "" if outcome.duration_s is None else f"{outcome.duration_s:.1f} s",
            "" if outcome.speech is None else f"{outcome.speech.speech_s:.1f} s",
            _result(outcome),
        )
    return grid


def _result(outcome: Outcome) -> str:
    from rich.markup import escape

    from realtime_ser.base.text import in_no_share_text, result_text

    if outcome.error is not None:
        return f"[bold]failed:[/] {escape(visible(outcome.error))}"

    def words(speech: SpeechSummary | None) -> str:
        if speech is None or not speech.segments:
            return "no speech"
        parts = [] if speech.estimate is None else [result_text(speech.estimate)]
        if speech.left_out_s:
            parts.append(in_no_share_text(speech.left_out_s))
        return ", ".join(parts)

    results = [f"channel {number}: {words(one)}" for number, one in outcome.channels.items()]
    notes = [note.text for note in outcome.notes]
    return "; ".join([*(results or [words(outcome.speech)]), *notes])


@contextmanager
def archive_progress(run: ArchiveRun) -> Iterator[WatchCallback]:
    """A bar on standard error, or a line each minute where nobody sees it."""
    from realtime_ser.base.text import length_text

    progress = run.progress
    began_s = shown_s = time.monotonic()
    with _estimating_bar("{task.fields[words]}") as bar:
        total, found = progress.total_bytes, progress.found_bytes
        task = bar.add_task("", total=total, completed=found, words=progress.words)

        def watch(shares: Mapping[int, float]) -> None:
            nonlocal shown_s
            now_s = time.monotonic()
            if now_s - shown_s < (_LOGGED_S if bar.disable else _REFRESH_S):
                return
            shown_s = now_s
            done = progress.bytes + run.under_way_bytes(shares)
            bar.update(task, completed=done, words=progress.words)
            if bar.disable and done > found:
                left_s = (now_s - began_s) * (total - done) / (done - found)
                say(f"{progress.words}, {length_text(left_s)} left")

        yield watch


@contextmanager
def files_progress(items: Sequence[InputFile]) -> Iterator[ProgressCallback]:
    """A bar on standard error, by bytes, with the time that is left."""
    sizes = [item.size for item in items]
    with _estimating_bar("{task.fields[files]} of {task.fields[total_files]} files") as bar:
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


def _estimating_bar(words: str) -> Progress:
    """A bar on standard error behind some words, with the time that is left."""
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

    return progress_bar(TextColumn(words), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())

"""``realtime-ser analyze``: progress on the way, a summary at the end."""

from __future__ import annotations

import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from realtime_ser.base.errors import SerError, UsageError
from realtime_ser.base.text import printable
from realtime_ser.commands.plain_output import drawing_stream, visible
from realtime_ser.commands.shared import (
    FILE,
    Command,
    channels,
    model_setting,
    names,
    pass_config,
    profile_setting,
    progress_bar,
    setting,
)

if TYPE_CHECKING:
    from rich.table import Table

    from realtime_ser.base.config import Config
    from realtime_ser.exchange.analysis_tables import OutcomeTable
    from realtime_ser.session.analysis.analyzer import AnalysisSettings, Outcome, SpeechSummary
    from realtime_ser.session.analysis.inputs import InputFile
    from realtime_ser.session.analysis.processes import ProgressCallback
    from realtime_ser.session.store import SessionInfo, Store

_REFRESH_S = 0.2

STDIN, STDIN_NAME = Path("-"), "stdin"
"""Standard input on the command line, and in results."""


def _jobs(text: str) -> int:
    jobs = int(text) if text.isdecimal() else 0
    if jobs < 1:
        raise click.BadParameter(f"'{text}' must be a number of processes from 1.")
    return jobs


@click.command(cls=Command)
@click.argument("paths", nargs=-1, required=True, type=FILE, metavar="PATH...")
@click.option(
    "--out", type=FILE, metavar="DIR", help="Where to write; without it a table is printed."
)
@click.option("--plot", is_flag=True, help="Draw each file's timeline too, as PNG.")
@click.option(
    "--jobs", type=_jobs, metavar="N", help="Processes (default: as many as are worth it)."
)
@click.option(
    "--intervals",
    type=FILE,
    metavar="FILE",
    help="Intervals of yours (.TextGrid, .eaf, .txt, .csv), or a folder with a file for each "
    "recording: a row for each of them.",
)
@setting("audio.channels", "--channels", "1,2", "Channels to analyse (default: 1).", channels)
@click.option("--classes", type=names, metavar="a,b,c", help="Restrict to these labels.")
@profile_setting
@model_setting
@pass_config
def analyze(
    config: Config,
    *,
    paths: Sequence[Path],
    out: Path | None,
    plot: bool,
    jobs: int | None,
    intervals: Path | None,
    classes: Sequence[str] | None,
) -> None:
    """Analyse audio files and folders.

    PATH is an audio file, a folder with such files, or '-' for a file on standard input.
    """
    import tempfile

    from realtime_ser.exchange.analysis_tables import INTERVALS, SUMMARY, export_analysis
    from realtime_ser.exchange.interval_tables import read_intervals
    from realtime_ser.session.analysis.analyzer import AnalysisSettings
    from realtime_ser.session.analysis.inputs import find_inputs

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if plot and out is None:
        raise UsageError("--plot needs a folder for its pictures: add --out DIR.")
    export = partial(export_analysis, draw=draw_file if plot else None)
    with tempfile.TemporaryDirectory(prefix="realtime-ser-") as folder:
        settings = AnalysisSettings(
            config, Path(folder), tuple(classes or ()), export, read_intervals=read_intervals
        )
        piped = _keep_input(Path(folder)) if STDIN in paths else STDIN
        given = [piped if path == STDIN else path for path in paths]
        items = find_inputs(given, out, {piped: STDIN_NAME})
        if intervals is not None:
            items = _with_intervals(items, intervals)
        tables = [SUMMARY] if intervals is None else [SUMMARY, INTERVALS]
        _analyze(items, settings, _ResultTables(out, tables), jobs)


@dataclass(frozen=True)
class _ResultTables:
    """Where results go, and which tables of all files; without a folder the last is printed."""

    folder: Path | None
    tables: Sequence[OutcomeTable]


def _with_intervals(items: Sequence[InputFile], given: Path) -> list[InputFile]:
    """Files with their intervals; it is said where there are none, and which belong to no file."""
    from realtime_ser.base.text import count_text
    from realtime_ser.exchange.interval_tables import with_intervals

    found, left = with_intervals(items, given)
    without = [item for item in found if item.intervals is None]
    if without:
        words = f"{len(without)} of {count_text(len(found), 'file')} have no intervals in {given}"
        print(f"{printable(words)}; the first is {without[0].title}.", file=sys.stderr)
    if left:
        words = f"{count_text(len(left), 'file')} of intervals belong to no recording"
        print(f"{words}; the first is {printable(str(left[0]))}.", file=sys.stderr)
    return found


def _keep_input(folder: Path) -> Path:
    """Write standard input to a file, since a header is read more than once."""
    from realtime_ser.base.files import writing

    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError(
            "Standard input brings no file: send one there, "
            "as 'realtime-ser analyze - < talk.wav' does."
        )
    path = folder / STDIN_NAME
    advice = "make room there, or name another folder as TMPDIR"
    with writing(path, advice), path.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return path


def draw_file(store: Store, info: SessionInfo, path: Path) -> None:
    """Draw the timeline of a file as a PNG."""
    from realtime_ser.commands.sessions import draw_png
    from realtime_ser.timeline.printed import PNG_SCALE, timeline_svg

    path.write_bytes(draw_png(timeline_svg(store, info), PNG_SCALE))


def _analyze(
    found: Sequence[InputFile], settings: AnalysisSettings, output: _ResultTables, jobs: int | None
) -> None:
    from realtime_ser.exchange.analysis_tables import refuse_taken
    from realtime_ser.session.analysis.analyzer import Analyzer
    from realtime_ser.session.analysis.processes import analyze_files

    items = refuse_taken(found)
    outcomes_so_far: list[Outcome] = []
    with (
        closing(Analyzer(settings)) as analyzer,
        _sink(output, analyzer.labels) as write_row,
        _progress(items) as report_progress,
    ):
        for outcome in analyze_files(items, analyzer, report_progress, jobs):
            write_row(outcome)
            outcomes_so_far.append(outcome)
    _print_totals(outcomes_so_far)


def _print_totals(outcomes: Sequence[Outcome]) -> None:
    from realtime_ser.base.text import left_out_text

    total = len(outcomes)
    failed = [one for one in outcomes if one.error is not None]
    silent = [
        one for one in outcomes if one.error is None and not (one.speech and one.speech.segments)
    ]
    noted = [one for one in outcomes if one.notes]
    if silent:
        where = silent[0].file if len(silent) == 1 else f"{len(silent)} of {total} files"
        print(f"No speech was found in {where}: no probabilities are given.", file=sys.stderr)
    for outcome in outcomes:
        speech = outcome.speech
        if speech is not None and speech.segments and speech.estimate is None:
            words = left_out_text(speech.left_out_s)
            print(f"No result is given for {outcome.file}: {words}.", file=sys.stderr)
    if len(noted) > 1:
        print(
            f"{len(noted)} of {total} files are not as they should be: the column note tells what, "
            f"the first is {noted[0].file}.",
            file=sys.stderr,
        )
    lacking = [note for outcome in noted for note in outcome.notes if note.lacks_sound]
    if total == 1 and lacking:
        raise SerError(" ".join(note.sentence(noted[0].file) for note in noted[0].notes))
    if len(noted) == 1:
        for note in noted[0].notes:
            print(note.sentence(noted[0].file), file=sys.stderr)
    if len(failed) == 1:
        raise SerError(failed[0].error or "")
    if failed:
        raise SerError(
            f"{len(failed)} of {total} files could not be analysed: the column error tells why, "
            f"the first is {failed[0].file}."
        )


@contextmanager
def _sink(output: _ResultTables, labels: Sequence[str]) -> Iterator[Callable[[Outcome], None]]:
    """Consumer of the rows of all files: files, a table on the terminal, or CSV into a pipe."""
    from rich.console import Console

    from realtime_ser.base.files import writing

    if output.folder is None and sys.stdout.isatty():
        outcomes: list[Outcome] = []
        draw = _table if len(output.tables) == 1 else _interval_table
        try:
            yield outcomes.append
        finally:
            Console(file=drawing_stream(sys.stdout)).print(draw(outcomes))
    elif output.folder is None:
        yield output.tables[-1].writer(drawing_stream(sys.stdout), labels, line_end="\n")
    else:
        paths = [table.require_own(output.folder) for table in output.tables]
        try:
            with ExitStack() as opened:
                feeds = []
                for table, path in zip(output.tables, paths, strict=True):
                    opened.enter_context(writing(path))
                    output.folder.mkdir(parents=True, exist_ok=True)
                    file = opened.enter_context(path.open("w", encoding="utf-8", newline=""))
                    feeds.append(table.writer(file, labels))

                def feed(outcome: Outcome) -> None:
                    for one in feeds:
                        one(outcome)

                yield feed
        finally:
            for path in paths:
                if path.exists():
                    print(printable(str(path.resolve())))


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
def _progress(items: Sequence[InputFile]) -> Iterator[ProgressCallback]:
    """A bar on standard error, by bytes, with the time that is left."""
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

    sizes = [item.size for item in items]
    count = TextColumn("{task.fields[files]} of {task.fields[total_files]} files")
    with progress_bar(count, BarColumn(), TaskProgressColumn(), TimeRemainingColumn()) as bar:
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

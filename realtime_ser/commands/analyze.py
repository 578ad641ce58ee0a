"""``realtime-ser analyze``: progress on the way, a summary at the end."""

from __future__ import annotations

import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
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
    classes: Sequence[str] | None,
) -> None:
    """Analyse audio files and folders.

    PATH is an audio file, a folder with such files, or '-' for a file on standard input.
    """
    import tempfile

    from realtime_ser.exchange.analysis_tables import export_analysis
    from realtime_ser.session.analysis.analyzer import AnalysisSettings
    from realtime_ser.session.analysis.inputs import find_inputs

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if plot and out is None:
        raise UsageError("--plot needs a folder for its pictures: add --out DIR.")
    export = partial(export_analysis, draw=draw_file if plot else None)
    with tempfile.TemporaryDirectory(prefix="realtime-ser-") as folder:
        settings = AnalysisSettings(config, Path(folder), tuple(classes or ()), export)
        piped = _keep_input(Path(folder)) if STDIN in paths else STDIN
        given = [piped if path == STDIN else path for path in paths]
        _analyze(find_inputs(given, out, {piped: STDIN_NAME}), settings, out, jobs)


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
    found: Sequence[InputFile], settings: AnalysisSettings, out: Path | None, jobs: int | None
) -> None:
    from realtime_ser.exchange.analysis_tables import refuse_taken
    from realtime_ser.session.analysis.analyzer import Analyzer
    from realtime_ser.session.analysis.processes import analyze_files

    items = refuse_taken(found)
    outcomes_so_far: list[Outcome] = []
    with (
        closing(Analyzer(settings)) as analyzer,
        _sink(out, analyzer.labels) as write_row,
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
def _sink(out: Path | None, labels: Sequence[str]) -> Iterator[Callable[[Outcome], None]]:
    """Consumer of the summary's rows: a file, a table on the terminal, or CSV into a pipe."""
    from rich.console import Console

    from realtime_ser.base.files import writing
    from realtime_ser.exchange.analysis_tables import SUMMARY, require_summary, summary_writer

    if out is None and sys.stdout.isatty():
        outcomes: list[Outcome] = []
        try:
            yield outcomes.append
        finally:
            Console(file=drawing_stream(sys.stdout)).print(_table(outcomes))
    elif out is None:
        yield summary_writer(drawing_stream(sys.stdout), labels, line_end="\n")
    else:
        path = out / SUMMARY
        require_summary(path)
        try:
            with writing(path):
                out.mkdir(parents=True, exist_ok=True)
                with path.open("w", encoding="utf-8", newline="") as file:
                    yield summary_writer(file, labels)
        finally:
            if path.exists():
                print(printable(str(path.resolve())))


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

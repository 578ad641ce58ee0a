"""``realtime-ser analyze``: files and folders, or an archive that goes on where it was stopped."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from realtime_ser.base.errors import UsageError
from realtime_ser.base.text import printable
from realtime_ser.commands.analysis_output import (
    AnalysisTotals,
    archive_progress,
    files_progress,
    printed,
    say,
)
from realtime_ser.commands.shared import (
    FILE,
    Command,
    channels_or_mix,
    model_setting,
    names,
    pass_config,
    profile_setting,
)

if TYPE_CHECKING:
    from realtime_ser.base.config import Config
    from realtime_ser.exchange.analysis_tables import OutcomeTable
    from realtime_ser.session.analysis.analyzer import Analyzer, Outcome
    from realtime_ser.session.analysis.archive import ArchiveRun
    from realtime_ser.session.analysis.inputs import InputFile, InputList
    from realtime_ser.session.analysis.processes import Work
    from realtime_ser.session.store import SessionInfo, Store

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
@click.option(
    "--resume", is_flag=True, help="Go on with what --out has not yet, as is done without it too."
)
@click.option("--again", is_flag=True, help="Do again what is done in --out.")
@click.option(
    "--shard", metavar="K/N", help="Part K of N; of a job array by itself. 'merge' joins them."
)
@click.option(
    "--engine", metavar="dask", help="Share the work out by Dask, here or at dask://HOST:PORT."
)
@click.option("--parquet", is_flag=True, help="Write the tables of all files as Parquet, too.")
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
@channels_or_mix("Channels to analyse (default: 1), or 'mix' for the mean of all of them.")
@click.option("--classes", type=names, metavar="a,b,c", help="Restrict to these labels.")
@profile_setting
@model_setting
@pass_config
def analyze(
    config: Config,
    *,
    paths: Sequence[Path],
    out: Path | None,
    resume: bool,
    again: bool,
    shard: str | None,
    engine: str | None,
    parquet: bool,
    plot: bool,
    jobs: int | None,
    intervals: Path | None,
    mixed: bool,
    classes: Sequence[str] | None,
) -> None:
    """Analyse audio files and folders.

    PATH is an audio file, a folder with such files, or '-' for a file on standard input.
    """
    import tempfile

    from realtime_ser.exchange.analysis_tables import INTERVALS, SUMMARY, export_analysis
    from realtime_ser.exchange.interval_tables import read_intervals
    from realtime_ser.exchange.parquet import require_parquet
    from realtime_ser.session.analysis.analyzer import AnalysisSettings, Analyzer
    from realtime_ser.session.analysis.dask_engine import dask_address
    from realtime_ser.session.analysis.inputs import InputList

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if plot and out is None:
        raise UsageError("--plot needs a folder for its pictures: add --out DIR.")
    if (resume or again or shard or engine or parquet) and out is None:
        raise UsageError("Only a folder holds what is done, and parts of it: add --out DIR.")
    if engine:
        dask_address(engine)
    if parquet:
        require_parquet()
    if resume and again:
        raise UsageError("--resume goes on and --again starts over: leave one of them out.")
    export = partial(export_analysis, draw=draw_file if plot else None)
    with tempfile.TemporaryDirectory(prefix="realtime-ser-") as folder:
        settings = AnalysisSettings(
            config,
            Path(folder),
            tuple(classes or ()),
            export,
            read_intervals=read_intervals,
            mixed=mixed,
        )
        piped = _keep_input(Path(folder)) if STDIN in paths else STDIN
        given = [piped if path == STDIN else path for path in paths]
        tables = [SUMMARY] if intervals is None else [SUMMARY, INTERVALS]
        with (
            InputList(given, out, {piped: STDIN_NAME}) as items,
            closing(Analyzer(settings)) as analyzer,
        ):
            if intervals is not None:
                _add_intervals(items, intervals)
            if out is None:
                _analyze(list(items), analyzer, tables[-1], jobs)
            else:
                _keep_part(items, shard)
                archive = _Archive(
                    out,
                    [table.of_shard(items.shard) for table in tables],
                    again=again,
                    plot=plot,
                    parquet=parquet,
                    engine=engine,
                )
                _analyze_archive(items, analyzer, archive, jobs)


@dataclass(frozen=True)
class _Archive:
    """Where results go, which tables of all files, and how what is done already counts."""

    folder: Path
    tables: Sequence[OutcomeTable]
    again: bool
    plot: bool
    parquet: bool
    engine: str | None


def _keep_part(items: InputList, given: str | None) -> None:
    """Keep the part of an archive that this run is to do, if it is not to do all."""
    from realtime_ser.session.analysis.shards import chosen_shard

    shard, scheduler = chosen_shard(given, os.environ)
    if shard is not None:
        total = len(items)
        items.keep_part(shard)
        by = f", by the job array of {scheduler}" if scheduler else ""
        say(f"Part {shard.number} of {shard.count}{by}: {len(items):,} of {total:,} files.")


def _add_intervals(items: InputList, given: Path) -> None:
    """Give files their intervals; it is said which have none, and which belong to no file."""
    from realtime_ser.base.text import count_text
    from realtime_ser.exchange.interval_tables import add_intervals

    left = add_intervals(items, given)
    without = (item for item in items if item.intervals is None)
    first = next(without, None)
    if first is not None:
        count = 1 + sum(1 for _ in without)
        words = f"{count} of {count_text(len(items), 'file')} have no intervals in {given}"
        print(f"{printable(words)}; the first is {first.title}.", file=sys.stderr)
    if left:
        words = f"{count_text(len(left), 'file')} of intervals belong to no recording"
        print(f"{words}; the first is {printable(str(left[0]))}.", file=sys.stderr)


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
    from realtime_ser.commands.sessions.export import draw_png
    from realtime_ser.timeline.printed import PNG_SCALE, timeline_svg

    path.write_bytes(draw_png(timeline_svg(store, info), PNG_SCALE))


def _analyze(
    items: Sequence[InputFile], analyzer: Analyzer, table: OutcomeTable, jobs: int | None
) -> None:
    """Analyse files, and print a table of them."""
    from realtime_ser.session.analysis.processes import analyze_files

    totals = AnalysisTotals()
    with printed(table, analyzer.labels) as feed, files_progress(items) as report_progress:
        for outcome in analyze_files(items, analyzer, report_progress, jobs):
            feed(outcome)
            totals.feed(outcome)
    totals.tell()


def _analyze_archive(
    items: InputList, analyzer: Analyzer, archive: _Archive, jobs: int | None
) -> None:
    """Analyse files into a folder, and go on with what it has already."""
    from realtime_ser.base.memory import set_apart
    from realtime_ser.exchange.analysis_tables import refuse_taken, write_tables
    from realtime_ser.exchange.parquet import write_parquet
    from realtime_ser.session.analysis.archive import ArchiveRun, ResultsKey
    from realtime_ser.session.analysis.dask_engine import dask_address, share_out_by_dask
    from realtime_ser.session.analysis.processes import analyze_here, share_out, worthwhile_jobs

    paths = [table.require_own(archive.folder) for table in archive.tables]
    key = ResultsKey.of(analyzer.model, plot=archive.plot, mixed=analyzer.settings.mixed)
    totals = AnalysisTotals()
    with ArchiveRun(archive.folder, items, key, say, again=archive.again) as run:
        progress = run.progress
        left = progress.total_files - progress.files
        size = progress.total_bytes - progress.found_bytes
        jobs = max(1, min(left, jobs or worthwhile_jobs(size, left)))
        try:
            with _written(archive, analyzer.labels, run) as feed, archive_progress(run) as watch:

                def engine(open_work: Work) -> Iterator[tuple[int, Outcome]]:
                    work = ((index, refuse_taken(item)) for index, item in open_work)
                    if archive.engine is not None:
                        address = dask_address(archive.engine)
                        return share_out_by_dask(work, analyzer.settings, address, jobs, watch)
                    if jobs == 1:
                        set_apart()
                        return analyze_here(work, analyzer, watch)
                    return share_out(work, analyzer.settings, jobs, watch)

                for outcome in run.outcomes(engine):
                    feed(outcome)
                    totals.feed(outcome)
            if run.met_others:
                write_tables(archive.folder, archive.tables, analyzer.labels, run.done_outcomes())
            if archive.parquet:
                paths += [write_parquet(path) for path in paths]
        finally:
            for path in paths:
                if path.exists():
                    print(printable(str(path.resolve())))
    totals.tell()


@contextmanager
def _written(
    archive: _Archive, labels: Sequence[str], run: ArchiveRun
) -> Iterator[Callable[[Outcome], None]]:
    """Consumer of outcomes that writes the tables of all files as they come.

    Where others are at work they write them, too: then all is written whole at the end.
    """
    from realtime_ser.base.files import writing

    if run.met_others:
        yield lambda _: None
        return
    with ExitStack() as opened:
        feeds = []
        for table in archive.tables:
            path = archive.folder / table.name
            opened.enter_context(writing(path))
            file = opened.enter_context(path.open("w", encoding="utf-8", newline=""))
            feeds.append(table.writer(file, labels))

        def feed(outcome: Outcome) -> None:
            for one in feeds:
                one(outcome)

        yield feed

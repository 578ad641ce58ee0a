"""``realtime-ser sessions export``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from realtime_ser.base.errors import SerError, UsageError
from realtime_ser.base.text import nearest_hint
from realtime_ser.commands.sessions.opened_store import opened_store
from realtime_ser.commands.shared import FILE, Command, pass_config

if TYPE_CHECKING:
    from realtime_ser.base.config import Config
    from realtime_ser.exchange.audio import AudioRange
    from realtime_ser.session.store import SessionInfo, Store


def _moment(text: str) -> float:
    """Seconds from the start of the session, also as minutes or hours and so on."""
    try:
        seconds = 0.0
        for part in text.split(":"):
            seconds = 60.0 * seconds + float(part)
    except ValueError as error:
        words = f"'{text}' must be a time such as 90.5, 1:30.5 or 0:01:30.5."
        raise click.BadParameter(words) from error
    return seconds


class _FormatsOption(click.Option):
    """Option whose help names endings, which are imported when the help is asked for."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        from realtime_ser.exchange.registry import FORMATS, endings_with

        self.help = (self.help or "").format(
            endings=" ".join(kind.ending for kind in FORMATS if kind.ending),
            frames=endings_with("frames", "a "),
            without_profile=endings_with("without_profile", "a "),
            spreadsheet=endings_with("spreadsheet", "a "),
        )
        return super().get_help_record(ctx)


@click.command("export", cls=Command)
@click.argument("name", metavar="[ID]", required=False)
@click.option(
    "--to",
    cls=_FormatsOption,
    type=FILE,
    metavar="FILE",
    help="Where to write it; its ending tells how: {endings}.",
)
@click.option(
    "--format",
    "form",
    metavar="NAME",
    help="The format, whatever the ending; 'audacity' is .txt, 'bids' and 'corpus' are folders.",
)
@click.option("--uncorrected", is_flag=True, help="Segments that nobody corrected, in a corpus.")
@click.option("--lines", is_flag=True, help="Draw lines instead of stacked areas.")
@click.option("--frames", cls=_FormatsOption, is_flag=True, help="The updates too, in {frames}.")
@click.option(
    "--without-profile",
    cls=_FormatsOption,
    is_flag=True,
    help="What no profile has corrected, in {without_profile}.",
)
@click.option(
    "--for-spreadsheets",
    "spreadsheet",
    cls=_FormatsOption,
    is_flag=True,
    help="Semicolons and decimal commas, in {spreadsheet} or --tidy.",
)
@click.option("--segment", type=int, metavar="N", help="The sound of this segment alone.")
@click.option("--start", type=_moment, metavar="TIME", help="Sound from here, as 90.5 or 1:30.5.")
@click.option("--end", type=_moment, metavar="TIME", help="Sound until here.")
@click.option("--channel", metavar="NAME", help="Sound of this channel alone, by name or number.")
@click.option("--study", metavar="NAME", help="All of a study, with --tidy, or for a corpus.")
@click.option("--tidy", type=FILE, metavar="OUT.csv", help="A row for each interval and label.")
@pass_config
def export_session(
    config: Config,
    *,
    name: str | None,
    to: Path | None,
    form: str | None,
    uncorrected: bool,
    lines: bool,
    frames: bool,
    without_profile: bool,
    spreadsheet: bool,
    segment: int | None,
    start: float | None,
    end: float | None,
    channel: str | None,
    study: str | None,
    tidy: Path | None,
) -> None:
    """Write a session for other tools, or a tidy table of a study."""
    from realtime_ser.exchange.csv_tables import export_study
    from realtime_ser.exchange.registry import (
        CORPUS,
        FORMATS,
        ExportRequest,
        chosen_format,
        export,
        require_format,
    )

    if form is not None:
        require_format(form, (*FORMATS, CORPUS))
    for path in (to, tidy):
        if path is not None and not path.absolute().parent.is_dir():
            raise UsageError(f"There is no folder {path.parent}: make it first, or name another.")
    with opened_store(config) as store:
        if form == CORPUS.name:
            found = _corpus_sessions(store, name, study)
            if to is None or spreadsheet:
                raise UsageError(_CORPUS_USAGE)
            _export_corpus(store, found, to, channel, uncorrected=uncorrected)
        elif uncorrected:
            raise UsageError(f"--uncorrected is for a corpus: add --format {CORPUS.name}.")
        elif name is not None and to is not None:
            info = store.session(name)
            kind = chosen_format(to, form)
            number = None if channel is None else _channel(info, channel)
            audio_range = _audio_range(store, info, segment, (start, end), number)
            request = ExportRequest(
                to,
                kind.name,
                audio_range,
                "lines" if lines else "areas",
                frames,
                without_profile,
                spreadsheet,
            )
            for path in export(store, info, request, draw_png):
                print(path.resolve())
        elif study is not None and tidy is not None:
            export_study(store, _study_sessions(store, study), tidy, spreadsheet=spreadsheet)
            print(tidy.resolve())
        else:
            raise UsageError(
                "Say what to export: 'export ID --to OUT.csv', or 'export --study NAME --tidy "
                "OUT.csv'."
            )


_CORPUS_USAGE = (
    "Say what the corpus is made of: 'export ID --to FOLDER --format corpus', or 'export --study "
    "NAME --to FOLDER --format corpus'; --for-spreadsheets is for tables."
)


def _corpus_sessions(store: Store, name: str | None, study: str | None) -> list[SessionInfo]:
    if name is not None and study is None:
        return [store.session(name)]
    if study is not None and name is None:
        return _study_sessions(store, study)
    raise UsageError(_CORPUS_USAGE)


def _export_corpus(
    store: Store,
    found: Sequence[SessionInfo],
    to: Path,
    channel: str | None,
    *,
    uncorrected: bool,
) -> None:
    from realtime_ser.exchange.corpus import CorpusRequest, export_corpus

    if channel is not None and len(found) == 1:
        _channel(found[0], channel)
    made = export_corpus(store, found, CorpusRequest(to, channel, uncorrected))
    for words in made.left_out:
        print(words, file=sys.stderr)
    clips = ", ".join(f"{number} {label}" for label, number in made.clips.items())
    print(f"{made.folder.resolve()}: {clips}")


def _study_sessions(store: Store, name: str) -> list[SessionInfo]:
    from realtime_ser.session.store import Query

    found = store.sessions(Query(study=name))
    if not found:
        hint = nearest_hint(name, store.studies())
        raise UsageError(f"No session belongs to the study '{name}'{hint}")
    return found


def _audio_range(
    store: Store,
    info: SessionInfo,
    segment: int | None,
    span: tuple[float | None, float | None],
    channel: int | None,
) -> AudioRange:
    """The sound that is asked for: a segment's, or from one moment to another."""
    from realtime_ser.exchange.audio import AudioRange, segment_range

    start_s, end_s = span
    if segment is None:
        return AudioRange(start_s or 0.0, end_s, channel)
    if start_s is not None or end_s is not None:
        raise UsageError("A segment has its own times: leave out --start and --end.")
    return segment_range(store, info, segment, channel)


def _channel(info: SessionInfo, text: str) -> int:
    """A channel by its name or number."""
    for channel in info.channels:
        if text in (channel.name, str(channel.number)):
            return channel.number
    known = ", ".join(channel.name or str(channel.number) for channel in info.channels)
    raise UsageError(f"The session {info.id} has no channel '{text}': it has {known}.")


def draw_png(svg: str, scale: float) -> bytes:
    """Paint a drawing; it needs no display."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    try:
        from realtime_ser.gui.theme.rasterise import png_of_svg
    except ImportError as error:
        raise SerError(f"A PNG needs Qt, which cannot be loaded ({error}): export .svg.") from error
    return png_of_svg(svg, scale)

"""``realtime-ser sessions``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from realtime_ser.base.errors import SerError, UsageError
from realtime_ser.base.text import (
    channel_title,
    clock_text,
    count_text,
    length_text,
    nearest_hint,
    percent_text,
    size_text,
    speech_text,
)
from realtime_ser.commands.shared import (
    FILE,
    CommandGroup,
    confirmed,
    day,
    pass_config,
    print_aligned,
    progress_bar,
)

if TYPE_CHECKING:
    from realtime_ser.base.config import Config
    from realtime_ser.exchange.audio import AudioRange
    from realtime_ser.session.store import SessionInfo, Store

_ID = click.argument("name", metavar="ID")


@click.group(cls=CommandGroup, default="list")
def sessions() -> None:
    """List the kept sessions, show, export and delete them.

    ID is a session's, as 'sessions list' prints it.
    """


@contextmanager
def _opened(config: Config) -> Iterator[Store]:
    """The store; what the user should know of it is said."""
    from realtime_ser.session.store import open_store

    with open_store(config) as store:
        if store.notice is not None:
            print(store.notice, file=sys.stderr)
        yield store


# ------------------------------------------------------------------------------------ list and show


@sessions.command("list")
@click.option("--search", "text", metavar="TEXT", help="In what was written, studies and dates.")
@click.option("--study", metavar="NAME", help="Of this study.")
@click.option("--participant", metavar="CODE", help="Of this participant.")
@click.option("--label", metavar="LABEL", help="With a segment of this label.")
@click.option("--since", type=day, metavar="DATE", help="Begun on this day or later.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_config
def _list(config: Config, /, *, as_json: bool, **conditions: Any) -> None:
    """List the sessions."""
    import json

    from realtime_ser.session.store import Query

    with _opened(config) as store:
        found = store.sessions(Query(**conditions))
        if as_json:
            print(json.dumps([_as_data(store, info) for info in found], indent=2))
            return
        rows = [_session_row(store, info) for info in found]
        if rows:
            header = ("ID", "began", "length", "speech", "mostly", "takes", "state", "what")
            print_aligned([header, *rows])
        print(_footer(store, found, config, filtered=any(conditions.values())))


def _session_row(store: Store, info: SessionInfo) -> Sequence[str]:
    metadata = info.metadata
    from realtime_ser.session.statistics import session_shares

    shares = session_shares(store, info.id)
    mostly = next((f"{name} {percent_text(share)}" for name, share in shares.items()), "-")
    study = " ".join(word for word in _belonging(info) if word)
    source = metadata.source.name + (", a demo" if metadata.source.demo else "")
    sound = ", sound kept" if info.audio is not None else ""
    origin, model = metadata.origin, metadata.model.name
    again = "" if origin is None else f"{origin} heard again by {model}"
    return (
        info.id,
        metadata.started.strftime("%Y-%m-%d %H:%M"),
        length_text(info.duration_s),
        length_text(info.speech_s),
        mostly,
        size_text(info.size),
        info.state_text,
        "; ".join(word for word in (metadata.title, again, study, f"{source}{sound}") if word),
    )


def _belonging(info: SessionInfo) -> tuple[str, str, str]:
    study = info.metadata.study
    return study.name, study.participant, study.condition


def _footer(store: Store, shown: Sequence[SessionInfo], config: Config, *, filtered: bool) -> str:
    days = config.sessions.retention_days
    kept = "kept until they are deleted" if days is None else f"kept for {days:g} days"
    count = count_text(len(shown), "session")
    size = sum(info.size for info in shown) if filtered else store.size()
    return f"{count}; {size_text(size)} in {store.folder}, {kept}"


def _as_data(store: Store, info: SessionInfo) -> dict[str, Any]:
    from realtime_ser.exchange.json_document import session_data

    return session_data(store, info) | {
        "audio": None if info.audio is None else str(info.audio),
        "files": None if info.files is None else str(info.files.steps),
        "bytes": info.size,
    }


@sessions.command("show")
@_ID
@pass_config
def _show(config: Config, *, name: str) -> None:
    """Show all that is known of a session."""
    with _opened(config) as store:
        info = store.session(name)
        title = f"  {info.metadata.title}" if info.metadata.title else ""
        print(f"{info.id}{title}  ({info.state_text})")
        print_aligned([("", *row) for row in _fact_rows(store, info)])


def _fact_rows(store: Store, info: SessionInfo) -> Iterator[tuple[str, str]]:
    metadata, study = info.metadata, info.metadata.study
    yield "began", metadata.started.isoformat(" ", timespec="seconds")
    demo = ", synthesised speech" if metadata.source.demo else ""
    yield "source", f"{metadata.source.name}{demo}"
    yield "length", length_text(info.duration_s)
    yield from _channel_facts(store, info)
    yield "model", metadata.model_text
    for name, words in zip(("study", "participant", "condition"), _belonging(info), strict=True):
        if words:
            yield name, words
    if study.consent is not None:
        yield "consent", study.consent.isoformat(" ", timespec="seconds")
    if metadata.origin is not None:
        yield "heard again", f"from the sound of {metadata.origin}"
    if info.health.dropped_samples:
        yield "lost", f"{info.health.dropped_samples:,} samples"
    if info.health.error is not None:
        yield "error", info.health.error
    yield "takes", size_text(info.size)
    yield "sound", "not kept" if info.audio is None else str(info.audio)
    for path in [] if info.files is None else info.files.existing():
        yield "file", str(path)
    yield from _annotation_rows(store, info)


def _annotation_rows(store: Store, info: SessionInfo) -> Iterator[tuple[str, str]]:
    """What people marked, labelled and noted."""
    for marker in store.markers(info.id):
        length = f" for {marker.duration_s:.1f} s" if marker.duration_s else ""
        words = " ".join(word for word in (marker.code, marker.text) if word)
        yield "marker", f"{clock_text(marker.time_s)}{length}  {words}".rstrip()
    for interval in store.intervals(info.id):
        where = f"{clock_text(interval.start_s)} to {clock_text(interval.end_s)}"
        words = ": ".join(word for word in (interval.tier, interval.label, interval.text) if word)
        yield "interval", f"{where}  {words}"
    for note in store.notes(info.id):
        yield "note", f"{note.written.strftime('%Y-%m-%d %H:%M')}  {note.text}"


def _channel_facts(store: Store, info: SessionInfo) -> Iterator[tuple[str, str]]:
    from realtime_ser.session.statistics import session_tally

    several = len(info.channels) > 1
    for channel in info.channels:
        name = channel_title(channel.number, info.metadata.names) if several else "speech"
        tally = session_tally(store, info.id, (channel.number,))
        yield (
            name,
            speech_text(
                channel.speech_s,
                tally.segments,
                tally.shares,
                tally.left_out_s,
                tally.certain_share,
            ),
        )


# ------------------------------------------------------------------------------------------ changes


@sessions.command("rename")
@_ID
@click.argument("title", metavar="TITLE")
@pass_config
def _rename(config: Config, *, name: str, title: str) -> None:
    """Give a session a title."""
    with _opened(config) as store:
        store.rename(name, title)


@sessions.command("note")
@_ID
@click.argument("text", metavar="TEXT")
@pass_config
def _note(config: Config, *, name: str, text: str) -> None:
    """Add a note to a session."""
    if not text.strip():
        raise UsageError(f"A note needs words: 'realtime-ser sessions note {name} TEXT'.")
    with _opened(config) as store:
        store.add_note(name, text)


# ----------------------------------------------------------------------------- export and import


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


@sessions.command("export")
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
def _export(
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
    with _opened(config) as store:
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


@sessions.command("import")
@click.argument("file", type=FILE, metavar="FILE")
@click.option("--into", "name", required=True, metavar="ID", help="The session.")
@click.option("--format", "form", metavar="NAME", help="elan, praat or audacity.")
@click.option("--yes", is_flag=True, help="Do not ask before some thousands are imported.")
@pass_config
def _import(config: Config, *, file: Path, name: str, form: str | None, yes: bool) -> None:
    """Read other tools' markers and intervals into a session.

    FILE is ELAN's .eaf, Praat's .TextGrid, or a .txt: Audacity's labels, or ELAN's tab-delimited
    text.
    """
    from realtime_ser.exchange.import_annotations import import_annotations

    def agree(count: int) -> bool:
        return yes or confirmed(f"Import {count:,} markers and intervals?")

    with _opened(config) as store:
        info = store.session(name)
        ask = agree if yes or sys.stdin.isatty() else None
        found = import_annotations(store, info, file, form, ask)
    counts = (found.markers, "marker"), (found.intervals, "interval")
    words = [count_text(len(new), noun) for new, noun in counts if new]
    known = f"; {found.known} were there already" if found.known else ""
    print(f"{' and '.join(words) or 'Nothing new'} imported into {info.id}{known}.")


# ------------------------------------------------------------------------------------------- delete


@sessions.command("delete")
@click.argument("names", nargs=-1, metavar="[ID]...")
@click.option("--participant", metavar="CODE", help="All of this participant.")
@click.option("--before", type=day, metavar="DATE", help="All begun before this day.")
@click.option("--files", is_flag=True, help="Also its tables outside the store.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_config
def _delete(
    config: Config,
    *,
    names: Sequence[str],
    participant: str | None,
    before: datetime | None,
    files: bool,
    yes: bool,
) -> None:
    """Delete sessions, their sound included."""
    with _opened(config) as store:
        found = _chosen_sessions(store, names, participant, before)
        for info in found:
            info.require_ended()
        if not yes and not _agreed(store, found, files=files):
            print("Nothing was deleted.")
            return
        deletion = store.delete(found, named_files=files)
    print(f"{count_text(len(found), 'session')} deleted.")
    for path in deletion.left:
        print(f"Left, since you named it: {path}")
    if not deletion.log_emptied:
        print(
            "Another program is using the store: what was deleted leaves its write-ahead log "
            "when that one ends."
        )


def _chosen_sessions(
    store: Store, names: Sequence[str], participant: str | None, before: datetime | None
) -> list[SessionInfo]:
    from realtime_ser.session.store import Query

    if not (names or participant is not None or before is not None):
        raise UsageError("Say what to delete: IDs, --participant CODE, or --before DATE.")
    if participant is not None and participant not in (known := store.participants()):
        hint = nearest_hint(participant, known)
        raise UsageError(f"No session belongs to a participant '{participant}'{hint}")
    found = store.sessions(Query(participant=participant, before=before))
    if not names:
        return found
    wanted = [store.session(name).id for name in names]
    return [info for info in found if info.id in wanted]


def _agreed(store: Store, found: Sequence[SessionInfo], *, files: bool) -> bool:
    """Whether a person agrees to delete some sessions, which are listed."""
    if sys.stdin.isatty():
        print_aligned([_session_row(store, info) for info in found])
        for info in found:
            if info.files is not None and (files or not info.named):
                for path in info.files.existing():
                    print(f"  with {path}")
    return confirmed(f"Delete {count_text(len(found), 'session')} for good?")


# ------------------------------------------------------------------------------------------- repair


@sessions.command("repair")
@pass_config
def _repair(config: Config) -> None:
    """Save what can be read of a damaged store; the rest is set aside."""
    with _opened(config) as store:
        words = store.repair()
        if words is not None:
            print(words)
        elif store.notice is None:
            count = count_text(len(store.sessions()), "session")
            print(f"No damage was found in {store.folder}: {count}.")


# ---------------------------------------------------------------------------------------- reanalyse


@sessions.command("reanalyse")
@_ID
@click.option("--model", required=True, metavar="BUNDLE", help="Name or folder of a model bundle.")
@pass_config
def _reanalyse(config: Config, *, name: str, model: str) -> None:
    """Hear a session's kept sound again, with another model."""
    from realtime_ser.session.analysis.reanalysis import reanalyse

    with _opened(config) as store:
        info = store.session(name)
        with progress_bar() as bar:
            task = bar.add_task(f"hearing {info.id} again", total=1.0)
            again = reanalyse(store, info, model, lambda share: bar.update(task, completed=share))
    print(f"The session {info.id} was heard again: realtime-ser sessions show {again.id}")

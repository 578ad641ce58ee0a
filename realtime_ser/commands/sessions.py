"""Runs ``realtime-ser sessions``."""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rich.console import Console
from rich.progress import Progress

from realtime_ser.base.config import Config
from realtime_ser.base.errors import UsageError
from realtime_ser.base.text import (
    aligned_lines,
    channel_title,
    clock_text,
    count_text,
    percent_text,
    size_text,
    speech_text,
)
from realtime_ser.exchange.audio import AudioRange, segment_range
from realtime_ser.exchange.corpus import CorpusRequest, export_corpus
from realtime_ser.exchange.csv_tables import export_study
from realtime_ser.exchange.import_annotations import import_annotations
from realtime_ser.exchange.json_document import session_data
from realtime_ser.exchange.registry import ExportRequest, PngRenderer, chosen_format, export
from realtime_ser.session.opening import open_store
from realtime_ser.session.running_summary import SummaryAccumulator
from realtime_ser.session.store import Query, SessionInfo, SessionState, Store
from realtime_ser.timeline.picture import CurveStyle

CORPUS = "corpus"
"""Name of the format that is a folder to train on."""

_Row = Sequence[str]


def sessions(
    options: argparse.Namespace, config: Config, render_png: PngRenderer | None = None
) -> None:
    """Do what the command line says.

    Parameters
    ----------
    options, config
        The command line, and all settings.
    render_png
        Makes pictures of drawings.

    Raises
    ------
    SerError
        It cannot be done.
    """
    with open_store(config) as store:
        if store.notice is not None:
            print(store.notice, file=sys.stderr)
        if options.action == "export":
            _export(store, options, render_png)
        else:
            _ACTIONS[options.action or "list"](store, options, config)


# ------------------------------------------------------------------------------------ list and show


def _list(store: Store, options: argparse.Namespace, config: Config) -> None:
    get = vars(options).get
    query = Query(
        get("search"), get("study"), get("participant"), get("label"), get("since"), before=None
    )
    found = store.sessions(query)
    if get("json"):
        print(json.dumps([_as_data(store, info) for info in found], indent=2))
        return
    rows = [_session_row(store, info) for info in found]
    if rows:
        header = ("ID", "began", "length", "speech", "mostly", "takes", "state", "what")
        for line in aligned_lines([header, *rows]):
            print(line)
    print(_footer(store, len(found), config))


def _session_row(store: Store, info: SessionInfo) -> _Row:
    metadata = info.metadata
    mostly = next((f"{n} {percent_text(share)}" for n, share in store.shares(info.id).items()), "-")
    study = " ".join(word for word in _belonging(info) if word)
    source = f"{metadata.source.name}{', a demo' if metadata.source.demo else ''}"
    sound = ", sound kept" if info.audio is not None else ""
    again = (
        "" if metadata.origin is None else f"{metadata.origin} heard again by {metadata.model.name}"
    )
    return (
        info.id,
        metadata.started.strftime("%Y-%m-%d %H:%M"),
        clock_text(info.duration_s),
        clock_text(info.speech_s),
        mostly,
        size_text(info.size),
        info.state.value,
        "; ".join(word for word in (metadata.title, again, study, f"{source}{sound}") if word),
    )


def _belonging(info: SessionInfo) -> tuple[str, str, str]:
    study = info.metadata.study
    return study.name, study.participant, study.condition


def _footer(store: Store, shown: int, config: Config) -> str:
    days = config.sessions.retention_days
    kept = "kept until they are deleted" if days is None else f"kept for {days:g} days"
    count = count_text(shown, "session")
    return f"{count}; {size_text(store.size())} in {store.folder}, {kept}"


def _as_data(store: Store, info: SessionInfo) -> dict[str, Any]:
    return session_data(store, info) | {
        "audio": None if info.audio is None else str(info.audio),
        "files": None if info.files is None else str(info.files.frames),
        "bytes": info.size,
    }


def _show(store: Store, options: argparse.Namespace, _config: Config) -> None:
    info = store.session(options.id)
    title = f"  {info.metadata.title}" if info.metadata.title else ""
    print(f"{info.id}{title}  ({info.state.value})")
    for line in aligned_lines([("", name, words) for name, words in _fact_rows(store, info)]):
        print(line)


def _fact_rows(store: Store, info: SessionInfo) -> Iterator[tuple[str, str]]:
    metadata, study = info.metadata, info.metadata.study
    yield "began", metadata.started.isoformat(" ", timespec="seconds")
    yield (
        "source",
        f"{metadata.source.name}{', synthesised speech' if metadata.source.demo else ''}",
    )
    yield "length", clock_text(info.duration_s)
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
    tally = SummaryAccumulator()
    for segment in store.segments(info.id):
        tally.feed(segment)
    heard = tally.summary()
    for channel in info.channels:
        several = len(info.channels) > 1
        name = channel_title(channel.number, info.metadata.names) if several else "speech"
        if channel.number not in heard:
            yield name, "no speech"
            continue
        summary = replace(
            heard[channel.number], speech_s=channel.speech_s, duration_s=channel.end_s
        )
        yield name, speech_text(summary.speech_s, summary.segments, summary.shares)


# ------------------------------------------------------------------------------------------ changes


def _rename(store: Store, options: argparse.Namespace, _config: Config) -> None:
    store.rename(options.id, options.title)


def _note(store: Store, options: argparse.Namespace, _config: Config) -> None:
    store.add_note(options.id, options.text)


def _export(store: Store, options: argparse.Namespace, render_png: PngRenderer | None) -> None:
    if options.format == CORPUS:
        _export_corpus(store, options)
        return
    if options.uncorrected:
        raise UsageError(f"--uncorrected is for a corpus: add --format {CORPUS}.")
    if options.id is not None and options.to is not None:
        info = store.session(options.id)
        for path in export(store, info, _export_request(store, info, options), render_png):
            print(path.resolve())
    elif options.study is not None and options.tidy is not None:
        found = _study_sessions(store, options.study)
        export_study(store, found, options.tidy)
        print(options.tidy.resolve())
    else:
        raise UsageError(
            "Say what to export: 'export ID --to OUT.csv', or 'export --study NAME --tidy OUT.csv'."
        )


def _export_corpus(store: Store, options: argparse.Namespace) -> None:
    if options.to is None or (options.id is None) == (options.study is None):
        raise UsageError(
            "Say what the corpus is made of: 'export ID --to FOLDER --format corpus', or "
            "'export --study NAME --to FOLDER --format corpus'."
        )
    if options.id is not None:
        found = [store.session(options.id)]
        if options.channel is not None:
            _channel(found[0], options.channel)
    else:
        found = _study_sessions(store, options.study)
    made = export_corpus(
        store, found, CorpusRequest(options.to, options.channel, options.uncorrected)
    )
    for words in made.left_out:
        print(words, file=sys.stderr)
    clips = ", ".join(f"{number} {label}" for label, number in made.clips.items())
    print(f"{made.folder.resolve()}: {clips}")


def _study_sessions(store: Store, name: str) -> list[SessionInfo]:
    found = store.sessions(Query(study=name))
    if not found:
        near = difflib.get_close_matches(name, store.studies(), n=1)
        hint = f"; did you mean '{near[0]}'?" if near else "."
        raise UsageError(f"No session belongs to the study '{name}'{hint}")
    return found


def _export_request(store: Store, info: SessionInfo, options: argparse.Namespace) -> ExportRequest:
    """What the options ask for."""
    kind = chosen_format(options.to, options.format)
    channel = None if options.channel is None else _channel(info, options.channel)
    if options.segment is not None:
        if options.start is not None or options.end is not None:
            raise UsageError("A segment has its own times: leave out --start and --end.")
        audio_range = segment_range(store, info, options.segment, channel)
    else:
        audio_range = AudioRange(options.start or 0.0, options.end, channel)
    style: CurveStyle = "lines" if options.lines else "areas"
    return ExportRequest(
        options.to, kind, audio_range, style, options.frames, options.without_profile
    )


def _channel(info: SessionInfo, text: str) -> int:
    """A channel by its name or number."""
    for channel in info.channels:
        if text in (channel.name, str(channel.number)):
            return channel.number
    known = ", ".join(channel.name or str(channel.number) for channel in info.channels)
    raise UsageError(f"The session {info.id} has no channel '{text}': it has {known}.")


def _import(store: Store, options: argparse.Namespace, _config: Config) -> None:
    info = store.session(options.into)
    found = import_annotations(store, info, options.file, options.format)
    counts = {"marker": len(found.markers), "interval": len(found.intervals)}
    words = [count_text(n, name) for name, n in counts.items() if n]
    known = f"; {found.known} were there already" if found.known else ""
    print(f"{' and '.join(words) or 'Nothing new'} imported into {info.id}{known}.")


def _delete(store: Store, options: argparse.Namespace, _config: Config) -> None:
    found = _chosen_sessions(store, options)
    running = [info.id for info in found if info.state is SessionState.RUNNING]
    if running:
        raise UsageError(f"The session {running[0]} is running: end it first.")
    if not options.yes and not _confirmed(store, found, files=options.files):
        print("Nothing was deleted.")
        return
    deletion = store.delete(found, named_files=options.files)
    print(f"{count_text(len(found), 'session')} deleted.")
    for path in deletion.left:
        print(f"Left, since you named it: {path}")
    if not deletion.log_emptied:
        print(
            "Another program is using the store: what was deleted leaves its write-ahead log "
            "when that one ends."
        )


def _chosen_sessions(store: Store, options: argparse.Namespace) -> list[SessionInfo]:
    if not (options.ids or options.participant is not None or options.before is not None):
        raise UsageError("Say what to delete: IDs, --participant CODE, or --before DATE.")
    if options.participant is not None:
        _require_participant(store, options.participant)
    found = store.sessions(Query(participant=options.participant, before=options.before))
    if not options.ids:
        return found
    wanted = [store.session(name).id for name in options.ids]
    return [info for info in found if info.id in wanted]


def _require_participant(store: Store, code: str) -> None:
    known = store.participants()
    if code not in known:
        near = difflib.get_close_matches(code, known, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else "."
        raise UsageError(f"No session belongs to a participant '{code}'{hint}")


def _confirmed(store: Store, found: Sequence[SessionInfo], *, files: bool) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("Deleting asks first, and nobody can answer here: add --yes.")
    for line in aligned_lines([_session_row(store, info) for info in found]):
        print(line)
    for info in found:
        if info.files is not None and (files or not info.named):
            for path in info.files.existing():
                print(f"  with {path}")
    question = f"Delete {count_text(len(found), 'session')} for good? [y/N] "
    return input(question).strip().lower() in ("y", "yes")


def _reanalyse(store: Store, options: argparse.Namespace, _config: Config) -> None:
    from realtime_ser.session.reanalysis import reanalyse

    info = store.session(options.id)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"hearing {info.id} again", total=1.0)
        again = reanalyse(
            store, info, options.model, lambda share: bar.update(task, completed=share)
        )
    print(f"The session {info.id} was heard again: realtime-ser sessions show {again.id}")


_ACTIONS: Mapping[str, Callable[[Store, argparse.Namespace, Config], None]] = {
    "list": _list,
    "show": _show,
    "rename": _rename,
    "note": _note,
    "import": _import,
    "delete": _delete,
    "reanalyse": _reanalyse,
}

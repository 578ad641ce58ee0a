"""``realtime-ser sessions list`` and ``show``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from realtime_ser.base.text import (
    channel_title,
    clock_text,
    count_text,
    length_text,
    percent_text,
    size_text,
    speech_text,
)
from realtime_ser.commands.sessions.opened_store import SESSION_ID, opened_store
from realtime_ser.commands.shared import Command, day, pass_config, print_aligned

if TYPE_CHECKING:
    from realtime_ser.base.config import Config
    from realtime_ser.session.store import SessionInfo, Store


@click.command("list", cls=Command)
@click.option("--search", "text", metavar="TEXT", help="In what was written, studies and dates.")
@click.option("--study", metavar="NAME", help="Of this study.")
@click.option("--participant", metavar="CODE", help="Of this participant.")
@click.option("--label", metavar="LABEL", help="With a segment of this label.")
@click.option("--since", type=day, metavar="DATE", help="Begun on this day or later.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_config
def list_sessions(config: Config, /, *, as_json: bool, **conditions: Any) -> None:
    """List the sessions."""
    import json

    from realtime_ser.session.store import Query

    with opened_store(config) as store:
        found = store.sessions(Query(**conditions))
        if as_json:
            print(json.dumps([_as_data(store, info) for info in found], indent=2))
            return
        rows = [session_row(store, info) for info in found]
        if rows:
            header = ("ID", "began", "length", "speech", "mostly", "takes", "state", "what")
            print_aligned([header, *rows])
        print(_footer(store, found, config, filtered=any(conditions.values())))


def session_row(store: Store, info: SessionInfo) -> Sequence[str]:
    """Cells of a session in a list."""
    from realtime_ser.session.statistics import session_shares

    metadata = info.metadata
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


@click.command("show", cls=Command)
@SESSION_ID
@pass_config
def show(config: Config, *, name: str) -> None:
    """Show all that is known of a session."""
    with opened_store(config) as store:
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

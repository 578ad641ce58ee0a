"""What changes kept sessions: ``rename``, ``note``, ``import``, ``delete``, ``repair`` and such."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from realtime_ser.base.errors import UsageError
from realtime_ser.base.text import count_text, nearest_hint
from realtime_ser.commands.sessions.opened_store import SESSION_ID, opened_store
from realtime_ser.commands.sessions.overview import session_row
from realtime_ser.commands.shared import (
    FILE,
    Command,
    confirmed,
    day,
    pass_config,
    print_aligned,
    progress_bar,
)

if TYPE_CHECKING:
    from realtime_ser.base.config import Config
    from realtime_ser.session.store import SessionInfo, Store


@click.command("rename", cls=Command)
@SESSION_ID
@click.argument("title", metavar="TITLE")
@pass_config
def rename(config: Config, *, name: str, title: str) -> None:
    """Give a session a title."""
    with opened_store(config) as store:
        store.rename(name, title)


@click.command("note", cls=Command)
@SESSION_ID
@click.argument("text", metavar="TEXT")
@pass_config
def note(config: Config, *, name: str, text: str) -> None:
    """Add a note to a session."""
    if not text.strip():
        raise UsageError(f"A note needs words: 'realtime-ser sessions note {name} TEXT'.")
    with opened_store(config) as store:
        store.add_note(name, text)


@click.command("import", cls=Command)
@click.argument("file", type=FILE, metavar="FILE")
@click.option("--into", "name", required=True, metavar="ID", help="The session.")
@click.option("--format", "form", metavar="NAME", help="elan, praat or audacity.")
@click.option("--yes", is_flag=True, help="Do not ask before some thousands are imported.")
@pass_config
def import_file(config: Config, *, file: Path, name: str, form: str | None, yes: bool) -> None:
    """Read other tools' markers and intervals into a session.

    FILE is ELAN's .eaf, Praat's .TextGrid, or a .txt: Audacity's labels, or ELAN's tab-delimited
    text.
    """
    from realtime_ser.exchange.import_annotations import import_annotations

    def agree(count: int) -> bool:
        return yes or confirmed(f"Import {count:,} markers and intervals?")

    with opened_store(config) as store:
        info = store.session(name)
        ask = agree if yes or sys.stdin.isatty() else None
        found = import_annotations(store, info, file, form, ask)
    counts = (found.markers, "marker"), (found.intervals, "interval")
    words = [count_text(len(new), noun) for new, noun in counts if new]
    known = f"; {found.known} were there already" if found.known else ""
    print(f"{' and '.join(words) or 'Nothing new'} imported into {info.id}{known}.")


@click.command("delete", cls=Command)
@click.argument("names", nargs=-1, metavar="[ID]...")
@click.option("--participant", metavar="CODE", help="All of this participant.")
@click.option("--before", type=day, metavar="DATE", help="All begun before this day.")
@click.option("--files", is_flag=True, help="Also its tables outside the store.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_config
def delete(
    config: Config,
    *,
    names: Sequence[str],
    participant: str | None,
    before: datetime | None,
    files: bool,
    yes: bool,
) -> None:
    """Delete sessions, their sound included."""
    with opened_store(config) as store:
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
        print_aligned([session_row(store, info) for info in found])
        for info in found:
            if info.files is not None and (files or not info.named):
                for path in info.files.existing():
                    print(f"  with {path}")
    return confirmed(f"Delete {count_text(len(found), 'session')} for good?")


@click.command("repair", cls=Command)
@pass_config
def repair(config: Config) -> None:
    """Save what can be read of a damaged store; the rest is set aside."""
    with opened_store(config) as store:
        words = store.repair()
        if words is not None:
            print(words)
        elif store.notice is None:
            count = count_text(len(store.sessions()), "session")
            print(f"No damage was found in {store.folder}: {count}.")


@click.command("reanalyse", cls=Command)
@SESSION_ID
@click.option("--model", required=True, metavar="BUNDLE", help="Name or folder of a model bundle.")
@pass_config
def reanalyse_session(config: Config, *, name: str, model: str) -> None:
    """Hear a session's kept sound again, with another model."""
    from realtime_ser.session.analysis.reanalysis import reanalyse

    with opened_store(config) as store:
        info = store.session(name)
        with progress_bar() as bar:
            task = bar.add_task(f"hearing {info.id} again", total=1.0)
            again = reanalyse(store, info, model, lambda share: bar.update(task, completed=share))
    print(f"The session {info.id} was heard again: realtime-ser sessions show {again.id}")

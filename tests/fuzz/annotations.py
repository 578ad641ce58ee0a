"""Annotation files of other tools, imported into a session."""

from __future__ import annotations

import contextlib
import io
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random

from realtime_ser.commands.main import main
from realtime_ser.session.store import Store
from realtime_ser.session.store.database import NAME
from tests import kept_sessions
from tests.audio.sounds import trouble
from tests.fuzz.kind import Kind, Place
from tests.fuzz.mutation import changed_text

STORE = "store"
ID = "id.txt"


def keep_session(folder: Path) -> str:
    """Keep a session of two channels in a new store, and return its ID."""
    store_folder = folder / STORE
    with Store(store_folder) as store:
        kept_sessions.interview(store)
    name = "aaaa"
    number_sessions(store_folder)
    (folder / ID).write_text(name)
    (folder / "config.yaml").write_text(f"sessions:\n  folder: {store_folder}\n")
    return name


def number_sessions(store_folder: Path) -> None:
    """Give the sessions of a store IDs in order, so that it is the same in each run."""
    with closing(sqlite3.connect(store_folder / NAME, isolation_level=None)) as connection:
        rows = connection.execute("SELECT key, id FROM sessions ORDER BY key").fetchall()
        for (key, old), new in zip(rows, ("aaaa", "bbbb", "cccc"), strict=False):
            connection.execute("UPDATE sessions SET id = ? WHERE key = ?", (new, key))
            if (store_folder / old).exists():
                (store_folder / old).rename(store_folder / new)
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def copied_store(place: Place) -> Path:
    """Copy the prepared store to where the program may write; settings that name it."""
    folder = place.data / STORE
    shutil.copytree(place.whole / STORE, folder)
    config = place.data / "config.yaml"
    config.write_text(f"sessions:\n  folder: {folder}\n")
    return config


def export_whole(folder: Path, name: str, to: Path, *words: str) -> None:
    """Export the prepared session."""
    config = ["--config", str(folder / "config.yaml")]
    with contextlib.redirect_stdout(io.StringIO()):
        assert main(["sessions", "export", name, "--to", str(to), *words, *config]) == 0


def _prepare(ending: str, examples: Sequence[str], folder: Path) -> None:
    name = keep_session(folder)
    files = folder / "files"
    files.mkdir()
    export_whole(folder, name, files / f"exported{ending}")
    for other in files.iterdir():
        if other.suffix != ending:  # curves, sound
            other.unlink()
    for example in examples:
        shutil.copyfile(trouble(example), files / example)


def _make(place: Place, chance: Random) -> None:
    chosen = chance.choice(sorted((place.whole / "files").iterdir()))
    data = chosen.read_bytes()
    text = (
        data.decode("utf-8")
        if b"\xff" not in data[:2] and _is_utf8(data)
        else data.decode("latin-1")
    )
    (place.input / f"changed{chosen.suffix}").write_bytes(changed_text(text, chance))


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _take(place: Place, chance: Random) -> None:
    config = copied_store(place)
    (path,) = place.input.iterdir()
    name = (place.whole / ID).read_text()
    run = place.process if chance.random() < 0.001 else place.command
    words = ["--yes"] if chance.random() < 0.9 else []
    if run("sessions", "import", path, "--into", name, *words, "--config", config) == 0:
        if chance.random() < 0.3:
            place.command("sessions", "show", name, "--config", config)
        if chance.random() < 0.1:  # what was taken comes back the same
            again = place.output / f"again{path.suffix}"
            place.command("sessions", "export", name, "--to", again, "--config", config)
            place.command("sessions", "import", again, "--into", name, "--config", config)


def _kind(name: str, ending: str, *examples: str) -> Kind:
    return Kind(name, partial(_prepare, ending, examples), _make, _take)


ELAN = _kind("elan", ".eaf", "d3_time_origin.eaf", "d3_unsorted_slots.eaf")
TEXTGRIDS = _kind("textgrids", ".TextGrid", "d2_latin1.TextGrid", "d2_comment.TextGrid")
LABELS = _kind("labels", ".txt", "d6_clock.txt", "d6_spaces.txt", "d4_elan_tab.txt")

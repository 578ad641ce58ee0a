"""The database of the kept sessions, damaged in its pages or in what they say; and its exports."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random
from xml.etree import ElementTree

from realtime_ser.base.records import Marker
from realtime_ser.session.store import Interval, Store
from realtime_ser.session.store.database import NAME
from tests import kept_sessions
from tests.fuzz.annotations import ID, STORE, copied_store, keep_session, number_sessions
from tests.fuzz.kind import FindingError, Kind, Place
from tests.fuzz.mutation import INTEGERS, NUMBERS, WORDS, changed_bytes, changed_json, odd_value

_PAGE = 4096
_ENDINGS = (".csv", ".eaf", ".TextGrid", ".txt", ".json", ".html", ".svg", ".flac")


def _prepare(folder: Path) -> None:
    keep_session(folder)
    with Store(folder / STORE) as store:
        kept_sessions.keep(store, kept_sessions.records(), audio=True, title="alone")
        store.annotate("aaaa", [], [Interval("phase", 1.0, 3.0, "question", "loud", 1)])
    number_sessions(folder / STORE)
    with closing(sqlite3.connect(folder / STORE / NAME, isolation_level=None)) as connection:
        session = "(SELECT key FROM sessions WHERE id = 'aaaa')"
        when = "2026-03-01T15:00:00+01:00"
        connection.execute(f"INSERT INTO notes VALUES (1, {session}, '{when}', 'ask again')")
        connection.execute(f"INSERT INTO anchors VALUES (1, {session}, 0, 5.0, 5.0, '{when}')")


# ------------------------------------------------------------------------------------------- pages


def _make_pages(place: Place, chance: Random) -> None:
    data = bytearray((place.whole / STORE / NAME).read_bytes())
    pages = len(data) // _PAGE
    for _ in range(chance.choice((1, 1, 2, 4))):
        start = _PAGE * chance.randrange(pages)
        page = bytes(data[start : start + _PAGE])
        match chance.randrange(6):
            case 0:
                page = chance.randbytes(_PAGE)
            case 1:
                page = bytes(_PAGE)
            case 2:
                other = _PAGE * chance.randrange(pages)
                page = bytes(data[other : other + _PAGE])
            case _:
                page = (changed_bytes(page, chance, 100) + bytes(_PAGE))[:_PAGE]
        data[start : start + _PAGE] = page
    if chance.random() < 0.15:
        data[:100] = (changed_bytes(bytes(data[:100]), chance) + bytes(100))[:100]
    if chance.random() < 0.1:
        del data[chance.randrange(len(data)) :]
    (place.input / NAME).write_bytes(data)


# ------------------------------------------------------------------------------------------ values


def _make_values(place: Place, chance: Random) -> None:
    """Change some values of the tables, in a database that is sound."""
    path = place.input / NAME
    path.write_bytes((place.whole / STORE / NAME).read_bytes())
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA synchronous = OFF")
        tables = [
            row[0]
            for row in connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            )
        ]
        for _ in range(chance.choice((1, 1, 2, 3))):
            table = chance.choice((*tables, "sessions", "updates"))
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            column = chance.choice(columns)
            rows = connection.execute(f"SELECT key, {column} FROM {table}").fetchall()
            if not rows:
                continue
            key, old = chance.choice(rows)
            try:
                connection.execute(
                    f"UPDATE OR REPLACE {table} SET {column} = ? WHERE key = ?",
                    (_odd_cell(old, chance), key),
                )
            except (sqlite3.Error, OverflowError):  # which SQLite itself refuses
                continue


def _odd_cell(old: object, chance: Random) -> object:
    if isinstance(old, bytes) and chance.random() < 0.7:
        return changed_bytes(old, chance)
    if isinstance(old, str) and old[:1] in ("[", "{") and chance.random() < 0.7:
        return changed_json(json.loads(old), chance).decode("utf-8", "replace")
    value = chance.choice(
        (
            chance.choice(WORDS),
            chance.choice(NUMBERS),
            chance.choice((1, -1)) * (chance.choice(INTEGERS) % 2**63),
            chance.choice((1e308, -1.5, float("inf"), 1e-310)),
            None,
            b"\xff\xfe",
            odd_value(chance),
        )
    )
    return json.dumps(value) if isinstance(value, dict | list) else value


# -------------------------------------------------------------------------------------------- both


def _take(place: Place, chance: Random) -> None:
    """List, show, export and repair it; afterwards it can be used."""
    config = copied_store(place)
    folder = config.parent / STORE
    (folder / NAME).write_bytes((place.input / NAME).read_bytes())
    options = ("--config", config)
    name = (place.whole / ID).read_text()
    run = place.process if chance.random() < 0.0005 else place.command
    actions = [
        ("list",),
        ("list", "--json"),
        ("list", "--search", "o"),
        ("show", name),
        ("export", name, "--to", place.output / f"out{chance.choice(_ENDINGS)}"),
    ]
    for words in chance.sample(actions, 2):
        run("sessions", *words, *options)
    if place.command("sessions", "repair", *options) != 0:
        if place.command("sessions", "list", *options) == 0:
            raise FindingError("a store that can be read cannot be repaired")
        return
    if place.command("sessions", "list", "--json", *options) != 0:
        raise FindingError("a store that was repaired cannot be listed")
    with Store(folder) as store:
        names = [info.id for info in store.sessions()]
    if not names:
        return
    name = chance.choice(names)
    ending = chance.choice(_ENDINGS[:-1])
    for words in (("show", name), ("export", name, "--to", place.output / f"repaired{ending}")):
        if place.command("sessions", *words, *options) != 0:
            raise FindingError(f"of a store that was repaired, '{words[0]}' fails")
    if chance.random() < 0.3 and place.command("sessions", "delete", name, "--yes", *options) != 0:
        raise FindingError("of a store that was repaired, a session cannot be deleted")


PAGES = Kind("store-pages", _prepare, _make_pages, _take)
VALUES = Kind("store-values", _prepare, _make_values, _take)


# ----------------------------------------------------------------------------------------- exports


def _prepare_exports(folder: Path) -> None:
    keep_session(folder)


def _make_words(place: Place, chance: Random) -> None:
    """Make what people may write of a session."""
    words = [_word(chance) for _ in range(8)]
    times = [round(chance.uniform(0, 8), chance.choice((0, 1, 6, 12))) for _ in range(4)]
    (place.input / "words.json").write_text(json.dumps([words, sorted(times)]))


def _word(chance: Random) -> str:
    return "".join(
        chance.choice((*WORDS[:-1], "a b", *NUMBERS)) for _ in range(chance.choice((1, 1, 2, 5)))
    )


def _take_exports(place: Place, chance: Random) -> None:
    """Keep them, export the session in all formats, read these, and import what was exported."""
    config = copied_store(place)
    options = ("--config", config)
    name = (place.whole / ID).read_text()
    words, times = json.loads((place.input / "words.json").read_text("utf-8"))
    with Store(config.parent / STORE) as store:
        place.call(store.rename, name, words[0])
        place.call(store.add_note, name, words[1])
        place.call(store.add_marker, name, Marker(times[0], words[2], words[3]))
        place.call(
            store.add_marker, name, Marker(times[1], words[4], duration_s=times[2] - times[1])
        )
        interval = Interval(
            words[5], times[2], times[3], words[6], words[7], chance.choice((None, 1, 2))
        )
        place.call(store.annotate, name, [], [interval])
    place.command("sessions", "list", "--search", words[2], *options)
    place.command("sessions", "show", name, *options)
    for ending in chance.sample(_ENDINGS[:-1], 2):
        path = place.output / ending[1:] / f"out{ending}"
        path.parent.mkdir()
        if place.command("sessions", "export", name, "--to", path, *options) != 0:
            raise FindingError(f"a session cannot be exported as {ending}")
        _check_export(path)
        if ending not in (".eaf", ".TextGrid", ".txt"):
            continue
        if place.command("sessions", "import", path, "--into", name, *options) != 0:
            raise FindingError(f"what was exported as {ending} cannot be imported")


def _check_export(path: Path) -> None:
    """Read a file as others would."""
    if path.suffix == ".json":
        json.loads(path.read_text("utf-8"))
    elif path.suffix in (".eaf", ".svg"):
        ElementTree.parse(path)
    elif path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        assert {len(row) for row in rows} == {len(rows[0])}


EXPORTS = Kind("exports", _prepare_exports, _make_words, _take_exports)

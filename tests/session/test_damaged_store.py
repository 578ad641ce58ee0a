"""A store whose bytes were damaged: found when met, and saved session by session."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from realtime_ser.base.errors import BusyStoreError, DamagedStoreError
from realtime_ser.commands.main import main
from realtime_ser.session.store import Interval, SessionState, Store, reader
from realtime_ser.session.store.database import NAME
from tests import kept_sessions as made

PAGE = 4096


def test_measures_that_make_no_sense_are_lost_alone(tmp_path):
    with Store(tmp_path) as store:
        info = made.keep(store, made.records())
        kept = content(store, info, channels=(1,))
    with closing(sqlite3.connect(tmp_path / NAME)) as connection:
        connection.execute("UPDATE updates SET voice = x'00112233'")
        connection.commit()
    with Store(tmp_path) as store:
        with pytest.raises(DamagedStoreError, match="are damaged"):
            store.columns(info.id)
        assert "1 with losses" in store.repair()
        assert content(store, info, channels=(1,)) == kept
        assert all(update.voice is None for update in store.updates(info.id))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A store of six sessions."""
    folder = tmp_path_factory.mktemp("whole")
    with Store(folder) as store:
        for number in range(6):
            records = [*made.records((1, 2)), *made.MARKERS]
            writer = store.begin(made.metadata(channels=(1, 2), title=f"take {number}"))
            for start in range(0, len(records), 20):
                writer.feed(records[start : start + 20])
                writer.flush()
            writer.finish()
    return folder


@pytest.fixture
def damaged(whole, tmp_path):
    """Return a copy of the store, of whose pages some are overwritten."""

    def damage(pages, data=bytes(PAGE)):
        folder = tmp_path / "store"
        shutil.copytree(whole, folder, dirs_exist_ok=True)
        with (folder / NAME).open("r+b") as file:
            for page in pages:
                file.seek(page * PAGE)
                file.write(data)
        return folder

    return damage


def pages_of(folder, table):
    """Numbers of the pages of a table or index, from 0, its root first."""
    with closing(sqlite3.connect(folder / NAME)) as connection:
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)
        ).fetchone()
    data = (folder / NAME).read_bytes()

    def below(number):
        page = data[number * PAGE : (number + 1) * PAGE]
        yield number
        if page[0] in (2, 5):  # interior: children by its cells, and the rightmost one
            count = int.from_bytes(page[3:5], "big")
            for cell in range(count):
                at = int.from_bytes(page[12 + 2 * cell : 14 + 2 * cell], "big")
                yield from below(int.from_bytes(page[at : at + 4], "big") - 1)
            yield from below(int.from_bytes(page[8:12], "big") - 1)

    return list(below(root - 1))


def content(store, info, channels=(1, 2)):
    return (
        *(store.columns(info.id, channel).records.tobytes() for channel in channels),
        store.markers(info.id),
        [(one.number, one.channel, one.start_s, one.end_s) for one in store.segments(info.id)],
    )


def check(folder):
    with closing(sqlite3.connect(folder / NAME)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchone()[0]


def saved(folder):
    """Repair, and return the notice and how many sessions are as they were."""
    with Store(folder) as store:
        notice = store.notice or store.repair()
        assert check(folder) == "ok"
        return notice, store.sessions()


def test_a_damaged_leaf_of_the_steps_costs_its_own_rows_and_is_told(whole, damaged):
    leaf = pages_of(whole, "updates")[3]
    folder = damaged([leaf])
    before = (folder / NAME).read_bytes()
    with Store(whole) as store:
        was = {info.id: content(store, info) for info in store.sessions()}
    notice, infos = saved(folder)
    assert "6 sessions saved, 1 with losses" in notice
    with Store(folder) as store:
        different = [info for info in infos if content(store, info) != was[info.id]]
        (info,) = different
        assert "of it were lost when the store was damaged" in info.health.error
        assert info.state_text == "incomplete"
        assert info.id in notice
        assert 0 < len(store.columns(info.id, 1)) + len(store.columns(info.id, 2)) < 200
    (aside,) = folder.glob("sessions.damaged-*.sqlite")
    assert aside.read_bytes() == before, "nothing was written into the damaged one"


@pytest.mark.parametrize(
    "index", ["updates_by_step", "segments_by_session", "markers_by_session", "channels"]
)
def test_a_damaged_index_costs_nothing(index, whole, damaged):
    name = f"sqlite_autoindex_{index}_1" if index == "channels" else index
    folder = damaged(pages_of(whole, name))
    with Store(whole) as store:
        was = [content(store, info) for info in store.sessions()]
    notice, infos = saved(folder)
    assert "6 sessions saved; " in notice
    with Store(folder) as store:
        assert [content(store, info) for info in infos] == was


@pytest.fixture
def changed_byte(whole, damaged):
    """A store in which one bit of one level has changed, and the ID of its session."""
    folder = damaged([])
    with closing(sqlite3.connect(folder / NAME)) as connection:
        data, name = connection.execute(
            "SELECT data, id FROM updates JOIN sessions ON sessions.key = session "
            "WHERE channel = 1 AND first_step > 40 ORDER BY updates.key LIMIT 1"
        ).fetchone()
    stored = bytearray((folder / NAME).read_bytes())
    stored[stored.index(data) + 24] ^= 1  # the lowest bit of the first level_dbfs
    (folder / NAME).write_bytes(stored)
    return folder, name


def test_a_changed_byte_of_a_step_is_told_where_it_is_read(changed_byte):
    folder, name = changed_byte
    assert check(folder) == "ok", "SQLite sees nothing"
    with Store(folder) as store:
        with pytest.raises(
            DamagedStoreError, match=r"have changed.*'realtime-ser sessions repair'"
        ):
            store.columns(name, 1)
        with pytest.raises(DamagedStoreError):
            list(store.updates(name))
        assert len(store.columns(name, 2)) == 100
        assert all(len(store.columns(i.id, 1)) for i in store.sessions() if i.id != name)


def test_a_changed_byte_of_a_step_costs_its_own_row(whole, changed_byte):
    folder, name = changed_byte
    with Store(whole) as store:
        was = {info.id: content(store, info) for info in store.sessions()}
        steps = set(store.columns(name, 1).step.tolist())
    notice, infos = saved(folder)
    assert f"6 sessions saved, 1 with losses ({name} lacks 0.8 s)" in notice
    with Store(folder) as store:
        assert all(content(store, info) == was[info.id] for info in infos if info.id != name)
        left = store.columns(name, 1).step.tolist()
        assert len(left) == len(steps) - 10
        assert set(left) < steps
        assert content(store, store.session(name))[1:] == was[name][1:]


def test_rows_of_earlier_versions_have_no_checksum_and_stay_readable(changed_byte):
    folder, name = changed_byte
    with closing(sqlite3.connect(folder / NAME)) as connection, connection:
        connection.execute("UPDATE updates SET crc32 = NULL")
    with Store(folder) as store:
        assert len(store.columns(name, 1)) == 100
        assert store.repair() is None


@pytest.mark.parametrize("rows", [1, 3])
def test_however_many_rows_are_read_at_once_steps_follow_each_other(monkeypatch, damaged, rows):
    folder = damaged([])
    with Store(folder) as store:
        name = store.sessions()[0].id
        whole = store.columns(name, 1)
        monkeypatch.setattr(reader, "_FETCH", rows)
        paged = store.columns(name, 1)
        assert paged.records.tobytes() == whole.records.tobytes()
        assert paged.voice.tobytes() == whole.voice.tobytes()
    with closing(sqlite3.connect(folder / NAME)) as connection, connection:
        first = "SELECT min(key) FROM updates WHERE channel = 1"
        connection.execute(
            f"UPDATE updates SET data = (SELECT data FROM updates WHERE key = ({first})), "
            f"crc32 = NULL WHERE channel = 1 AND key <> ({first})"
        )
    with Store(folder) as store, pytest.raises(DamagedStoreError):
        store.columns(name, 1)


def test_any_page_may_be_damaged_and_no_error_is_unexplained(whole, damaged):
    """Whatever was hit, the store can be used again, and is as SQLite wants it."""
    pages = (whole / NAME).stat().st_size // PAGE
    rng = random.Random(7)
    for page in range(pages):
        folder = damaged([page], rng.randbytes(PAGE))
        notice, infos = saved(folder)
        assert "were damaged: " in notice
        with Store(folder) as store:
            for info in infos:
                content(store, info)
            made.keep(store, made.records())
        shutil.rmtree(folder)


def test_what_makes_no_sense_is_damage_too(damaged, capsys, tmp_path):
    folder = damaged([])
    with closing(sqlite3.connect(folder / NAME)) as connection:
        (key, data) = connection.execute("SELECT key, data FROM updates LIMIT 1").fetchone()
        connection.execute("UPDATE updates SET data = ? WHERE key = ?", (data[:-1], key))
        connection.execute("UPDATE sessions SET source = '{' WHERE key = 3")
        connection.commit()
    config = tmp_path / "mine.yaml"
    config.write_text(f"sessions: {{folder: '{folder}'}}\n")
    assert main(["sessions", "list", "--config", str(config)]) == 1
    assert "'realtime-ser sessions repair' saves what can be read" in capsys.readouterr().err
    assert main(["sessions", "repair", "--config", str(config)]) == 0
    assert "6 sessions saved, 2 with losses" in capsys.readouterr().out
    assert main(["sessions", "list", "--config", str(config)]) == 0
    assert main(["sessions", "repair", "--config", str(config)]) == 0
    assert "No damage was found" in capsys.readouterr().out


NONSENSE = {
    "segments": (
        "start_s = 'soon'",
        "end_s = 1e999",
        "quality = 'loud'",
        "probabilities = x'00'",
        "voiced_s = 1e999",
        "label = CASE number WHEN 1 THEN label ELSE 'nobody' END",
        "voice = x'00'",
        f"voice = x'0000807f{'00' * 20}'",  # infinite
    ),
    "markers": ("time_s = x'ff'", "wall = 'noon'", "text = x'01'"),
    "intervals": ("start_s = 'a'", "end_s = -1.0", "tier = ''"),
    "notes": ("written = 'long ago'",),
    "anchors": ("wall = '2026'", "adc_s = 'x'"),
    "channels": ("updates = 'many'", "last_step = 1e18", "channel = -channel"),
    "sessions": (
        *("source = '{\"name\": 1}'", "source = replace(source, '8000', '0')", "labels = '[]'"),
        *(
            "labels = '7'",
            "provenance = '[]'",
            "provenance = 'NaN'",
            """provenance = '{"config": {"voice": true}}'""",
            "model = ''",
            "title = x'ff'",
        ),
        *("started = '2026-01-01'", "consent = 'yes'", "dropped_samples = 'x'", "audio = x'00'"),
        *("files = x'002f'", "files = '/'", "state = 'asleep'"),
    ),
}


@pytest.mark.parametrize(
    ("table", "change"), [(table, one) for table, changes in NONSENSE.items() for one in changes]
)
def test_a_value_that_no_session_has_is_damage_and_is_saved_around(
    table, change, damaged, capsys, tmp_path
):
    folder = damaged([])
    with Store(folder) as store:
        name = store.sessions()[2].id
        store.annotate(name, [], [Interval("phase", 1.0, 2.0, "calm")])
        store.add_note(name, "ask again")
    with closing(sqlite3.connect(folder / NAME)) as connection:
        when = "2026-03-01T15:00:00+01:00"
        connection.execute(f"INSERT INTO anchors VALUES (1, 3, 0, 5.0, 5.0, '{when}')")
        owner = "key" if table == "sessions" else "session"
        found = connection.execute(f"UPDATE {table} SET {change} WHERE {owner} = 3")
        assert found.rowcount > 0
        connection.commit()
    config = tmp_path / "mine.yaml"
    config.write_text(f"sessions: {{folder: '{folder}'}}\n")
    settings = ("--config", str(config))
    seen = [main(["sessions", words, *settings]) for words in ("list",)]
    seen += [main(["sessions", "show", name, *settings])]
    seen += [main(["sessions", "export", name, "--to", str(tmp_path / "a.csv"), *settings])]
    assert set(seen) <= {0, 1}
    assert "unexpected" not in capsys.readouterr().err
    assert main(["sessions", "repair", *settings]) == 0
    assert (
        "saved, 1 with losses" in capsys.readouterr().out
        or "labels" in change
        or "started" in change
    )
    with Store(folder) as store:
        infos = store.sessions()
        assert len(infos) == 5 + (change.split()[0] not in ("labels", "started"))
        for info in infos:
            content(store, info)
            store.intervals(info.id), store.notes(info.id), store.anchors(info.id)
    assert main(["sessions", "repair", *settings]) == 0
    assert "No damage was found" in capsys.readouterr().out


def test_a_session_whose_name_is_lost_hinders_no_other(damaged, capsys, tmp_path):
    folder = damaged([])
    with closing(sqlite3.connect(folder / NAME)) as connection:
        connection.execute("UPDATE sessions SET id = x'ff' WHERE key = 3")
        connection.commit()
    config = tmp_path / "mine.yaml"
    config.write_text(f"sessions: {{folder: '{folder}'}}\n")
    assert main(["sessions", "show", "zzzz", "--config", str(config)]) == 2
    assert "There is no session 'zzzz'" in capsys.readouterr().err
    assert main(["sessions", "repair", "--config", str(config)]) == 0
    assert "5 sessions saved, 1 lost" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["..", ".", "../../other", "", "/"])
def test_a_session_whose_name_leads_elsewhere_deletes_nothing(name, damaged, capsys, tmp_path):
    folder = damaged([])
    with closing(sqlite3.connect(folder / NAME)) as connection:
        connection.execute("UPDATE sessions SET id = ? WHERE key = 3", (name,))
        connection.commit()
    before = sorted(tmp_path.rglob("*"))
    config = tmp_path / "mine.yaml"
    config.write_text(f"sessions: {{folder: '{folder}'}}\n")
    assert main(["sessions", "delete", name, "--yes", "--config", str(config)]) == 1
    assert "'id' of 'sessions' makes no sense" in capsys.readouterr().err
    assert set(before) <= set(tmp_path.rglob("*"))


def test_a_name_in_the_schema_that_is_no_text_is_damage(damaged):
    folder = damaged([])
    data = bytearray((folder / NAME).read_bytes())
    data[data.index(b"duration_s", data.index(b"CREATE TABLE markers"))] = 0xFF
    (folder / NAME).write_bytes(data)
    with Store(folder) as store:
        assert "were damaged" in store.repair()
        infos = store.sessions()
        assert len(infos) == 6
        assert all(len(store.columns(info.id)) for info in infos)
        assert store.repair() is None


def test_a_header_that_forbids_writing_is_damage(damaged):
    folder = damaged([])
    with (folder / NAME).open("r+b") as file:
        file.seek(18)
        file.write(b"\x7f")
    with Store(folder) as store:
        infos = store.sessions()
        with pytest.raises(DamagedStoreError, match="'realtime-ser sessions repair'"):
            store.rename(infos[0].id, "cannot be written")
        assert "6 sessions saved" in str(store.repair())
        assert [info.id for info in store.sessions()] == [info.id for info in infos]
        store.rename(infos[0].id, "can be written")


def test_a_session_without_its_channels_has_them_again(damaged):
    folder = damaged([])
    with closing(sqlite3.connect(folder / NAME)) as connection:
        connection.execute("DELETE FROM channels WHERE session = 3")
        connection.execute("DELETE FROM channels WHERE session = 4")
        connection.execute("DELETE FROM updates WHERE session = 4")
        connection.commit()
    with Store(folder) as store:
        with pytest.raises(DamagedStoreError, match="without channels"):
            store.sessions()
        assert "6 sessions saved, 2 with losses" in store.repair()
        numbers = [info.metadata.channels for info in store.sessions()]
        assert numbers == [(1, 2), (1, 2), (1, 2), (1,), (1, 2), (1, 2)]
        assert [len(store.columns(info.id, 1)) for info in store.sessions()] == [100] * 3 + [
            0,
            100,
            100,
        ]


def test_a_store_that_was_cut_is_saved_as_far_as_it_goes(damaged):
    folder = damaged([])
    os.truncate(folder / NAME, (folder / NAME).stat().st_size * 3 // 4)
    notice, infos = saved(folder)
    assert "with losses" in notice
    assert len(infos) == 6
    assert any(info.health.error is None for info in infos)


def test_damage_that_a_running_session_meets_costs_it_nothing(whole, damaged):
    folder = damaged([])
    with Store(folder) as store:
        writer = store.begin(made.metadata())
        made_records = made.records()
        writer.feed(made_records[:50])
        writer.flush()
        with closing(sqlite3.connect(folder / NAME)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            with (folder / NAME).open("r+b") as file:
                for page in pages_of(folder, "updates")[-2:]:
                    file.seek(page * PAGE)
                    file.write(bytes(PAGE))
            other.execute("UPDATE sessions SET title = 'new' WHERE key = 1")
            other.commit()  # so that the writer reads its pages again
        for start in range(50, len(made_records)):
            writer.feed(made_records[start : start + 1])
            writer.flush()
        writer.finish()
        assert list(folder.glob("sessions.damaged-*.sqlite"))
        assert check(folder) == "ok"
        stored = store.columns(writer.id)
        assert stored.step[-1] == 99, "it goes on"
        assert len(stored) >= 49, "and lacks no more than what lay on the damaged pages"
        assert "lost when the store was damaged" in store.session(writer.id).health.error
        assert "with losses" in writer.loss


HOLD = """
import sys
from pathlib import Path
from realtime_ser.session.store import Store
from tests import kept_sessions as made
with Store(Path(sys.argv[1])) as store:
    writer = store.begin(made.metadata())
    print(writer.id, flush=True)
    sys.stdin.read()
    writer.discard()
"""


def test_a_damaged_store_is_not_taken_from_a_session_that_runs(damaged, whole):
    folder = damaged([])
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        name = other.stdout.readline().strip().decode()
        leaf = pages_of(whole, "updates")[3]
        with (folder / NAME).open("r+b") as file:
            file.seek(leaf * PAGE)
            file.write(bytes(PAGE))
        with Store(folder) as store:
            with pytest.raises(DamagedStoreError, match=f"end the session {name}"):
                store.repair()
            other.communicate(timeout=30)
            assert "6 sessions saved" in store.repair()


def test_a_store_that_another_program_holds_is_told_soon(tmp_path):
    with Store(tmp_path) as store:
        pass
    with closing(sqlite3.connect(tmp_path / NAME)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(BusyStoreError, match="Another program uses the store"):
            Store(tmp_path, patience_s=0.1)
        other.execute("ROLLBACK")
    with Store(tmp_path) as store:
        assert store.sessions() == []
        assert SessionState.RUNNING not in {info.state for info in store.sessions()}

"""``realtime-ser sessions``: what it finds, shows, writes and deletes."""

from __future__ import annotations

import csv
import io
import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import soundfile

from realtime_ser.base.config import Config
from realtime_ser.base.labels import LABELS
from realtime_ser.base.records import Quality, State
from realtime_ser.base.text import size_text
from realtime_ser.commands.main import main
from realtime_ser.session.live import LiveSession
from realtime_ser.session.store import Interval, Query, SessionState, open_store
from realtime_ser.session.store.blobs import QUALITIES, STATES


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def play(wav, *more):
    """Monitor a file as fast as it goes."""
    return main(["--headless", "--input", str(wav), "--speed", "0", *map(str, more)])


def sessions(*arguments):
    return main(["sessions", *map(str, arguments)])


@pytest.fixture
def store():
    with open_store(Config()) as opened:
        yield opened


@pytest.fixture
def sentence_wav(speech_wav, tmp_path):
    """The first sentence alone."""
    speech, rate = soundfile.read(speech_wav, dtype="int16", frames=16_000 * 5)
    path = tmp_path / "sentence.wav"
    soundfile.write(path, speech, rate)
    return path


@pytest.fixture
def kept(sentence_wav, store, capsys):
    """Keep a session of one sentence, and return its ID."""

    def make(*more):
        before = {info.id for info in store.sessions()}
        assert play(sentence_wav, *more) == 0
        capsys.readouterr()
        (made,) = (info.id for info in store.sessions() if info.id not in before)
        return made

    return make


def live(config, *, act=lambda monitor: None, export=None):
    """Run a session through, and do something in it."""
    session = LiveSession(Config.model_validate(config), export)
    records = session.monitor.subscribe()
    session.start()
    act(session.monitor)
    for _ in records:
        pass
    session.stop()
    assert session.error is None
    return session


# ---------------------------------------------------------------------------------- list and show


def test_sessions_are_found_by_what_is_known_of_them(kept, store, capsys):
    first = kept("--study", "Sleep", "--participant", "P07", "--condition", "noon")
    second = kept()
    sessions("rename", second, "100 % quiet")
    sessions("note", second, "a dog barked")
    store.annotate(first, intervals=[Interval("phase", 0.5, 2.0, "warm-up", "with the coach")])
    (label, *_) = store.shares(first)
    absent = next(name for name in LABELS if name not in store.shares(first))

    def found(*arguments):
        assert sessions("list", "--json", *arguments) == 0
        return [info["id"] for info in json.loads(capsys.readouterr().out)]

    assert found() == [first, second]
    assert found("--search", "NOON") == [first]
    assert found("--search", "sleep") == [first]
    assert found("--search", "0 % q") == [second]
    assert found("--search", "0_%_q") == []
    assert found("--search", "dog") == [second]
    assert found("--search", "WARM") == found("--search", "the coach") == [first]
    day = store.session(first).metadata.started.strftime("%Y-%m-%d")
    assert found("--search", day) == [first, second]
    assert found("--search", "sentence.wav") == [first, second]
    assert found("--participant", "P07") == [first]
    assert found("--participant", "P0") == []
    assert found("--study", "Sleep") == [first]
    assert found("--label", label) == [first, second]
    assert found("--label", absent) == []
    assert found("--since", "2020-01-01") == [first, second]
    assert found("--since", "2999-01-01") == []
    assert found("--search", "dog", "--participant", "P07") == []


def test_the_list_tells_length_state_and_what_it_takes(kept, store, capsys):
    name = kept("--record-audio")
    assert sessions("--search", "nowhere to be found") == 0
    assert name not in capsys.readouterr().out
    assert sessions() == 0
    header, line, footer = capsys.readouterr().out.splitlines()
    assert header.split() == ["ID", "began", "length", "speech", "mostly", "takes", "state", "what"]
    assert line.startswith(name)
    length = round(store.session(name).duration_s)
    assert f"  00:00:0{length}  " in line
    assert "complete" in line
    assert "sound kept" in line
    assert footer.startswith("1 session; ")
    assert str(store.folder) in footer


def test_a_session_is_shown_with_its_title_and_notes(kept, store, capsys):
    name = kept("--participant", "P07", "--consent")
    assert sessions("rename", name, "First take") == 0
    assert sessions("note", name, "Coughing.") == 0
    store.annotate(name, intervals=[Interval("phase", 0.5, 2.0, "warm-up")])
    assert sessions("show", name) == 0
    said = capsys.readouterr().out
    for words in (name, "First take", "complete", "sentence.wav", "P07", "consent", "Coughing."):
        assert words in said
    assert "00:00:00 to 00:00:02  phase: warm-up" in said
    assert "not kept" in said


def test_consent_is_kept_with_its_time(kept, store):
    before = datetime.now(UTC)
    name = kept("--consent")
    consent = store.session(name).metadata.study.consent
    assert before - timedelta(seconds=1) <= consent <= datetime.now(UTC)
    assert store.session(kept()).metadata.study.consent is None


@pytest.mark.parametrize(
    "action",
    [["show"], ["rename", "T"], ["note", "T"], ["export", "--to", "o.csv"], ["delete", "--yes"]],
    ids=lambda action: action[0],
)
def test_an_unknown_id_is_told_with_the_nearest(action, kept, capsys):
    name = kept()
    wrong = name[:3] + ("2" if name[3] != "2" else "3")
    assert sessions(action[0], wrong, *action[1:]) == 2
    assert capsys.readouterr().err == (
        f"realtime-ser: error: There is no session '{wrong}'; did you mean '{name}'?\n"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["shwo"], "There is no action 'shwo'; did you mean 'show'?"),
        (["list", "--serach", "x"], "There is no option '--serach'; did you mean '--search'?"),
        (["--serach", "x"], "There is no option '--serach'; did you mean '--search'?"),
        (["list", "all"], "'all' is one word too many."),
        (["list", "--since", "soon"], "'soon' must be a date such as 2026-03-01"),
        (["export"], "'export ID --to OUT.csv'"),
        (
            ["export", "--format", "bar"],
            "csv, elan, praat, audacity, nova, bids, json, html, png, svg, wav, flac, corpus.",
        ),
        (
            ["export", "--study", "None", "--tidy", "t.csv"],
            "No session belongs to the study 'None'",
        ),
        (["delete", "--yes"], "Say what to delete"),
        (["delete", "--participant", "P7", "--yes"], "No session belongs to a participant 'P7'"),
        (["reanalyse", "abcd"], "--model"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_gets_one_sentence(arguments, sentence, capsys):
    assert sessions(*arguments) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


# ----------------------------------------------------------------------------------------- export


def test_lines_are_drawn_in_pictures_and_the_report_alone(kept, tmp_path, capsys):
    name = kept()
    assert sessions("export", name, "--to", tmp_path / "talk.csv", "--lines") == 2
    assert "Lines are drawn in a .html, a .png or a .svg." in capsys.readouterr().err
    assert list(tmp_path.glob("talk*")) == []
    assert sessions("export", name, "--to", tmp_path / "talk.html", "--lines") == 0


def test_an_export_is_what_the_monitor_wrote_byte_for_byte(
    speech_stereo_wav, tmp_path, store, capsys
):
    def act(monitor):
        monitor.mark('=a, "b"\n', "c", 1.5)
        monitor.mark()

    config = {
        "audio": {
            "input": str(speech_stereo_wav),
            "speed": 0,
            "channels": [2, 1],
            "channel_names": ["client", "=coach"],
        }
    }
    session = live(config, act=act, export=tmp_path / "out.csv")
    assert sessions("export", session.id, "--to", tmp_path / "again.csv") == 0
    said = capsys.readouterr().out
    for ending in ("csv", "segments.csv", "markers.csv", "json"):
        written = (tmp_path / f"out.{ending}").read_bytes()
        assert (tmp_path / f"again.{ending}").read_bytes() == written
        assert str(tmp_path / f"again.{ending}") in said
    assert {row["channel"] for row in rows(tmp_path / "out.csv")} == {"client", "'=coach"}
    assert {row["channel"] for row in rows(tmp_path / "out.segments.csv")} == {"client", "'=coach"}
    assert len(rows(tmp_path / "out.markers.csv")) == 2


def test_an_export_replaces_nothing(kept, tmp_path, capsys):
    name = kept()
    (tmp_path / "out.json").write_text("mine")
    assert sessions("export", name, "--to", tmp_path / "out.csv") == 1
    assert "out.json exists already" in capsys.readouterr().err
    assert (tmp_path / "out.json").read_text() == "mine"
    assert not (tmp_path / "out.csv").exists()


def test_a_study_is_a_row_for_each_participant_interval_and_label(
    speech_stereo_wav, tmp_path, store
):
    config = {
        "audio": {
            "input": str(speech_stereo_wav),
            "speed": 0,
            "channels": [1, 2],
            "channel_names": ["coach", "client"],
        },
        "study": {"name": "Trial", "participant": "P07", "condition": "A"},
    }
    first = live(config, export=tmp_path / "first.csv")
    config["study"]["participant"] = "P08"
    second = live(config, export=tmp_path / "second.csv")
    for name, begin_s, length_s in (("question", 1.0, 3.0), ("answer", 4.0, 2.5)):
        marker = replace(_marker(begin_s), code=name, duration_s=length_s)
        store.add_marker(second.id, marker)
    store.add_marker(second.id, _marker(2.0))
    assert sessions("export", "--study", "Trial", "--tidy", tmp_path / "tidy.csv") == 0
    tidy = rows(tmp_path / "tidy.csv")
    assert len(tidy) == (1 + 2) * 2 * len(LABELS)
    assert {(row["session"], row["participant"], row["interval"]) for row in tidy} == {
        (first.id, "P07", "session"),
        (second.id, "P08", "question"),
        (second.id, "P08", "answer"),
    }
    frames = {first.id: rows(tmp_path / "first.csv"), second.id: rows(tmp_path / "second.csv")}
    for row in tidy:
        start_s, end_s = float(row["start_s"]), float(row["end_s"])
        inside = [
            frame
            for frame in frames[row["session"]]
            if frame["channel"] == row["channel"]
            and start_s <= float(frame["time_s"]) - 0.04 < end_s
        ]
        spoken = [frame for frame in inside if frame["speech"] == "1"]
        assert float(row["speech_s"]) == pytest.approx(0.08 * len(spoken), abs=0.006)
        assert row["lost_s"] == "0.00"
        counted = [frame for frame in spoken if Quality(frame["quality"]).usable]
        left_out_s = 0.08 * (len(spoken) - len(counted))
        assert float(row["left_out_s"]) == pytest.approx(left_out_s, abs=0.006)
        if counted:
            mean = np.mean([float(frame[row["label"]]) for frame in counted])
            assert float(row["mean_probability"]) == pytest.approx(mean, abs=2e-6)
            share = np.mean([int(frame["certain"]) for frame in counted])
            assert float(row["certain_share"]) == pytest.approx(share, abs=1e-6)
        else:
            assert row["mean_probability"] == row["certain_share"] == ""
    assert any(row["mean_probability"] for row in tidy)


def _marker(time_s):
    from realtime_ser.base.records import Marker

    return Marker(time_s, "a moment")


# ----------------------------------------------------------------------------------------- delete


def test_what_is_deleted_is_gone_for_good(kept, store, capsys):
    gone = kept("--record-audio", "--participant", "P07", "--study", "Kwyjibo")
    stays = kept("--participant", "P08")
    sessions("note", gone, "Zanzibar Zeppelin")
    before = store.session(gone)
    before.files.draft.write_text("what a full disk left of P07", encoding="utf-8")
    assert b"Zanzibar" in contents(store.folder)
    assert sessions("delete", "--participant", "P07", "--yes") == 0
    assert "1 session deleted" in capsys.readouterr().out
    assert [info.id for info in store.sessions()] == [stays]
    assert not before.audio.parent.exists()
    assert list(before.files.steps.parent.glob(f"{before.files.steps.stem}.*")) == []
    left = contents(store.folder)
    assert b"Zanzibar" not in left
    assert b"Kwyjibo" not in left
    assert store.columns(stays).step.tobytes()


def contents(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_places_of_what_was_deleted_are_given_back(kept, store):
    def pages(which="page_count"):
        return store._connection.execute(f"PRAGMA {which}").fetchone()[0]

    empty = pages()
    names = [kept() for _ in range(4)]
    assert pages() > empty + 4
    assert sessions("delete", *names, "--yes") == 0
    assert pages() <= empty + 1
    assert pages("freelist_count") == 0


def test_tables_that_a_person_named_are_left_and_told(kept, tmp_path, store, capsys):
    out = tmp_path / "mine.csv"
    assert sessions("delete", kept("--export", out), "--yes") == 0
    assert f"Left, since you named it: {out}" in capsys.readouterr().out
    assert out.exists()
    out = tmp_path / "other.csv"
    assert sessions("delete", kept("--export", out), "--yes", "--files") == 0
    assert list(tmp_path.glob("other*")) == []


def test_deleting_asks_first(kept, store, monkeypatch, capsys):
    name = kept()
    assert sessions("delete", name) == 2, "nobody can answer"
    assert "add --yes" in capsys.readouterr().err

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for answer, left in (("\n", 1), ("n\n", 1), ("y\n", 0)):
        monkeypatch.setattr(sys, "stdin", Terminal(answer))
        assert sessions("delete", name) == 0
        assert name in capsys.readouterr().out
        assert len(store.sessions()) == left


def test_old_sessions_are_deleted_by_date_and_by_retention(kept, store, tmp_path, capsys):
    def aged(days):
        info = store.session(kept())
        then = info.metadata.started - timedelta(days=days)
        store._connection.execute(
            "UPDATE sessions SET started = ? WHERE id = ?", (then.isoformat(), info.id)
        )
        return info.id

    ancient, old, new = aged(800), aged(40), aged(3)
    limit = (datetime.now().astimezone() - timedelta(days=400)).date()
    assert sessions("delete", "--before", limit, "--yes") == 0
    assert [info.id for info in store.sessions()] == [old, new]
    capsys.readouterr()
    config = tmp_path / "mine.yaml"
    config.write_text("sessions: {retention_days: 30}\n")
    assert play("demo", "--duration", "1", "--config", config) == 0
    assert "1 session older than 30 days was deleted" in capsys.readouterr().err
    assert old not in [info.id for info in store.sessions()]
    assert new in [info.id for info in store.sessions()]
    assert ancient not in [info.id for info in store.sessions()]


def test_many_that_are_old_at_once_are_left_for_a_person(kept, store, tmp_path, capsys):
    """As when the clock of the computer is years ahead."""

    def age():
        store._connection.execute("UPDATE sessions SET started = '2019-01-01T00:00:00+00:00'")

    config = tmp_path / "mine.yaml"
    config.write_text("sessions: {retention_days: 30}\n")
    demo = ("demo", "--duration", "1", "--config", config)
    for _ in range(6):
        kept()
    age()
    for _ in range(2):
        capsys.readouterr()
        assert play(*demo) == 0
        said = capsys.readouterr().err
        assert "6 sessions are older than 30 days, which are many at once" in said
    assert len(store.sessions()) == 8
    limit = said.split("--before ")[1].strip()
    assert sessions("delete", "--before", limit, "--yes", "--config", config) == 0
    assert play(*demo) == 0
    age()  # which were looked through today: their time has come in order
    capsys.readouterr()
    assert play(*demo) == 0
    assert "3 sessions older than 30 days were deleted" in capsys.readouterr().err


def test_a_filtered_list_tells_the_size_of_what_it_shows(kept, store, capsys):
    kept("--study", "one")
    kept("--study", "two", "--record-audio")
    capsys.readouterr()
    (info,) = store.sessions(Query(study="one"))
    assert sessions("list", "--study", "one") == 0
    assert f"1 session; {size_text(info.size)} in" in capsys.readouterr().out


def test_a_note_without_words_is_refused(kept, store, capsys):
    name = kept()
    assert sessions("note", name, " ") == 2
    assert "A note needs words" in capsys.readouterr().err
    assert store.notes(name) == []


def test_an_export_makes_no_folder_that_was_mistyped(kept, tmp_path, capsys):
    name = kept()
    assert sessions("export", name, "--to", tmp_path / "typo" / "a.csv") == 2
    assert f"There is no folder {tmp_path / 'typo'}" in capsys.readouterr().err
    assert not (tmp_path / "typo").exists()


def test_control_characters_do_not_reach_the_terminal(kept, store, capsys):
    name = kept("--study", "a\x1b[2J\x07b")
    store.rename(name, "\x1b]0;title\x07\r")
    for action in (["list"], ["show", name], ["list", "--json"], ["show", "\x1b[1m"]):
        capsys.readouterr()
        sessions(*action)
        said = "".join(capsys.readouterr())
        assert not set(said) & {"\x1b", "\x07", "\r"}, action
        assert "x1b" in said or "u001b" in said


# -------------------------------------------------------------------------------------- reanalyse


@pytest.fixture
def other_model(bundle_folder, tmp_path):
    """The shipped model by another name, as certain as can be of everything."""
    folder = shutil.copytree(bundle_folder, tmp_path / "other")
    manifest = json.loads((folder / "bundle.json").read_text("utf-8"))
    manifest |= {"name": "other", "certainty_threshold": 0.0}
    (folder / "bundle.json").write_text(json.dumps(manifest), "utf-8")
    return folder


def test_a_session_is_heard_again_with_another_model(speech_stereo_wav, other_model, store, capsys):
    def act(monitor):
        while monitor.status.position_s < 2.0:
            time.sleep(0.01)
        monitor.pause()
        monitor.mark("while paused")
        while monitor.status.position_s < 4.0:
            time.sleep(0.01)
        monitor.resume()

    config = {
        "audio": {"input": str(speech_stereo_wav), "speed": 8, "channels": [1, 2]},
        "session": {"record_audio": True},
        "study": {"participant": "P07"},
    }
    name = live(config, act=act).id
    store.annotate(name, intervals=[Interval("phase", 0.0, 1.0, "calm")])
    assert sessions("reanalyse", name, "--model", other_model) == 0
    again = store.sessions()[-1]
    assert again.id in capsys.readouterr().out
    assert again.metadata.origin == name
    assert again.metadata.model.name == "other"
    assert again.metadata.study.participant == "P07"
    assert again.metadata.started == store.session(name).metadata.started
    assert store.markers(again.id) == store.markers(name)
    assert store.intervals(again.id) == store.intervals(name)
    for channel in (1, 2):
        before, after = store.columns(name, channel), store.columns(again.id, channel)
        for column in ("step", "state", "segment", "label", "wall_us"):
            np.testing.assert_array_equal(getattr(after, column), getattr(before, column))
        assert np.count_nonzero(after.state == STATES.index(State.PAUSED)) > 20
        # FLAC holds 16 bits.
        np.testing.assert_allclose(after.probabilities, before.probabilities, atol=0.02)
        clear = [QUALITIES.index(quality) for quality in Quality if quality.clear]
        np.testing.assert_array_equal(after.certain, after.speech & np.isin(after.quality, clear))
    before, after = store.segments(name), store.segments(again.id)
    assert [(s.number, s.start_s, s.end_s) for s in after] == [
        (s.number, s.start_s, s.end_s) for s in before
    ]


def test_without_sound_a_session_cannot_be_heard_again(kept, capsys):
    name = kept()
    assert sessions("reanalyse", name, "--model", "default") == 1
    assert "has no sound to hear again: record with" in capsys.readouterr().err


def test_the_session_heard_again_outlives_the_first(kept, store):
    name = kept("--record-audio")
    assert sessions("reanalyse", name, "--model", "default") == 0
    assert sessions("delete", name, "--yes") == 0
    (again,) = store.sessions()
    assert again.metadata.origin is None


KILLED = """
import os, signal, time
from realtime_ser.base.config import Config
from realtime_ser.session.live import LiveSession
config = Config.model_validate(
    {"audio": {"input": "demo", "speed": 4}, "session": {"record_audio": True}})
LiveSession(config).start()
time.sleep(2.5)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_the_sound_of_a_killed_session_is_heard_again(store):
    assert subprocess.run([sys.executable, "-c", KILLED]).returncode == -signal.SIGKILL
    (killed,) = store.sessions()
    assert killed.state is SessionState.INTERRUPTED
    assert sessions("reanalyse", killed.id, "--model", "default") == 0
    again = store.sessions()[-1]
    # Played four times as fast as live, so a second of it is four of the session.
    assert again.duration_s > killed.duration_s - 4.0 > 2.0
    length = soundfile.info(str(killed.audio)).duration
    assert length == pytest.approx(again.duration_s, abs=0.2)


# --------------------------------------------------------------------------------------- migration

VERSION_1 = """
CREATE TABLE sessions (key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, state TEXT NOT NULL,
    started TEXT NOT NULL, title TEXT NOT NULL, source TEXT NOT NULL, labels TEXT NOT NULL,
    model TEXT NOT NULL, provenance TEXT NOT NULL, overflows INTEGER NOT NULL,
    dropped_samples INTEGER NOT NULL, error TEXT, audio TEXT, files TEXT, named INTEGER NOT NULL,
    origin INTEGER REFERENCES sessions ON DELETE SET NULL);
CREATE TABLE channels (key INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE, channel INTEGER NOT NULL,
    updates INTEGER NOT NULL, last_step INTEGER NOT NULL, speech_steps INTEGER NOT NULL,
    lost_steps INTEGER NOT NULL, UNIQUE (session, channel));
CREATE TABLE updates (key INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE, channel INTEGER NOT NULL,
    first_step INTEGER NOT NULL, last_step INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX updates_by_step ON updates (session, channel, last_step);
CREATE TABLE segments (key INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE, channel INTEGER NOT NULL,
    number INTEGER NOT NULL, start_s REAL NOT NULL, end_s REAL NOT NULL, voiced_s REAL NOT NULL,
    label TEXT NOT NULL, confidence REAL NOT NULL, certain INTEGER NOT NULL,
    probabilities BLOB NOT NULL);
CREATE INDEX segments_by_session ON segments (session, label);
CREATE TABLE markers (key INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE, time_s REAL NOT NULL,
    wall TEXT, duration_s REAL NOT NULL, code TEXT NOT NULL, text TEXT NOT NULL,
    source TEXT NOT NULL);
CREATE INDEX markers_by_session ON markers (session);
CREATE TABLE notes (key INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE, written TEXT NOT NULL,
    text TEXT NOT NULL);
CREATE INDEX notes_by_session ON notes (session);
CREATE TABLE anchors (key INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE, sample INTEGER NOT NULL,
    adc_s REAL NOT NULL, monotonic_s REAL NOT NULL, wall TEXT NOT NULL);
CREATE INDEX anchors_by_session ON anchors (session);
INSERT INTO sessions VALUES (1, 'k7f3', 'complete', '2026-01-02T03:04:05+01:00', 'Old',
    '{"name": "Studio", "native_rate": 48000, "channels": 1, "live": true}', '["happy", "sad"]',
    '{"name": "default", "version": "0.9", "sha256": "00"}', '{}', 0, 0, NULL, NULL, NULL, 0, NULL);
INSERT INTO channels VALUES (1, 1, 1, 2, 1, 1, 0);
INSERT INTO notes VALUES (1, 1, '2026-01-02T04:00:00+01:00', 'kept');
PRAGMA user_version = 1;
"""


def test_a_store_of_version_1_is_brought_up_to_date(kept, tmp_path):
    import sqlite3
    import struct
    from contextlib import closing

    from realtime_ser.session.store import Store
    from realtime_ser.session.store.database import MIGRATIONS, NAME

    # As blobs.py documents it: two updates of 64 bytes, silence and speech.
    record = struct.Struct("<IIqdddiIhhBbBB2f")
    nan = float("nan")
    blob = record.pack(0, 0, 0, nan, -60.0, nan, 3600, 0, -3, 3, 0, -1, 0, 0, nan, nan)
    blob += record.pack(1, 1, 80_000, 9.5, -20.0, 0.75, 3600, 1, -9, 9, 1, 1, 1, 4, 0.25, 0.75)
    with closing(sqlite3.connect(tmp_path / NAME)) as connection:
        connection.executescript(VERSION_1)
        connection.execute("INSERT INTO updates VALUES (1, 1, 1, 0, 1, ?)", (blob,))
        connection.commit()
    with Store(tmp_path) as store:
        assert store.notice is None
        (info,) = store.sessions()
        assert (info.id, info.metadata.title) == ("k7f3", "Old")
        assert info.metadata.study.participant == ""
        assert info.metadata.names == {}
        silence, speech = store.updates("k7f3")
        assert silence.state is State.SILENCE
        assert speech.estimate.label == "sad"
        assert (speech.estimate.certain, speech.estimate.quality) == (True, Quality.UNMEASURED)
        assert speech.estimate.probabilities.tolist() == [0.25, 0.75]
        assert (speech.latency_ms, speech.level_dbfs, speech.voiced) == (9.5, -20.0, 4)
        assert speech.wall_clock.isoformat() == "1970-01-01T01:00:00.080000+01:00"
        assert [note.text for note in store.notes("k7f3")] == ["kept"]
        assert store.sessions(_of("P07")) == []
    with closing(sqlite3.connect(tmp_path / NAME)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)


def _of(participant):
    from realtime_ser.session.store import Query

    return Query(participant=participant)

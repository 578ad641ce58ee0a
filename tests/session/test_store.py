"""The store of kept sessions: what goes in comes out, also after the worst."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from realtime_ser.audio.source import SourceInfo
from realtime_ser.base.errors import StoreError, UsageError
from realtime_ser.base.labels import LABELS
from realtime_ser.base.records import (
    STEP_S,
    Anchor,
    Estimate,
    IntervalOpened,
    Marker,
    Quality,
    Segment,
    SegmentVoice,
    State,
    Update,
    VoiceMeasures,
)
from realtime_ser.base.timebase import corrected
from realtime_ser.recogniser.speaker_calibration import ModelIdentity
from realtime_ser.session.metadata import SessionHealth, SessionMetadata
from realtime_ser.session.store import Query, SessionState, Store
from realtime_ser.session.store.blobs import STATES
from realtime_ser.session.store.database import NAME

NOW = datetime(2026, 3, 1, 14, 2, 11, 123456, timezone(timedelta(hours=-3, minutes=-30)))


def metadata(channels=(1,), **changes):
    source = SourceInfo("Studio", 48_000, max(channels), live=True)
    model = ModelIdentity("default", "1.0", "00ff")
    return replace(
        SessionMetadata(NOW, source, channels, LABELS, model, {"python": "3"}), **changes
    )


def estimate(seed):
    values = np.random.default_rng(seed).dirichlet(np.ones(len(LABELS)))
    best = int(values.argmax())
    quality = list(Quality)[seed % len(Quality)]
    said = Estimate(values.astype(np.float32), LABELS[best], float(values[best]), seed % 2 == 0)
    return said.judged(quality)


def silence(step, channel=1):
    return Update(step, channel, State.SILENCE, wall_clock=NOW + timedelta(seconds=step * STEP_S))


def kept(store, records, **facts):
    """ID of a session that held these records."""
    writer = store.begin(metadata(**facts))
    writer.feed(records)
    writer.finish()
    return writer.id


def flat(update):
    """An update as plain values; of its envelope what is stored."""
    said = update.estimate
    return (
        *(update.step, update.channel, update.state, update.segment, update.voiced),
        *(update.level_dbfs, update.latency_ms, update.wall_clock, update.voice),
        update.wall_clock and update.wall_clock.utcoffset(),
        said
        and (said.label, said.confidence, said.certain, said.quality, said.probabilities.tobytes()),
        *(round(float(update.envelope[:, column].min()) * 32767) for column in (0, 1)),
    )


# ---------------------------------------------------------------------------------- the round trip

finite = st.floats(allow_nan=False, allow_infinity=False)
single = st.floats(allow_nan=False, allow_infinity=False, width=32)
voices = st.builds(
    VoiceMeasures,
    *(st.none() | single, single, st.none() | single, single, st.none() | single),
    st.none() | single,
)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@st.composite
def an_update(draw, step, channel):
    speech = draw(st.booleans())
    other = draw(st.sampled_from([State.SILENCE, State.LOST, State.PAUSED]))
    extremes = draw(st.tuples(st.floats(-1, 1, width=32), st.floats(-1, 1, width=32)))
    return Update(
        step,
        channel,
        State.SPEECH if speech else other,
        draw(st.integers(1, 2**32 - 1)) if speech else None,
        estimate(draw(st.integers(0, 2**32))) if speech else None,
        draw(finite),
        np.broadcast_to(np.sort(np.float32(extremes)), (8, 2)),
        draw(st.integers(0, 4)),
        draw(st.none() | finite),
        draw(st.none() | st.datetimes(timezones=zones).filter(lambda when: 2 < when.year < 9998)),
        draw(st.none() | voices),
    )


@st.composite
def some_updates(draw):
    """Updates of two channels, whose steps leave some out, in the order of an engine."""
    following = {1: 0, 2: 0}
    made = []
    for channel in draw(st.lists(st.sampled_from([1, 2]), max_size=25)):
        step = following[channel] + draw(st.sampled_from([0, 0, 0, 7]))
        following[channel] = step + 1
        made.append(draw(an_update(step, channel)))
    return made


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(updates=some_updates(), cuts=st.lists(st.integers(0, 25), max_size=4))
def test_updates_come_back_to_the_last_bit_however_they_were_committed(store, updates, cuts):
    writer = store.begin(metadata(channels=(1, 2)))
    edges = [0, *sorted(cuts), len(updates)]
    for start, end in pairwise(edges):
        writer.feed(updates[start:end])
        writer.flush()
    writer.finish()
    assert [flat(update) for update in store.updates(writer.id)] == [flat(u) for u in updates]
    for channel in (1, 2):
        mine = [flat(update) for update in updates if update.channel == channel]
        assert [flat(u) for u in store.columns(writer.id, channel).updates()] == mine
    counted = {channel.number: channel for channel in store.session(writer.id).channels}
    for channel in (1, 2):
        states = [update.state for update in updates if update.channel == channel]
        assert counted[channel].updates == len(states)
        assert counted[channel].speech_s == pytest.approx(STEP_S * states.count(State.SPEECH))
        assert counted[channel].lost_s == pytest.approx(STEP_S * states.count(State.LOST))
        steps = [update.step for update in updates if update.channel == channel]
        assert counted[channel].last_step == max(steps, default=-1)


def test_everything_else_comes_back_too(store):
    voice = SegmentVoice(118.5, None, -23.25, 4.5, 0.125, None)
    unmeasured = Segment(2, 1, 0.08, 0.16, 0.04, estimate(2))
    segment = Segment(3, 1, 0.16, 2.0 / 3, 0.1 + 0.2, estimate(5), voice)
    marker = Marker(1 / 3, '=a, "b"\n', "c", 2.5, "user", NOW)
    anchor = Anchor(8_000, 1 / 7, 1 / 9, NOW)  # of a file: a microphone takes longer to settle
    writer = store.begin(metadata(title="Ünï"))
    writer.start(NOW, lambda: SessionHealth(2, 441, "It broke."))
    writer.feed([unmeasured, segment, marker, replace(marker, wall_clock=None), anchor])
    writer.finish()
    (info,) = store.sessions()
    assert info.metadata == metadata(title="Ünï")
    assert info.state is SessionState.COMPLETE
    assert info.health == SessionHealth(2, 441, "It broke.")
    for again, was in zip(store.segments(info.id), (unmeasured, segment), strict=True):
        assert again.estimate.probabilities.tobytes() == was.estimate.probabilities.tobytes()
        plain = replace(was.estimate, probabilities=None)
        assert replace(again.estimate, probabilities=None) == plain
        assert replace(again, estimate=None) == replace(was, estimate=None)
    assert store.markers(info.id) == [marker, replace(marker, wall_clock=None)]
    assert store.anchors(info.id) == [anchor]


@given(flushes=st.sets(st.integers(1, 12)), first=st.integers(0, 12))
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_only_what_came_before_the_first_anchor_is_corrected_by_it(store, flushes, first):
    """The clock moves a little after it has settled: later stamps are right as they are."""
    updates = [replace(silence(step), latency_ms=60.0) for step in range(12)]
    anchor = Anchor(50_000, 3.0, 3.1, NOW + timedelta(seconds=3.3))
    records = [*updates[:first], anchor, *updates[first:]]
    writer = store.begin(metadata())
    for place, record in enumerate(records):
        writer.feed([record])
        if place in flushes:
            writer.flush()
    writer.finish()
    right = [corrected(one, anchor) for one in updates[:first]] + updates[first:]
    stored = list(store.columns(writer.id, 1).updates())
    assert [one.wall_clock for one in stored] == [one.wall_clock for one in right]
    assert [one.latency_ms for one in stored] == pytest.approx([one.latency_ms for one in right])


def test_a_session_is_found_by_the_label_of_a_segment_of_its_own(store):
    calm, angry = (replace(estimate(0), label=label) for label in ("calm", "angry"))
    first = kept(store, [Segment(1, 1, 0.0, 0.8, 0.8, calm)])
    second = kept(store, [Segment(1, 1, 0.0, 0.8, 0.8, calm), Segment(2, 1, 2.0, 2.8, 0.8, angry)])
    kept(store, [silence(0)])

    def found(label):
        return [info.id for info in store.sessions(Query(label=label))]

    assert found("calm") == [first, second]
    assert found("angry") == [second]
    assert found("sad") == []


def test_steps_are_read_as_columns(store):
    name = kept(store, [silence(step) for step in range(100)])
    columns = store.columns(name)
    np.testing.assert_array_equal(columns.step, np.arange(100))
    np.testing.assert_allclose(columns.time_s, 0.08 * np.arange(1, 101))
    assert columns.probabilities.shape == (100, 8)
    assert np.isnan(columns.probabilities).all()
    assert not columns.speech.any()
    assert [STATES[state] for state in set(columns.state)] == [State.SILENCE]
    assert len(store.columns(name, 2)) == 0
    assert store.session(name).duration_s == pytest.approx(8.0)


def test_an_unknown_id_names_the_nearest(store):
    name = kept(store, [])
    wrong = name[:3] + ("2" if name[3] != "2" else "3")
    with pytest.raises(UsageError, match=f"no session '{wrong}'; did you mean '{name}'?"):
        store.session(wrong)


# ------------------------------------------------------------------------------ killed, and several

LIVE = """
import sys
import time
from pathlib import Path
from realtime_ser.base.config import parse_config
from realtime_ser.base.records import Update
from realtime_ser.session.live import LiveSession
config = parse_config(
    {"audio": {"input": "demo"}, "sessions": {"folder": Path(sys.argv[1])},
     "session": {"folder": Path(sys.argv[2])}}, "test")
session = LiveSession(config)
records = session.monitor.subscribe()
session.start()
while session.id is None:  # the store was busy: it begins there with the next flush
    time.sleep(0.01)
print(session.id, flush=True)
for record in records:
    if isinstance(record, Update):
        print(record.step, flush=True)
"""


def live(folder):
    """Start a session at live speed, in a program of its own."""
    command = [sys.executable, "-c", LIVE, str(folder), str(folder.parent / "tables")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def check(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchone()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_killed_session_loses_less_than_a_second_and_is_found(tmp_path):
    folder = tmp_path / "store"
    begun = [live(folder) for _ in range(4)]
    # One that begins later than this would find those that were killed.
    names = [process.stdout.readline().strip() for process in begun]
    moments = random.Random().sample([k / 50 for k in range(75, 150)], 3)
    said = {}

    def kill(process, name, moment):
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        said[name] = [int(line) for line in process.communicate()[0].splitlines()]

    threads = [
        threading.Thread(target=kill, args=one) for one in zip(begun, names, moments, strict=False)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    survivor, running = begun[3], names[3]
    try:
        with Store(folder) as store:
            assert {info.state for info in store.sessions()} == {
                *(SessionState.INTERRUPTED, SessionState.RUNNING)
            }
            assert {info.id for info in store.recover()} == said.keys()
            assert store.recover() == []
            assert store.session(running).state is SessionState.RUNNING
            with pytest.raises(UsageError, match="is running"):
                store.delete([store.session(running)])
            for name, steps in said.items():
                columns = store.columns(name)
                lost_s = STEP_S * (steps[-1] - int(columns.step[-1]))
                assert lost_s < 1.0, f"{lost_s} s of {steps[-1] * STEP_S} s"
                np.testing.assert_array_equal(columns.step, np.arange(len(columns)))
                assert store.session(name).channels[0].updates == len(columns)
                assert not (folder / name).exists()
    finally:
        survivor.kill()
        survivor.communicate()
    assert check(folder / NAME) == ("ok",)


def test_sessions_in_one_folder_do_not_disturb_each_other(tmp_path):
    """Several writers, in as many threads as there are, and a reader."""
    folder = tmp_path / "store"
    faults = []

    def work(number):
        try:
            with Store(folder) as store:
                writer = store.begin(metadata(title=str(number)))
                for step in range(0, 200, 10):
                    writer.feed([silence(step + k) for k in range(10)])
                    writer.flush()
                    assert len(store.columns(writer.id)) == step + 10
                    assert store.recover() == []
                writer.finish()
        except Exception as error:
            faults.append(error)
            raise

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    with Store(folder) as store:
        assert sorted(info.metadata.title for info in store.sessions()) == list("0123")
        assert {info.channels[0].updates for info in store.sessions()} == {200}


# ---------------------------------------------------------------------------- what can be wrong


def test_a_newer_store_is_refused_in_a_sentence(tmp_path):
    Store(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / NAME)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match=r"newer version of this program \(schema 99, .*update it"):
        Store(tmp_path)


def garbage(path):
    path.write_bytes(b"It was a dark and stormy night. " * 1000)


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def scrambled(path):
    data = bytearray(path.read_bytes())
    data[100:4096] = bytes(3996)
    path.write_bytes(data)


@pytest.mark.parametrize("spoil", [garbage, cut, scrambled])
def test_a_damaged_store_is_set_aside_and_never_deleted(spoil, tmp_path):
    with Store(tmp_path) as store:
        kept(store, [silence(step) for step in range(1000)])
    spoil(tmp_path / NAME)
    damaged = (tmp_path / NAME).read_bytes()
    with Store(tmp_path) as store:
        saved = 1 if spoil is cut else 0
        assert f"were damaged: {saved} session" in store.notice
        assert "set aside as sessions.damaged-" in store.notice
        assert len(store.sessions()) == saved
        kept(store, [silence(0)])
    (aside,) = tmp_path.glob("sessions.damaged-*.sqlite")
    assert aside.read_bytes() == damaged
    with Store(tmp_path) as store:
        assert store.notice is None
        assert len(store.sessions()) == saved + 1


@pytest.mark.parametrize("spoil", [None, garbage], ids=["new", "damaged"])
def test_programs_that_open_it_at_once_make_one_store(spoil, tmp_path, monkeypatch):
    if spoil is not None:
        spoil(tmp_path / NAME)
    rename = Path.rename

    def slowly(path, target):
        time.sleep(0.05)  # all others have seen the damage by then
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", slowly)
    start = threading.Barrier(6)
    notices, stores = [], []

    def work():
        start.wait()
        stores.append(store := Store(tmp_path))
        notices.append(store.notice)
        store.begin(metadata()).finish()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(notice is not None for notice in notices) == (spoil is not None)
    assert [len(store.sessions()) for store in stores] == [6] * 6
    assert len(list(tmp_path.glob("sessions.damaged-*.sqlite"))) == (spoil is not None)
    for store in stores:
        store.close()


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"Cannot keep sessions in .*sessions\.folder"):
        Store(tmp_path / "file" / "below")


@pytest.mark.skipif(sys.platform != "linux", reason="a limit stands for a full disk")
def test_what_a_full_disk_refused_is_stored_when_there_is_room(tmp_path):
    import resource

    with Store(tmp_path) as store:
        writer = store.begin(metadata())
        writer.feed([silence(step) for step in range(100)])
        writer.flush()
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
        try:
            for start in (100, 200):
                writer.feed([silence(start + k) for k in range(100)])
                with pytest.raises(StoreError, match=r"Cannot keep sessions .*make room there"):
                    writer.flush()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert len(store.columns(writer.id)) == 100
        writer.finish()
        np.testing.assert_array_equal(store.columns(writer.id).step, np.arange(300))
    assert check(tmp_path / NAME) == ("ok",)


def test_an_interval_that_has_begun_is_stored_as_far_as_it_has_come(store):
    begun = Marker(1.0, "task", "5", wall_clock=NOW)
    writer = store.begin(metadata())
    writer.feed([*map(silence, range(20)), IntervalOpened(begun), Marker(1.2, "question", "1")])
    writer.flush()
    assert [one.duration_s for one in store.markers(writer.id)] == [pytest.approx(0.6), 0.0]
    writer.feed(list(map(silence, range(20, 50))))
    writer.flush()  # a program that is killed now has kept this
    task, question = store.markers(writer.id)
    assert task == replace(begun, duration_s=pytest.approx(3.0))
    writer.feed([replace(begun, duration_s=3.1), *map(silence, range(50, 60))])
    writer.finish()
    assert store.markers(writer.id) == [replace(begun, duration_s=3.1), question]


def test_the_end_of_an_interval_is_kept_also_where_its_beginning_was_deleted(store):
    begun = Marker(1.0, "task", "5")
    writer = store.begin(metadata())
    writer.feed([silence(20), IntervalOpened(begun)])
    writer.flush()
    (key,) = store.keyed_markers(writer.id)
    store.delete_marker(key)
    writer.feed([replace(begun, duration_s=3.0)])
    writer.finish()
    assert store.markers(writer.id) == [replace(begun, duration_s=3.0)]


def test_a_marker_is_changed_and_deleted_by_its_key(store):
    name = kept(store, [Marker(1.0, "first"), Marker(2.0, "second")])
    third = store.add_marker(name, Marker(3.0, "third"))
    (first, second, last) = store.keyed_markers(name)
    assert last == third
    moved = Marker(1.5, "moved", "k2", 0.5, wall_clock=NOW)
    store.change_marker(first, moved)
    store.delete_marker(second)
    with Store(store.folder) as again:
        assert again.keyed_markers(name) == {first: moved, third: Marker(3.0, "third")}
    with pytest.raises(UsageError, match="not in the store any more"):
        store.delete_marker(second)
    with pytest.raises(UsageError, match="'moved' is not in the store any more"):
        store.change_marker(second, moved)

"""A store or a disk that refuses while a session runs: nothing is lost that need not be."""

from __future__ import annotations

import csv
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from realtime_ser.base.config import parse_config
from realtime_ser.base.errors import UsageError
from realtime_ser.base.records import Marker
from realtime_ser.session.store import SessionState, Store
from realtime_ser.session.store.database import NAME
from tests import kept_sessions as made

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits and signals of Linux")

CLI = [sys.executable, "-W", "error", "-m", "realtime_ser", "--model", "default"]
CLI += ["--headless", "--input", "demo"]


class Running:
    """A monitor that plays the demo in a process of its own, into a folder."""

    def __init__(self, folder, *arguments):
        self.out, self.store = folder / "out.csv", folder / "store"
        config = folder / "mine.yaml"
        config.write_text(f"sessions: {{folder: '{self.store}'}}\n")
        command = [*CLI, "--record-audio", "--config", str(config), "--export", str(self.out)]
        self.said = b""
        self.process = subprocess.Popen(  # a pipe, which no limit of files cuts
            [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        os.set_blocking(self.process.stdout.fileno(), False)

    def rows(self):
        with self.out.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def wait_for_rows(self, count):
        wait_for(lambda: self.out.exists() and len(self.rows()) >= count, f"{count} rows")

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        self.process.wait(40)
        return self.text()

    def text(self):
        self.said += self.process.stdout.read() or b""
        return self.said.decode()

    def wait_for_words(self, words):
        wait_for(lambda: words in self.text(), words)


def wait_for(condition, what, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"no {what}"
        time.sleep(0.05)


@pytest.fixture
def monitor(tmp_path):
    """Start a monitor that is ended at the latest with the test."""
    started = []

    def start(*arguments):
        started.append(Running(tmp_path, *arguments))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()
        one.process.stdout.close()


HOLDER = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)
held.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def another_program(store):
    """Let another process hold the store's lock for writing."""
    command = [sys.executable, "-c", HOLDER, str(store / NAME)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        yield holder
        holder.stdin.close()


def stored(monitor):
    """The one session in the store, and its columns."""
    with Store(monitor.store) as store:
        (info,) = store.sessions()
        return info, store.columns(info.id)


# ------------------------------------------------------------------------------- another program


def test_a_store_that_another_program_holds_holds_up_no_file_and_is_told(monitor):
    running = monitor()
    running.wait_for_rows(10)
    with another_program(running.store):
        before, began_s = len(running.rows()), time.monotonic()
        running.wait_for_words("Another program uses the store")
        assert time.monotonic() - began_s < 6.0
        running.wait_for_rows(before + 25)  # two seconds more, while it is held
        sound = soundfile.info(str(running.out.with_suffix(".flac"))).duration
        assert sound > float(running.rows()[-1]["time_s"]) - 1.5
    running.wait_for_words("everything is being written again")
    text = running.end()
    assert running.process.returncode == 0, text
    info, columns = stored(running)
    assert info.state_text == "complete"
    assert len(columns) == len(running.rows()), "what waited came into the store"


def test_what_only_reads_does_not_wait_for_another_program_that_writes(tmp_path):
    with Store(tmp_path) as store:
        info = made.keep(store, made.records())
    with another_program(tmp_path), Store(tmp_path, patience_s=0.1) as store:
        assert [one.id for one in store.sessions()] == [info.id]
        assert len(store.columns(info.id)) == 100


def test_killed_while_the_store_is_held_it_loses_less_than_a_second_of_the_files(monitor):
    running = monitor()
    running.wait_for_rows(10)
    with another_program(running.store):
        running.wait_for_words("Another program uses the store")
        began = running.rows()[-1]
        time.sleep(2.0)
        running.process.kill()
        running.process.wait()
        assert float(running.rows()[-1]["time_s"]) > float(began["time_s"]) + 1.0


def test_an_end_while_the_store_is_held_is_told_bounded_and_no_success(monitor):
    running = monitor()
    running.wait_for_rows(20)
    with another_program(running.store):
        began_s = time.monotonic()
        text = running.end()
        assert time.monotonic() - began_s < 20.0
    assert "It is waited for, 10 s at most." in text
    assert running.process.returncode == 1
    assert "Kept in part in" in text
    assert "error: Another program uses the store" in text
    info, columns = stored(running)
    assert info.state is SessionState.INTERRUPTED
    assert 0 < len(columns) <= len(running.rows())


def test_a_session_begins_while_the_store_is_held_and_is_kept_once_it_can_be(monitor, tmp_path):
    Store(tmp_path / "store").close()
    with another_program(tmp_path / "store"):
        running = monitor()
        running.wait_for_rows(10)
        running.wait_for_words("Another program uses the store")
    running.wait_for_words("everything is being written again")
    text = running.end()
    assert running.process.returncode == 0, text
    info, columns = stored(running)
    assert len(columns) == len(running.rows())
    assert info.audio == running.out.with_suffix(".flac")


# ------------------------------------------------------------------------------------- full disk


def limit_files(process, size):
    """Let no file of a process grow beyond so many bytes, as on a full disk."""
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_a_disk_that_is_full_for_a_while_costs_nothing(monitor):
    running = monitor()
    running.wait_for_rows(10)
    limit_files(running.process, 1000)
    running.wait_for_words("that has room")
    reached = len(running.rows())
    time.sleep(3.0)
    assert len(running.rows()) == reached, "rows on the disk are whole, and those that had room"
    limit_files(running.process, resource.RLIM_INFINITY)
    running.wait_for_words("everything is being written again")
    text = running.end()
    assert running.process.returncode == 0, text
    info, columns = stored(running)
    rows = running.rows()
    assert info.state_text == "complete"
    np.testing.assert_array_equal(columns.step, np.arange(len(rows)))
    assert [float(row["time_s"]) for row in rows] == pytest.approx(columns.time_s.tolist())
    sound, rate = soundfile.read(running.out.with_suffix(".flac"))
    demo = soundfile.read("realtime_ser/demo.flac")[0][: len(sound)]
    assert len(sound) / rate == pytest.approx(columns.time_s[-1], abs=0.2)
    np.testing.assert_allclose(sound, demo, atol=1e-4)


def test_a_disk_that_is_full_at_the_end_is_no_success(monitor):
    running = monitor()
    running.wait_for_rows(30)
    limit_files(running.process, 1000)
    running.wait_for_words("that has room")
    text = running.end()
    assert running.process.returncode == 1
    assert "Kept in part" in text
    info, columns = stored(running)
    assert info.state is SessionState.INTERRUPTED
    assert len(columns) > 0


def test_sound_that_found_no_room_is_silent_and_told(tmp_path, monkeypatch):
    from realtime_ser.base.records import Sound
    from realtime_ser.session import sinks

    monkeypatch.setattr(sinks, "_MOST_WAITING", 10_000)
    path = tmp_path / "sound.flac"
    sink = sinks.SoundSink(path, replace(made.metadata().source, native_rate=8_000))
    samples = made.sound(seconds=8.0)
    for start in range(0, len(samples), 800):  # nothing is flushed, as if the disk refused
        sink.feed([Sound(start, samples[start : start + 800])])
    sink.finish()
    sink.close()
    written = soundfile.read(path, dtype="float32")[0]
    assert len(written) == len(samples)
    lost_s = float(sink.loss.split(" s of the sound in ")[0])
    assert 1.0 < lost_s < 8.0
    heard = round((8.0 - lost_s) * 8_000)
    np.testing.assert_allclose(written[:heard], samples[:heard, 0], atol=1e-4)
    assert not written[heard:].any()


# -------------------------------------------------------------------- what is taken away meanwhile


def test_a_store_that_is_removed_under_a_session_is_begun_anew(monitor):
    running = monitor()
    running.wait_for_rows(20)
    shutil.rmtree(running.store)
    running.wait_for_rows(60)
    text = running.end()
    assert running.process.returncode == 0, text
    info, columns = stored(running)
    assert info.state_text == "complete"
    assert len(columns) == len(running.rows())


def test_a_store_that_is_replaced_under_a_session_gets_the_whole_of_it(monitor, tmp_path):
    with Store(tmp_path / "store") as store:
        made.keep(store, made.records())
    shutil.copytree(tmp_path / "store", tmp_path / "copy")
    running = monitor()
    running.wait_for_rows(20)
    (tmp_path / "copy" / NAME).replace(running.store / NAME)
    for ending in ("-wal", "-shm"):
        (running.store / f"{NAME}{ending}").unlink(missing_ok=True)
    running.wait_for_rows(60)
    text = running.end()
    assert running.process.returncode == 0, text
    with closing(sqlite3.connect(running.store / NAME)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with Store(running.store) as store:
        _, info = sorted(store.sessions(), key=lambda one: one.metadata.started)
        assert len(store.columns(info.id)) == len(running.rows())


def test_tables_that_are_removed_under_a_session_are_written_anew(monitor):
    running = monitor()
    running.wait_for_rows(20)
    first = running.rows()[0]
    running.out.unlink()
    running.out.with_suffix(".flac").unlink()
    running.wait_for_rows(40)
    assert running.rows()[0] == first
    text = running.end()
    assert running.process.returncode == 0, text
    _, columns = stored(running)
    assert len(running.rows()) == len(columns)
    assert soundfile.info(str(running.out.with_suffix(".flac"))).duration > 2.0


# ------------------------------------------------------------------------ a store that is only read


def read_only(folder, *arguments):
    """Run a command in a place of its own, in which a folder cannot be written."""
    script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
    command = ["unshare", "-rm", "sh", "-c", script, str(folder), sys.executable, "-m"]
    if subprocess.run([*command[:2], "true"], capture_output=True).returncode:
        pytest.skip("no place of one's own can be made here")
    config = folder.with_name("mine.yaml")
    config.write_text(f"sessions: {{folder: '{folder}'}}\n")
    return subprocess.run(
        [*command, "realtime_ser", *arguments, "--config", str(config)],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_store_that_can_only_be_read_is_listed_shown_and_exported(tmp_path):
    folder = tmp_path / "store"
    with Store(folder) as store:
        info = made.interview(store)
        running = store.begin(made.metadata())
        running.close()
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    listed = read_only(folder, "sessions", "list")
    assert listed.returncode == 0, listed.stderr
    assert info.id in listed.stdout
    assert "interrupted" in listed.stdout
    out = tmp_path / "out.csv"
    for arguments in (["show", info.id], ["export", info.id, "--to", str(out)]):
        done = read_only(folder, "sessions", *arguments)
        assert done.returncode == 0, done.stderr
    assert out.exists()
    noted = read_only(folder, "sessions", "note", info.id, "words")
    assert noted.returncode == 1
    assert "readonly database): allow the program to write there" in noted.stderr
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_session_beside_a_store_that_can_only_be_read_is_in_its_tables(tmp_path):
    Store(tmp_path / "store").close()
    out = tmp_path / "out.csv"
    arguments = ["--headless", "--input", "demo", "--speed", "0", "--export", str(out)]
    done = read_only(tmp_path / "store", *arguments)
    assert done.returncode == 1
    assert "allow the program to write there" in done.stderr
    assert "Kept" not in done.stdout
    assert len(out.read_text("utf-8").splitlines()) > 100


def test_a_folder_below_ones_home_is_named_as_in_a_shell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = parse_config({"session": {"folder": "~/tables"}, "model": "~/m"}, "the test")
    assert config.session.folder == Path.home() / "tables"
    assert config.model == str(Path.home() / "m")
    with pytest.raises(UsageError, match=r"there is no home folder of ~nobody_here"):
        parse_config({"sessions": {"folder": "~nobody_here/x"}}, "the test")


# --------------------------------------------------------------------------------- the end of all


def test_the_sound_of_a_killed_session_can_be_read_at_once(monitor):
    running = monitor()
    running.wait_for_rows(40)
    running.process.kill()
    running.process.wait()
    sound, rate = soundfile.read(running.out.with_suffix(".flac"))
    assert len(sound) / rate > float(running.rows()[-1]["time_s"]) - 1.2
    np.testing.assert_allclose(
        sound, soundfile.read("realtime_ser/demo.flac")[0][: len(sound)], atol=1e-4
    )


def test_a_record_that_no_database_takes_is_left_out_and_told(tmp_path):
    with Store(tmp_path) as store:
        writer = store.begin(made.metadata())
        records = made.records()
        for at in (10, 60):
            records.insert(at, Marker(float("nan"), "no moment"))
            records.insert(at + 5, Marker(1.0, "\ud800 no letter"))
        records[30] = replace(records[30], estimate=replace(made.estimate(1), label="no label"))
        writer.feed(records)
        writer.flush()
        assert "5 records could not be stored" in writer.loss
        writer.feed([Marker(2.0, "good")])
        writer.finish()
        assert [marker.text for marker in store.markers(writer.id)] == ["good"]
        assert len(store.columns(writer.id)) == 99
        assert len(store.segments(writer.id)) == 2

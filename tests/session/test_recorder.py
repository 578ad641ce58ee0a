"""Each sink is tried again when it is refused, and fails alone, whatever its error."""

from __future__ import annotations

import csv
import gc
import os
import threading
import time
import weakref
from dataclasses import replace
from datetime import timedelta

import pytest

from realtime_ser.base.errors import BusyStoreError, OutputError
from realtime_ser.base.labels import LABELS
from realtime_ser.base.records import STEP_S, Anchor, Marker, State, Update
from realtime_ser.engine.subscription import Subscription
from realtime_ser.session import recorder
from realtime_ser.session.recorder import SessionRecorder
from realtime_ser.session.sinks import TableFiles, TableSink
from tests.kept_sessions import NOW


class Sink:
    """A sink that fails at chosen calls."""

    def __init__(self, **faults: Exception) -> None:
        self.faults = faults
        self.calls: list[str] = []
        self.taken: list[Marker] = []
        self.loss: str | None = None
        self.held = threading.Event()
        self.held.set()

    def _call(self, name: str) -> None:
        self.held.wait()
        self.calls.append(name)
        if name in self.faults:
            raise self.faults.pop(name)

    def feed(self, records):
        self._call("feed")
        self.taken += records

    def flush(self):
        self._call("flush")

    def finish(self):
        self._call("finish")

    def close(self):
        self._call("close")


FAULTS = [OutputError("Cannot do it."), ValueError("a bug"), RuntimeError(), MemoryError()]


@pytest.fixture
def record(monkeypatch):
    """Feed two markers, a flush after each, and finish."""
    monkeypatch.setattr(recorder, "COMMIT_S", 0.0)
    monkeypatch.setattr(recorder, "END_PATIENCE_S", 2.0)

    def run(*sinks):
        made, records = SessionRecorder(), Subscription(10, blocking=False)
        queues = [Subscription(10, blocking=False) for _ in sinks]
        records.close()
        made.start(records, list(zip(sinks, queues, strict=True)))
        for queue in queues:
            queue.feed([Marker(1.0, "a")])
            time.sleep(0.05)
            queue.feed([Marker(2.0, "b")])
            queue.close()
        made.finish()
        return made

    return run


def test_all_sinks_get_all_records_and_are_finished(record):
    sinks = Sink(), Sink()
    made = record(*sinks)
    for sink in sinks:
        assert [marker.text for marker in sink.taken] == ["a", "b"]
        assert sink.calls[-3:] == ["flush", "finish", "close"]
    assert made.first_error() is None


def test_a_sink_that_is_refused_once_is_tried_again_and_no_fault_any_more(record):
    sink = Sink(flush=OutputError("Cannot flush."))
    assert record(sink).first_error() is None
    assert sink.calls.count("flush") > 1


@pytest.mark.parametrize("when", ["feed", "flush", "finish", "close"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_a_sink_fails_alone_whatever_its_error(when, fault, record):
    bad, good = Sink(**{when: fault}), Sink()
    made = record(bad, good)
    assert [marker.text for marker in good.taken] == ["a", "b"]
    assert made.error_of(good) is None
    assert good.calls[-2:] == ["finish", "close"]
    assert "close" in bad.calls
    if not isinstance(fault, OutputError):
        assert "fault in the program" in made.error_of(bad)


def test_what_is_missing_for_good_is_an_error(record):
    sink = Sink()
    sink.loss = "1.0 s are silent."
    assert record(sink).first_error() == "1.0 s are silent."


def test_a_sink_that_hangs_holds_up_neither_the_others_nor_the_end(record):
    hanging, good = Sink(), Sink()
    hanging.held.clear()
    made = record(hanging, good)
    assert "does not answer" in made.error_of(hanging)
    assert good.calls[-2:] == ["finish", "close"]
    hanging.held.set()


def test_another_program_is_waited_for_and_named(monkeypatch):
    monkeypatch.setattr(recorder, "COMMIT_S", 0.0)
    said: list[str] = []
    sink = Sink(finish=BusyStoreError("Another program uses the store."))
    made, records, queue = (
        SessionRecorder(),
        Subscription(10, blocking=False),
        Subscription(10, blocking=False),
    )
    for one in (records, queue):
        one.close()
    made.start(records, [(sink, queue)])
    made.finish(said.append)
    assert sink.calls.count("finish") == 2
    assert made.first_error() is None
    assert said == ["Another program uses the store. It is waited for, 10 s at most."]


def test_a_disk_that_is_too_slow_costs_the_oldest_records_and_is_told(monkeypatch, tmp_path):
    """Each write takes until ``fast``, as on a disk that is busy for long."""
    monkeypatch.setattr(recorder, "COMMIT_S", 0.0)
    sink, other = TableSink(TableFiles(tmp_path / "a.csv"), LABELS, lambda _: "{}"), Sink()
    fast, busy, fsync = threading.Event(), threading.Event(), os.fsync

    def slow_fsync(number):
        busy.set()
        assert fast.wait(30)
        fsync(number)

    monkeypatch.setattr(os, "fsync", slow_fsync)
    queues = Subscription(50, blocking=False), Subscription(1000, blocking=False)
    made, records = SessionRecorder(), Subscription(10, blocking=False)
    records.close()
    made.start(records, [(sink, queues[0]), (other, queues[1])])
    updates = [Update(step, 1, State.SILENCE) for step in range(300)]
    for queue in queues:
        queue.feed(updates[:1])
    assert busy.wait(30)
    for queue in queues:
        queue.feed(updates[1:])
        queue.close()
    lost = "The disk was too slow for 249 records, which are lost."
    assert made.error_of(sink) == lost
    fast.set()
    made.finish()
    assert made.first_error() == lost
    assert made.error_of(other) is None
    assert other.taken == updates
    with (tmp_path / "a.csv").open(newline="") as file:
        steps = [round(float(row["time_s"]) / STEP_S) - 1 for row in csv.DictReader(file)]
    assert steps == [0, *range(250, 300)]


def test_a_recorder_that_never_started_finishes():
    made = SessionRecorder()
    made.finish()
    assert made.first_error() is None


class Ring:
    """An object that only it itself holds, as a connection to a sound server."""

    def __init__(self) -> None:
        self.itself = self


def test_what_only_holds_itself_is_freed_while_a_session_runs(monkeypatch):
    monkeypatch.setattr(recorder, "_TRIM_S", 0.0)
    made, records = SessionRecorder(), Subscription(10, blocking=False)
    usual = gc.get_threshold()
    gc.set_threshold(1_000_000)  # by itself Python looks when much more was made than freed
    try:
        left = weakref.ref(Ring())
        made.start(records, [])
        records.feed([Marker(1.0, "a")])
        records.close()
        made.finish()
    finally:
        gc.set_threshold(*usual)
    assert left() is None


def test_where_a_thread_has_windows_no_other_looks_for_garbage(monkeypatch):
    monkeypatch.setattr(recorder, "_TRIM_S", 0.0)
    made, records = SessionRecorder(), Subscription(10, blocking=False)
    threads = []
    gc.callbacks.append(lambda *_: threads.append(threading.current_thread()))
    gc.disable()
    try:
        made.start(records, [])
        records.feed([Marker(1.0, "a")])
        records.close()
        made.finish()
    finally:
        gc.enable()
        gc.callbacks.pop()
    assert not threads


@pytest.mark.parametrize("flushed", [True, False])
def test_rows_that_are_shorter_when_stamped_anew_leave_nothing_of_the_old(tmp_path, flushed):
    early = [
        Update(
            *(step, 1, State.SILENCE),
            latency_ms=100.0,
            wall_clock=NOW + timedelta(seconds=STEP_S * (step + 1), milliseconds=2),
        )
        for step in range(3)
    ]
    late = replace(early[0], step=3)
    sink = TableSink(TableFiles(tmp_path / "a.csv"), LABELS, lambda _: "{}")
    sink.feed(early)
    if flushed:
        sink.flush()
    sink.feed([Anchor(0, 1.0, 1.0, NOW + timedelta(milliseconds=12))])
    sink.flush()
    with (tmp_path / "a.csv").open(newline="") as file:
        assert [row["latency_ms"] for row in csv.DictReader(file)] == ["90.0"] * 3
    sink.feed([late])
    sink.finish()
    sink.close()
    with (tmp_path / "a.csv").open(newline="") as file:
        assert [row["latency_ms"] for row in csv.DictReader(file)] == ["90.0"] * 3 + ["100.0"]

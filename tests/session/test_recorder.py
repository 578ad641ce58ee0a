"""The store is tried again when it fails, a file is left alone, and the others go on."""

from __future__ import annotations

import pytest

from realtime_ser.base.errors import OutputError
from realtime_ser.base.records import Marker
from realtime_ser.engine.subscription import Subscription
from realtime_ser.session import recorder
from realtime_ser.session.recorder import SessionRecorder


class Sink:
    """A sink that fails at chosen calls."""

    def __init__(self, *faults: str) -> None:
        self.faults = list(faults)
        self.calls: list[str] = []

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name in self.faults:
            self.faults.remove(name)
            raise OutputError(f"Cannot {name}.")

    def feed(self, records):
        self._call("feed")

    def flush(self):
        self._call("flush")

    def finish(self):
        self._call("finish")


@pytest.fixture
def record(monkeypatch):
    """Feed two markers, a flush after each, and finish."""
    monkeypatch.setattr(recorder, "COMMIT_S", 0.0)

    def run(store, *files):
        made, records = SessionRecorder(), Subscription(10, blocking=False)
        records.feed([Marker(1.0, "a")])
        made.start(records, store, files)
        records.feed([Marker(2.0, "b")])
        records.close()
        made.finish()
        return made

    return run


def test_all_sinks_get_all_records_and_are_finished(record):
    store, file = Sink(), Sink()
    made = record(store, file)
    for sink in (store, file):
        assert "feed" in sink.calls
        assert sink.calls[-2:] == ["flush", "finish"]
    assert made.error is None
    assert not made.failed


def test_a_store_that_works_again_is_no_fault_any_more(record):
    store = Sink("flush")
    assert record(store, Sink()).error is None
    assert store.calls.count("flush") > 1


def test_a_file_that_failed_is_left_alone_but_closed(record):
    store, file = Sink(), Sink("feed")
    made = record(store, file)
    assert file.calls == ["feed", "finish"]
    assert made.error == "Cannot feed."
    assert not made.is_writing(file)
    assert not made.failed, "the store goes on"


def test_nothing_is_written_once_everything_failed(record):
    made = record(None, Sink("feed"), Sink("feed"))
    assert made.failed


def test_a_recorder_that_never_started_finishes(record):
    made = SessionRecorder()
    made.finish()
    assert (made.error, made.failed) == (None, False)

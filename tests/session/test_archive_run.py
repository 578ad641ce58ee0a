"""Runs through one archive beside each other, and what their lists say."""

from __future__ import annotations

import numpy as np
import pytest

from realtime_ser.audio.notes import NoteKind, ReadNote
from realtime_ser.base.errors import OutputError
from realtime_ser.base.records import Estimate, Quality, SegmentVoice
from realtime_ser.exchange.analysis_tables import SUMMARY
from realtime_ser.session.analysis.analyzer import Outcome, SpeechSummary
from realtime_ser.session.analysis.archive import ArchiveRun, ResultsKey
from realtime_ser.session.analysis.done_list import DoneLists
from realtime_ser.session.analysis.inputs import InputList
from realtime_ser.session.analysis.intervals import GivenInterval, IntervalSummary
from realtime_ser.session.analysis.outcome_json import outcome_fields, read_outcome

KEY = ResultsKey("m", "s")


@pytest.fixture
def items(tmp_path):
    paths = [tmp_path / f"{number}.wav" for number in range(5)]
    for path in paths:
        path.touch()
    with InputList(paths, None) as found:
        yield found


def heard_by(heard, failing=()):
    """An engine that hears nothing, and notes which files it was given."""

    def engine(work):
        for index, item in work:
            heard.append(index)
            yield index, Outcome(item.title, 1.0, error="no" if index in failing else None)

    return engine


def test_what_another_run_has_done_meanwhile_is_not_done_again(items, tmp_path):
    first, second = [], []
    with (
        ArchiveRun(tmp_path / "out", items, KEY, print) as one,
        ArchiveRun(tmp_path / "out", items, KEY, print) as other,
    ):
        assert len(list(one.outcomes(heard_by(first, failing={1})))) == 5
        outcomes = list(other.outcomes(heard_by(second)))
    assert (first, second) == ([0, 1, 2, 3, 4], [])
    assert [outcome.file for outcome in outcomes] == [str(item.path) for item in items]
    assert [outcome.error for outcome in outcomes] == [None, "no", None, None, None]


def test_outcomes_come_in_order_whatever_is_done_first(items, tmp_path):
    def backwards(work):
        for index, item in reversed(list(work)):
            yield index, Outcome(item.title)

    with ArchiveRun(tmp_path / "out", items, KEY, print) as run:
        outcomes = list(run.outcomes(backwards))
    assert [outcome.file for outcome in outcomes] == [str(item.path) for item in items]


def test_a_run_that_did_nothing_leaves_no_list(items, tmp_path):
    with ArchiveRun(tmp_path / "out", items, KEY, print) as run:
        list(run.outcomes(heard_by([])))
    for _ in range(2):
        with ArchiveRun(tmp_path / "out", items, KEY, print) as run:
            list(run.outcomes(heard_by([])))
    assert len(list((tmp_path / "out").rglob("*.jsonl"))) == 1


def test_a_line_says_an_outcome_to_the_last_bit():
    estimate = Estimate(
        np.array([0.1, 0.9], np.float32), "sad", float(np.float32(0.9)), True, Quality.GOOD
    )
    speech = SpeechSummary(1.5, 2, estimate, {"sad": 1.0}, 0.25, {Quality.TOO_QUIET: 0.5})
    interval = IntervalSummary(
        GivenInterval("tier", "a,b\n", 0.1, 0.3), 1, 0.2, estimate, 1.0, 0.0, Quality.GOOD,
        SegmentVoice(100.1, None, -20.0, None, 0.0, 0.5),
    )  # fmt: skip
    outcome = Outcome(
        "a.wav", 3.25, speech, "said", (ReadNote(NoteKind.CUT, "is cut", 1.0),),
        channels={2: speech}, intervals=(interval,),
    )  # fmt: skip
    assert outcome_fields(read_outcome(outcome_fields(outcome))) == outcome_fields(outcome)
    read = read_outcome(outcome_fields(outcome))
    assert read.speech.estimate.probabilities.tobytes() == estimate.probabilities.tobytes()
    assert (read.channels.keys(), read.intervals[0].given) == ({2}, interval.given)


def test_the_latest_line_of_a_file_counts(items, tmp_path):
    for settings in ("old", "new"):
        with ArchiveRun(tmp_path / "out", items, ResultsKey("m", settings), print) as run:
            list(run.outcomes(heard_by([])))
    with DoneLists(tmp_path / "out") as lists:
        lists.refresh()
        assert {line["settings"] for line in lists.lines()} == {"new"}


def test_a_table_that_another_run_has_just_begun_is_one(tmp_path):
    (tmp_path / "summary.csv").touch()
    assert SUMMARY.require_own(tmp_path) == tmp_path / "summary.csv"
    (tmp_path / "summary.csv").write_text("\n")
    with pytest.raises(OutputError, match="is not the summary of an analysis"):
        SUMMARY.require_own(tmp_path)


def test_a_line_that_is_still_being_written_counts_when_it_has_its_end(items, tmp_path):
    with ArchiveRun(tmp_path / "out", items, KEY, print) as run:
        list(run.outcomes(heard_by([])))
    (path,) = (tmp_path / "out").rglob("*.jsonl")
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    with DoneLists(tmp_path / "out") as lists:
        lists.refresh()
        assert len(list(lists.lines())) == 4
        path.write_bytes(whole)
        lists.refresh()
        assert (len(list(lists.lines())), lists.unreadable) == (5, 0)


def test_a_disk_that_refuses_the_tables_ends_the_run_and_blames_no_file(items, tmp_path):
    def engine(work):
        for index, item in work:
            yield index, Outcome(item.title, error="no room", unwritten=index == 2)

    with (
        ArchiveRun(tmp_path / "out", items, KEY, print) as run,
        pytest.raises(OutputError, match="no room What was done is kept"),
    ):
        list(run.outcomes(engine))
    with DoneLists(tmp_path / "out") as lists:
        lists.refresh()
        assert [line["path"] for line in lists.lines()] == [
            str(item.path) for item in list(items)[:2]
        ]

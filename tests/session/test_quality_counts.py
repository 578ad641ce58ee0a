"""Shares without what is no clean voice, whose time is counted, and with what a person said."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from realtime_ser.base.labels import LABELS
from realtime_ser.base.records import STEP_S, Estimate, Quality, Segment, State, Update
from realtime_ser.base.text import result_text, speech_text
from realtime_ser.exchange.csv_tables import export_session, export_study
from realtime_ser.exchange.json_document import session_data
from realtime_ser.exchange.tiers import SEGMENTS, session_tiers
from realtime_ser.session.metadata import Study
from realtime_ser.session.statistics import SegmentTally, session_shares, speech_statistics
from realtime_ser.session.store import Interval
from realtime_ser.session.store.values import CORRECTED
from tests import kept_sessions

RUNS = {
    1: (0, 10, "happy", Quality.GOOD),
    2: (20, 50, "sad", Quality.NOT_A_VOICE),
    3: (60, 70, "calm", Quality.TELEPHONE),
}
"""First and last step, label and quality of each segment."""


def estimate(label, quality):
    values = np.full(len(LABELS), 0.02, np.float32)
    values[LABELS.index(label)] = 0.86
    return Estimate(values, label, 0.86, certain=True).judged(quality)


def records():
    made = []
    for step in range(80):
        number = next((n for n, run in RUNS.items() if run[0] <= step < run[1]), None)
        said = estimate(*RUNS[number][2:]) if number else None
        state = State.SPEECH if number else State.SILENCE
        made.append(Update(step, 1, state, number, said))
    for number, (first, last, *said) in RUNS.items():
        start_s, end_s = first * STEP_S, last * STEP_S
        made.append(Segment(number, 1, start_s, end_s, end_s - start_s, estimate(*said)))
    return made


@pytest.fixture
def info(store):
    return kept_sessions.keep(store, records(), study=Study("Trial", "P1"))


def correct(store, info, number, label):
    first, last = RUNS[number][:2]
    span = (first * STEP_S, last * STEP_S)
    store.annotate(info.id, intervals=[Interval(CORRECTED, *span, label, channel=1)])


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_what_is_no_voice_is_in_no_share_and_its_time_is_told(store, info):
    tally = SegmentTally.of(store.segments(info.id))
    assert tally.shares == pytest.approx({"happy": 0.5, "calm": 0.5})
    assert tally.voiced_s == pytest.approx(1.6)
    assert tally.left_out_s == {Quality.NOT_A_VOICE: pytest.approx(2.4)}
    assert tally.certain_share == 1.0
    assert tally.quality is Quality.NOT_A_VOICE
    assert session_shares(store, info.id) == tally.shares
    (channel,) = speech_statistics(store, info)
    assert dict(channel.transitions) == {("happy", "calm"): 1}
    assert {moment.label for moment in channel.moments} == {"happy", "calm"}
    words = speech_text(4.0, tally.segments, tally.shares, tally.left_out_s, tally.certain_share)
    assert words.endswith(" 50\u202f%), 100\u202f% of it certain, left out: 2.4 s not a voice")


def test_without_any_voice_there_is_no_share():
    said = estimate("sad", Quality.TOO_QUIET)
    tally = SegmentTally.of([Segment(1, 1, 0.0, 2.0, 2.0, said)])
    assert (tally.shares, tally.probabilities, tally.certain_share) == ({}, None, None)
    words = speech_text(2.0, tally.segments, tally.shares, tally.left_out_s, tally.certain_share)
    assert words == "2.0 s of speech in 1 segment, left out: 2.0 s too quiet"


def test_views_say_what_the_sound_was_in_the_place_of_a_label():
    assert result_text(estimate("sad", Quality.GOOD)) == "sad 86\u202f%"
    assert result_text(estimate("sad", Quality.NOT_A_VOICE)) == "not a voice"
    unsure = replace(estimate("sad", Quality.TELEPHONE), certain=False)
    assert result_text(unsure, short=True) == "sad?"


def test_the_label_of_a_person_counts_whatever_the_sound(store, info):
    correct(store, info, 2, "angry")
    correct(store, info, 3, "happy")
    assert session_shares(store, info.id) == pytest.approx({"angry": 0.6, "happy": 0.4})
    (channel,) = speech_statistics(store, info)
    assert dict(channel.shares) == pytest.approx({"angry": 0.6, "happy": 0.4})
    assert channel.left_out_s == {}
    assert dict(channel.transitions) == {("happy", "angry"): 1, ("angry", "happy"): 1}
    assert session_data(store, info)["shares"] == {"angry": 0.6, "happy": 0.4}


def test_tables_tell_quality_and_correction(store, info, tmp_path):
    correct(store, info, 2, "angry")
    files = export_session(store, info, tmp_path / "talk.csv")
    told = [(row["label"], row["quality"], row["corrected"]) for row in table(files.segments)]
    expected = [("happy", "good", ""), ("sad", "not a voice", "angry"), ("calm", "telephone", "")]
    assert told == expected
    steps = table(files.steps)
    assert [steps[at]["quality"] for at in (5, 15, 30)] == ["good", "", "not a voice"]
    assert [steps[at]["corrected"] for at in (5, 15, 30)] == ["", "", "angry"]
    assert {"quality", "corrected"} <= steps[0].keys()
    (interval,) = table(files.intervals)
    assert (interval["tier"], interval["label"]) == (CORRECTED, "angry")


def test_the_tidy_table_says_what_the_person_said(store, info, tmp_path):
    export_study(store, [info], tmp_path / "before.csv")
    correct(store, info, 2, "angry")
    export_study(store, [info], tmp_path / "after.csv")
    before, after = (
        {row["label"]: row for row in table(tmp_path / f"{name}.csv")}
        for name in ("before", "after")
    )
    assert float(before["sad"]["mean_probability"]) == pytest.approx(0.02)
    assert float(before["happy"]["mean_probability"]) == pytest.approx(0.44)
    assert (before["sad"]["left_out_s"], before["sad"]["corrected_s"]) == ("2.40", "0.00")
    assert float(after["angry"]["mean_probability"]) == pytest.approx(0.6 + 0.4 * 0.02)
    assert (after["sad"]["left_out_s"], after["sad"]["corrected_s"]) == ("0.00", "2.40")


def test_a_document_has_both(store, info, tmp_path):
    from realtime_ser.base.files import AtomicFiles
    from realtime_ser.exchange.json_document import write_document

    correct(store, info, 1, "calm")
    with AtomicFiles(tmp_path / "talk.json") as files:
        write_document(store, info, tmp_path / "talk.json", files, frames=True)
    document = json.loads((tmp_path / "talk.json").read_text("utf-8"))
    assert [one["quality"] for one in document["segments"]] == ["good", "not a voice", "telephone"]
    assert [one["corrected"] for one in document["segments"]] == ["calm", None, None]
    assert document["session"]["left_out_s"] == {"not a voice": 2.4}
    assert document["frames"][0]["quality"][15] is None
    assert document["frames"][0]["quality"][30] == "not a voice"


def test_other_tools_see_what_the_sound_was_in_the_place_of_a_label(store, info):
    (segments,) = [tier for tier in session_tiers(store, info) if tier.name == SEGMENTS]
    assert [span.text for span in segments.spans] == ["happy", "not a voice", "calm"]

"""Which label by hand stands for which segment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from realtime_ser.base.labels import LABELS
from realtime_ser.base.records import STEP_S, Estimate, Quality, Segment
from realtime_ser.session.corrections import corrections
from realtime_ser.session.statistics import labels_by_hand
from realtime_ser.session.store import Interval, Query
from realtime_ser.session.store.values import CORRECTED
from tests.kept_sessions import keep, metadata

ESTIMATE = Estimate(np.full(8, 1 / 8, np.float32), "calm", 1 / 8, certain=False)


def segment(number, start_s, end_s, channel=1):
    return Segment(number, channel, start_s, end_s, end_s - start_s, ESTIMATE)


def interval(start_s, end_s, channel=1, label=LABELS[0]):
    return Interval(CORRECTED, start_s, end_s, label, channel=channel)


SEGMENTS = [segment(1, 1.0, 3.0), segment(2, 4.0, 5.0), segment(1, 1.2, 2.8, channel=2)]


@pytest.mark.parametrize("off_s", [0.0, 0.001, STEP_S, 0.4])
def test_bounds_that_another_tool_moved_do_not_lose_a_correction(off_s):
    moved = interval(1.0 + off_s, 3.0 + off_s)
    assert corrections(SEGMENTS, [moved]) == {(1, 1): moved}


def test_one_that_names_no_channel_stands_for_all_and_gives_way_to_one_that_does():
    everybody, second = interval(1.0, 3.0, None), interval(1.2, 2.8, 2)
    assert corrections(SEGMENTS, [everybody]) == {(1, 1): everybody, (2, 1): everybody}
    assert corrections(SEGMENTS, [everybody, second]) == {(1, 1): everybody, (2, 1): second}


def test_neighbours_that_hardly_touch_are_left_alone():
    assert corrections(SEGMENTS, [interval(2.9, 4.3)]) == {}


def test_the_one_that_shares_most_counts():
    part, most = interval(1.0, 1.5), interval(1.5, 3.0)
    assert corrections(SEGMENTS, [most, part]) == {(1, 1): most}
    assert corrections(SEGMENTS, [part, most]) == {(1, 1): most}


def test_one_that_holds_several_segments_stands_for_each():
    merged = interval(0.5, 6.0)
    assert corrections(SEGMENTS, [merged]) == {(1, 1): merged, (1, 2): merged}


def test_sessions_are_found_by_what_a_person_called_their_segments(store):
    """The store answers as the tables do, wherever intervals lie."""
    random = np.random.default_rng(3)
    for _ in range(30):
        writer = store.begin(metadata(channels=(1, 2)))
        writer.feed(SEGMENTS)
        writer.finish()
        starts_s = random.uniform(0.5, 4.5, 4)
        made = [
            interval(
                start_s,
                start_s + random.uniform(0.2, 3.0),
                random.choice([None, 1, 2]),
                random.choice(["happy", "sad", "of its own"]),
            )
            for start_s in starts_s
        ]
        store.annotate(writer.id, intervals=made)
    infos = store.sessions()
    for label in ("calm", "happy", "sad", "of its own", "angry"):
        named = {
            info.id
            for info in infos
            if label
            in {
                labels_by_hand(store, info.id).get((one.channel, one.number), "calm")
                for one in store.segments(info.id)
            }
        }
        assert {info.id for info in store.sessions(Query(label=label))} == named
        assert (label == "angry") == (not named)


def test_a_label_of_what_is_no_voice_finds_no_session(store):
    unheard = replace(SEGMENTS[0], estimate=ESTIMATE.judged(Quality.NOT_A_VOICE))
    info = keep(store, [unheard])
    assert store.sessions(Query(label="calm")) == []
    store.annotate(info.id, intervals=[interval(1.0, 3.0, label="calm")])
    assert [found.id for found in store.sessions(Query(label="calm"))] == [info.id]

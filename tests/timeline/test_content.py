"""A session that goes on is the same content as when it is kept."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_ser.base.labels import LABELS
from realtime_ser.base.records import STEP_S, Estimate, Marker, Segment, State, Update
from realtime_ser.session.store import Interval
from realtime_ser.timeline.content import (
    ChannelContent,
    LiveContent,
    annotation_text,
)
from realtime_ser.timeline.pyramid import Pyramid, runs


def estimate(value=0.7):
    probabilities = np.full(len(LABELS), (1 - value) / 7, np.float32)
    probabilities[2] = value
    return Estimate(probabilities, "happy", value, certain=True)


def speech(step, segment=1, value=0.7):
    hops = np.linspace(0.1, 0.8, 8, dtype=np.float32)
    envelope = np.stack([-hops, hops], axis=1)
    state = State.SPEECH
    return Update(step, 1, state, segment, estimate(value), -20.0, envelope, voiced=4)


def silence(step):
    return Update(step, 1, State.SILENCE, level_dbfs=-60.0)


def channel(*updates, capacity=50):
    content = ChannelContent(1, "speech", Pyramid.empty(1, LABELS, capacity))
    content.feed(updates)
    return content


def test_steps_without_speech_are_gaps_in_the_probabilities():
    bins = channel(silence(0), speech(1), speech(2), silence(3)).pyramid.read(np.arange(5) * STEP_S)
    assert runs(bins.speech) == [(1, 3)]
    assert bins.voiced.tolist() == [0, 1, 1, 0]


def test_a_step_that_never_arrived_is_missing_not_silent():
    content = channel(speech(0), speech(3))
    bins = content.pyramid.read(np.arange(-1, 6) * STEP_S)
    assert bins.missing.tolist() == [False, False, True, True, False, False]
    assert content.moment(1.5 * STEP_S).state is None
    (gap,) = content.gaps_between(0.0, 1.0)
    assert (gap.kind, gap.start_s, gap.end_s) == ("missing", STEP_S, 3 * STEP_S)


def test_gaps_say_what_they_are():
    states = [State.SILENCE, State.LOST, State.LOST, State.PAUSED, State.SILENCE]
    content = channel(*(Update(step, 1, state) for step, state in enumerate(states)))
    found = [(gap.kind, round(gap.start_s / STEP_S)) for gap in content.gaps_between(0.0, 1.0)]
    assert found == [("lost", 1), ("paused", 3)]


def test_an_hour_that_was_missed_costs_nothing():
    content = channel(speech(0), speech(10**9, segment=2))
    assert len(content.pyramid) == 2


def test_only_the_last_stretch_is_kept_and_looks_the_same_as_before():
    content, whole = channel(capacity=5000), channel(capacity=30_000)
    updates = [speech(step, 1 + step // 62, 0.2 + step % 60 / 100) for step in range(30_000)]
    for first in range(0, len(updates), 100):
        content.feed(updates[first : first + 100])
    whole.feed(updates)
    assert 5000 <= len(content.pyramid) <= 5000 + 4096 + 256
    for steps in (0.3, 1.0, 7.0, 40.0, 333.0):
        edges = np.arange(26_000 // steps, 29_900 // steps) * steps * STEP_S
        one, other = content.pyramid.read(edges), whole.pyramid.read(edges)
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-6)
        np.testing.assert_array_equal(one.highest, other.highest)


@given(
    sizes=st.lists(st.integers(1, 300), min_size=1, max_size=12), steps=st.sampled_from([20, 90])
)
def test_a_pyramid_does_not_depend_on_how_its_updates_came(sizes, steps):
    count = sum(sizes)
    grown = channel(capacity=count)
    updates = [
        speech(step, value=(step % 97) / 100) if step % 50 else silence(step)
        for step in range(count)
    ]
    edges = np.arange(0, count + steps, steps) * STEP_S
    first = 0
    for size in sizes:
        grown.feed(updates[first : first + size])
        grown.pyramid.read(edges)  # builds the levels so far
        first += size
    whole = channel(*updates, capacity=count)
    one, other = grown.pyramid.read(edges), whole.pyramid.read(edges)
    np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-6)
    np.testing.assert_array_equal(one.voiced, other.voiced)


def test_a_live_channel_knows_the_extremes_of_ten_milliseconds():
    pyramid = channel(silence(0), speech(1), silence(2)).pyramid
    low, high = pyramid.extremes(np.arange(25) * STEP_S / 8)
    np.testing.assert_allclose(high[8:16], np.linspace(0.1, 0.8, 8), atol=1e-4)
    np.testing.assert_allclose(low, -high, atol=1e-6)
    assert not high[:8].any()
    assert not high[16:].any()
    wide = pyramid.extremes(np.array([-1.0, 0.5, 9.0]))[1]
    assert wide.tolist() == pytest.approx([0.8, 0.0], abs=1e-4)


def test_a_segment_is_open_until_its_result_arrives():
    content = channel(*(speech(step) for step in range(10, 20)))
    assert content.open.start_s == pytest.approx(10 * STEP_S)
    assert content.open.end_s == pytest.approx(20 * STEP_S)
    assert content.moment(15 * STEP_S).speech is content.open
    content.close(Segment(1, 1, 0.64, 1.2, 0.5, estimate(0.8)))
    (closed,) = content.segments
    assert content.open is None
    assert (closed.start_s, closed.end_s, closed.estimate.confidence) == (0.64, 1.2, 0.8)
    content.feed([speech(20)])  # hang-over of a segment that was closed does not reopen it
    assert content.open is None
    assert content.segment_records["start_s"].tolist() == [0.64]


def test_what_lies_under_the_pointer():
    content = channel(silence(0), speech(1), silence(2))
    moment = content.moment(0.121)
    assert moment.time_s == pytest.approx(0.16)
    assert moment.probabilities[2] == pytest.approx(0.7)
    assert moment.speech.number == 1
    assert content.moment(0.2).probabilities is None
    assert content.moment(5.0) is None


def test_old_segments_and_markers_are_forgotten_and_numbers_stay():
    content = LiveContent(LABELS, (1,), span_s=4.0)
    content.feed([Marker(0.1, ""), Marker(0.2, "hello"), speech(0)])
    content.feed([Segment(1, 1, 0.0, 0.08, 0.08, estimate())])
    assert [item.number for item in content.markers] == [1, 2]
    content.feed([silence(step) for step in range(1, 9000)])
    content.feed([silence(step) for step in range(9000, 9100)])
    assert not content.markers
    assert not content.channels[1].segments
    content.feed([Marker(728.0, "")])
    assert content.markers[0].number == 3


def test_channels_do_not_mix():
    content = LiveContent(LABELS, (1, 2), span_s=4.0)
    content.feed([speech(0), Update(0, 2, State.SILENCE)])
    segments = [content.channels[n].pyramid.columns.segment.tolist() for n in (1, 2)]
    assert segments == [[1], [0]]


def test_what_a_marker_and_an_interval_are_called():
    assert annotation_text(Marker(0.0, "laughs\nloudly", "k1")) == "k1: laughs loudly"
    assert annotation_text(Marker(0.0, "")) == "marker"
    assert annotation_text(Interval("phase", 0.0, 1.0, "", "why")) == "why"

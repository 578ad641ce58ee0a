import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_ser.base.labels import LABELS
from realtime_ser.base.records import STEP_S, Estimate, Marker, Segment, State, Update
from realtime_ser.timeline.live import (
    STATE_CODES,
    UNKNOWN,
    ChannelTimeline,
    LiveTimeline,
    bin_envelope,
)

SPEECH = STATE_CODES[State.SPEECH]


def estimate(value=0.7):
    probabilities = np.full(len(LABELS), (1 - value) / 7, np.float32)
    probabilities[2] = value
    return Estimate(probabilities, "happy", value, certain=True)


def speech(step, segment=1, value=0.7):
    return Update(step, 1, State.SPEECH, segment, estimate(value), level_dbfs=-20.0, voiced=4)


def silence(step):
    return Update(step, 1, State.SILENCE, level_dbfs=-60.0)


def channel(capacity=50):
    return ChannelTimeline(len(LABELS), capacity)


@given(count=st.integers(1, 200), first=st.integers(0, 220), length=st.integers(0, 60))
def test_any_stretch_is_one_slice_of_what_was_written_last(count, first, length):
    ring = channel(capacity=50)
    for step in range(count):
        ring.feed(speech(step, value=(step % 97) / 100))
    kept = [step for step in range(first, first + length) if count - 50 <= step < count]
    got = ring.steps(first, first + length)
    assert len(got) == len(kept)
    if kept:
        assert got.first == kept[0]
        expected = [(step % 97) / 100 for step in kept]
        assert got.probabilities[:, 2] == pytest.approx(expected, abs=1e-6)
        assert got.probabilities.base is not None  # a view: nothing was copied


def test_steps_without_speech_are_gaps():
    ring = channel()
    for update in (silence(0), speech(1), speech(2), silence(3)):
        ring.feed(update)
    steps = ring.steps(0, 4)
    assert np.isnan(steps.probabilities).all(axis=1).tolist() == [True, False, False, True]
    assert steps.runs(SPEECH) == [(1, 3)]


def test_a_step_that_never_arrived_is_unknown_not_silent():
    ring = channel()
    ring.feed(speech(0))
    ring.feed(speech(3))
    assert ring.steps(0, 4).state.tolist() == [SPEECH, UNKNOWN, UNKNOWN, SPEECH]
    assert ring.step_at(2 * STEP_S).state is None


def test_an_hour_that_was_missed_costs_no_more_than_the_ring_holds():
    ring = channel(capacity=50)
    ring.feed(speech(0))
    ring.feed(speech(10**9, segment=2))
    assert len(ring.steps(0, 10**9 + 1)) == 50
    assert ring.steps(0, 10**9).runs(UNKNOWN) == [(0, 49)]


def test_a_segment_is_open_until_its_result_arrives():
    ring = channel()
    for step in range(10, 20):
        ring.feed(speech(step))
    (opened,) = ring.speech
    assert opened.estimate is None
    assert opened.start_s == pytest.approx(10 * STEP_S)
    assert opened.end_s == pytest.approx(20 * STEP_S)
    ring.close_segment(Segment(1, 1, 0.64, 1.2, 0.5, estimate(0.8)))
    (closed,) = ring.speech
    assert (closed.start_s, closed.end_s, closed.estimate.confidence) == (0.64, 1.2, 0.8)
    ring.feed(speech(20))  # hang-over of a segment that was closed does not reopen it
    assert ring.speech[0].end_s == 1.2


def test_where_a_segment_begins():
    ring = channel()
    for step in range(5):
        ring.feed(silence(step))
    for step in range(5, 12):
        ring.feed(speech(step, segment=1))
    for step in range(12, 15):
        ring.feed(speech(step, segment=2))
    assert ring.segment_start(9) == 5
    assert ring.segment_start(14) == 12
    assert ring.segment_start(3) == 3


def test_what_lies_under_the_pointer():
    ring = channel()
    for update in (silence(0), speech(1), silence(2)):
        ring.feed(update)
    moment = ring.step_at(0.171)
    assert moment.time_s == pytest.approx(0.16)
    assert moment.probabilities[2] == pytest.approx(0.7)
    assert moment.speech.number == 1
    assert ring.step_at(0.24).probabilities is None
    assert ring.step_at(5.0) is None


def test_old_segments_and_markers_are_forgotten_and_numbers_stay():
    timeline = LiveTimeline(LABELS, (1,), span_s=4.0)
    timeline.feed([Marker(0.1, ""), Marker(0.2, "hello"), speech(0)])
    assert [mark.name for mark in timeline.markers] == ["mark 1", "hello"]
    timeline.feed([silence(step) for step in range(1, 100)])
    assert not timeline.markers
    assert not timeline.channels[1].speech
    timeline.feed([Marker(8.0, "")])
    assert timeline.markers[0].name == "mark 3"


def test_channels_do_not_mix():
    timeline = LiveTimeline(LABELS, (1, 2), span_s=4.0)
    timeline.feed([speech(0), Update(0, 2, State.SILENCE)])
    assert timeline.channels[1].steps(0, 1).segment.tolist() == [1]
    assert timeline.channels[2].steps(0, 1).segment.tolist() == [0]


@given(
    hops=st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=60),
    start=st.integers(0, 30),
    size=st.integers(1, 9),
)
def test_peaks_do_not_depend_on_where_a_slice_begins(hops, start, size):
    envelope = np.array([[min(h, 0), max(h, 0)] for h in hops], np.float32)
    whole = bin_envelope(envelope, 0, size)
    if start < len(hops):
        part = bin_envelope(envelope[start:], start, size)
        # The first bucket may be cut; all others are those of the whole.
        assert np.array_equal(part[1:], whole[start // size + 1 :])
    assert whole[:, 0].min() == envelope[:, 0].min()
    assert whole[:, 1].max() == envelope[:, 1].max()

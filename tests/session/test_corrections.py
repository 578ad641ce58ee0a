"""Which label by hand stands for which segment."""

from __future__ import annotations

import numpy as np
import pytest

from realtime_ser.base.labels import LABELS
from realtime_ser.base.records import STEP_S, Estimate, Segment
from realtime_ser.session.corrections import CORRECTED, corrections
from realtime_ser.session.store import Interval

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

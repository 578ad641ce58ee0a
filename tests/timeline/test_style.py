"""Colours of the timeline stand out on every ground."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from realtime_ser.timeline.style import contrast, outline

COLORS = st.binary(min_size=3, max_size=3).map(lambda parts: "#" + parts.hex())


@given(color=COLORS, background=COLORS)
def test_a_shape_or_its_rim_stands_out_on_any_ground(color, background):
    assert contrast(outline(color, background) or color, background) >= 3.0


def test_the_rim_is_a_shade_towards_the_far_end_of_the_ground():
    assert outline("#56B4E9", "#FAFAF8") == "#4189b1"
    assert outline("#332288", "#14161A") == "#6558a5"

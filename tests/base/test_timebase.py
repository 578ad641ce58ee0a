"""Samples at two rates that count the same time."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from realtime_ser.base.records import SAMPLE_RATE, STEP
from realtime_ser.base.timebase import TimeBase

rates = st.sampled_from([8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000])
days = st.integers(0, 10 * 24 * 3600 * 16_000)


@given(rates, days)
def test_the_nearest_sample_is_never_half_a_sample_off(rate, native):
    exact = Fraction(native * SAMPLE_RATE, rate)
    assert abs(TimeBase(rate).sample(native) - exact) <= Fraction(1, 2)


@given(rates, days)
def test_the_native_sample_is_the_first_that_is_not_before(rate, sample):
    native = TimeBase(rate).native(sample)
    assert Fraction(native - 1, rate) < Fraction(sample, SAMPLE_RATE) <= Fraction(native, rate)


@given(rates, st.integers(0, 10**8))
def test_steps_begin_at_the_same_moment_at_both_rates(rate, step):
    time_base = TimeBase(rate)
    assert time_base.sample(time_base.native(STEP * step)) == STEP * step


@given(rates, days, st.integers(0, 10**6))
def test_later_is_never_earlier(rate, count, more):
    time_base = TimeBase(rate)
    assert time_base.sample(count) <= time_base.sample(count + more)
    assert time_base.native(count) <= time_base.native(count + more)

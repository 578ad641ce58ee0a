"""The clock of a session follows the device, and no jump of the system's clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_ser.base.records import STEP, Anchor, State, Update
from realtime_ser.base.timebase import SessionClock, clock_s, corrected, wall_clock_by


def test_a_late_block_does_not_make_the_sound_look_younger() -> None:
    clock = SessionClock()
    for k in range(100):
        late = 0.3 if k % 10 else 0.0
        clock.feed(k * 0.02, 50.0 + k * 0.02 + late)
    assert clock.adc_time(16_000) == pytest.approx(51.0)


@pytest.mark.parametrize("drift", [200e-6, -200e-6])
def test_a_drifting_device_stays_within_20_ms_over_two_hours(drift: float) -> None:
    clock = SessionClock()
    position = 0.0
    while position < 7200:
        clock.feed(position, 10.0 + position * (1 + drift))
        true = 10.0 + position * (1 + drift)
        assert abs(clock.adc_time(round(position * 16_000)) - true) < 0.02
        position += 0.5


def test_times_that_settle_are_believed_within_two_seconds() -> None:
    """Sound servers report half a second too much while a stream begins."""
    clock = SessionClock()
    for block in range(500):
        position = 0.01 * block
        clock.feed(position, 100.0 + position + (0.0 if position < 2.5 else 0.5))
    assert clock.adc_time(0) == pytest.approx(100.5)


@pytest.mark.parametrize("early_s", [0.6, 0.022, -0.136])
def test_the_first_anchor_corrects_what_was_stamped_before(early_s: float) -> None:
    clock = SessionClock()
    stamped, anchor = [], None
    for block in range(500):
        position = 0.02 * block
        clock.feed(position, clock_s() + position - (early_s if position < 1.5 else 0.0))
        if block % 4 == 3:
            sample = STEP * (block // 4 + 1)
            wall = clock.wall_clock(sample)
            stamped.append(Update(block // 4, 1, State.SILENCE, latency_ms=100.0, wall_clock=wall))
        if clock.settled and anchor is None:
            anchor, first = clock.anchor(round(16_000 * position)), len(stamped)
    assert anchor is not None
    assert first < 60, "within five seconds"
    updates = [corrected(one, anchor) for one in stamped[:first]] + stamped[first:]
    starts = [one.wall_clock.timestamp() - one.time_s for one in updates]
    assert max(starts) - min(starts) < 0.02
    off_ms = 1000 * (stamped[0].wall_clock - updates[0].wall_clock).total_seconds()
    assert updates[0].latency_ms == pytest.approx(100.0 + off_ms)


def test_the_clock_never_runs_back() -> None:
    clock = SessionClock()
    walls = []
    for block in range(1000):
        position = 0.02 * block
        clock.feed(position, 100.0 + position - (0.5 if block > 500 else 0.0))
        if clock.settled and block % 4 == 3:
            walls.append(clock.wall_clock(STEP * (block // 4 + 1)))
    assert walls == sorted(walls)
    assert clock.adc_time(0) == pytest.approx(99.5)


def test_the_clock_goes_on_while_the_computer_sleeps() -> None:
    boot_s = time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
    assert clock_s() == pytest.approx(boot_s, abs=1.0)


def test_a_jump_of_the_system_clock_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SessionClock()
    before = clock.wall_clock(16_000)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert clock.wall_clock(16_000) == before
    assert (clock.wall_clock(32_000) - before).total_seconds() == pytest.approx(1.0)


@given(
    sample=st.integers(0, 10**9),
    adc_s=st.floats(0.0, 1e6),
    behind_s=st.floats(0.0, 0.5),
    microsecond=st.integers(0, 999_999),
    step=st.integers(0, 10**6),
)
def test_steps_are_whole_microseconds_apart_by_any_anchor(
    sample: int, adc_s: float, behind_s: float, microsecond: int, step: int
) -> None:
    wall = datetime(2026, 3, 1, 12, microsecond=microsecond, tzinfo=UTC)
    anchor = Anchor(sample, adc_s, adc_s + behind_s, wall)
    passed = wall_clock_by(anchor, STEP * step) - wall_clock_by(anchor, 0)
    assert passed == step * timedelta(milliseconds=80)

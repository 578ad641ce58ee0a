"""The clock of a session follows the device, and no jump of the system's clock."""

from __future__ import annotations

import time

import pytest

from realtime_ser.base.timebase import SessionClock


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


def test_a_jump_of_the_system_clock_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SessionClock()
    before = clock.wall_clock(16_000)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert clock.wall_clock(16_000) == before
    assert (clock.wall_clock(32_000) - before).total_seconds() == pytest.approx(1.0)

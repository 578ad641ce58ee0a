"""A slow consumer delays nobody."""

from __future__ import annotations

import numpy as np

from realtime_ser.base.records import Marker, Sound
from realtime_ser.engine.subscription import Subscription


def test_a_slow_listener_loses_the_oldest_records_and_is_told_how_many() -> None:
    subscription = Subscription(3, blocking=False)
    subscription.feed([Marker(k, "") for k in range(5)])
    assert [record.time_s for record in subscription.drain()] == [2, 3, 4]  # type: ignore[union-attr]
    assert subscription.dropped == 2


def test_sound_goes_only_to_those_who_asked_for_it() -> None:
    sound = Sound(0, np.zeros((3, 1), np.float32))
    for wanted in (True, False):
        subscription = Subscription(3, blocking=False, sound=wanted)
        subscription.feed([sound])
        assert subscription.drain() == ([sound] if wanted else [])


def test_a_consumer_is_woken_once_for_what_it_has_not_drained_and_not_by_sound() -> None:
    woken: list[int] = []
    subscription = Subscription(
        9, blocking=False, sound=True, wake=lambda: woken.append(len(subscription.drain()))
    )
    sound = Sound(0, np.zeros((3, 1), np.float32))
    subscription.feed([sound])
    assert woken == []
    subscription.feed([Marker(0.0, "")])
    assert woken == [2]

    sleepy = Subscription(9, blocking=False, wake=lambda: woken.append(0))
    for time_s in range(3):
        sleepy.feed([Marker(float(time_s), "")])
    assert woken == [2, 0]
    sleepy.drain()
    sleepy.feed([Marker(3.0, "")])
    assert woken == [2, 0, 0]

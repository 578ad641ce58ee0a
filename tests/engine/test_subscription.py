"""A slow consumer delays nobody."""

from __future__ import annotations

import threading

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


def test_who_gathers_is_woken_when_the_queue_is_half_full_and_at_the_end() -> None:
    subscription, got = Subscription(8, blocking=False), threading.Event()
    drained: list[int] = []

    def gather() -> None:
        drained.append(len(subscription.drain(60.0, gather=True)))
        got.set()
        drained.append(len(subscription.drain(60.0, gather=True)))

    thread = threading.Thread(target=gather)
    thread.start()
    for time_s in range(4):
        subscription.feed([Marker(float(time_s), "")])
    assert not got.wait(0.2)
    subscription.feed([Marker(4.0, "")])
    assert got.wait(30.0)
    subscription.feed([Marker(5.0, "")])
    subscription.close()
    thread.join(30.0)
    assert drained == [5, 1]


def test_a_file_that_finds_no_room_wakes_who_gathers() -> None:
    subscription = Subscription(4, blocking=True)
    writer = threading.Thread(
        target=lambda: subscription.feed([Marker(float(k), "") for k in range(9)])
    )
    writer.start()
    got: list[object] = []
    while len(got) < 9:
        got += subscription.drain(1.0, gather=True)
    writer.join(30.0)
    assert not writer.is_alive()

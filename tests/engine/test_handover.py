"""Markers reach the worker in order, and open intervals are closed once."""

from __future__ import annotations

from dataclasses import replace

from realtime_ser.base.records import IntervalOpened, Marker
from realtime_ser.engine.handover import MarkerQueue

QUESTION = Marker(1.0, "question", "q")


def test_markers_are_drained_once_and_in_order() -> None:
    queue = MarkerQueue()
    first, second = Marker(2.0, "a"), Marker(1.0, "b")
    queue.put(first)
    queue.put(second)
    assert queue.drain() == [first, second]
    assert queue.drain() == []


def test_an_interval_is_told_when_it_opens_and_when_it_closes() -> None:
    queue = MarkerQueue()
    queue.open(QUESTION)
    assert queue.drain() == [IntervalOpened(QUESTION)]
    closed = replace(QUESTION, duration_s=2.5)
    assert queue.close("q", 3.5) == closed
    assert queue.close("q", 4.0) is None
    assert queue.drain() == [closed]


def test_the_end_closes_every_open_interval() -> None:
    queue = MarkerQueue()
    queue.open(QUESTION)
    queue.open(Marker(9.0, "", "late"))
    queue.drain()
    queue.close_all(5.0)
    assert [(m.code, m.duration_s) for m in queue.drain() if isinstance(m, Marker)] == [
        ("q", 4.0),
        ("late", 0.0),
    ]

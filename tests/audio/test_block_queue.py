"""The queue loses nothing of a file, and counts what a microphone loses."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from realtime_ser.audio.block_queue import BlockQueue


def ramp(count: int, start: int = 0) -> NDArray[np.float32]:
    return np.arange(start, start + count, dtype=np.float32)[:, None]


@given(sizes=st.lists(st.integers(1, 40), max_size=60), reads=st.lists(st.booleans(), max_size=99))
def test_a_queue_returns_what_was_written_and_counts_what_did_not_fit(
    sizes: Sequence[int], reads: Sequence[bool]
) -> None:
    queue = BlockQueue(100, blocking=False)
    plan = iter(reads)
    got: list[float] = []
    written = 0

    def read() -> None:
        for block in queue.read(0.0):
            got.extend([np.nan] * block.lost)
            got.extend(block.samples[:, 0])

    for size in sizes:
        queue.write(ramp(size, written), None)
        written += size
        while next(plan, False):
            read()
    queue.close()
    while not queue.ended:
        read()
    expected = np.arange(len(got), dtype=np.float32)
    heard = ~np.isnan(got)
    np.testing.assert_array_equal(np.array(got)[heard], expected[heard])
    assert heard.sum() >= min(written, 60)


def test_a_file_waits_for_room_in_the_queue() -> None:
    queue = BlockQueue(10, blocking=True)
    queue.write(ramp(8), None)
    writer = threading.Thread(target=queue.write, args=(ramp(8, 8), None))
    writer.start()
    assert queue.read(5.0)
    writer.join(5.0)
    (block,) = queue.read(5.0)
    np.testing.assert_array_equal(block.samples, ramp(8, 8))
    assert block.lost == 0


def test_a_writers_error_reaches_the_reader_after_the_last_block() -> None:
    queue = BlockQueue(10, blocking=True)
    queue.write(ramp(4), None)
    queue.close(OSError("gone"))
    assert queue.read(0.0)
    with pytest.raises(OSError, match="gone"):
        queue.read(0.0)


def test_a_reader_is_not_woken_before_there_is_as_much_as_it_wants() -> None:
    queue, heard = BlockQueue(100, blocking=False), threading.Event()

    def read() -> None:
        assert len(queue.read(60.0, least=20)) == 2
        heard.set()

    reader = threading.Thread(target=read)
    reader.start()
    queue.write(ramp(10), None)
    assert not heard.wait(0.2)
    queue.write(ramp(10, 10), None)
    reader.join(30.0)
    assert heard.is_set()


def test_a_reader_gets_what_it_wants_or_what_there_is_when_the_time_is_over() -> None:
    queue = BlockQueue(100, blocking=False)
    for start in range(0, 50, 10):
        queue.write(ramp(10, start), None)
    assert [block.samples[0, 0] for block in queue.read(0.0, least=15)] == [0, 10]
    assert [block.samples[0, 0] for block in queue.read(0.0, least=40)] == [20, 30, 40]
    assert queue.read(0.0) == []


def test_what_is_written_may_change_afterwards() -> None:
    queue, samples = BlockQueue(100, blocking=False), ramp(10)
    queue.write(samples, None)
    samples[:] = 0.0
    (block,) = queue.read(0.0)
    np.testing.assert_array_equal(block.samples, ramp(10))


def test_a_pause_begins_and_ends_with_the_block_that_is_written_next() -> None:
    queue = BlockQueue(100, blocking=False)
    for paused in (False, True, False):
        queue.paused = paused
        queue.write(ramp(4), None)
    assert [block.paused for block in queue.read(0.0, least=12)] == [False, True, False]

"""The ring loses nothing of a file, and counts what a microphone loses."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from realtime_ser.audio.ring import RingBuffer


def ramp(count: int, start: int = 0) -> NDArray[np.float32]:
    return np.arange(start, start + count, dtype=np.float32)[:, None]


@given(sizes=st.lists(st.integers(1, 40), max_size=60), reads=st.lists(st.booleans(), max_size=99))
def test_a_ring_returns_what_was_written_and_counts_what_did_not_fit(
    sizes: Sequence[int], reads: Sequence[bool]
) -> None:
    ring = RingBuffer(100, 1, blocking=False)
    plan = iter(reads)
    got: list[float] = []
    written = 0

    def read() -> None:
        block = ring.read(0.0)
        if block is not None:
            got.extend([np.nan] * block.lost)
            got.extend(block.samples[:, 0])

    for size in sizes:
        ring.write(ramp(size, written), None)
        written += size
        while next(plan, False):
            read()
    ring.close()
    while not ring.ended:
        read()
    expected = np.arange(len(got), dtype=np.float32)
    heard = ~np.isnan(got)
    np.testing.assert_array_equal(np.array(got)[heard], expected[heard])
    assert heard.sum() >= min(written, 60)


def test_a_file_waits_for_room_in_the_ring() -> None:
    ring = RingBuffer(10, 1, blocking=True)
    ring.write(ramp(8), None)
    writer = threading.Thread(target=ring.write, args=(ramp(8, 8), None))
    writer.start()
    assert ring.read(5.0) is not None
    writer.join(5.0)
    block = ring.read(5.0)
    assert block is not None
    np.testing.assert_array_equal(block.samples, ramp(8, 8))
    assert block.lost == 0


def test_a_writers_error_reaches_the_reader_after_the_last_block() -> None:
    ring = RingBuffer(10, 1, blocking=True)
    ring.write(ramp(4), None)
    ring.close(OSError("gone"))
    assert ring.read(0.0) is not None
    with pytest.raises(OSError, match="gone"):
        ring.read(0.0)


def test_a_reader_is_not_woken_before_there_is_as_much_as_it_wants() -> None:
    ring, heard = RingBuffer(100, 1, blocking=False), threading.Event()

    def read() -> None:
        assert ring.read(60.0, least=20) is not None
        heard.set()

    reader = threading.Thread(target=read)
    reader.start()
    ring.write(ramp(10), None)
    assert not heard.wait(0.2)
    ring.write(ramp(10, 10), None)
    reader.join(30.0)
    assert heard.is_set()
    assert ring.read(0.0, least=40) is not None, "what is there is given when the time is over"


def test_a_pause_begins_and_ends_with_the_block_that_is_written_next() -> None:
    ring = RingBuffer(100, 1, blocking=False)
    for paused in (False, True, False):
        ring.paused = paused
        ring.write(ramp(4), None)
    blocks = [ring.read(0.0) for _ in range(3)]
    assert [block.paused for block in blocks if block is not None] == [False, True, False]

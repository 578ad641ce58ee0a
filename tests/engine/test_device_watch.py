"""Loss is placed in time, and the errors of many losses do not add up."""

from __future__ import annotations

import numpy as np
import pytest

from realtime_ser.audio.block_queue import BlockQueue
from realtime_ser.base.timebase import SessionClock
from realtime_ser.engine.device_watch import DeviceWatch
from tests.engine.test_monitor import ScriptedMicrophone

RATE, BLOCK = 16_000, 320


@pytest.mark.parametrize("drift", [50e-6, -50e-6])
@pytest.mark.parametrize("error_s", [0.015, -0.015])
@pytest.mark.parametrize("calm_s", [45.0, 16.0])
def test_errors_of_many_interruptions_do_not_add_up(
    drift: float, error_s: float, calm_s: float
) -> None:
    """A device that drifts loses a second again and again, and is a little off just after it."""
    microphone, queue, clock = (
        ScriptedMicrophone(),
        BlockQueue(60 * RATE, blocking=False),
        SessionClock(),
    )
    watch = DeviceWatch(microphone, queue, clock)
    position, said, now_s, lost = 0, 0, 100.0, 0
    for interruption in range(61):
        off_s = error_s if interruption else 0.0
        for block in range(round(calm_s / 0.02)):
            at_s = now_s + said / RATE * (1.0 + drift) + (off_s if block < 100 else 0.0)
            overflow = bool(interruption) and block == 0
            queue.write(np.zeros((BLOCK, 1), np.float32), at_s, overflow=overflow)
            said += BLOCK
            for heard in queue.read(0.0):
                for placed in watch.place(heard, position):
                    position += placed.lost
                    lost += placed.lost
                    clock.feed(position / RATE, placed.block.adc_s)
                    position += len(placed.block.samples)
        said += RATE  # lost
    assert lost / RATE == pytest.approx(60.0, abs=0.06)

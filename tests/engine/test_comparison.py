"""A second model hears what the first hears, and changes nothing."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from realtime_ser.audio.file import FileSource
from realtime_ser.base.config import GateConfig
from realtime_ser.base.records import Segment, State, Update
from realtime_ser.engine.comparison import ComparisonModel
from realtime_ser.engine.monitor import Monitor
from realtime_ser.engine.status import Phase
from realtime_ser.recogniser.bundle import Bundle, load_bundle


@pytest.fixture
def bundle(bundle_folder: Path) -> Bundle:
    return load_bundle(bundle_folder)


def hear(monitor, second):
    """All that both say until the end."""
    first = monitor.subscribe()
    monitor.start()
    second.start()
    said = []
    while monitor.status.phase is not Phase.ENDED:
        said += second.drain()
        time.sleep(0.01)
    monitor.stop()
    second.stop()
    return list(first), said + second.drain()


def updates(records):
    return [record for record in records if isinstance(record, Update)]


def test_the_same_model_says_the_same_on_the_same_steps(bundle, speech_stereo_wav):
    monitor = Monitor(FileSource(speech_stereo_wav, speed=0), bundle, channels=(1, 2))
    one, two = hear(monitor, ComparisonModel(monitor, bundle, GateConfig()))
    for channel in (1, 2):
        mine = [update for update in updates(one) if update.channel == channel]
        other = [update for update in updates(two) if update.channel == channel]
        assert [u.step for u in mine] == [u.step for u in other]
        assert [u.state for u in mine] == [u.state for u in other]
        for a, b in zip(mine, other, strict=True):
            if a.estimate is not None:
                np.testing.assert_array_equal(a.estimate.probabilities, b.estimate.probabilities)
    ends = [
        [(s.channel, s.number, s.end_s) for s in r if isinstance(s, Segment)] for r in (one, two)
    ]
    assert ends[0] == ends[1]


def test_a_pause_is_a_pause_for_both(bundle, speech_wav):
    monitor = Monitor(FileSource(speech_wav, speed=8), bundle)
    second = ComparisonModel(monitor, bundle, GateConfig())
    threading.Timer(0.15, monitor.pause).start()
    threading.Timer(0.35, monitor.resume).start()
    one, two = (updates(records) for records in hear(monitor, second))
    # Steps that were told while the pause went on come again when the sound does.
    latest = {update.step: update for update in two}
    assert sorted(latest) == [update.step for update in one]
    paused = [update.step for update in one if update.state is State.PAUSED]
    assert paused
    differing = [
        u.step for u in one if (u.state is State.PAUSED) != (latest[u.step].state is State.PAUSED)
    ]
    assert len(differing) <= 1  # the sound goes on within a step


def test_its_gate_may_be_another(bundle, speech_wav):
    monitor = Monitor(FileSource(speech_wav, speed=0), bundle)
    deaf = GateConfig(noise_margin_db=40.0, noise_window_s=0.5)
    one, two = hear(monitor, ComparisonModel(monitor, bundle, deaf))
    assert sum(u.speech for u in updates(two)) < sum(u.speech for u in updates(one))

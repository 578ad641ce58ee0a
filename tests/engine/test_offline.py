"""Whole files through the loop: as live, with lost time, and past their end."""

from __future__ import annotations

import numpy as np
import pytest

from realtime_ser.audio.file import FileSource
from realtime_ser.base.config import GateConfig
from realtime_ser.base.errors import AudioFileError
from realtime_ser.base.records import STEP, Segment, State, Update
from realtime_ser.base.timebase import TimeBase
from realtime_ser.engine.monitor import Monitor
from realtime_ser.engine.offline import Gap, analyse
from realtime_ser.recogniser.bundle import load_bundle
from realtime_ser.recogniser.pipeline import ChannelPipelines


@pytest.fixture(scope="module")
def bundle():
    return load_bundle("default")


def hear(bundle, path, gaps=(), channels=(1,)):
    source = FileSource(path)
    pipelines = ChannelPipelines(bundle, GateConfig(), channels, source.info.native_rate)
    blocks = list(analyse(source, pipelines, gaps))
    shares = [share for _, share in blocks]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    return [record for records, _ in blocks for record in records]


def test_a_file_is_heard_as_it_is_when_it_plays(bundle, speech_stereo_wav):
    found = hear(bundle, speech_stereo_wav, channels=(2, 1))
    monitor = Monitor(FileSource(speech_stereo_wav, speed=0), bundle, channels=(2, 1))
    subscription = monitor.subscribe()
    monitor.start()
    live = [r for r in subscription if isinstance(r, Update | Segment)]
    monitor.stop()
    for channel in (1, 2):
        one, other = ([r for r in every if r.channel == channel] for every in (found, live))
        assert len(one) == len(other)
        for mine, theirs in zip(one, other, strict=True):
            assert type(mine) is type(theirs)
            if mine.estimate is not None:
                np.testing.assert_array_equal(
                    mine.estimate.probabilities, theirs.estimate.probabilities
                )


@pytest.mark.parametrize(("first", "last"), [(3, 5), (12, 12), (10, 30), (100, 2000)])
def test_lost_time_takes_the_steps_that_it_covers(bundle, speech_stereo_wav, first, last):
    base = TimeBase(48_000)
    gap = Gap(base.native(STEP * first), base.native(STEP * (last + 1)), State.LOST)
    updates = [r for r in hear(bundle, speech_stereo_wav, [gap]) if isinstance(r, Update)]
    assert [update.step for update in updates] == list(range(len(updates)))
    lost = [update.step for update in updates if update.state is State.LOST]
    # The step before is not whole without the sound that its last frame shares with the gap.
    assert lost == list(range(first - 1, last + 1))
    whole = [r for r in hear(bundle, speech_stereo_wav) if isinstance(r, Update)]
    assert len(updates) == max(len(whole), last + 1)


def test_a_channel_that_is_not_there_is_refused(bundle, speech_wav):
    with pytest.raises(AudioFileError, match="channel 2 is not there"):
        hear(bundle, speech_wav, channels=(1, 2))

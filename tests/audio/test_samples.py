"""What is no number costs its time and is counted; overload is told."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from realtime_ser.audio.file import FileSource
from realtime_ser.audio.notes import NoteKind
from realtime_ser.audio.samples import count_lost, silenced, stretches
from realtime_ser.base.config import GateConfig
from realtime_ser.base.errors import SerError
from realtime_ser.base.records import Segment, State
from realtime_ser.engine.monitor import Monitor
from realtime_ser.engine.offline import analyse
from realtime_ser.recogniser.bundle import load_bundle
from realtime_ser.recogniser.pipeline import ChannelPipelines

VALUES = st.sampled_from([0.0, 0.5, -1.0, 3.0, float("nan"), float("inf"), -float("inf"), 1e30])


@given(st.lists(VALUES, max_size=40))
def test_stretches_hold_all_samples_in_order(values):
    samples = np.array(values, np.float32)
    found = list(stretches(samples))
    assert [value for part in found for value in part.samples.tolist()] == pytest.approx(
        samples.tolist(), nan_ok=True
    )
    for part in found:
        assert len(part.samples) > 0
        assert bool(part.lost) == (not np.all(np.abs(part.samples) < 1e10))
    assert all(one.lost != other.lost for one, other in pairwise(found))
    both = np.stack([samples, np.zeros_like(samples)], axis=1)
    assert np.isfinite(silenced(both)).all()
    assert count_lost(both) == sum(len(part.samples) for part in found if part.lost)


@pytest.fixture(scope="module")
def bundle(bundle_folder):
    return load_bundle(str(bundle_folder))


def records(path, bundle):
    source = FileSource(path)
    pipelines = ChannelPipelines(bundle, GateConfig(), (1,), source.info.native_rate)
    found = [record for part, _ in analyse(source, pipelines) for record in part]
    return found, source


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_a_sample_that_is_no_number_costs_its_step_and_no_more(value, speech_wav, bundle, tmp_path):
    samples, rate = soundfile.read(speech_wav, dtype="float32")
    at = 20_000
    samples[at] = value
    path = tmp_path / "bad.wav"
    soundfile.write(path, samples, rate, subtype="FLOAT")
    clean, _ = records(speech_wav, bundle)
    found, source = records(path, bundle)
    updates = [r for r in found if not isinstance(r, Segment)]
    assert [u.step for u in updates] == [r.step for r in clean if not isinstance(r, Segment)]
    assert [u.step for u in updates if u.state is State.LOST] == [at // 1280]
    ends = {r.end_s for r in clean if isinstance(r, Segment)}
    assert ends <= {r.end_s for r in found if isinstance(r, Segment)}
    (note,) = source.notes
    assert note.kind is NoteKind.NO_NUMBERS
    assert note.seconds == pytest.approx(1 / rate)
    assert note.lacks_sound
    words = "x holds 1 sample that is no number: the steps there are lost."
    assert note.sentence("x") == words


def test_the_other_channel_loses_nothing(speech_wav, bundle, tmp_path):
    samples, rate = soundfile.read(speech_wav, dtype="float32")
    both = np.stack([samples, np.full_like(samples, np.nan)], axis=1)
    path = tmp_path / "bad.wav"
    soundfile.write(path, both, rate, subtype="FLOAT")
    found, clean = records(path, bundle)[0], records(speech_wav, bundle)[0]
    assert list(map(repr, found)) == list(map(repr, clean))


def test_the_live_engine_counts_them_like_lost_samples(speech_wav, bundle, tmp_path):
    samples, rate = soundfile.read(speech_wav, dtype="float32")
    samples[20_000:20_100] = np.nan
    path = tmp_path / "bad.wav"
    soundfile.write(path, samples, rate, subtype="FLOAT")
    monitor = Monitor(FileSource(path, 0), bundle)
    lost: list[int] = []
    with monitor, pytest.raises(SerError, match="the steps there are lost"):
        lost.extend(update.step for update in monitor if update.state is State.LOST)
    assert lost == [20_000 // 1280]
    assert monitor.status.dropped_samples == 100


@pytest.mark.parametrize(
    ("scale", "kind"),
    [(1.0, None), (20.0, NoteKind.OVERLOAD), (32767.0, NoteKind.SCALE), (2.0**31, NoteKind.SCALE)],
)
def test_samples_far_above_full_scale_are_told(scale, kind, speech_wav, tmp_path):
    samples, rate = soundfile.read(speech_wav, dtype="float32")
    path = tmp_path / "loud.wav"
    soundfile.write(path, samples[8_000:40_000] * scale, rate, subtype="FLOAT")
    source = FileSource(path)
    list(source.blocks())
    assert [note.kind for note in source.notes] == [kind] * (kind is not None)
    if kind is NoteKind.SCALE:
        assert "units of" in source.notes[0].text

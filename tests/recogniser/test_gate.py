"""When speech begins and ends, and which steps are fed, whatever the split into blocks."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from realtime_ser.base.config import GateConfig
from realtime_ser.base.paths import shipped
from realtime_ser.base.records import SAMPLE_RATE, STEP
from realtime_ser.recogniser.features import FeatureParams
from realtime_ser.recogniser.gate import Offset, Onset, SpeechGate
from realtime_ser.recogniser.segmenter import Segmenter, Step

FEATURES = FeatureParams()


@pytest.fixture(scope="module")
def speech() -> NDArray[np.float32]:
    """Some seconds of the demo recording, from its first word on."""
    sound, rate = soundfile.read(shipped("demo.flac"), dtype="float32", always_2d=True)
    assert rate == SAMPLE_RATE
    loud = np.flatnonzero(np.abs(sound[:, 0]) > 0.02)[0]
    result: NDArray[np.float32] = sound[loud : loud + 8 * SAMPLE_RATE, 0]
    return result


def silence(seconds: float) -> NDArray[np.float32]:
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


def steps(sound: NDArray[np.float32], gate: GateConfig | None = None) -> list[Step]:
    return Segmenter(FEATURES, gate or GateConfig()).push(sound)


def test_silence_is_no_speech() -> None:
    assert not any(step.speech for step in steps(silence(3)))


@pytest.mark.parametrize("gain_db", [0, -20, -40])
def test_quiet_speech_counts(speech: NDArray[np.float32], gain_db: int) -> None:
    quiet = np.concatenate([silence(1), speech * np.float32(10 ** (gain_db / 20))])
    found = steps(quiet)
    segment_start = [step.segment_start for step in found if step.segment_start is not None]
    assert 1.0 - 0.28 <= segment_start[0] * 0.08 <= 1.2
    assert np.mean([step.speech for step in found[13:]]) > 0.5


@pytest.mark.parametrize("level_db", [-20, -50])
@pytest.mark.parametrize("kind", ["white", "pink"])
def test_steady_noise_is_speech_for_three_seconds_at_most(kind: str, level_db: int) -> None:
    count = 60 * SAMPLE_RATE
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(count))
    if kind == "pink":
        spectrum /= np.sqrt(np.arange(1, len(spectrum) + 1))
    noise = np.fft.irfft(spectrum, count)
    noise *= 10 ** (level_db / 20) / np.sqrt(np.mean(noise**2))
    found = steps(noise.astype(np.float32))
    assert sum(step.speech for step in found) * 0.08 < 4.0


def test_speech_is_heard_in_steady_noise(speech: NDArray[np.float32]) -> None:
    noise = np.random.default_rng(0).standard_normal(20 * SAMPLE_RATE).astype(np.float32)
    noise *= np.float32(10 ** (-10 / 20) * np.sqrt(np.mean(speech**2)))
    noise[10 * SAMPLE_RATE :][: len(speech)] += speech
    found = steps(noise)
    assert not any(step.speech for step in found[60:110])
    assert sum(step.speech for step in found[125:225]) > 40


def test_a_gate_opens_at_most_of_the_last_frames_and_closes_after_the_hangover(
    speech: NDArray[np.float32],
) -> None:
    gate = SpeechGate(GateConfig(hangover_ms=300))
    sound = np.concatenate([silence(0.5), speech[:SAMPLE_RATE], silence(1)])
    heard = gate.push(sound)
    voiced = [frame.voiced for frame in heard]
    opened = next(k for k, frame in enumerate(heard) if isinstance(frame.event, Onset))
    closed = max(k for k, frame in enumerate(heard) if isinstance(frame.event, Offset))
    assert sum(voiced[opened - 9 : opened + 1]) == 8
    assert heard[opened].event == Onset(opened - 9 + voiced[opened - 9 : opened].index(True))
    last = max(k for k, value in enumerate(voiced) if value)
    assert heard[closed].event == Offset(last)
    assert closed - last == 15


def test_the_preroll_is_fed_in_one_burst_and_its_rows_stay_silent(
    speech: NDArray[np.float32],
) -> None:
    found = steps(np.concatenate([silence(2), speech]))
    onset = next(step for step in found if step.segment_start is not None)
    assert onset.segment_start is not None
    assert len(onset.log_mels) == onset.index - onset.segment_start + 1 > 2
    assert not any(step.speech for step in found[: onset.index])
    without = steps(np.concatenate([silence(2), speech]), GateConfig(preroll_ms=0))
    first_voiced = next(step for step in without if step.segment_start is not None).segment_start
    assert first_voiced is not None
    assert (
        first_voiced - 3 <= onset.segment_start <= first_voiced - 2
    )  # 200 ms, floored to the grid


def test_no_frame_is_fed_twice_or_left_out_of_a_segment(speech: NDArray[np.float32]) -> None:
    gate = GateConfig(hangover_ms=80, preroll_ms=1000)
    pause = silence(0.3)
    sound = np.concatenate([speech[:16000], pause, speech[16000:40000], pause, speech[40000:]])
    log_mels: list[int] = []
    for step in steps(sound, gate):
        if step.segment_start is not None:
            assert not log_mels or step.segment_start > log_mels[-1]
        elif step.speech:
            assert step.index == log_mels[-1] + 1
        if step.speech:
            log_mels += range(step.index - len(step.log_mels) + 1, step.index + 1)
    assert len(log_mels) == len(set(log_mels)) > 50


def test_a_long_segment_is_closed_and_the_next_begins_without_a_gap(
    speech: NDArray[np.float32],
) -> None:
    gate = GateConfig(max_segment_s=2.0, noise_margin_db=0)
    found = steps(np.tile(speech, 2), gate)
    splits = [step for step in found if step.ends_segment and step.segment_start is not None]
    assert splits
    for step in splits:
        assert step.segment_start == step.index
        assert step.voiced > 0
        assert found[step.index - 1].speech


@given(cuts=st.lists(st.integers(0, 5 * SAMPLE_RATE), max_size=30))
def test_steps_do_not_depend_on_the_split_into_blocks(
    speech: NDArray[np.float32], cuts: list[int]
) -> None:
    sound = np.concatenate([silence(1), speech[: 3 * SAMPLE_RATE], silence(1)])
    whole = steps(sound)
    segmenter = Segmenter(FEATURES, GateConfig())
    parts = [step for block in np.split(sound, sorted(cuts)) for step in segmenter.push(block)]
    assert len(parts) == len(whole) == (len(sound) - 240) // STEP
    for one, other in zip(parts, whole, strict=True):
        assert (one.index, one.voiced, one.ends_segment, one.segment_start) == (
            other.index,
            other.voiced,
            other.ends_segment,
            other.segment_start,
        )
        np.testing.assert_array_equal(one.log_mels, other.log_mels)

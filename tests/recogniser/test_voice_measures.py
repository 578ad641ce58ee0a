"""What the voice does is measured as the field measures it, live as in a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_ser.base.config import GateConfig
from realtime_ser.base.paths import shipped
from realtime_ser.base.records import SAMPLE_RATE, STEP, Segment, State, Update, VoiceMeasures
from realtime_ser.recogniser.activation import RunningBaseline, VoiceBaseline, VoiceStep
from realtime_ser.recogniser.bundle import load_bundle
from realtime_ser.recogniser.features import FeatureParams
from realtime_ser.recogniser.loudness import LoudnessMeter
from realtime_ser.recogniser.pipeline import Pipeline
from realtime_ser.recogniser.segmenter import Segmenter
from realtime_ser.recogniser.voice_measures import VoiceMeter

BUNDLE = load_bundle(shipped("models") / "default")


def vowel(seconds: float, f0_hz: float, level: float = 0.1):
    """Pulses of a voice through the formants of an a."""
    count = round(seconds * SAMPLE_RATE)
    phase = np.cumsum(np.full(count, f0_hz)) / SAMPLE_RATE
    pulses = np.diff(np.floor(phase), prepend=0.0)
    for hz, width in ((700, 130), (1220, 70), (2600, 160)):
        radius, angle = np.exp(-np.pi * width / SAMPLE_RATE), 2 * np.pi * hz / SAMPLE_RATE
        pulses = scipy.signal.lfilter([1], [1, -2 * radius * np.cos(angle), radius**2], pulses)
    return (level * pulses / np.abs(pulses).max()).astype(np.float32)


def syllables(count: int, each_s: float, f0_hz: float = 120.0, level: float = 0.1):
    """Vowels that swell and fade so many times."""
    samples = vowel(count * each_s, f0_hz, level)
    swell = np.sin(np.pi * np.arange(len(samples)) / (each_s * SAMPLE_RATE)) ** 2
    return samples * (0.05 + 0.95 * swell).astype(np.float32)


def silence(seconds: float, level: float = 1e-4):
    noise = np.random.default_rng(1).standard_normal(round(seconds * SAMPLE_RATE))
    return (level * noise).astype(np.float32)


def measured(*parts) -> list[VoiceMeasures]:
    segmenter, meter = Segmenter(FeatureParams(), GateConfig()), VoiceMeter()
    return [meter.push(step) for step in segmenter.push(np.concatenate(parts))]


def hear(samples, *, voice: bool = True):
    pipeline = Pipeline(BUNDLE, GateConfig(), voice=voice)
    return pipeline.push(samples) + pipeline.finish()


@pytest.fixture(scope="module")
def spoken(speech_wav: Path):
    return np.asarray(soundfile.read(speech_wav, dtype="float32")[0], np.float32)


@pytest.mark.parametrize("f0_hz", [82.0, 120.0, 210.0, 350.0, 520.0])
def test_f0_of_a_vowel_is_the_rate_of_its_pulses(f0_hz: float) -> None:
    heard = measured(silence(0.5), vowel(2.0, f0_hz), silence(1.0))
    inside = [one.f0_hz for one in heard[9:29]]
    assert all(value is not None for value in inside)
    np.testing.assert_allclose(inside, f0_hz, rtol=0.01)
    assert all(one.f0_hz is None for one in heard[:5] + heard[-5:])


def test_what_has_no_pitch_gets_none() -> None:
    noise = np.random.default_rng(2).standard_normal(3 * SAMPLE_RATE).astype(np.float32)
    found = [one.f0_hz for one in measured(0.1 * noise)]
    assert np.mean([value is not None for value in found]) < 0.05


@settings(max_examples=10)
@given(cuts=st.lists(st.integers(0, 15 * SAMPLE_RATE), max_size=60))
def test_measures_do_not_depend_on_the_split(spoken, cuts: list[int]) -> None:
    pipeline = Pipeline(BUNDLE, GateConfig(), voice=True)
    parts = [one for part in np.split(spoken, sorted(cuts)) for one in pipeline.push(part)]
    parts += pipeline.finish()
    whole = hear(spoken)
    assert [record.voice for record in parts] == [record.voice for record in whole]
    assert any(isinstance(record, Segment) and record.voice is not None for record in whole)


def test_measures_change_no_result_and_can_be_left_out(spoken) -> None:
    for with_voice, without in zip(hear(spoken), hear(spoken, voice=False), strict=True):
        assert without.voice is None
        assert with_voice.voice is not None
        if with_voice.estimate is not None and without.estimate is not None:
            np.testing.assert_array_equal(
                with_voice.estimate.probabilities, without.estimate.probabilities
            )


@pytest.mark.parametrize("hz", [60.0, 250.0, 997.0, 3000.0])
def test_loudness_is_that_of_the_recommendation_at_48_khz(hz: float) -> None:
    """The coefficients of BS.1770 hold at 48 kHz; the meter works at 16 kHz."""
    time_s = np.arange(48_000) / 48_000
    sound = scipy.signal.lfilter(
        [1.53512485958697, -2.69169618940638, 1.19839281085285],
        [1.0, -1.69065929318241, 0.73248077421585],
        0.5 * np.sin(2 * np.pi * hz * time_s),
    )
    sound = scipy.signal.lfilter([1, -2, 1], [1.0, -1.99004745483398, 0.99007225036621], sound)
    expected = -0.691 + 10.0 * np.log10(np.mean(sound[-19_200:] ** 2))
    meter = LoudnessMeter()
    at_16k = (0.5 * np.sin(2 * np.pi * hz * np.arange(10 * STEP) / SAMPLE_RATE)).astype(np.float32)
    for part in at_16k.reshape(10, STEP):
        meter.push(part)
    assert meter.momentary == pytest.approx(expected, abs=0.15)


def test_a_sine_at_full_scale_has_the_loudness_that_the_recommendation_says() -> None:
    meter = LoudnessMeter()
    sine = np.sin(2 * np.pi * 997.0 * np.arange(10 * STEP) / SAMPLE_RATE).astype(np.float32)
    for part in sine.reshape(10, STEP):
        meter.push(part)
    assert meter.momentary == pytest.approx(-3.01, abs=0.1)
    for _ in range(6):  # the filter rings on into the first
        meter.push(np.zeros(STEP, np.float32))
    assert meter.momentary < -70.0


@pytest.mark.parametrize("rate", [3.0, 5.0])
def test_syllables_of_speaking_are_counted(rate: float) -> None:
    heard = measured(silence(0.5), syllables(round(6 * rate), 1 / rate), silence(0.2))
    assert heard[-5].speaking_rate == pytest.approx(rate, rel=0.12)


def test_a_pause_is_no_speaking_and_no_slower_speech() -> None:
    heard = measured(silence(0.5), syllables(16, 0.25), silence(2.0), syllables(4, 0.25))
    at_end = heard[-1]
    assert at_end.speaking_rate == pytest.approx(4.0, rel=0.25)
    assert 0.2 < at_end.pause_share < 0.4


def test_activation_rises_with_a_higher_louder_voice_and_needs_a_baseline() -> None:
    random = np.random.default_rng(4)
    calm = [
        part
        for _ in range(10)
        for part in (
            syllables(4, 0.25, random.uniform(100, 130), random.uniform(0.04, 0.06)),
            silence(0.4),
        )
    ]
    heard = measured(*calm, syllables(8, 0.25, 200.0, 0.3))
    assert heard[20].activation is None
    assert heard[-1].activation is not None
    assert heard[-1].activation > 0.45
    before = heard[len(heard) - 40].activation
    assert before is not None
    assert abs(before) < 0.4


def test_a_running_baseline_is_the_mean_and_deviation_of_its_steps() -> None:
    values = np.random.default_rng(5).normal((7.0, -30.0, -5.0), (0.2, 5.0, 3.0), (200, 3))
    running = RunningBaseline()
    for row in values:
        running.feed(VoiceStep(*row))
    baseline = running.so_far()
    assert baseline is not None
    np.testing.assert_allclose(baseline.means, values.mean(axis=0))
    np.testing.assert_allclose(baseline.deviations, values.std(axis=0))


def test_a_profile_is_a_baseline_from_the_first_word_on() -> None:
    loud = VoiceBaseline(means=(8.0, -15.0, 10.0), deviations=(0.2, 4.0, 4.0), steps=100)
    segmenter, meter = Segmenter(FeatureParams(), GateConfig()), VoiceMeter(loud)
    words = np.concatenate([silence(0.2), syllables(6, 0.25)])
    heard = [meter.push(step).activation for step in segmenter.push(words)]
    assert heard[-1] is not None
    assert heard[-1] < -0.4


def test_lost_time_has_no_measures_and_lends_none_to_what_follows(spoken) -> None:
    pipeline = Pipeline(BUNDLE, GateConfig(), voice=True)
    pipeline.push(spoken)
    end = (pipeline.position // STEP + 20) * STEP
    lost = [one for one in pipeline.gap(end, State.LOST) if isinstance(one, Update)]
    assert lost
    assert all(update.voice is None for update in lost)
    after = [one for one in pipeline.push(np.zeros(3 * STEP, np.float32)) if one.voice is not None]
    assert after
    assert after[0].voice.loudness_lufs == -120.0
    assert after[0].voice.speaking_rate is None


def test_a_segment_says_what_its_steps_said(spoken) -> None:
    records = hear(spoken)
    updates = [record for record in records if isinstance(record, Update)]
    segments = [record for record in records if isinstance(record, Segment)]
    assert segments
    for segment in segments:
        own = [
            update.voice
            for update in updates
            if segment.start_s < update.time_s - 0.04 < segment.end_s
        ]
        f0 = [one.f0_hz for one in own if one.f0_hz is not None]
        voice = segment.voice
        assert voice is not None
        assert voice.f0_hz == pytest.approx(np.median(f0))
        assert voice.f0_range_semitones == pytest.approx(
            12 * np.log2(np.percentile(f0, 95) / np.percentile(f0, 5))
        )
        assert 1.0 < voice.speaking_rate < 9.0
        assert 0.0 <= voice.pause_share < 0.5
        loudest = max(one.loudness_lufs for one in own)
        assert loudest - 12 < voice.loudness_lufs < loudest + 1

"""The most important tests there are: streaming equals offline, at every step, for any split."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from realtime_ser.base.config import GateConfig
from realtime_ser.base.paths import shipped
from realtime_ser.base.records import SAMPLE_RATE, STEP, STEP_SPAN, Segment, State, Update
from realtime_ser.recogniser.bundle import TRAINING_MODEL, Bundle, load_bundle
from realtime_ser.recogniser.features import LogMel, StepFramer, dct_matrix
from realtime_ser.recogniser.pipeline import ChannelPipelines, Pipeline
from realtime_ser.recogniser.step_model import StepModel


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle(shipped("models") / "default")


@pytest.fixture(scope="module")
def graph(bundle: Bundle) -> object:
    """The training graph that the bundle was exported from."""
    keras = pytest.importorskip("keras")
    pytest.importorskip("training.streaming.network")
    return keras.models.load_model(bundle.folder / TRAINING_MODEL)


def sound(steps: int, seed: int) -> NDArray[np.float32]:
    """Noise whose level and colour change, so that features move."""
    random = np.random.default_rng(seed)
    samples = random.standard_normal(steps * STEP + STEP_SPAN - STEP)
    envelope = np.repeat(random.uniform(0.001, 0.3, steps + 1), STEP)[: len(samples)]
    return (np.cumsum(samples) * 0.01 * envelope + samples * envelope).astype(np.float32)


def stream(bundle: Bundle, blocks: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    spans, log_mel, model = StepFramer(), LogMel(bundle.manifest.features), StepModel(bundle)
    state, out = model.initial_state(), []
    for block in blocks:
        for span in spans.push(block):
            logits, state = model.step(log_mel.spectrum(span), state)
            out.append(logits)
    return np.array(out)


@pytest.mark.parametrize("name", ["default", "large"])
def test_a_model_opens_while_a_profiler_keeps_the_frames_of_its_thread(name: str) -> None:
    kept: list[object] = []
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, argument: kept.append(frame))
    try:
        model = StepModel(load_bundle(name))
        model.open_block()
    finally:
        sys.setprofile(before)
    assert kept


@settings(max_examples=25)
@given(steps=st.integers(1, 120), seed=st.integers(0, 99), data=st.data())
def test_streaming_equals_the_training_graph_for_any_split(
    bundle: Bundle, graph: object, steps: int, seed: int, data: st.DataObject
) -> None:
    samples = sound(steps, seed)
    cuts = data.draw(st.lists(st.integers(0, len(samples)), max_size=50))
    features = bundle.manifest.features
    log_mels = [LogMel(features).spectrum(span) for span in StepFramer().push(samples)]
    frames = np.concatenate(log_mels) @ dct_matrix(features.n_mfcc, features.n_mels).T
    offline = np.asarray(graph(frames[None].astype(np.float32)))[0]  # type: ignore[operator]
    streamed = stream(bundle, np.split(samples, sorted(cuts)))
    assert streamed.shape == offline.shape == (steps, len(bundle.labels))
    np.testing.assert_allclose(streamed, offline, atol=1e-4)


def test_a_step_leaves_the_state_it_was_given_alone(bundle: Bundle) -> None:
    model = StepModel(bundle)
    frames = np.ones((8, bundle.manifest.features.n_mels))
    start = model.initial_state()
    first, after = model.step(frames, start)
    model.step(frames, after)
    again, _ = model.step(frames, start)
    np.testing.assert_array_equal(first, again)
    assert start.arrays is not None
    assert all(not array.any() for array in start.arrays.values())


@pytest.mark.parametrize("name", ["default", "large"])
def test_streams_that_take_turns_in_a_model_do_not_hear_each_other(name: str) -> None:
    bundle = load_bundle(shipped("models") / name)
    log_mel = LogMel(bundle.manifest.features)
    sounds = [sound(30, seed) for seed in (4, 5)]
    streams = [[log_mel.spectrum(span) for span in StepFramer().push(one)] for one in sounds]
    model = StepModel(bundle)

    def alone(steps: list[NDArray[np.float64]]) -> list[NDArray[np.float32]]:
        state, found = model.initial_state(), []
        for step in steps:
            logits, state = model.step(step, state)
            found.append(logits)
        return found

    states = [model.initial_state(), model.initial_state()]
    for both in zip(*streams, *map(alone, streams), strict=True):
        for place, (step, expected) in enumerate(zip(both[:2], both[2:], strict=True)):
            logits, states[place] = model.step(step, states[place])
            np.testing.assert_array_equal(logits, expected)


@pytest.fixture(scope="module")
def large() -> Bundle:
    return load_bundle(shipped("models") / "large")


@pytest.mark.parametrize("cuts", [[], [8], [3, 11], [1, 2, 30]])
def test_blocks_of_steps_give_what_steps_give_one_by_one(large: Bundle, cuts: list[int]) -> None:
    model, log_mel = StepModel(large), LogMel(large.manifest.features)
    log_mels = np.stack([log_mel.spectrum(span) for span in StepFramer().push(sound(45, 3))])
    state, singly = model.initial_state(), []
    for one in log_mels:
        logits, state = model.step(one, state)
        singly.append(logits)
    state, together = model.initial_state(), []
    for part in np.split(log_mels, cuts):
        logits, state = model.steps(part, state)
        together.append(logits)
    np.testing.assert_allclose(np.concatenate(together), singly, atol=1e-4)


def test_a_file_and_a_microphone_get_the_same_of_a_model_with_blocks(
    large: Bundle, speech_wav: Path
) -> None:
    samples = spoken(speech_wav)
    whole = run(Pipeline(large, GateConfig()), [samples])
    live = run(Pipeline(large, GateConfig()), np.split(samples, range(320, len(samples), 320)))
    assert [type(one) for one in whole] == [type(one) for one in live]
    for one, other in zip(whole, live, strict=True):
        assert (one.estimate is None) == (other.estimate is None)
        if one.estimate is not None and other.estimate is not None:
            np.testing.assert_allclose(
                one.estimate.probabilities, other.estimate.probabilities, atol=1e-4
            )


def spoken(speech_wav: Path) -> NDArray[np.float32]:
    import soundfile

    samples, _ = soundfile.read(speech_wav, dtype="float32")
    return np.asarray(samples, np.float32)


def run(pipeline: Pipeline, blocks: list[NDArray[np.float32]]) -> list[Update | Segment]:
    records = [record for block in blocks for record in pipeline.push(block)]
    return records + pipeline.finish()


@settings(max_examples=10)
@given(cuts=st.lists(st.integers(0, 15 * SAMPLE_RATE), max_size=60))
def test_updates_do_not_depend_on_the_split(
    bundle: Bundle, speech_wav: Path, cuts: list[int]
) -> None:
    samples = spoken(speech_wav)
    whole = run(Pipeline(bundle, GateConfig()), [samples])
    parts = run(Pipeline(bundle, GateConfig()), np.split(samples, sorted(cuts)))
    assert list(map(summary, parts)) == list(map(summary, whole))
    assert any(isinstance(record, Segment) for record in whole)


def summary(record: Update | Segment) -> tuple[object, ...]:
    estimate = None if record.estimate is None else tuple(record.estimate.probabilities)
    if isinstance(record, Segment):
        return (record.number, record.start_s, record.end_s, record.voiced_s, estimate)
    return (record.step, record.state, record.segment, record.level_dbfs, estimate)


def test_each_step_makes_one_row_and_a_segment_ends_at_its_last_voiced_step(
    bundle: Bundle, speech_wav: Path
) -> None:
    samples = spoken(speech_wav)
    records = run(Pipeline(bundle, GateConfig()), [samples])
    updates = [record for record in records if isinstance(record, Update)]
    segments = [record for record in records if isinstance(record, Segment)]
    assert [update.step for update in updates] == list(range((len(samples) - 240) // STEP))
    assert [segment.number for segment in segments] == list(range(1, len(segments) + 1))
    for segment in segments:
        own = [update for update in updates if update.segment == segment.number]
        last = max(update.step for update in own if update.voiced)
        assert segment.end_s == pytest.approx(0.08 * (last + 1))
        result = next(update.estimate for update in own if update.step == last)
        assert segment.estimate is result
        assert segment.start_s < own[0].time_s
    for update in updates:
        assert update.speech == (update.segment is not None) == (update.estimate is not None)
        if update.estimate is not None:
            assert update.estimate.probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_a_new_segment_starts_from_a_zero_state(bundle: Bundle, speech_wav: Path) -> None:
    """The same words twice, on the same places of the step grid, get the same answers."""
    samples = spoken(speech_wav)
    samples = np.pad(samples, (0, -len(samples) % STEP + 20 * STEP))
    # Without noise margin and gain, the gate has no memory of the first time.
    gate = GateConfig(noise_margin_db=0, max_gain_db=0)
    records = run(Pipeline(bundle, gate), [np.tile(samples, 2)])
    segments = [record for record in records if isinstance(record, Segment)]
    half = len(segments) // 2
    assert half >= 1
    for one, other in zip(segments[:half], segments[half:], strict=True):
        np.testing.assert_allclose(
            one.estimate.probabilities, other.estimate.probabilities, atol=1e-5
        )


@given(
    gap_start=st.integers(0, 3 * SAMPLE_RATE),
    gap=st.integers(1, 2 * SAMPLE_RATE),
    pieces=st.integers(1, 5),
)
@settings(max_examples=25)
def test_lost_time_advances_the_clock_and_gives_each_step_one_row(
    bundle: Bundle, speech_wav: Path, gap_start: int, gap: int, pieces: int
) -> None:
    samples = spoken(speech_wav)
    pipeline = Pipeline(bundle, GateConfig())
    records = pipeline.push(samples[:gap_start])
    for piece in range(1, pieces + 1):
        records += pipeline.gap(gap_start + gap * piece // pieces, State.LOST)
    assert pipeline.position == gap_start + gap
    records += pipeline.push(samples[gap_start + gap :])
    updates = [record for record in records if isinstance(record, Update)]
    assert [update.step for update in updates] == list(range((len(samples) - 240) // STEP))
    for update in updates:
        start, end = update.step * STEP, update.step * STEP + STEP_SPAN
        touches = start < gap_start + gap and end > gap_start
        assert (update.state is State.LOST) == touches


def test_a_gap_ends_the_running_segment(bundle: Bundle, speech_wav: Path) -> None:
    samples = spoken(speech_wav)
    first = next(
        update
        for update in Pipeline(bundle, GateConfig()).push(samples)
        if isinstance(update, Update) and update.speech
    )
    cut = (first.step + 5) * STEP
    pipeline = Pipeline(bundle, GateConfig())
    pipeline.push(samples[:cut])
    closed = [r for r in pipeline.gap(cut + 1000, State.PAUSED) if isinstance(r, Segment)]
    assert len(closed) == 1
    assert not pipeline.finish()


def test_classes_restrict_and_renormalise(bundle: Bundle, speech_wav: Path) -> None:
    samples = spoken(speech_wav)
    every = run(Pipeline(bundle, GateConfig()), [samples])
    some = run(Pipeline(bundle, GateConfig(), decoder=bundle.decoder(("sad", "happy"))), [samples])
    chosen = [bundle.labels.index("happy"), bundle.labels.index("sad")]
    for one, other in zip(some, every, strict=True):
        if one.estimate is None or other.estimate is None:
            continue
        share = other.estimate.probabilities[chosen]
        np.testing.assert_allclose(one.estimate.probabilities, share / share.sum(), atol=1e-5)
        assert one.estimate.label in ("happy", "sad")


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_no_step_is_complete_before_the_samples_that_are_missing(bundle: Bundle, rate: int) -> None:
    pipelines = ChannelPipelines(bundle, GateConfig(), (1,), rate)
    random, made = np.random.default_rng(0), 0
    for _ in range(60):
        missing = pipelines.missing
        block = random.integers(1, rate // 10)
        records = pipelines.push(np.zeros((block, 1), np.float32))
        assert block >= missing or not records
        if rate == SAMPLE_RATE:
            assert bool(records) == (block >= missing)
        made += len(records)
    assert made > 5

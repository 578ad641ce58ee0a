"""Capture, hand-over and worker: nothing is lost in silence, nothing waits for a slow listener."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from realtime_ser.audio.file import FileSource
from realtime_ser.audio.resample import Resampler
from realtime_ser.audio.ring import RingBuffer
from realtime_ser.audio.source import SourceInfo
from realtime_ser.base.clock import SessionClock
from realtime_ser.base.paths import shipped
from realtime_ser.base.records import (
    Anchor,
    IntervalOpened,
    Marker,
    Record,
    Segment,
    Sound,
    State,
    Update,
)
from realtime_ser.engine.device_watch import SILENT_DEVICE_S
from realtime_ser.engine.monitor import Monitor
from realtime_ser.engine.status import Phase
from realtime_ser.engine.subscription import Subscription
from realtime_ser.recogniser.bundle import Bundle, load_bundle
from realtime_ser.session.sidecar import effective_rate


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle(shipped("models") / "default")


def ramp(count: int, start: int = 0) -> NDArray[np.float32]:
    return np.arange(start, start + count, dtype=np.float32)[:, None]


class ScriptedMicrophone:
    """A live source whose blocks, ADC times and silences are written down beforehand."""

    def __init__(self, rate: int = 16_000) -> None:
        self.info = SourceInfo("scripted", rate, 1, live=True)
        self.starts = 0
        self.ring: RingBuffer | None = None

    def start(self, ring: RingBuffer) -> None:
        self.starts += 1
        self.ring = ring

    def stop(self) -> None:
        pass

    def reopen(self, ring: RingBuffer) -> None:
        self.start(ring)

    def say(self, samples: NDArray[np.float32], adc_s: float, *, overflow: bool = False) -> None:
        assert self.ring is not None
        self.ring.write(samples[:, None], adc_s, overflow=overflow)


def wait_until(condition: object, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.005)


# ---------------------------------------------------------------------------------------- the ring


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


def test_a_slow_listener_loses_the_oldest_records_and_is_told_how_many() -> None:
    subscription = Subscription(3, blocking=False)
    subscription.feed([Marker(k, "") for k in range(5)])
    assert [record.time_s for record in subscription.drain()] == [2, 3, 4]  # type: ignore[union-attr]
    assert subscription.dropped == 2


def test_sound_goes_only_to_those_who_asked_for_it() -> None:
    sound = Sound(0, ramp(3))
    for wanted in (True, False):
        subscription = Subscription(3, blocking=False, sound=wanted)
        subscription.feed([sound])
        assert subscription.drain() == ([sound] if wanted else [])


# --------------------------------------------------------------------------------------- the clock


def test_a_late_block_does_not_make_the_sound_look_younger() -> None:
    clock = SessionClock()
    for k in range(100):
        late = 0.3 if k % 10 else 0.0
        clock.feed(k * 0.02, 50.0 + k * 0.02 + late)
    assert clock.adc_time(16_000) == pytest.approx(51.0)


@pytest.mark.parametrize("drift", [200e-6, -200e-6])
def test_a_drifting_device_stays_within_20_ms_over_two_hours(drift: float) -> None:
    clock = SessionClock()
    position = 0.0
    while position < 7200:
        clock.feed(position, 10.0 + position * (1 + drift))
        true = 10.0 + position * (1 + drift)
        assert abs(clock.adc_time(round(position * 16_000)) - true) < 0.02
        position += 0.5


def test_times_that_settle_are_believed_within_two_seconds() -> None:
    """Sound servers report half a second too much while a stream begins."""
    clock = SessionClock()
    for block in range(500):
        position = 0.01 * block
        clock.feed(position, 100.0 + position + (0.0 if position < 2.5 else 0.5))
    assert clock.adc_time(0) == pytest.approx(100.5)


def test_the_rate_of_a_device_is_told_once_it_has_settled() -> None:
    def anchors(*seconds: float) -> list[Anchor]:
        times = [(s, s * (1 + 1e-4) + 0.5 * (s > 0)) for s in seconds]
        wall = datetime.now().astimezone()
        return [Anchor(round(16_000 * s), adc, adc, wall) for s, adc in times]

    assert effective_rate(anchors(0, 10, 20, 27), 48_000) == pytest.approx(48_000 / (1 + 1e-4))
    for seconds in [(), (0,), (0, 9), (0, 10, 12)]:
        assert effective_rate(anchors(*seconds), 48_000) is None


def test_a_jump_of_the_system_clock_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SessionClock()
    before = clock.wall_clock(16_000)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert clock.wall_clock(16_000) == before
    assert (clock.wall_clock(32_000) - before).total_seconds() == pytest.approx(1.0)


# --------------------------------------------------------------------------------------- resampler


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_the_resampler_keeps_time_and_does_not_depend_on_the_split(rate: int) -> None:
    time_s = np.arange(rate) / rate
    tone = np.sin(2 * np.pi * 440 * time_s).astype(np.float32)
    resampler = Resampler(rate)
    whole = np.concatenate([resampler.push(tone), resampler.flush()])
    parts = [resampler.push(part) for part in np.array_split(tone, 37)]
    np.testing.assert_allclose(np.concatenate([*parts, resampler.flush()]), whole, atol=1e-6)
    expected = np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    assert len(whole) == 16_000
    np.testing.assert_allclose(whole[500:-500], expected[500:-500], atol=2e-3)


# ------------------------------------------------------------------------------------- the monitor


def test_a_file_gives_the_same_records_at_any_speed(bundle: Bundle, speech_wav: Path) -> None:
    def records(speed: float) -> list[Record]:
        monitor = Monitor(FileSource(speech_wav, speed), bundle)
        subscription = monitor.subscribe()
        monitor.start()
        got = [r for r in subscription if isinstance(r, (Update, Segment))]
        monitor.stop()
        assert monitor.status.phase is Phase.ENDED
        return got

    fast, live = records(0), records(3)
    assert any(isinstance(record, Segment) for record in fast)
    for one, other in zip(fast, live, strict=True):
        assert type(one) is type(other)
        assert (one.estimate is None) == (other.estimate is None)  # type: ignore[union-attr]
        if one.estimate is not None and other.estimate is not None:  # type: ignore[union-attr]
            np.testing.assert_array_equal(
                one.estimate.probabilities,  # type: ignore[union-attr]
                other.estimate.probabilities,  # type: ignore[union-attr]
            )


def test_a_slow_listener_holds_a_file_back_and_loses_nothing(
    bundle: Bundle, speech_wav: Path
) -> None:
    monitor = Monitor(FileSource(speech_wav, 0), bundle)
    slow = monitor.subscribe(capacity=2)
    monitor.start()
    steps = []
    for record in slow:
        time.sleep(0.001)
        if isinstance(record, Update):
            steps.append(record.step)
    monitor.stop()
    assert steps == list(range(len(steps)))
    assert slow.dropped == 0


def test_breaking_out_of_the_loop_stops_cleanly(bundle: Bundle, speech_wav: Path) -> None:
    with Monitor(FileSource(speech_wav, 0), bundle) as monitor:
        for update in monitor:
            if update.step == 5:
                break
    assert monitor.status.phase is Phase.ENDED


def test_two_channels_have_their_own_gates(bundle: Bundle, speech_stereo_wav: Path) -> None:
    monitor = Monitor(FileSource(speech_stereo_wav, 0), bundle, channels=(1, 2))
    subscription = monitor.subscribe()
    monitor.start()
    segments = [record for record in subscription if isinstance(record, Segment)]
    monitor.stop()
    turns = sorted((segment.start_s, segment.channel) for segment in segments)
    assert {channel for _, channel in turns} == {1, 2}
    assert turns[0][1] == 1
    assert turns[-1][1] == 1


def test_paused_time_advances_the_clock_and_is_not_heard(bundle: Bundle) -> None:
    microphone = ScriptedMicrophone()
    monitor = Monitor(microphone, bundle)
    subscription = monitor.subscribe(sound=True)
    monitor.start()
    noise = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)
    now = time.monotonic()
    microphone.say(noise, now)
    wait_until(lambda: monitor.status.position_s == 1.0)
    monitor.pause()
    microphone.say(noise, now + 1)
    wait_until(lambda: monitor.status.position_s == 2.0)
    assert monitor.status.phase is Phase.PAUSED
    monitor.resume()
    microphone.say(noise, now + 2)
    wait_until(lambda: monitor.status.position_s == 3.0)
    monitor.stop()
    records = subscription.drain()
    states = {r.time_s: r.state for r in records if isinstance(r, Update)}
    assert states[0.8] is not State.PAUSED
    assert states[1.6] is State.PAUSED
    assert states[2.4] is not State.PAUSED
    assert [r.position for r in records if isinstance(r, Sound)] == [0, 32_000]


def test_lost_samples_become_lost_rows_and_keep_the_time(bundle: Bundle) -> None:
    microphone = ScriptedMicrophone()
    monitor = Monitor(microphone, bundle)
    subscription = monitor.subscribe()
    monitor.start()
    quiet = np.zeros(16_000, np.float32)
    now = time.monotonic()
    microphone.say(quiet, now)
    microphone.say(quiet, now + 2.5, overflow=True)  # a second and a half is missing
    wait_until(lambda: monitor.status.position_s > 3)
    monitor.stop()
    updates = [r for r in subscription.drain() if isinstance(r, Update)]
    lost = [update.time_s for update in updates if update.state is State.LOST]
    assert monitor.status.overflows == 1
    assert monitor.status.dropped_samples == pytest.approx(24_000, abs=2)
    assert min(lost) == pytest.approx(1.0, abs=0.1)
    assert max(lost) == pytest.approx(2.56, abs=0.1)
    assert [update.step for update in updates] == list(range(len(updates)))


def test_a_microphone_that_falls_silent_is_opened_again(bundle: Bundle) -> None:
    microphone = ScriptedMicrophone()
    monitor = Monitor(microphone, bundle)
    subscription = monitor.subscribe()
    monitor.start()
    microphone.say(np.zeros(8_000, np.float32), time.monotonic() - 0.5)
    wait_until(lambda: monitor.status.phase is Phase.RECONNECTING)
    wait_until(lambda: microphone.starts > 1)
    microphone.say(np.zeros(8_000, np.float32), time.monotonic() - 0.5)
    wait_until(lambda: monitor.status.phase is Phase.LISTENING)
    monitor.stop()
    updates = [r for r in subscription.drain() if isinstance(r, Update)]
    assert any(update.state is State.LOST for update in updates)
    assert updates[-1].state is State.SILENCE
    assert [update.step for update in updates] == list(range(len(updates)))


def test_a_microphone_may_take_its_time_to_begin(bundle: Bundle) -> None:
    microphone = ScriptedMicrophone()
    monitor = Monitor(microphone, bundle)
    subscription = monitor.subscribe()
    monitor.start()
    time.sleep(SILENT_DEVICE_S + 0.3)
    microphone.say(np.zeros(8_000, np.float32), time.monotonic() - 0.5)
    wait_until(lambda: monitor.status.position_s > 0)
    monitor.stop()
    assert microphone.starts == 1
    assert monitor.status.dropped_samples == 0
    updates = [r for r in subscription.drain() if isinstance(r, Update)]
    assert {update.state for update in updates} == {State.SILENCE}


def test_lost_time_is_counted_in_samples(bundle: Bundle) -> None:
    microphone = ScriptedMicrophone()
    monitor = Monitor(microphone, bundle)
    subscription = monitor.subscribe()
    monitor.start()
    microphone.say(np.zeros(8_000, np.float32), time.monotonic() - 0.5)
    wait_until(lambda: microphone.starts > 1)
    monitor.stop()
    updates = [r for r in subscription.drain() if isinstance(r, Update)]
    lost = sum(update.state is State.LOST for update in updates)
    assert monitor.status.dropped_samples == pytest.approx(1280 * lost, abs=2 * 1280)


def test_a_session_ends_at_its_duration_to_the_sample(bundle: Bundle, speech_wav: Path) -> None:
    monitor = Monitor(FileSource(speech_wav, speed=0.0), bundle)
    subscription = monitor.subscribe(sound=True)
    monitor.start(duration_s=2.5)
    heard = sum(len(record.samples) for record in subscription if isinstance(record, Sound))
    assert heard == 40_000
    assert monitor.status.phase is Phase.ENDED
    assert monitor.status.position_s == 2.5


def test_latency_counts_from_the_adc_time_of_a_steps_last_sample(bundle: Bundle) -> None:
    microphone = ScriptedMicrophone()
    monitor = Monitor(microphone, bundle)
    subscription = monitor.subscribe()
    monitor.start()
    microphone.say(np.zeros(16_000, np.float32), time.monotonic() - 3.0)
    wait_until(lambda: monitor.status.updates > 5)
    monitor.stop()
    first = next(r for r in subscription.drain() if isinstance(r, Update))
    assert first.latency_ms is not None
    assert 2900 < first.latency_ms < 2920 + 5000  # three seconds, less its own 80 ms, and the work


def test_a_marker_carries_the_moment_it_was_set(bundle: Bundle) -> None:
    microphone = ScriptedMicrophone()
    monitor = Monitor(microphone, bundle)
    subscription = monitor.subscribe()
    monitor.start()
    start = time.monotonic()
    microphone.say(np.zeros(16_000, np.float32), start)
    wait_until(lambda: monitor.status.position_s == 1.0)
    marker = monitor.mark("tension", code="T")
    after = time.monotonic() - start
    monitor.stop()
    assert 0 <= marker.time_s <= after + 0.01
    assert marker in subscription.drain()


def test_an_interval_is_told_when_it_begins_and_when_it_ends(bundle: Bundle) -> None:
    microphone = ScriptedMicrophone()
    monitor = Monitor(microphone, bundle)
    subscription = monitor.subscribe()
    monitor.start()
    microphone.say(np.zeros(16_000, np.float32), time.monotonic())
    wait_until(lambda: monitor.status.position_s == 1.0)
    monitor.begin_mark("5", "task")
    monitor.stop()  # ends it
    marks = [r for r in subscription.drain() if isinstance(r, IntervalOpened | Marker)]
    begun, ended = marks
    assert isinstance(begun, IntervalOpened)
    assert isinstance(ended, Marker)
    assert (ended.code, ended.text) == ("5", "task")
    assert (begun.marker.code, begun.marker.time_s) == (ended.code, ended.time_s)


def test_a_truncated_file_fails_with_a_sentence_after_what_it_held(
    bundle: Bundle, tmp_path: Path
) -> None:
    path = tmp_path / "cut.flac"
    noise = np.random.default_rng(0).normal(0, 0.1, 64_000)
    soundfile.write(path, noise, 16_000)
    path.write_bytes(path.read_bytes()[:60_000])
    monitor = Monitor(FileSource(path, 0), bundle)
    subscription = monitor.subscribe()
    monitor.start()
    updates = [record for record in subscription if isinstance(record, Update)]
    assert len(updates) > 5
    assert monitor.status.phase is Phase.FAILED
    assert str(path) in (monitor.status.error or "")

"""Capture, hand-over and worker: nothing is lost in silence, nothing waits for a slow listener."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from realtime_ser.audio.block_queue import BlockQueue
from realtime_ser.audio.file import FileSource
from realtime_ser.audio.source import SourceInfo
from realtime_ser.base.paths import shipped
from realtime_ser.base.records import (
    IntervalOpened,
    Marker,
    Record,
    Segment,
    Sound,
    State,
    Update,
)
from realtime_ser.base.timebase import clock_s
from realtime_ser.engine.device_watch import SILENT_DEVICE_S
from realtime_ser.engine.monitor import Monitor
from realtime_ser.engine.status import Phase
from realtime_ser.recogniser.bundle import Bundle, load_bundle


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle(shipped("models") / "default")


class ScriptedMicrophone:
    """A live source whose blocks, ADC times and silences are written down beforehand."""

    def __init__(self, rate: int = 16_000) -> None:
        self.info = SourceInfo("scripted", rate, 1, live=True)
        self.starts = 0
        self.queue: BlockQueue | None = None

    def start(self, queue: BlockQueue) -> None:
        self.starts += 1
        self.queue = queue

    def stop(self) -> None:
        pass

    def reopen(self, queue: BlockQueue) -> bool:
        self.start(queue)
        return True

    def changes(self) -> list[str]:
        return []

    def peaks(self) -> NDArray[np.float32]:
        return np.zeros(0, np.float32)

    def say(self, samples: NDArray[np.float32], adc_s: float, *, overflow: bool = False) -> None:
        assert self.queue is not None
        self.queue.write(samples[:, None], adc_s, overflow=overflow)


def wait_until(condition: object, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.005)


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
    now = clock_s()
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
    now = clock_s()
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
    microphone.say(np.zeros(8_000, np.float32), clock_s() - 0.5)
    wait_until(lambda: monitor.status.phase is Phase.RECONNECTING)
    wait_until(lambda: microphone.starts > 1)
    microphone.say(np.zeros(8_000, np.float32), clock_s() - 0.5)
    wait_until(lambda: monitor.status.phase is Phase.LISTENING)
    monitor.stop()
    updates = [r for r in subscription.drain() if isinstance(r, Update)]
    assert any(update.state is State.LOST for update in updates)
    assert updates[-1].state is State.SILENCE
    assert [update.step for update in updates] == list(range(len(updates)))


def settled(microphone: ScriptedMicrophone, monitor: Monitor, start_s: float) -> None:
    """Four seconds of blocks that come when they should, after which the clock is sure."""
    for block in range(20):
        microphone.say(np.zeros(3_200, np.float32), start_s + 0.2 * block)
    wait_until(lambda: monitor.status.position_s == 4.0)


@pytest.mark.parametrize("away_s", [30.0, 1200.0], ids=["stopped", "asleep"])
def test_time_that_the_program_did_not_see_becomes_a_gap(bundle: Bundle, away_s: float) -> None:
    microphone = ScriptedMicrophone()
    monitor = Monitor(microphone, bundle)
    subscription = monitor.subscribe(capacity=100_000)
    monitor.start()
    start_s = clock_s() - 4.0 - away_s
    settled(microphone, monitor, start_s)
    for block in range(5):
        microphone.say(np.zeros(3_200, np.float32), start_s + 4.0 + away_s + 0.2 * block)
    wait_until(lambda: monitor.status.position_s == pytest.approx(5.0 + away_s, abs=0.001))
    monitor.stop()
    updates = [r for r in subscription.drain() if isinstance(r, Update)]
    lost = [update.time_s for update in updates if update.state is State.LOST]
    assert (min(lost), max(lost)) == pytest.approx((4.0, 4.0 + away_s), abs=0.1)
    assert monitor.status.away_samples == monitor.status.dropped_samples
    walls = {update.wall_clock.timestamp() - update.time_s for update in updates[60:]}
    assert max(walls) - min(walls) < 0.001


@pytest.mark.parametrize(
    "lateness_s",
    [(0.4, 0.0, 0.0, 0.0, 0.0), (0.4, 0.3, 0.03, 0.06, 0.04)],
    ids=["one", "on a busy machine"],
)
def test_late_blocks_lose_nothing(bundle: Bundle, lateness_s: tuple[float, ...]) -> None:
    microphone = ScriptedMicrophone()
    monitor = Monitor(microphone, bundle)
    monitor.start()
    start_s = clock_s() - 4.0
    settled(microphone, monitor, start_s)
    for block, late_s in enumerate(lateness_s):
        microphone.say(np.zeros(3_200, np.float32), start_s + 4.0 + 0.2 * block + late_s)
    wait_until(lambda: monitor.status.position_s == 5.0)
    monitor.stop()
    assert monitor.status.dropped_samples == 0


def test_a_device_that_comes_back_with_wrong_times_leaves_the_clock_right(bundle: Bundle) -> None:
    microphone = ScriptedMicrophone()
    monitor = Monitor(microphone, bundle)
    subscription = monitor.subscribe()
    monitor.start()
    start_s = clock_s() - 4.0
    settled(microphone, monitor, start_s)
    wait_until(lambda: monitor.status.phase is Phase.RECONNECTING)
    wait_until(lambda: microphone.starts > 1)
    back_s = clock_s()
    for block in range(75):  # sound servers are 0.6 s off while a stream begins
        early_s = 0.6 if block < 25 else 0.0
        microphone.say(np.zeros(320, np.float32), back_s + 0.02 * block - early_s)
    wait_until(lambda: monitor.status.phase is Phase.LISTENING)
    wait_until(lambda: monitor.status.position_s > back_s + 1.4 - start_s)
    monitor.stop()
    updates = [r for r in subscription.drain() if isinstance(r, Update)]
    assert monitor.status.position_s == pytest.approx(back_s + 1.5 - start_s, abs=0.02)
    walls = {update.wall_clock.timestamp() - update.time_s for update in updates[50:]}
    assert max(walls) - min(walls) < 0.02
    assert monitor.status.away_samples == monitor.status.dropped_samples


def test_sound_that_comes_after_it_was_counted_as_lost_is_left_out(bundle: Bundle) -> None:
    microphone = ScriptedMicrophone()
    monitor = Monitor(microphone, bundle)
    monitor.start()
    start_s = clock_s() - 4.0
    settled(microphone, monitor, start_s)
    wait_until(lambda: monitor.status.position_s > 5.0)  # a second of silence is lost
    now_s = clock_s() - start_s
    for block in range(10):  # what the stream that hung still had
        microphone.say(np.zeros(1_600, np.float32), start_s + 4.0 + 0.1 * block)
    for block in range(20):
        microphone.say(np.zeros(1_600, np.float32), start_s + now_s + 0.1 * block)
    wait_until(lambda: monitor.status.position_s == pytest.approx(now_s + 2.0, abs=0.12))
    monitor.stop()
    assert monitor.status.position_s == pytest.approx(now_s + 2.0, abs=0.12)


def test_a_microphone_may_take_its_time_to_begin(bundle: Bundle) -> None:
    microphone = ScriptedMicrophone()
    monitor = Monitor(microphone, bundle)
    subscription = monitor.subscribe()
    monitor.start()
    time.sleep(SILENT_DEVICE_S + 0.3)
    microphone.say(np.zeros(8_000, np.float32), clock_s() - 0.5)
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
    microphone.say(np.zeros(8_000, np.float32), clock_s() - 0.5)
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
    microphone.say(np.zeros(16_000, np.float32), clock_s() - 3.0)
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
    start = clock_s()
    microphone.say(np.zeros(16_000, np.float32), start)
    wait_until(lambda: monitor.status.position_s == 1.0)
    marker = monitor.mark("tension", code="T")
    after = clock_s() - start
    monitor.stop()
    assert 0 <= marker.time_s <= after + 0.01
    assert marker in subscription.drain()


def test_an_interval_is_told_when_it_begins_and_when_it_ends(bundle: Bundle) -> None:
    microphone = ScriptedMicrophone()
    monitor = Monitor(microphone, bundle)
    subscription = monitor.subscribe()
    monitor.start()
    microphone.say(np.zeros(16_000, np.float32), clock_s())
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


def test_a_file_whose_voice_is_on_the_other_channel_is_told_while_it_plays(
    bundle: Bundle, speech_wav: Path, tmp_path: Path
) -> None:
    speech, rate = soundfile.read(speech_wav)
    speech = np.tile(speech, 2)
    path = tmp_path / "right.wav"
    soundfile.write(path, np.stack([np.zeros_like(speech), speech], 1), rate)
    told = []
    for channel in (1, 2):
        monitor = Monitor(FileSource(path, 0), bundle, channels=(channel,))
        monitor.start()
        notices = {monitor.status.notice for _ in monitor}
        monitor.stop()
        told.append(any(notice and "sound on channel 2" in notice for notice in notices))
    assert told == [True, False]


def sound_that_is(behind_s: float, seconds: float) -> Monitor:
    """A monitor whose microphone handed all its sound over so much later than it was made."""
    microphone = ScriptedMicrophone()
    monitor = Monitor(microphone, load_bundle("default"))
    monitor.start()
    begin_s = clock_s() - seconds - behind_s
    for number in range(round(10 * seconds)):
        microphone.say(np.zeros(1600, np.float32), begin_s + 0.1 * number)
    wait_until(lambda: monitor.status.position_s >= seconds - 0.05)
    monitor.stop()
    return monitor


def test_results_that_come_late_for_some_seconds_are_noticed() -> None:
    assert sound_that_is(5.0, seconds=8.0).status.late


def test_a_short_delay_is_not() -> None:
    assert not sound_that_is(5.0, seconds=2.0).status.late

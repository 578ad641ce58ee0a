"""A stretch of sound is played once, on both sides, at the output's rate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from realtime_ser.audio import playback
from realtime_ser.audio.playback import NoOutputError, Player, array_blocks, file_blocks


class FakePortAudio:
    """PortAudio with an output that takes everything at once."""

    class PortAudioError(Exception):
        """Raised by an output that refuses."""

    def __init__(self, rate: int = 16_000, *, broken: bool = False) -> None:
        self.rate = rate
        self.broken = broken
        self.latency = 0.01
        self.written: list[NDArray[np.float32]] = []

    def query_devices(self, *, kind: str) -> dict[str, float]:
        assert kind == "output"
        return {"default_samplerate": self.rate}

    def OutputStream(self, **_: object) -> FakePortAudio:  # noqa: N802 - its name
        return self

    def start(self) -> None:
        pass

    def write(self, block: NDArray[np.float32]) -> None:
        if self.broken:
            raise self.PortAudioError("unplugged")
        self.written.append(block)

    def abort(self, *, ignore_errors: bool) -> None:
        pass

    def close(self, *, ignore_errors: bool) -> None:
        pass


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20.0
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.005)


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> FakePortAudio:
    fake = FakePortAudio()
    monkeypatch.setattr(playback, "portaudio", lambda: fake)
    return fake


def noise(seconds: float, channels: int, rate: int = 16_000) -> NDArray[np.float32]:
    shape = (round(seconds * rate), channels)
    return np.random.default_rng(1).uniform(-0.5, 0.5, shape).astype(np.float32)


def play(player: Player) -> None:
    player.start()
    end = time.monotonic() + 10
    while not player.ended:
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_every_channel_is_heard_on_two_loudspeakers(output: FakePortAudio, channels: int) -> None:
    samples = noise(0.2, channels)
    player = Player(array_blocks(samples, 16_000), 16_000, 0.2)
    started_s = time.monotonic()
    play(player)
    assert time.monotonic() - started_s > 0.2, "what was fetched at once is heard in its time"
    assert player.position_s == pytest.approx(0.2)
    expected = samples if channels == 2 else samples.mean(axis=1, keepdims=True).repeat(2, axis=1)
    np.testing.assert_allclose(np.concatenate(output.written), expected, atol=1e-6)


def test_sound_is_converted_to_the_outputs_rate(output: FakePortAudio) -> None:
    output.rate = 48_000
    play(Player(array_blocks(noise(0.2, 1), 16_000), 16_000, 0.2))
    assert sum(map(len, output.written)) == pytest.approx(0.2 * 48_000, abs=2)


def test_a_stretch_of_a_file_is_played(output: FakePortAudio, tmp_path: Path) -> None:
    samples = noise(0.5, 2)
    soundfile.write(tmp_path / "a.wav", samples, 16_000, "FLOAT")
    play(Player(file_blocks(tmp_path / "a.wav", 0.1, 0.3), 16_000, 0.2))
    np.testing.assert_array_equal(np.concatenate(output.written), samples[1600:4800])


def test_an_output_that_goes_away_ends_the_playback_with_a_sentence(output: FakePortAudio) -> None:
    output.broken = True
    player = Player(array_blocks(noise(0.2, 1), 16_000), 16_000, 0.2)
    play(player)
    assert "unplugged" in str(player.error)


def test_a_file_that_is_gone_ends_the_playback_with_a_sentence(
    output: FakePortAudio, tmp_path: Path
) -> None:
    player = Player(file_blocks(tmp_path / "none.wav", 0.0, 0.2), 16_000, 0.2)
    play(player)
    assert "There is no audio file at" in str(player.error)


def test_stop_ends_at_once(output: FakePortAudio) -> None:
    def endless() -> Iterator[NDArray[np.float32]]:
        while True:
            time.sleep(0.001)
            yield np.zeros((16, 1), np.float32)

    player = Player(endless(), 16_000, 60.0)
    player.start()
    wait_until(lambda: player.position_s > 0)
    player.stop()
    assert player.ended


def test_without_an_output_time_goes_on_in_silence_where_wanted(
    output: FakePortAudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise output.PortAudioError("no default output")

    monkeypatch.setattr(output, "query_devices", refuse)
    silent = Player(iter(()), 16_000, 0.1, silent=True)
    play(silent)
    assert silent.position_s == pytest.approx(0.1)
    refused = Player(iter(()), 16_000, 0.1)
    refused.start()
    wait_until(lambda: refused.ended)
    assert isinstance(refused.output_error, NoOutputError)

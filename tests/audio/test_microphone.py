"""The sound server that other tests speak through is a real microphone for PortAudio."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytestmark = pytest.mark.pulse

RATE = 48_000
RECORD = f"""
import sys
import numpy as np
import sounddevice

with sounddevice.InputStream(samplerate={RATE}, channels=2, dtype="float32") as stream:
    stream.read(2400)
    print("recording", flush=True)
    blocks = [stream.read(2400)[0] for _ in range(60)]
np.save(sys.argv[1], np.concatenate(blocks))
"""


@pytest.fixture
def tones(tmp_path: Path) -> Path:
    """A second and a half of 440 Hz in the first channel and 1000 Hz in the second."""
    time = np.arange(int(1.5 * RATE))[:, None] / RATE
    path = tmp_path / "tones.wav"
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * np.array([440.0, 1000.0]) * time), RATE)
    return path


def strongest(samples: np.ndarray) -> float:
    """Frequency of the strongest line, in Hz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.fft.rfftfreq(len(samples), 1 / RATE)[np.argmax(spectrum)])


def record_while_playing(pulse, wav: Path, sink: str, out: Path) -> np.ndarray:
    with subprocess.Popen(
        [sys.executable, "-c", RECORD, str(out)], env=pulse.env, stdout=subprocess.PIPE, text=True
    ) as recorder:
        assert recorder.stdout.readline() == "recording\n"
        assert pulse.play(wav, sink).wait(30) == 0
        assert recorder.wait(30) == 0
    return np.load(out)


def test_portaudio_records_what_is_played_into_the_null_sink(pulse, tones, tmp_path):
    heard = record_while_playing(pulse, tones, "speaker", tmp_path / "heard.npy")
    assert heard.shape == (60 * 2400, 2)
    assert strongest(heard[:, 0]) == pytest.approx(440, abs=2)
    assert strongest(heard[:, 1]) == pytest.approx(1000, abs=2)
    assert 0.45 < np.abs(heard).max() < 0.55


def test_another_sink_is_another_microphone(pulse, tones, tmp_path):
    pulse.add_null_sink("elsewhere")
    try:
        heard = record_while_playing(pulse, tones, "elsewhere", tmp_path / "heard.npy")
    finally:
        pulse.remove_null_sink("elsewhere")
    assert np.abs(heard).max() < 1e-3
    assert "elsewhere" not in pulse.pactl("list", "short", "sources")


def test_a_mistake_is_loud(pulse):
    with pytest.raises(RuntimeError, match="unload-module"):
        pulse.pactl("unload-module", "4711")


def test_speech_has_pauses(speech_wav):
    samples, rate = soundfile.read(speech_wav)
    assert rate == 16_000
    assert samples.ndim == 1
    loud = np.abs(samples[: len(samples) // 1600 * 1600].reshape(-1, 1600)).max(axis=1) > 0.02
    onsets = np.flatnonzero(loud[1:] & ~loud[:-1])
    assert len(onsets) >= 3
    assert not loud[:5].any()
    assert not loud[-14:].any()


def test_the_two_voices_speak_in_turn(speech_stereo_wav):
    samples, rate = soundfile.read(speech_stereo_wav)
    assert rate == 48_000
    spoken = [np.flatnonzero(np.abs(samples[:, channel]) > 0.02) for channel in (0, 1)]
    first_pause = spoken[0][np.flatnonzero(np.diff(spoken[0]) > 3 * rate)]
    assert len(first_pause) == 1
    assert spoken[1].min() > first_pause[0] + rate * 0.9
    assert spoken[1].max() < spoken[0].max() - rate

"""Small recordings that are the same on every machine, cut from the demo that ships."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from realtime_ser.base.paths import shipped


def write_samples(folder: Path) -> None:
    """Write speech, two speakers at another rate, silence, noise, and files that are no sound."""
    demo, rate = soundfile.read(shipped("demo.flac"), dtype="float32")
    soundfile.write(folder / "one.flac", demo[: 6 * rate], rate)
    first, second = (demo[start * rate :][: 5 * rate] for start in (6, 20))
    slower = np.arange(5 * 44_100) * rate / 44_100
    both = [np.interp(slower, np.arange(len(part)), part) for part in (first, second)]
    soundfile.write(folder / "two.wav", np.stack(both, 1), 44_100, "PCM_16")
    soundfile.write(folder / "silent.wav", np.zeros(12_345), 8_000, "PCM_16")
    noise = 0.001 * np.random.default_rng(0).standard_normal((32_000, 1))
    (folder / "deep").mkdir()
    soundfile.write(folder / "deep" / "noise.wav", noise, 32_000, "PCM_16")
    (folder / "text.wav").write_text("this is no sound")
    whole = (folder / "two.wav").read_bytes()
    (folder / "truncated.wav").write_bytes(whole[: len(whole) // 2])

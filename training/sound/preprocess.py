"""Preprocessing of whole clips for offline models, under the names of published systems.

A stream has no whole clip to look back on: nothing of this runs live, and no streaming recipe may
ask for it.
"""

from __future__ import annotations

import hashlib
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from training.settings import RecipeSection

_PEAK = 0.95
_LEAST_SAMPLES = 2048
"""Least number of samples; shorter sound has too few frames for an estimate of the noise."""


class Preprocessing(RecipeSection):
    """Steps of preprocessing ahead of the features, in this order; by default none.

    Attributes
    ----------
    denoise
        Whether to remove steady noise by spectral gating.
    silence
        ``trim``: ahead of the first sound and behind the last; ``remove``: pauses too.
    top_db
        Level in dB below the loudest frame under which a frame is silence.
    level
        ``peak`` or ``rms``: measure that is brought to the same value in every clip.
    """

    denoise: bool = False
    silence: Literal["keep", "trim", "remove"] = "keep"
    top_db: float = Field(default=30.0, gt=0)
    level: Literal["keep", "peak", "rms"] = "keep"

    def digest(self) -> bytes:
        """Hash of what the result depends on beside the sound."""
        return hashlib.sha256(f"1 {self.model_dump_json()}".encode()).digest()


def preprocess(
    samples: NDArray[np.float32], rate: int, settings: Preprocessing
) -> NDArray[np.float32]:
    """Samples after the steps that a recipe asks for.

    Parameters
    ----------
    samples
        Shape ``(n,)``.
    rate
        Sampling rate in Hz.
    settings
        Steps to apply.
    """
    sound = reduce_noise(samples, rate) if settings.denoise else samples
    if settings.silence == "trim":
        sound = trim_silence(sound, rate, top_db=settings.top_db)
    elif settings.silence == "remove":
        sound = remove_silence(sound, rate, top_db=settings.top_db)
    if settings.level == "peak":
        sound = normalise_peak(sound)
    elif settings.level == "rms":
        sound = normalise_rms(sound)
    return sound


def trim_silence(
    samples: NDArray[np.float32], rate: int, *, top_db: float = 30.0
) -> NDArray[np.float32]:
    """Samples without leading and trailing silence (``librosa.effects.trim``)."""
    import librosa

    if not samples.any():
        return samples
    hop = _hop(rate)
    trimmed: NDArray[np.float32]
    trimmed, _ = librosa.effects.trim(samples, top_db=top_db, frame_length=4 * hop, hop_length=hop)
    return trimmed


def remove_silence(
    samples: NDArray[np.float32], rate: int, *, top_db: float = 30.0
) -> NDArray[np.float32]:
    """Sound without any silence, pauses included (``librosa.effects.split``)."""
    import librosa

    if not samples.any():
        return samples
    hop = _hop(rate)
    parts = librosa.effects.split(samples, top_db=top_db, frame_length=4 * hop, hop_length=hop)
    return np.concatenate([samples[start:end] for start, end in parts])


def _hop(rate: int) -> int:
    """Samples from one frame, which is four times as long, to the next: 12 ms."""
    return round(rate / 86)


def normalise_peak(samples: NDArray[np.float32], peak: float = _PEAK) -> NDArray[np.float32]:
    """Sound whose loudest sample has a magnitude of ``peak``; silence stays silence."""
    loudest = float(np.abs(samples).max(initial=0.0))
    return samples * np.float32(peak / loudest) if loudest > 0 else samples


def normalise_rms(samples: NDArray[np.float32], level_dbfs: float = -23.0) -> NDArray[np.float32]:
    """Sound with an RMS of ``level_dbfs``, or less where a peak would exceed full scale."""
    power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
    if power <= 0:
        return samples
    louder = samples * np.float32(10.0 ** (level_dbfs / 20.0) / np.sqrt(power))
    return louder / np.float32(max(1.0, float(np.abs(louder).max())))


def reduce_noise(samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """Sound without steady noise, by spectral gating with one threshold for each frequency.

    T. Sainburg and A. Zorea, Noisereduce: Domain General Noise Reduction for Time Series Signals,
    2024. What is shorter than 2048 samples, and silence, stay as they are.
    """
    import noisereduce

    if len(samples) < _LEAST_SAMPLES or not samples.any():
        return samples
    cleaned = noisereduce.reduce_noise(y=samples, sr=rate, stationary=True)
    return np.asarray(cleaned, np.float32)

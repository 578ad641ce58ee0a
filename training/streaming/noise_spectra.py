"""Noise drawn as a mel spectrum and added to log-mel frames.

Powers of independent sounds add up in each band, so such noise needs no waveform and can be drawn
anew for every batch. There are three broad kinds: coloured hiss, decaying impacts, and tones. The
kinds of the noise test (:mod:`training.sound.noises`) are synthesised in other ways.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from training.settings import Chance, Range, RecipeSection

_FRAMES_PER_SECOND = 100  # frames
_KNOTS = 6
_SILENT = 1e-4


class SpectralNoise(RecipeSection):
    """Chance and loudness of noise under segments.

    Attributes
    ----------
    chance
        Share of the segments.
    snr_db
        Lowest and highest signal-to-noise ratio over the segment's louder frames.
    """

    chance: Chance = 0.5
    snr_db: Range = (0.0, 25.0)


Power: TypeAlias = NDArray[np.float64]


def with_noise(
    log_mel: NDArray[np.float32], settings: SpectralNoise, random: np.random.Generator
) -> NDArray[np.float32]:
    """Log-mel steps with noise under them, or as they are.

    Parameters
    ----------
    log_mel
        In dB, shape ``(steps, 8, bands)``.
    settings
        Chance and loudness of the noise.
    random
        Source of all random draws.
    """
    if random.random() >= settings.chance:
        return log_mel
    power = 10.0 ** (log_mel.reshape(-1, log_mel.shape[-1]).astype(np.float64) / 10.0)
    noise = draw_noise(len(power), power.shape[1], random)
    loud = power.mean(axis=1)
    voice = loud[loud >= loud.max() / 100.0].mean()
    noise *= voice / noise.mean() * 10.0 ** (-random.uniform(*settings.snr_db) / 10.0)
    return (10.0 * np.log10(power + noise)).astype(np.float32).reshape(log_mel.shape)


def draw_noise(frames: int, bands: int, random: np.random.Generator) -> Power:
    """Power of one or two kinds of noise together, shape ``(frames, bands)``."""
    kinds = (_hiss, _impacts, _tones)
    noise = np.zeros((frames, bands))
    for _ in range(random.choice((1, 1, 2))):
        own = kinds[random.integers(len(kinds))](frames, bands, random) + 1e-12
        noise += own / own.mean() * _power_from_db(random.normal(0.0, 3.0))
    return noise


def _power_from_db(level: float | NDArray[np.floating]) -> Power:
    return np.asarray(10.0 ** (np.asarray(level) / 10.0))


def _colour(bands: int, random: np.random.Generator) -> Power:
    """Power of each band: a slope with random hills and dales."""
    slope = np.linspace(0.0, random.uniform(-30.0, 15.0), _KNOTS)
    knots = slope + random.uniform(-12.0, 12.0, _KNOTS)
    return _power_from_db(np.interp(np.arange(bands), np.linspace(0, bands - 1, _KNOTS), knots))


def _hiss(frames: int, bands: int, random: np.random.Generator) -> Power:
    """Power of continuous noise that fluctuates a little."""
    times = np.arange(0, frames + _FRAMES_PER_SECOND // 4, _FRAMES_PER_SECOND // 4)
    sway = random.normal(0.0, random.uniform(0.0, 4.0), len(times))
    swayed = _power_from_db(np.interp(np.arange(frames), times, sway))
    grain = random.gamma(random.uniform(1.5, 8.0), size=(frames, bands))
    return np.asarray(grain * swayed[:, None] * _colour(bands, random))


def _impacts(frames: int, bands: int, random: np.random.Generator) -> Power:
    """Power of impacts at random times that decay, in high bands sooner."""
    resonators = []
    for _ in range(4):
        colour, decay = _colour(bands, random), float(np.exp(random.uniform(0.0, np.log(15.0))))
        colour[random.integers(0, bands, random.integers(0, 7))] *= 30.0
        resonators.append((colour, decay * np.linspace(1.3, 0.6, bands)))
    impacts_per_second = float(np.exp(random.uniform(0.0, np.log(12.0))))
    out = _SILENT * _hiss(frames, bands, random) * random.uniform(0.0, 100.0)
    count = 1 + random.poisson(impacts_per_second * frames / _FRAMES_PER_SECOND)
    for start in random.integers(-_FRAMES_PER_SECOND // 10, frames, count):
        colour, decays = resonators[random.integers(len(resonators))]
        first = max(0, int(start))
        last = min(frames, int(start + 8 * decays.max()) + 2)
        age = np.arange(first, last)[:, None] - start
        out[first:last] += _power_from_db(random.normal(0.0, 4.0)) * np.exp(-age / decays) * colour
    return out


def _tones(frames: int, bands: int, random: np.random.Generator) -> Power:
    """Up to four voices of notes with overtones."""
    out = np.full((frames, bands), _SILENT)
    band = np.arange(bands)
    for _ in range(random.integers(1, 5)):
        low, note_frames = random.uniform(0.0, 0.4 * bands), random.uniform(10.0, 90.0)
        falls_db, count = random.uniform(0.5, 4.0), random.integers(1, 16)
        start = 0
        while start < frames:
            end = min(
                frames, start + max(4, int(note_frames * random.choice((0.5, 1.0, 1.0, 2.0))))
            )
            base = max(2.0, low + random.normal(0.0, 6.0))
            places = base * (1.0 + 0.9 * np.arange(count))
            peaks = np.exp(-0.5 * ((band - places[:, None]) / 0.7) ** 2)
            shape = _power_from_db(-falls_db * np.arange(count)) @ peaks
            age = np.arange(end - start)
            swell = np.minimum(1.0, (age + 1) / random.uniform(1.0, 6.0))
            swell *= np.exp(-age / random.uniform(8.0, 80.0))
            sounds = random.random() > 0.1
            out[start:end] += (
                sounds * _power_from_db(random.normal(0.0, 3.0)) * swell[:, None] * shape
            )
            start = end
    return out

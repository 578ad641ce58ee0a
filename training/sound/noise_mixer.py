"""The change that mixes noise under the sound of an example."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.records import SAMPLE_RATE
from training.cache import combined_hash, content_hash
from training.sound.mixing import mix_at_snr, voiced_mask
from training.sound.noises import BABBLE, check_kinds, make_noise
from training.sound.recordings import samples_16k
from training.sound.seeding import generator

_VERSION = b"2"
"""To be raised whenever a noise sounds otherwise for the same settings."""


@dataclass(frozen=True, slots=True)
class NoiseMixer:
    """Change that mixes noise under a sound, of a kind drawn for each key.

    Attributes
    ----------
    kinds
        Kinds of noise of which one is drawn for each key: see :mod:`training.sound.noises`.
    snr_db
        Signal-to-noise ratio over voiced samples, or the range it is drawn from. One seed and key
        give the same noise at every ratio.
    seed
        Seed of all random draws.
    speech
        Recordings of training speakers, for babble; each process keeps them in memory once read, so
        some dozens are best.

    Raises
    ------
    UsageError
        A kind is not known, or babble is wanted without speech.
    """

    kinds: tuple[str, ...]
    snr_db: float | tuple[float, float]
    seed: int = 0
    speech: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        check_kinds(self.kinds, has_speech=bool(self.speech))

    def __call__(self, samples: NDArray[np.float32], key: str) -> NDArray[np.float32]:
        """Sound with noise; see :func:`training.sound.mixing.mix_at_snr`."""
        random = generator(self.seed, "noise", key)
        kind = self._kind(random)
        low, high = self.snr_db if isinstance(self.snr_db, tuple) else (self.snr_db, self.snr_db)
        snr_db = random.uniform(low, high)
        speech = [_remembered_samples(path) for path in self.speech] if kind == BABBLE else []
        noise = make_noise(kind, len(samples) / SAMPLE_RATE, random, speech)
        return mix_at_snr(samples, noise, snr_db, voiced_mask(samples))

    def voice(self, samples: NDArray[np.float32], key: str) -> NDArray[np.float32]:  # noqa: ARG002
        """Samples without the noise."""
        return samples

    def _kind(self, random: np.random.Generator) -> str:
        return self.kinds[int(random.integers(len(self.kinds)))]

    def digest(self, key: str) -> bytes:
        """Hash of the settings, and of the speech that noise of this key is made of, if any."""
        kind = self._kind(generator(self.seed, "noise", key))
        speech = [_remembered_hash(path) for path in self.speech] if kind == BABBLE else []
        settings = repr((self.kinds, self.snr_db, self.seed)).encode()
        return combined_hash(_VERSION, settings, *speech)


@lru_cache(maxsize=512)
def _remembered_samples(path: Path) -> NDArray[np.float32]:
    sound = samples_16k(path)
    sound.flags.writeable = False
    return sound


@lru_cache(maxsize=4096)
def _remembered_hash(path: Path) -> bytes:
    return content_hash(path)

"""Augmentation: changed copies of training clips, and streams of them.

The effects come in the order of the signal path: voice, room, noise, band limit, codec, level.
Pitch, speed, filters and level are those of audiomentations
(https://github.com/iver56/audiomentations), with parameters drawn here from a seed and the key of
an example.
"""

from __future__ import annotations

import hashlib
import random as global_random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soxr
from numpy.typing import NDArray

from realtime_ser.base.records import SAMPLE_RATE
from training.corpora import Clip
from training.sound.augmentation import (
    Augmentation,
    BandSettings,
    CodecSettings,
    RoomSettings,
    StreamSettings,
)
from training.sound.codecs import coded
from training.sound.examples import AnyExample, Example, StreamExample
from training.sound.mixing import limit_to_full_scale
from training.sound.noise_mixer import NoiseMixer
from training.sound.noises import BABBLE, check_kinds
from training.sound.rooms import impulse_response, reverberate
from training.sound.seeding import generator

if TYPE_CHECKING:
    from audiomentations.core.transforms_interface import BaseWaveformTransform

_VERSION = 1
"""To be raised whenever an effect sounds otherwise for the same settings."""


@dataclass(frozen=True, slots=True)
class Augmenter:
    """The change that augmentation makes: see :class:`training.sound.examples.SoundChange`.

    Attributes
    ----------
    settings
        Effects and their strengths.
    seed
        Seed of all random draws, together with an example's key. Each effect has draws of its own:
        switching an effect off leaves the others as they were.
    speech
        Recordings of training speakers, for babble; see :class:`.NoiseMixer`.

    Raises
    ------
    UsageError
        Babble is wanted without speech.
    """

    settings: Augmentation
    seed: int = 0
    speech: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        noise = self.settings.noise
        check_kinds(noise.kinds if noise else (), has_speech=bool(self.speech))

    def __call__(self, samples: NDArray[np.float32], key: str) -> NDArray[np.float32]:
        """Changed sound; it exceeds full scale only where the recording did."""
        if not len(samples):
            return samples

        def draws(effect: str) -> np.random.Generator:
            return generator(self.seed, effect, key)

        settings = self.settings
        sound = _reverberated(self.voice(samples, key), settings.room, draws("room"))
        noise = self._noise(key)
        sound = sound if noise is None else noise(sound, key)
        sound = _band_limited(sound, settings.band, draws("band"))
        sound = _coded(sound, settings.codec, draws("codec"))
        sound = _gain_changed(sound, settings.gain_db, draws("gain"))
        return limit_to_full_scale(sound, samples)

    def voice(self, samples: NDArray[np.float32], key: str) -> NDArray[np.float32]:
        """The changed voice, without room, noise, band, codec and level."""
        if not len(samples):
            return samples
        settings = self.settings
        pitch, speed, rate = (
            generator(self.seed, name, key) for name in ("pitch", "speed", "rate")
        )
        sound = _pitch_shifted(samples, settings.pitch_semitones, pitch)
        sound = _time_stretched(sound, settings.speed, speed)
        return _speed_changed(sound, settings.rate, rate)

    def _noise(self, key: str) -> NoiseMixer | None:
        noise = self.settings.noise
        if noise is None or not _is_drawn(noise.chance, generator(self.seed, "noise or not", key)):
            return None
        return NoiseMixer(noise.kinds, noise.snr_db, self.seed, self.speech)

    def digest(self, key: str) -> bytes:
        """Hash of the effects, and of this key's noise."""
        effects = self.settings.model_dump_json(exclude={"copies", "streams"})
        noise = self._noise(key)
        digest = hashlib.sha256(f"{_VERSION} {self.seed} {effects}".encode())
        digest.update(b"" if noise is None else noise.digest(key))
        return digest.digest()


def _is_drawn(chance: float, random: np.random.Generator) -> bool:
    return bool(random.random() < chance)


def _pitch_shifted(
    sound: NDArray[np.float32], semitones: float, random: np.random.Generator
) -> NDArray[np.float32]:
    if not semitones:
        return sound
    from audiomentations import PitchShift

    shift = random.uniform(-semitones, semitones)
    return _applied(PitchShift(shift, shift, p=1.0), sound)


def _time_stretched(
    sound: NDArray[np.float32], speed: tuple[float, float] | None, random: np.random.Generator
) -> NDArray[np.float32]:
    if speed is None:
        return sound
    from audiomentations import TimeStretch

    rate = random.uniform(*speed)
    return _applied(TimeStretch(rate, rate, leave_length_unchanged=False, p=1.0), sound)


def _speed_changed(
    sound: NDArray[np.float32], rate: tuple[float, float] | None, random: np.random.Generator
) -> NDArray[np.float32]:
    if rate is None:
        return sound
    played: NDArray[np.float32] = soxr.resample(
        sound, random.uniform(*rate) * SAMPLE_RATE, SAMPLE_RATE
    )
    return played


def _reverberated(
    sound: NDArray[np.float32], room: RoomSettings | None, random: np.random.Generator
) -> NDArray[np.float32]:
    if room is None or not _is_drawn(room.chance, random):
        return sound
    # audiomentations reads impulse responses from files, and sets every peak to one half.
    rt60_s, drr_db = random.uniform(*room.rt60_s), random.uniform(*room.drr_db)
    return reverberate(sound, impulse_response(rt60_s, drr_db, random))


def _band_limited(
    sound: NDArray[np.float32], band: BandSettings | None, random: np.random.Generator
) -> NDArray[np.float32]:
    if band is None or not _is_drawn(band.chance, random):
        return sound
    from audiomentations import BandPassFilter, LowPassFilter

    if band.kinds[random.integers(len(band.kinds))] == "low-pass":
        cutoff_hz = random.uniform(*band.cutoff_hz)
        return _applied(LowPassFilter(cutoff_hz, cutoff_hz, *_ROLLOFF_DB, p=1.0), sound)
    low_hz, high_hz = _TELEPHONE_HZ
    centre_hz = (low_hz + high_hz) / 2
    width = (high_hz - low_hz) / centre_hz
    telephone = BandPassFilter(centre_hz, centre_hz, width, width, *_ROLLOFF_DB, p=1.0)
    return _applied(telephone, sound)


_ROLLOFF_DB = (24, 24)
_TELEPHONE_HZ = (300.0, 3400.0)


def _coded(
    sound: NDArray[np.float32], codec: CodecSettings | None, random: np.random.Generator
) -> NDArray[np.float32]:
    if codec is None or not _is_drawn(codec.chance, random):
        return sound
    return coded(sound, codec.kinds[random.integers(len(codec.kinds))], random)


def _gain_changed(
    sound: NDArray[np.float32], gain_db: float, random: np.random.Generator
) -> NDArray[np.float32]:
    if not gain_db:
        return sound
    from audiomentations import Gain

    gain = random.uniform(-gain_db, gain_db)
    return _applied(Gain(gain, gain, p=1.0), sound)


def _applied(transform: BaseWaveformTransform, sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """Output of a deterministic transform."""
    with _global_generators_kept():
        changed: NDArray[np.float32] = transform(sound, SAMPLE_RATE).astype(np.float32)
    return changed


@contextmanager
def _global_generators_kept() -> Iterator[None]:
    """Restore the global generators, which audiomentations draws from without need.

    A model's first weights may be drawn from them, and must not depend on what lay in a cache.
    """
    python, numpy = global_random.getstate(), np.random.get_state()  # noqa: NPY002 - only kept
    try:
        yield
    finally:
        global_random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002


# ----------------------------------------------------------------------------------------- examples

_BABBLE_COUNT = 64
"""Number of recordings for babble."""


def training_examples(clips: Sequence[Clip], settings: Augmentation, seed: int) -> list[AnyExample]:
    """Training examples: clips as recorded, then changed copies, then streams.

    Parameters
    ----------
    clips
        Clips of the training speakers alone, since babble consists of some of them.
    settings
        Number of copies and of streams, and the effects on them.
    seed
        Seed of all random draws.
    """
    examples: list[AnyExample] = [Example(clip) for clip in clips]
    change = (
        Augmenter(settings, seed, _babble_recordings(clips, settings, seed))
        if settings.changes
        else None
    )
    examples += [Example(clip, change, copy) for copy in range(settings.copies) for clip in clips]
    if settings.streams is not None:
        chains = _speaker_chains(clips, settings.streams, generator(seed, "streams"))
        draw, share = generator(seed, "changed streams"), settings.streams.changed
        examples += [
            StreamExample(chain, gap_s, seed, change if _is_drawn(share, draw) else None)
            for chain, gap_s in chains
        ]
    return examples


def _babble_recordings(
    clips: Sequence[Clip], settings: Augmentation, seed: int
) -> tuple[Path, ...]:
    if settings.noise is None or BABBLE not in settings.noise.kinds:
        return ()
    order = generator(seed, "talkers").permutation(len(clips))
    return tuple(clips[number].path for number in order[:_BABBLE_COUNT])


def _speaker_chains(
    clips: Sequence[Clip], settings: StreamSettings, random: np.random.Generator
) -> Iterator[tuple[tuple[Clip, ...], tuple[float, float] | None]]:
    """Clips of a speaker that make a stream, and the gaps between them; each clip is in one."""
    spoken: defaultdict[tuple[str, str], list[Clip]] = defaultdict(list)
    for clip in clips:
        spoken[clip.corpus, clip.speaker].append(clip)
    shortest, longest = settings.clips
    for own in [own for own in spoken.values() for _ in range(settings.passes)]:
        waiting = [own[number] for number in random.permutation(len(own))]
        while len(waiting) >= shortest:
            length = int(random.integers(shortest, longest + 1))
            if len(waiting) - length < shortest:
                length = len(waiting)  # no speaker is left without partners
            chain, waiting = tuple(waiting[:length]), waiting[length:]
            yield chain, None if _is_drawn(settings.unbroken, random) else settings.gap_s

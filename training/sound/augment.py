"""Augmentation: training clips once more, otherwise than they were recorded.

A copy goes the way that sound goes: the voice is changed, a room added, noise mixed in, the band
limited, a codec passed, and the level set. Pitch, speed, filters and level are changed by
audiomentations (https://github.com/iver56/audiomentations); what it would draw is drawn here, from
a seed and the take's key.
"""

from __future__ import annotations

import hashlib
import random as global_random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
import soxr
from numpy.typing import NDArray
from pydantic import Field, model_validator

from realtime_ser.base.records import SAMPLE_RATE
from training.corpora import Clip
from training.settings import Chance, Range, RecipeSection
from training.sound.codecs import Codec, coded
from training.sound.examples import AnyExample, Example, NoiseMixer, StreamExample
from training.sound.mixing import limit_to_full_scale
from training.sound.noises import BABBLE, TRAINING_NOISES, TrainingNoise, check_kinds
from training.sound.rooms import impulse_response, reverberate
from training.sound.seeding import generator

if TYPE_CHECKING:
    from audiomentations.core.transforms_interface import BaseWaveformTransform

_VERSION = 1
"""To be raised whenever an effect sounds otherwise for the same settings."""


# ---------------------------------------------------------------------------------------- settings


class NoiseSettings(RecipeSection):
    """Noise under a copy.

    Attributes
    ----------
    snr_db
        Range of its signal-to-noise ratio, over voiced samples.
    kinds
        Kinds of noise, of which one is drawn for each copy. Kinds of the noise test are not among
        them.
    chance
        Share of the copies with noise.
    """

    snr_db: Range = (0.0, 25.0)
    kinds: tuple[TrainingNoise, ...] = Field(default=TRAINING_NOISES, min_length=1)
    chance: Chance = 0.7


class RoomSettings(RecipeSection):
    """A room around a copy.

    Attributes
    ----------
    rt60_s
        Range of its reverberation time.
    drr_db
        Range of the direct sound's power over the reflected.
    chance
        Share of the copies that have it.
    """

    rt60_s: Range = (0.15, 0.8)
    drr_db: Range = (-3.0, 12.0)
    chance: Chance = 0.5

    @model_validator(mode="after")
    def _check_rt60(self) -> Self:
        if self.rt60_s[0] <= 0.01:
            raise ValueError("'rt60_s' must be longer than 0.01 s")
        return self


class BandSettings(RecipeSection):
    """A narrower band.

    Attributes
    ----------
    kinds
        ``telephone``: 300 to 3400 Hz; ``low-pass``: up to a cut-off.
    cutoff_hz
        Range of that cut-off.
    chance
        Share of the copies that have it.
    """

    kinds: tuple[Literal["telephone", "low-pass"], ...] = Field(
        default=("telephone", "low-pass"), min_length=1
    )
    cutoff_hz: Range = (2000.0, 6000.0)
    chance: Chance = 0.25


class CodecSettings(RecipeSection):
    """A lossy codec.

    Attributes
    ----------
    kinds
        One is drawn for each copy: see :func:`training.sound.codecs.coded`.
    chance
        Share of the copies that have it.
    """

    kinds: tuple[Codec, ...] = Field(default=("opus", "mp3", "gsm", "g711"), min_length=1)
    chance: Chance = 0.25


class StreamSettings(RecipeSection):
    """Clips of one speaker joined to longer streams.

    Attributes
    ----------
    clips
        Range of how many are joined; a speaker's last stream may take in a few more.
    gap_s
        Range of the silence between them.
    unbroken
        Share of the streams that are joined without a gap, so that the emotion changes within one
        stretch of speech.
    passes
        In how many streams each clip is.
    changed
        Share of the streams that are changed as copies are; the others stay as recorded.
    """

    clips: tuple[int, int] = (2, 4)
    gap_s: Range = (0.7, 2.0)
    unbroken: Chance = 0.0
    passes: int = Field(default=1, ge=1)
    changed: Chance = 1.0

    @model_validator(mode="after")
    def _check_streams(self) -> Self:
        if not 2 <= self.clips[0] <= self.clips[1]:
            raise ValueError("'clips' is a range that begins with 2 or more")
        if self.gap_s[0] < 0:
            raise ValueError("'gap_s' must not be negative")
        return self


class Augmentation(RecipeSection):
    """Augmentation of the training clips; by default none.

    Attributes
    ----------
    copies
        Number of changed copies of each training clip.
    noise, room, band, codec
        Effects that a share of the copies has; ``null``: none has it.
    gain_db
        The level of each copy is changed by up to so much either way, and never beyond full scale.
    pitch_semitones
        The pitch of each copy, formants included, is moved by up to so much either way.
    speed
        Range of the tempo of each copy, whose pitch stays: 1.1 is a tenth faster. ``null``: as it
        was.
    rate
        Range of the rate at which each copy is played, which moves tempo, pitch and formants
        together, as of another speaker (Ko et al., Audio Augmentation for Speech Recognition,
        Interspeech 2015). ``null``: as it was.
    streams
        Clips joined to streams; ``null``: none.
    """

    copies: int = Field(default=0, ge=0)
    noise: NoiseSettings | None = None
    room: RoomSettings | None = None
    gain_db: float = Field(default=0.0, ge=0, le=60)
    pitch_semitones: float = Field(default=0.0, ge=0, le=12)
    speed: Range | None = None
    rate: Range | None = None
    band: BandSettings | None = None
    codec: CodecSettings | None = None
    streams: StreamSettings | None = None

    @model_validator(mode="after")
    def _check_effects(self) -> Self:
        if self.speed is not None and not 0.5 <= self.speed[0] <= self.speed[1] <= 2.0:
            raise ValueError("'speed' must lie between 0.5 and 2")
        if self.rate is not None and not 0.5 <= self.rate[0] <= self.rate[1] <= 2:
            raise ValueError("'rate' must lie between 0.5 and 2")
        if self.copies and not self.changes:
            raise ValueError("'copies' needs an effect: the same clips again teach nothing")
        if self.changes and not self.copies and self.streams is None:
            raise ValueError(
                "effects need 'copies' or 'streams': clips as recorded stay as they are"
            )
        return self

    @property
    def changes(self) -> bool:
        """Whether any effect is on."""
        effects = (self.noise, self.room, self.band, self.codec, self.speed, self.rate)
        return any(effects) or self.gain_db > 0 or self.pitch_semitones > 0


# ------------------------------------------------------------------------------------------ effects


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

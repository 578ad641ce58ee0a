"""Settings of the augmentation of training clips, as sections of a recipe."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from training.settings import Chance, Range, RecipeSection
from training.sound.codecs import Codec
from training.sound.noises import TRAINING_NOISES, TrainingNoise


class NoiseSettings(RecipeSection):
    """Noise under changed copies.

    Attributes
    ----------
    snr_db
        Range of the signal-to-noise ratio in dB, over voiced samples.
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
    """Reverberation of changed copies.

    Attributes
    ----------
    rt60_s
        Range of the reverberation time RT60 in seconds.
    drr_db
        Range of the direct-to-reverberant ratio in dB.
    chance
        Share of the copies with a room.
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
    """Band limit of changed copies.

    Attributes
    ----------
    kinds
        ``telephone``: 300 to 3400 Hz; ``low-pass``: up to a cut-off.
    cutoff_hz
        Range of the cut-off in Hz.
    chance
        Share of the copies with a limited band.
    """

    kinds: tuple[Literal["telephone", "low-pass"], ...] = Field(
        default=("telephone", "low-pass"), min_length=1
    )
    cutoff_hz: Range = (2000.0, 6000.0)
    chance: Chance = 0.25


class CodecSettings(RecipeSection):
    """Lossy codec of changed copies.

    Attributes
    ----------
    kinds
        Codecs, of which one is drawn for each copy: see :func:`training.sound.codecs.coded`.
    chance
        Share of the copies with a codec.
    """

    kinds: tuple[Codec, ...] = Field(default=("opus", "mp3", "gsm", "g711"), min_length=1)
    chance: Chance = 0.25


class StreamSettings(RecipeSection):
    """Clips of one speaker joined to longer streams.

    Attributes
    ----------
    clips
        Range of the number of clips; a speaker's last stream may have a few more.
    gap_s
        Range of the silence between clips, in seconds.
    unbroken
        Share of the streams without gaps, so that the emotion changes within a segment.
    passes
        Number of streams that each clip is in.
    changed
        Share of the streams with the effects of copies; the others stay as recorded.
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
        Effects on a share of the copies; ``null``: off.
    gain_db
        Range of the gain of each copy in dB, either way, never beyond full scale.
    pitch_semitones
        Range of the shift of pitch and formants of each copy in semitones, either way.
    speed
        Range of the tempo of each copy at constant pitch: 1.1 is a tenth faster. ``null``: off.
    rate
        Range of the playback rate of each copy, which moves tempo, pitch and formants together, as
        of another speaker (Ko et al., Audio Augmentation for Speech Recognition, Interspeech 2015).
        ``null``: off.
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

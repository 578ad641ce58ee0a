"""Takes: clips as they are fed, as recorded or changed, alone or joined to a stream."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.records import SAMPLE_RATE
from training.cache import content_hash
from training.corpora import Clip
from training.sound.mixing import mix_at_snr, voiced_mask
from training.sound.noises import BABBLE, check_kinds, make_noise
from training.sound.recordings import samples_16k
from training.sound.seeding import generator
from training.sound.streams import ClipSpan, ClipStream, join_with_gaps, join_without_gaps

_VERSION = b"2"
"""To be raised whenever a noise or a way of joining sounds otherwise for the same settings."""


class SoundChange(Protocol):
    """A change of sound: small, picklable and deterministic.

    All of its chance comes from a seed of its own and from the key that names the sound.
    """

    def __call__(self, samples: NDArray[np.float32], key: str) -> NDArray[np.float32]:
        """Changed samples at 16 kHz, shape ``(n,)``; their number may differ."""
        ...

    def voice(self, samples: NDArray[np.float32], key: str) -> NDArray[np.float32]:
        """Samples of the changed voice alone, of the length of the whole changed sound."""
        ...

    def digest(self, key: str) -> bytes:
        """Hash of all that the change of this key depends on, beside the samples."""
        ...


@dataclass(frozen=True, slots=True)
class Example:
    """A clip as an input, as recorded or changed.

    Attributes
    ----------
    clip
        The recording.
    change
        Change of the recording; ``None``: as recorded.
    copy
        Number of the changed copy, where a clip has several.
    """

    clip: Clip
    change: SoundChange | None = None
    copy: int = 0

    @property
    def clips(self) -> tuple[Clip, ...]:
        """The clip, as the only one."""
        return (self.clip,)

    @property
    def key(self) -> str:
        """Key that the change's random draws depend on, beside its seed."""
        return f"{self.clip.corpus}/{self.clip.name}/{self.copy}"

    def samples(self) -> NDArray[np.float32]:
        """First channel at 16 kHz, shape ``(n,)``.

        Raises
        ------
        AudioFileError
            It cannot be read to its end.
        """
        sound = samples_16k(self.clip.path)
        return sound if self.change is None else self.change(sound, self.key)

    def voice(self) -> NDArray[np.float32]:
        """The voice of :meth:`samples` without what its way to the microphone adds; as long."""
        sound = samples_16k(self.clip.path)
        return sound if self.change is None else self.change.voice(sound, self.key)

    def stream(self) -> ClipStream:
        """Stream of the one clip."""
        sound = self.samples()
        return ClipStream(sound, (ClipSpan(0, len(sound), self.clip),))

    def digest(self) -> bytes:
        """Hash of the recording and of the change.

        Raises
        ------
        AudioFileError
            The recording cannot be read.
        """
        recording = content_hash(self.clip.path)
        if self.change is None:
            return recording
        return _hash(recording, self.key.encode(), self.change.digest(self.key))


@dataclass(frozen=True, slots=True)
class StreamExample:
    """Clips in a row through the same gate, without a reset between them.

    Attributes
    ----------
    clips
        Clips in the order of the stream.
    gap_s
        Shortest and longest silence between clips, in seconds; ``None``: joined without a gap.
    seed
        Seed of the silences.
    change
        Change of the whole stream; ``None``: none.
    copy
        Number of the changed copy, where a stream has several.
    """

    clips: tuple[Clip, ...]
    gap_s: tuple[float, float] | None
    seed: int = 0
    change: SoundChange | None = None
    copy: int = 0

    @property
    def key(self) -> str:
        """Key that the change's random draws depend on, beside its seed."""
        names = "+".join(f"{clip.corpus}/{clip.name}" for clip in self.clips)
        return f"{names}/{self.gap_s}/{self.seed}/{self.copy}"

    def samples(self) -> NDArray[np.float32]:
        """The whole stream's sound at 16 kHz, shape ``(n,)``.

        Raises
        ------
        AudioFileError
            A clip cannot be read to its end.
        """
        return self.stream().samples

    def voice(self) -> NDArray[np.float32]:
        """The voice of :meth:`samples` without what its way to the microphone adds; as long."""
        sound = self._joined().samples
        return sound if self.change is None else self.change.voice(sound, self.key)

    def stream(self) -> ClipStream:
        """Samples with the span of each clip."""
        stream = self._joined()
        if self.change is None:
            return stream
        return stream.with_samples(self.change(stream.samples, self.key))

    def _joined(self) -> ClipStream:
        if self.gap_s is None:
            return join_without_gaps(self.clips)
        return join_with_gaps(self.clips, self.gap_s, self.seed)

    def digest(self) -> bytes:
        """Hash of the recordings, of how they are joined and of the change.

        Raises
        ------
        AudioFileError
            A recording cannot be read.
        """
        change = b"" if self.change is None else self.change.digest(self.key)
        recordings = [content_hash(clip.path) for clip in self.clips]
        return _hash(_VERSION, *recordings, self.key.encode(), change)


AnyExample: TypeAlias = Example | StreamExample


def as_examples(sounds: Sequence[Clip | AnyExample]) -> list[AnyExample]:
    """Takes, clips among which are fed as recorded."""
    return [Example(sound) if isinstance(sound, Clip) else sound for sound in sounds]


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
        return _hash(_VERSION, settings, *speech)


@lru_cache(maxsize=512)
def _remembered_samples(path: Path) -> NDArray[np.float32]:
    sound = samples_16k(path)
    sound.flags.writeable = False
    return sound


@lru_cache(maxsize=4096)
def _remembered_hash(path: Path) -> bytes:
    return content_hash(path)


def _hash(*parts: bytes) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.digest()

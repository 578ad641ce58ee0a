"""Examples: clips as inputs, as recorded or changed, alone or joined to a stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from training.cache import combined_hash, content_hash
from training.corpora import Clip
from training.sound.recordings import samples_16k
from training.sound.streams import ClipSpan, ClipStream, join_with_gaps, join_without_gaps

_VERSION = b"2"
"""To be raised whenever a way of joining sounds otherwise for the same settings."""


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
        return combined_hash(recording, self.key.encode(), self.change.digest(self.key))


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
        return combined_hash(_VERSION, *recordings, self.key.encode(), change)


AnyExample: TypeAlias = Example | StreamExample


def as_examples(sounds: Sequence[Clip | AnyExample]) -> list[AnyExample]:
    """Examples, with clips as examples as recorded."""
    return [Example(sound) if isinstance(sound, Clip) else sound for sound in sounds]

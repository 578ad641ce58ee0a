"""Clips joined to one long stream: with silences between them, or without a gap."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.config import GateConfig
from realtime_ser.base.errors import SerError
from realtime_ser.base.records import SAMPLE_RATE
from realtime_ser.recogniser.gate import GATE_FRAME, Offset, SpeechGate
from training.corpora import Clip
from training.sound.noises import pink
from training.sound.recordings import samples_16k, speech_bounds
from training.sound.seeding import generator

SampleReader: TypeAlias = Callable[[Path], NDArray[np.float32]]
"""Gives a recording's samples at 16 kHz."""

_FADE = SAMPLE_RATE // 100
"""Samples over which one sound gives way to the next: 10 ms."""

ROOM_TONE_DBFS = -80.0
"""Level of the room tone under a joined stream."""


class TooLittleSpeechError(SerError):
    """No speaker has enough speech in two emotions for a switch."""


@dataclass(frozen=True, slots=True)
class ClipSpan:
    """Samples ``start`` up to ``end`` of a stream, which are a clip's."""

    start: int
    end: int
    clip: Clip


@dataclass(frozen=True, slots=True, eq=False)
class ClipStream:
    """Samples with the clips that they consist of.

    Attributes
    ----------
    samples
        Shape ``(n,)``, 16 kHz.
    spans
        Span of each clip, in the order of time, without overlaps.
    """

    samples: NDArray[np.float32]
    spans: tuple[ClipSpan, ...]

    def owners(self, samples: NDArray[np.integer]) -> NDArray[np.intp]:
        """Indices of the spans nearest to samples: the halves of a silence go to either side."""
        borders = [(a.end + b.start) / 2 for a, b in pairwise(self.spans)]
        return np.searchsorted(np.array(borders), samples, side="right")

    def with_samples(self, samples: NDArray[np.float32]) -> ClipStream:
        """Stream with changed samples, its spans stretched in proportion to the new length."""
        ratio = len(samples) / max(1, len(self.samples))
        spans = tuple(
            ClipSpan(round(span.start * ratio), round(span.end * ratio), span.clip)
            for span in self.spans
        )
        return ClipStream(samples, spans)


def join_with_gaps(clips: Sequence[Clip], gap_s: tuple[float, float], seed: int) -> ClipStream:
    """Clips one after the other with a silence ahead of each and behind the last.

    A silence is no digital zero: pink noise lies under the whole stream, clips included, as if one
    microphone had been left running. In the silences alone it would begin anew after each clip, and
    the gate would take it for speech.

    Parameters
    ----------
    clips
        In this order.
    gap_s
        Shortest and longest silence; each is drawn.
    seed
        Seed of the lengths of the silences and of the room tone.

    Raises
    ------
    AudioFileError
        A clip cannot be read.
    """
    random = generator(seed, "join", *(clip.name for clip in clips))
    sounds = [samples_16k(clip.path) for clip in clips]
    gaps = np.round(random.uniform(*gap_s, len(clips) + 1) * SAMPLE_RATE).astype(int)
    ends = np.cumsum(gaps[:-1] + np.array([len(sound) for sound in sounds]))
    spans = tuple(
        ClipSpan(int(end) - len(sound), int(end), clip)
        for sound, end, clip in zip(sounds, ends, clips, strict=True)
    )
    tone = pink((ends[-1] + gaps[-1]) / SAMPLE_RATE, random)
    samples = tone * np.float32(10.0 ** (ROOM_TONE_DBFS / 20.0))
    for sound, span in zip(sounds, spans, strict=True):
        samples[span.start : span.end] += _fades(len(sound)) * sound
    return ClipStream(samples, spans)


def _fades(count: int) -> NDArray[np.float32]:
    """1 with ramps at both ends."""
    rising = np.minimum(1.0, (np.arange(count) + 1) / _FADE)
    return np.minimum(rising, rising[::-1]).astype(np.float32)


def join_without_gaps(clips: Sequence[Clip], read: SampleReader = samples_16k) -> ClipStream:
    """Clips one after the other with nothing between the speech of one and of the next.

    The silence ahead of the first and behind the last clip stays; at a joint there is none left:
    see :func:`training.sound.recordings.speech_bounds`.

    Parameters
    ----------
    clips
        In this order.
    read
        Function that gives a clip's samples at 16 kHz.

    Raises
    ------
    AudioFileError
        A clip cannot be read.
    """
    parts = []
    for number, clip in enumerate(clips):
        sound = read(clip.path)
        first, last = speech_bounds(sound)
        start = 0 if number == 0 else first
        end = len(sound) if number == len(clips) - 1 else last
        parts.append(sound[start:end])
    return _crossfaded(parts, clips)


def _crossfaded(parts: Sequence[NDArray[np.float32]], clips: Sequence[Clip]) -> ClipStream:
    """Parts that overlap by a fade; a span begins in the middle of its fade."""
    fade = min(_FADE, *(len(part) // 2 for part in parts))
    rising = ((np.arange(fade) + 0.5) / max(1, fade)).astype(np.float32)
    samples = np.zeros(sum(map(len, parts)) - fade * (len(parts) - 1), np.float32)
    starts = np.cumsum([0, *(len(part) - fade for part in parts[:-1])])
    for number, (part, start) in enumerate(zip(parts, starts, strict=True)):
        faded = part.copy()
        if number > 0:
            faded[:fade] *= rising
        if number < len(parts) - 1:
            faded[len(faded) - fade :] *= rising[::-1]
        samples[start : start + len(part)] += faded
    borders = [0, *(int(start) + fade // 2 for start in starts[1:]), len(samples)]
    spans = tuple(
        ClipSpan(start, end, clip)
        for (start, end), clip in zip(pairwise(borders), clips, strict=True)
    )
    return ClipStream(samples, spans)


# ---------------------------------------------------------------------------------------- switches


@dataclass(frozen=True, slots=True)
class Switch:
    """Switch of a speaker's emotion without a pause.

    Attributes
    ----------
    first, second
        Clips in the first and in the second emotion.
    """

    first: tuple[Clip, ...]
    second: tuple[Clip, ...]

    @property
    def before(self) -> str:
        """Emotion before the switch."""
        return self.first[0].label

    @property
    def after(self) -> str:
        """Emotion after the switch."""
        return self.second[0].label

    def sound(self, read: SampleReader = samples_16k) -> tuple[NDArray[np.float32], int]:
        """Samples at 16 kHz, and the index of the first one in the second emotion."""
        stream = join_without_gaps((*self.first, *self.second), read)
        return stream.samples, stream.spans[len(self.first)].start


_DRAWS = 20
"""Draws for each switch that is wanted."""

_AFTER_S = 1.0


def switches(
    clips: Sequence[Clip],
    count: int,
    seed: int,
    *,
    side_s: float = 4.0,
    gate: GateConfig | None = None,
) -> list[Switch]:
    """Changes of emotion inside one unbroken stretch of one speaker's speech.

    Clips of one speaker and emotion are joined until there is speech enough, then clips of another
    emotion. Pairs that the gate would cut in two, at a long pause, are left out.

    Parameters
    ----------
    clips
        Clips to draw from.
    count
        Number of switches; fewer are found if speakers have too few clips, or pause too often.
    seed
        Seed of the draw.
    side_s
        Least seconds of speech ahead of the switch and behind it.
    gate
        Settings of the gate, which must not close within a switch; by default the defaults.

    Raises
    ------
    TooLittleSpeechError
        No speaker has enough speech in two emotions.
    AudioFileError
        A clip cannot be read.
    """
    read = lru_cache(maxsize=512)(samples_16k)
    found: dict[Switch, None] = {}
    for switch in _draw_switches(clips, generator(seed, "switches"), side_s, count * _DRAWS, read):
        if len(found) == count:
            break
        if switch not in found and _is_one_segment(*switch.sound(read), gate or GateConfig()):
            found[switch] = None
    if not found:
        raise TooLittleSpeechError(
            f"No speaker here has {side_s:g} s of speech in each of two emotions without a pause; "
            "take more clips or shorter sides."
        )
    return list(found)


def _draw_switches(
    clips: Sequence[Clip],
    random: np.random.Generator,
    side_s: float,
    tries: int,
    read: SampleReader,
) -> Iterator[Switch]:
    spoken: defaultdict[tuple[str, str], defaultdict[str, list[Clip]]]
    spoken = defaultdict(lambda: defaultdict(list))
    for clip in clips:
        spoken[clip.corpus, clip.speaker][clip.label].append(clip)
    speakers = [emotions for emotions in spoken.values() if len(emotions) > 1]
    for _ in range(tries if speakers else 0):
        emotions = speakers[random.integers(len(speakers))]
        before, after = random.choice(sorted(emotions), 2, replace=False)
        first = _clips_for(emotions[before], random, side_s, read)
        second = _clips_for(emotions[after], random, side_s, read)
        if first and second:
            yield Switch(first, second)


def _clips_for(
    clips: Sequence[Clip], random: np.random.Generator, seconds: float, read: SampleReader
) -> tuple[Clip, ...]:
    """Clips in random order with so many seconds of speech in all; empty if there are too few."""
    chosen: list[Clip] = []
    lacking = seconds * SAMPLE_RATE
    for number in random.permutation(len(clips)):
        chosen.append(clips[number])
        first, last = speech_bounds(read(clips[number].path))
        lacking -= last - first
        if lacking <= 0:
            return tuple(chosen)
    return ()


def _is_one_segment(samples: NDArray[np.float32], at: int, gate: GateConfig) -> bool:
    """Whether the gate gives a single segment that lasts past the switch by a second."""
    speech_gate = SpeechGate(gate)
    frames = speech_gate.push(samples[: len(samples) // GATE_FRAME * GATE_FRAME])
    events = [frame.event for frame in frames if frame.event is not None]
    ends = [event.last_voiced for event in events if isinstance(event, Offset)]
    open_segments = len(events) - len(ends)
    return open_segments == 1 and all(
        end * GATE_FRAME > at + _AFTER_S * SAMPLE_RATE for end in ends
    )

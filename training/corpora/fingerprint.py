"""Recordings that are the same but for level, codec or trim.

Spectral differences of a long window give each frame a few bits (after Haitsma and Kalker, A Highly
Robust Audio Fingerprinting System, ISMIR 2002). Clips that share some bits at one distance are
compared by the correlation of their waveforms, which two takes of one sentence do not have.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from realtime_ser.audio.file import FileSource
from realtime_ser.audio.samples import silenced
from realtime_ser.base.errors import AudioFileError

_RATE, _KEPT_RATE = 8_000, 4_000
_WINDOW, _HOP = 2048, 128  # 256 ms, 16 ms
_BITS = 24
_LOWEST_HZ, _HIGHEST_HZ = 250.0, 3_000.0
_FLIPS = 3
"""Bits nearest to no difference, each of which another codec may turn."""

_COMMON = 60
"""Times from which a word is too common to tell anything."""

_FEWEST = 4
"""Words at one distance from which two clips are compared."""

_COMPARED = 3
"""Pairs that are compared for each clip, at most: those that share the most words."""

_SAME = 0.7
"""Correlation from which two clips are one recording."""

_UNIQUE = 0.6
"""Share of the correlation that no other distance in time may reach."""

_SHORTEST_S = 0.8
_LAG_S = 0.05


@dataclass(frozen=True, slots=True, order=True)
class Twins:
    """Two clips that are one recording, by their numbers."""

    first: int
    second: int


def find_twins(paths: Sequence[Path]) -> list[Twins]:
    """Clips that are one recording at another level, in another codec, or trimmed."""
    words, clips, frames, sounds = [], [], [], []
    for number, path in enumerate(paths):
        sound = _samples(path)
        found = _words(sound)
        sounds.append(_kept(sound))
        words.append(found.ravel())
        clips.append(np.full(found.size, number, np.int32))
        frames.append(np.repeat(np.arange(len(found), dtype=np.int32), found.shape[1]))
    if not words:
        return []
    candidates = _candidates(np.concatenate(words), np.concatenate(clips), np.concatenate(frames))
    return sorted(
        Twins(first, second)
        for (first, second), distance in candidates.items()
        if _are_same(sounds[first], sounds[second], distance)
    )


def _samples(path: Path) -> NDArray[np.float32]:
    """First channel at 8 kHz; empty where it cannot be read."""
    try:
        source = FileSource(path)
        blocks = [silenced(block[:, 0]) for block in source.blocks(1.0)]
    except AudioFileError:
        return np.empty(0, np.float32)
    sound = np.concatenate([np.empty(0, np.float32), *blocks])
    return np.asarray(soxr.resample(sound, source.info.native_rate, _RATE), np.float32)


def _kept(sound: NDArray[np.float32]) -> NDArray[np.int16]:
    """A sound at 4 kHz in little memory, its peak at full scale."""
    halved = soxr.resample(sound, 2, 1)
    peak = float(np.abs(halved).max(initial=0.0))
    return np.asarray(halved * (32_000 / peak if peak else 0.0), np.int16)


def _words(sound: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Words of each frame, shape ``(frames, 4)``: plain, and each with one doubtful bit turned."""
    if len(sound) < _WINDOW + _HOP:
        return np.empty((0, 1 + _FLIPS), np.uint32)
    view = np.lib.stride_tricks.sliding_window_view(sound, _WINDOW)[::_HOP]
    power = np.abs(np.fft.rfft(view * np.hanning(_WINDOW).astype(np.float32))) ** 2
    edges = np.geomspace(_LOWEST_HZ, _HIGHEST_HZ, _BITS + 2) * _WINDOW / _RATE
    bands = np.log(np.add.reduceat(power, edges.astype(int), axis=1)[:, :-1] + 1e-9)
    change = np.diff(np.diff(bands, axis=1), axis=0)
    places = np.arange(_BITS, dtype=np.uint32)
    plain = ((change > 0).astype(np.uint32) << places).sum(axis=1, dtype=np.uint32)
    doubtful = np.argsort(np.abs(change), axis=1)[:, :_FLIPS].astype(np.uint32)
    return np.column_stack([plain, plain[:, None] ^ (np.uint32(1) << doubtful)])


def _candidates(
    words: NDArray[np.uint32], clips: NDArray[np.int32], frames: NDArray[np.int32]
) -> dict[tuple[int, int], int]:
    """Pairs of clips that share words, and the frames by which the second lies later."""
    order = np.argsort(words, kind="stable")
    words, clips, frames = words[order], clips[order], frames[order]
    starts = np.flatnonzero(np.r_[True, words[1:] != words[:-1]])
    sizes = np.diff(np.r_[starts, len(words)])
    rare = np.repeat(sizes, sizes) <= _COMMON
    words, clips, frames = words[rare], clips[rare], frames[rare]
    found = []
    for step in range(1, int(sizes[sizes <= _COMMON].max(initial=1))):
        alike = (words[step:] == words[:-step]) & (clips[step:] != clips[:-step])
        one, other = clips[:-step][alike], clips[step:][alike]
        distance = frames[step:][alike] - frames[:-step][alike]
        turned = one > other
        first, second = np.where(turned, other, one), np.where(turned, one, other)
        found.append(np.column_stack([first, second, np.where(turned, -distance, distance)]))
    if not sum(map(len, found)):
        return {}
    rows, counts = np.unique(np.concatenate(found), axis=0, return_counts=True)
    near: defaultdict[tuple[int, int], defaultdict[int, int]] = defaultdict(
        lambda: defaultdict(int)
    )
    for (first, second, distance), count in zip(rows.tolist(), counts.tolist(), strict=True):
        for place in (distance - 1, distance, distance + 1):
            near[first, second][place] += count
    best = {pair: max(places.items(), key=lambda item: item[1]) for pair, places in near.items()}
    likely = [(count, pair, place) for pair, (place, count) in best.items() if count >= _FEWEST]
    likely.sort(reverse=True)
    return {pair: place for _, pair, place in likely[: _COMPARED * (int(clips.max()) + 1)]}


def _are_same(first: NDArray[np.int16], second: NDArray[np.int16], distance: int) -> bool:
    """Whether two sounds at 4 kHz correlate where the second lies ``distance`` frames later."""
    one, other = first.astype(np.float32), second.astype(np.float32)
    shift = distance * _HOP // 2
    reach = round(_LAG_S * _KEPT_RATE)
    one, other = one[max(0, -shift) :], other[max(0, shift) :]
    length = min(len(one), len(other))
    if length < _SHORTEST_S * _KEPT_RATE:
        return False
    one, other = one[:length], other[:length]
    size = 1 << (2 * length - 1).bit_length()
    spectrum = np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size))
    products = np.abs(np.fft.irfft(spectrum, size))
    best = float(np.r_[products[: reach + 1], products[-reach:]].max())
    elsewhere = float(products[2 * reach : -2 * reach].max())
    energy = float(np.linalg.norm(one) * np.linalg.norm(other))
    # A tone is like itself at other times as well.
    return energy > 0.0 and best / energy >= _SAME and elsewhere < _UNIQUE * best

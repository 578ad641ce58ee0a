"""A channel's updates at every zoom, so that a day draws only what the screen can show.

Each level merges four updates of the level below: sums of probabilities, counts, extremes. A column
of pixels is put together from a few entries of the level that fits, whatever the zoom. A live
session appends to its pyramid; a kept session's is the same object with everything in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.records import SILENCE_DBFS, STEP_FRAMES, STEP_S, State, Update
from realtime_ser.session.store import Columns
from realtime_ser.session.store.blobs import STATES, pack, record_dtype
from realtime_ser.session.store.voice_blobs import MEASURES, is_measured, no_voice, pack_voice

_MERGE = 4
_LEAST_ENTRIES_PER_BIN = 4
"""Entries of a level that make up a column at least: its edges are that exact."""

_DROPPED = _MERGE**6
"""Updates are dropped in multiples of that, so that entries keep their edges."""

_AT_ONCE = 256
"""Updates that are appended at once, at most."""

_MERGED_AT_ONCE = 32_768

_GATE_FRAMES = 4.0  # of a step
_FULL_SCALE = 32767.0
_SPEECH, _LOST, _PAUSED = (
    STATES.index(state) for state in (State.SPEECH, State.LOST, State.PAUSED)
)


@dataclass(frozen=True, slots=True)
class Bins:
    """Values of ``n`` columns of pixels.

    Attributes
    ----------
    probabilities
        Means over the steps with speech, shape ``(n, labels)``; NaN where there is none.
    lost, paused
        Whether any of its steps is, shape ``(n,)``.
    missing
        Whether it lies between steps but holds none, shape ``(n,)``.
    known
        Whether it holds a step at all, shape ``(n,)``.
    level_dbfs
        The largest, shape ``(n,)``.
    lowest, highest
        Extremes of the samples in -1 .. 1, shape ``(n,)``.
    voiced
        Share of the voice detector's frames that were voiced, shape ``(n,)``.
    voice
        Means of the measures of the voice, in the order of the fields of
        :class:`~realtime_ser.base.records.VoiceMeasures`, shape ``(n, measures)``; NaN where there
        is none.
    """

    probabilities: NDArray[np.float32]
    lost: NDArray[np.bool_]
    paused: NDArray[np.bool_]
    missing: NDArray[np.bool_]
    known: NDArray[np.bool_]
    level_dbfs: NDArray[np.float32]
    lowest: NDArray[np.float32]
    highest: NDArray[np.float32]
    voiced: NDArray[np.float32]
    voice: NDArray[np.float32]

    @property
    def speech(self) -> NDArray[np.bool_]:
        """Whether any step has speech, shape ``(n,)``."""
        return ~np.isnan(self.probabilities[:, 0])

    def part(self, first: int, stop: int) -> Bins:
        """Columns ``first .. stop - 1``."""
        return Bins(*(getattr(self, name)[first:stop] for name in Bins.__slots__))


_Level: TypeAlias = dict[str, NDArray[Any]]
"""Columns of entries that each stand for the same number of updates."""

_MERGED_BY: dict[str, np.ufunc] = {
    "sums": np.add,  # of the probabilities
    "speech": np.add,  # steps
    "lost": np.logical_or,
    "paused": np.logical_or,
    "level": np.maximum,
    "lowest": np.minimum,
    "highest": np.maximum,
    "voiced": np.add,  # gate frames
    "steps": np.add,
    "voice": np.add,  # sums of its measures
    "measured": np.add,  # steps that have each of them
}
"""How each column of a level is merged."""


class Pyramid:
    """Updates of one channel at every zoom.

    Parameters
    ----------
    columns
        Those that there are; the finest level is a view into them.
    """

    def __init__(self, columns: Columns) -> None:
        self.labels = len(columns.labels)
        self._channel = columns.channel
        self._label_names = columns.labels
        self._records, self._voice = columns.records, columns.voice
        self._has_voice = is_measured(columns.voice)
        self._step_buffer = columns.step.astype(np.int64)
        self._count = len(columns)
        self._envelopes: NDArray[np.int16] | None = None
        self._levels: list[_Level] = []
        self._levelled = 0
        self._build_levels()

    @classmethod
    def empty(cls, channel: int, labels: tuple[str, ...], capacity: int) -> Pyramid:
        """A pyramid to append to, that keeps so many updates at least.

        It takes its memory at once: a long session is to need no more than a short one.
        """
        records = np.zeros(0, record_dtype(len(labels)))
        pyramid = cls(Columns.unvoiced(channel, labels, records))
        size = capacity + _DROPPED + _AT_ONCE
        # The system gives memory when it is written, which `zeros` leaves for later.
        pyramid._records = np.full(size, 0, record_dtype(len(labels)))
        pyramid._voice = no_voice(size)
        pyramid._step_buffer = np.full(size, 0, np.int64)
        pyramid._envelopes = np.full((size, STEP_FRAMES, 2), 0, np.int16)
        return pyramid

    def __len__(self) -> int:
        return self._count

    @property
    def has_voice(self) -> bool:
        """Whether what the voice does was measured at any step."""
        return self._has_voice

    @property
    def columns(self) -> Columns:
        """The updates that are kept."""
        kept = slice(0, self._count)
        return Columns(self._channel, self._label_names, self._records[kept], self._voice[kept])

    @property
    def steps(self) -> NDArray[np.int64]:
        """Numbers of the steps that are kept, shape ``(n,)``."""
        return self._step_buffer[: self._count]

    @property
    def first_step(self) -> int:
        """Number of the oldest step that is kept; 0 without any."""
        return int(self._step_buffer[0]) if self._count else 0

    @property
    def last_step(self) -> int:
        """Number of the newest step; -1 without any."""
        return int(self._step_buffer[self._count - 1]) if self._count else -1

    def append(self, updates: Iterable[Update]) -> None:
        """Take in later updates, in a pyramid that began empty; the oldest go in time."""
        newest = self.last_step
        later = [update for update in updates if update.step > newest]
        for start in range(0, len(later), _AT_ONCE):
            self._append(later[start : start + _AT_ONCE])

    def _append(self, later: Sequence[Update]) -> None:
        if self._count + len(later) > len(self._records):
            self._drop()
        fresh = pack(((0, update) for update in later), self._label_names)
        place = slice(self._count, self._count + len(fresh))
        self._records[place] = fresh
        self._voice[place] = voice = pack_voice(later)
        self._has_voice = self._has_voice or is_measured(voice)
        self._step_buffer[place] = fresh["step"]
        if self._envelopes is not None:
            hops = np.clip([update.envelope for update in later], -1.0, 1.0)
            self._envelopes[place] = np.round(hops * _FULL_SCALE)
        self._count += len(fresh)

    def read(self, edges_s: NDArray[np.floating]) -> Bins:
        """Bins between each two edges.

        Parameters
        ----------
        edges_s
            Times that rise in equal distances, shape ``(n + 1,)``. Where they are closer than
            steps, a column shows the step that holds its middle.
        """
        bins = self._read(edges_s)
        if not bins.known.all() and self._count:
            first_s, end_s = self.first_step * STEP_S, (self.last_step + 1) * STEP_S
            within = (edges_s[:-1] >= first_s) & (edges_s[1:] <= end_s + 1e-9)
            bins = replace(bins, missing=within & ~bins.known)
        return bins

    def _read(self, edges_s: NDArray[np.floating]) -> Bins:
        count = len(edges_s) - 1
        if not len(self) or count < 1:
            return self._empty_bins(max(0, count))
        # What is seen of the session decides, not how much of the screen it fills.
        spread, size = round((edges_s[-1] - edges_s[0]) / count / STEP_S, 6), 1
        if spread < 1.0:
            return self._read_steps(((edges_s[:-1] + edges_s[1:]) / 2 // STEP_S).astype(np.int64))
        bounds = np.searchsorted(self.steps, np.ceil(edges_s / STEP_S - 0.5).astype(np.int64))
        if spread >= _MERGE * _LEAST_ENTRIES_PER_BIN:
            self._build_levels()
        for number, level in enumerate(self._levels):
            finer = _MERGE ** (number + 1)
            if finer * _LEAST_ENTRIES_PER_BIN > spread:
                break
            chosen, size = level, finer
        bounds = bounds // size
        first, stop = int(bounds[0]), int(bounds[-1])
        if size > 1:
            chosen = _entries(chosen, slice(first, stop))
        else:
            chosen = self._finest_level(first, stop)
        bounds, entries = bounds - first, len(chosen["steps"])
        if not entries:
            return self._empty_bins(count)
        merged = _merged(chosen.items(), np.minimum(bounds[:-1], entries - 1))
        return _bins(merged, bounds[1:] > bounds[:-1])

    def curve(self, times_s: NDArray[np.float64]) -> NDArray[np.float32]:
        """Probabilities at times that rise, on straight lines between the steps, ``(n, labels)``.

        NaN outside speech.
        """
        nothing = np.full((len(times_s), self.labels), np.nan, np.float32)
        # A step's estimate belongs to its end.
        after = np.searchsorted(self.steps, np.ceil(times_s / STEP_S - 1.0).astype(np.int64))
        first, stop = max(0, int(after[0]) - 1), min(len(self), int(after[-1]) + 1)
        if stop - first < 2:
            return nothing
        times = (self.steps[first:stop] + 1) * STEP_S
        segment = self.columns.segment[first:stop].astype(np.int64)
        values = np.ascontiguousarray(self.columns.probabilities[first:stop])
        right = np.clip(after - first, 1, stop - first - 1)
        left = right - 1
        share = (times_s - times[left]) / (times[right] - times[left])
        inside = (share >= 0) & (share <= 1) & (segment[left] == segment[right])
        inside &= segment[right] > 0
        weight = share.astype(np.float32)[:, None]
        mixed = values[left] * (1 - weight) + values[right] * weight
        return np.where(inside[:, None], mixed, nothing)

    def extremes(
        self, edges_s: NDArray[np.floating]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """Lowest and highest sample between each two edges, of 10 ms; ``None``: not known so well.

        A kept session has the extremes of whole steps only.
        """
        if self._envelopes is None or not self._count:
            return None
        hops = np.ceil(edges_s / STEP_S * STEP_FRAMES - 0.5).astype(np.int64)
        step, hop = np.divmod(hops, STEP_FRAMES)
        place = np.searchsorted(self.steps, step)
        held = self.steps[np.minimum(place, self._count - 1)] == step
        starts = place * STEP_FRAMES + np.where(held, hop, 0)
        starts = np.minimum(starts, self._count * STEP_FRAMES - 1)
        first, stop = int(starts[0]), int(starts[-1]) + 1
        values = self._envelopes.reshape(-1, 2)[first:stop]
        starts = starts[:-1] - first
        low = np.minimum.reduceat(values[:, 0], starts).astype(np.float32)
        high = np.maximum.reduceat(values[:, 1], starts).astype(np.float32)
        return low / np.float32(_FULL_SCALE), high / np.float32(_FULL_SCALE)

    def index_at(self, time_s: float) -> int | None:
        """Place in the columns of the step that holds a time; ``None``: it is missing."""
        step = int(np.floor(time_s / STEP_S + 1e-9))
        place = int(np.searchsorted(self.steps, step))
        return place if place < len(self) and self.steps[place] == step else None

    def _drop(self) -> None:
        """Let the oldest updates go, and move the others to their place."""
        for buffer in (self._records, self._voice, self._step_buffer, self._envelopes):
            assert buffer is not None
            for start in range(0, self._count - _DROPPED, _DROPPED):
                part = buffer[start + _DROPPED : min(start + 2 * _DROPPED, self._count)]
                buffer[start : start + len(part)] = part
        self._count -= _DROPPED
        self._levels, self._levelled = [], 0

    def _build_levels(self) -> None:
        """Bring the levels up to the newest update; their last entries may still grow."""
        if self._levelled == self._count:
            return
        number, size = 0, _MERGE
        while True:
            base = self._levelled // size if number < len(self._levels) else 0
            if number == 0:
                level = self._second_level(base * _MERGE, self._count)
            else:
                below = _entries(self._levels[number - 1], slice(base * _MERGE, None))
                level = _coarser(below.items())
            if base:
                kept = _entries(self._levels[number], slice(0, base))
                level = {name: np.append(kept[name], level[name], axis=0) for name in level}
            if len(level["steps"]) <= 1:
                break
            self._levels[number : number + 1] = [level]
            number, size = number + 1, size * _MERGE
        self._levelled = self._count

    def _read_steps(self, steps: NDArray[np.int64]) -> Bins:
        places = np.searchsorted(self.steps, steps)
        places = np.minimum(places, len(self) - 1)
        first, stop = int(places[0]), int(places[-1]) + 1
        entries = _entries(self._finest_level(first, stop), places - first)
        return _bins(entries, self.steps[places] == steps)

    def _finest_level(self, first: int, stop: int) -> _Level:
        """Updates ``first .. stop - 1``."""
        return dict(_level_columns(self._records[first:stop], self._voice[first:stop]))

    def _second_level(self, first: int, stop: int) -> _Level:
        """Updates ``first .. stop - 1`` merged; a few at a time, which stay in the cache."""
        starts = range(first, max(stop, first + 1), _MERGED_AT_ONCE)
        parts = [
            _coarser(self._finest_level(start, min(start + _MERGED_AT_ONCE, stop)).items())
            for start in starts
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _empty_bins(self, count: int) -> Bins:
        nothing = np.zeros(count, self._records.dtype)
        return _bins(dict(_level_columns(nothing, no_voice(count))), np.zeros(count, np.bool_))


def _level_columns(
    records: NDArray[np.void], voice: NDArray[np.void]
) -> Iterator[tuple[str, NDArray[Any]]]:
    """Columns of a level with an entry for each update."""
    state = records["state"]
    yield "sums", np.nan_to_num(records["probabilities"])
    yield "speech", (state == _SPEECH).astype(np.uint32)
    yield "lost", state == _LOST
    yield "paused", state == _PAUSED
    yield "level", records["level_dbfs"].astype(np.float32)
    yield "lowest", records["lowest"].copy()  # which is read in a third of the time
    yield "highest", records["highest"].copy()
    yield "voiced", records["voiced"].astype(np.uint32)
    yield "steps", np.ones(len(records), np.uint32)
    measures = np.ascontiguousarray(voice).view(np.float32).reshape(-1, MEASURES)
    measured = ~np.isnan(measures)
    yield "voice", np.where(measured, measures, np.float32(0.0))
    yield "measured", measured.astype(np.float32)  # which adds up in half the time


def _merged(columns: Iterable[tuple[str, NDArray[Any]]], starts: NDArray[np.intp]) -> _Level:
    """Columns of a level, merged from each start to the next one."""
    return {name: _MERGED_BY[name].reduceat(values, starts, axis=0) for name, values in columns}


def _coarser(columns: Iterable[tuple[str, NDArray[Any]]]) -> _Level:
    """Columns of the next level: each entry stands for four, the last one for what is left."""
    return {name: _by_fours(_MERGED_BY[name], values) for name, values in columns}


def _by_fours(merge: np.ufunc, values: NDArray[Any]) -> NDArray[Any]:
    whole = len(values) // _MERGE * _MERGE
    merged: NDArray[Any] = reduce(merge, (values[k:whole:_MERGE] for k in range(_MERGE)))
    if whole == len(values):
        return merged
    rest = merge.reduce(values[whole:], axis=0, dtype=merged.dtype)
    return np.append(merged, [rest], axis=0)


def _entries(level: _Level, places: slice | NDArray[np.intp]) -> _Level:
    return {name: values[places] for name, values in level.items()}


def _bins(level: _Level, known: NDArray[np.bool_]) -> Bins:
    """Means and extremes; where nothing is known, what stands for that."""
    with np.errstate(invalid="ignore"):
        probabilities = level["sums"] / level["speech"][:, None]
        voice = level["voice"] / level["measured"]
    probabilities[~known] = voice[~known] = np.nan
    lowest, highest = (
        np.where(known, level[name], 0).astype(np.float32) / np.float32(_FULL_SCALE)
        for name in ("lowest", "highest")
    )
    return Bins(
        probabilities.astype(np.float32, copy=False),
        level["lost"] & known,
        level["paused"] & known,
        np.zeros(len(known), np.bool_),
        known,
        np.where(known, level["level"], np.float32(SILENCE_DBFS)),
        lowest,
        highest,
        np.where(known, level["voiced"] / (_GATE_FRAMES * level["steps"]), 0).astype(np.float32),
        voice.astype(np.float32, copy=False),
    )


def runs(flags: NDArray[np.bool_], least: float = 1.0) -> list[tuple[int, int]]:
    """Stretches of at least so many true values, as half-open ranges."""
    if not flags.any():
        return []
    framed = np.zeros(len(flags) + 2, np.bool_)
    framed[1:-1] = flags
    edges = np.flatnonzero(framed[1:] != framed[:-1]).reshape(-1, 2)
    long = edges[edges[:, 1] - edges[:, 0] >= least]
    return [(begin, end) for begin, end in long.tolist()]

"""A channel's updates at every zoom, so that a day draws only what the screen can show. No Qt.

Each level merges four updates of the one below: sums of probabilities, counts, extremes. A column
of pixels is put together from a few entries of the level that fits, whatever the zoom.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.records import SILENCE_DBFS, STEP_S, State
from realtime_ser.session.store import Columns
from realtime_ser.session.store.blobs import STATES

_MERGE = 4
_LEAST_ENTRIES_PER_BIN = 4
"""Entries of a level that make up a column at least: its edges are that exact."""

_FULL_SCALE = 32767.0
_SPEECH, _LOST, _PAUSED = (
    STATES.index(state) for state in (State.SPEECH, State.LOST, State.PAUSED)
)


@dataclass(frozen=True, slots=True)
class Bins:
    """What each of ``n`` columns of pixels holds.

    Attributes
    ----------
    probabilities
        Means over the steps with speech, shape ``(n, labels)``; NaN where there is none.
    lost, paused
        Whether any of its steps is, shape ``(n,)``.
    known
        Whether it holds a step at all, shape ``(n,)``.
    level_dbfs
        The largest, shape ``(n,)``.
    lowest, highest
        Extremes of the samples in -1 .. 1, shape ``(n,)``.
    """

    probabilities: NDArray[np.float32]
    lost: NDArray[np.bool_]
    paused: NDArray[np.bool_]
    known: NDArray[np.bool_]
    level_dbfs: NDArray[np.float32]
    lowest: NDArray[np.float32]
    highest: NDArray[np.float32]

    @property
    def speech(self) -> NDArray[np.bool_]:
        """Whether any step has speech, shape ``(n,)``."""
        return ~np.isnan(self.probabilities[:, 0])

    def at(self, index: int) -> Bins:
        """One column of them."""
        one = slice(index, index + 1)
        return Bins(*(getattr(self, name)[one] for name in Bins.__slots__))


@dataclass(frozen=True, slots=True)
class _Level:
    """Entries that each stand for the same number of updates."""

    sums: NDArray[np.float32]
    speech: NDArray[np.uint32]
    lost: NDArray[np.bool_]
    paused: NDArray[np.bool_]
    level: NDArray[np.float32]
    lowest: NDArray[np.int16]
    highest: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.speech)

    def merged(self, starts: NDArray[np.intp]) -> _Level:
        """Entries from each start to the next one."""
        return _Level(
            np.add.reduceat(self.sums, starts, axis=0),
            np.add.reduceat(self.speech, starts),
            np.logical_or.reduceat(self.lost, starts),
            np.logical_or.reduceat(self.paused, starts),
            np.maximum.reduceat(self.level, starts),
            np.minimum.reduceat(self.lowest, starts),
            np.maximum.reduceat(self.highest, starts),
        )

    def part(self, first: int, stop: int) -> _Level:
        """Entries ``first .. stop - 1``."""
        return _Level(*(getattr(self, name)[first:stop] for name in _Level.__slots__))

    def take(self, places: NDArray[np.intp]) -> _Level:
        """Entries at some places."""
        return _Level(*(getattr(self, name)[places] for name in _Level.__slots__))

    def bins(self, known: NDArray[np.bool_]) -> Bins:
        """Means and extremes; where nothing is known, what stands for that."""
        with np.errstate(invalid="ignore"):
            probabilities = self.sums / self.speech[:, None]
        probabilities[~known] = np.nan
        return Bins(
            probabilities.astype(np.float32, copy=False),
            self.lost & known,
            self.paused & known,
            known,
            np.where(known, self.level, np.float32(SILENCE_DBFS)),
            np.where(known, self.lowest, 0).astype(np.float32) / np.float32(_FULL_SCALE),
            np.where(known, self.highest, 0).astype(np.float32) / np.float32(_FULL_SCALE),
        )


class Pyramid:
    """Updates of one channel at every zoom.

    Parameters
    ----------
    columns
        All of them; the finest level is a view into them.
    """

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.labels = len(columns.labels)
        self._steps = columns.step.astype(np.int64)
        self._levels: list[_Level] = []
        level = self._finest_level(0, len(columns), _MERGE)
        while len(level) > 1:
            self._levels.append(level)
            level = level.merged(np.arange(0, len(level), _MERGE))

    def __len__(self) -> int:
        return len(self._steps)

    def read(self, edges_s: NDArray[np.floating]) -> Bins:
        """What lies between each two edges.

        Parameters
        ----------
        edges_s
            Times that rise in equal distances, shape ``(n + 1,)``. Where they are closer than
            steps, a column shows the step that holds its middle.
        """
        count = len(edges_s) - 1
        if not len(self) or count < 1:
            return self._empty_bins(max(0, count))
        if (edges_s[-1] - edges_s[0]) / count < STEP_S:
            return self._read_steps(((edges_s[:-1] + edges_s[1:]) / 2 // STEP_S).astype(np.int64))
        bounds = np.searchsorted(self._steps, np.ceil(edges_s / STEP_S - 0.5).astype(np.int64))
        spread, size = (bounds[-1] - bounds[0]) / count, 1
        for number, level in enumerate(self._levels):
            finer = _MERGE ** (number + 1)
            if finer * _LEAST_ENTRIES_PER_BIN > spread:
                break
            chosen, size = level, finer
        if size == 1:
            first, stop = int(bounds[0]), int(bounds[-1])
            chosen = self._finest_level(first, stop, 1)
            bounds = bounds - first
        else:
            bounds = bounds // size
            first, stop = int(bounds[0]), int(bounds[-1])
            chosen = chosen.part(first, stop)
            bounds = bounds - first
        if not len(chosen):
            return self._empty_bins(count)
        known = bounds[1:] > bounds[:-1]
        return chosen.merged(np.minimum(bounds[:-1], len(chosen) - 1)).bins(known)

    def curve(self, times_s: NDArray[np.float64]) -> NDArray[np.float32]:
        """Probabilities between the steps, on straight lines; NaN outside speech.

        Parameters
        ----------
        times_s
            Times that rise, shape ``(n,)``.

        Returns
        -------
        Shape ``(n, labels)``.
        """
        nothing = np.full((len(times_s), self.labels), np.nan, np.float32)
        # A step's estimate belongs to its end.
        after = np.searchsorted(self._steps, np.ceil(times_s / STEP_S - 1.0).astype(np.int64))
        first, stop = max(0, int(after[0]) - 1), min(len(self), int(after[-1]) + 1)
        if stop - first < 2:
            return nothing
        times = (self._steps[first:stop] + 1) * STEP_S
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

    def index_at(self, time_s: float) -> int | None:
        """Place in the columns of the step that holds a time; ``None``: it is missing."""
        step = int(np.floor(time_s / STEP_S + 1e-9))
        place = int(np.searchsorted(self._steps, step))
        return place if place < len(self) and self._steps[place] == step else None

    def _read_steps(self, steps: NDArray[np.int64]) -> Bins:
        places = np.searchsorted(self._steps, steps)
        places = np.minimum(places, len(self) - 1)
        first, stop = int(places[0]), int(places[-1]) + 1
        entries = self._finest_level(first, stop, 1).take(places - first)
        return entries.bins(self._steps[places] == steps)

    def _finest_level(self, first: int, stop: int, merge: int) -> _Level:
        """Updates ``first .. stop - 1``, merged without a copy of more than one column."""
        records = self.columns.records[first:stop]
        starts = np.arange(0, len(records), merge)
        state = records["state"]

        def joined(how: np.ufunc, values: NDArray[np.generic]) -> NDArray[np.generic]:
            return values if merge == 1 or not len(starts) else how.reduceat(values, starts)

        sums = np.nan_to_num(records["probabilities"])
        if merge > 1 and len(starts):
            sums = np.add.reduceat(sums, starts, axis=0)
        return _Level(
            sums,
            joined(np.add, (state == _SPEECH).astype(np.uint32)),  # type: ignore[arg-type]
            joined(np.logical_or, state == _LOST),  # type: ignore[arg-type]
            joined(np.logical_or, state == _PAUSED),  # type: ignore[arg-type]
            joined(np.maximum, records["level_dbfs"].astype(np.float32)),  # type: ignore[arg-type]
            joined(np.minimum, records["lowest"]),  # type: ignore[arg-type]
            joined(np.maximum, records["highest"]),  # type: ignore[arg-type]
        )

    def _empty_bins(self, count: int) -> Bins:
        zeros, no = np.zeros(count, np.float32), np.zeros(count, np.bool_)
        empty = np.full((count, self.labels), np.nan, np.float32)
        return Bins(empty, no, no, no, zeros + np.float32(SILENCE_DBFS), zeros, zeros)

"""Updates as bytes, and bytes as NumPy columns.

A blob is an array of records, little-endian, packed, 56 bytes and 4 a label each::

    order          u4   place among all updates of the session, from 0
    step           u4   step of the channel, from 0
    wall_us        i8   wall clock in µs since 1970-01-01 UTC; the lowest i8: none
    latency_ms     f8   NaN: none
    level_dbfs     f8
    confidence     f8   NaN outside speech
    utc_offset_s   i4   of the wall clock
    segment        u4   number of the segment; 0 outside speech
    lowest         i2   lowest sample of the step, 32767 is full scale
    highest        i2   highest sample of the step
    state          u1   index in STATES
    label          i1   index in the session's labels; -1 outside speech
    certain        u1   lowest bit: whether it is certain; the others: index in QUALITIES
    voiced         u1   voiced 20 ms gate frames, 0 to 4
    probabilities  f4   one a label, in the session's order; NaN outside speech

What the voice did is in blobs of its own: see ``voice_blobs``.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from typing import Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from realtime_ser.base.records import STEP_FRAMES, STEP_S, Anchor, Estimate, Quality, State, Update
from realtime_ser.base.timebase import wall_clock_by
from realtime_ser.session.store.voice_blobs import VoiceRecords, no_voice, unpack_voice

STATES = (State.SILENCE, State.SPEECH, State.LOST, State.PAUSED)
"""Their places are the numbers in the blobs: only ever append."""

QUALITIES = (
    *(Quality.UNMEASURED, Quality.GOOD, Quality.TELEPHONE, Quality.TOO_QUIET, Quality.OVERLOADED),
    *(Quality.NOT_A_VOICE, Quality.LOUD_BACKGROUND, Quality.UNUSUAL_VOICE, Quality.DOUBTFUL_VOICE),
)
"""Their places are the numbers in the blobs: only ever append."""

_USABLE = np.array([quality.usable for quality in QUALITIES])

NO_TIME = np.iinfo(np.int64).min

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FULL_SCALE = 32767
_DAY_S = 86_400
_HALF = 0.501  # with what rounding adds
_MICROSECOND = timedelta(microseconds=1)
_FIRST_US = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LAST_US = (datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH) // _MICROSECOND
"""First and last day that there is, in µs since 1970."""


Number = TypeVar("Number", bound=np.number)

UpdateRecords: TypeAlias = np.ndarray[tuple[int], np.dtype[np.void]]
"""Records of consecutive updates, shape ``(n,)``; the module documents their fields."""


@cache
def record_dtype(labels: int) -> np.dtype[np.void]:
    """Layout of an update's record for a model of so many labels."""
    return np.dtype(
        [
            ("order", "<u4"),
            ("step", "<u4"),
            ("wall_us", "<i8"),
            ("latency_ms", "<f8"),
            ("level_dbfs", "<f8"),
            ("confidence", "<f8"),
            ("utc_offset_s", "<i4"),
            ("segment", "<u4"),
            ("lowest", "<i2"),
            ("highest", "<i2"),
            ("state", "u1"),
            ("label", "i1"),
            ("certain", "u1"),
            ("voiced", "u1"),
            ("probabilities", "<f4", (labels,)),
        ]
    )


def pack(updates: Iterable[tuple[int, Update]], labels: Sequence[str]) -> UpdateRecords:
    """Records of updates, each with its place among all updates of the session."""
    orders, made = zip(*updates, strict=True)
    estimates = [update.estimate for update in made]
    extremes = np.clip([update.envelope for update in made], -1.0, 1.0).astype(np.float64)
    silent = np.full(len(labels), np.nan, np.float32)
    columns: dict[str, ArrayLike] = {
        "order": orders,
        "step": [update.step for update in made],
        "wall_us": [_wall_us(update.wall_clock) for update in made],
        "latency_ms": [np.nan if (ms := update.latency_ms) is None else ms for update in made],
        "level_dbfs": [update.level_dbfs for update in made],
        "confidence": [np.nan if one is None else one.confidence for one in estimates],
        "utc_offset_s": [_utc_offset_s(update.wall_clock) for update in made],
        "segment": [update.segment or 0 for update in made],
        "lowest": np.rint(extremes[:, :, 0].min(axis=1) * _FULL_SCALE),
        "highest": np.rint(extremes[:, :, 1].max(axis=1) * _FULL_SCALE),
        "state": [STATES.index(update.state) for update in made],
        "label": [-1 if one is None else labels.index(one.label) for one in estimates],
        "certain": [0 if one is None else _verdict(one) for one in estimates],
        "voiced": [update.voiced for update in made],
        "probabilities": [silent if one is None else one.probabilities for one in estimates],
    }
    records = np.empty(len(made), record_dtype(len(labels)))
    for name, column in columns.items():
        records[name] = column
    return records


def correct_clock(records: UpdateRecords, anchor: Anchor) -> None:
    """Correct records that were stamped before the clock had settled, by the first anchor."""
    start_us = _wall_us(wall_clock_by(anchor, 0))
    wall_us = start_us + np.rint((records["step"] + 1.0) * STEP_S * 1e6).astype(np.int64)
    stamped = records["wall_us"] != NO_TIME
    late_ms = (records["wall_us"] - wall_us) / 1000.0
    records["latency_ms"] += np.where(stamped, late_ms, 0.0)
    records["wall_us"] = np.where(stamped, wall_us, NO_TIME)


def check_records(records: UpdateRecords, labels: int, after: int = -1) -> None:
    """Refuse records that no session of so many labels can have after a step.

    Raises
    ------
    ValueError
        Steps do not follow each other, a state or a label is unknown, or a number is none.
    """
    step, state, label = (records[name].copy() for name in ("step", "state", "label"))
    offset_s, wall_us = records["utc_offset_s"].copy(), records["wall_us"].copy()
    clocked = wall_us != NO_TIME
    if not clocked.all():
        wall_us, offset_s = wall_us[clocked], offset_s[clocked]
    said = label >= 0
    confidence = records["confidence"][said]
    if (
        (len(step) and step[0] <= after)
        or (step[1:] <= step[:-1]).any()
        or not _within(state, 0, len(STATES) - 1)
        or not _within(label, -1, labels - 1)
        or not _within(records["certain"], 0, 2 * len(QUALITIES) - 1)
        or not _within(records["utc_offset_s"], 1 - _DAY_S, _DAY_S - 1)
        or not _within(wall_us, _FIRST_US, _LAST_US)
        or not _within(wall_us + 1_000_000 * offset_s.astype(np.int64), _FIRST_US, _LAST_US)
        or not np.isfinite(records["level_dbfs"]).all()
        or np.isinf(records["latency_ms"]).any()
        or not _within(confidence, 0.0, 1.0)
        or not _within(records["probabilities"].compress(said, axis=0), 0.5 - _HALF, 0.5 + _HALF)
    ):
        raise ValueError("records that make no sense")


def _within(values: NDArray[np.number], lowest: float, highest: float) -> bool:
    """Whether all values lie in a range, ends included; NaN does not."""
    return not len(values) or bool(values.min() >= lowest and values.max() <= highest)


def checksum(blob: bytes | None) -> int | None:
    """CRC-32 of a blob, which tells of any changed byte; ``None`` without one."""
    return None if blob is None else zlib.crc32(blob)


def require_unchanged(blobs: Sequence[bytes | None], expected: Sequence[int | None]) -> None:
    """Refuse blobs of which one has changed since its checksum was stored.

    Checksums are ``None`` in rows of earlier versions, which have none.

    Raises
    ------
    ValueError
        A byte has changed.
    """
    if None in expected:
        blobs = [blob for blob, crc32 in zip(blobs, expected, strict=True) if crc32 is not None]
        expected = [crc32 for crc32 in expected if crc32 is not None]
    # A day has 200,000 of them: no line of Python for each.
    if None in blobs or list(map(zlib.crc32, blobs)) != list(expected):  # type: ignore[arg-type]
        raise ValueError("bytes of some steps have changed")


def _verdict(estimate: Estimate) -> int:
    return QUALITIES.index(estimate.quality) << 1 | estimate.certain


def _wall_us(moment: datetime | None) -> int:
    return NO_TIME if moment is None else (moment - _EPOCH) // _MICROSECOND


def _utc_offset_s(moment: datetime | None) -> int:
    offset = None if moment is None else moment.utcoffset()
    return 0 if offset is None else round(offset.total_seconds())


class _Field(Generic[Number]):
    """A field of :class:`Columns` that is a view of the field of its name in the records."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, columns: Columns, owner: type) -> NDArray[Number]:
        return columns.records[self._name]


@dataclass(frozen=True, slots=True)
class Columns:
    """Consecutive updates of one channel, a column each; all of the same length ``n``.

    The columns are views of one read-only buffer, :attr:`records`. Where a step is missing because
    the disk was too slow, :attr:`step` jumps; lost and paused time has rows of its own.

    Attributes
    ----------
    channel
        Number of the channel, from 1.
    labels
        Labels of the probabilities, in order.
    records
        All records, shape ``(n,)``; :func:`record_dtype` documents the fields.
    voice
        Measures of the voice, shape ``(n,)``: fields as in
        :class:`~realtime_ser.base.records.VoiceMeasures`, NaN where there are none.
    """

    channel: int
    labels: tuple[str, ...]
    records: UpdateRecords
    voice: VoiceRecords

    @classmethod
    def unvoiced(cls, channel: int, labels: tuple[str, ...], records: UpdateRecords) -> Columns:
        """Columns of updates without measures of the voice."""
        return cls(channel, labels, records, no_voice(len(records)))

    def __len__(self) -> int:
        """Number of updates."""
        return len(self.records)

    def part(self, place: slice) -> Columns:
        """Some of the updates, which follow each other."""
        return Columns(self.channel, self.labels, self.records[place], self.voice[place])

    # The module documents the fields; all have the shape (n,), probabilities (n, labels).
    step = _Field[np.uint32]()
    wall_us = _Field[np.int64]()
    utc_offset_s = _Field[np.int32]()
    latency_ms = _Field[np.float64]()
    level_dbfs = _Field[np.float64]()
    lowest = _Field[np.int16]()
    highest = _Field[np.int16]()
    state = _Field[np.uint8]()
    segment = _Field[np.uint32]()
    label = _Field[np.int8]()
    confidence = _Field[np.float64]()
    voiced = _Field[np.uint8]()
    probabilities = _Field[np.float32]()

    @property
    def certain(self) -> NDArray[np.bool_]:
        """Whether the confidence reaches the bundle's threshold, shape ``(n,)``."""
        return (self.records["certain"] & 1).astype(np.bool_)

    @property
    def quality(self) -> NDArray[np.uint8]:
        """Index in :data:`QUALITIES`, shape ``(n,)``; 0 outside speech."""
        verdicts: NDArray[np.uint8] = self.records["certain"]
        return np.right_shift(verdicts, np.uint8(1))

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Whether the sound of each step is usable, shape ``(n,)``; true outside speech."""
        return _USABLE[self.quality]

    @property
    def time_s(self) -> NDArray[np.float64]:
        """Time of each step, its end, in seconds from the start of the session, shape ``(n,)``."""
        return (self.step + 1).astype(np.float64) * STEP_S

    @property
    def speech(self) -> NDArray[np.bool_]:
        """Whether each step belongs to a speech segment, shape ``(n,)``."""
        return self.within(State.SPEECH)

    def within(self, *states: State) -> NDArray[np.bool_]:
        """Whether each step is in one of some states, shape ``(n,)``."""
        return np.isin(self.state, [STATES.index(state) for state in states])

    def on_grid(self, values: NDArray[np.number]) -> NDArray[np.float32]:
        """A column on the grid of all steps from the session's start, NaN where a step is missing.

        Row *j* is step *j*, whatever the disk was too slow for.
        """
        steps = int(self.step[-1]) + 1 if len(self) else 0
        grid = np.full((steps, *values.shape[1:]), np.nan, np.float32)
        grid[self.step] = values
        return grid

    def updates(self) -> Iterator[Update]:
        """The updates themselves, in order.

        They are what was stored to the last bit, but for the envelope: each of its eight hops holds
        the extremes of the whole step.
        """
        records, labels = self.records, self.labels
        voices = unpack_voice(self.voice)
        extremes = (
            np.stack([records["lowest"], records["highest"]], 1).astype(np.float32) / _FULL_SCALE
        )
        envelopes = np.broadcast_to(extremes[:, None, :], (len(records), STEP_FRAMES, 2))
        probabilities = records["probabilities"].astype(np.float32)
        columns = (records[name].tolist() for name in _COLUMNS)
        for row, (
            step,
            wall_us,
            offset_s,
            latency_ms,
            level_dbfs,
            confidence,
            segment,
            state,
            label,
            certain,
            voiced,
        ) in enumerate(zip(*columns, strict=True)):
            estimate = None
            if label >= 0:
                estimate = Estimate(
                    probabilities[row],
                    labels[label],
                    confidence,
                    bool(certain & 1),
                    QUALITIES[certain >> 1],
                )
            yield Update(
                step=step,
                channel=self.channel,
                state=STATES[state],
                segment=segment or None,
                estimate=estimate,
                level_dbfs=level_dbfs,
                envelope=envelopes[row],
                voiced=voiced,
                latency_ms=None if math.isnan(latency_ms) else latency_ms,
                wall_clock=moment(wall_us, offset_s),
                voice=next(voices),
            )


_COLUMNS = (
    *("step", "wall_us", "utc_offset_s", "latency_ms", "level_dbfs", "confidence", "segment"),
    *("state", "label", "certain", "voiced"),
)


def moment(wall_us: int, offset_s: int) -> datetime | None:
    """Wall clock of a record, in its zone; ``None`` where no clock ran."""
    if wall_us == NO_TIME:
        return None
    zone = timezone(timedelta(seconds=offset_s))
    return (_EPOCH + wall_us * _MICROSECOND).astimezone(zone)

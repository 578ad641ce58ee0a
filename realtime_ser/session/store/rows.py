"""What the rows of the tables hold; a value that no session can have is damage.

SQLite keeps whatever a damaged page happens to say, of any type. Each row is checked when it is
read, and again when a damaged database is saved.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from pathlib import PurePath
from typing import Annotated, Any, ClassVar, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from realtime_ser.audio.source import SourceInfo
from realtime_ser.base.records import Estimate, Quality, Segment
from realtime_ser.recogniser.speaker_calibration import ModelIdentity
from realtime_ser.session.store.blobs import check_records, record_dtype, require_unchanged
from realtime_ser.session.store.values import SessionState
from realtime_ser.session.store.voice_blobs import VoiceRecords, read_segment_voices, read_voice

StoredRow = TypeVar("StoredRow", bound="_Stored")

_HIGHEST_RATE = 10_000_000
_LONGEST_PATH = 4096


class _Provenance(BaseModel):
    """What of the provenance is used."""

    class _KeptProfile(BaseModel):
        name: str

    class _KeptSettings(BaseModel):
        voice: dict[str, Any] = {}

    config: _KeptSettings = _KeptSettings()
    profile: _KeptProfile | None = None


_SOURCE = TypeAdapter(SourceInfo)
_MODEL = TypeAdapter(ModelIdentity)
_LABELS = TypeAdapter(Annotated[tuple[str, ...], Field(min_length=1)])


def _moment(value: object) -> datetime:
    """Moment as it is stored, ISO 8601 with the UTC offset."""
    if isinstance(value, str):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            return moment
    raise ValueError("is no moment")


def _optional_moment(value: object) -> datetime | None:
    return None if value is None else _moment(value)


def _source(value: Any) -> SourceInfo:
    source = _SOURCE.validate_json(value)
    if not (0 < source.native_rate <= _HIGHEST_RATE and source.channels > 0):
        raise ValueError("is no source")
    return source


@lru_cache(maxsize=8)
def _provenance(value: Any) -> dict[str, Any]:
    """Versions and settings, the same for many sessions; those of the profile have its name."""
    if not isinstance(value, str):
        raise ValueError("is no text")  # noqa: TRY004 - which alone makes a fault of the row
    found = from_json(value, allow_inf_nan=False)
    _Provenance.model_validate(found)
    return cast("dict[str, Any]", found)


def _path(value: object) -> str | None:
    """Path of a file, which is bytes where it is not UTF-8."""
    if value is None:
        return None
    if not isinstance(value, str | bytes) or not 0 < len(value) <= _LONGEST_PATH:
        raise ValueError("is no path")
    path = os.fsdecode(value)
    if (
        not PurePath(path).name
        or "\0" in path
        or any(len(os.fsencode(part)) > 255 for part in path.split("/"))
    ):
        raise ValueError("is no path")
    return path


_Count = Annotated[int, Field(ge=0, lt=2**40)]
_Number = Annotated[int, Field(ge=1, lt=2**31)]
_Seconds = Annotated[float, Field(ge=0, lt=2**32)]
_Step = Annotated[int, Field(ge=0, lt=2**32)]
_Moment = Annotated[datetime, BeforeValidator(_moment)]
_OptionalMoment = Annotated[datetime | None, BeforeValidator(_optional_moment)]
_Path = Annotated[str | None, BeforeValidator(_path)]


class _Stored(BaseModel):
    """Row of a table, with the columns of the present version."""

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False, defer_build=True)

    table: ClassVar[str]

    def check(self, labels: Sequence[str]) -> None:
        """Refuse a row that does not go with the labels of its session; ``ValueError``."""


def _check_voice(voice: VoiceRecords) -> None:
    if any(np.isinf(voice[name]).any() for name in voice.dtype.names or ()):
        raise ValueError("holds measures that are none")


class StoredSession(_Stored):
    """Row of ``sessions``."""

    table = "sessions"

    key: int
    id: str = Field(pattern=r"^[0-9a-z]{1,32}$")  # which names a folder too
    state: SessionState = Field(strict=False)
    started: _Moment
    title: str
    source: Annotated[SourceInfo, BeforeValidator(_source)]
    labels: Annotated[tuple[str, ...], BeforeValidator(_LABELS.validate_json)]
    model: Annotated[ModelIdentity, BeforeValidator(_MODEL.validate_json)]
    provenance: Annotated[dict[str, Any], BeforeValidator(_provenance)]
    overflows: _Count
    dropped_samples: _Count
    error: str | None = None
    audio: _Path = None
    files: _Path = None
    named: int
    origin: int | None = None
    study: str = ""
    participant: str = ""
    condition: str = ""
    consent: _OptionalMoment = None
    settled: int = 0


class StoredChannel(_Stored):
    """Row of ``channels``."""

    table = "channels"

    channel: _Number
    name: str = ""
    updates: _Count
    last_step: int = Field(ge=-1, lt=2**32)
    speech_steps: _Count
    lost_steps: _Count


class StoredUpdates(_Stored):
    """Row of ``updates``: consecutive ones of a channel."""

    table = "updates"

    channel: _Number
    first_step: _Step
    last_step: _Step
    data: bytes
    voice: bytes | None = None
    crc32: int | None = None
    voice_crc32: int | None = None

    def check(self, labels: Sequence[str]) -> None:
        """Refuse records that make no sense, or are others than the row says."""
        require_unchanged([self.data, self.voice], [self.crc32, self.voice_crc32])
        records = np.frombuffer(self.data, record_dtype(len(labels)))
        check_records(records, len(labels))
        ends = (self.first_step, self.last_step)
        if not len(records) or ends != (records["step"][0], records["step"][-1]):
            raise ValueError("holds other steps than it says")
        _check_voice(read_voice(self.voice, len(records)))


class StoredSegments(_Stored):
    """Rows of ``segments``, a column each: a day has 17,000."""

    table = "segments"

    channel: tuple[_Number, ...]
    number: tuple[_Number, ...]
    start_s: tuple[_Seconds, ...]
    end_s: tuple[_Seconds, ...]
    voiced_s: tuple[_Seconds, ...]
    label: tuple[str, ...]
    confidence: tuple[Annotated[float, Field(ge=0, le=1)], ...]
    certain: tuple[int, ...]
    probabilities: tuple[bytes, ...]
    quality: tuple[Annotated[Quality, Field(strict=False)], ...] = ()  # earlier versions: none
    voice: tuple[bytes | None, ...] = ()

    def check(self, labels: Sequence[str]) -> None:
        """Refuse a label or probabilities of another model, and an end before the start."""
        if (
            not set(self.label) <= set(labels)
            or not set(map(len, self.probabilities)) <= {4 * len(labels)}
            or not _are_shares(self._shares())
            or any(map(operator.gt, self.start_s, self.end_s))
        ):
            raise ValueError("is no segment of its session")
        read_segment_voices(self.voice)

    def segments(self) -> Iterator[Segment]:
        """The segments themselves."""
        shares = self._shares().astype(np.float32).reshape(len(self.number), -1)
        certain, voices = map(bool, self.certain), read_segment_voices(self.voice)
        estimates = map(Estimate, shares, self.label, self.confidence, certain, self.quality)
        spans = (self.start_s, self.end_s, self.voiced_s)
        return map(Segment, self.number, self.channel, *spans, estimates, voices)

    def _shares(self) -> NDArray[np.float32]:
        return np.frombuffer(b"".join(self.probabilities), "<f4")


def _are_shares(values: NDArray[np.float32]) -> bool:
    return bool(values.min(initial=0.0) >= 0 and values.max(initial=0.0) <= 1.001)


class StoredMarker(_Stored):
    """Row of ``markers``."""

    table = "markers"

    key: int
    time_s: _Seconds
    wall: _OptionalMoment = None
    duration_s: _Seconds
    code: str
    text: str
    source: str


class StoredNote(_Stored):
    """Row of ``notes``."""

    table = "notes"

    written: _Moment
    text: str


class StoredAnchor(_Stored):
    """Row of ``anchors``."""

    table = "anchors"

    sample: int
    adc_s: float
    monotonic_s: float
    wall: _Moment


class StoredInterval(_Stored):
    """Row of ``intervals``."""

    table = "intervals"

    key: int
    channel: _Number | None = None
    tier: str = Field(min_length=1)
    start_s: _Seconds
    end_s: _Seconds
    label: str
    text: str
    source: str

    def check(self, labels: Sequence[str]) -> None:  # noqa: ARG002 - a person names it at will
        """Refuse an end that is not behind the start."""
        if self.start_s >= self.end_s:
            raise ValueError("ends before it starts")


CONTENT: Mapping[str, type[_Stored]] = {
    kind.table: kind
    for kind in (
        *(StoredUpdates, StoredSegments, StoredMarker, StoredNote, StoredAnchor, StoredInterval),
        StoredChannel,
    )
}
"""Rows that belong to a session, by their tables."""


@cache
def _several(kind: type[StoredRow]) -> TypeAdapter[list[StoredRow]]:
    return TypeAdapter(list[kind])  # type: ignore[valid-type]


def checked(
    kind: type[StoredRow], rows: Sequence[Mapping[str, Any]], labels: Sequence[str]
) -> list[StoredRow]:
    """Rows of a table in a session of some labels.

    Raises
    ------
    ValueError
        One makes no sense; the words name the column.
    """
    if not rows:
        return []
    try:
        found = _several(kind).validate_python(list(map(dict, rows)))
    except ValidationError as error:
        column = error.errors()[0]["loc"][1]
        raise ValueError(f"'{column}' of '{kind.table}' makes no sense") from error
    for row in found:
        row.check(labels)
    return found


def wrong_columns(row: Mapping[str, Any]) -> set[str]:
    """Columns of a row of ``sessions`` that make no sense."""
    try:
        StoredSession.model_validate(row)
    except ValidationError as error:
        return {str(one["loc"][0]) for one in error.errors()}
    return set()


def is_sound(table: str, row: Mapping[str, Any], labels: Sequence[str]) -> bool:
    """Whether a row makes sense in a session of some labels."""
    kind = CONTENT[table]
    if kind is StoredSegments:
        row = {name: (value,) for name, value in row.items()}
    try:
        checked(kind, [row], labels)
    except ValueError:
        return False
    return True

"""Measures of the voice as bytes, beside the blobs of updates and in the rows of segments.

A record has 24 bytes: the fields of the value as little-endian f4, in their order, NaN where there
is none. A blob of updates has one for each of its records; none of them measured: there is no blob.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any, TypeAlias

import numpy as np

from realtime_ser.base.records import SegmentVoice, Update, VoiceMeasures

VoiceRecords: TypeAlias = np.ndarray[tuple[int], np.dtype[np.void]]
"""Measures of consecutive updates, shape ``(n,)``."""

VOICE_DTYPE = np.dtype([(field.name, "<f4") for field in fields(VoiceMeasures)])
MEASURES = len(fields(VoiceMeasures))
"""Number of measures of an update."""

_NOTHING = (math.nan,) * MEASURES
_SEGMENT_DTYPE = np.dtype([(field.name, "<f4") for field in fields(SegmentVoice)])


def no_voice(count: int) -> VoiceRecords:
    """Measures of so many updates that have none."""
    # Numbers take a tenth of the time of records.
    return np.full(count * MEASURES, np.nan, "<f4").view(VOICE_DTYPE)


def pack_voice(updates: Iterable[Update]) -> VoiceRecords:
    """Measures of updates."""
    return np.array([_floats(update.voice, VOICE_DTYPE) for update in updates], VOICE_DTYPE)


def is_measured(voice: VoiceRecords) -> bool:
    """Whether any update has measures."""
    return bool((~np.isnan(voice["loudness_lufs"])).any())


def voice_blob(voice: VoiceRecords) -> bytes | None:
    """Bytes of measures; ``None``: nothing was measured."""
    return voice.tobytes() if is_measured(voice) else None


def read_voice(blob: bytes | None, count: int) -> VoiceRecords:
    """Measures of so many updates.

    Raises
    ------
    ValueError
        The blob does not belong to so many.
    """
    if blob is None:
        return no_voice(count)
    voice: VoiceRecords = np.frombuffer(blob, VOICE_DTYPE)
    if len(voice) != count:
        raise ValueError("measures that belong to other updates")
    return voice


def unpack_voice(voice: VoiceRecords) -> Iterator[VoiceMeasures | None]:
    """The measures themselves; ``None`` where there are none."""
    for row in voice.tolist():
        measures = VoiceMeasures(*map(_known, row))
        yield None if measures.loudness_lufs is None else measures


def segment_blob(voice: SegmentVoice | None) -> bytes | None:
    """Bytes of the measures of a segment."""
    if voice is None:
        return None
    return np.array([_floats(voice, _SEGMENT_DTYPE)], _SEGMENT_DTYPE).tobytes()


def read_segment_voices(blobs: Sequence[bytes | None]) -> Iterator[SegmentVoice | None]:
    """Measures of segments.

    Raises
    ------
    ValueError
        One of the blobs holds none.
    """
    found = [blob for blob in blobs if blob is not None]
    sizes, joined = set(map(len, found)), b"".join(found)
    if not sizes <= {_SEGMENT_DTYPE.itemsize} or np.isinf(np.frombuffer(joined, "<f4")).any():
        raise ValueError("measures that are none")
    rows = iter(np.frombuffer(joined, _SEGMENT_DTYPE).tolist())
    return (None if blob is None else SegmentVoice(*map(_known, next(rows))) for blob in blobs)


def _floats(
    voice: VoiceMeasures | SegmentVoice | None, layout: np.dtype[np.void]
) -> tuple[float, ...]:
    if voice is None:
        return _NOTHING
    values = (getattr(voice, name) for name in layout.names or ())
    return tuple(math.nan if value is None else value for value in values)


def _known(value: float) -> Any:
    return None if math.isnan(value) else value

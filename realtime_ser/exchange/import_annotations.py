"""Reads markers and labelled intervals, made in other tools, back into a session.

Importing only adds: what the session has already is left out, so that a file may be exported,
edited and imported any number of times. A moment becomes a marker, a span an interval of the tier
that it is on; a span of the model's own tier that was changed becomes an interval of the tier
``corrected segments``.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from realtime_ser.base.errors import SerError, UsageError, reason_text
from realtime_ser.base.records import Marker
from realtime_ser.base.text import UNNAMED_MARKER, exact_clock
from realtime_ser.exchange import audacity
from realtime_ser.exchange.elan_reading import is_elan_text, read_eaf, read_elan_text
from realtime_ser.exchange.praat import read_textgrid
from realtime_ser.exchange.registry import FORMATS, chosen_format
from realtime_ser.exchange.text_input import decoded
from realtime_ser.exchange.tiers import (
    MARKED,
    MARKERS,
    SEGMENTS,
    UNNAMED_SPAN,
    AnnotationTier,
    LabelledSpan,
    end_of,
    session_tiers,
    split_name,
)
from realtime_ser.session.store import Interval, SessionInfo, Store
from realtime_ser.session.store.values import CORRECTED

READERS: Mapping[str, Callable[[Path], list[AnnotationTier]]] = {
    "elan": read_eaf,
    "elan text": read_elan_text,
    "praat": read_textgrid,
    "audacity": audacity.read_labels,
}

_READABLE = tuple(kind for kind in FORMATS if kind.name in READERS)

MANY = 5000
"""Markers and intervals up to which an import does not ask first."""

_HEAD = 65_536

_SAME_S = 0.0015
"""Times that differ by no more are the same: ELAN rounds to milliseconds."""


@dataclass(frozen=True, slots=True)
class ImportedAnnotations:
    """New markers and intervals, and the number of spans that the session had already."""

    markers: tuple[Marker, ...]
    intervals: tuple[Interval, ...]
    known: int


def import_annotations(
    store: Store,
    info: SessionInfo,
    path: Path,
    name: str | None = None,
    agree: Callable[[int], bool] | None = None,
) -> ImportedAnnotations:
    """Read a file's markers and intervals into a session, all or none.

    Parameters
    ----------
    store, info
        The session.
    path
        ELAN's ``.eaf``, Praat's ``.TextGrid``, or Audacity's labels ``.txt``.
    name
        Name of the format; ``None``: by the ending of the file.
    agree
        Asked before more than :data:`MANY` markers and intervals are stored, with their number;
        ``None``: nobody can be asked.

    Raises
    ------
    UsageError
        The format is unknown, a time lies outside of the session, or nobody agreed to so many.
    SerError
        The file cannot be read.
    """
    kind, tiers = read_tiers(path, name)
    exported = session_tiers(store, info)
    known = _ExportedSpans(info, exported, one_track=kind == "audacity")
    new = [(tier, span) for tier in tiers for span in tier.spans if not known.contains(tier, span)]
    _check_times(info, end_of(info, exported), path, new)
    if len(new) > MANY and not (agree is not None and agree(len(new))):
        raise UsageError(
            f"{path.name} holds {len(new):,} markers and intervals, more than people label by "
            f"hand: if you want them all, import it with 'realtime-ser sessions import {path} "
            f"--into {info.id} --yes'. Nothing was imported."
        )
    read = list(_annotations(info, path, new))
    markers = tuple(one for one in read if isinstance(one, Marker))
    intervals = [one for one in read if isinstance(one, Interval)]
    stored = store.annotate(info.id, markers, intervals)
    count = sum(len(tier.spans) for tier in tiers)
    return ImportedAnnotations(markers, tuple(stored), count - len(new))


def read_tiers(path: Path, name: str | None = None) -> tuple[str, list[AnnotationTier]]:
    """Name of the format of a file of annotations, and its tiers; errors as of an import."""
    kind = chosen_format(path, name, _READABLE).name
    try:
        if kind == "audacity" and is_elan_text(_beginning(path)):
            kind = "elan text"
        return kind, READERS[kind](path)
    except OSError as error:
        raise SerError(f"Cannot read {path}: {reason_text(error)}.") from error


def _beginning(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(_HEAD)
    try:
        return decoded(data[: len(data) // 4 * 4])
    except UnicodeDecodeError:
        return ""


class _ExportedSpans:
    """Spans of a session as an export holds them, by tier and channel."""

    def __init__(
        self, info: SessionInfo, tiers: Sequence[AnnotationTier], *, one_track: bool
    ) -> None:
        self._info = info
        self._one_track = one_track
        self._keys: dict[str, tuple[str, int | None]] = {}
        self._spans: defaultdict[tuple[object, ...], list[LabelledSpan]] = defaultdict(list)
        if one_track:
            tiers = [AnnotationTier("", tuple(audacity.labels(tiers)))]
        for tier in tiers:
            key = self._tier_key(tier)
            for span in tier.spans:
                self._spans[key, span.text, _bucket(span)].append(span)

    def contains(self, tier: AnnotationTier, span: LabelledSpan) -> bool:
        """Whether the session has, or had, a span; of a moment only the start counts."""
        key = self._tier_key(tier)
        moment = tier.moments or key[0] == MARKERS
        text = span.text or (UNNAMED_MARKER if moment else UNNAMED_SPAN)
        corrected = (CORRECTED, key[1]) if key[0] == SEGMENTS else key
        return any(
            abs(known_span.start_s - span.start_s) <= _SAME_S
            and (moment or abs(known_span.end_s - span.end_s) <= _SAME_S)
            for bucket in range(_bucket(span) - 1, _bucket(span) + 2)
            for at in {(key, text, bucket), (corrected, text, bucket)}
            for known_span in self._spans.get(at, ())
        )

    def _tier_key(self, tier: AnnotationTier) -> tuple[str, int | None]:
        if self._one_track:
            return "", None
        if tier.name not in self._keys:
            self._keys[tier.name] = split_name(self._info, tier.name)
        return self._keys[tier.name]


def _bucket(span: LabelledSpan) -> int:
    """Number of the short time in which a span starts: those alike are in it or beside it."""
    return math.floor(span.start_s / _SAME_S)


def _check_times(
    info: SessionInfo, end_s: float, path: Path, new: list[tuple[AnnotationTier, LabelledSpan]]
) -> None:
    outside = [
        span
        for _, span in new
        # A moment has a length in ELAN, which may lie behind the end.
        if not 0 <= span.start_s <= end_s + _SAME_S or span.end_s > end_s + 1.0
    ]
    if outside:
        raise UsageError(
            f"{path.name} holds '{outside[0].text}' {_place(outside[0], end_s)}, but the session "
            f"{info.id} ends at {exact_clock(end_s)}: is it another session's file? "
            "Nothing was imported."
        )


def _place(span: LabelledSpan, end_s: float) -> str:
    """Time of a span that lies outside of a session: of what of it does."""
    if span.start_s < 0:
        return f"{-span.start_s:.3f} s before its start"
    if span.start_s <= end_s:
        return f"up to {exact_clock(span.end_s)}"
    return f"at {exact_clock(span.start_s)}"


def _annotations(
    info: SessionInfo, path: Path, new: list[tuple[AnnotationTier, LabelledSpan]]
) -> Iterator[Marker | Interval]:
    names = {tier.name: split_name(info, tier.name) for tier, _ in new}
    for tier, span in new:
        name, channel = names[tier.name]
        length_s = span.end_s - span.start_s
        if tier.moments or name == MARKERS or length_s <= 0:
            yield Marker(span.start_s, span.text, source=path.name)
        elif name == MARKED:
            yield Marker(span.start_s, span.text, duration_s=length_s, source=path.name)
        else:
            name = CORRECTED if name == SEGMENTS else name or "unnamed"
            yield Interval(name, span.start_s, span.end_s, span.text, "", channel, path.name)

"""Reads ELAN's annotation files (EAF), and what ELAN exports as tab-delimited text.

An EAF file is read as a stream, since one may hold some hundred thousand annotations.
"""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import IO
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np

from realtime_ser.base.errors import SerError
from realtime_ser.base.text import one_line
from realtime_ser.exchange.elan import NOTES
from realtime_ser.exchange.text_input import (
    check_spans,
    decoded,
    is_time,
    lines_of,
    possible_time,
    seconds_of,
)
from realtime_ser.exchange.tiers import OWN_NOTES, SEGMENTS, AnnotationTier, LabelledSpan

_UNITS_PER_S = {"milliseconds": 1000.0, "PAL-frames": 25.0, "NTSC-frames": 30000 / 1001}
_DECLARATION = re.compile(r"^\s*<\?xml.*?\?>", re.DOTALL)


@dataclass(slots=True)
class _RawTier:
    """A tier as it stands in the file.

    ``aligned`` are ID, slots and text; ``referring`` are ID, ID of the parent, and text.
    """

    name: str
    kind: str
    parent: str | None
    aligned: list[tuple[str, str, str, str]] = field(default_factory=list)
    referring: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass(slots=True)
class _Document:
    slots: dict[str, float | None] = field(default_factory=dict)
    tiers: list[_RawTier] = field(default_factory=list)
    origins: list[tuple[bool, float]] = field(default_factory=list)  # is it sound; seconds
    units_per_s: float = 1000.0

    def last_tier(self) -> _RawTier:
        if not self.tiers:
            raise ValueError("an annotation lies outside of the tiers")
        return self.tiers[-1]


def read_eaf(path: Path) -> list[AnnotationTier]:
    """Tiers of an annotation file, on the time axis of its sound.

    Annotations that depend on others have the time of those, or share it out evenly; slots without
    a time share the time between their neighbours.

    Raises
    ------
    SerError
        The file is no annotation file; nothing of it is read then.
    """
    try:
        document = _parse_whole(path)
        slots = _slot_times(document)
        return list(_tiers(document, slots))
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise SerError(f"{path} is not an ELAN file that can be read ({reason}).") from error


def _parse_whole(path: Path) -> _Document:
    try:
        with path.open("rb") as file:
            return _parse(file)
    except (ElementTree.ParseError, LookupError, ValueError):
        # Its encoding may be another than the declared one, or one that the parser does not know.
        text = _DECLARATION.sub("", decoded(path.read_bytes()))
        return _parse(io.BytesIO(text.encode("utf-8", "replace")))


def _parse(file: IO[bytes]) -> _Document:
    document = _Document()
    holder: Element | None = None  # TIME_ORDER or a TIER, emptied as it is read
    root: Element | None = None
    for event, element in ElementTree.iterparse(file, ("start", "end")):
        if event == "start":
            if root is None:
                root = element
                if element.tag != "ANNOTATION_DOCUMENT":
                    raise ValueError(f"its root is <{element.tag}>")
            if element.tag in ("TIME_ORDER", "TIER"):
                holder = element
            if element.tag == "TIER":
                kind, parent = element.get("LINGUISTIC_TYPE_REF", ""), element.get("PARENT_REF")
                document.tiers.append(_RawTier(one_line(element.attrib["TIER_ID"]), kind, parent))
        elif _take(document, element) and holder is not None:
            holder.clear()
    return document


def _take(document: _Document, element: Element) -> bool:
    """Take what an element holds; whether those above it need it no more."""
    attributes = element.attrib
    if element.tag == "HEADER":
        units = element.get("TIME_UNITS", "milliseconds")
        if units not in _UNITS_PER_S:
            raise ValueError(f"its times are in {units}")
        document.units_per_s = _UNITS_PER_S[units]
    elif element.tag == "MEDIA_DESCRIPTOR":
        is_sound = element.get("MIME_TYPE", "").startswith("audio")
        origin_s = possible_time(float(element.get("TIME_ORIGIN") or 0) / 1000)
        document.origins.append((is_sound, origin_s))
    elif element.tag == "TIME_SLOT":
        value = element.get("TIME_VALUE")
        time_s = None if value is None else possible_time(float(value) / document.units_per_s)
        document.slots[attributes["TIME_SLOT_ID"]] = time_s
        return True
    elif element.tag == "ALIGNABLE_ANNOTATION":
        slots = attributes["TIME_SLOT_REF1"], attributes["TIME_SLOT_REF2"]
        row = (attributes.get("ANNOTATION_ID", ""), *slots, _text(element))
        document.last_tier().aligned.append(row)
    elif element.tag == "REF_ANNOTATION":
        row_ = attributes.get("ANNOTATION_ID", ""), attributes["ANNOTATION_REF"], _text(element)
        document.last_tier().referring.append(row_)
    return element.tag == "ANNOTATION"


def _text(element: Element) -> str:
    return one_line(element.findtext("ANNOTATION_VALUE") or "")


# ------------------------------------------------------------------------------------------- times


def _slot_times(document: _Document) -> Mapping[str, float]:
    """Times of all slots in seconds."""
    known = {name: time_s for name, time_s in document.slots.items() if time_s is not None}
    if len(known) == len(document.slots):
        return known
    for tier in document.tiers:
        _share_out_slots(tier, known)
    lone = [name for name in document.slots if name not in known]
    if lone and known:
        places = {name: place for place, name in enumerate(document.slots)}
        given = sorted((places[name], time_s) for name, time_s in known.items())
        at, of = np.array(given).T
        found = np.interp([places[name] for name in lone], at, of)
        known.update(zip(lone, found.tolist(), strict=True))
    return known


def _share_out_slots(tier: _RawTier, known: dict[str, float]) -> None:
    """Give slots without a time even shares of the time between those that the tier joins."""
    following = {start: end for _, start, end, _ in tier.aligned}
    for first, second in following.items():
        if first not in known or second in known:
            continue
        chain = [first, second]
        while chain[-1] in following and chain[-1] not in known and len(chain) <= len(following):
            chain.append(following[chain[-1]])
        if chain[-1] in known:
            times = np.linspace(known[first], known[chain[-1]], len(chain)).tolist()
            known.update(zip(chain[1:-1], times[1:-1], strict=True))


# ------------------------------------------------------------------------------------------- tiers


def _tiers(document: _Document, slots: Mapping[str, float]) -> Iterator[AnnotationTier]:
    origin_s = next((s for is_sound, s in document.origins if is_sound), None)
    if origin_s is None:
        origin_s = document.origins[0][1] if document.origins else 0.0
    times = _annotation_times(document, slots)
    for tier in document.tiers:
        if _is_own_note(tier):
            continue
        spans = [
            LabelledSpan(slots[start] + origin_s, slots[end] + origin_s, text)
            for _, start, end, text in tier.aligned
        ]
        for name, _, text in tier.referring:
            start_s, end_s = times[name]
            spans.append(LabelledSpan(start_s + origin_s, end_s + origin_s, text))
        check_spans(tier.name, spans)
        spans.sort(key=lambda span: span.start_s)
        yield AnnotationTier(tier.name, tuple(spans))


def _is_own_note(tier: _RawTier) -> bool:
    """Whether it is one of those that an export puts below the segments."""
    name = tier.name.partition("@")[0].partition(" of ")[0]
    parent = (tier.parent or "").partition("@")[0].partition(" (")[0]
    return tier.kind == NOTES and name in OWN_NOTES and parent == SEGMENTS


def _annotation_times(
    document: _Document, slots: Mapping[str, float]
) -> dict[str, tuple[float, float]]:
    """Start and end in seconds of the annotations that refer to others, and of those."""
    waiting = [t for t in document.tiers if t.referring and not _is_own_note(t)]
    parents = {tier.parent for tier in waiting}
    times = {
        name: (slots[start], slots[end])
        for tier in document.tiers
        if tier.name in parents
        for name, start, end, _ in tier.aligned
    }
    while waiting:
        ready = [tier for tier in waiting if all(ref in times for _, ref, _ in tier.referring)]
        if not ready:
            name, ref, _ = next(row for row in waiting[0].referring if row[1] not in times)
            raise ValueError(f"'{name}' on the tier '{waiting[0].name}' refers to no '{ref}'")
        for tier in ready:
            _share_out(tier, times)
        waiting = [tier for tier in waiting if tier not in ready]
    return times


def _share_out(tier: _RawTier, times: dict[str, tuple[float, float]]) -> None:
    """Give annotations the time of those they refer to, evenly where several refer to one."""
    children: defaultdict[str, list[str]] = defaultdict(list)
    for name, ref, _ in tier.referring:
        children[ref].append(name)
    for ref, names in children.items():
        edges = np.linspace(*times[ref], len(names) + 1).tolist()
        times.update(zip(names, pairwise(edges), strict=True))


# ------------------------------------------------------------------------------ tab-delimited text


def is_elan_text(text: str) -> bool:
    """Whether a text is an export of ELAN: a tier's name goes before the times."""
    row = next((line.split("\t") for line in lines_of(text) if line.strip()), [])
    if any(cell.strip().lower().startswith("begin time") for cell in row):
        return True
    return len(row) >= 4 and not is_time(row[0]) and any(is_time(cell) for cell in row[1:4])


def read_elan_text(path: Path) -> list[AnnotationTier]:
    """Tiers of what ELAN exports as tab-delimited text.

    A line holds tier, participant, begin, end, perhaps duration, each in one to four notations, and
    the annotation.

    Raises
    ------
    SerError
        A line is none of these; nothing of the file is read then.
    """
    spans: defaultdict[str, list[LabelledSpan]] = defaultdict(list)
    number = 0
    try:
        for number, line in enumerate(lines_of(decoded(path.read_bytes())), 1):
            cells = line.split("\t")
            heading = number == 1 and not any(map(is_time, cells))
            if line.strip() and not heading:
                tier, span = _elan_row(cells)
                spans[tier].append(span)
        for tier, found in spans.items():
            check_spans(tier, found)
    except ValueError as error:
        raise SerError(
            f"{path} cannot be read as ELAN's tab-delimited text at line {number} ({error}): "
            "export tier, begin, end and annotation, or save an .eaf file."
        ) from error
    return [
        AnnotationTier(tier, tuple(sorted(found, key=lambda span: span.start_s)))
        for tier, found in spans.items()
    ]


def _elan_row(cells: Sequence[str]) -> tuple[str, LabelledSpan]:
    first = next((n for n, cell in enumerate(cells) if n and is_time(cell)), None)
    if first is None:
        raise ValueError("it has no times")
    last = first
    while last + 1 < len(cells) and is_time(cells[last + 1]):
        last += 1
    if last == len(cells) - 1 and (last - first) % 2 == 0:
        last -= 1  # the annotation itself is a number
    times = [_elan_seconds(cell) for cell in cells[first : last + 1]]
    each = _notations(times)
    text = one_line(" ".join(cells[last + 1 :]))
    return one_line(cells[0]) or "unnamed", LabelledSpan(times[0], times[each], text)


def _notations(times: Sequence[float]) -> int:
    """In how many notations a line tells begin, end and perhaps duration."""
    if len(times) < 2:
        raise ValueError("it has no end")
    third = len(times) // 3
    if len(times) % 3 == 0 and abs(times[third] - times[0] - times[2 * third]) < 0.05:
        return third
    if len(times) % 2:
        raise ValueError(f"it has {len(times)} times")
    return len(times) // 2


def _elan_seconds(cell: str) -> float:
    """A time; whole numbers are milliseconds."""
    whole = cell.strip().isdecimal()
    return possible_time(float(cell) / 1000) if whole else seconds_of(cell)

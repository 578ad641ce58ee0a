"""ELAN's annotation files (EAF 3.0), and the curves that ELAN draws above them.

Beside ``NAME.eaf`` lie ``NAME_curves.csv`` for ELAN's time-series viewer (one a channel),
``NAME_tsconf.xml``, which tells ELAN what is in it, and ``NAME.pfsx``, which has it shown. ELAN's
viewer takes lines that begin with ``#`` for comments, knows no quotes, and leaves a gap at ``NaN``.

The file is written here and not by pympi, whose files are of version 2.8, and which renames what
it is to replace.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import zip_longest
from operator import itemgetter
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from realtime_ser.base.files import AtomicFiles
from realtime_ser.base.labels import COLORS
from realtime_ser.base.text import one_line
from realtime_ser.exchange.tiers import AnnotationTier, LabelledSpan
from realtime_ser.session.store import Columns, SessionInfo, Store

_SCHEMA = "http://www.w3.org/2001/XMLSchema-instance"
_SPANS = "spans"  # a linguistic type
NOTES = "notes"
"""Linguistic type of the tiers that hold a segment's confidence and certainty."""

_MOMENT_MS = 80
"""Length of a moment in ELAN, which has none: a step, or less where the next one follows."""

_PROVIDER = "mpi.eudico.client.annotator.timeseries.csv.CSVServiceProvider"
_TYPES = f"""<types>
<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="{_SPANS}" GRAPHIC_REFERENCES="false" TIME_ALIGNABLE="true"/>
<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="{NOTES}" CONSTRAINTS="Symbolic_Association"
 GRAPHIC_REFERENCES="false" TIME_ALIGNABLE="false"/>
<CONSTRAINT STEREOTYPE="Time_Subdivision" DESCRIPTION="Time subdivision of parent annotation's
time interval, no time gaps allowed within this interval"/>
<CONSTRAINT STEREOTYPE="Symbolic_Subdivision" DESCRIPTION="Symbolic subdivision of a parent
annotation. Annotations refering to the same parent are ordered"/>
<CONSTRAINT STEREOTYPE="Symbolic_Association" DESCRIPTION="1-1 association with a parent
annotation"/>
<CONSTRAINT STEREOTYPE="Included_In" DESCRIPTION="Time alignable annotations within the parent
annotation's time interval, gaps are allowed"/>
</types>"""
"""Linguistic types, and the constraints that every EAF file declares."""


def eaf_text(
    tiers: Sequence[AnnotationTier],
    moment: datetime,
    to: Path,
    sound: Path | None = None,
    curves: Sequence[Path] = (),
) -> str:
    """Text of an annotation file of that date, to be written to ``to``, beside sound and curves."""
    root = Element(
        "ANNOTATION_DOCUMENT",
        {
            "AUTHOR": "",
            "DATE": moment.isoformat(timespec="seconds"),
            "FORMAT": "3.0",
            "VERSION": "3.0",
            "xmlns:xsi": _SCHEMA,
            "xsi:noNamespaceSchemaLocation": "http://www.mpi.nl/tools/elan/EAFv3.0.xsd",
        },
    )
    body = _AnnotationNumbering()
    elements = [element for tier in tiers for element in body.tier(tier)]
    header = SubElement(root, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    if sound is not None:
        mime = "audio/x-wav" if sound.suffix == ".wav" else "audio/flac"
        _link(header, "MEDIA_DESCRIPTOR", "MEDIA_URL", sound, to, mime)
    for path in curves:
        mime = "text/xml" if path.suffix == ".xml" else "unknown"
        _link(header, "LINKED_FILE_DESCRIPTOR", "LINK_URL", path, to, mime)
    SubElement(header, "PROPERTY", {"NAME": "lastUsedAnnotationId"}).text = str(body.last)
    order = SubElement(root, "TIME_ORDER")
    for number, time_ms in sorted(enumerate(body.times_ms, 1), key=itemgetter(1)):
        slot = {"TIME_SLOT_ID": f"ts{number}", "TIME_VALUE": str(time_ms)}
        SubElement(order, "TIME_SLOT", slot)
    root.extend(elements)
    root.extend(ElementTree.fromstring(_TYPES))
    return xml_text(root)


def _link(header: Element, kind: str, name: str, path: Path, to: Path, mime: str) -> None:
    beside = f"./{path.relative_to(to.parent).as_posix()}"
    where = {name: path.resolve().as_uri(), f"RELATIVE_{name}": beside, "MIME_TYPE": mime}
    SubElement(header, kind, where)


@dataclass(slots=True)
class _AnnotationNumbering:
    """Numbers annotations and the slots of their times."""

    times_ms: list[int] = field(default_factory=list)
    last: int = 0

    def tier(self, tier: AnnotationTier) -> Iterator[Element]:
        """A tier, with the tiers of its notes."""
        about = {"LINGUISTIC_TYPE_REF": _SPANS, "TIER_ID": tier.name}
        if tier.speaker:
            about["PARTICIPANT"] = tier.speaker
        main = Element("TIER", about)
        named: dict[str, Element] = {}
        for span, following in zip_longest(tier.spans, tier.spans[1:]):
            annotation = self._annotation(main, "ALIGNABLE_ANNOTATION", span.text)
            for end, time_ms in zip("12", _times_ms(span, following), strict=True):
                annotation.set(f"TIME_SLOT_REF{end}", self._slot(time_ms))
            for name, text in span.notes:
                if name not in named:
                    named[name] = _notes_tier(name, tier, about)
                note = self._annotation(named[name], "REF_ANNOTATION", text)
                note.set("ANNOTATION_REF", annotation.get("ANNOTATION_ID", ""))
        return iter([main, *named.values()])

    def _annotation(self, tier: Element, kind: str, text: str) -> Element:
        self.last += 1
        outer = SubElement(tier, "ANNOTATION")
        annotation = SubElement(outer, kind, {"ANNOTATION_ID": f"a{self.last}"})
        SubElement(annotation, "ANNOTATION_VALUE").text = text
        return annotation

    def _slot(self, time_ms: int) -> str:
        self.times_ms.append(time_ms)
        return f"ts{len(self.times_ms)}"


def _notes_tier(name: str, tier: AnnotationTier, about: dict[str, str]) -> Element:
    _, at, speaker = tier.name.partition("@")
    title = f"{name}@{speaker}" if at else f"{name} of {tier.name}"
    notes = {"LINGUISTIC_TYPE_REF": NOTES, "PARENT_REF": tier.name, "TIER_ID": title}
    return Element("TIER", about | notes)


def _times_ms(span: LabelledSpan, following: LabelledSpan | None) -> tuple[int, int]:
    """Start and end in milliseconds, at least one apart, since ELAN takes no empty span."""
    start, end = round(1000 * span.start_s), round(1000 * span.end_s)
    if span.start_s == span.end_s:
        end = start + _MOMENT_MS
        if following is not None:
            end = min(end, round(1000 * following.start_s))
    return start, max(end, start + 1)


def xml_text(root: Element) -> str:
    """Text of an XML document, indented."""
    ElementTree.indent(root, " " * 4)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


# ------------------------------------------------------------------------------------------- curves


def write_curves(
    store: Store, info: SessionInfo, to: Path, atomic_files: AtomicFiles
) -> tuple[Path, ...]:
    """Write the probabilities of each channel as ELAN draws them beside an annotation file.

    Returns
    -------
    The files that the annotation file must link, the configuration first.
    """
    began = info.metadata.started.isoformat(timespec="seconds")
    root = Element("timeseries", {"date": began, "version": "1.0"})
    panels = []
    paths = []
    for channel in info.channels:
        number = "" if len(info.channels) == 1 else f"_{channel.number}"
        path = to.with_name(f"{to.stem}_curves{number}.csv")
        columns = store.columns(info.id, channel.number)
        _write_curve(columns, atomic_files.begin(path))
        speaker = info.speaker(channel.number)
        names = [f"{label}@{speaker}" if speaker else label for label in columns.labels]
        _source(root, path, names, columns.labels)
        panels.append(names)
        paths.append(path)
    configuration = to.with_name(f"{to.stem}_tsconf.xml")
    atomic_files.write(configuration, xml_text(root))
    atomic_files.write(to.with_suffix(".pfsx"), xml_text(_preferences(panels)))
    return (configuration, *paths)


def _write_curve(columns: Columns, path: Path) -> None:
    """Rows of a time and the probabilities, ``NaN`` outside speech."""
    heading = ",".join(["time_s", *(one_line(label).replace(",", " ") for label in columns.labels)])
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(f"#{heading}\r\n")
        for time_s, row in zip(columns.time_s.tolist(), columns.probabilities, strict=True):
            cells = ("NaN" if np.isnan(value) else f"{value:.6f}" for value in row.tolist())
            file.write(",".join([f"{time_s:.2f}", *cells]) + "\r\n")


def _source(root: Element, path: Path, names: Sequence[str], labels: Sequence[str]) -> None:
    about = {
        "source-url": path.resolve().as_uri(),
        "sample-type": "Discontinuous Rate",  # a step may be missing
        "time-column": "0",
    }
    source = SubElement(root, "tracksource", about)
    SubElement(source, "property", {"key": "provider", "value": _PROVIDER})
    for column, (name, label) in enumerate(zip(names, labels, strict=True), 1):
        track = SubElement(source, "track", {"name": name, "derivative": "0"})
        SubElement(track, "property", {"key": "detect-range", "value": "false"})
        position = SubElement(track, "sample-position")
        SubElement(position, "pos", {"row": "0", "col": str(column)})
        SubElement(track, "description").text = f"probability of {one_line(label)}"
        SubElement(track, "units").text = "probability"
        SubElement(track, "range", {"min": "0.0", "max": "1.0"})
        color = COLORS.get(label, "#444444").removeprefix("#")
        SubElement(track, "color").text = ",".join(str(part) for part in bytes.fromhex(color))


def _preferences(panels: Sequence[Sequence[str]]) -> Element:
    root = Element(
        "preferences",
        {
            "version": "1.1",
            "xmlns:xsi": _SCHEMA,
            "xsi:noNamespaceSchemaLocation": "http://www.mpi.nl/tools/elan/Prefs_v1.1.xsd",
        },
    )
    count = SubElement(root, "pref", {"key": "TimeSeriesViewer.NumberOfPanels"})
    SubElement(count, "Int").text = str(len(panels))
    for number, names in enumerate(panels, 1):
        panel = SubElement(root, "prefList", {"key": f"TimeSeriesViewer.Panel-{number}"})
        for name in names:
            SubElement(panel, "String").text = name
    return root

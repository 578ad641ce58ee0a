"""NOVA's and SSI's annotations and streams: a header in XML, and the data beside it.

``NAME.annotation`` has the segments of the first channel and ``NAME.stream`` the probabilities of
its steps, ``NaN`` outside speech; the other channels and tiers have names of their own. The data
lie in the file whose name has ``~`` behind it. The formats are those of the Social Signal
Interpretation framework (Wagner et al. 2013, doi:10.1145/2502081.2502223).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.files import AtomicFiles, numbered_path
from realtime_ser.base.labels import COLORS
from realtime_ser.base.records import STEP_S, Segment
from realtime_ser.exchange.elan import xml_text
from realtime_ser.exchange.tiers import SEGMENTS, AnnotationTier, session_tiers
from realtime_ser.session.store import SessionInfo, Store

_ANNOTATOR = "realtime-ser"
_GREY = "#888888"
_SHORTEST_S = 0.001  # the format has no moments

_Row = tuple[float, float, str | int, float]
"""Start and end in seconds, number of the class or text, and confidence."""


def write_nova(store: Store, info: SessionInfo, to: Path, files: AtomicFiles) -> None:
    """Write the segments of a session to ``to``, and its other tiers and its steps beside it."""
    for place, channel in enumerate(info.channels):
        role = info.speaker(channel.number) or f"channel{channel.number}"
        path = to if place == 0 else to.with_name(f"{to.stem}.channel{channel.number}{to.suffix}")
        columns = store.columns(info.id, channel.number)
        _write_segments(store.segments(info.id, channel.number), columns.labels, role, path, files)
        _write_stream(columns.on_grid(columns.probabilities), path.with_suffix(".stream"), files)
    for tier in session_tiers(store, info):
        if tier.spans and tier.name.partition("@")[0] != SEGMENTS:
            name = re.sub(r"[^\w-]+", "_", tier.name).strip("_") or "tier"
            path = to.with_name(f"{to.stem}.{name}{to.suffix}")
            _write_tier(tier, numbered_path(path, lambda one: one in files.paths), files)


def _write_segments(
    segments: Iterable[Segment], labels: Sequence[str], role: str, path: Path, files: AtomicFiles
) -> None:
    """Write segments as a discrete scheme: the class of unusable sound is its quality."""
    classes = {label: number for number, label in enumerate(labels)}
    rows: list[_Row] = []
    for segment in segments:
        estimate = segment.estimate
        name = estimate.label if estimate.quality.usable else estimate.quality.value
        number = classes.setdefault(name, len(classes))
        rows.append((segment.start_s, segment.end_s, number, estimate.confidence))
    scheme = Element("scheme", {"name": "emotion", "type": "DISCRETE"})
    for name, number in classes.items():
        item = {"id": str(number), "name": name, "color": COLORS.get(name, _GREY)}
        SubElement(scheme, "item", item)
    _write_annotation(rows, role, scheme, path, files)


def _write_tier(tier: AnnotationTier, path: Path, files: AtomicFiles) -> None:
    rows: list[_Row] = [
        (span.start_s, max(span.end_s, span.start_s + _SHORTEST_S), span.text, 1.0)
        for span in tier.spans
    ]
    scheme = Element("scheme", {"name": tier.name, "type": "FREE", "color": _GREY})
    _write_annotation(rows, tier.speaker or "session", scheme, path, files)


def _write_annotation(
    rows: Sequence[_Row], role: str, scheme: Element, path: Path, files: AtomicFiles
) -> None:
    root = Element("annotation", {"ssi-v": "3"})
    SubElement(root, "info", {"ftype": "ASCII", "size": str(len(rows))})
    SubElement(root, "meta", {"role": role, "annotator": _ANNOTATOR})
    root.append(scheme)
    files.write(path, xml_text(root))
    with files.begin(_data_path(path)).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\n")
        for start_s, end_s, what, confidence in rows:
            writer.writerow([f"{start_s:.3f}", f"{end_s:.3f}", what, f"{confidence:.3f}"])


def _write_stream(steps: NDArray[np.float32], path: Path, files: AtomicFiles) -> None:
    """Write a stream of a sample each step, which covers the 80 ms from its place on."""
    count, dimensions = steps.shape
    root = Element("stream", {"ssi-v": "2"})
    layout = {"ftype": "BINARY", "sr": f"{1 / STEP_S:g}", "dim": str(dimensions)}
    SubElement(root, "info", layout | {"byte": "4", "type": "FLOAT", "delim": ""})
    SubElement(root, "meta", {"type": "feature"})
    extent = {"from": "0.000", "to": f"{count * STEP_S:.3f}", "byte": "0", "num": str(count)}
    SubElement(root, "chunk", extent)
    files.write(path, xml_text(root))
    files.begin(_data_path(path)).write_bytes(steps.astype("<f4").tobytes())


def _data_path(header: Path) -> Path:
    return header.with_name(f"{header.name}~")

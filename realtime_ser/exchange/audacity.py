r"""Audacity's label track: ``start<TAB>end<TAB>label`` a line, in seconds.

Lines that begin with a backslash tell frequencies of the label above them (Audacity's manual,
"Importing and Exporting Labels").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from realtime_ser.base.errors import SerError
from realtime_ser.base.text import one_line
from realtime_ser.exchange.text_input import decoded, lines_of, seconds_of
from realtime_ser.exchange.tiers import MARKERS, SEGMENTS, AnnotationTier, LabelledSpan

LABELS = "labels"
"""Tier of the regions of a label track, which has no name of its own."""


def labels_text(tiers: Sequence[AnnotationTier]) -> str:
    """All tiers as one label track in order of time; all but segments name their tier."""
    spans = sorted(labels(tiers), key=lambda span: (span.start_s, span.end_s))
    return "".join(f"{span.start_s:.6f}\t{span.end_s:.6f}\t{span.text}\n" for span in spans)


def labels(tiers: Sequence[AnnotationTier]) -> Iterator[LabelledSpan]:
    """Spans of all tiers in the order of one track."""
    for tier in tiers:
        kind = tier.name.partition("@")[0].partition(" (")[0]
        known = kind in (SEGMENTS, MARKERS, LABELS)
        words = [tier.speaker, "" if known else kind]
        for span in tier.spans:
            text = ": ".join([*(word for word in words if word), span.text])
            yield LabelledSpan(span.start_s, span.end_s, text)


def read_labels(path: Path) -> list[AnnotationTier]:
    """Regions and points of a label track, on a tier each.

    Times may also be written as on a clock, and be parted by spaces, as text editors leave them.

    Raises
    ------
    SerError
        A line is no label; nothing of the file is read then.
    """
    try:
        spans = list(_spans(lines_of(decoded(path.read_bytes()))))
    except ValueError as error:
        raise SerError(
            f"{path} is not a label track ({error}): export it in Audacity with 'Export Other', "
            "'Export Labels'."
        ) from error
    points = tuple(span for span in spans if span.start_s == span.end_s)
    regions = tuple(span for span in spans if span.start_s < span.end_s)
    return [AnnotationTier(LABELS, regions), AnnotationTier(MARKERS, points, moments=True)]


def _spans(lines: Sequence[str]) -> Iterator[LabelledSpan]:
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("\\"):
            try:
                yield _span(line)
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from error


def _span(line: str) -> LabelledSpan:
    parts = line.split("\t", 2) if "\t" in line else line.split(None, 2)
    if len(parts) < 2:
        raise ValueError("it has no two times")
    start_s, end_s = (seconds_of(value) for value in parts[:2])
    if end_s < start_s:
        raise ValueError("it ends before it starts")
    return LabelledSpan(start_s, end_s, one_line("".join(parts[2:])))

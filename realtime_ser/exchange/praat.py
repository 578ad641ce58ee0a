"""Praat's TextGrid: written in its long text format, read in either.

The format as Praat's manual has it ("TextGrid file formats"): outside of quoted texts, only
numbers that stand free and words in angle brackets count, so that one reader reads the long and the
short format alike. praatIO's reader does not: it loses its way where a label holds ``item [``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from realtime_ser.base.errors import SerError
from realtime_ser.base.records import STEP_S
from realtime_ser.base.text import one_line
from realtime_ser.exchange.text_input import check_spans, decoded
from realtime_ser.exchange.tiers import AnnotationTier, LabelledSpan

_DIGITS = 6
_SHORTEST_S = 1e-6

_TOKEN = re.compile(
    r'"((?:[^"]|"")*)"|(?<!\S)![^\n]*|<([^<>\s]+)>|(?<!\S)([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?!\S)'
)


def textgrid_text(tiers: Sequence[AnnotationTier], end_s: float) -> str:
    """Tiers as a TextGrid of ``0 .. end_s`` seconds; gaps are empty intervals."""
    end_s = max(end_s, STEP_S)  # Praat has no TextGrid without a duration
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {_number(end_s)}",
        "tiers? <exists>",
        f"size = {len(tiers)}",
        "item []:",
    ]
    for index, tier in enumerate(tiers, 1):
        lines += [f"    item [{index}]:", *(f"        {line}" for line in _tier(tier, end_s))]
    return "\n".join(lines) + "\n"


def _tier(tier: AnnotationTier, end_s: float) -> Iterator[str]:
    kind, items = ("TextTier", "points") if tier.moments else ("IntervalTier", "intervals")
    rows = list(tier.spans) if tier.moments else list(_without_gaps(tier.spans, end_s))
    yield f"class = {_quoted(kind)}"
    yield f"name = {_quoted(tier.name)}"
    yield "xmin = 0"
    yield f"xmax = {_number(end_s)}"
    yield f"{items}: size = {len(rows)}"
    for index, span in enumerate(rows, 1):
        yield f"{items} [{index}]:"
        if tier.moments:
            yield f"    number = {_number(span.start_s)}"
            yield f"    mark = {_quoted(span.text)}"
        else:
            yield f"    xmin = {_number(span.start_s)}"
            yield f"    xmax = {_number(span.end_s)}"
            yield f"    text = {_quoted(span.text)}"


def _without_gaps(spans: Sequence[LabelledSpan], end_s: float) -> Iterator[LabelledSpan]:
    """Spans with empty spans between, in whole microseconds: Praat refuses spans without length.

    Lanes count milliseconds; here not even less may overlap.
    """
    done_s = 0.0
    for span in spans:
        start_s = max(round(span.start_s, _DIGITS), done_s)
        if start_s > done_s:
            yield LabelledSpan(done_s, start_s, "")
        done_s = max(round(span.end_s, _DIGITS), round(start_s + _SHORTEST_S, _DIGITS))
        yield LabelledSpan(start_s, done_s, span.text)
    if done_s < round(end_s, _DIGITS):
        yield LabelledSpan(done_s, end_s, "")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _number(value: float) -> str:
    return f"{value:.{_DIGITS}f}".rstrip("0").rstrip(".")


# ------------------------------------------------------------------------------------------ reading


def read_textgrid(path: Path) -> list[AnnotationTier]:
    """Tiers of a TextGrid, without its empty intervals.

    Raises
    ------
    SerError
        The file is no TextGrid in text format; nothing of it is read then.
    """
    try:
        return _parse(decoded(path.read_bytes()))
    except StopIteration as error:
        raise SerError(
            f"{path} is a TextGrid that ends early, or none: save it in Praat with 'Save as text "
            "file'."
        ) from error
    except ValueError as error:
        raise SerError(
            f"{path} is not a TextGrid that can be read ({error}): save it in Praat with 'Save as "
            "text file'."
        ) from error


def _parse(text: str) -> list[AnnotationTier]:
    tokens = (
        quoted.replace('""', '"') if quoted is not None else flag or number
        for quoted, flag, number in (match.group(1, 2, 3) for match in _TOKEN.finditer(text))
        if quoted is not None or flag or number  # a comment is none of these
    )
    if (next(tokens), next(tokens)) != ("ooTextFile", "TextGrid"):
        raise ValueError("it does not begin like one")
    float(next(tokens)), float(next(tokens))
    if next(tokens) != "exists":
        return []
    return [_parse_tier(tokens) for _ in range(int(next(tokens)))]


def _parse_tier(tokens: Iterator[str]) -> AnnotationTier:
    kind, name = next(tokens), one_line(next(tokens))
    if kind not in ("IntervalTier", "TextTier"):
        raise ValueError(f"'{kind[:40]}' is no kind of tier")
    moments = kind == "TextTier"
    float(next(tokens)), float(next(tokens))
    spans = []
    for _ in range(int(next(tokens))):
        start_s = float(next(tokens))
        end_s = start_s if moments else float(next(tokens))
        text = one_line(next(tokens))
        if text or moments:
            spans.append(LabelledSpan(start_s, end_s, text))
    check_spans(name, spans)
    spans.sort(key=lambda span: span.start_s)
    return AnnotationTier(name, tuple(spans), moments)

"""Text of other tools: encodings, and times as people and programs write them."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence

from realtime_ser.exchange.tiers import LabelledSpan

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE = 4096
_FARTHEST_S = 1e10  # some centuries
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d*)?(?:[eE][-+]?\d+)?")
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:[.,]\d+)?)")


def decoded(data: bytes) -> str:
    """Text of a file: UTF-8, UTF-16 and UTF-32 by their marks or their zeros, else Windows-1252.

    Raises
    ------
    UnicodeDecodeError
        A mark announces an encoding that the text does not have.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return data.decode(name)
    sample = data[:_SAMPLE]
    zeros = [sample[start::2].count(0) / max(1, len(sample[start::2])) for start in (0, 1)]
    if max(zeros) > 0.3 and min(zeros) < 0.1:
        return data.decode("utf-16-le" if zeros[1] > zeros[0] else "utf-16-be")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")  # which has a character for each byte


def lines_of(text: str) -> list[str]:
    """Lines of a text; only ends of lines end one."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def seconds_of(text: str) -> float:
    """A time in seconds: ``2.5``, ``2,5``, ``00:02.5`` or ``0:00:02.5``.

    Raises
    ------
    ValueError
        It is none.
    """
    text = text.strip()
    clock = _CLOCK.fullmatch(text)
    if clock is not None:
        hours, minutes, seconds = clock.groups()
        whole = 3600 * int(hours or 0) + 60 * int(minutes)
        return whole + float(seconds.replace(",", "."))
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(f"'{text[:40]}' is no time")
    return possible_time(float(text.replace(",", ".")))


def possible_time(seconds: float) -> float:
    """A time in seconds, unchanged.

    Raises
    ------
    ValueError
        No recording has it.
    """
    if not abs(seconds) <= _FARTHEST_S:
        raise ValueError(f"a time of {seconds:g} s, which no recording has")
    return seconds


def is_time(text: str) -> bool:
    """Whether a text is a time."""
    text = text.strip()
    return bool(_CLOCK.fullmatch(text) or _NUMBER.fullmatch(text))


def check_spans(tier: str, spans: Sequence[LabelledSpan]) -> None:
    """Refuse a tier of which a span ends before it starts, or at no time.

    Raises
    ------
    ValueError
        One does; the words name the tier and the span.
    """
    for span in spans:
        if possible_time(span.end_s) < possible_time(span.start_s):
            raise ValueError(
                f"'{span.text[:40]}' on the tier '{tier}' ends at {span.end_s:g} s, before it "
                f"starts at {span.start_s:g} s"
            )

"""Numbers and names as they stand in reports."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from training.corpora.known import LANGUAGE_GROUPS, LANGUAGES
from training.corpora.label_folders import UNKNOWN_LANGUAGE

NO_VALUE = "–"
"""Stands where there is no number."""


def language(code: str) -> str:
    """Name of a language by its ISO 639-1 code; one that is not known goes by the code."""
    return "not told" if code == UNKNOWN_LANGUAGE else LANGUAGES.get(code, code)


def language_group(code: str) -> str:
    """Group of related languages; a language that is not known stands alone."""
    return LANGUAGE_GROUPS.get(code, language(code))


def join_names(names: Iterable[str]) -> str:
    """Join names as a sentence does: ``a, b and c``."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def compact_ranges(names: Sequence[str], between: str) -> list[str]:
    """Sorted names, three or more numbers in a row as their first and last."""
    runs: list[list[str]] = []
    for name in names:
        follows = name.isdecimal() and runs and runs[-1][-1].isdecimal()
        if follows and int(name) == int(runs[-1][-1]) + 1:
            runs[-1].append(name)
        else:
            runs.append([name])
    pieces = [[f"{run[0]}{between}{run[-1]}"] if len(run) > 2 else run for run in runs]
    return [name for piece in pieces for name in piece]


def ratio(value: float | None) -> str:
    """A share of 1 with three decimals."""
    return NO_VALUE if value is None else f"{value:.3f}"


def percent(value: float | None) -> str:
    """A share of 1 in per cent."""
    return NO_VALUE if value is None else f"{100 * value:.1f} %"


def whole_percent(value: float | None) -> str:
    """A share of 1 in whole per cent."""
    return NO_VALUE if value is None else f"{value:.0%}"


def points(value: float | None) -> str:
    """A difference of shares in points of a hundred, with its sign."""
    if value is None:
        return NO_VALUE
    rounded = round(100 * value, 1) + 0.0  # no negative zero
    return f"{rounded:+.1f}".replace("-", "−")


def format_points_interval(limits: Sequence[float] | None) -> str:
    """An interval of differences of shares, in points."""
    return NO_VALUE if limits is None else f"{points(limits[0])} to {points(limits[1])}"


def one_decimal(value: float) -> str:
    """A number with one decimal."""
    return f"{round(value, 1) + 0.0:.1f}".replace("-", "−")


def one_decimal_interval(limits: Sequence[float] | None) -> str:
    """An interval of numbers with one decimal each."""
    return NO_VALUE if limits is None else f"{one_decimal(limits[0])} to {one_decimal(limits[1])}"


def parameter_count(count: int | None) -> str:
    """A number of parameters, in thousands or millions."""
    if count is None:
        return NO_VALUE
    return f"{count / 1e6:.1f} M" if count >= 1e6 else f"{count / 1e3:.0f} k"


def delay(median_s: float | None, followed: float | None) -> str:
    """A median delay; endless where less than half of what there is came to an end."""
    return "endless" if median_s is None and followed is not None else seconds(median_s)


def format_interval(limits: Sequence[float] | None) -> str:
    """An interval of shares."""
    return NO_VALUE if limits is None else f"{limits[0]:.3f} to {limits[1]:.3f}"


def seconds(value: float | None) -> str:
    """A time in seconds."""
    return NO_VALUE if value is None else f"{value:.1f} s"


def paragraph(text: str) -> str:
    """Paragraph for Markdown, wrapped at 100 columns."""
    return textwrap.fill(text, 100, break_long_words=False, break_on_hyphens=False)


def bullet(text: str) -> str:
    """List item for Markdown, wrapped at 100 columns."""
    return textwrap.fill(
        text,
        100,
        initial_indent="- ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )

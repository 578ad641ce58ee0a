"""Dates and numbers as the system's locale writes them; files, and what is typed, stay as they are.

Times of a session, as ``12:48.250``, are written with a point everywhere, as ELAN and Praat do.
"""

from __future__ import annotations

import re
from datetime import datetime

from PyQt6.QtCore import QDate, QDateTime, QLocale, QTime

_NUMBER = re.compile(r"(?<![\w.,:])(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.\d+)(?![\w:]|[.,]\d)")


def local_numbers(words: str) -> str:
    """Words whose numbers, as ``1,234.5``, have the signs of the system's locale."""
    locale = QLocale()
    signs = {".": locale.decimalPoint(), ",": locale.groupSeparator()}
    return _NUMBER.sub(
        lambda found: "".join(signs.get(sign, sign) for sign in found[0]),
        words,
    )


def moment_format(*, seconds: bool = False) -> str:
    """Qt's pattern of date and time to the minute, or to the second."""
    time = QLocale().timeFormat(QLocale.FormatType.ShortFormat) if _is_known() else "HH:mm"
    return f"{_day_format()} {time.replace('mm', 'mm:ss') if seconds else time}"


def moment_text(moment: datetime, pattern: str = "", *, seconds: bool = False) -> str:
    """Date and time to the minute, or by a pattern of Qt's, by the clock of its place."""
    return QLocale().toString(_wall(moment), pattern or moment_format(seconds=seconds))


def day_text(moment: datetime) -> str:
    """Date of a moment, by the clock of its place."""
    return QLocale().toString(_wall(moment), _day_format())


def _is_known() -> bool:
    """Whether the system has a locale; without one, dates are those of ISO 8601."""
    return QLocale().language() is not QLocale.Language.C


def _day_format() -> str:
    """Short date of the locale, with all digits of the year."""
    form = QLocale().dateFormat(QLocale.FormatType.ShortFormat) if _is_known() else "yyyy-MM-dd"
    return form if "yyyy" in form else form.replace("yy", "yyyy")


def _wall(moment: datetime) -> QDateTime:
    """What the clock of the place showed."""
    day = QDate(moment.year, moment.month, moment.day)
    return QDateTime(day, QTime(moment.hour, moment.minute, moment.second))

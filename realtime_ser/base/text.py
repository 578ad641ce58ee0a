"""Numbers and results as text, for window and terminal."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # brings NumPy along, which help does without
    from realtime_ser.base.records import Estimate, Quality, SegmentVoice, VoiceMeasures

_CLOSE = 0.7
"""Share of letters from which a word resembles another, as :mod:`difflib` counts them."""

UNNAMED_MARKER = "marker"  # text of a marker that carries none
_FORBIDDEN = ("Cc", "Cs", "Cn", "Zl", "Zp")
"""Categories of controls, lone surrogates, unassigned code points, line and paragraph ends."""


def channel_title(number: int, names: Mapping[int, str]) -> str:
    """A channel's name, or ``channel 2``."""
    return names.get(number, f"channel {number}")


def percent_text(probability: float) -> str:
    """A probability as ``72 %``, with a narrow space that keeps it on one line."""
    return f"{round(100 * probability)}\u202f%"


def clock_text(seconds: float) -> str:
    """Session time as ``00:12:48``."""
    whole = int(max(0.0, seconds) + 1e-6)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def length_text(seconds: float) -> str:
    """Length of time as ``00:12:48``, to the nearest second."""
    return clock_text(round(seconds))


def duration_text(seconds: float) -> str:
    """A length of time as ``30 s``, ``5 min`` or ``1 h``."""
    if seconds < 60 or seconds % 60:
        return f"{seconds:g} s"
    return f"{seconds / 60:g} min" if seconds < 3600 or seconds % 3600 else f"{seconds / 3600:g} h"


def elapsed_text(seconds: float) -> str:
    """Say how long ago something was, in words of stable coarseness."""
    if seconds < 1.0:
        return "just now"
    if seconds < 60.0:
        return f"{int(seconds)} s ago"
    if seconds < 3600.0:
        return f"{int(seconds // 60)} min ago"
    return f"{int(seconds // 3600)} h ago"


def confidence_text(confidence: float, *, certain: bool) -> str:
    """Probability of the label that is shown, and whether it is to be trusted."""
    words = percent_text(confidence)
    return words if certain else f"{words}, uncertain"


NO_RESULT = "no result counts"
"""In the place of a probability where the sound is not usable."""

FAR_VOICE = (
    "This voice is far from what the model knows as neutral: if it is how this person normally "
    "sounds here, a profile corrects for it ('realtime-ser calibrate NAME', or Tools, Calibrate in "
    "the window)."
)
"""Said once where a voice is far from the reference that profiles are measured from."""


def result_text(estimate: Estimate, *, short: bool = False) -> str:
    """A segment's result in words; an uncertain one carries a question mark.

    Where the sound is not usable, what it was like stands in the place of a label.
    """
    if not estimate.quality.usable:
        return estimate.quality.value
    name = estimate.label if estimate.certain else f"{estimate.label}?"
    return name if short else f"{name} {percent_text(estimate.confidence)}"


def spoken_result(estimate: Estimate) -> str:
    """A segment's result for those who do not see."""
    if not estimate.quality.usable:
        return estimate.quality.value
    return estimate.label if estimate.certain else f"{estimate.label}, uncertain"


def decibels(level_dbfs: float, unit: str) -> str:
    """A level as ``−23 dB``; a dash for silence."""
    return "–" if level_dbfs <= -120.0 else f"{level_dbfs:.0f} {unit}".replace("-", "\u2212")


def voice_rows(voice: VoiceMeasures | SegmentVoice) -> list[tuple[str, str]]:
    """What a voice does, a name and a value each; nothing of what is not known."""
    rows = [
        ("loudness", decibels(voice.loudness_lufs, "LUFS")),
        ("pauses", percent_text(voice.pause_share)),
    ]
    semitones = getattr(voice, "f0_range_semitones", None)  # of segments alone
    if semitones is not None:
        rows.insert(0, ("pitch range", f"{semitones:.1f} semitones"))
    if voice.f0_hz is not None:
        rows.insert(0, ("pitch", f"{voice.f0_hz:.0f} Hz"))
    if voice.speaking_rate is not None:
        rows.append(("speaking rate", f"{voice.speaking_rate:.1f} syllables/s"))
    if voice.activation is not None:
        rows.append(("activation", f"{voice.activation:+.2f}".replace("-", "\u2212")))
    return rows


def count_text(number: int, noun: str) -> str:
    """A number of things as ``1 session`` or ``3 sessions``."""
    return f"{number} {noun}" if number == 1 else f"{number:,} {noun}s"


def speech_text(
    speech_s: float,
    segments: int,
    shares: Mapping[str, float],
    left_out_s: Mapping[Quality, float],
    certain_share: float | None,
) -> str:
    """Duration of speech, the shares of its labels, the largest first, and what is in no share.

    ``certain_share`` is the share of what counts that is certain; ``None``: nothing counts.
    """
    if not segments:
        return "no speech"
    parts = [f"{speech_s:.1f} s of speech in {count_text(segments, 'segment')}"]
    if shares:
        most, *others = (f"{label} {percent_text(share)}" for label, share in shares.items())
        parts.append(f"mostly {most}" + (f" ({', '.join(others)})" if others else ""))
    if certain_share is not None:
        parts.append(certain_text(certain_share))
    if left_out_s:
        parts.append(in_no_share_text(left_out_s))
    return ", ".join(parts)


def certain_text(share: float) -> str:
    """Share of the voiced time whose results are certain, as ``62 % of it certain``."""
    return f"{percent_text(share)} of it certain"


def in_no_share_text(left_out_s: Mapping[Quality, float]) -> str:
    """Time that counts in no share, as ``left out: 19.8 s not a voice``; empty: all counts."""
    return f"left out: {left_out_text(left_out_s)}" if left_out_s else ""


def left_out_text(left_out_s: Mapping[Quality, float]) -> str:
    """Time that counts in no share, as ``19.8 s not a voice, 1.2 s too quiet``, the longest first.

    Empty where all of it counts.
    """
    ordered = sorted(left_out_s.items(), key=lambda item: -item[1])
    return ", ".join(
        f"{seconds:.{1 if seconds >= 0.05 else 2}f} s {quality.value}"
        for quality, seconds in ordered
    )


def size_text(size: int) -> str:
    """Bytes in a unit that a person reads, of powers of 1000."""
    if size < 1000:
        return f"{size} B"
    power = next((power for power in (1, 2, 3) if size < 999.5 * 1000**power), 4)
    number, unit = size / 1000**power, ("kB", "MB", "GB", "TB")[power - 1]
    return f"{number:.1f} {unit}" if number < 9.95 else f"{number:.0f} {unit}"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Known word that resembles another most; ``None``: none does."""
    import difflib

    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=_CLOSE)), None)


def nearest_hint(word: str, known: Iterable[str], otherwise: str = ".") -> str:
    """End of a sentence about an unknown word: the known one that resembles it most."""
    near = nearest(word, known)
    return f"; did you mean '{near}'?" if near else otherwise


def one_line(text: str) -> str:
    """Text as one line that each format can hold: without controls and what XML forbids."""
    if text.isprintable():  # most are, and are done at once
        return " ".join(text.split())
    from unicodedata import category

    return " ".join("".join(" " if category(c) in _FORBIDDEN else c for c in text).split())


def printable(text: str) -> str:
    """Text that can be written as UTF-8: other bytes of a name become their hexadecimal codes."""
    return os.fsencode(text).decode("utf-8", "backslashreplace") if _has_surrogates(text) else text


def _has_surrogates(text: str) -> bool:
    return any("\udc80" <= character <= "\udcff" for character in text)


def exact_clock(seconds: float, resolution_s: float = 0.001) -> str:
    """Session time as finely as a resolution needs: ``0:12:48``, ``12:48.3``, ``12:48.250``."""
    digits = next((n for n in range(3) if resolution_s >= 10.0**-n), 3)
    whole = round(max(0.0, seconds) * 10**digits)
    rest, fraction = divmod(whole, 10**digits)
    hours, minutes, second = rest // 3600, rest // 60 % 60, rest % 60
    text = f"{hours}:{minutes:02d}:{second:02d}" if hours else f"{minutes:02d}:{second:02d}"
    return f"{text}.{fraction:0{digits}d}" if digits else text

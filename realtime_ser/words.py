"""How numbers and results are written in window and terminal."""

from __future__ import annotations


def percent(probability: float) -> str:
    """A probability as ``72 %``, with a narrow space that keeps it on one line."""
    return f"{round(100 * probability)}\u202f%"


def clock_text(seconds: float) -> str:
    """Session time as ``00:12:48``."""
    whole = int(max(0.0, seconds) + 1e-6)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def elapsed(seconds: float) -> str:
    """Say how long ago something was, in words of stable coarseness."""
    if seconds < 1.0:
        return "just now"
    if seconds < 60.0:
        return f"{int(seconds)} s ago"
    if seconds < 3600.0:
        return f"{int(seconds // 60)} min ago"
    return f"{int(seconds // 3600)} h ago"


def result_text(label: str, confidence: float, *, certain: bool, short: bool = False) -> str:
    """A segment's result in words; an uncertain one carries a question mark."""
    name = label if certain else f"{label}?"
    return name if short else f"{name} {percent(confidence)}"


def decibels(level_dbfs: float, unit: str) -> str:
    """A level as ``−23 dB``; a dash for silence."""
    return "–" if level_dbfs <= -120.0 else f"{level_dbfs:.0f} {unit}".replace("-", "\u2212")

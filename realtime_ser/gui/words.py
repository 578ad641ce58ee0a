"""See :mod:`realtime_ser.words`."""

from realtime_ser.words import clock_text, decibels, elapsed, percent, result_text

__all__ = ["clock_text", "decibels", "elapsed", "percent", "result_text"]

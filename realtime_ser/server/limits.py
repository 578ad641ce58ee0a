"""Bounds of what a page may ask for, each with the sentence that tells it."""

from __future__ import annotations

from dataclasses import dataclass

from realtime_ser.base.errors import SerError
from realtime_ser.base.text import duration_text, size_text


class LimitError(SerError):
    """A page asks for more than the server gives."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a server.

    Attributes
    ----------
    upload_bytes
        Largest file.
    sound_s
        Longest file and longest recording, in seconds.
    idle_s
        Longest time in which a page sends nothing although it should, in seconds.
    ahead_s
        Seconds by which sound of a microphone may be ahead of the clock.
    microphones, files
        Pages that may record, and files that may be heard or wait, at the same time.
    """

    upload_bytes: int = 1_000_000_000
    sound_s: float = 4 * 3600.0
    idle_s: float = 10.0
    ahead_s: float = 5.0
    microphones: int = 20
    files: int = 8

    def require_size(self, size: int) -> None:
        """Refuse a file of too many bytes."""
        if size > self.upload_bytes:
            raise LimitError(
                f"The file is larger than {size_text(self.upload_bytes)}, the most that this "
                "server takes: hear it with 'realtime-ser analyze'."
            )

    def require_duration(self, seconds: float) -> None:
        """Refuse sound that is too long."""
        if seconds > self.sound_s:
            raise LimitError(
                f"The sound is longer than {duration_text(self.sound_s)}, the most that this "
                "server hears at a time: cut it, or use 'realtime-ser analyze'."
            )

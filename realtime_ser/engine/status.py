"""Status of a monitor: a value that the worker replaces and that any thread may read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from realtime_ser.base.text import count_text


class Phase(StrEnum):
    """Phase of a monitor's life."""

    IDLE = "idle"
    LISTENING = "listening"
    PAUSED = "paused"
    RECONNECTING = "reconnecting"
    ENDED = "ended"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Status:
    """A monitor at a moment."""

    phase: Phase = Phase.IDLE
    position_s: float = 0.0  # time of the session
    overflows: int = 0  # blocks before which the device reported lost samples
    dropped_samples: int = 0  # at the native rate
    away_samples: int = 0  # of those, lost while the device was away or the program stood still
    updates: int = 0  # of all channels
    late: bool = False  # whether results have come late for some time
    error: str | None = None  # why it failed or reconnects; one sentence
    notice: str | None = None  # what a person should know of the microphone; one sentence


def latency_text(latency_ms: float | None, *, live: bool) -> str:
    """Latency in words; ``None``: not measured yet."""
    if not live:
        return "no latency: file"
    return "latency –" if latency_ms is None else f"latency {latency_ms:.0f} ms"


def losses_text(dropped_samples: int, overflows: int) -> str:
    """Lost samples and overflows in words."""
    dropped = f"{dropped_samples:,} samples dropped" if dropped_samples else "0 dropped"
    return f"{dropped}, {count_text(overflows, 'overflow')}" if overflows else dropped


def storage_text(*, recording: bool) -> str:
    """Whether the sound is kept, in words."""
    return "audio is being stored" if recording else "audio is not stored"

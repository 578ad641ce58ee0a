"""The few lines that a script needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from realtime_ser.base.config import AUTO, Config, load_config, parse_config
from realtime_ser.engine.model_choice import for_live
from realtime_ser.engine.monitor import Monitor
from realtime_ser.engine.open import make_monitor, open_source


def open_monitor(
    source: str | Path = "auto",
    *,
    device: str | None = None,
    channels: Sequence[int] = (1,),
    speed: float = 1.0,
    model: str | Path = AUTO,
    config: Path | None = None,
) -> Monitor:
    """A monitor that keeps nothing of what it hears.

    Parameters
    ----------
    source
        ``auto``, ``mic``, ``demo``, or the path of an audio file.
    device
        Part of a microphone's name; ``None`` for the system's default.
    channels
        Channels to monitor, from 1.
    speed
        Pace of a file: 1 is live, 0 as fast as it can be processed.
    model
        Name of a shipped bundle, or the path of a bundle's folder; ``auto``: ``large`` where this
        machine keeps up with it, else ``default``.
    config
        Configuration file whose other settings are used.

    Returns
    -------
    Monitor
        Not started yet. Use it in a ``with`` statement, and loop over it.

    Raises
    ------
    SerError
        The source or the model cannot be opened, or a setting is wrong.

    Examples
    --------
    >>> from realtime_ser import open_monitor
    >>> with open_monitor("demo", speed=0) as monitor:
    ...     spoken = sum(update.speech for update in monitor)
    >>> spoken > 100
    True
    """
    settings = load_config(config) if config is not None else Config()
    audio = {"input": str(source), "device": device, "channels": tuple(channels), "speed": speed}
    changed = settings.model_dump() | {"model": str(model)}
    changed["audio"] |= audio
    chosen = parse_config(changed, "the call of open_monitor")
    return make_monitor(for_live(chosen).config, open_source(chosen.audio).source)

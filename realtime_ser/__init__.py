"""Realtime SER: which emotions a voice carries, while it speaks.

>>> from realtime_ser import open_monitor
>>> with open_monitor("demo", speed=0) as monitor:  # or "mic", or the path of an audio file
...     labels = {update.estimate.label for update in monitor if update.estimate}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from realtime_ser.api import open_monitor as open_monitor

__version__ = "0.1.0"
__all__ = ["__version__", "open_monitor"]


def __getattr__(name: str) -> Any:
    """Import what a script asks for when it asks: the package itself stays light."""
    if name == "open_monitor":
        from realtime_ser.api import open_monitor

        return open_monitor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Memory that was freed, back to the system."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable

_LARGE = 1 << 20
_M_MMAP_THRESHOLD = -3
"""Option of ``mallopt``: bytes from which a buffer is asked of the system and given back to it."""


def return_large_buffers() -> None:
    """Let the C library give large buffers back when they are freed, where it can be asked to.

    By itself glibc keeps a freed buffer and each that is no larger from then on. A window makes its
    pictures anew whenever a banner comes or goes, and they leave holes of eight megabytes.
    """
    option = _of_c_library("mallopt")
    if option is not None:
        option(_M_MMAP_THRESHOLD, _LARGE)


def set_apart() -> None:
    """Leave what is there now out of later collections of garbage.

    All threads wait for a collection: for 30 ms where it looks at a whole program, and for next to
    nothing where it looks at what was made since.
    """
    gc.freeze()
    gc.collect()  # else the collector still takes what is there for its measure


def trim_heap() -> None:
    """Give back the freed memory that the C library keeps, where it can be asked to."""
    trim = _of_c_library("malloc_trim")
    if trim is not None:
        trim(0)


def release_memory() -> None:
    """Give back what a window that was closed has taken, from the thread of windows.

    Its pictures leave holes between what is in use; without this the memory of the program grows by
    a megabyte with each window that was open.
    """
    gc.unfreeze()
    gc.collect()
    set_apart()
    trim_heap()


def _of_c_library(name: str) -> Callable[..., int] | None:
    """A function of glibc; ``None`` elsewhere."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None

"""Memory that was freed, back to the system."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LARGE = 1 << 20
_ARENAS = 2
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
"""Options of glibc's ``mallopt``."""


def limit_heap() -> None:
    """Let the C library give back large buffers, and share heaps, where it can be asked to.

    By itself glibc keeps a freed buffer and each that is no larger from then on: a window makes its
    pictures anew whenever a banner comes or goes, and they leave holes of eight megabytes. And each
    thread gets a heap of its own, up to eight a core: a sound server begins one with each stream.
    """
    option = _of_c_library("mallopt")
    if option is not None:
        option(_M_MMAP_THRESHOLD, _LARGE)
        option(_M_ARENA_MAX, _ARENAS)


def set_apart() -> None:
    """Leave what is there now out of later collections of garbage.

    All threads wait for a collection: for 30 ms where it looks at a whole program, and for next to
    nothing where it looks at what was made since.
    """
    gc.freeze()
    _collect()  # else the collector still takes what is there for its measure


def _collect() -> None:
    """Free what only holds itself, unless a thread has taken that upon itself alone.

    One that has windows does: Qt's objects must not be destroyed in another.
    """
    if gc.isenabled():
        gc.collect()


@contextmanager
def without_collection() -> Iterator[None]:
    """Not look for garbage while much is made that stays, and all of it would be looked at."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def trim_heap() -> None:
    """Free what only holds itself, and give back what the C library keeps, where it can be asked.

    Each connection to a sound server is a ring of objects, and so is each stream. Python looks for
    such only when much more was made than freed, which a session hardly ever does.
    """
    _collect()
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

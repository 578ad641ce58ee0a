"""Memory that was freed, back to the system."""

from __future__ import annotations

import ctypes
import gc
import sys


def release_memory() -> None:
    """Give back what the C library keeps of freed memory, where it can be asked to.

    Pictures of closed windows leave holes between what is in use; without this the memory of the
    program grows by a megabyte with each window that was open.
    """
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc
        if trim is not None:
            trim(0)

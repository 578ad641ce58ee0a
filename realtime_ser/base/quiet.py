"""Keeps C libraries from writing on the terminal, and from ending the program."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

_C_STDERR = {"linux": "stderr", "darwin": "__stderrp"}
"""Name of the C library's variable that holds its standard error."""


@contextlib.contextmanager
def silence_stderr() -> Iterator[None]:
    """Silence file descriptor 2, to which C libraries write past ``sys.stderr``.

    LiteRT tells how it computes. Failures that matter come back as errors.
    """
    try:
        saved = os.dup(2)
    except OSError:  # no standard error, as in a windowed program: nothing to keep quiet
        yield
        return
    try:
        with Path(os.devnull).open("wb") as sink:
            os.dup2(sink.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def discard_output() -> None:
    """Let what is printed go nowhere from now on: nobody reads it any more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@cache
def silence_c_library() -> None:
    """Let what C code prints on standard error go nowhere from now on; Python's stays.

    PortAudio, ALSA and JACK complain, also in threads of their own, of devices that nobody asked
    for, and of those that went away. Failures that matter come back as errors.
    """
    name = _C_STDERR.get(sys.platform)
    if name is not None:
        library = ctypes.CDLL(None)
        library.fopen.restype = ctypes.c_void_p
        sink = library.fopen(os.fsencode(os.devnull), b"w")
        ctypes.c_void_p.in_dll(library, name).value = sink


@contextlib.contextmanager
def catching_abort(aborted: Callable[[], None]) -> Iterator[None]:
    """Keep a C library that calls ``abort`` in this thread from ending the program.

    The thread never returns from such a call; ``aborted`` is called in it before it stops. An abort
    of another thread ends the program as usual. On Linux and macOS; elsewhere nothing is caught.
    """
    if sys.platform == "win32":
        yield
        return
    here = threading.get_ident()
    library = ctypes.CDLL(None)
    set_handler = library.signal
    set_handler.restype, set_handler.argtypes = ctypes.c_void_p, (ctypes.c_int, ctypes.c_void_p)

    def handle(_number: int) -> None:
        if threading.get_ident() == here:
            aborted()
            threading.Event().wait()

    handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(handle)
    before = set_handler(signal.SIGABRT, ctypes.cast(handler, ctypes.c_void_p))
    try:
        yield
    finally:
        set_handler(signal.SIGABRT, before)

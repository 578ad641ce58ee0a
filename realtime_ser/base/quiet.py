"""Keeps C libraries from writing on the terminal."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def silence_stderr() -> Iterator[None]:
    """Silence file descriptor 2, to which C libraries write past ``sys.stderr``.

    ALSA and JACK complain about devices that nobody asked for, and LiteRT tells how it computes.
    Failures that matter come back as errors.
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

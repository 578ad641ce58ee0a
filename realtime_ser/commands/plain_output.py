"""Output without characters that a terminal obeys: names of files and devices may hold any."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

_SHOWN = {
    code: f"\\x{code:02x}" for code in (*range(32), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"
}


def visible(text: str) -> str:
    """Text whose control characters are shown as their codes."""
    return text.translate(_SHOWN)


class PlainStream:
    """Stream on which control characters are shown as their codes."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write text."""
        return self.stream.write(visible(text))

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        """All else is the stream's own."""
        return getattr(self.stream, name)


@contextmanager
def plain_output() -> Iterator[None]:
    """Print plainly in the body; views that draw on the terminal use :func:`drawing_stream`."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (PlainStream(stream) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def drawing_stream(stream: TextIO) -> TextIO:
    """Stream behind a plain one, for those who send control characters by intent."""
    return stream.stream if isinstance(stream, PlainStream) else stream

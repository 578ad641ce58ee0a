"""JSON objects on standard output, one a line."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from realtime_ser.base.errors import OutputError, reason_text
from realtime_ser.base.quiet import discard_output
from realtime_ser.outputs.contract import ListenerGoneError, LiveDescription, LiveEvent
from realtime_ser.outputs.objects import hello_object, json_text


class JsonLinesOutput:
    """Lines on standard output. A reader that goes ends it."""

    listeners = None
    dropped = 0

    def __init__(self) -> None:
        self._told = False

    def open(self, description: LiveDescription) -> None:
        """Write the first line."""
        if not self._told:
            self._told = True
            self._write([json_text(hello_object(description))])

    def send(self, events: Sequence[LiveEvent]) -> None:
        """Write a line for each record."""
        self._write([event.json_line for event in events])

    def close(self) -> None:
        """Leave standard output to the program."""

    def _write(self, lines: Sequence[str]) -> None:
        # Past Python's buffer, whose lock would keep the program from ending while a reader waits.
        left = memoryview("".join(f"{line}\n" for line in lines).encode())
        try:
            while left:
                left = left[os.write(sys.stdout.fileno(), left) :]
        except BrokenPipeError:
            discard_output()
            raise ListenerGoneError("Nobody reads standard output any more.") from None
        except OSError as error:
            words = f"Standard output cannot be written: {reason_text(error)}."
            raise OutputError(words) from error

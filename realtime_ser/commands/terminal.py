"""The monitor in a terminal: for ``--headless`` and for machines without a display.

On a terminal the view is drawn ten times a second; into a file or a pipe goes one line for each
segment.
"""

from __future__ import annotations

import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from rich.console import Console

from realtime_ser.base.records import Record, Segment
from realtime_ser.base.text import channel_title, clock_text, result_text
from realtime_ser.commands.terminal_view import TerminalScreen
from realtime_ser.engine.status import Phase, Status
from realtime_ser.session.live import LiveSession

_POLL_S = 0.1


class TerminalView(Protocol):
    """Shows a session."""

    def shown(self) -> AbstractContextManager[object]:
        """While it is open, the view is on the screen."""

    def feed(self, records: Sequence[Record]) -> None:
        """Take in what the engine has made."""

    def show(self, status: Status) -> None:
        """Show the engine as it is now."""


def run(
    session: LiveSession,
    console: Console,
    *,
    duration_s: float | None = None,
    keep: deque[Record] | None = None,
) -> None:
    """Run a session until its source ends or ``duration_s`` is over, or the process is to end.

    Its files are complete afterwards. ``keep`` takes all records but the sound.
    """
    records = session.monitor.subscribe()
    drawn = console.is_terminal and not console.is_dumb_terminal
    view: TerminalView = TerminalScreen(session, console) if drawn else LineView(session, console)

    def take(new: Sequence[Record]) -> None:
        view.feed(new)
        if keep is not None:
            keep.extend(new)

    with _asked_to_end() as asked:
        session.start(duration_s)
        try:
            with view.shown():
                while not (records.ended or asked.is_set() or session.unwritten):
                    take(records.drain(_POLL_S))
                    view.show(session.monitor.status)
                session.stop()
                take(records.drain())
        finally:
            session.stop()


@contextmanager
def _asked_to_end() -> Iterator[threading.Event]:
    """Set when the process is to end: Ctrl+C, a closed terminal, a system that shuts down.

    When asked a second time, the process ends at once.
    """
    asked = threading.Event()

    def handle(number: int, _frame: object) -> None:
        asked.set()
        signal.signal(number, signal.SIG_DFL)

    names = ("SIGINT", "SIGTERM", "SIGHUP")  # the last is not there on Windows
    numbers = [number for name in names if (number := getattr(signal, name, None)) is not None]
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class LineView:
    """One line for each segment and each change of the engine's phase: for logs and pipes."""

    def __init__(self, session: LiveSession, console: Console) -> None:
        self._console = console
        self._several = len(session.monitor.channels) > 1
        self._session = session
        self._phase = Phase.LISTENING
        self._fault: str | None = None

    def shown(self) -> AbstractContextManager[object]:
        """Lines stay."""
        return nullcontext()

    def feed(self, records: Sequence[Record]) -> None:
        """Print a line for each segment that has ended."""
        for record in records:
            if isinstance(record, Segment):
                self._print(record.end_s, self._segment_text(record))

    def show(self, status: Status) -> None:
        """Print a line where the phase has changed, or something is no longer written."""
        if status.phase is not self._phase and status.phase not in (Phase.ENDED, Phase.FAILED):
            self._phase = status.phase
            self._print(status.position_s, status.phase.value)
        if self._session.write_error != self._fault:
            self._fault = self._session.write_error
            self._print(status.position_s, self._fault or "everything is being written again")

    def _segment_text(self, segment: Segment) -> str:
        estimate = segment.estimate
        result = result_text(estimate.label, estimate.confidence, certain=estimate.certain)
        title = channel_title(segment.channel, self._session.config.audio.names)
        channel = f"{title}  " if self._several else ""
        return f"{channel}{result}  ({segment.start_s:.2f} to {segment.end_s:.2f} s)"

    def _print(self, time_s: float, words: str) -> None:
        print(clock_text(time_s), words, sep="  ", file=self._console.file, flush=True)

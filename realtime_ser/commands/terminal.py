"""The monitor in a terminal: for ``--headless`` and for machines without a display.

On a terminal the view is drawn ten times a second (:mod:`realtime_ser.commands.terminal_screen`);
into a file or a pipe goes one line for each segment.
"""

from __future__ import annotations

import atexit
import math
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, TextIO

from realtime_ser.audio.device_thread import NoAnswerError, sound_system
from realtime_ser.base.quiet import discard_output
from realtime_ser.base.records import Record, Segment
from realtime_ser.base.text import channel_title, clock_text, result_text
from realtime_ser.commands.plain_output import visible
from realtime_ser.engine.status import Phase, Status
from realtime_ser.outputs.delivery import LiveOutputs
from realtime_ser.session.live import LiveSession

if TYPE_CHECKING:
    from realtime_ser.commands.terminal_screen import TerminalScreen

_IMPATIENT_S = 1.0  # a key that bounces, or a terminal that tells twice, is not asking again


def run(
    session: LiveSession,
    output: TextIO,
    outputs: LiveOutputs,
    *,
    duration_s: float | None = None,
    keep: deque[Record] | None = None,
) -> None:
    """Run a session until its source ends or ``duration_s`` is over, or the process is to end.

    Its files are complete afterwards. ``keep`` takes all records but the sound. The session ends
    also when the reader of an output on standard output has gone.
    """
    records = session.monitor.subscribe()
    view = _view(session, output, outputs)

    def take(new: Sequence[Record]) -> None:
        view.feed(new)
        if keep is not None:
            keep.extend(new)

    with _asked_to_end() as asked:
        try:
            session.start(duration_s)
        except NoAnswerError:
            if asked.is_set():
                raise KeyboardInterrupt from None
            raise
        try:
            outputs.start()
            with view.shown():
                while not (records.ended or asked.is_set() or outputs.abandoned):
                    take(records.drain(view.period_s, gather=True))
                    view.show(session.monitor.status)
                session.stop(view.say)
                take(records.drain())
                view.show(session.monitor.status)  # what the last second has brought
        finally:
            session.stop()
            outputs.finish()


def _view(session: LiveSession, output: TextIO, outputs: LiveOutputs) -> TerminalScreen | LineView:
    if output.isatty():  # rich costs memory and time, of which a service has little
        from rich.console import Console

        from realtime_ser.commands.terminal_screen import TerminalScreen

        console = Console(file=output)
        if not console.is_dumb_terminal:
            return TerminalScreen(session, console, outputs)
    return LineView(session, output, outputs)


@contextmanager
def _asked_to_end() -> Iterator[threading.Event]:
    """Set when the process is to end: Ctrl+C, a closed terminal, a system that shuts down.

    When asked again a second later, the process ends at once.
    """
    asked = threading.Event()
    first_s = math.inf

    def handle(number: int, _frame: object) -> None:
        nonlocal first_s
        if not asked.is_set():
            asked.set()
            sound_system.give_up()
            first_s = time.monotonic()  # a key bounces while all this is still done
        elif time.monotonic() - first_s > _IMPATIENT_S:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    names = ("SIGINT", "SIGTERM", "SIGHUP")  # the last is not there on Windows
    numbers = [number for name in names if (number := getattr(signal, name, None)) is not None]
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
            if asked.is_set():  # a last press that comes while Python ends changes no exit code
                atexit.register(signal.signal, number, signal.SIG_IGN)


class LineView:
    """One line for each segment and each change of the engine's phase: for logs and pipes.

    Attributes
    ----------
    period_s
        Time between two looks at the session, in seconds.
    """

    period_s = 0.25

    def __init__(self, session: LiveSession, output: TextIO, outputs: LiveOutputs) -> None:
        self._output = output
        self._outputs = outputs
        self._trouble: dict[str, str | None] = {}
        self._several = len(session.monitor.channels) > 1
        self._session = session
        self._phase = Phase.LISTENING
        self._fault: str | None = None
        self._reason: str | None = None
        self._notice: str | None = None
        self._told: set[str] = set()

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
        if status.phase is Phase.RECONNECTING and status.error not in (None, self._reason):
            self._print(status.position_s, status.error)
        self._reason = status.error
        if status.notice not in (None, self._notice):
            self._print(status.position_s, status.notice)
        self._notice = status.notice
        for words in self._session.advice:
            if words not in self._told:
                self._told.add(words)
                self._print(status.position_s, words)
        if self._session.write_error != self._fault:
            self._fault = self._session.write_error
            self._print(status.position_s, self._fault or "everything is being written again")
        for state in self._outputs.all_states:
            if state.error != self._trouble.get(state.address):
                self._trouble[state.address] = state.error
                words = state.error or f"{state.address} is connected again"
                self._print(status.position_s, words)

    def say(self, words: str) -> None:
        """Print a sentence while the session ends."""
        self._print(self._session.monitor.status.position_s, words)

    def _segment_text(self, segment: Segment) -> str:
        result = result_text(segment.estimate)
        title = channel_title(segment.channel, self._session.config.audio.names)
        channel = f"{title}  " if self._several else ""
        return f"{channel}{result}  ({segment.start_s:.2f} to {segment.end_s:.2f} s)"

    def _print(self, time_s: float, words: str) -> None:
        try:
            print(clock_text(time_s), visible(words), sep="  ", file=self._output, flush=True)
        except BrokenPipeError:
            discard_output()
            print(
                "realtime-ser: nobody reads the output any more; the session goes on, and Ctrl+C "
                "ends it.",
                file=sys.stderr,
                flush=True,
            )

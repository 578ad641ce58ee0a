"""The monitor in a terminal: for ``--headless`` and for machines without a display.

On a terminal the view is drawn ten times a second; into a file or a pipe goes one line for each
segment.
"""

from __future__ import annotations

import atexit
import math
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import groupby

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from realtime_ser.audio.device_thread import NoAnswerError, sound_system
from realtime_ser.base.config import WindowConfig
from realtime_ser.base.labels import COLORS, EMOJI
from realtime_ser.base.quiet import discard_output
from realtime_ser.base.records import STEP_S, Record, Segment, State, Update
from realtime_ser.base.text import channel_title, clock_text, decibels, percent_text, result_text
from realtime_ser.commands.plain_output import visible
from realtime_ser.engine.smoothing import Smoother
from realtime_ser.engine.status import Phase, Status, latency_text, losses_text, storage_text
from realtime_ser.session.live import LiveSession

_POLL_S = 0.1
_IMPATIENT_S = 1.0  # a key that bounces, or a terminal that tells twice, is not asking again
_REFRESH_S = 0.1
_LATENCY_S = 2.0
_NARROWEST = 38  # characters that a channel needs beside another
_ROWS, _OTHER_ROWS = 15, 7
"""Lines of a channel, and those around the channels."""

_EIGHTHS = " ▏▎▍▌▋▊▉"

#: Steps without speech on the timeline.
_SIGNS = {State.SILENCE: "·", State.LOST: "x", State.PAUSED: "="}

_METER_DB = 60.0  # range of the level meter


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
    view = TerminalScreen(session, console) if drawn else LineView(session, console)

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
            with view.shown():
                while not (records.ended or asked.is_set()):
                    take(records.drain(_POLL_S))
                    view.show(session.monitor.status)
                session.stop(view.say)
                take(records.drain())
        finally:
            session.stop()


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
    """One line for each segment and each change of the engine's phase: for logs and pipes."""

    def __init__(self, session: LiveSession, console: Console) -> None:
        self._console = console
        self._several = len(session.monitor.channels) > 1
        self._session = session
        self._phase = Phase.LISTENING
        self._fault: str | None = None
        self._reason: str | None = None
        self._notice: str | None = None

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
        if self._session.write_error != self._fault:
            self._fault = self._session.write_error
            self._print(status.position_s, self._fault or "everything is being written again")

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
            print(clock_text(time_s), visible(words), sep="  ", file=self._console.file, flush=True)
        except BrokenPipeError:
            discard_output()
            print(
                "realtime-ser: nobody reads the output any more; the session goes on, and Ctrl+C "
                "ends it.",
                file=sys.stderr,
                flush=True,
            )


class TerminalScreen:
    """The live view, on the whole terminal."""

    def __init__(self, session: LiveSession, console: Console) -> None:
        self._session = session
        self._console = console
        self._live = Live(console=console, screen=True, auto_refresh=False)
        # The text console of Linux itself has no emoji.
        emoji = console.encoding.startswith("utf") and os.environ.get("TERM") != "linux"
        monitor = session.monitor
        self._channels = {
            channel: TerminalChannelView(monitor.labels, session.config.window, emoji=emoji)
            for channel in monitor.channels
        }
        self._latencies: deque[float] = deque(maxlen=round(_LATENCY_S / STEP_S))
        self._shown_s = 0.0
        self._said = ""

    def shown(self) -> AbstractContextManager[object]:
        """The terminal's other screen: what was there comes back afterwards."""
        return self._live

    def feed(self, records: Sequence[Record]) -> None:
        """Take in what the engine has made."""
        for record in records:
            if isinstance(record, Update):
                self._channels[record.channel].feed(record)
                if record.latency_ms is not None:
                    self._latencies.append(record.latency_ms)

    def show(self, status: Status) -> None:
        """Draw, at most ten times a second."""
        now = time.monotonic()
        if now - self._shown_s >= _REFRESH_S:
            self._shown_s = now
            self._live.update(self.draw(status), refresh=True)

    def say(self, words: str) -> None:
        """Show a sentence while the session ends."""
        self._said = words
        self._live.update(self.draw(self._session.monitor.status), refresh=True)

    def draw(self, status: Status) -> RenderableType:
        """The view as it is now."""
        parts: list[RenderableType] = [self._headline(status)]
        if self._session.monitor.source.info.demo:
            words = " DEMO  Synthesised speech plays as if it were a microphone. "
            parts.append(Text(words, style="black on yellow"))
        parts += [Text(), self._side_by_side(status), *self._footer(status)]
        return Group(*parts)

    def _headline(self, status: Status) -> Text:
        info = self._session.monitor.source.info
        clock = clock_text(status.position_s)
        if info.duration_s is not None:
            clock += f" / {clock_text(info.duration_s)}"
        line = Text.assemble(
            (f" {self._state(status):^12} ", "reverse bold"), f"  {visible(info.name)}"
        )
        line.truncate(max(20, self._console.width - len(clock) - 2), overflow="ellipsis", pad=True)
        return line.append(f" {clock}", style="bold")

    def _state(self, status: Status) -> str:
        speaking = any(view.smoother.state is State.SPEECH for view in self._channels.values())
        return "speech" if status.phase is Phase.LISTENING and speaking else status.phase.value

    def _side_by_side(self, status: Status) -> Table:
        columns = max(1, min(len(self._channels), self._console.width // _NARROWEST))
        width = self._console.width // columns - 2
        table = Table.grid(padding=(0, 1))
        for _ in range(columns):
            table.add_column(width=width, no_wrap=True)
        several, names = len(self._channels) > 1, self._session.config.audio.names
        rows = range(0, len(self._channels), columns)
        brief = len(rows) * _ROWS + _OTHER_ROWS > self._console.height
        cells = []
        for number, view in self._channels.items():
            draw = view.draw_brief if brief else view.draw
            cells.append(
                draw(
                    width,
                    status.position_s,
                    visible(channel_title(number, names)) if several else "",
                )
            )
        for row in rows:
            table.add_row(*cells[row : row + columns])
        return table

    def _footer(self, status: Status) -> list[Text]:
        session = self._session
        recent = sorted(self._latencies)
        latency_ms = recent[len(recent) // 2] if recent else None
        manifest = session.monitor.bundle.manifest
        stored = storage_text(recording=session.recording)
        cells = [
            latency_text(latency_ms, live=session.monitor.source.info.live),
            losses_text(status.dropped_samples, status.overflows),
            f"model {manifest.name} {manifest.version}",
            stored.upper() if session.recording else stored,
        ]
        lines = [
            Text("   ".join(cells), style="dim"),
            Text(
                f"writing {visible(str(session.files.steps.resolve()))}   Ctrl+C ends", style="dim"
            ),
        ]
        problem = self._said or status.error or session.write_error
        words = problem or status.notice or session.notice
        if words:
            lines.insert(0, Text(visible(words), style="bold"))
        return [Text(), *lines]


class TerminalChannelView:
    """One channel; ``emoji`` tells whether the terminal can show them."""

    def __init__(self, labels: Sequence[str], window: WindowConfig, *, emoji: bool) -> None:
        self.smoother = Smoother(labels, window.smoothing_s)
        self._emoji = emoji
        self._letters = initials(labels)
        self._steps: deque[Update] = deque(maxlen=round(window.timeline_s / STEP_S))

    def feed(self, update: Update) -> None:
        """Take in the channel's next step."""
        self.smoother.feed(update)
        self._steps.append(update)

    def draw(self, width: int, now_s: float, title: str) -> RenderableType:
        """The channel in ``width`` characters."""
        lines = [self._leader(now_s, title), Text()]
        lines += [self._bar(index, width) for index in range(len(self.smoother.labels))]
        return Group(*lines, Text(), self._meter(width), *self._timeline(width), Text())

    def draw_brief(self, width: int, now_s: float, title: str) -> RenderableType:
        """The same in three lines."""
        return Group(self._leader(now_s, title), self._timeline(width)[0], Text())

    def _leader(self, now_s: float, title: str) -> Text:
        smoother = self.smoother
        line = Text(f"{title}  " if title else "", style="bold")
        if smoother.leader is None or not smoother.quality.usable:
            line.append(smoother.leader_text, style="dim")
        else:
            words = f"{smoother.leader_text} {percent_text(smoother.confidence)}"
            style = _style(smoother.leader) if smoother.certain else "dim"
            line.append(words, style=f"bold {style}")
            line.append(f" {EMOJI.get(smoother.leader, '')}" if self._emoji else "")
        previous = smoother.previous_text(now_s)
        return line.append(f"   {previous}", style="dim") if previous else line

    def _bar(self, index: int, width: int) -> Text:
        smoother, label = self.smoother, self.smoother.labels[index]
        value = float(smoother.values[index])
        emoji = f"{EMOJI.get(label, '  ')} " if self._emoji else ""
        line = bar(value, max(8, width - 24))
        number = percent_text(value) if smoother.leader else "–"
        style = _style(label)
        return Text.assemble(
            (self._letters[index], f"bold {style}"), f" {label:10.10} {emoji}", (line, style)
        ).append(f"{number:>7}")

    def _meter(self, width: int) -> Text:
        level = self.smoother.level_dbfs
        line = bar(1.0 + level / _METER_DB, max(8, width - 24))
        pad = "   " if self._emoji else ""
        return Text(f"  {'level':10} {pad}{line}{decibels(level, 'dB'):>7}", style="dim")

    def _timeline(self, width: int) -> list[Text]:
        """One character for several steps: the letter of the leading label, or a sign.

        Characters stay with their steps while the line scrolls.
        """
        if not self._steps:
            return [Text(), Text()]
        kept = self._steps.maxlen or 1
        size = -(-kept // (width - 2))
        line = Text()
        for _, steps in groupby(self._steps, lambda update: update.step // size):
            line.append_text(self._character(list(steps)))
        past = Text(" " * max(0, width - len(line)))
        words = f"the last {kept * STEP_S:.0f} s, {size * STEP_S:.2g} s a character"
        return [past.append_text(line), Text(words.rjust(width), style="dim")]

    def _character(self, steps: list[Update]) -> Text:
        heard = [update.estimate.probabilities for update in steps if update.estimate]
        if not heard:
            return Text(_SIGNS[steps[-1].state], style="dim")
        best = int(np.sum(heard, axis=0).argmax())
        return Text(self._letters[best], style=f"bold {_style(self.smoother.labels[best])}")


def bar(share: float, width: int) -> str:
    """A bar of ``share`` of ``width`` characters, to an eighth of a character."""
    whole, rest = divmod(round(max(0.0, min(1.0, share)) * width * 8), 8)
    return ("█" * whole + (_EIGHTHS[rest] if rest else "")).ljust(width)


def initials(labels: Sequence[str]) -> list[str]:
    """One letter a label: the first of its own that no label before it has taken."""
    taken: list[str] = []
    for label in labels:
        free = [letter for letter in label if letter not in taken]
        taken.append(free[0] if free else "?")
    return taken


def _style(label: str) -> str:
    return COLORS.get(label, "default")

"""The live view on a whole terminal, drawn ten times a second."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractContextManager
from itertools import groupby

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from realtime_ser.base.config import WindowConfig
from realtime_ser.base.labels import COLORS, EMOJI
from realtime_ser.base.records import STEP_S, Record, State, Update
from realtime_ser.base.text import channel_title, clock_text, decibels, percent_text
from realtime_ser.commands.plain_output import visible
from realtime_ser.engine.smoothing import Smoother
from realtime_ser.engine.status import Phase, Status, latency_text, losses_text, storage_text
from realtime_ser.outputs.delivery import LiveOutputs
from realtime_ser.session.live import LiveSession

_LATENCY_S = 2.0
_NOTICE_S = 20.0  # that a sentence which is said once stays
_NARROWEST = 38  # characters that a channel needs beside another
_ROWS, _OTHER_ROWS = 15, 7
"""Lines of a channel, and those around the channels."""

_EIGHTHS = " ▏▎▍▌▋▊▉"

#: Steps without speech on the timeline.
_SIGNS = {State.SILENCE: "·", State.LOST: "x", State.PAUSED: "="}

_METER_DB = 60.0  # range of the level meter


class TerminalScreen:
    """The live view, on the whole terminal.

    Attributes
    ----------
    period_s
        Time between two drawings, in seconds.
    """

    period_s = 0.1

    def __init__(self, session: LiveSession, console: Console, outputs: LiveOutputs) -> None:
        self._session = session
        self._outputs = outputs
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
        self._told_s: dict[str, float] = {}
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
        """Draw the view."""
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
        other = _OTHER_ROWS + bool(self._outputs.all_states)
        brief = len(rows) * _ROWS + other > self._console.height
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
        problem = problem or self._outputs.error
        words = problem or status.notice or self._sound_advice() or self._advice() or session.notice
        sent = "   ".join(f"{state.address}: {state.text}" for state in self._outputs.all_states)
        if sent:
            lines.append(Text(visible(sent), style="dim", no_wrap=True, overflow="ellipsis"))
        if words:
            lines.insert(0, Text(visible(words), style="bold"))
        return [Text(), *lines]

    def _sound_advice(self) -> str | None:
        smoothers = [view.smoother for view in self._channels.values()]
        worst = max(smoothers, key=lambda smoother: smoother.unusable_s)
        return worst.advice and f"{worst.quality.value.capitalize()}: {worst.advice}"

    def _advice(self) -> str | None:
        """What there is to know of voice and machine, for as long as it takes to read."""
        now_s = time.monotonic()
        for words in self._session.advice:
            if now_s - self._told_s.setdefault(words, now_s) < _NOTICE_S:
                return words
        return None


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
            words = ", ".join(filter(None, (smoother.leader_text, smoother.value_text)))
            line.append(words, style="dim")
        else:
            words = f"{smoother.leader_text} {smoother.value_text}"
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

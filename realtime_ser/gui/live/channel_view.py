"""One channel: its panel on the left, its plots, and the labels at the lines' ends."""

from __future__ import annotations

from collections.abc import Iterable

from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtWidgets import QGridLayout, QWidget

from realtime_ser.base.records import SILENCE_DBFS, Update
from realtime_ser.engine.smoothing import Readout
from realtime_ser.gui.live.channel_reading import (
    Reading,
    live_reading,
    stopped_reading,
    summary_reading,
)
from realtime_ser.gui.live.legend import Margin
from realtime_ser.gui.live.panel import Brief, Panel
from realtime_ser.gui.live.plots import Plots
from realtime_ser.gui.theme.theme import Look
from realtime_ser.gui.timeline.live_layers import FLOOR_DB, Style
from realtime_ser.session.running_summary import ChannelSummary
from realtime_ser.timeline.live import Timeline

#: The meter's peak falls by so many decibels a second, and clipping is told for so long.
_FALL_DB_S = 12.0
_CLIP_S = 2.0


class ChannelView(QWidget):
    """Everything that is shown of one channel.

    Parameters
    ----------
    title
        What the channel is called; ``None``: by its number.
    compact
        Whether several channels share the window.
    axis
        Whether this one shows the time axis.

    Attributes
    ----------
    summary
        How the session went, once it is over; shown instead of what is heard.
    title
        What the channel is called.
    reading
        What is shown of this moment.
    level, peak
        Of this moment, in dBFS.
    """

    def __init__(  # noqa: PLR0913
        self,
        timeline: Timeline,
        channel: int,
        look: Look,
        *,
        span_s: float,
        smoothing_s: float,
        title: str | None = None,
        compact: bool,
        axis: bool,
        style: Style | None = None,
    ) -> None:
        super().__init__()
        self.readout = Readout(timeline.labels, smoothing_s)
        self.title = title = title or f"Channel {channel}"
        self.reading = Reading("")
        self.panel = Panel(timeline.labels, title, look, compact=compact)
        self.plots = Plots(timeline, channel, span_s, look, compact=compact, axis=axis)
        self.margin = Margin(timeline.labels, look)
        self.level = self.peak = SILENCE_DBFS
        self._compact = compact
        self.brief = Brief(title, look, compact=compact)
        self.summary: ChannelSummary | None = None
        layout = QGridLayout(self)
        layout.setSpacing(0)
        layout.addWidget(self.brief, 0, 0, 1, 3)
        layout.addWidget(self.panel, 1, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.plots, 1, 1)
        layout.addWidget(self.margin, 1, 2)
        layout.setColumnStretch(1, 1)
        layout.setRowStretch(1, 1)
        self.plots.arranged.connect(self._place_margin)
        self.set_look(look)
        self.set_style(style or Style())

    def set_look(self, look: Look) -> None:
        """Change theme and sizes."""
        layout = self.layout()
        assert layout is not None
        layout.setContentsMargins(0, look.grid(1), look.grid(1), look.grid(0.5))
        self.panel.set_look(look)
        self.brief.set_look(look)
        self.plots.set_look(look)
        self.margin.set_look(look)
        self.setMinimumHeight(look.grid(34 if self._compact else 48))
        self._place_margin()

    def set_style(self, style: Style) -> None:
        """Draw the probabilities otherwise."""
        self.plots.set_style(style)
        self.margin.set_style(style)
        self.panel.bars.show_hidden(style.hidden)

    def fold(self, *, folded: bool) -> None:
        """Show the panel in one line above the plots, or in full beside them."""
        self.panel.setVisible(not folded)
        self.brief.setVisible(folded)

    def feed(self, updates: Iterable[Update]) -> None:
        """Take in the channel's updates."""
        for update in updates:
            self.readout.feed(update)

    def tick(self, right_s: float, elapsed_s: float, *, stopped: str) -> None:
        """Show the moment ``right_s``.

        Parameters
        ----------
        elapsed_s
            Since the last call.
        stopped
            Word of a state in which nothing is heard; empty while something may be.
        """
        readout = self.readout
        self.plots.advance(right_s)
        if not stopped:
            reading = live_reading(readout, right_s)
        elif self.summary is not None:
            reading = summary_reading(self.summary, readout)
        else:
            reading = stopped_reading(stopped, readout, right_s)
        self.reading = reading
        self.panel.show_reading(reading, elapsed_s)
        self.brief.show_reading(reading)
        speaking = readout.leader is not None and not stopped
        self.margin.show_values(self.panel.bars.values, live=speaking)
        self.level = SILENCE_DBFS if stopped else max(SILENCE_DBFS, readout.level_dbfs)
        self.peak = max(self.level, self.peak - _FALL_DB_S * elapsed_s)
        self.margin.show_level(
            self.level,
            self.peak if self.peak > FLOOR_DB else SILENCE_DBFS,
            clipping=right_s - readout.clipped_s < _CLIP_S,
        )

    def _place_margin(self) -> None:
        box = self.plots.sound_box
        self.margin.place(self.plots.frame, QRectF(0, box.top(), 0, box.height()))

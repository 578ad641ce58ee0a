"""One channel: its panel on the left, its plots, and the labels at the lines' ends."""

from __future__ import annotations

from collections.abc import Iterable

from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtWidgets import QHBoxLayout, QWidget

from realtime_ser.gui.drawings import FLOOR_DB
from realtime_ser.gui.margin import Margin
from realtime_ser.gui.panel import Panel
from realtime_ser.gui.plots import Plots
from realtime_ser.gui.readout import Readout
from realtime_ser.gui.theme import Look
from realtime_ser.gui.timeline import Timeline
from realtime_ser.records import SILENCE_DBFS, Update

#: The meter's peak falls by so many decibels a second, and clipping is told for so long.
_FALL_DB_S = 12.0
_CLIP_S = 2.0


class ChannelView(QWidget):
    """Everything that is shown of one channel.

    Parameters
    ----------
    compact
        Whether several channels share the window.
    axis
        Whether this one shows the time axis.
    """

    def __init__(  # noqa: PLR0913
        self,
        timeline: Timeline,
        channel: int,
        look: Look,
        *,
        span_s: float,
        smoothing_s: float,
        compact: bool,
        axis: bool,
    ) -> None:
        super().__init__()
        self.readout = Readout(timeline.labels, smoothing_s)
        self.panel = Panel(timeline.labels, channel, look, compact=compact)
        self.plots = Plots(timeline, channel, span_s, look, compact=compact, axis=axis)
        self.margin = Margin(timeline.labels, look)
        self._peak = SILENCE_DBFS
        self._compact = compact
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.panel, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.plots, 1)
        layout.addWidget(self.margin)
        self.plots.arranged.connect(self._place_margin)
        self.set_look(look)

    def set_look(self, look: Look) -> None:
        """Change theme and sizes."""
        layout = self.layout()
        assert layout is not None
        layout.setContentsMargins(0, look.grid(1), look.grid(1), look.grid(0.5))
        self.panel.set_look(look)
        self.plots.set_look(look)
        self.margin.set_look(look)
        self.setMinimumHeight(look.grid(34 if self._compact else 48))
        self._place_margin()

    def fold(self, *, folded: bool) -> None:
        """Hide or show the panel."""
        self.panel.setVisible(not folded)

    def feed(self, updates: Iterable[Update]) -> None:
        """Take in the channel's updates."""
        for update in updates:
            self.readout.feed(update)

    def tick(self, right_s: float, elapsed_s: float, *, stopped: str, moved: bool) -> None:
        """Show the moment ``right_s``.

        Parameters
        ----------
        elapsed_s
            Since the last call.
        stopped
            Word of a state in which nothing is heard; empty while something may be.
        moved
            Whether the plots show anything new.
        """
        readout = self.readout
        if moved:
            self.plots.advance(right_s)
        self.panel.show_readout(readout, now_s=right_s, elapsed_s=elapsed_s, stopped=stopped)
        self.margin.show_values(
            self.panel.bars.values, live=readout.leader is not None and not stopped
        )
        level = SILENCE_DBFS if stopped else readout.level_dbfs
        self._peak = max(level, self._peak - _FALL_DB_S * elapsed_s, SILENCE_DBFS)
        self.margin.show_level(
            level,
            self._peak if self._peak > FLOOR_DB else SILENCE_DBFS,
            clipping=right_s - readout.clipped_s < _CLIP_S,
        )

    def _place_margin(self) -> None:
        box = self.plots.sound_box
        self.margin.place(self.plots.frame, QRectF(0, box.top(), 0, box.height()))

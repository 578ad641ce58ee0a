"""One channel: its panel on the left, its plots, and the labels at the lines' ends."""

from __future__ import annotations

from collections.abc import Iterable

from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtWidgets import QGridLayout, QWidget

from realtime_ser.base.records import SILENCE_DBFS, Update
from realtime_ser.engine.smoothing import Smoother
from realtime_ser.gui.live.channel_reading import (
    ChannelReading,
    live_reading,
    stopped_reading,
    summary_reading,
)
from realtime_ser.gui.live.legend import CurveLegend
from realtime_ser.gui.live.panel import OneLinePanel, Panel
from realtime_ser.gui.live.plots import Plots
from realtime_ser.gui.theme.style_watcher import pad, set_size
from realtime_ser.session.statistics import ChannelSummary
from realtime_ser.timeline.content import LiveContent
from realtime_ser.timeline.style import FLOOR_DB, Curves

#: The meter's peak falls by so many decibels a second, and clipping is told for so long.
_PEAK_DECAY_DB_PER_S = 12.0
_CLIPPING_SHOWN_S = 2.0


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
        content: LiveContent,
        channel: int,
        *,
        span_s: float,
        smoothing_s: float,
        title: str | None = None,
        compact: bool,
        axis: bool,
        curves: Curves | None = None,
    ) -> None:
        super().__init__()
        self.smoother = Smoother(content.labels, smoothing_s)
        self.title = title = title or f"Channel {channel}"
        self.reading = ChannelReading("")
        self.panel = Panel(content.labels, title, compact=compact)
        self.plots = Plots(content, channel, span_s, compact=compact, axis=axis)
        self.legend = CurveLegend(content.labels)
        self.level = self.peak = SILENCE_DBFS
        self.one_line_panel = OneLinePanel(title, compact=compact)
        self.summary: ChannelSummary | None = None
        layout = QGridLayout(self)
        pad(layout, (0, 1, 1, 0.5))
        set_size(self, min_height=34 if compact else 48)
        layout.addWidget(self.one_line_panel, 0, 0, 1, 3)
        layout.addWidget(self.panel, 1, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.plots, 1, 1)
        layout.addWidget(self.legend, 1, 2)
        layout.setColumnStretch(1, 1)
        layout.setRowStretch(1, 1)
        self.plots.layout_changed.connect(self._place_legend)
        self.set_curves(curves or Curves())
        self._place_legend()

    def set_curves(self, curves: Curves) -> None:
        """Draw the probabilities otherwise."""
        self.plots.set_curves(curves)
        self.legend.set_curves(curves)
        self.panel.bars.show_hidden(curves.hidden)

    def fold(self, *, folded: bool) -> None:
        """Show the panel in one line above the plots, or in full beside them."""
        self.panel.setVisible(not folded)
        self.one_line_panel.setVisible(folded)

    def feed(self, updates: Iterable[Update]) -> None:
        """Take in the channel's updates."""
        for update in updates:
            self.smoother.feed(update)

    def tick(self, right_s: float, elapsed_s: float, *, stopped: str) -> None:
        """Show the moment ``right_s``.

        Parameters
        ----------
        elapsed_s
            Since the last call.
        stopped
            Word of a state in which nothing is heard; empty while something may be.
        """
        smoother = self.smoother
        self.plots.advance(right_s)
        if not stopped:
            reading = live_reading(smoother, right_s)
        elif self.summary is not None:
            reading = summary_reading(self.summary, smoother)
        else:
            reading = stopped_reading(stopped, smoother, right_s)
        self.reading = reading
        self.panel.show_reading(reading, elapsed_s)
        self.one_line_panel.show_reading(reading)
        speaking = smoother.leader is not None and not stopped
        self.legend.show_values(self.panel.bars.values, live=speaking)
        self.level = SILENCE_DBFS if stopped else max(SILENCE_DBFS, smoother.level_dbfs)
        self.peak = max(self.level, self.peak - _PEAK_DECAY_DB_PER_S * elapsed_s)
        self.legend.show_level(
            self.level,
            self.peak if self.peak > FLOOR_DB else SILENCE_DBFS,
            clipping=right_s - smoother.clipped_s < _CLIPPING_SHOWN_S,
        )

    def _place_legend(self) -> None:
        box = self.plots.level_rect
        self.legend.place(self.plots.value_scale, QRectF(0, box.top(), 0, box.height()))

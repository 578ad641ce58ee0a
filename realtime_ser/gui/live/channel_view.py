"""One channel: its panel on the left, its plots, and the labels at the lines' ends."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from PyQt6.QtCore import QRectF
from PyQt6.QtGui import QFontMetricsF
from PyQt6.QtWidgets import QWidget

from realtime_ser.base.labels import LABEL_WORDS
from realtime_ser.base.records import SILENCE_DBFS, Update
from realtime_ser.base.text import percent_text
from realtime_ser.engine.smoothing import Smoother
from realtime_ser.gui.app.preferences import Preferences
from realtime_ser.gui.live.legend import CurveLegend
from realtime_ser.gui.live.plots import Plots
from realtime_ser.gui.live.status_model import (
    NOTICE,
    ChannelReading,
    live_reading,
    stopped_reading,
    summary_reading,
)
from realtime_ser.gui.theme.style_watcher import StyledWidget, set_size
from realtime_ser.gui.theme.theme import Style, set_role
from realtime_ser.gui.widgets.bars import Bars
from realtime_ser.gui.widgets.icons import Face
from realtime_ser.gui.widgets.parts import column, label, row
from realtime_ser.session.statistics import ChannelSummary
from realtime_ser.timeline.content import LiveContent
from realtime_ser.timeline.style import FLOOR_DB, Curves, CurveStyle

_NUMBERS_S = 0.2  # numbers change this often, so that they can be read

#: The meter's peak falls by so many decibels a second, and clipping is told for so long.
_PEAK_DECAY_DB_PER_S = 12.0
_CLIPPING_SHOWN_S = 2.0


class Panel(StyledWidget):
    """The state of one channel, whose name is shown where several share the window."""

    def __init__(self, labels: Sequence[str], channel: str, *, compact: bool) -> None:
        super().__init__()
        self._compact = compact
        self._age_s = math.inf
        self.face = Face()
        self.title, self.value = label(), label()
        self.previous = label(role="small muted" if compact else "muted")
        self.caption = label(channel, "small muted")
        self.bars = Bars(labels, 2.5 if compact else 3.75)
        self.caption.setVisible(compact)
        self._set_muted(muted=True)
        for widget in (self.face, self.title, self.value):
            widget.setToolTip(NOTICE)
        self.bars.enable_choosing(
            "Click a label to hide or show it on the timeline (arrow keys and Enter, or Alt+1 to 8)"
        )
        self._lay_out()
        self.restyle(self._style)

    def restyle(self, style: Style) -> None:
        """Keep room for the longest words there can be, whatever the system's font."""
        fonts = (style.big, style.font(style.big_px), style.body)
        if self._compact:
            fonts = (style.font(style.body_px, bold=True), style.body, style.small)
        for line, font in zip((self.title, self.value, self.previous), fonts, strict=True):
            line.setMinimumHeight(math.ceil(QFontMetricsF(font).height()))
        words = [f"sounds {LABEL_WORDS.get(name, name)}?" for name in self.bars.labels]
        widest = max(QFontMetricsF(fonts[0]).horizontalAdvance(word) for word in words)
        self.setFixedWidth(max(style.grid(35), math.ceil(widest) + style.grid(5)))

    def show_reading(self, reading: ChannelReading, elapsed_s: float) -> None:
        """Show what is heard; ``elapsed_s`` is the time since the last call.

        Numbers change a few times a second, so that they can be read; a new title comes at once.
        """
        self.bars.animate(reading.bars or [0.0] * len(self.bars.labels), elapsed_s)
        self._age_s += elapsed_s
        if reading.title == self.title.text() and self._age_s < _NUMBERS_S:
            return
        self._age_s = 0.0
        self.title.setText(reading.title)
        self.value.setText(reading.value)
        self.previous.setText(reading.previous)
        self.face.show_label(reading.label, certain=reading.certain)
        self._set_muted(muted=reading.muted)
        numbers = [percent_text(value) for value in reading.bars or ()]
        self.bars.show_numbers(numbers or ["–"] * len(self.bars.labels), reading.label)

    def _lay_out(self) -> None:
        face = 6 if self._compact else 14
        set_size(self.face, width=face, height=face)
        if self._compact:
            words = column(self.title, self.value, spacing=0.5)
            head = row(self.caption, None, self.previous)
            parts = (head, row(self.face, (words, 1), spacing=1.5), self.bars, None)
            self.setLayout(column(*parts, margins=(2, 1, 2, 1), spacing=0.5))
        else:
            shown = (self.face, self.title, self.value, self.previous)
            words = column(*(row(None, part, None) for part in shown), spacing=0.75)
            self.setLayout(column(words, self.bars, None, margins=(2, 3, 2, 1), spacing=1.75))

    def _set_muted(self, *, muted: bool) -> None:
        size, tone = "body" if self._compact else "big", " muted" if muted else ""
        set_role(self.title, f"{size} bold{tone}")
        set_role(self.value, f"{size}{tone}")


class OneLinePanel(QWidget):
    """The panel's words in one line, for a window too narrow for the panel."""

    def __init__(self, channel: str, *, compact: bool) -> None:
        super().__init__()
        self.face = Face()
        self.text, self.previous = label(role="bold"), label(role="muted")
        self._prefix = f"{channel}:  " if compact else ""
        set_size(self.face, width=4, height=4)
        self.setLayout(row(self.face, self.text, None, self.previous, margins=(2, 0, 1, 0.5)))

    def show_reading(self, reading: ChannelReading) -> None:
        """Show what is heard."""
        self.face.show_label(reading.label, certain=reading.certain)
        self.text.setText(self._prefix + reading.line)
        self.previous.setText(reading.previous)


class ChannelView(QWidget):
    """Everything that is shown of one channel.

    Parameters
    ----------
    compact
        Whether several channels share the window.
    axis
        Whether this one shows the time axis.
    """

    def __init__(
        self,
        content: LiveContent,
        channel: int,
        title: str,
        preferences: Preferences,
        *,
        compact: bool,
        axis: bool,
    ) -> None:
        super().__init__()
        self.channel = channel
        self.smoother = Smoother(content.labels, preferences.smoothing_s)
        self.title = title
        self.reading = ChannelReading("")  # of this moment
        self.panel = Panel(content.labels, title, compact=compact)
        self.plots = Plots(content, channel, preferences.timeline_s, compact=compact, axis=axis)
        self.legend = CurveLegend(content.labels)
        self.level = self.peak = SILENCE_DBFS  # of this moment
        self.one_line_panel = OneLinePanel(title, compact=compact)
        self.summary: ChannelSummary | None = None  # of a session that is over
        set_size(self, min_height=34 if compact else 48)
        body = row(column(self.panel, None), (self.plots, 1), self.legend, spacing=0)
        self.setLayout(column(self.one_line_panel, (body, 1), margins=(0, 1, 1, 0.5)))
        self.plots.layout_changed.connect(self._place_legend)
        self.apply(preferences)
        self._place_legend()

    def apply(self, preferences: Preferences) -> None:
        """Show a stretch of time and the probabilities as a person prefers."""
        style: CurveStyle = "areas" if preferences.stacked else "lines"
        curves = Curves(style, frozenset(preferences.hidden))
        self.smoother.set_smoothing(preferences.smoothing_s)
        self.plots.set_span(preferences.timeline_s)
        self.plots.set_curves(curves)
        self.legend.set_curves(curves)
        self.panel.bars.show_hidden(curves.hidden)

    def fold(self, *, folded: bool) -> None:
        """Show the panel in one line above the plots, or in full beside them."""
        self.panel.setVisible(not folded)
        self.one_line_panel.setVisible(folded)

    def feed(self, updates: Iterable[Update]) -> None:
        """Take in updates; those of other channels are left out."""
        for update in updates:
            if update.channel == self.channel:
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
            self.reading = live_reading(smoother, right_s)
        elif self.summary is not None:
            self.reading = summary_reading(self.summary, smoother)
        else:
            self.reading = stopped_reading(stopped, smoother, right_s)
        self.panel.show_reading(self.reading, elapsed_s)
        self.one_line_panel.show_reading(self.reading)
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

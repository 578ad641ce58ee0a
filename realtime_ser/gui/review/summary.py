"""How the session went: shares, speaking time, pauses, transitions, the most certain moments."""

from __future__ import annotations

from collections.abc import Iterator

from PyQt6 import sip
from PyQt6.QtCore import QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPaintEvent
from PyQt6.QtWidgets import (
    QGridLayout,
    QLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from realtime_ser.base.text import clock_text, percent_text
from realtime_ser.gui.theme.style_watcher import apply_measures, pad, set_size, style_of
from realtime_ser.gui.widgets.parts import button, label
from realtime_ser.gui.widgets.task import ReportProgress, Task
from realtime_ser.session.statistics import ChannelStatistics, channel_statistics
from realtime_ser.timeline.content import Content
from realtime_ser.timeline.style import line_style

_MOST_MOMENTS = 5

_ROW = 2.25
"""Height of a row of the bars, in units of the grid."""


class ShareBars(QWidget):
    """A bar for each label's share of the speaking time, always in the same order."""

    #: A person clicked a label.
    chosen = pyqtSignal(str)

    def __init__(self, labels: tuple[str, ...], speech_statistics: ChannelStatistics) -> None:
        super().__init__()
        self._labels = labels
        self._digest = speech_statistics
        set_size(self, height=_ROW * len(labels))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Share of speaking time")
        self.setAccessibleDescription(
            "; ".join(
                f"{name} {percent_text(speech_statistics.shares.get(name, 0.0))}" for name in labels
            )
        )
        self.setToolTip(
            "Share of the voiced time whose segments carry each label; a click lists them"
        )
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Choose the label under the pointer."""
        if event is not None:
            number = int(event.position().y() * len(self._labels) / self.height())
            if 0 <= number < len(self._labels):
                self.chosen.emit(self._labels[number])

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        """Draw the bars."""
        style, row = style_of(self), self.height() / len(self._labels)
        painter = QPainter(self)
        metrics = QFontMetricsF(style.small)
        painter.setFont(style.small)
        left = max(metrics.horizontalAdvance(name) for name in self._labels) + style.grid(1)
        right = metrics.horizontalAdvance(percent_text(1.0)) + style.grid(1)
        room = max(1.0, self.width() - left - right)
        for number, name in enumerate(self._labels):
            share = self._digest.shares.get(name, 0.0)
            line = QRectF(0, number * row, self.width(), row)
            painter.setPen(QColor(style.theme.text if share else style.theme.muted))
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, name)
            bar = QRectF(left, line.center().y() - style.grid(0.5), room, style.grid(1))
            painter.fillRect(bar, QColor(style.theme.grid))
            color = line_style(name, number).color
            bar.setWidth(room * share)
            rim = style.theme.outline(color)
            if rim is not None and share:
                painter.fillRect(bar, QColor(rim))
                bar.adjust(1, 1, -1, -1)
            painter.fillRect(bar, QColor(color))
            painter.drawText(
                line,
                Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight,
                percent_text(share),
            )
        painter.end()


class SummaryPanel(QScrollArea):
    """The summary of each channel; made in a thread, for a day takes its time.

    Parameters
    ----------
    content
        The session.

    Attributes
    ----------
    ready
        Whether the summary is shown.
    """

    #: A person wants to see and hear a stretch: from, to.
    stretch_chosen = pyqtSignal(float, float)

    #: A person wants to see the segments of a label, in a channel.
    label_chosen = pyqtSignal(str, int)

    def __init__(self, content: Content) -> None:
        super().__init__()
        self._content = content
        self._task: Task | None = None
        self.ready = False
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Summary")
        self._show([])

    def begin(self) -> None:
        """Make the summary."""
        self._task = Task(self._add_up)
        self._task.succeeded.connect(self._show)
        self._task.start()

    def shut_down(self) -> None:
        """Wait for the thread."""
        if self._task is not None:
            self._task.wait()

    def _add_up(self, _: ReportProgress) -> list[ChannelStatistics]:
        return [
            channel_statistics(channel.pyramid.columns, channel.segments, _MOST_MOMENTS)
            for channel in self._content.channels.values()
        ]

    def _show(self, digests: list[ChannelStatistics]) -> None:
        self.ready = bool(digests)
        body = QWidget()
        body.setObjectName("window")
        column = QVBoxLayout(body)
        pad(column, 1.5, 0.75)
        if not digests:
            column.addWidget(label("Adding up…", "muted"))
        for speech_statistics in digests:
            channel = QVBoxLayout()
            pad(channel, (0, 0, 0, 1), 0.75)
            column.addLayout(channel)
            if len(digests) > 1:
                title = self._content.channels[speech_statistics.channel].title
                channel.addWidget(label(title, "bold"))
            self._add_channel(channel, speech_statistics)
        column.addStretch(1)
        # Making objects can collect a window that nobody holds any more, and this panel with it.
        if not sip.isdeleted(self):
            self.setWidget(body)
            apply_measures(body)

    def _add_channel(self, column: QVBoxLayout, speech_statistics: ChannelStatistics) -> None:
        if not speech_statistics.segments:
            column.addWidget(label("There was no speech.", "muted"))
            return
        shares_section = _section(column, "Share of speaking time")
        shares = ShareBars(self._content.labels, speech_statistics)
        shares.chosen.connect(lambda name: self.label_chosen.emit(name, speech_statistics.channel))
        shares_section.addWidget(shares)
        facts = _section(column)
        facts.addLayout(_table(_fact_rows(speech_statistics)))
        if speech_statistics.pauses is not None:
            longest = speech_statistics.pauses
            facts.addWidget(
                self._link(
                    f"longest pause  {longest.longest_s:.1f} s  at "
                    f"{clock_text(longest.longest_at_s)}",
                    longest.longest_at_s,
                    longest.longest_at_s + longest.longest_s,
                )
            )
        moments = _section(column, "Most certain moments")
        for moment in speech_statistics.moments:
            words = f"{clock_text(moment.time_s)}  {moment.label} {percent_text(moment.confidence)}"
            segment = self._content.channels[speech_statistics.channel].segment_at(
                moment.time_s - 0.01
            )
            start = moment.time_s if segment is None else segment.start_s
            end = moment.time_s if segment is None else segment.end_s
            moments.addWidget(self._link(words, start, end))
        rows = list(_transitions(speech_statistics))
        if rows:
            _section(column, "Most frequent transitions").addLayout(_table(rows))

    def _link(self, words: str, start_s: float, end_s: float) -> QPushButton:
        link = button(words, "Go there", "link")
        link.setCursor(Qt.CursorShape.PointingHandCursor)
        link.clicked.connect(lambda: self.stretch_chosen.emit(start_s, end_s))
        return link


def _section(column: QVBoxLayout, caption: str = "") -> QVBoxLayout:
    """A part of the summary, a little apart from the one above."""
    section = QVBoxLayout()
    pad(section, (0, 0.5, 0, 0), 0.75)
    if caption:
        section.addWidget(label(caption, "small muted"))
    column.addLayout(section)
    return section


def _fact_rows(speech_statistics: ChannelStatistics) -> Iterator[tuple[str, str]]:
    share = (
        speech_statistics.speech_s / speech_statistics.duration_s
        if speech_statistics.duration_s
        else 0.0
    )
    yield "speaking time", f"{clock_text(speech_statistics.speech_s)}, {percent_text(share)}"
    yield "segments", f"{speech_statistics.segments:,}"
    if speech_statistics.certain_share is not None:
        yield "certain", percent_text(speech_statistics.certain_share)
    if speech_statistics.lost_s:
        yield "sound lost", f"{speech_statistics.lost_s:.1f} s"
    if speech_statistics.paused_s:
        yield "paused", clock_text(speech_statistics.paused_s)
    if speech_statistics.pauses is not None:
        yield (
            "pauses",
            f"{speech_statistics.pauses.count:,}, median {speech_statistics.pauses.median_s:.1f} s",
        )
        yield "in pauses", clock_text(speech_statistics.pauses.total_s)


def _transitions(speech_statistics: ChannelStatistics) -> Iterator[tuple[str, str]]:
    found = sorted(speech_statistics.transitions.items(), key=lambda item: -item[1])
    for (before, after), count in [item for item in found if item[0][0] != item[0][1]][:6]:
        yield f"{before} \u2192 {after}", f"{count:,}"


def _table(rows: Iterator[tuple[str, str]] | list[tuple[str, str]]) -> QLayout:
    grid = QGridLayout()
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setVerticalSpacing(2)
    for number, (name, value) in enumerate(rows):
        grid.addWidget(label(name, "small"), number, 0)
        cell = label(value, "small")
        grid.addWidget(cell, number, 1, Qt.AlignmentFlag.AlignRight)
    return grid

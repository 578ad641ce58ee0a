"""How the session went: shares, speaking time, pauses, transitions, the most certain moments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from PyQt6 import sip
from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from realtime_ser.base.text import FAR_VOICE, clock_text, length_text, percent_text
from realtime_ser.gui.theme.style_watcher import apply_measures
from realtime_ser.gui.timeline.annotations import Annotations
from realtime_ser.gui.widgets.bars import Bars
from realtime_ser.gui.widgets.localised import local_numbers
from realtime_ser.gui.widgets.parts import Part, VerticalScrollArea, button, column, label, row
from realtime_ser.gui.widgets.task import ReportProgress, Task
from realtime_ser.session.corrections import SegmentKey
from realtime_ser.session.metadata import voice_reference
from realtime_ser.session.statistics import ChannelStatistics, channel_statistics
from realtime_ser.timeline.content import Content


class SummaryPanel(VerticalScrollArea):
    """The summary of each channel; made in a thread, for a day takes its time.

    Attributes
    ----------
    ready
        Whether the summary is shown.
    """

    #: A person wants to see and hear a stretch: from, to.
    stretch_chosen = pyqtSignal(float, float)

    #: A person wants to see the segments of a label, in a channel.
    label_chosen = pyqtSignal(str, int)

    def __init__(self, content: Content, annotations: Annotations) -> None:
        super().__init__()
        self._content = content
        self._annotations = annotations
        self._corrected: dict[SegmentKey, str] = {}
        annotations.changed.connect(self._follow_corrections)
        self._task: Task | None = None
        self.ready = False
        self.setAccessibleName("Summary")
        self._show([])

    def begin(self) -> None:
        """Make the summary, or make it anew."""
        self.ready = False
        self.shut_down()
        self._corrected = self._annotations.corrected_labels()
        self._task = Task(self._add_up)
        self._task.succeeded.connect(self._show)
        self._task.start()

    def shut_down(self) -> None:
        """Wait for the thread."""
        if self._task is not None:
            self._task.wait()

    def _add_up(self, _: ReportProgress) -> list[ChannelStatistics]:
        reference = voice_reference(self._content.info.metadata)
        return [
            channel_statistics(
                channel.pyramid.columns, channel.segments, self._corrected, reference
            )
            for channel in self._content.channels.values()
        ]

    def _follow_corrections(self) -> None:
        if self.ready and self._corrected != self._annotations.corrected_labels():
            self.begin()

    def _show(self, statistics: list[ChannelStatistics]) -> None:
        self.ready = bool(statistics)
        parts: list[Part] = [] if statistics else [label("Adding up…", "muted")]
        for figures in statistics:
            title = self._content.channels[figures.channel].title
            head = [label(title, "bold")] if len(statistics) > 1 else []
            channel = *head, *self._channel_parts(figures)
            parts.append(column(*channel, margins=(0, 0, 0, 1), spacing=0.75))
        body = QWidget()
        body.setObjectName("window")
        body.setLayout(column(*parts, None, margins=1.5, spacing=0.75))
        # Making objects can collect a window that nobody holds any more, and this panel with it.
        if not sip.isdeleted(self):
            self.setWidget(body)
            apply_measures(body)
            self._follow_corrections()  # those that came while it was added up

    def _channel_parts(self, figures: ChannelStatistics) -> Iterator[Part]:
        if not figures.segments:
            yield label("There was no speech.", "muted")
            return
        shares = Bars(self._content.labels, 2.25)
        shares.show_shares(figures.shares)
        shares.enable_choosing(
            "Share of the voiced time whose segments carry each label; a click lists them"
        )
        shares.chosen.connect(lambda name: self.label_chosen.emit(name, figures.channel))
        yield _section(shares, caption="Share of speaking time")
        facts: list[Part] = [_table(_fact_rows(figures))]
        if figures.pauses is not None:
            at_s, longest_s = figures.pauses.longest_at_s, figures.pauses.longest_s
            words = local_numbers(f"longest pause  {longest_s:.1f} s  at {clock_text(at_s)}")
            facts.append(self._link(words, at_s, at_s + longest_s))
        if figures.far:
            facts.append(label(FAR_VOICE, "small muted", wrap=True))
        yield _section(*facts)
        moments = []
        for moment in figures.moments:
            words = f"{clock_text(moment.time_s)}  {moment.label} {percent_text(moment.confidence)}"
            segment = self._content.channels[figures.channel].segment_at(moment.time_s - 0.01)
            start_s = moment.time_s if segment is None else segment.start_s
            end_s = moment.time_s if segment is None else segment.end_s
            moments.append(self._link(words, start_s, end_s))
        yield _section(*moments, caption="Most certain moments")
        if rows := list(_transitions(figures)):
            yield _section(_table(rows), caption="Most frequent transitions")

    def _link(self, words: str, start_s: float, end_s: float) -> QPushButton:
        link = button(words, "Go there", "link")
        link.setCursor(Qt.CursorShape.PointingHandCursor)
        link.clicked.connect(lambda: self.stretch_chosen.emit(start_s, end_s))
        return link


def _section(*parts: Part, caption: str = "") -> QVBoxLayout:
    """A part of the summary, a little apart from the one above."""
    head = [label(caption, "small muted")] if caption else []
    return column(*head, *parts, margins=(0, 0.5, 0, 0), spacing=0.75)


def _fact_rows(figures: ChannelStatistics) -> Iterator[tuple[str, str]]:
    share = figures.speech_s / figures.duration_s if figures.duration_s else 0.0
    yield "speaking time", f"{length_text(figures.speech_s)}, {percent_text(share)}"
    yield "segments", f"{figures.segments:,}"
    if figures.certain_share is not None:
        yield "certain", percent_text(figures.certain_share)
    for quality, left_out_s in figures.left_out_s.items():
        yield quality.value, f"{left_out_s:.1f} s, left out"
    if figures.lost_s:
        yield "sound lost", f"{figures.lost_s:.1f} s"
    if figures.paused_s:
        yield "paused", length_text(figures.paused_s)
    if figures.pauses is not None:
        yield "pauses", f"{figures.pauses.count:,}, median {figures.pauses.median_s:.1f} s"
        yield "in pauses", length_text(figures.pauses.total_s)


def _transitions(figures: ChannelStatistics) -> Iterator[tuple[str, str]]:
    changes = [item for item in figures.transitions.items() if item[0][0] != item[0][1]]
    for (before, after), count in sorted(changes, key=lambda item: -item[1])[:6]:
        yield f"{before} \u2192 {after}", f"{count:,}"


def _table(rows: Iterable[tuple[str, str]]) -> QVBoxLayout:
    shown = ((name, local_numbers(value)) for name, value in rows)
    lines = (row(label(name, "small"), None, label(value, "small")) for name, value in shown)
    return column(*lines, spacing=0.25)

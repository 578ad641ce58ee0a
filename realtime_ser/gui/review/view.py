"""Everything that is shown of one session, and how its parts follow each other."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

from PyQt6.QtCore import QPoint, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QSplitter, QTabWidget, QWidget

from realtime_ser.base.records import STEP_S, Marker, Segment
from realtime_ser.base.text import exact_clock
from realtime_ser.gui.review.annotation_list import ItemDialog, MarkList
from realtime_ser.gui.review.segments import SegmentPanel
from realtime_ser.gui.review.session_player import SessionPlayer
from realtime_ser.gui.review.summary import SummaryPanel
from realtime_ser.gui.theme.style_watcher import reserve, set_size, style_of
from realtime_ser.gui.timeline.annotations import DEFAULT_TIER, Annotations
from realtime_ser.gui.timeline.axis import TimeAxis
from realtime_ser.gui.timeline.canvas import Canvas
from realtime_ser.gui.timeline.overview import Overview
from realtime_ser.gui.timeline.sound_store import SoundStore
from realtime_ser.gui.widgets.localised import local_numbers
from realtime_ser.gui.widgets.parts import PopupMenu, VerticalScrollArea, bar, column, label
from realtime_ser.session.store import Interval, Store
from realtime_ser.session.store.values import CORRECTED
from realtime_ser.timeline.content import Annotation, Content, end_of, start_of

_HINT = "Wheel: zoom. Drag: move. Drag on the times or with Shift: select. F1: all keys."

_SUMMARY_AFTER_MS = 100


class _TimelineScrollArea(VerticalScrollArea):
    """Leaves the arrow keys to the window: they move the cursor."""

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Scroll nothing."""
        if event is not None:
            event.ignore()


class ReviewView(QWidget):
    """The working place of a session."""

    #: What can be done has changed: something was selected, or playing began or ended.
    state_changed = pyqtSignal()

    def __init__(self, store: Store, content: Content) -> None:
        super().__init__()
        self.setObjectName("body")
        self.content = content
        self.axis = TimeAxis(content.duration_s, self)
        self.annotations = Annotations(store, content.info.id, content.segments, self)
        self.sound = SoundStore(content.info, self)
        self.player = SessionPlayer(content.info, self)
        self.canvas = Canvas(content, self.annotations, self.sound, self.axis)
        self.overview = Overview(content, self.annotations, self.axis)
        self.segments = SegmentPanel(content, self.annotations)
        self.marks = MarkList(self.annotations)
        self.summary = SummaryPanel(content, self.annotations)
        self.tabs = QTabWidget()
        self.message = label(_HINT, "small muted")
        self.visible_range = label(role="small muted")
        self._lay_out()
        self._connect()
        self._show_range()
        # A second thread would hold up the first paint.
        self._summary_timer = QTimer(self)
        self._summary_timer.setSingleShot(True)
        self._summary_timer.timeout.connect(self.summary.begin)
        self._summary_timer.start(_SUMMARY_AFTER_MS)

    def shut_down(self) -> None:
        """Let threads and files go."""
        self._summary_timer.stop()
        self.player.stop()
        self.sound.close()
        self.summary.shut_down()

    def say(self, words: str) -> None:
        """Tell something at the foot of the window."""
        self.message.setText(words)
        self.message.setToolTip(words)

    def scroll_down(self, rows: int) -> None:
        """Move down where not all channels have room."""
        scroll_bar = self._scroller.verticalScrollBar()
        assert scroll_bar is not None
        scroll_bar.setValue(scroll_bar.value() + rows * style_of(self).grid(5))

    # ---------------------------------------------------------------------------------- the cursor

    def step(self, steps: int) -> None:
        """Move the cursor by so many steps."""
        self.axis.seek(round(self.axis.cursor_s / STEP_S + steps) * STEP_S)

    def go_to_segment(self, by: int) -> None:
        """Select the next segment (``by`` is 1), or the one before (-1)."""
        now = self.axis.cursor_s if self.canvas.segment is None else self.canvas.segment.start_s
        beyond = [s for s in self.segments.model.rows if by * (s.start_s - now) > 1e-6]
        found = min(beyond, key=lambda segment: abs(segment.start_s - now), default=None)
        if found is None:
            self.say("There is no further segment in that direction.")
        else:
            self.choose_segment(found)

    def choose_segment(self, segment: Segment) -> None:
        """Select a segment and go to it."""
        self.canvas.select(None, segment)
        self._go_to(segment.start_s, segment.end_s)

    def _go_to(self, start_s: float, end_s: float) -> None:
        self.axis.place_cursor(start_s)
        self.axis.reveal(start_s, end_s)

    def current_segment(self) -> Segment | None:
        """The selected segment, or else the one at the cursor."""
        if self.canvas.segment is not None:
            return self.canvas.segment
        found = (one.segment_at(self.axis.cursor_s) for one in self.content.channels.values())
        return next((segment for segment in found if segment is not None), None)

    def current_span(self) -> tuple[float, float] | None:
        """The selected stretch, or else that of the present segment; says so without either."""
        segment = self.current_segment()
        if self.axis.selection is None and segment is not None:
            return segment.start_s, segment.end_s
        if self.axis.selection is None:
            self.say("Select a stretch first: drag on the times, or with Shift.")
        return self.axis.selection

    # --------------------------------------------------------------------------------- annotations

    def add_marker(self) -> None:
        """Set a marker at the cursor."""
        time_s = self.axis.cursor_s
        channel = next(iter(self.content.channels.values()))
        marker = Marker(time_s, "", wall_clock=channel.wall_clock(time_s))
        number = self.annotations.add(marker)
        if number is not None:
            self.canvas.select(number)
            self.say("Marker set; Enter gives it words.")

    def add_interval(self, label: str = "") -> None:
        """Make an interval of the selection; without one, of the present segment."""
        span = self.current_span()
        if span is not None:
            self._make_interval(Interval(DEFAULT_TIER, *span, label))

    def label(self, label: str | None) -> None:
        """Give a label to what is selected; ``None`` takes it away."""
        item = self.canvas.annotations.get(self.canvas.selected)
        if item is not None and isinstance(item.value, Interval):
            if label is None and item.value.tier == CORRECTED:
                self.annotations.remove(item.number)
            else:
                self.annotations.change(item.number, replace(item.value, label=label or ""))
        elif self.axis.selection is not None and label is not None:
            self.add_interval(label)
        else:
            self._correct(label)

    def edit(self, number: int | None = None) -> None:
        """Edit a marker or interval; without one, the selected."""
        item = self.annotations.get(self.canvas.selected if number is None else number)
        if item is None:
            self.say("Select a marker or an interval first.")
            return
        kind = "marker" if isinstance(item.value, Marker) else "interval"
        change = functools.partial(self.annotations.change, item.number)
        self._edit_item(item.value, f"Edit {kind}", change)

    def delete(self) -> None:
        """Delete the selected marker or interval."""
        if self.canvas.selected is None:
            self.say("Select a marker or an interval first.")
        else:
            self.annotations.remove(self.canvas.selected)

    def _correct(self, label: str | None) -> None:
        segment = self.current_segment()
        if segment is None:
            self.say("Click a segment first; then its label's key corrects it.")
            return
        if self.annotations.correct(segment, label):
            message = "is the model's again" if label is None else f"corrected: {label}"
            self.say(f"Segment {segment.number} {message}.")

    def _make_interval(self, value: Interval) -> None:
        def add(value: Annotation) -> None:
            self.canvas.select(self.annotations.add(value))

        if value.label:
            add(value)
        else:
            self._edit_item(value, "New interval", add)

    def _edit_item(
        self, value: Annotation, title: str, store: Callable[[Annotation], object]
    ) -> None:
        tiers = dict.fromkeys([*self.annotations.tiers(), CORRECTED])
        dialog = ItemDialog(value, self.content, list(tiers), title, self.window())
        dialog.accepted.connect(lambda: store(dialog.value))
        dialog.open()

    def open_menu(self, at: QPoint) -> None:
        """Open the menu of what is selected, at a place on the screen."""
        menu = PopupMenu(self)
        item = self.annotations.get(self.canvas.selected)
        segment = self.current_segment()
        span = self.axis.selection
        if item is not None:
            menu.add("&Edit…", self.edit)
            menu.add("&Delete", self.delete)
        marker = item is not None and isinstance(item.value, Marker)
        if (segment is not None or item is not None or span is not None) and not marker:
            menu.addSeparator()
            for number, name in enumerate(self.content.labels, 1):
                menu.add(f"{name}\t{number}", functools.partial(self.label, name))
            menu.add("&Withdraw the label\t0", functools.partial(self.label, None))
            menu.addSeparator()
            menu.add("&Play it", self.play_current, enabled=self.sound.available)
        menu.addSeparator()
        menu.add("Set a &marker at the cursor", self.add_marker)
        if span is not None:
            menu.add("Make an &interval of the selection…", self.add_interval)
        menu.popup(at)

    # --------------------------------------------------------------------------------------- sound

    def toggle_play(self) -> None:
        """Play the selection, or on from the cursor; or stop."""
        if self.player.playing:
            self.player.stop()
            return
        span = self.axis.selection
        if span is None:
            start = self.axis.cursor_s
            start = 0.0 if start >= self.axis.duration_s - STEP_S else start
            span = (start, self.axis.duration_s)
        self._play(*span)

    def play_current(self) -> None:
        """Play the selected interval or segment, or the one at the cursor."""
        item = self.annotations.get(self.canvas.selected)
        if item is not None and end_of(item.value) > start_of(item.value):
            self._play(start_of(item.value), end_of(item.value))
            return
        segment = self.current_segment()
        if segment is None:
            self.say("There is no segment here to play.")
        else:
            self._play(segment.start_s, segment.end_s)

    def _play(self, start_s: float, end_s: float) -> None:
        if not self.sound.available:
            self.say("No sound was kept in this session, so there is nothing to play.")
            return
        self.axis.seek(start_s)
        self.player.play(start_s, end_s)

    def _follow_player(self, time_s: float) -> None:
        self.axis.place_cursor(time_s)
        left, right = self.axis.target_range
        if not left <= time_s <= right:  # turn the page
            self.axis.show(time_s, time_s + right - left, glide=True)

    # ------------------------------------------------------------------------------- how it follows

    def _connect(self) -> None:
        canvas, axis = self.canvas, self.axis
        axis.moved.connect(self._show_range)
        axis.selected.connect(self._show_range)
        axis.cursor_moved.connect(self._follow_cursor)
        canvas.selection_changed.connect(self._follow_selection)
        canvas.edit_wanted.connect(self.edit)
        canvas.menu_wanted.connect(self.open_menu)
        canvas.interval_drawn.connect(
            lambda tier, channel, start, end: self._make_interval(
                Interval(tier, start, end, "", channel=channel)
            )
        )
        self.segments.chosen.connect(self.choose_segment)
        self.marks.chosen.connect(self._show_mark)
        self.marks.edit_wanted.connect(self.edit)
        self.summary.stretch_chosen.connect(self._show_stretch)
        self.summary.label_chosen.connect(self._show_label)
        self.player.moved.connect(self._follow_player)
        self.player.state_changed.connect(self.state_changed)
        self.player.message.connect(self.say)
        self.annotations.failed.connect(self.say)
        self.annotations.changed.connect(self.state_changed)

    def _show_stretch(self, start_s: float, end_s: float) -> None:
        span = max(end_s - start_s, 1.0)
        left, right = self.axis.target_range
        if right - left > 20 * span:  # nothing could be seen of it
            middle = (start_s + end_s) / 2
            self.axis.show(middle - 5 * span, middle + 5 * span, glide=True)
        self._go_to(start_s, end_s)

    def _show_label(self, label: str, channel: int) -> None:
        self.tabs.setCurrentWidget(self.segments)
        self.segments.show_label(label, channel)

    def _show_mark(self, number: int) -> None:
        item = self.annotations.get(number)
        if item is not None:
            self.canvas.select(number)
            self._go_to(start_of(item.value), end_of(item.value))

    def _follow_selection(self) -> None:
        self.marks.follow(self.canvas.selected)
        if self.canvas.segment is not None:
            self.segments.follow(self.canvas.segment)
        self.state_changed.emit()

    def _follow_cursor(self) -> None:
        chosen = self.canvas.segment
        if chosen is None or not chosen.start_s <= self.axis.cursor_s < chosen.end_s:
            if chosen is not None:
                self.canvas.select(self.canvas.selected, None)
            self.segments.follow(self.current_segment())

    def _show_range(self) -> None:
        axis = self.axis
        fine = axis.span_s / 1000
        words = f"{exact_clock(axis.start_s, fine)} – {exact_clock(axis.end_s, fine)}"
        if axis.selection is not None:
            first, last = axis.selection
            words = f"selected {exact_clock(first, 0.01)} – {exact_clock(last, 0.01)}"
            words += local_numbers(f" ({last - first:.2f} s)")
        self.visible_range.setText(words)

    def _lay_out(self) -> None:
        self._scroller = scroller = _TimelineScrollArea(self.canvas)
        scroller.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        left = QWidget()
        left.setLayout(column(self.overview, (scroller, 1)))
        self.tabs.addTab(self.segments, "&Segments")
        self.tabs.addTab(self.marks, "Mar&ks")
        self.tabs.addTab(self.summary, "S&ummary")
        self.tabs.setDocumentMode(True)
        tabs = self.tabs.tabBar()
        assert tabs is not None
        tabs.setDrawBase(False)
        self.tabs.setAccessibleName("Segments, marks and summary")
        set_size(self.tabs, min_width=30)
        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.addWidget(left)
        splitter.addWidget(self.tabs)
        splitter.setStretchFactor(0, 1)
        splitter.setStretchFactor(1, 0)
        splitter.setCollapsible(0, False)
        splitter.setChildrenCollapsible(False)
        splitter.setSizes([912, 368])
        self.message.setMinimumWidth(1)
        self.message.setAccessibleName("Message")
        self.visible_range.setAccessibleName("Visible or selected range")
        self.visible_range.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        reserve(self.visible_range, ["00:00:00.000 – 00:00:00.000 (00.000 s)"], font="small")
        status = (self.message, 1), self.visible_range
        foot = bar(*status, name="statusline", margins=(2, 0, 2, 0), spacing=2.0)
        set_size(foot, height=3.5)
        self.setLayout(column((splitter, 1), foot))

"""The window itself: it shows what it is given and tells what a person does. It knows no engine."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QByteArray, QRect, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QPixmap, QResizeEvent
from PyQt6.QtWidgets import (
    QApplication,
    QMainWindow,
    QMessageBox,
    QScrollArea,
    QStackedWidget,
    QWidget,
)

from realtime_ser.base.config import WindowConfig
from realtime_ser.base.errors import OutputError
from realtime_ser.base.labels import LABELS
from realtime_ser.base.records import Record, Update
from realtime_ser.base.text import clock_text, duration_text
from realtime_ser.gui.app.actions import LIVE, Actions
from realtime_ser.gui.app.preferences import SPANS_S, THEMES, Preferences
from realtime_ser.gui.live.banners import (
    Banner,
    BannerText,
    MessageCard,
    OverloadMonitor,
    StatusLine,
    demo_banner_text,
    quality_banner_text,
    state_banner_text,
)
from realtime_ser.gui.live.channel_view import ChannelView
from realtime_ser.gui.live.keyboard import Keyboard
from realtime_ser.gui.live.modes import BlindScreen, CompactWindow, Presenter
from realtime_ser.gui.live.status_model import NOTICE, StatusModel, UiState, status_title
from realtime_ser.gui.live.timing import ScrollClock
from realtime_ser.gui.live.top_bar import TopBar
from realtime_ser.gui.theme.style_watcher import (
    StyleWatcher,
    apply_measures,
    choose_theme,
    style_of,
)
from realtime_ser.gui.widgets.dialogs import FileDrop
from realtime_ser.gui.widgets.icons import face_icon
from realtime_ser.gui.widgets.parts import column, progress_bar, row
from realtime_ser.session.statistics import ChannelSummary
from realtime_ser.timeline.content import LiveContent

FOLD_WIDTH = 900  # below this width in logical pixels (at scale 1) the left column folds away
_THEME, _SPAN, _LABELS = "Theme", "Timeline length", "Labels"  # menus whose entries are values

#: What is kept of a session for the timeline: its longest length, and what lies just before, since
#: dashes go on from the start of a segment. Some 10 MB a channel.
_TIMELINE_S = SPANS_S[-1] + 40.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """A second model that hears the same: its name and its labels, and what the first is called."""

    name: str
    labels: tuple[str, ...]
    main_name: str


class MainWindow(QMainWindow):
    """The live window of a session.

    Parameters
    ----------
    config
        The window's part of the configuration.
    preferences
        What a person has chosen before, which counts more.
    """

    closing = pyqtSignal()
    blinded = pyqtSignal(bool)  # the results are hidden from now on, or shown again
    dropped = pyqtSignal(list)  # files and folders were dropped on the window
    chosen = pyqtSignal(dict)  # what is to be remembered: values by the settings' names

    def __init__(self, config: WindowConfig, preferences: Preferences | None = None) -> None:
        super().__init__()
        self.preferences = Preferences.from_config(config) if preferences is None else preferences
        self._view = StatusModel()
        self._scroll_clock = ScrollClock()
        self._last_s: float | None = None
        self._open_intervals: tuple[tuple[int, str, float], ...] = ()
        self._overload_monitor = OverloadMonitor()
        self.timeline = LiveContent(LABELS, (1,), 0.0)
        self.comparison: LiveContent | None = None
        self.topbar = TopBar()
        self.demo, self.notice, self.overload = Banner(), Banner(), Banner()
        self.replay, self.intervals = Banner(), Banner()
        self.card, self.progress = MessageCard(), progress_bar("Progress of the file")
        self.presenter = Presenter()
        self.blind = BlindScreen()
        self.compact = CompactWindow()
        self.statusline = StatusLine()
        self.channels: dict[int, ChannelView] = {}
        self.comparison_views: dict[int, ChannelView] = {}
        choose_theme(self.preferences.theme)
        self.keyboard = Keyboard(self, self.compact)
        self.actions_ = Actions(self, LIVE)
        self.compact.addActions(self.actions_.all())
        self._fill_menus()
        self._bind()
        self._lay_out()
        self.setWindowIcon(face_icon("happy"))
        self.compact.setWindowIcon(self.windowIcon())
        self.setMinimumSize(QSize(640, 480))
        FileDrop(self).dropped.connect(self.dropped)
        self._connect()
        self.begin(LABELS, (1,), rate=1.0)
        self.resize(1280, 720)
        StyleWatcher(self)
        self.show_status(self._view, 0.0)
        if self.preferences.geometry:
            self.restoreGeometry(QByteArray(base64.b64decode(self.preferences.geometry)))

    def begin(
        self,
        labels: Sequence[str],
        channels: Sequence[int],
        *,
        rate: float,
        names: Mapping[int, str] | None = None,
        comparison: Comparison | None = None,
    ) -> None:
        """Empty the window for a new session.

        Parameters
        ----------
        labels, channels
            The model's labels, in its order, and the channels to show, from 1.
        rate
            Session seconds a second; 0 as fast as it can.
        names
            Names of some or all channels.
        """
        self._scroll_clock = ScrollClock(rate)
        self._overload_monitor = OverloadMonitor()
        for view in self._views():
            self._rows.removeWidget(view)
            view.hide()  # it would go on to be painted until Qt finds the time to delete it
            view.deleteLater()
        several = len(channels) > 1
        titles = {one: (names or {}).get(one, f"Channel {one}") for one in channels}
        main_titles = dict.fromkeys(channels, comparison.main_name) if comparison else titles
        self.timeline, self.channels = self._make_views(
            labels,
            titles if several else main_titles,
            compact=several or comparison is not None,
            axis=comparison is None,
        )
        self.comparison, self.comparison_views = None, {}
        if comparison is not None:
            other = comparison.name
            self.comparison, self.comparison_views = self._make_views(
                comparison.labels,
                {one: f"{title}, {other}" if several else other for one, title in titles.items()},
                compact=True,
                axis=True,
            )
        for view in self._views():
            view.fold(folded=self._folded)
            self._rows.addWidget(view, 1)
            apply_measures(view)
        self.actions_.toggles(_LABELS, self.timeline.labels, self.toggle_label)
        self._check_choices()
        self.card.raise_()

    def feed(self, records: Iterable[Record], now_s: float) -> None:
        """Take in records that arrived at ``now_s`` on the monotonic clock."""
        _feed(self.timeline, self.channels.values(), list(records))
        self._scroll_clock.feed(self.timeline.end_s, now_s)

    def feed_comparison(self, records: Iterable[Record]) -> None:
        """Take in records of the compared model."""
        if self.comparison is not None:
            _feed(self.comparison, self.comparison_views.values(), list(records))

    def show_summaries(self, summaries: Mapping[int, ChannelSummary]) -> None:
        """Show how the session went, from now on."""
        for channel, summary in summaries.items():
            self.channels[channel].summary = summary

    def show_status(self, view: StatusModel, now_s: float) -> None:
        """Show a state."""
        self._scroll_clock.feed(view.position_s, now_s)
        self._view = view
        for shown in (self.topbar, self.statusline, self.card, self.blind, self.compact):
            shown.show_status(view)
        self.progress.setVisible(view.duration_s is not None)
        if view.duration_s:
            self.progress.setValue(round(1000 * min(1.0, view.position_s / view.duration_s)))
        self.demo.say(demo_banner_text(view))
        # While the last seconds play, the replay's own words say why nothing is heard.
        replay_shown = view.ui_state is UiState.PAUSED and not self.replay.isHidden()
        self.notice.say(None if replay_shown else state_banner_text(view))
        overload = self._overload_monitor.feed(view, now_s)
        smoothers = [channel.smoother for channel in self.channels.values()]
        self.overload.say(overload or quality_banner_text(view, smoothers))
        for window in (self, self.compact):
            window.setWindowTitle(f"{status_title(view)} – Realtime SER")

    def tick(self, now_s: float) -> None:
        """Show this moment; ``now_s`` is on the monotonic clock."""
        elapsed_s = 0.0 if self._last_s is None else now_s - self._last_s
        self._last_s = now_s
        right_s = self._scroll_clock.read(now_s)
        for view in self._views():
            view.tick(right_s, elapsed_s, stopped=self._view.ui_state.stopped)
        if self.presenter.isVisible():
            self.presenter.follow(self._views())
        if self.compact.isVisible():
            self.compact.follow(next(iter(self.channels.values())))

    @property
    def next_pixel_s(self) -> float:
        """When the time axis will have moved on by a pixel, in seconds from now."""
        return min(view.plots.next_pixel_s for view in self._views())

    def show_cursor(self, time_s: float | None) -> None:
        """Show the moment that is being played; ``None``: nothing is."""
        for view in self._views():
            view.plots.show_cursor(time_s)

    def show_open_intervals(self, intervals: Sequence[tuple[int, str, float]]) -> None:
        """Show which intervals have begun: key, text, and when in seconds.

        While the results are hidden, what an observer calls them is so too.
        """
        self._open_intervals = tuple(intervals)
        hidden = self._pages.currentWidget() is self.blind
        words = [
            f"{digit if hidden else text or digit} since {clock_text(start_s)} "
            f"(Ctrl+{digit} ends it)"
            for digit, text, start_s in intervals
        ]
        title = "Interval" if len(words) == 1 else "Intervals"
        self.intervals.say(BannerText("flag", title, "; ".join(words)) if words else None)

    # ---------------------------------------------------------------------------------- settings

    def choose(self, **values: Any) -> None:
        """Change preferences, as a person wants."""
        self.apply(self.preferences.changed(values))
        self.chosen.emit({name: getattr(self.preferences, name) for name in values})

    def apply(self, preferences: Preferences) -> None:
        """Apply preferences."""
        before, self.preferences = self.preferences, preferences
        for view in self._views():
            view.apply(preferences)
        self._check_choices()
        if preferences.timeline_s != before.timeline_s:
            self.statusline.say(f"the timeline shows {duration_text(preferences.timeline_s)}")
        if preferences.theme != before.theme:
            choose_theme(preferences.theme)

    def change_span(self, steps: int) -> None:
        """Show more or fewer seconds, by so many of the usual lengths."""
        now_s = self.preferences.timeline_s
        nearest = min(range(len(SPANS_S)), key=lambda index: abs(SPANS_S[index] - now_s))
        span_s = SPANS_S[min(max(nearest + steps, 0), len(SPANS_S) - 1)]
        if span_s != now_s:
            self.choose(timeline_s=span_s)

    def toggle_label(self, label: str) -> None:
        """Hide a label on the timeline, or show it again."""
        others = tuple(name for name in self.preferences.hidden if name != label)
        self.choose(hidden=(*others, label) if others == self.preferences.hidden else others)

    # ------------------------------------------------------------------------------------- modes

    def show_presenter(self, *, on: bool) -> None:
        """Fill the screen with what the voice sounds like, or go back.

        Not while the results are hidden: one key alone shows them again.
        """
        page = self._pages.currentWidget()
        if page is self.blind or on == (page is self.presenter):
            self.actions_["presenter"].setChecked(page is self.presenter)
            return
        self._show_page(self.presenter if on else self._scroller)
        if on:
            self._was_maximised = self.isMaximized()
            self.showFullScreen()
        elif self._was_maximised:
            self.showMaximized()
        else:
            self.showNormal()

    def hide_results(self, *, on: bool) -> None:
        """Show a calm screen instead of the results, or the results again."""
        self.show_presenter(on=False)
        self.show_compact(on=False)
        self._show_page(self.blind if on else self._scroller)
        self.show_open_intervals(self._open_intervals)
        self.blinded.emit(on)

    def show_compact(self, *, on: bool) -> None:
        """Show the small window instead of this one, or go back; not while results are hidden."""
        hidden = self._pages.currentWidget() is self.blind
        if hidden or on == self.compact.isVisible():
            self.actions_["compact"].setChecked(self.compact.isVisible())
            return
        if on:
            self.show_presenter(on=False)
            self.compact.show()
            self.hide()
        else:
            self.show()
            self.activateWindow()
            self.compact.hide()
        self.actions_["compact"].setChecked(on)

    @property
    def on_screen(self) -> bool:
        """Whether this window or the compact one is visible."""
        return self.compact.isVisible() or (self.isVisible() and not self.isMinimized())

    # ----------------------------------------------------------------------------------- pictures

    def grab(self, rectangle: QRect | None = None) -> QPixmap:
        """Picture of the window, in which no column of the timeline is left for later."""
        for view in self._views():
            view.plots.finish_columns()
        return super().grab(rectangle or self.rect())

    def picture(self, path: Path) -> None:
        """Write what the window shows as a PNG.

        Raises
        ------
        OutputError
            The file cannot be written.
        """
        QApplication.processEvents()
        if not self.grab().save(str(path), "PNG"):
            raise OutputError(f"Cannot write the screenshot {path}; choose another place.")

    def warn(self, title: str, text: str) -> None:
        """Show a message with its next step; the session goes on."""
        box = QMessageBox(QMessageBox.Icon.Warning, title, text, parent=self._front_window())
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    def show_help(self) -> None:
        """List the keys, and say what the labels mean."""
        from realtime_ser.gui.app.help import ShortcutsDialog

        foot = [NOTICE, "Nothing leaves this computer."]
        ShortcutsDialog("Keys and meaning", LIVE.key_rows(), foot, self._front_window()).open()

    # ------------------------------------------------------------------------------------- events

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Fold the panels of a narrow window."""
        super().resizeEvent(event)
        for view in self._views():
            view.fold(folded=self._folded)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Closing asks nothing and loses nothing."""
        self.show_presenter(on=False)
        geometry = base64.b64encode(self.saveGeometry().data()).decode()
        self.chosen.emit({"geometry": geometry})
        self.closing.emit()
        self.compact.hide()
        super().closeEvent(event)

    # ------------------------------------------------------------------------------------ within

    @property
    def _folded(self) -> bool:
        return self.width() < FOLD_WIDTH * style_of(self).scale

    def _views(self) -> list[ChannelView]:
        return [*self.channels.values(), *self.comparison_views.values()]

    def _front_window(self) -> QWidget:
        return self.compact if self.compact.isVisible() else self

    def _make_views(
        self, labels: Sequence[str], titles: Mapping[int, str], *, compact: bool, axis: bool
    ) -> tuple[LiveContent, dict[int, ChannelView]]:
        """What a model hears, and a view of each channel; the last one may show the time axis."""
        content, views = LiveContent(labels, tuple(titles), _TIMELINE_S), {}
        for channel, title in titles.items():
            views[channel] = view = ChannelView(
                content,
                channel,
                title,
                self.preferences,
                compact=compact,
                axis=axis and channel == list(titles)[-1],
            )
            view.panel.bars.chosen.connect(self.toggle_label)
            view.plots.wheeled.connect(lambda notches: self.change_span(-notches))
        return content, views

    def _show_page(self, page: QWidget) -> None:
        self._pages.setCurrentWidget(page)
        full = page is self._scroller
        for widget in (self.menuBar(), self.topbar, self.statusline):
            if widget is not None:
                widget.setVisible(full)
        self.actions_["presenter"].setChecked(page is self.presenter)
        self.actions_["blind"].setChecked(page is self.blind)

    def _lay_out(self) -> None:
        body = QWidget()
        body.setObjectName("body")
        self._rows = column()
        body.setLayout(self._rows)
        self._scroller = QScrollArea()
        self._scroller.setWidget(body)
        self._scroller.setWidgetResizable(True)
        self._scroller.setLayout(column(None, row(None, self.card, None), (None, 2)))
        self._scroller.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroller.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._pages = QStackedWidget()
        for page in (self._scroller, self.presenter, self.blind):
            self._pages.addWidget(page)
        whole = QWidget()
        whole.setObjectName("body")
        banners = (self.demo, self.notice, self.overload, self.replay, self.intervals)
        parts = (self.topbar, *banners, self.progress, (self._pages, 1), self.statusline)
        whole.setLayout(column(*parts))
        self.setCentralWidget(whole)
        whole.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        whole.setFocus()

    def _fill_menus(self) -> None:
        acts, spans = self.actions_, [(duration_text(one), one) for one in SPANS_S]
        acts.fill(self.menuBar())
        acts.choices(_THEME, THEMES, None, lambda theme: self.choose(theme=theme))
        acts.choices(_SPAN, spans, None, lambda seconds: self.choose(timeline_s=seconds))
        self._check_choices()

    def _check_choices(self) -> None:
        acts, preferences = self.actions_, self.preferences
        acts["stacked"].setChecked(preferences.stacked)
        acts.check_value(_THEME, preferences.theme)
        acts.check_value(_SPAN, preferences.timeline_s)
        for action in acts.menus[_LABELS].actions():
            action.setChecked(action.text() not in preferences.hidden)

    def _bind(self) -> None:
        self.actions_.bind(
            {
                "stacked": lambda on: self.choose(stacked=on),
                "compact": lambda on: self.show_compact(on=on),
                "presenter": lambda on: self.show_presenter(on=on),
                "blind": lambda on: self.hide_results(on=on),
                "shorter": lambda: self.change_span(-1),
                "longer": lambda: self.change_span(1),
                "all_labels": lambda: self.choose(hidden=()),
                "keys": self.show_help,
                "quit": self.close,
            }
        )

    def _connect(self) -> None:
        self.keyboard.escape.connect(lambda: self.show_presenter(on=False))
        self.compact.back_requested.connect(lambda: self.show_compact(on=False))
        self.overload.button.clicked.connect(self._dismiss_overload)
        bar, acts = self.topbar, self.actions_
        bar.text.returnPressed.connect(acts["mark"].trigger)
        for pressed, name in (
            (bar.pause, "toggle"),
            (bar.stop, "stop"),
            (bar.mark, "mark"),
            (bar.export, "export"),
            (bar.sessions, "sessions"),
        ):
            pressed.clicked.connect(acts[name].trigger)

    def _dismiss_overload(self) -> None:
        self._overload_monitor.dismiss()
        self.overload.say(None)


def _feed(timeline: LiveContent, views: Iterable[ChannelView], records: Sequence[Record]) -> None:
    timeline.feed(records)
    updates = [record for record in records if isinstance(record, Update)]
    for view in views:
        view.feed(updates)

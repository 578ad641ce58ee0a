"""The window of a kept session: menus, the bar on top, keys, and the view."""

from __future__ import annotations

import functools
from collections.abc import Callable

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QKeyEvent, QPalette, QResizeEvent
from PyQt6.QtWidgets import QMainWindow, QWidget

from realtime_ser.base.config import Config
from realtime_ser.base.errors import SerError
from realtime_ser.base.records import STEP_S
from realtime_ser.base.text import exact_clock, length_text
from realtime_ser.gui.app.actions import REVIEW, Actions
from realtime_ser.gui.app.help import ShortcutsDialog
from realtime_ser.gui.library.exporting import ExportDialog
from realtime_ser.gui.review.comparison import TakesWindow
from realtime_ser.gui.review.view import ReviewView
from realtime_ser.gui.theme.style_watcher import StyleWatcher, apply_measures, reserve, style_of
from realtime_ser.gui.widgets.icons import glyph_icon
from realtime_ser.gui.widgets.localised import moment_text
from realtime_ser.gui.widgets.parts import bar, button, column, label
from realtime_ser.session.store import SessionInfo, SessionState, Store
from realtime_ser.timeline.content import Content, load_content

NARROW = 1000
"""Below this width in logical pixels (at scale 1) the tables at the side fold away."""

_NO_SOUND = "No sound was kept in this session, so there is nothing to play"


class ReviewWindow(QMainWindow):
    """Shows a kept session: its timeline, segments, marks and summary.

    The store is used in the window's thread alone, and not closed by it.

    Attributes
    ----------
    review_view
        Everything that is shown of the session; another after :meth:`reload`.

    Raises
    ------
    UsageError
        There is no such session.
    StoreError
        The store cannot be read.
    """

    closed = pyqtSignal()

    review_view: ReviewView

    def __init__(self, config: Config, store: Store, session_id: str) -> None:
        super().__init__()
        self._config = config
        self._store = store
        self._narrow = False
        self.title, self.facts = label(role="bold"), label(role="small muted")
        self.position = label(role="bold")
        self.actions_ = Actions(self, REVIEW)
        self.actions_.fill(self.menuBar())
        self._make_toolbar()
        self.setMinimumSize(QSize(640, 480))
        self.resize(1280, 720)
        StyleWatcher(self, config.window.theme)
        self._bind()
        self._show(load_content(store, session_id))

    @property
    def content(self) -> Content:
        """The session as it was read."""
        return self.review_view.content

    def reload(self) -> None:
        """Read the session again; what is seen stays in its place."""
        before = self.review_view
        content = load_content(self._store, before.content.info.id)
        start, end, cursor = *before.axis.target_range, before.axis.cursor_s
        self._show(content)
        self.review_view.axis.show(start, end)
        self.review_view.axis.place_cursor(cursor)
        before.shut_down()
        before.deleteLater()
        self.review_view.say("Everything was read again.")

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Keys that a control with the focus did not want for itself."""
        if event is None or not self._handle_key(event):
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """On a narrow window leave out what menus and keys do as well."""
        super().resizeEvent(event)
        narrow = self.width() < NARROW * style_of(self).scale
        if narrow != self._narrow:
            self._narrow = narrow
            for name in ("interval", "undo", "redo", "fit"):
                self.buttons[name].setVisible(not narrow)
            self.review_view.tabs.setVisible(not narrow)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Everything is stored already; let threads and files go."""
        self.review_view.shut_down()
        super().closeEvent(event)
        self.closed.emit()

    # ------------------------------------------------------------------------------------ actions

    def _bind(self) -> None:
        self.actions_.bind(
            {action.name: functools.partial(self._run, action.name) for action in REVIEW}
        )
        for name, control in self.buttons.items():
            control.clicked.connect(self.actions_[name].trigger)

    def _run(self, name: str) -> None:
        """Do an action; what cannot be done, as when the session was deleted, is said."""
        try:
            self._callbacks()[name]()
        except SerError as error:
            self.review_view.say(str(error))

    def _callbacks(self) -> dict[str, Callable[[], object]]:
        """What each action does, in the view of the present reading."""
        view, axis = self.review_view, self.review_view.axis
        return {
            "export": self._export,
            "compare": self._compare,
            "reload": self.reload,
            "close": self.close,
            "undo": view.annotations.stack.undo,
            "redo": view.annotations.stack.redo,
            "marker": view.add_marker,
            "interval": view.add_interval,
            "edit": view.edit,
            "delete": view.delete,
            "from": lambda: self._select_edge(first=True),
            "to": lambda: self._select_edge(first=False),
            "unselect": self._unselect,
            "find": self._find,
            "play": view.toggle_play,
            "play_present": view.play_current,
            "next": lambda: view.go_to_segment(1),
            "previous": lambda: view.go_to_segment(-1),
            "in": lambda: axis.zoom(0.5),
            "out": lambda: axis.zoom(2.0),
            "fit": axis.fit,
            "zoom": self._zoom_to_selection,
            "style": self._change_style,
            "side": lambda: view.tabs.setVisible(view.tabs.isHidden()),
            "help": self._help,
        }

    def _handle_key(self, event: QKeyEvent) -> bool:
        """Handle a key of the window; whether it was one."""
        review_view, axis, keys = self.review_view, self.review_view.axis, Qt.Key
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        text, key = event.text(), event.key()
        if len(text) == 1 and text in "123456789" and int(text) <= len(self.content.labels):
            review_view.label(self.content.labels[int(text) - 1])
            return True
        steps_per_s = round(1.0 / STEP_S)
        acts = self._callbacks()
        handlers: dict[int, Callable[[], object]] = {
            keys.Key_Space: acts["play"],
            keys.Key_0: lambda: review_view.label(None),
            keys.Key_Backspace: lambda: review_view.label(None),
            keys.Key_Plus: acts["in"],
            keys.Key_Equal: acts["in"],
            keys.Key_Minus: acts["out"],
            keys.Key_Up: acts["in"],
            keys.Key_Down: acts["out"],
            keys.Key_Left: lambda: review_view.step(-steps_per_s if shift else -1),
            keys.Key_Right: lambda: review_view.step(steps_per_s if shift else 1),
            keys.Key_PageUp: lambda: axis.pan(-0.9 * axis.span_s, glide=True),
            keys.Key_PageDown: lambda: axis.pan(0.9 * axis.span_s, glide=True),
            keys.Key_Home: lambda: axis.seek(0.0),
            keys.Key_End: lambda: axis.seek(axis.duration_s),
            keys.Key_Return: acts["edit"],
            keys.Key_Enter: acts["edit"],
            keys.Key_Delete: acts["delete"],
            keys.Key_Escape: acts["unselect"],
        }
        if event.modifiers() & Qt.KeyboardModifier.AltModifier:
            handlers = {
                keys.Key_Up: lambda: review_view.scroll_down(-1),
                keys.Key_Down: lambda: review_view.scroll_down(1),
            }
        handler = handlers.get(key)
        if handler is None or event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            return False
        handler()
        return True

    def _select_edge(self, *, first: bool) -> None:
        axis = self.review_view.axis
        begin, end = axis.selection or (axis.cursor_s, axis.cursor_s)
        if first:
            axis.select(axis.cursor_s, end if end > axis.cursor_s else axis.duration_s)
        else:
            axis.select(begin if begin < axis.cursor_s else 0.0, axis.cursor_s)

    def _unselect(self) -> None:
        self.review_view.axis.unselect()
        self.review_view.canvas.select(None)

    def _zoom_to_selection(self) -> None:
        span = self.review_view.current_span()
        if span is not None:
            room = (span[1] - span[0]) / 20
            self.review_view.axis.show(span[0] - room, span[1] + room, glide=True)

    def _find(self) -> None:
        tabs, segments = self.review_view.tabs, self.review_view.segments
        tabs.show()
        tabs.setCurrentWidget(segments)
        segments.text.setFocus()
        segments.text.selectAll()

    def _change_style(self) -> None:
        canvas = self.review_view.canvas
        canvas.set_curve_style("lines" if canvas.curve_style == "areas" else "areas")
        self._show_state()

    def _export(self) -> None:
        dialog = ExportDialog(self._store.folder, [self._store.session(self.content.info.id)], self)
        dialog.open()

    def _compare(self) -> None:
        span = self.review_view.axis.selection
        window = TakesWindow(self._config, self._store, parent=self)
        window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        window.choose(0, self.content.info.id, span)
        window.show()

    def _help(self) -> None:
        labels = enumerate(self.content.labels, 1)
        words = ", ".join(f"{number} {name}" for number, name in labels)
        ShortcutsDialog("Keys", REVIEW.key_rows(), [f"Labels: {words}"], self).open()

    # -------------------------------------------------------------------------------------- looks

    def _show(self, content: Content) -> None:
        self.review_view = review_view = ReviewView(self._store, content)
        review_view.tabs.setVisible(not self._narrow)
        self._column.addWidget(review_view, 1)
        if self._column.count() > 2:
            self._column.takeAt(1)
        apply_measures(review_view)
        self.setWindowTitle(f"{content.title} – review")
        self.title.setText(content.title)
        self.facts.setText(_session_facts(content.info))
        review_view.axis.cursor_moved.connect(self._show_position)
        review_view.state_changed.connect(self._show_state)
        stack = review_view.annotations.stack
        stack.indexChanged.connect(self._show_state)
        self._show_position()
        self._show_state()
        review_view.canvas.setFocus()
        if content.info.state is SessionState.RUNNING:
            review_view.say("This session is still running: F5 reads what has come since.")

    def _make_toolbar(self) -> None:
        keys = {action.name: action.native_keys for action in REVIEW}
        self._tips = {name: f"{self.actions_[name].toolTip()} ({keys[name]})" for name in keys}
        self.buttons = {
            name: button(text, self._tips[name], role, click_focus=False)
            for name, text, role in (
                ("play", "Play", "primary"),
                ("marker", "Mark", ""),
                ("interval", "Interval", ""),
                ("undo", "Undo", ""),
                ("redo", "Redo", ""),
                ("style", "Lines", ""),
                ("out", "−", "icon"),
                ("in", "+", "icon"),
                ("fit", "Everything", ""),
                ("export", "Export", ""),
            )
        }
        self.buttons["marker"].setIcon(glyph_icon("flag"))
        self.buttons["export"].setIcon(glyph_icon("save"))
        self.buttons["out"].setAccessibleName("Zoom out")
        self.buttons["in"].setAccessibleName("Zoom in")
        reserve(self.position, ["0:00:00.000"], font="bold", extra=0.5)
        self.position.setAccessibleName("Cursor")
        for line in (self.title, self.facts):
            line.setMinimumWidth(1)
        tools = bar(
            (column(self.title, self.facts), 1),
            self.position,
            *self.buttons.values(),
            name="topbar",
            margins=(2, 0.75, 2, 0.75),
        )
        whole = QWidget()
        whole.setObjectName("body")
        self._column = column(tools)
        whole.setLayout(self._column)
        self.setCentralWidget(whole)

    def _show_position(self) -> None:
        self.position.setText(exact_clock(self.review_view.axis.cursor_s, 0.001))

    def _show_state(self) -> None:
        """Enable the buttons and actions that can be used."""
        review_view = self.review_view
        playing, available = review_view.player.playing, review_view.sound.available
        play = self.buttons["play"]
        play.setText("Stop" if playing else "Play")
        play.setIcon(
            glyph_icon("square" if playing else "play", QPalette.ColorRole.HighlightedText)
        )
        play.setToolTip(self._tips["play"] if available else _NO_SOUND)
        areas = review_view.canvas.curve_style == "areas"
        self.buttons["style"].setText("Lines" if areas else "Areas")
        stack = review_view.annotations.stack
        picked = review_view.canvas.selected is not None
        for name, possible in {
            "undo": stack.canUndo(),
            "redo": stack.canRedo(),
            "play": available,
            "play_present": available,
            "edit": picked,
            "delete": picked,
        }.items():
            self.actions_[name].setEnabled(possible)
            if name in self.buttons:
                self.buttons[name].setEnabled(possible)
        for name, words in (("undo", stack.undoText()), ("redo", stack.redoText())):
            self.actions_[name].setText(f"&{name.title()} {words}".rstrip())


def _session_facts(info: SessionInfo) -> str:
    metadata = info.metadata
    parts = [
        moment_text(metadata.started),
        length_text(info.duration_s),
        metadata.source.name + (" (synthesised speech)" if metadata.source.demo else ""),
        f"model {metadata.model_text}",
        metadata.study.participant,
        "" if info.state_text == "complete" else info.state_text,
    ]
    return "  ·  ".join(part for part in parts if part)

"""The window of a kept session: menus, the bar on top, keys, and its desk."""

from __future__ import annotations

import functools
from collections.abc import Callable

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QFontMetricsF, QKeyEvent, QResizeEvent
from PyQt6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from realtime_ser.base.config import Config
from realtime_ser.base.errors import SerError
from realtime_ser.base.text import clock_text
from realtime_ser.gui.app.key_sheet import KeySheet
from realtime_ser.gui.review.actions import help_rows, make_actions
from realtime_ser.gui.review.view import Desk
from realtime_ser.gui.theme.style_watcher import Dresser
from realtime_ser.gui.theme.theme import Look, set_role
from realtime_ser.gui.timeline.axis import exact_clock
from realtime_ser.gui.widgets.icons import glyph_icon
from realtime_ser.gui.widgets.parts import button
from realtime_ser.session.store import SessionInfo, SessionState, Store
from realtime_ser.timeline.content import Content, load_content

NARROW = 1000
"""Below this width in logical pixels (at scale 1) the tables at the side fold away."""

_NO_SOUND = "No sound was kept in this session, so there is nothing to play"

_ON_DESK: dict[str, Callable[[Desk], object]] = {
    "undo": lambda desk: desk.annotations.stack.undo(),
    "redo": lambda desk: desk.annotations.stack.redo(),
    "marker": Desk.add_marker,
    "interval": Desk.add_interval,
    "edit": Desk.edit,
    "delete": Desk.delete,
    "play": Desk.toggle_play,
    "play_present": Desk.play_present,
    "next": lambda desk: desk.go_to_segment(1),
    "previous": lambda desk: desk.go_to_segment(-1),
    "in": lambda desk: desk.axis.zoom(0.5),
    "out": lambda desk: desk.axis.zoom(2.0),
    "fit": lambda desk: desk.axis.fit(),
    "side": lambda desk: desk.show_side(shown=not desk.side_shown),
}


class ReviewWindow(QMainWindow):
    """Shows a kept session: its timeline, segments, marks and summary.

    Parameters
    ----------
    config
        All settings.
    store
        Where the session is; used in the window's thread alone, and not closed by it.
    session_id
        Which session.

    Attributes
    ----------
    desk
        Everything that is shown of the session.

    Raises
    ------
    UsageError
        There is no such session.
    StoreError
        The store cannot be read.
    """

    closed = pyqtSignal()

    def __init__(
        self, config: Config, store: Store, session_id: str, *, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._config = config
        self._store = store
        self._desk: Desk | None = None
        self._look: Look | None = None
        self._narrow = False
        self.title = QLabel()
        self.facts = QLabel()
        self.position = QLabel()
        self.actions_by_name = make_actions(self)
        self._make_bar()
        self.setMinimumSize(QSize(640, 480))
        self.resize(1280, 720)
        self._dresser = Dresser(self, self._wear, config.window.theme)
        self._show(load_content(store, session_id))
        self._bind()

    @property
    def desk(self) -> Desk:
        """Everything that is shown of the session."""
        assert self._desk is not None
        return self._desk

    @property
    def content(self) -> Content:
        """The session as it was read."""
        return self.desk.content

    def reload(self) -> None:
        """Read the session again; what is seen stays in its place."""
        before = self.desk
        content = load_content(self._store, before.content.info.id)
        start, end, cursor = *before.axis.goal, before.axis.cursor_s
        self._show(content)
        self.desk.axis.show(start, end)
        self.desk.axis.place_cursor(cursor)
        before.close_down()
        before.deleteLater()
        self.desk.say("Everything was read again.")

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Keys that a control with the focus did not want for itself."""
        if event is None or not self._key(event):
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """On a narrow window leave out what menus and keys do as well."""
        super().resizeEvent(event)
        narrow = self.width() < NARROW * self._dresser.look.scale
        if narrow != self._narrow:
            self._narrow = narrow
            for name in ("interval", "undo", "redo", "fit"):
                self.buttons[name].setVisible(not narrow)
            self.desk.show_side(shown=not narrow)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Everything is stored already; let threads and files go."""
        self.desk.close_down()
        super().closeEvent(event)
        self.closed.emit()

    # ------------------------------------------------------------------------------------ actions

    def _bind(self) -> None:
        acts: dict[str, Callable[[], object]] = {
            "export": self._export,
            "compare": self._compare,
            "reload": self.reload,
            "close": self.close,
            "from": lambda: self._select_edge(first=True),
            "to": lambda: self._select_edge(first=False),
            "unselect": self._unselect,
            "find": self._find,
            "zoom": self._zoom_to_selection,
            "style": self._change_style,
            "help": self._help,
        }
        # The desk is another one after each reading.
        acts |= {name: functools.partial(self._on_desk, act) for name, act in _ON_DESK.items()}
        for name, action in self.actions_by_name.items():
            action.triggered.connect(lambda _=False, act=acts[name]: self._do(act))
        for name, control in self.buttons.items():
            control.clicked.connect(lambda _=False, act=acts[name]: self._do(act))

    def _do(self, act: Callable[[], object]) -> None:
        """What cannot be done, as when the session was deleted in another window, is said."""
        try:
            act()
        except SerError as error:
            self.desk.say(str(error))

    def _on_desk(self, act: Callable[[Desk], object]) -> None:
        act(self.desk)

    def _key(self, event: QKeyEvent) -> bool:
        """Do what a key is for; whether it is for anything."""
        desk, axis, keys = self.desk, self.desk.axis, Qt.Key
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        text, key = event.text(), event.key()
        if len(text) == 1 and text in "123456789" and int(text) <= len(self.content.labels):
            desk.label(self.content.labels[int(text) - 1])
            return True
        second = round(1.0 / 0.08)
        acts: dict[int, Callable[[], object]] = {
            keys.Key_Space: desk.toggle_play,
            keys.Key_0: lambda: desk.label(None),
            keys.Key_Backspace: lambda: desk.label(None),
            keys.Key_Plus: lambda: axis.zoom(0.5),
            keys.Key_Equal: lambda: axis.zoom(0.5),
            keys.Key_Minus: lambda: axis.zoom(2.0),
            keys.Key_Up: lambda: axis.zoom(0.5),
            keys.Key_Down: lambda: axis.zoom(2.0),
            keys.Key_Left: lambda: desk.step(-second if shift else -1),
            keys.Key_Right: lambda: desk.step(second if shift else 1),
            keys.Key_PageUp: lambda: axis.pan(-0.9 * axis.span_s, glide=True),
            keys.Key_PageDown: lambda: axis.pan(0.9 * axis.span_s, glide=True),
            keys.Key_Home: lambda: axis.seek(0.0),
            keys.Key_End: lambda: axis.seek(axis.duration_s),
            keys.Key_Return: desk.edit,
            keys.Key_Enter: desk.edit,
            keys.Key_Delete: desk.delete,
            keys.Key_Escape: self._unselect,
        }
        if event.modifiers() & Qt.KeyboardModifier.AltModifier:
            acts = {
                keys.Key_Up: lambda: desk.scroll_down(-1),
                keys.Key_Down: lambda: desk.scroll_down(1),
            }
        act = acts.get(key)
        if act is None or event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            return False
        act()
        return True

    def _select_edge(self, *, first: bool) -> None:
        axis = self.desk.axis
        begin, end = axis.selection or (axis.cursor_s, axis.cursor_s)
        if first:
            axis.select(axis.cursor_s, end if end > axis.cursor_s else axis.duration_s)
        else:
            axis.select(begin if begin < axis.cursor_s else 0.0, axis.cursor_s)

    def _unselect(self) -> None:
        self.desk.axis.unselect()
        self.desk.canvas.select(None)

    def _zoom_to_selection(self) -> None:
        desk, span = self.desk, self.desk.axis.selection
        if span is None:
            segment = desk.present_segment()
            if segment is None:
                desk.say("Select a stretch first: drag on the times, or with Shift.")
                return
            span = (segment.start_s, segment.end_s)
        room = (span[1] - span[0]) / 20
        desk.axis.show(span[0] - room, span[1] + room, glide=True)

    def _find(self) -> None:
        self.desk.show_side(shown=True)
        self.desk.tabs.setCurrentWidget(self.desk.segments)
        self.desk.segments.text.setFocus()
        self.desk.segments.text.selectAll()

    def _change_style(self) -> None:
        canvas = self.desk.canvas
        canvas.set_style("lines" if canvas.style_of_curves == "areas" else "areas")
        self._show_state()

    def _export(self) -> None:
        from realtime_ser.gui.library import ExportDialog

        dialog = ExportDialog(self._store.folder, [self._store.session(self.content.info.id)], self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _compare(self) -> None:
        from realtime_ser.gui.review.comparison import TakesWindow

        span = self.desk.axis.selection
        window = TakesWindow(self._config, self._store, parent=self)
        window.setWindowFlag(Qt.WindowType.Window)
        window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        window.choose(0, self.content.info.id, span)
        window.show()

    def _help(self) -> None:
        labels = enumerate(self.content.labels, 1)
        words = ", ".join(f"{number} {name}" for number, name in labels)
        KeySheet("Keys", help_rows(), [f"Labels: {words}"], self).open()

    # -------------------------------------------------------------------------------------- looks

    def _show(self, content: Content) -> None:
        look = self._dresser.look
        self._desk = desk = Desk(self._store, content, look)
        desk.show_side(shown=not self._narrow)
        self._column.addWidget(desk, 1)
        if self._column.count() > 2:
            self._column.takeAt(1)
        self.setWindowTitle(f"{content.title} – review")
        self.title.setText(content.title)
        self.facts.setText(_facts(content.info))
        desk.axis.cursor_moved.connect(self._show_position)
        desk.turned.connect(self._show_state)
        stack = desk.annotations.stack
        stack.indexChanged.connect(self._show_state)
        self._show_position()
        self._show_state()
        desk.canvas.setFocus()
        if content.info.state is SessionState.RUNNING:
            desk.say("This session is still running: F5 reads what has come since.")

    def _make_bar(self) -> None:
        self.buttons: dict[str, QPushButton] = {
            "play": button("Play", "Play the selection, or on from the cursor (Space)", "primary"),
            "marker": button("Mark", "Set a marker at the cursor (M)"),
            "interval": button("Interval", "Label the selection, or the segment (I)"),
            "undo": button("Undo", "Take the last change back (Ctrl+Z)"),
            "redo": button("Redo", "Do it again (Ctrl+Shift+Z)"),
            "style": button("Lines", "Stacked areas, or a line each (A)"),
            "out": button("−", "Zoom out (-)", "icon"),
            "in": button("+", "Zoom in (+)", "icon"),
            "fit": button("Everything", "See the whole session (F)"),
            "export": button("Export", "Write the session for another tool (Ctrl+E)"),
        }
        self.buttons["out"].setAccessibleName("Zoom out")
        self.buttons["in"].setAccessibleName("Zoom in")
        for control in self.buttons.values():
            control.setFocusPolicy(
                Qt.FocusPolicy.TabFocus
            )  # a click leaves the keys where they are
        bar = QWidget()
        bar.setObjectName("topbar")
        bar.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._bar = QHBoxLayout(bar)
        self.position.setAccessibleName("Cursor")
        set_role(self.title, "bold")
        set_role(self.facts, "small muted")
        set_role(self.position, "bold")
        words = QVBoxLayout()
        words.setSpacing(0)
        for label in (self.title, self.facts):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setMinimumWidth(1)
            words.addWidget(label)
        self._bar.addLayout(words, 1)
        self._bar.addWidget(self.position)
        for control in self.buttons.values():
            self._bar.addWidget(control)
        whole = QWidget()
        whole.setObjectName("body")
        self._column = QVBoxLayout(whole)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addWidget(bar)
        self.setCentralWidget(whole)

    def _wear(self, look: Look) -> None:
        self._look = look
        self._bar.setContentsMargins(look.grid(2), look.grid(0.75), look.grid(2), look.grid(0.75))
        self._bar.setSpacing(look.grid(1))
        metrics = QFontMetricsF(look.font(look.body_px, bold=True))
        self.position.setMinimumWidth(round(metrics.horizontalAdvance("0:00:00.000")) + 4)
        menus = self.menuBar()
        assert menus is not None
        menus.setStyleSheet(_menu_style(look))
        if self._desk is not None:
            self._desk.tabs.setStyleSheet(_tab_style(look))
            self._desk.set_look(look)
            self._show_state()

    def _show_position(self) -> None:
        self.position.setText(exact_clock(self.desk.axis.cursor_s, 0.001))

    def _show_state(self) -> None:
        """Bring buttons and menus in line with what can be done."""
        if self._look is None or self._desk is None:
            return
        look, desk, theme = self._look, self._desk, self._look.theme
        desk.tabs.setStyleSheet(_tab_style(look))
        playing, there = desk.player.playing, desk.sound.there
        play = self.buttons["play"]
        play.setText("Stop" if playing else "Play")
        play.setEnabled(there)
        play.setToolTip("Play the selection, or on from the cursor (Space)" if there else _NO_SOUND)
        areas = desk.canvas.style_of_curves == "areas"
        self.buttons["style"].setText("Lines" if areas else "Areas")
        stack = desk.annotations.stack
        picked = desk.canvas.selected is not None
        for name, possible in {
            "undo": stack.canUndo(),
            "redo": stack.canRedo(),
            "play": there,
            "play_present": there,
            "edit": picked,
            "delete": picked,
        }.items():
            self.actions_by_name[name].setEnabled(possible)
            if name in self.buttons:
                self.buttons[name].setEnabled(possible)
        for name, words in (("undo", stack.undoText()), ("redo", stack.redoText())):
            self.actions_by_name[name].setText(f"&{name.title()} {words}".rstrip())
        size = QSize(look.grid(2), look.grid(2))
        for name, glyph, tint in (
            ("play", "square" if playing else "play", theme.on_accent),
            ("marker", "flag", theme.text),
            ("export", "save", theme.text),
        ):
            self.buttons[name].setIcon(glyph_icon(glyph, tint, theme.muted))
            self.buttons[name].setIconSize(size)


def _facts(info: SessionInfo) -> str:
    begun = info.beginning
    parts = [
        begun.started.strftime("%Y-%m-%d %H:%M"),
        clock_text(info.duration_s),
        begun.source.name + (" (synthesised speech)" if begun.source.demo else ""),
        f"model {begun.heard_by}",
        begun.study.participant,
        "" if info.state is SessionState.COMPLETE else info.state.value,
    ]
    return "  ·  ".join(part for part in parts if part)


def _menu_style(look: Look) -> str:
    theme, unit = look.theme, look.grid
    return f"""
    QMenuBar {{ background: {theme.panel}; color: {theme.text}; spacing: 0; }}
    QMenuBar::item {{ padding: {unit(0.5)}px {unit(1.25)}px; background: transparent; }}
    QMenuBar::item:selected {{ background: {theme.hover}; }}
    """


def _tab_style(look: Look) -> str:
    theme, unit = look.theme, look.grid
    return f"""
    QTabWidget::pane {{ border: none; background: {theme.background}; }}
    QTabBar {{ background: {theme.panel}; }}
    QTabBar::tab {{
        background: transparent; color: {theme.muted}; padding: {unit(0.75)}px {unit(1.5)}px;
        border: none; border-bottom: 2px solid transparent;
    }}
    QTabBar::tab:selected {{ color: {theme.text}; border-bottom-color: {theme.accent}; }}
    QTabBar::tab:hover {{ color: {theme.text}; }}
    QTabBar::tab:focus {{ color: {theme.accent}; }}
    QTreeWidget {{
        background: {theme.raised}; border: 1px solid {theme.border}; outline: none;
        selection-background-color: {theme.hover}; selection-color: {theme.text};
    }}
    QTreeWidget::item {{ min-height: {unit(3)}px; padding: 0 {unit(0.25)}px; }}
    QTreeWidget::item:selected {{ background: {theme.hover}; color: {theme.text}; }}
    QPushButton[role="link"] {{
        background: transparent; border: none; color: {theme.accent}; text-align: left;
        padding: 0; min-height: {unit(2.5)}px; max-height: {unit(2.5)}px;
    }}
    QPushButton[role="link"]:hover {{ text-decoration: underline; }}
    QPushButton[role="link"]:focus {{ border: 2px solid {theme.accent}; padding: 0; }}
    """

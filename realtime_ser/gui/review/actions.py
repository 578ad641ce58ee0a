"""What can be done in the review, by menu and by key: one table for both and for the help."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import QMainWindow, QMenu


@dataclass(frozen=True, slots=True)
class Deed:
    """An action.

    Attributes
    ----------
    name
        By which the program knows it.
    text
        In the menu.
    keys
        Shortcut; empty: none.
    tip
        What it does, as the help and its tooltip say it.
    held
        Whether the key is that of the window as a whole, so that a control that has the focus may
        want it for itself: it is shown beside the text only.
    """

    name: str
    text: str
    keys: str
    tip: str
    held: bool = False


LINE = Deed("", "", "", "")

MENUS: tuple[tuple[str, tuple[Deed, ...]], ...] = (
    (
        "&Session",
        (
            Deed("export", "&Export…", "Ctrl+E", "write the session for another tool"),
            Deed("compare", "&Compare two takes…", "Ctrl+T", "two takes of a passage side by side"),
            Deed("reload", "&Read again", "F5", "read what has come to the session since"),
            LINE,
            Deed("close", "&Close", "Ctrl+W", "close the window; everything is stored already"),
        ),
    ),
    (
        "&Edit",
        (
            Deed("undo", "&Undo", "Ctrl+Z", "take the last change back"),
            Deed("redo", "&Redo", "Ctrl+Shift+Z", "do it again"),
            LINE,
            Deed("marker", "Set a &marker", "M", "set a marker at the cursor"),
            Deed("interval", "Make an &interval", "I", "label the selection, or the segment"),
            Deed("edit", "E&dit…", "Return", "edit the selected marker or interval", held=True),
            Deed("delete", "&Delete", "Del", "delete the selected marker or interval", held=True),
            LINE,
            Deed("from", "Selection &begins here", "B", "the selection begins at the cursor"),
            Deed("to", "Selection &ends here", "E", "the selection ends at the cursor"),
            Deed("unselect", "Select &nothing", "Esc", "let the selection go", held=True),
            LINE,
            Deed("find", "&Find segments", "Ctrl+F", "filter the table of segments"),
        ),
    ),
    (
        "&Play",
        (
            Deed(
                "play", "&Play or stop", "Space", "play the selection, or on from here", held=True
            ),
            Deed("play_present", "Play the &segment", "P", "play the segment or interval"),
            LINE,
            Deed("next", "&Next segment", "Ctrl+Right", "go to the next segment"),
            Deed("previous", "Pre&vious segment", "Ctrl+Left", "go to the segment before"),
        ),
    ),
    (
        "&View",
        (
            Deed("in", "Zoom &in", "+", "see less time, more closely", held=True),
            Deed("out", "Zoom &out", "-", "see more time", held=True),
            Deed("fit", "See &everything", "F", "see the whole session"),
            Deed("zoom", "See the se&lection", "Z", "see the selection, or the segment"),
            LINE,
            Deed("style", "Stacked &areas or lines", "A", "change how probabilities are drawn"),
            Deed("side", "&Tables at the side", "F9", "show or hide segments, marks and summary"),
        ),
    ),
    ("&Help", (Deed("help", "&Keys", "F1", "this list"),)),
)

MORE_KEYS = (
    ("1 to 8", "correct the segment, or label the interval or selection"),
    ("0", "withdraw the correction"),
    ("Left, Right", "move the cursor by 80 ms; with Shift by a second"),
    ("Page Up, Page Down", "move by a screen"),
    ("Home, End", "go to the beginning, the end"),
    ("Alt+Up, Alt+Down", "scroll to the other channels"),
    ("Wheel", "zoom at the pointer; with Shift, or sideways, move; over the names scroll"),
    ("Drag", "move; on the times or with Shift select; on a tier make an interval"),
    ("Double click", "edit a marker or interval; see a segment"),
)


def make_actions(window: QMainWindow) -> dict[str, QAction]:
    """All actions, in the menus of a window."""
    actions: dict[str, QAction] = {}
    bar = window.menuBar()
    assert bar is not None
    for title, deeds in MENUS:
        menu = bar.addMenu(title)
        assert menu is not None
        menu.setToolTipsVisible(True)
        for deed in deeds:
            if deed is LINE:
                menu.addSeparator()
            else:
                actions[deed.name] = _action(window, menu, deed)
    return actions


def help_rows() -> list[tuple[str, str]]:
    """Keys and what they do."""
    deeds = [deed for _, deeds in MENUS for deed in deeds if deed.keys]
    return [(_native(deed.keys), deed.tip) for deed in deeds] + list(MORE_KEYS)


def _action(window: QMainWindow, menu: QMenu, deed: Deed) -> QAction:
    text = f"{deed.text}\t{_native(deed.keys)}" if deed.held else deed.text
    action = QAction(text, window)
    action.setToolTip(f"{deed.tip[0].upper()}{deed.tip[1:]}")
    action.setIconVisibleInMenu(False)
    if deed.keys and not deed.held:
        action.setShortcut(QKeySequence(deed.keys))
        action.setAutoRepeat(deed.name in ("next", "previous", "undo", "redo"))
    menu.addAction(action)
    return action


def _native(keys: str) -> str:
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)

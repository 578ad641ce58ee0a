"""What can be done in the review, by menu and by key: one table for both and for the help."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import QMainWindow, QMenu


@dataclass(frozen=True, slots=True)
class ReviewAction:
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
    handled_by_window
        Whether the key is that of the window as a whole, so that a control that has the focus may
        want it for itself: it is shown beside the text only.
    """

    name: str
    text: str
    keys: str
    tip: str
    handled_by_window: bool = False


SEPARATOR = ReviewAction("", "", "", "")

MENUS: tuple[tuple[str, tuple[ReviewAction, ...]], ...] = (
    (
        "&Session",
        (
            ReviewAction("export", "&Export…", "Ctrl+E", "write the session for another tool"),
            ReviewAction(
                "compare", "&Compare two takes…", "Ctrl+T", "two takes of a passage side by side"
            ),
            ReviewAction("reload", "&Read again", "F5", "read what has come to the session since"),
            SEPARATOR,
            ReviewAction(
                "close", "&Close", "Ctrl+W", "close the window; everything is stored already"
            ),
        ),
    ),
    (
        "&Edit",
        (
            ReviewAction("undo", "&Undo", "Ctrl+Z", "take the last change back"),
            ReviewAction("redo", "&Redo", "Ctrl+Shift+Z", "do it again"),
            SEPARATOR,
            ReviewAction("marker", "Set a &marker", "M", "set a marker at the cursor"),
            ReviewAction(
                "interval", "Make an &interval", "I", "label the selection, or the segment"
            ),
            ReviewAction(
                "edit",
                "E&dit…",
                "Return",
                "edit the selected marker or interval",
                handled_by_window=True,
            ),
            ReviewAction(
                "delete",
                "&Delete",
                "Del",
                "delete the selected marker or interval",
                handled_by_window=True,
            ),
            SEPARATOR,
            ReviewAction(
                "from", "Selection &begins here", "B", "the selection begins at the cursor"
            ),
            ReviewAction("to", "Selection &ends here", "E", "the selection ends at the cursor"),
            ReviewAction(
                "unselect", "Select &nothing", "Esc", "let the selection go", handled_by_window=True
            ),
            SEPARATOR,
            ReviewAction("find", "&Find segments", "Ctrl+F", "filter the table of segments"),
        ),
    ),
    (
        "&Play",
        (
            ReviewAction(
                "play",
                "&Play or stop",
                "Space",
                "play the selection, or on from here",
                handled_by_window=True,
            ),
            ReviewAction("play_present", "Play the &segment", "P", "play the segment or interval"),
            SEPARATOR,
            ReviewAction("next", "&Next segment", "Ctrl+Right", "go to the next segment"),
            ReviewAction("previous", "Pre&vious segment", "Ctrl+Left", "go to the segment before"),
        ),
    ),
    (
        "&View",
        (
            ReviewAction(
                "in", "Zoom &in", "+", "see less time, more closely", handled_by_window=True
            ),
            ReviewAction("out", "Zoom &out", "-", "see more time", handled_by_window=True),
            ReviewAction("fit", "See &everything", "F", "see the whole session"),
            ReviewAction("zoom", "See the se&lection", "Z", "see the selection, or the segment"),
            SEPARATOR,
            ReviewAction(
                "style", "Stacked &areas or lines", "A", "change how probabilities are drawn"
            ),
            ReviewAction(
                "side", "&Tables at the side", "F9", "show or hide segments, marks and summary"
            ),
        ),
    ),
    ("&Help", (ReviewAction("help", "&Keys", "F1", "this list"),)),
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
    for title, review_actions in MENUS:
        menu = bar.addMenu(title)
        assert menu is not None
        menu.setToolTipsVisible(True)
        for review_action in review_actions:
            if review_action is SEPARATOR:
                menu.addSeparator()
            else:
                actions[review_action.name] = _action(window, menu, review_action)
    return actions


def help_rows() -> list[tuple[str, str]]:
    """Keys and what they do."""
    review_actions = [
        review_action
        for _, review_actions in MENUS
        for review_action in review_actions
        if review_action.keys
    ]
    return [
        (_native(review_action.keys), review_action.tip) for review_action in review_actions
    ] + list(MORE_KEYS)


def _action(window: QMainWindow, menu: QMenu, review_action: ReviewAction) -> QAction:
    text = (
        f"{review_action.text}\t{_native(review_action.keys)}"
        if review_action.handled_by_window
        else review_action.text
    )
    action = QAction(text, window)
    action.setToolTip(f"{review_action.tip[0].upper()}{review_action.tip[1:]}")
    action.setIconVisibleInMenu(False)
    if review_action.keys and not review_action.handled_by_window:
        action.setShortcut(QKeySequence(review_action.keys))
        action.setAutoRepeat(review_action.name in ("next", "previous", "undo", "redo"))
    menu.addAction(action)
    return action


def _native(keys: str) -> str:
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)

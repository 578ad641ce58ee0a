"""Everything that menus and keys do: one table, from which menus, keys and the help are made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from PyQt6.QtGui import QAction, QActionGroup, QKeySequence
from PyQt6.QtWidgets import QMenu, QMenuBar, QWidget


@dataclass(frozen=True, slots=True)
class Entry:
    """An action.

    Attributes
    ----------
    name
        By which the program knows it.
    text
        In the menu, with its mnemonic.
    keys
        Shortcut; empty for none.
    tip
        What it does, as the list of keys says it.
    handled_by_window
        Whether the key is watched by the window itself: it is shown beside the text only.
    check
        Whether it is on or off.
    """

    name: str
    text: str
    keys: str = ""
    tip: str = ""
    handled_by_window: bool = False
    check: bool = False


#: Stands for a line between two groups.
SEPARATOR = Entry("", "")

MENUS: tuple[tuple[str, tuple[Entry | str, ...]], ...] = (
    (
        "&Session",
        (
            Entry(
                "toggle",
                "Start, &pause, go on",
                "Space",
                "start, pause, go on",
                handled_by_window=True,
            ),
            Entry("stop", "S&top", "Ctrl+.", "end the session; its files are complete then"),
            Entry("mark", "Set a &marker", "M", "set a marker now, with the text that was typed"),
            Entry("replay", "&Replay the last 30 seconds", "R", "hear the last 30 s again"),
            SEPARATOR,
            Entry("study", "St&udy and participant…", "Ctrl+D", "who speaks, in which study"),
            Entry(
                "record",
                "&Keep the sound of the next session",
                tip="keep the next session's sound as a file; the window says so all the time",
                check=True,
            ),
            SEPARATOR,
            Entry("sessions", "&Sessions…", "Ctrl+L", "all sessions: search, open, export, delete"),
            Entry("review", "Re&view this session", "Ctrl+R", "look at this or the last session"),
            Entry("files", "Analyse &files…", "Ctrl+O", "analyse recordings, or drop them here"),
            Entry("export", "&Export as CSV…", "Ctrl+E", "export the session so far"),
            Entry(
                "export_as",
                "E&xport in another format…",
                "Ctrl+Shift+E",
                "ELAN, Praat, Audacity, pictures, a report",
            ),
            SEPARATOR,
            Entry("quit", "&Quit", "Ctrl+Q", "close; the session is complete on disk"),
        ),
    ),
    (
        "&View",
        (
            Entry("stacked", "Stacked &areas", "A", "stacked areas instead of lines", check=True),
            "Timeline &length",
            Entry("shorter", "Sh&orter timeline", "Ctrl++", "fewer seconds on the timeline"),
            Entry("longer", "Lon&ger timeline", "Ctrl+-", "more seconds on the timeline"),
            "La&bels",
            Entry("all_labels", "Sho&w all labels", "Alt+0", "show every label again"),
            SEPARATOR,
            Entry(
                "compact",
                "&Compact window",
                "F10",
                "a small window that stays on top, and back",
                check=True,
            ),
            Entry("presenter", "&Presenter", "F11", "large, full screen, and back", check=True),
            Entry(
                "blind",
                "&Hide the results",
                "Ctrl+B",
                "hide the results from whoever speaks, and show them again",
                check=True,
            ),
            SEPARATOR,
            "&Theme",
        ),
    ),
    (
        "&Tools",
        (
            Entry("rescan", "&Look for microphones", "F5", "look for microphones again"),
            Entry("check", "&Check the microphone…", "Ctrl+I", "level and sensitivity, with a try"),
            SEPARATOR,
            "&Model",
            "Compare &with",
            "Correct for a &person",
            Entry("calibrate", "C&alibrate for a person…", tip="make a profile of a normal voice"),
            SEPARATOR,
            Entry("settings", "&Settings…", "Ctrl+,", "texts of the number keys, smoothing, theme"),
        ),
    ),
    (
        "&Help",
        (
            Entry("keys", "&Keys and meaning", "F1", "this list"),
            Entry("notice", "&Purpose, limits and consent", tip="what this is for, and what not"),
            SEPARATOR,
            Entry("diagnostics", "Copy &diagnostics…", tip="what to send with a question; copy it"),
            Entry("log", "Show the &log file", tip="what the program has noted"),
            SEPARATOR,
            Entry("about", "&About", tip="versions and licences"),
        ),
    ),
)

#: Keys that are no actions of a menu.
MORE_KEYS = (
    ("1 to 9", "press: set the marker of that key, at the moment the key goes down"),
    ("1 to 9, held", "an interval for as long as the key is held (from half a second)"),
    ("Ctrl+1 to 9", "begin an interval; the same keys again end it"),
    ("Alt+1 to 8", "hide or show a label"),
    ("Esc", "leave the presenter"),
    ("Tab", "next control"),
)


def entries() -> Iterable[tuple[str, Entry]]:
    """All actions with the menus they are in."""
    for title, items in MENUS:
        for item in items:
            if isinstance(item, Entry) and item.name:
                yield title.replace("&", ""), item


def key_rows() -> list[tuple[str, str]]:
    """Keys and what they do, for the help."""
    rows = [(_key_text(entry.keys), entry.tip) for _, entry in entries() if entry.keys]
    return rows + list(MORE_KEYS)


def _key_text(keys: str) -> str:
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)


class Actions:
    """The actions of a window.

    Parameters
    ----------
    owner
        Whose keys they are.

    Attributes
    ----------
    menus
        The menus inside menus, by their texts without mnemonics.
    """

    def __init__(self, owner: QWidget) -> None:
        self._owner = owner
        self._actions = {entry.name: self._make(entry) for _, entry in entries()}
        self.menus: dict[str, QMenu] = {}

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def all(self) -> list[QAction]:
        """Every one of them."""
        return list(self._actions.values())

    def bind(self, name: str, callback: Callable[..., Any]) -> None:
        """Say what an action does; one that does nothing yet cannot be chosen."""
        action = self._actions[name]
        action.setEnabled(True)
        if action.isCheckable():
            action.triggered.connect(callback)
        else:
            action.triggered.connect(lambda _=False: callback())

    def fill(self, bar: QMenuBar) -> None:
        """Make the menus."""
        for title, items in MENUS:
            menu = bar.addMenu(title)
            assert menu is not None
            menu.setToolTipsVisible(True)
            for item in items:
                if isinstance(item, str):
                    submenu = menu.addMenu(item)
                    assert submenu is not None
                    self.menus[item.replace("&", "")] = submenu
                elif item.name:
                    menu.addAction(self._actions[item.name])
                else:
                    menu.addSeparator()

    def choices(
        self,
        menu: str,
        choices: Sequence[tuple[str, Any]],
        chosen: Any,
        callback: Callable[[Any], Any],
    ) -> None:
        """Fill a menu with values, one of which holds; not from within a choice there."""
        place = self.menus[menu]
        place.clear()
        group = QActionGroup(place)
        for text, value in choices:
            action = QAction(text, place)
            action.setCheckable(True)
            action.setChecked(value == chosen)
            action.setData(value)
            action.triggered.connect(lambda _=False, v=value: callback(v))
            group.addAction(action)
            place.addAction(action)

    def check_value(self, menu: str, chosen: Any) -> None:
        """Mark another value of a menu as the one that holds."""
        for action in self.menus[menu].actions():
            action.setChecked(action.data() == chosen)

    def _make(self, entry: Entry) -> QAction:
        action = QAction(entry.text, self._owner)
        if entry.handled_by_window:
            action.setText(f"{entry.text}\t{_key_text(entry.keys)}")
        elif entry.keys:
            action.setShortcut(QKeySequence(entry.keys))
            action.setAutoRepeat(False)
        tip = entry.tip[:1].upper() + entry.tip[1:]
        action.setToolTip(tip)
        action.setStatusTip("")
        action.setCheckable(entry.check)
        action.setEnabled(False)
        # A hidden menu bar must not take the keys with it.
        self._owner.addAction(action)
        return action

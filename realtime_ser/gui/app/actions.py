"""Everything that menus and keys do: the tables of all windows, and menus and shortcuts of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PyQt6.QtGui import QAction, QActionGroup, QKeySequence
from PyQt6.QtWidgets import QMenu, QMenuBar, QWidget


@dataclass(frozen=True, slots=True)
class Action:
    """An action of a window, by the name that the program knows it by."""

    name: str
    text: str = ""  # in the menu, with its mnemonic; empty where it is in none
    keys: str = ""  # its shortcut
    tip: str = ""  # what it does, as the list of keys and the tooltip say it
    shown_only: bool = False  # the window itself watches for the key: a control may want it
    check: bool = False  # it is on or off
    repeat: bool = False  # it happens again and again while its key is held

    @property
    def native_keys(self) -> str:
        """The shortcut as this platform writes it."""
        return QKeySequence(self.keys).toString(QKeySequence.SequenceFormat.NativeText)


@dataclass(frozen=True, slots=True)
class Menu:
    """The head of a menu, to which the entries after it belong."""

    title: str


class ActionTable:
    """Actions of one kind of window.

    Parameters
    ----------
    entries
        Actions; where the window has menus, also their heads, ``None`` for a line between two
        groups, and titles of menus whose entries are values.
    more_keys
        Keys that are no actions, and what they do.
    """

    def __init__(
        self, *entries: Action | Menu | str | None, more_keys: Sequence[tuple[str, str]] = ()
    ) -> None:
        self.entries = entries
        self.more_keys = more_keys

    def __iter__(self) -> Iterator[Action]:
        return (entry for entry in self.entries if isinstance(entry, Action))

    def key_rows(self) -> list[tuple[str, str]]:
        """Keys and what they do, for the help."""
        rows = [(action.native_keys, action.tip) for action in self if action.keys]
        return rows + list(self.more_keys)


class Actions:
    """The actions of a window, which is their owner.

    Attributes
    ----------
    menus
        The menus inside menus, by their texts without mnemonics.
    """

    def __init__(self, owner: QWidget, table: ActionTable) -> None:
        self._owner = owner
        self._table = table
        self._actions = {action.name: self._make(action) for action in table}
        self.menus: dict[str, QMenu] = {}

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def all(self) -> list[QAction]:
        """Every action."""
        return list(self._actions.values())

    def bind(self, callbacks: Mapping[str, Callable[..., Any]]) -> None:
        """Say by their names what actions do; one that does nothing yet cannot be chosen."""
        for name, callback in callbacks.items():
            action = self._actions[name]
            action.setEnabled(True)
            if action.isCheckable():
                action.triggered.connect(callback)
            else:
                action.triggered.connect(lambda _=False, callback=callback: callback())

    def fill(self, bar: QMenuBar | None) -> None:
        """Make the menus."""
        assert bar is not None
        menu = QMenu()  # the first head replaces it
        for entry in self._table.entries:
            if isinstance(entry, Menu):
                menu = QMenu(entry.title, bar)
                menu.setToolTipsVisible(True)
                bar.addMenu(menu)
            elif isinstance(entry, Action):
                menu.addAction(self._actions[entry.name])
            elif entry is None:
                menu.addSeparator()
            else:
                self.menus[entry.replace("&", "")] = submenu = QMenu(entry, menu)
                menu.addMenu(submenu)

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
        group.triggered.connect(lambda action: callback(action.data()))
        for text, value in choices:
            action = QAction(text, place)
            action.setCheckable(True)
            action.setData(value)
            action.setChecked(value == chosen)
            group.addAction(action)
        place.addActions(group.actions())

    def toggles(self, menu: str, texts: Sequence[str], callback: Callable[[str], Any]) -> None:
        """Fill a menu with entries that are on or off, the first eight on Alt and a digit.

        Not from within a choice there.
        """
        place = self.menus[menu]
        for action in place.actions():
            self._owner.removeAction(action)
        place.clear()
        for number, text in enumerate(texts, 1):
            action = QAction(text, place)
            action.setCheckable(True)
            if number <= 8:
                action.setShortcut(QKeySequence(f"Alt+{number}"))
            action.triggered.connect(lambda _=False, text=text: callback(text))
            place.addAction(action)
            self._owner.addAction(action)

    def check_value(self, menu: str, chosen: Any) -> None:
        """Mark another value of a menu as the one that holds."""
        for action in self.menus[menu].actions():
            action.setChecked(action.data() == chosen)

    def _make(self, action: Action) -> QAction:
        made = QAction(action.text, self._owner)
        if action.shown_only:
            made.setText(f"{action.text}\t{action.native_keys}")
        elif action.keys:
            made.setShortcut(QKeySequence(action.keys))
            made.setAutoRepeat(action.repeat)
        made.setToolTip(action.tip[:1].upper() + action.tip[1:])
        made.setCheckable(action.check)
        made.setEnabled(False)
        # A hidden menu bar must not take the keys with it.
        self._owner.addAction(made)
        return made


LIVE = ActionTable(
    Menu("&Session"),
    Action("toggle", "Start, &pause, go on", "Space", "start, pause, go on", shown_only=True),
    Action("stop", "S&top", "Ctrl+.", "end the session; its files are complete then"),
    Action("mark", "Set a &marker", "M", "set a marker now, with the text that was typed"),
    Action("replay", "&Replay the last 30 seconds", "R", "hear the last 30 s again"),
    None,
    Action("study", "St&udy and participant…", "Ctrl+D", "who speaks, in which study"),
    Action(
        "record",
        "&Keep the sound of the next session",
        tip="keep the next session's sound as a file; the window says so all the time",
        check=True,
    ),
    None,
    Action("sessions", "&Sessions…", "Ctrl+L", "all sessions: search, open, export, delete"),
    Action("review", "Re&view this session", "Ctrl+R", "look at this or the last session"),
    Action("files", "Analyse &files…", "Ctrl+O", "analyse recordings, or drop them here"),
    Action("export", "&Export as CSV…", "Ctrl+E", "export the session so far"),
    Action(
        "export_as",
        "E&xport in another format…",
        "Ctrl+Shift+E",
        "ELAN, Praat, Audacity, pictures, a report",
    ),
    None,
    Action("quit", "&Quit", "Ctrl+Q", "close; the session is complete on disk"),
    Menu("&View"),
    Action("stacked", "Stacked &areas", "A", "stacked areas instead of lines", check=True),
    "Timeline &length",
    Action("shorter", "Sh&orter timeline", "Ctrl++", "fewer seconds on the timeline"),
    Action("longer", "Lon&ger timeline", "Ctrl+-", "more seconds on the timeline"),
    "La&bels",
    Action("all_labels", "Sho&w all labels", "Alt+0", "show every label again"),
    None,
    Action(
        "compact",
        "&Compact window",
        "F10",
        "a small window that stays on top, and back",
        check=True,
    ),
    Action("presenter", "&Presenter", "F11", "large, full screen, and back", check=True),
    Action(
        "blind",
        "&Hide the results",
        "Ctrl+B",
        "hide the results from whoever speaks, and show them again",
        check=True,
    ),
    None,
    "&Theme",
    Menu("&Tools"),
    Action("rescan", "&Look for microphones", "F5", "look for microphones again"),
    Action("check", "&Check the microphone…", "Ctrl+I", "level and sensitivity, with a try"),
    None,
    "&Model",
    "Compare &with",
    "Correct for a &person",
    "Other p&rograms",
    Action("calibrate", "C&alibrate for a person…", tip="make a profile of a normal voice"),
    None,
    Action("settings", "&Settings…", "Ctrl+,", "texts of the number keys, smoothing, theme"),
    Menu("&Help"),
    Action("keys", "&Keys and meaning", "F1", "this list"),
    Action("notice", "&Purpose, limits and consent", tip="what this is for, and what not"),
    None,
    Action("diagnostics", "Copy &diagnostics…", tip="what to send with a question; copy it"),
    Action("log", "Show the &log file", tip="what the program has noted"),
    None,
    Action("about", "&About", tip="versions and licences"),
    more_keys=(
        ("1 to 9", "press: set the marker of that key, at the moment the key goes down"),
        ("1 to 9, held", "an interval for as long as the key is held (from half a second)"),
        ("Ctrl+1 to 9", "begin an interval; the same keys again end it"),
        ("Alt+1 to 8", "hide or show a label"),
        ("Esc", "leave the presenter"),
        ("Tab", "next control"),
    ),
)

REVIEW = ActionTable(
    Menu("&Session"),
    Action("export", "&Export…", "Ctrl+E", "write the session for another tool"),
    Action("compare", "&Compare two takes…", "Ctrl+T", "two takes of a passage side by side"),
    Action("reload", "&Read again", "F5", "read what has come to the session since"),
    None,
    Action("close", "&Close", "Ctrl+W", "close the window; everything is stored already"),
    Menu("&Edit"),
    Action("undo", "&Undo", "Ctrl+Z", "take the last change back", repeat=True),
    Action("redo", "&Redo", "Ctrl+Shift+Z", "do it again", repeat=True),
    None,
    Action("marker", "Set a &marker", "M", "set a marker at the cursor"),
    Action("interval", "Make an &interval", "I", "label the selection, or the segment"),
    Action("edit", "E&dit…", "Return", "edit the selected marker or interval", shown_only=True),
    Action("delete", "&Delete", "Del", "delete the selected marker or interval", shown_only=True),
    None,
    Action("from", "Selection &begins here", "B", "the selection begins at the cursor"),
    Action("to", "Selection &ends here", "E", "the selection ends at the cursor"),
    Action("unselect", "Select &nothing", "Esc", "let the selection go", shown_only=True),
    None,
    Action("find", "&Find segments", "Ctrl+F", "filter the table of segments"),
    Menu("&Play"),
    Action(
        "play", "&Play or stop", "Space", "play the selection, or on from here", shown_only=True
    ),
    Action("play_present", "Play the &segment", "P", "play the segment or interval"),
    None,
    Action("next", "&Next segment", "Ctrl+Right", "go to the next segment", repeat=True),
    Action("previous", "Pre&vious segment", "Ctrl+Left", "go to the segment before", repeat=True),
    Menu("&View"),
    Action("in", "Zoom &in", "+", "see less time, more closely", shown_only=True),
    Action("out", "Zoom &out", "-", "see more time", shown_only=True),
    Action("fit", "See &everything", "F", "see the whole session"),
    Action("zoom", "See the se&lection", "Z", "see the selection, or the segment"),
    None,
    Action("style", "Stacked &areas or lines", "A", "change how probabilities are drawn"),
    Action("side", "&Tables at the side", "F9", "show or hide segments, marks and summary"),
    Menu("&Help"),
    Action("help", "&Keys", "F1", "this list"),
    more_keys=(
        ("1 to 8", "correct the segment, or label the interval or selection"),
        ("0", "withdraw the correction"),
        ("Left, Right", "move the cursor by 80 ms; with Shift by a second"),
        ("Page Up, Page Down", "move by a screen"),
        ("Home, End", "go to the beginning, the end"),
        ("Alt+Up, Alt+Down", "scroll to the other channels"),
        ("Wheel", "zoom at the pointer; with Shift, or sideways, move; over the names scroll"),
        ("Drag", "move; on the times or with Shift select; on a tier make an interval"),
        ("Double click", "edit a marker or interval; see a segment"),
    ),
)

SESSIONS = ActionTable(
    Action("find", keys="Ctrl+F", tip="search the sessions"),
    Action("export", keys="Ctrl+E", tip="write the chosen sessions for other tools"),
    Action("import", keys="Ctrl+I", tip="read markers and intervals of other tools"),
    Action("refresh", keys="F5", tip="read the list again"),
    Action("close", keys="Ctrl+W", tip="close the window"),
    more_keys=(
        ("F2", "change the title"),
        ("N", "write a note"),
        ("Del", "delete what is chosen, after a question"),
    ),
)

TREND = ActionTable(
    Action("export", keys="Ctrl+E", tip="write the numbers to a file"),
    Action("refresh", keys="F5", tip="read the sessions again"),
    Action("close", keys="Ctrl+W", tip="close the window"),
)

FILES = ActionTable(
    Action("add_files", keys="Ctrl+O", tip="choose recordings"),
    Action("add_folder", keys="Ctrl+Shift+O", tip="choose a folder with recordings"),
    Action("save", keys="Ctrl+S", tip="write the tables"),
    Action("cancel", keys="Esc", tip="end the analysis; what is done stays"),
    Action("close", keys="Ctrl+W", tip="close the window"),
)

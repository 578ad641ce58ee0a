"""Everything that menus and keys do: one table for all windows, and for their help."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PyQt6.QtGui import QKeySequence


@dataclass(frozen=True, slots=True)
class Action:
    """An action of a window.

    Attributes
    ----------
    name
        By which the program knows it.
    text
        In the menu, with its mnemonic; empty where it is in none.
    keys
        Shortcut; empty for none.
    tip
        What it does, as the list of keys and the tooltip say it.
    handled_by_window
        Whether the window itself watches for the key, which a control with the focus may want: it
        is shown beside the text only.
    check
        Whether it is on or off.
    repeat
        Whether it happens again and again while its key is held.
    """

    name: str
    text: str = ""
    keys: str = ""
    tip: str = ""
    handled_by_window: bool = False
    check: bool = False
    repeat: bool = False

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


LIVE = ActionTable(
    Menu("&Session"),
    Action(
        "toggle", "Start, &pause, go on", "Space", "start, pause, go on", handled_by_window=True
    ),
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
    Action(
        "edit", "E&dit…", "Return", "edit the selected marker or interval", handled_by_window=True
    ),
    Action(
        "delete", "&Delete", "Del", "delete the selected marker or interval", handled_by_window=True
    ),
    None,
    Action("from", "Selection &begins here", "B", "the selection begins at the cursor"),
    Action("to", "Selection &ends here", "E", "the selection ends at the cursor"),
    Action("unselect", "Select &nothing", "Esc", "let the selection go", handled_by_window=True),
    None,
    Action("find", "&Find segments", "Ctrl+F", "filter the table of segments"),
    Menu("&Play"),
    Action(
        "play",
        "&Play or stop",
        "Space",
        "play the selection, or on from here",
        handled_by_window=True,
    ),
    Action("play_present", "Play the &segment", "P", "play the segment or interval"),
    None,
    Action("next", "&Next segment", "Ctrl+Right", "go to the next segment", repeat=True),
    Action("previous", "Pre&vious segment", "Ctrl+Left", "go to the segment before", repeat=True),
    Menu("&View"),
    Action("in", "Zoom &in", "+", "see less time, more closely", handled_by_window=True),
    Action("out", "Zoom &out", "-", "see more time", handled_by_window=True),
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

"""The user guide names the keys that there are, and shows pictures of every view in both themes."""

from __future__ import annotations

import re
from pathlib import Path

from PyQt6.QtGui import QKeySequence, QShortcut

from realtime_ser.base.config import Config
from realtime_ser.gui.app.actions import MORE_KEYS, entries
from realtime_ser.gui.library import FilesWindow, SessionsWindow
from realtime_ser.gui.review import actions
from realtime_ser.session.opening import open_store

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
GUIDE = (DOCS / "user_guide.md").read_text(encoding="utf-8")
KEYS = set(re.findall(r"<kbd>(.+?)</kbd>", GUIDE))
LIVE = {entry.keys for _, entry in entries() if entry.keys} | {keys for keys, _ in MORE_KEYS}

#: Keys that the table of sessions takes for itself; its tests press them.
TABLE = {"F2", "N", "Del"}


def shortcuts(window):
    plain = QKeySequence.SequenceFormat.PortableText
    return {shortcut.key().toString(plain) for shortcut in window.findChildren(QShortcut)}


def test_the_guide_tells_every_key_of_the_live_window_with_what_it_does():
    rows = dict(re.findall(r"^\| <kbd>(.+?)</kbd> \| (.+) \|$", GUIDE, re.MULTILINE))
    assert rows == {entry.keys: entry.tip for _, entry in entries() if entry.keys} | dict(MORE_KEYS)


def test_the_guide_names_no_key_that_there_is_not(qtbot):
    review_actions = [
        review_action for _, review_actions in actions.MENUS for review_action in review_actions
    ]
    review = {review_action.keys for review_action in review_actions} | {
        keys for keys, _ in actions.MORE_KEYS
    }
    with open_store(Config()) as store:
        windows = [SessionsWindow(Config(), store), FilesWindow(Config())]
        for window in windows:
            qtbot.addWidget(window)
        library = set().union(*map(shortcuts, windows))
        assert KEYS - LIVE - review - library - TABLE == set()


def test_every_view_has_its_picture_in_both_themes_and_both_sizes_and_the_guide_shows_it():
    names = {path.stem for path in (DOCS / "screenshots").glob("*.webp")}
    views = {re.sub(r"_(light|dark)(@2x)?$", "", name) for name in names}
    sizes = ("light", "dark", "light@2x", "dark@2x")
    assert names == {f"{view}_{size}" for view in views for size in sizes}
    assert views == set(re.findall(r"screenshots/(\w+?)_light", GUIDE))

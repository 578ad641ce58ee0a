"""The user guide names the keys that there are, and shows pictures of every view in both themes."""

from __future__ import annotations

import re
from pathlib import Path

from realtime_ser.base.config import Config
from realtime_ser.gui.app.actions import FILES, LIVE, REVIEW, SESSIONS, TREND
from realtime_ser.gui.library.files import FilesWindow
from realtime_ser.gui.library.sessions import SessionsWindow
from realtime_ser.gui.library.trend import TrendWindow
from realtime_ser.session.store import open_store

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
GUIDE = (DOCS / "user_guide.md").read_text(encoding="utf-8")
KEYS = set(re.findall(r"<kbd>(.+?)</kbd>", GUIDE))


def keys_of(*tables):
    actions = {action.keys for table in tables for action in table if action.keys}
    return actions | {keys for table in tables for keys, _ in table.more_keys}


def test_the_guide_tells_every_key_of_the_live_window_with_what_it_does():
    rows = dict(re.findall(r"^\| <kbd>(.+?)</kbd> \| (.+) \|$", GUIDE, re.MULTILINE))
    actions = {action.keys: action.tip for action in LIVE if action.keys}
    assert rows == actions | dict(LIVE.more_keys)


def test_the_guide_names_no_key_that_there_is_not():
    assert keys_of(LIVE, REVIEW, SESSIONS, TREND, FILES) >= KEYS


def test_every_action_of_the_library_does_something(qtbot):
    with open_store(Config()) as store:
        windows = [SessionsWindow(Config(), store), TrendWindow(Config(), store)]
        windows.append(FilesWindow(Config()))
        for window in windows:
            qtbot.addWidget(window)
            assert all(action.isEnabled() and action.toolTip() for action in window.actions_.all())


def test_every_view_has_its_picture_in_both_themes_and_both_sizes_and_the_guide_shows_it():
    names = {path.stem for path in (DOCS / "screenshots").glob("*.webp")}
    views = {re.sub(r"_(light|dark)(@2x)?$", "", name) for name in names}
    sizes = ("light", "dark", "light@2x", "dark@2x")
    assert names == {f"{view}_{size}" for view in views for size in sizes}
    assert views == set(re.findall(r"screenshots/(\w+?)_light", GUIDE))

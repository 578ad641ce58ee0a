"""Makes the actions of a window from its table: shortcuts, menus, and menus of values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PyQt6.QtGui import QAction, QActionGroup, QKeySequence
from PyQt6.QtWidgets import QMenu, QMenuBar, QWidget

from realtime_ser.gui.app.action_table import Action, ActionTable, Menu


class Actions:
    """The actions of a window.

    Parameters
    ----------
    owner
        The window, whose keys they are.
    table
        What there is.

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
        menu: QMenu | None = None
        for entry in self._table.entries:
            if isinstance(entry, Menu):
                menu = bar.addMenu(entry.title)
                assert menu is not None
                menu.setToolTipsVisible(True)
                continue
            assert menu is not None
            if entry is None:
                menu.addSeparator()
            elif isinstance(entry, Action):
                menu.addAction(self._actions[entry.name])
            else:
                submenu = menu.addMenu(entry)
                assert submenu is not None
                self.menus[entry.replace("&", "")] = submenu

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

    def _make(self, action: Action) -> QAction:
        made = QAction(action.text, self._owner)
        if action.handled_by_window:
            made.setText(f"{action.text}\t{action.native_keys}")
        elif action.keys:
            made.setShortcut(QKeySequence(action.keys))
            made.setAutoRepeat(action.repeat)
        made.setToolTip(action.tip[:1].upper() + action.tip[1:])
        made.setStatusTip("")
        made.setCheckable(action.check)
        made.setEnabled(False)
        # A hidden menu bar must not take the keys with it.
        self._owner.addAction(made)
        return made

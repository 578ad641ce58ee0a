"""The menu bar of the live window, and the menus in it whose entries are values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import QMainWindow

from realtime_ser.base.text import duration_text
from realtime_ser.gui.app.actions import Actions
from realtime_ser.gui.app.preferences import SPANS_S, Preferences
from realtime_ser.gui.theme.theme import ThemeChoice

THEMES: tuple[tuple[str, ThemeChoice], ...] = (
    ("Like the &system", "system"),
    ("&Dark", "dark"),
    ("&Light", "light"),
)

_THEME, _SPAN, _LABELS = "Theme", "Timeline length", "Labels"


class Menus:
    """Makes the menus of a window.

    Parameters
    ----------
    window
        Whose menu bar is filled.
    actions
        Its actions.
    choose
        Takes a value that was chosen, by the name of its setting.
    toggle_label
        Hides or shows a label.
    """

    def __init__(
        self,
        window: QMainWindow,
        actions: Actions,
        choose: Callable[..., None],
        toggle_label: Callable[[str], None],
    ) -> None:
        self._window = window
        self._actions = actions
        self._toggle_label = toggle_label
        actions.fill(window.menuBar())
        defaults = Preferences()
        actions.choices(_THEME, THEMES, defaults.theme, lambda theme: choose(theme=theme))
        actions.choices(
            _SPAN,
            [(duration_text(seconds), seconds) for seconds in SPANS_S],
            defaults.timeline_s,
            lambda seconds: choose(timeline_s=seconds),
        )

    def show_preferences(self, preferences: Preferences) -> None:
        """Check the entries that hold now."""
        self._actions["stacked"].setChecked(preferences.stacked)
        self._actions.check_value(_THEME, preferences.theme)
        self._actions.check_value(_SPAN, preferences.timeline_s)
        for action in self._actions.menus[_LABELS].actions():
            action.setChecked(action.text() not in preferences.hidden)

    def list_labels(self, labels: Sequence[str], hidden: Collection[str]) -> None:
        """Offer the labels of a model; not from within a choice among them."""
        menu = self._actions.menus[_LABELS]
        for action in menu.actions():
            self._window.removeAction(action)
            action.deleteLater()
        menu.clear()
        for number, label in enumerate(labels, 1):
            action = QAction(label, menu)
            action.setCheckable(True)
            action.setChecked(label not in hidden)
            if number <= 8:
                action.setShortcut(QKeySequence(f"Alt+{number}"))
            action.triggered.connect(lambda _=False, name=label: self._toggle_label(name))
            menu.addAction(action)
            self._window.addAction(action)

"""Dresses a window in the theme of the program, and again when theme, size or font change."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QEvent, QObject, Qt
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtWidgets import QApplication, QWidget

from realtime_ser.gui.theme.theme import (
    DARK,
    LIGHT,
    Style,
    Theme,
    ThemeChoice,
    choose,
    make_style,
    palette,
    style_sheet,
)

_STYLE_EVENTS = (
    QEvent.Type.Resize,
    QEvent.Type.ApplicationFontChange,
    QEvent.Type.ApplicationPaletteChange,
    QEvent.Type.PaletteChange,
)


def current_theme() -> Theme | None:
    """Theme that the program shows now; ``None``: no window has chosen one yet."""
    background = QGuiApplication.palette().window().color().name().upper()
    return next((theme for theme in (DARK, LIGHT) if theme.background == background), None)


def initial_style() -> Style:
    """Look for what is made before its window is dressed."""
    return make_style(current_theme() or DARK, 1280, 720)


class StyleWatcher(QObject):
    """Keeps a window in the theme that the program shows, at the window's size.

    Where the program has not chosen a theme yet, the settings' one is taken, and a desktop that
    changes between light and dark is followed.

    Parameters
    ----------
    window
        The window or dialog. Its style sheet is set.
    apply_style
        Told of each new look, for what a style sheet does not reach.
    choice
        The settings' theme.
    """

    def __init__(
        self, window: QWidget, apply_style: Callable[[Style], None], choice: ThemeChoice = "system"
    ) -> None:
        super().__init__(window)
        self._window = window
        self._apply_style = apply_style
        self._choice = choice
        self._style: Style | None = None
        self._busy = False
        if current_theme() is None:
            self._set_theme()
        hints = QGuiApplication.styleHints()
        if hints is not None:
            self._own_theme = current_theme()
            hints.colorSchemeChanged.connect(self._follow)
        window.installEventFilter(self)
        self.refresh()

    @property
    def style(self) -> Style:
        """The present look."""
        assert self._style is not None
        return self._style

    def refresh(self) -> None:
        """Take over the present theme and size."""
        if self._busy:
            return
        theme = current_theme() or (DARK if self._style is None else self._style.theme)
        owner = self._window.parentWidget()
        reference_window = (None if owner is None else owner.window()) or self._window
        style = make_style(theme, reference_window.width(), reference_window.height())
        if style == self._style:
            return
        self._busy = True
        try:
            self._style = style
            self._window.setFont(style.body)
            self._window.setStyleSheet(style_sheet(style) + _window_style_sheet(style))
            self._apply_style(style)
        finally:
            self._busy = False

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Notice what changes the look."""
        if watched is self._window and event is not None and event.type() in _STYLE_EVENTS:
            self.refresh()
        return super().eventFilter(watched, event)

    def _follow(self, _scheme: Qt.ColorScheme) -> None:
        if (
            self._own_theme is not None
            and self._choice == "system"
            and current_theme() == self._own_theme
        ):
            self._set_theme()
            self._own_theme = current_theme()

    def _set_theme(self) -> None:
        hints = QGuiApplication.styleHints()
        system = hints.colorScheme() if hints is not None else Qt.ColorScheme.Unknown
        QApplication.setPalette(palette(choose(self._choice, system)))


def _window_style_sheet(style: Style) -> str:
    """Style of what the live window has none of: tables, lists, fields of several lines."""
    theme, unit = style.theme, style.grid
    return f"""
    QWidget#window {{ background: {theme.background}; }}
    QWidget#bar, QWidget#side {{ background: {theme.panel}; }}
    QTableView, QListView, QPlainTextEdit {{
        background: {theme.raised}; alternate-background-color: {theme.raised};
        border: 1px solid {theme.border}; outline: none;
        selection-background-color: {theme.hover}; selection-color: {theme.text};
    }}
    QTableView {{ gridline-color: {theme.grid}; }}
    QTableView:focus, QListView:focus, QPlainTextEdit:focus {{ border-color: {theme.accent}; }}
    QTableView::item {{ padding: 0 {unit(0.5)}px; }}
    QListView::item {{ padding: 0 {unit(0.75)}px; }}
    QTableView::item:selected, QListView::item:selected {{
        background: {theme.hover}; color: {theme.text};
    }}
    QTableView QLineEdit {{
        min-height: 0; max-height: 999px; border-radius: 0; border: 2px solid {theme.accent};
        padding: 0 {unit(0.5)}px;
    }}
    QHeaderView {{ background: {theme.panel}; border: none; }}
    QHeaderView::section {{
        background: {theme.panel}; color: {theme.muted}; border: none;
        border-bottom: 1px solid {theme.border}; padding: 0 {unit(0.75)}px;
        min-height: {unit(3.5)}px; font-size: {style.small_px}px;
    }}
    QHeaderView::section:hover {{ color: {theme.text}; background: {theme.hover}; }}
    QTableCornerButton::section {{ background: {theme.panel}; border: none; }}
    QAbstractSpinBox {{
        background: {theme.raised}; border: 1px solid {theme.border};
        border-radius: {unit(0.5)}px; padding: 0 {unit(1)}px;
        min-height: {unit(3.75)}px; max-height: {unit(3.75)}px;
    }}
    QAbstractSpinBox:focus {{ border: 2px solid {theme.accent}; }}
    QAbstractSpinBox:disabled, QLineEdit:disabled, QComboBox:disabled {{
        color: {theme.muted}; border-color: {theme.grid};
    }}
    QCheckBox, QRadioButton {{ spacing: {unit(1)}px; min-height: {unit(3)}px; }}
    QCheckBox:disabled, QRadioButton:disabled {{ color: {theme.muted}; }}
    QPushButton[role="danger"] {{
        background: {theme.danger}; color: {theme.background}; border-color: {theme.danger};
        font-weight: 600;
    }}
    QPushButton[role="danger"]:focus {{ border-color: {theme.text}; }}
    QPushButton[role="danger"]:disabled, QPushButton[role="primary"]:disabled {{
        background: {theme.raised}; color: {theme.muted}; border-color: {theme.grid};
    }}
    QSplitter::handle {{ background: {theme.grid}; }}
    QFrame#rule {{ background: {theme.grid}; border: none; }}
    """

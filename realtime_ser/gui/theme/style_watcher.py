"""The theme of the program and the scale of each window, and how both reach every widget.

A window makes one :class:`StyleWatcher`. When theme, scale or font change, the watcher sets the
window's style sheet and every measure declared in units of the grid (:func:`pad`,
:func:`set_size`, :func:`reserve`), and Qt tells each widget below by a ``StyleChange`` event. What
paints by itself asks :func:`style_of` at that moment; what must prepare for it is a
:class:`StyledWidget`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PyQt6.QtCore import QEvent, QObject, Qt, pyqtSignal
from PyQt6.QtGui import QFontMetricsF, QGuiApplication
from PyQt6.QtWidgets import (
    QApplication,
    QFormLayout,
    QGridLayout,
    QHeaderView,
    QLayout,
    QTableView,
    QWidget,
)

from realtime_ser.gui.theme.theme import (
    Style,
    ThemeChoice,
    choose,
    make_style,
    palette,
    style_sheet,
)
from realtime_ser.timeline.style import DARK, LIGHT, Theme

_STYLE_EVENTS = (
    QEvent.Type.Resize,
    QEvent.Type.ApplicationFontChange,
    QEvent.Type.ApplicationPaletteChange,
    QEvent.Type.PaletteChange,
)


# ------------------------------------------------------------------------------------- the theme


class _ThemeChooser(QObject):
    """Keeps the program in the chosen theme; ``system`` follows the desktop live."""

    changed = pyqtSignal()

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._choice: ThemeChoice = "system"
        hints = QGuiApplication.styleHints()
        self._system = hints.colorScheme() if hints is not None else Qt.ColorScheme.Unknown
        if hints is not None:
            hints.colorSchemeChanged.connect(self._follow)

    def choose(self, choice: ThemeChoice) -> None:
        self._choice = choice
        theme = choose(choice, self._system)
        if not _shows(theme):
            QApplication.setPalette(palette(theme))
            self.changed.emit()

    def _follow(self, scheme: Qt.ColorScheme) -> None:
        self._system = scheme
        self.choose(self._choice)


def _theme_chooser() -> _ThemeChooser:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    return app.findChild(_ThemeChooser) or _ThemeChooser(app)


def choose_theme(choice: ThemeChoice) -> None:
    """Show the whole program in a theme; ``system`` follows the desktop from now on."""
    _theme_chooser().choose(choice)


def current_theme() -> Theme:
    """Theme that the program shows now; the dark one before any was chosen."""
    return LIGHT if _shows(LIGHT) else DARK


def _shows(theme: Theme) -> bool:
    background = QGuiApplication.palette().window().color().name().upper()
    return background == theme.background


# ------------------------------------------------------------------------------------- the style


def style_of(widget: QWidget) -> Style:
    """Theme and sizes of a widget: those of its window, or of the window that owns a dialog."""
    window = widget.window() or widget
    owner = window.parentWidget()
    reference = (None if owner is None else owner.window()) or window
    return make_style(current_theme(), reference.width(), reference.height())


class StyleWatcher(QObject):
    """Keeps a window in the theme of the program, at the scale of the window's size.

    Parameters
    ----------
    window
        The window or dialog. Its style sheet is set.
    choice
        Theme to show where the program has not chosen one yet.
    changed
        Called after each change, for what the widgets' own ``StyleChange`` does not reach.
    """

    def __init__(
        self,
        window: QWidget,
        choice: ThemeChoice = "system",
        *,
        changed: Callable[[Style], None] | None = None,
    ) -> None:
        super().__init__(window)
        self._window = window
        self._changed = changed
        self._style: Style | None = None
        self._busy = False
        if not (_shows(DARK) or _shows(LIGHT)):
            choose_theme(choice)
        _theme_chooser().changed.connect(self.refresh)
        window.installEventFilter(self)
        self.refresh()

    def refresh(self) -> None:
        """Take over the present theme and size."""
        style = style_of(self._window)
        if self._busy or style == self._style:
            return
        self._busy = True
        try:
            self._style = style
            self._window.setFont(style.body)
            self._window.setStyleSheet(style_sheet(style))
            apply_measures(self._window)
            if self._changed is not None:
                self._changed(style)
        finally:
            self._busy = False

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Notice what changes theme, scale or font."""
        if watched is self._window and event is not None and event.type() in _STYLE_EVENTS:
            self.refresh()
        return super().eventFilter(watched, event)


class StyledWidget(QWidget):
    """A widget that has to prepare for a new theme, scale or font.

    Attributes
    ----------
    _style
        For subclasses: theme and sizes at present.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._style = style_of(self)

    def restyle(self, style: Style) -> None:
        """Prepare for another style: of the window that the widget came into, or a changed one."""

    def changeEvent(self, event: QEvent | None) -> None:
        """Pass a new style on."""
        super().changeEvent(event)
        if event is not None and event.type() is QEvent.Type.StyleChange:
            style = style_of(self)
            if style != self._style:
                self._style = style
                self.restyle(style)


# ------------------------------------------------------------------------- measures in grid units


def _set_row_height(table: QTableView, height: int) -> None:
    header = table.verticalHeader()
    assert header is not None
    header.setDefaultSectionSize(height)


_SIZES: dict[str, Callable[[Any, int], None]] = {
    "width": QWidget.setFixedWidth,
    "height": QWidget.setFixedHeight,
    "min_width": QWidget.setMinimumWidth,
    "min_height": QWidget.setMinimumHeight,
    "max_width": QWidget.setMaximumWidth,
    "rows": _set_row_height,
}


def pad(
    layout: QLayout,
    margins: float | tuple[float, float, float, float] = 0.0,
    spacing: float | tuple[float, float] = 0.0,
) -> None:
    """Keep margins and spacing of a layout in units of the grid.

    Parameters
    ----------
    margins
        Of all sides, or left, top, right and bottom.
    spacing
        Between all parts, or horizontal and vertical.
    """
    sides = margins if isinstance(margins, tuple) else (margins,) * 4
    gaps = spacing if isinstance(spacing, tuple) else (spacing, spacing)
    layout.setProperty("measures", [float(value) for value in (*sides, *gaps)])
    owner = layout.parentWidget()
    _measure_layout(layout, 1.0 if owner is None else style_of(owner).scale)


def set_size(widget: QWidget, **units: float) -> None:
    """Keep sizes of a widget in units of the grid.

    Parameters
    ----------
    units
        By ``width`` and ``height``, which are fixed, ``min_width``, ``min_height``, ``max_width``,
        and ``rows``, the height of a table's rows.
    """
    widget.setProperty("measures", (widget.property("measures") or {}) | units)
    _measure_widget(widget, style_of(widget))


def set_columns(header: QHeaderView, units: Mapping[int, float]) -> None:
    """Keep widths of columns, by their numbers, in units of the grid."""
    header.setProperty("columns", {str(column): width for column, width in units.items()})
    _measure_widget(header, style_of(header))


def reserve(
    widget: QWidget, texts: Sequence[str], *, font: str = "body", extra: float = 0.25
) -> None:
    """Keep room for the longest of some texts, so that nothing beside the widget jumps.

    Parameters
    ----------
    font
        ``body``, ``small`` or ``bold``.
    extra
        Room beside the text, in units of the grid.
    """
    widget.setProperty("reserved", [list(texts), font, extra])
    _measure_widget(widget, style_of(widget))


def apply_measures(root: QWidget) -> None:
    """Set everything that is declared of a widget, and of what is in it, at its window's scale."""
    style = style_of(root)
    for layout in root.findChildren(QLayout):
        if layout.property("measures"):
            _measure_layout(layout, style.scale)
    for widget in (root, *root.findChildren(QWidget)):
        _measure_widget(widget, style)


def _measure_layout(layout: QLayout, scale: float) -> None:
    *sides, across, down = (round(8 * units * scale) for units in layout.property("measures"))
    layout.setContentsMargins(*sides)
    if isinstance(layout, QGridLayout | QFormLayout):
        layout.setHorizontalSpacing(across)
        layout.setVerticalSpacing(down)
    else:
        layout.setSpacing(across)


def _measure_widget(widget: QWidget, style: Style) -> None:
    for name, units in (widget.property("measures") or {}).items():
        _SIZES[name](widget, style.grid(units))
    if isinstance(widget, QHeaderView):
        for column, units in (widget.property("columns") or {}).items():
            widget.resizeSection(int(column), style.grid(units))
    if reserved := widget.property("reserved"):
        texts, name, extra = reserved
        font = style.font(style.body_px, bold=True) if name == "bold" else getattr(style, name)
        metrics = QFontMetricsF(font)
        longest = max(metrics.horizontalAdvance(text) for text in texts)
        widget.setMinimumWidth(round(longest) + style.grid(extra))

"""Sizes and style sheet of the window, in the colours of a theme."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor, QFont, QFontDatabase, QFontInfo, QGuiApplication, QPalette
from PyQt6.QtWidgets import QWidget

from realtime_ser.timeline.style import DARK, LIGHT, Theme, TrackStyle

ThemeChoice = Literal["system", "dark", "light"]

_FOLDER = Path(__file__).parent


def choose(choice: ThemeChoice, system: Qt.ColorScheme) -> Theme:
    """Theme for a setting; ``system`` follows the desktop, and is dark where that does not say."""
    if choice == "system":
        return LIGHT if system is Qt.ColorScheme.Light else DARK
    return LIGHT if choice == "light" else DARK


@dataclass(frozen=True, slots=True, kw_only=True)
class Style(TrackStyle):
    """A theme at a size: what a widget needs to draw itself.

    Attributes
    ----------
    theme
        The colours.
    scale
        1 up to full HD, 2 at 4K without high-DPI scaling.
    body_px, small_px, big_px
        The three sizes of type, in logical pixels.
    """

    theme: Theme
    body_px: int
    big_px: int
    family: str

    def font(self, pixels: int, *, bold: bool = False) -> QFont:
        """The system's font at a size, with figures of one width where it has them."""
        font = QFont(self.family)
        font.setPixelSize(pixels)
        font.setFeature(QFont.Tag("tnum"), 1)
        if bold:
            font.setWeight(QFont.Weight.DemiBold)
        return font

    @property
    def body(self) -> QFont:
        """Font of ordinary text."""
        return self.font(self.body_px)

    @property
    def small(self) -> QFont:
        """Font of axes, captions and the status line."""
        return self.font(self.small_px)

    @property
    def big(self) -> QFont:
        """Font of the label that is read at a glance."""
        return self.font(self.big_px, bold=True)


def make_style(theme: Theme, width: int, height: int) -> Style:
    """Sizes for a window of so many logical pixels.

    Type follows the system's font, and grows on a large window, so that a 4K screen without
    high-DPI scaling is readable too.
    """
    scale = max(1.0, math.floor(4 * min(width / 1920, height / 1080)) / 4)
    info = QFontInfo(QGuiApplication.font())
    base = max(13, info.pixelSize())
    return Style(
        theme=theme,
        scale=scale,
        body_px=round(base * scale),
        small_px=round(max(11, base - 2) * scale),
        big_px=round(base * 1.9 * scale),
        family=QGuiApplication.font().family(),
    )


def palette(theme: Theme) -> QPalette:
    """Qt's palette, for dialogs and everything that the style sheet does not name."""
    result = QPalette()
    roles = QPalette.ColorRole
    for role, color in {
        roles.Window: theme.background,
        roles.WindowText: theme.text,
        roles.Base: theme.raised,
        roles.AlternateBase: theme.panel,
        roles.Text: theme.text,
        roles.Button: theme.raised,
        roles.ButtonText: theme.text,
        roles.ToolTipBase: theme.raised,
        roles.ToolTipText: theme.text,
        roles.PlaceholderText: theme.muted,
        roles.Highlight: theme.accent,
        roles.HighlightedText: theme.on_accent,
        roles.Link: theme.accent,
    }.items():
        result.setColor(role, QColor(color))
    for role in (roles.WindowText, roles.Text, roles.ButtonText, roles.HighlightedText):
        result.setColor(QPalette.ColorGroup.Disabled, role, QColor(theme.muted))
    return result


def set_role(widget: QWidget, role: str) -> None:
    """Give a widget the words by which the style sheet knows it."""
    if widget.property("role") != role:
        widget.setProperty("role", role)
        style = widget.style()
        if style is not None:
            style.unpolish(widget)
            style.polish(widget)


def style_sheet(style: Style) -> str:
    """The program's style sheet in a theme, at a scale."""
    values = {field.name: str(getattr(style.theme, field.name)) for field in fields(Theme)} | {
        "body": f"{style.body_px}px",
        "small": f"{style.small_px}px",
        "big": f"{style.big_px}px",
        "monospaced": QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).family(),
        # drawn so that the tick stands out from the accent
        "check": (_FOLDER / f"check_{style.theme.name}.svg").as_posix(),
    }
    sheet = (_FOLDER / "style.qss").read_text(encoding="utf-8")
    sheet = re.sub(r"([\d.]+)u\b", lambda found: f"{style.grid(float(found[1]))}px", sheet)
    return re.sub(r"@(\w+)", lambda found: values[found[1]], sheet)

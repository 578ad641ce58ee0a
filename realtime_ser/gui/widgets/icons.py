"""Icons and the faces of emotions: SVG files, painted in the colour asked for."""

from __future__ import annotations

import functools
from pathlib import Path

from PyQt6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PyQt6.QtGui import (
    QColor,
    QGuiApplication,
    QIcon,
    QIconEngine,
    QPainter,
    QPaintEvent,
    QPalette,
    QPixmap,
)
from PyQt6.QtSvg import QSvgRenderer
from PyQt6.QtWidgets import QWidget

from realtime_ser.base.labels import FACES, LABELS
from realtime_ser.gui.theme.style_watcher import set_size, style_of
from realtime_ser.timeline.style import line_style

_ICONS = Path(__file__).parent.parent / "theme" / "icons"


@functools.lru_cache(maxsize=256)
def _renderer(file: Path, color: str) -> QSvgRenderer:
    """A drawing, with a colour in the place of ``currentColor``."""
    svg = file.read_text(encoding="utf-8").replace("currentColor", color)
    return QSvgRenderer(QByteArray(svg.encode()))


def draw_glyph(painter: QPainter, name: str, box: QRectF, color: str) -> None:
    """Draw an icon so that it fills a square."""
    _renderer(_ICONS / f"{name}.svg", color).render(painter, box)


def draw_face(painter: QPainter, box: QRectF, label: str) -> None:
    """Draw the face of a label in the label's colour; others than the eight are neutral."""
    name = label if label in LABELS else "neutral"
    color = QColor(line_style(label, 0).color).lighter(112).name()
    _renderer(FACES / f"{name}.svg", color).render(painter, box)


class _IconEngine(QIconEngine):
    """Paints an icon in the text colour that the program's theme has at that moment."""

    def __init__(self, name: str, role: QPalette.ColorRole) -> None:
        super().__init__()
        self._name, self._role = name, role

    def clone(self) -> QIconEngine:
        return _IconEngine(self._name, self._role)

    def paint(
        self,
        painter: QPainter | None,
        rect: QRect,
        mode: QIcon.Mode,
        state: QIcon.State,  # noqa: ARG002
    ) -> None:
        assert painter is not None
        groups = QPalette.ColorGroup
        group = groups.Disabled if mode is QIcon.Mode.Disabled else groups.Active
        color = QGuiApplication.palette().color(group, self._role).name()
        draw_glyph(painter, self._name, QRectF(rect), color)

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        image, painter = _canvas(size)
        self.paint(painter, image.rect(), mode, state)
        painter.end()
        return image


def glyph_icon(name: str, role: QPalette.ColorRole = QPalette.ColorRole.ButtonText) -> QIcon:
    """An icon for buttons, sharp at any size, in the theme's colour of the text beside it."""
    return QIcon(_IconEngine(name, role))


def face_icon(label: str) -> QIcon:
    """A face as the icon of a window."""
    icon = QIcon()
    for pixels in (16, 32, 64, 128):
        image, painter = _canvas(QSize(pixels, pixels))
        draw_face(painter, QRectF(image.rect()), label)
        painter.end()
        icon.addPixmap(image)
    return icon


def _canvas(size: QSize) -> tuple[QPixmap, QPainter]:
    image = QPixmap(size)
    image.fill(Qt.GlobalColor.transparent)
    return image, QPainter(image)


class Glyph(QWidget):
    """An icon as a widget: its side in units of the grid, and the name of a theme's colour."""

    def __init__(self, name: str = "ring", units: float = 2.0, color: str = "text") -> None:
        super().__init__()
        self._name, self._color = name, color
        set_size(self, width=units, height=units)

    def show_glyph(self, name: str, color: str | None = None) -> None:
        """Change icon and colour."""
        shown = (name, color or self._color)
        if shown != (self._name, self._color):
            self._name, self._color = shown
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        """Draw the icon."""
        painter = QPainter(self)
        color = getattr(style_of(self).theme, self._color)
        draw_glyph(painter, self._name, QRectF(self.rect()), color)
        painter.end()


class Face(QWidget):
    """The face of an emotion; without a label, an empty one that waits for speech."""

    def __init__(self) -> None:
        super().__init__()
        self._label: str | None = None
        self._certain = True

    def show_label(self, label: str | None, *, certain: bool) -> None:
        """Change the emotion; an uncertain one is pale."""
        if (label, certain) != (self._label, self._certain):
            self._label, self._certain = label, certain
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        """Draw the face."""
        painter = QPainter(self)
        box = QRectF(self.rect())
        if self._label is None:
            _renderer(FACES / "waiting.svg", style_of(self).theme.muted).render(painter, box)
        else:
            painter.setOpacity(1.0 if self._certain else 0.45)
            draw_face(painter, box, self._label)
        painter.end()

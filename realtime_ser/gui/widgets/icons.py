"""Icons and the faces of emotions: SVG files of the theme, painted in the colour asked for."""

from __future__ import annotations

import functools
from pathlib import Path

from PyQt6.QtCore import QByteArray, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QIcon, QPainter, QPaintEvent, QPixmap
from PyQt6.QtSvg import QSvgRenderer
from PyQt6.QtWidgets import QSizePolicy, QWidget

from realtime_ser.base.labels import LABELS
from realtime_ser.gui.theme.theme import Style, line_style

_THEME_FOLDER = Path(__file__).parent.parent / "theme"


@functools.lru_cache(maxsize=256)
def _renderer(file: str, color: str) -> QSvgRenderer:
    """A drawing of the theme, with a colour in the place of ``currentColor``."""
    svg = (_THEME_FOLDER / file).read_text(encoding="utf-8").replace("currentColor", color)
    return QSvgRenderer(QByteArray(svg.encode()))


def draw_glyph(painter: QPainter, name: str, box: QRectF, color: str) -> None:
    """Draw an icon so that it fills a square."""
    _renderer(f"icons/{name}.svg", color).render(painter, box)


def draw_face(painter: QPainter, box: QRectF, label: str) -> None:
    """Draw the face of a label in the label's colour; others than the eight are neutral."""
    name = label if label in LABELS else "neutral"
    color = QColor(line_style(label, 0).color).lighter(112).name()
    _renderer(f"faces/{name}.svg", color).render(painter, box)


def glyph_icon(name: str, color: str, disabled: str) -> QIcon:
    """An icon for buttons, sharp at any size."""
    icon = QIcon()
    for mode, tint in ((QIcon.Mode.Normal, color), (QIcon.Mode.Disabled, disabled)):
        for pixels in (16, 32, 64):
            image, painter = _canvas(pixels)
            draw_glyph(painter, name, QRectF(image.rect()), tint)
            painter.end()
            icon.addPixmap(image, mode)
    return icon


def face_icon(label: str) -> QIcon:
    """A face as the icon of a window."""
    icon = QIcon()
    for pixels in (16, 32, 64, 128):
        image, painter = _canvas(pixels)
        draw_face(painter, QRectF(image.rect()), label)
        painter.end()
        icon.addPixmap(image)
    return icon


def _canvas(pixels: int) -> tuple[QPixmap, QPainter]:
    image = QPixmap(pixels, pixels)
    image.fill(Qt.GlobalColor.transparent)
    return image, QPainter(image)


class Glyph(QWidget):
    """An icon as a widget."""

    def __init__(self, name: str = "ring", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._color = "#000000"
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    @property
    def name(self) -> str:
        """Name of the icon."""
        return self._name

    def show_glyph(self, name: str, color: str, pixels: int) -> None:
        """Change icon, colour and size."""
        self.setFixedSize(QSize(pixels, pixels))
        if (name, color) != (self._name, self._color):
            self._name, self._color = name, color
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        """Draw the icon."""
        painter = QPainter(self)
        draw_glyph(painter, self._name, QRectF(self.rect()), self._color)
        painter.end()


class Face(QWidget):
    """The face of an emotion; without a label, an empty one that waits for speech."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._label: str | None = None
        self._certain = True
        self._style: Style | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set_style(self, style: Style, pixels: int) -> None:
        """Change theme and size."""
        self._style = style
        self.setFixedSize(pixels, pixels)
        self.update()

    def show_label(self, label: str | None, *, certain: bool) -> None:
        """Change the emotion; an uncertain one is pale."""
        if (label, certain) != (self._label, self._certain):
            self._label, self._certain = label, certain
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        """Draw the face."""
        if self._style is None:
            return
        painter = QPainter(self)
        box = QRectF(self.rect())
        if self._label is None:
            _renderer("faces/waiting.svg", self._style.theme.muted).render(painter, box)
        else:
            painter.setOpacity(1.0 if self._certain else 0.45)
            draw_face(painter, box, self._label)
        painter.end()

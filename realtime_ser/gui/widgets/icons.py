"""Small shapes of one colour: states, buttons, the recording light."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QIcon, QPainter, QPaintEvent, QPen, QPixmap, QPolygonF
from PyQt6.QtWidgets import QSizePolicy, QWidget

# Each shape is drawn in a square from (0, 0) to (16, 16).
_Draw = Callable[[QPainter, QColor], None]


def _stroke(painter: QPainter, color: QColor, width: float = 1.8) -> None:
    pen = QPen(color, width)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def _fill(painter: QPainter, color: QColor) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)


def _polygon(painter: QPainter, *points: tuple[float, float]) -> None:
    painter.drawPolygon(QPolygonF([QPointF(*point) for point in points]))


def _polyline(painter: QPainter, *points: tuple[float, float]) -> None:
    painter.drawPolyline(QPolygonF([QPointF(*point) for point in points]))


def _ring(painter: QPainter, color: QColor) -> None:
    _stroke(painter, color)
    painter.drawEllipse(QPointF(8, 8), 5.5, 5.5)


def _target(painter: QPainter, color: QColor) -> None:
    _ring(painter, color)
    _fill(painter, color)
    painter.drawEllipse(QPointF(8, 8), 2.4, 2.4)


def _waves(painter: QPainter, color: QColor) -> None:
    _fill(painter, color)
    painter.drawEllipse(QPointF(4.2, 8), 2.8, 2.8)
    _stroke(painter, color)
    for radius in (5.2, 9.2):
        box = QRectF(4.2 - radius, 8 - radius, 2 * radius, 2 * radius)
        painter.drawArc(box, -42 * 16, 84 * 16)


def _dots(painter: QPainter, color: QColor) -> None:
    _fill(painter, color)
    for x in (3, 8, 13):
        painter.drawEllipse(QPointF(x, 8), 1.6, 1.6)


def _pause(painter: QPainter, color: QColor) -> None:
    _fill(painter, color)
    painter.drawRect(QRectF(3.5, 2.5, 3.2, 11))
    painter.drawRect(QRectF(9.3, 2.5, 3.2, 11))


def _play(painter: QPainter, color: QColor) -> None:
    _fill(painter, color)
    _polygon(painter, (4, 2), (13.5, 8), (4, 14))


def _square(painter: QPainter, color: QColor) -> None:
    _fill(painter, color)
    painter.drawRect(QRectF(3.5, 3.5, 9, 9))


def _record(painter: QPainter, color: QColor) -> None:
    _fill(painter, color)
    painter.drawEllipse(QPointF(8, 8), 5.5, 5.5)


def _warning(painter: QPainter, color: QColor) -> None:
    _stroke(painter, color, 1.6)
    _polygon(painter, (8, 1.8), (15, 14), (1, 14))
    _fill(painter, color)
    painter.drawRect(QRectF(7.2, 6, 1.6, 4.2))
    painter.drawRect(QRectF(7.2, 11.2, 1.6, 1.6))


def _arrowed_arc(painter: QPainter, color: QColor, start: int, span: int) -> None:
    _stroke(painter, color)
    painter.drawArc(QRectF(2.8, 2.8, 10.4, 10.4), start * 16, span * 16)


def _rescan(painter: QPainter, color: QColor) -> None:
    _arrowed_arc(painter, color, 50, 285)
    _fill(painter, color)
    _polygon(painter, (14.6, 1.6), (14.4, 7.2), (9.4, 4.6))


def _broken(painter: QPainter, color: QColor) -> None:
    _arrowed_arc(painter, color, 20, 120)
    painter.drawArc(QRectF(2.8, 2.8, 10.4, 10.4), 200 * 16, 120 * 16)
    painter.drawLine(QPointF(3, 13), QPointF(13, 3))


def _flag(painter: QPainter, color: QColor) -> None:
    _stroke(painter, color)
    painter.drawLine(QPointF(4, 2), QPointF(4, 14.4))
    _fill(painter, color)
    _polygon(painter, (4, 2), (13.5, 5.2), (4, 8.8))


def _save(painter: QPainter, color: QColor) -> None:
    _stroke(painter, color)
    painter.drawLine(QPointF(8, 2), QPointF(8, 9.5))
    _polyline(painter, (4.6, 6.4), (8, 9.8), (11.4, 6.4))
    _polyline(painter, (2.4, 11), (2.4, 13.8), (13.6, 13.8), (13.6, 11))


def _demo(painter: QPainter, color: QColor) -> None:
    _stroke(painter, color, 1.6)
    painter.drawRoundedRect(QRectF(1.5, 3, 13, 10), 1.5, 1.5)
    _fill(painter, color)
    _polygon(painter, (6.3, 5.4), (10.8, 8), (6.3, 10.6))


def _chevron(painter: QPainter, color: QColor) -> None:
    _stroke(painter, color)
    _polyline(painter, (3, 6), (8, 11), (13, 6))


def _list(painter: QPainter, color: QColor) -> None:
    _fill(painter, color)
    for y in (3.5, 8, 12.5):
        painter.drawEllipse(QPointF(2.8, y), 1.3, 1.3)
        painter.drawRect(QRectF(5.8, y - 0.9, 8.4, 1.8))


def _expand(painter: QPainter, color: QColor) -> None:
    _stroke(painter, color)
    _polyline(painter, (9.5, 2.5), (13.5, 2.5), (13.5, 6.5))
    _polyline(painter, (6.5, 13.5), (2.5, 13.5), (2.5, 9.5))
    painter.drawLine(QPointF(13, 3), QPointF(9.6, 6.4))
    painter.drawLine(QPointF(3, 13), QPointF(6.4, 9.6))


_SHAPES: dict[str, _Draw] = {
    "ring": _ring,
    "target": _target,
    "waves": _waves,
    "dots": _dots,
    "pause": _pause,
    "play": _play,
    "square": _square,
    "record": _record,
    "warning": _warning,
    "broken": _broken,
    "rescan": _rescan,
    "flag": _flag,
    "save": _save,
    "demo": _demo,
    "chevron": _chevron,
    "list": _list,
    "expand": _expand,
}


def draw_glyph(painter: QPainter, name: str, box: QRectF, color: str) -> None:
    """Draw a shape to fill a square."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(box.topLeft())
    painter.scale(box.width() / 16, box.height() / 16)
    _SHAPES[name](painter, QColor(color))
    painter.restore()


def glyph_icon(name: str, color: str, disabled: str) -> QIcon:
    """A shape as an icon that stays sharp at any size."""
    icon = QIcon()
    for mode, tint in ((QIcon.Mode.Normal, color), (QIcon.Mode.Disabled, disabled)):
        for pixels in (16, 32, 64):
            image = QPixmap(pixels, pixels)
            image.fill(Qt.GlobalColor.transparent)
            painter = QPainter(image)
            draw_glyph(painter, name, QRectF(0, 0, pixels, pixels), tint)
            painter.end()
            icon.addPixmap(image, mode)
    return icon


class Glyph(QWidget):
    """A shape as a widget."""

    def __init__(self, name: str = "ring", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._color = "#000000"
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    @property
    def name(self) -> str:
        """Name of the shape."""
        return self._name

    def show_glyph(self, name: str, color: str, pixels: int) -> None:
        """Change shape, colour and size."""
        self.setFixedSize(QSize(pixels, pixels))
        if (name, color) != (self._name, self._color):
            self._name, self._color = name, color
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        """Draw the shape."""
        painter = QPainter(self)
        draw_glyph(painter, self._name, QRectF(self.rect()), self._color)
        painter.end()

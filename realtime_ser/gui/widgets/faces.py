"""The face of an emotion: the system's emoji, or a drawn one where no emoji font is installed."""

from __future__ import annotations

import functools
from collections.abc import Callable

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PyQt6.QtWidgets import QSizePolicy, QWidget

from realtime_ser.base.labels import EMOJI
from realtime_ser.gui.theme.theme import Style, line_style

_INK = QColor("#1B1D22")


@functools.cache
def emoji_family() -> str | None:
    """Family of an installed emoji font; colour fonts first."""
    families = [name for name in QFontDatabase.families() if "emoji" in name.lower()]
    return min(families, key=lambda name: "color" not in name.lower(), default=None)


class Face(QWidget):
    """One face; without a label, an empty one that waits."""

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
        """Change the emotion."""
        if (label, certain) != (self._label, self._certain):
            self._label, self._certain = label, certain
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        """Draw the face."""
        if self._style is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect())
        if self._label is None:
            _draw_waiting(painter, box, self._style.theme.muted)
        else:
            painter.setOpacity(1.0 if self._certain else 0.45)
            draw_face(painter, box, self._label)
        painter.end()


def draw_face(painter: QPainter, box: QRectF, label: str) -> None:
    """Draw the emoji of a label, or the face that stands for it."""
    family = emoji_family()
    if family is not None and label in EMOJI:
        font = QFont(family)
        font.setPixelSize(round(box.height() * 0.82))
        painter.setFont(font)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, EMOJI[label])
        return
    painter.save()
    painter.translate(box.topLeft())
    painter.scale(box.width() / 100, box.height() / 100)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(line_style(label, 0).color).lighter(112))
    painter.drawEllipse(QPointF(50, 50), 46, 46)
    _FEATURES.get(label, _neutral)(painter)
    painter.restore()


def _draw_waiting(painter: QPainter, box: QRectF, color: str) -> None:
    painter.translate(box.topLeft())
    painter.scale(box.width() / 100, box.height() / 100)
    pen = QPen(QColor(color), 4)
    pen.setDashPattern([2.0, 3.03])
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawEllipse(QPointF(50, 50), 44, 44)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(color))
    for x in (32, 50, 68):
        painter.drawEllipse(QPointF(x, 50), 4.5, 4.5)


# ------------------------------------------------------------------- features, in a square of 100


def _set_ink_pen(painter: QPainter, width: float = 6.0) -> None:
    pen = QPen(_INK, width)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def _set_fill(painter: QPainter, color: QColor = _INK) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)


def _eyes(painter: QPainter, y: float = 40, radius: float = 6) -> None:
    _set_fill(painter)
    for x in (34, 66):
        painter.drawEllipse(QPointF(x, y), radius, radius * 1.2)


def _wide_eyes(painter: QPainter) -> None:
    for x in (33, 67):
        _set_fill(painter, QColor("#FFFFFF"))
        painter.drawEllipse(QPointF(x, 42), 11, 12)
        _set_fill(painter)
        painter.drawEllipse(QPointF(x, 43), 4.5, 5)


def _brows(painter: QPainter, inner: float, outer: float) -> None:
    _set_ink_pen(painter, 5)
    painter.drawLine(QPointF(24, outer), QPointF(42, inner))
    painter.drawLine(QPointF(76, outer), QPointF(58, inner))


def _mouth(painter: QPainter, y: float, bend: float, half: float = 19) -> None:
    """A mouth whose middle lies ``bend`` below its corners."""
    _set_ink_pen(painter)
    path = QPainterPath(QPointF(50 - half, y))
    path.quadTo(QPointF(50, y + 2 * bend), QPointF(50 + half, y))
    painter.drawPath(path)


def _neutral(painter: QPainter) -> None:
    _eyes(painter)
    _mouth(painter, 66, 0)


def _calm(painter: QPainter) -> None:
    _set_ink_pen(painter, 5)
    for x in (33, 67):
        path = QPainterPath(QPointF(x - 9, 41))
        path.quadTo(QPointF(x, 49), QPointF(x + 9, 41))
        painter.drawPath(path)
    _mouth(painter, 63, 5)


def _happy(painter: QPainter) -> None:
    _eyes(painter, 36)
    _set_fill(painter)
    path = QPainterPath(QPointF(26, 54))
    path.lineTo(QPointF(74, 54))
    path.quadTo(QPointF(72, 82), QPointF(50, 82))
    path.quadTo(QPointF(28, 82), QPointF(26, 54))
    painter.drawPath(path)
    _set_fill(painter, QColor("#FFFFFF"))
    painter.drawRect(QRectF(32, 56, 36, 6))


def _sad(painter: QPainter) -> None:
    _eyes(painter, 44, 5.5)
    _brows(painter, 26, 33)
    _mouth(painter, 74, -7)
    _set_fill(painter, QColor("#D6EEFF"))
    tear = QPainterPath(QPointF(70, 54))
    tear.quadTo(QPointF(78, 66), QPointF(70, 69))
    tear.quadTo(QPointF(62, 66), QPointF(70, 54))
    painter.drawPath(tear)


def _angry(painter: QPainter) -> None:
    _eyes(painter, 46, 5.5)
    _brows(painter, 37, 28)
    _mouth(painter, 73, -5)


def _fearful(painter: QPainter) -> None:
    _wide_eyes(painter)
    _brows(painter, 20, 26)
    _set_ink_pen(painter)
    wave = [(30, 73), (37, 68), (44, 73), (50, 68), (56, 73), (63, 68), (70, 73)]
    painter.drawPolyline(QPolygonF([QPointF(*point) for point in wave]))


def _disgust(painter: QPainter) -> None:
    _set_ink_pen(painter, 5)
    for inner, outer in ((42, 26), (58, 74)):
        points = [(outer, 34), (inner, 41), (outer, 48)]
        painter.drawPolyline(QPolygonF([QPointF(*point) for point in points]))
    _mouth(painter, 68, -4, 22)
    _set_fill(painter)
    tongue = QPainterPath(QPointF(52, 66))
    tongue.lineTo(QPointF(68, 67))
    tongue.quadTo(QPointF(70, 82), QPointF(61, 82))
    tongue.quadTo(QPointF(52, 82), QPointF(52, 66))
    painter.drawPath(tongue)


def _surprised(painter: QPainter) -> None:
    _wide_eyes(painter)
    _set_ink_pen(painter, 5)
    for x in (33, 67):
        path = QPainterPath(QPointF(x - 9, 22))
        path.quadTo(QPointF(x, 15), QPointF(x + 9, 22))
        painter.drawPath(path)
    _set_fill(painter)
    painter.drawEllipse(QPointF(50, 72), 9, 12)


_FEATURES: dict[str, Callable[[QPainter], None]] = {
    "neutral": _neutral,
    "calm": _calm,
    "happy": _happy,
    "sad": _sad,
    "angry": _angry,
    "fearful": _fearful,
    "disgust": _disgust,
    "surprised": _surprised,
}

"""The card that reads off every value under the pointer."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt
from PyQt6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen, QPixmap
from PyQt6.QtWidgets import QWidget

from realtime_ser.base.records import State
from realtime_ser.base.text import clock_text, decibels, percent_text, result_text, voice_rows
from realtime_ser.gui.theme.style_watcher import style_of
from realtime_ser.gui.theme.theme import Style
from realtime_ser.gui.timeline.qt_surface import QtSurface, blank_picture
from realtime_ser.gui.widgets.localised import local_numbers
from realtime_ser.timeline.content import Moment
from realtime_ser.timeline.signal_tracks import draw_key
from realtime_ser.timeline.style import GAP_WORDS, Curves
from realtime_ser.timeline.surface import Rect

_NAMES = {
    State.SPEECH: "speech",
    State.SILENCE: "no speech",
    State.LOST: GAP_WORDS["lost"],
    State.PAUSED: GAP_WORDS["paused"],
    None: GAP_WORDS["missing"],
}


def moment_lines(labels: Sequence[str], moment: Moment) -> list[tuple[str, str]]:
    """Rows of a card, a name and a value each; the first is its title."""
    tenths = int(moment.time_s * 10) % 10
    rows = [(f"{clock_text(moment.time_s)}.{tenths}", _NAMES[moment.state])]
    if moment.speech is not None and moment.speech.estimate is not None:
        rows.append((f"segment {moment.speech.number}", result_text(moment.speech.estimate)))
    if moment.probabilities is not None:
        rows += [
            (label, percent_text(float(value)))
            for label, value in zip(labels, moment.probabilities, strict=True)
        ]
    rows.append(("level", decibels(moment.level_dbfs, "dBFS")))
    voice = [] if moment.voice is None else voice_rows(moment.voice)
    rows += [(name, local_numbers(value)) for name, value in voice]
    return rows


class HoverCard(QWidget):
    """Floats beside the pointer and never takes its events."""

    def __init__(self, labels: Sequence[str], parent: QWidget) -> None:
        super().__init__(parent)
        self._labels = tuple(labels)
        self.rows: list[tuple[str, str]] = []
        self._picture: tuple[object, QPixmap] | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def show_moment(self, moment: Moment | None, pointer: QPointF | None) -> None:
        """Show a moment's values beside the pointer; hide without one."""
        parent = self.parentWidget()
        if moment is None or pointer is None or parent is None:
            self.hide()
            return
        self.rows = moment_lines(self._labels, moment)
        size = self._size_needed()
        gap = style_of(self).grid(2)
        x = pointer.x() + gap
        if x + size.width() > parent.width():
            x = pointer.x() - gap - size.width()
        y = min(max(0.0, pointer.y() - size.height() / 2), parent.height() - size.height())
        self.setFixedSize(size)
        self.move(round(max(0.0, x)), round(max(0.0, y)))
        self.show()
        self.raise_()
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        """Draw the rows."""
        style = style_of(self)
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._labels_picture(style))
        painter.setFont(style.small)
        painter.setPen(QColor(style.theme.text))
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        for cell, (name, value) in zip(self._cells(style), self.rows, strict=True):
            painter.drawText(cell, right, value)
            if name not in self._labels:
                painter.drawText(cell, Qt.AlignmentFlag.AlignVCenter, name)
        painter.end()

    def _labels_picture(self, style: Style) -> QPixmap:
        """Picture of the empty card with its labels, which stay the same for long."""
        ratio = self.devicePixelRatioF()
        shown = style, self.size(), ratio, [name in self._labels for name, _ in self.rows]
        if self._picture is not None and self._picture[0] == shown:
            return self._picture[1]
        picture = blank_picture(QSizeF(self.size()), ratio, "transparent")
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(style.theme.border), 1))
        painter.setBrush(QColor(style.theme.raised))
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(box, style.grid(0.5), style.grid(0.5))
        painter.setFont(style.small)
        surface, swatch = QtSurface(painter, style.family), style.grid(5)
        for cell, (name, _) in zip(self._cells(style), self.rows, strict=True):
            if name in self._labels:
                position = self._labels.index(name)
                key = Rect(cell.left(), cell.top(), swatch - style.grid(0.75), cell.height())
                draw_key(surface, key, name, position, Curves("lines"), style)
                painter.setPen(QColor(style.theme.text))
                cell.setLeft(cell.left() + swatch)
                painter.drawText(cell, Qt.AlignmentFlag.AlignVCenter, name)
        painter.end()
        self._picture = shown, picture
        return picture

    def _cells(self, style: Style) -> list[QRectF]:
        """Places of the rows."""
        pad, line, rows = style.grid(1), _line_height(style), range(len(self.rows))
        return [QRectF(pad, pad + row * line, self.width() - 2 * pad, line) for row in rows]

    def _size_needed(self) -> QSize:
        """Wide enough for the longest rows there can be, so that the card keeps its width."""
        style = style_of(self)
        metrics = QFontMetricsF(style.small)
        width = metrics.horizontalAdvance("segment 000   surprised? 100 %") + style.grid(3.5)
        height = len(self.rows) * _line_height(style) + 2 * style.grid(1)
        return QSize(round(width), round(height))


def _line_height(style: Style) -> float:
    return QFontMetricsF(style.small).height() + style.grid(0.25)

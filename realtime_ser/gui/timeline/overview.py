"""The whole session in one widget, with a frame around the range that is visible below."""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QRectF, QSizeF, Qt
from PyQt6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PyQt6.QtWidgets import QSizePolicy

from realtime_ser.base.records import Marker
from realtime_ser.gui.theme.style_watcher import StyledWidget, set_size
from realtime_ser.gui.theme.theme import Style
from realtime_ser.gui.timeline.annotations import Annotations
from realtime_ser.gui.timeline.axis import TimeAxis
from realtime_ser.gui.timeline.qt_surface import QtSurface, blank_picture
from realtime_ser.gui.widgets.localised import local_numbers
from realtime_ser.timeline.content import Content, start_of
from realtime_ser.timeline.signal_tracks import ProbabilityTrack
from realtime_ser.timeline.style import Curves
from realtime_ser.timeline.surface import Rect
from realtime_ser.timeline.viewport import Viewport

_EDGE_PX = 6.0


class Overview(StyledWidget):
    """Everything at once; its frame is dragged to pan and by its edges to zoom.

    Parameters
    ----------
    content, annotations, axis
        What is shown.
    """

    def __init__(self, content: Content, annotations: Annotations, axis: TimeAxis) -> None:
        super().__init__()
        self._content = content
        self._annotations = annotations
        self._axis = axis
        self._picture: QPixmap | None = None
        self._dragged_part: str | None = None
        self._offset_s = 0.0
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setAccessibleName("Overview: the visible range of the whole session")
        self.setToolTip(
            "Drag the frame to move, its edges to zoom; click elsewhere to go there (arrow keys, "
            "plus and minus)"
        )
        axis.moved.connect(self._describe)
        axis.cursor_moved.connect(self.update)
        annotations.changed.connect(self._redraw)
        set_size(self, height=5)

    def restyle(self, style: Style) -> None:  # noqa: ARG002
        """Draw in another style."""
        self._redraw()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        """Copy the session, and draw the frame and the cursor."""
        if self._picture is None or self._picture.devicePixelRatio() != self.devicePixelRatioF():
            self._picture = self._render()
        theme = self._style.theme
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._picture)
        frame = self._frame()
        veil = QColor(theme.background)
        veil.setAlpha(150)
        whole = self._plot_rect()
        painter.fillRect(QRectF(whole.left(), 0, frame.left() - whole.left(), self.height()), veil)
        painter.fillRect(
            QRectF(frame.right(), 0, whole.right() - frame.right(), self.height()), veil
        )
        x = round(self._viewport().x(self._axis.cursor_s))
        painter.setPen(QPen(QColor(theme.accent), 1.0))
        painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))
        painter.setPen(QPen(QColor(theme.accent if self.hasFocus() else theme.text), 2.0))
        painter.drawRect(frame.adjusted(1, 1, -1, -1))
        painter.end()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Draw the session at its new size."""
        super().resizeEvent(event)
        self._redraw()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Take hold of the frame or of one of its edges, or go somewhere."""
        if event is None or event.button() != Qt.MouseButton.LeftButton:
            return
        time_s = self._viewport().time(event.position().x())
        self._dragged_part = self._part_at(event.position().x())
        if self._dragged_part is None:
            half = self._axis.span_s / 2
            self._axis.show(time_s - half, time_s + half, glide=True)
            self._dragged_part = "frame"
            self._offset_s = half
        else:
            self._offset_s = time_s - self._axis.start_s

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Move what is held."""
        if event is None:
            return
        time_s = self._viewport().time(event.position().x())
        axis = self._axis
        if not event.buttons() & Qt.MouseButton.LeftButton:
            edge = self._part_at(event.position().x()) in ("start", "end")
            self.setCursor(Qt.CursorShape.SizeHorCursor if edge else Qt.CursorShape.ArrowCursor)
        elif self._dragged_part == "start":
            axis.show(min(time_s, axis.end_s), axis.end_s)
        elif self._dragged_part == "end":
            axis.show(axis.start_s, max(time_s, axis.start_s))
        elif self._dragged_part == "frame":
            axis.pan(time_s - self._offset_s - axis.start_s)

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:  # noqa: ARG002
        """Let go."""
        self._dragged_part = None

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:  # noqa: ARG002
        """See everything."""
        self._axis.fit()

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Zoom, around the middle of what is visible."""
        if event is not None:
            middle = (self._axis.start_s + self._axis.end_s) / 2
            self._axis.zoom(2.0 ** (-event.angleDelta().y() / 240.0), middle)
            event.accept()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Pan and zoom."""
        keys, axis = Qt.Key, self._axis
        if event is None:
            return
        key = event.key()
        if key in (keys.Key_Left, keys.Key_Right):
            axis.pan((0.25 if key == keys.Key_Right else -0.25) * axis.span_s, glide=True)
        elif key in (keys.Key_Up, keys.Key_Down):
            axis.zoom(0.5 if key == keys.Key_Up else 2.0)
        else:
            super().keyPressEvent(event)

    def _plot_rect(self) -> QRectF:
        left = float(self._style.grid(1))
        return QRectF(left, 0, max(10.0, self.width() - 2 * left), self.height())

    def _viewport(self) -> Viewport:
        band = self._plot_rect()
        ratio = self.devicePixelRatioF()
        return Viewport.of(0.0, self._axis.duration_s, band.left(), band.width(), ratio)

    def _frame(self) -> QRectF:
        viewport = self._viewport()
        left, right = viewport.x(self._axis.start_s), viewport.x(self._axis.end_s)
        wide = max(right - left, 6.0)  # so that it can be seen and taken hold of
        return QRectF((left + right - wide) / 2, 0, wide, self.height())

    def _part_at(self, x: float) -> str | None:
        frame = self._frame()
        if frame.width() > 4 * _EDGE_PX:
            if abs(x - frame.left()) <= _EDGE_PX:
                return "start"
            if abs(x - frame.right()) <= _EDGE_PX:
                return "end"
        return "frame" if frame.left() - 2 <= x <= frame.right() + 2 else None

    def _describe(self) -> None:
        axis = self._axis
        self.setAccessibleDescription(
            local_numbers(
                f"{axis.start_s:.1f} to {axis.end_s:.1f} of {axis.duration_s:.1f} seconds"
            )
        )
        self.update()

    def _redraw(self) -> None:
        self._picture = None
        self.update()

    def _render(self) -> QPixmap:
        ratio, theme = self.devicePixelRatioF(), self._style.theme
        picture = blank_picture(QSizeF(self.size()), ratio, theme.panel)
        painter = QPainter(picture)
        viewport, band = self._viewport(), self._plot_rect()
        surface = QtSurface(painter, self._style.family)
        margin = self._style.grid(0.5)
        room = (band.height() - 2 * margin) / len(self._content.channels)
        height = max(1, round((room - 1) * ratio))
        for number, channel in enumerate(self._content.channels.values()):
            image = ProbabilityTrack(channel, Curves()).column_image(viewport, height, self._style)
            width = image.shape[1] / ratio
            place = Rect(band.left(), margin + number * room, width, height / ratio)
            surface.image(image, place)
        painter.setPen(QPen(QColor(theme.text), 1.0))
        for item in self._annotations:
            if isinstance(item.value, Marker):
                x = round(viewport.x(start_of(item.value))) + 0.5
                painter.drawLine(QPointF(x, 0), QPointF(x, self._style.grid(1)))
        painter.end()
        return picture

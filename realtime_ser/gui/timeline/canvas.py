"""All strips of a session on one time axis, with cursor, selection and what a person drags."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from PyQt6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFocusEvent,
    QFontMetricsF,
    QHelpEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PyQt6.QtWidgets import QToolTip, QWidget

from realtime_ser.base.records import Segment
from realtime_ser.base.text import result_text
from realtime_ser.gui.review.annotations import Annotations, Item, end_of, start_of, words_of
from realtime_ser.gui.review.sound_store import SoundStore
from realtime_ser.gui.theme.theme import Look
from realtime_ser.gui.timeline.axis import Axis, exact_clock
from realtime_ser.gui.timeline.gestures import Gestures, Hit
from realtime_ser.gui.timeline.signal_tracks import Curves, Mel, Reading, Style, Wave
from realtime_ser.gui.timeline.tracks import Marks, Speech, Strip, Tier, channel_strips
from realtime_ser.gui.timeline.viewport import Place, Sight
from realtime_ser.gui.widgets.hover_card import HoverCard
from realtime_ser.timeline.content import ChannelContent, Content

_NEAR_PX = 5.0
"""How far from an edge it can be taken hold of."""


@dataclass(frozen=True, slots=True)
class Row:
    """A strip and where it is."""

    strip: Strip
    place: Place
    channel: ChannelContent | None = None


class Canvas(QWidget):
    """The timeline.

    Parameters
    ----------
    content, annotations, sound, axis
        What is shown.
    look
        Theme and sizes.

    Attributes
    ----------
    selected
        Number of the marker or interval that is selected; ``None``: none.
    segment
        The segment that is selected; ``None``: none.
    """

    #: A marker or interval, or a segment, was selected or let go.
    picked = pyqtSignal()

    #: A marker or interval is to be edited: its number.
    edit_wanted = pyqtSignal(int)

    #: A menu is wanted, at a place on the screen.
    menu_wanted = pyqtSignal(QPoint)

    #: A stretch of a tier was drawn: tier, channel, from, to.
    interval_drawn = pyqtSignal(str, object, float, float)

    def __init__(
        self,
        content: Content,
        annotations: Annotations,
        sound: SoundStore,
        axis: Axis,
        look: Look,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.content = content
        self.annotations = annotations
        self.axis = axis
        self.selected: int | None = None
        self.segment: Segment | None = None
        self._sound = sound
        self._style: Style = "areas"
        self._look = look
        self._rows: list[Row] = []
        self._picture: QPixmap | None = None
        self._pointer: QPointF | None = None
        self._framed = False
        self._readings = {number: Reading(one) for number, one in content.channels.items()}
        self._strips: list[Strip] = []
        self._gestures = Gestures(self)
        self.card = HoverCard(content.labels, self)
        self.setObjectName("canvas")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName("Timeline of the session")
        axis.moved.connect(self.repaint_all)
        axis.cursor_moved.connect(self._cursor_moved)
        axis.selected.connect(self.update)
        annotations.changed.connect(self._annotations_changed)
        sound.arrived.connect(self.repaint_all)
        self.set_look(look)

    # -------------------------------------------------------------------------------- what is shown

    @property
    def style_of_curves(self) -> Style:
        """How probabilities are drawn."""
        return self._style

    def set_style(self, style: Style) -> None:
        """Draw probabilities in another way."""
        self._style = style
        self._rebuild()

    def set_look(self, look: Look) -> None:
        """Change theme and sizes."""
        self._look = look
        self.card.set_look(look)
        self._rebuild()

    @property
    def look(self) -> Look:
        """Theme and sizes."""
        return self._look

    def repaint_all(self) -> None:
        """Paint everything anew with the next frame."""
        self._picture = None
        self._point()
        self.update()

    def select(self, number: int | None, segment: Segment | None = None) -> None:
        """Select a marker or interval, or a segment, or nothing."""
        if (number, segment) != (self.selected, self.segment):
            self.selected, self.segment = number, segment
            self.update()
            self.picked.emit()

    @property
    def sight(self) -> Sight:
        """The visible stretch and where it is."""
        left, width = self._plot_sides()
        return Sight.of(self.axis.start_s, self.axis.end_s, left, width, self.devicePixelRatioF())

    @property
    def rows(self) -> list[Row]:
        """The strips from the top down, and where they are."""
        return self._rows

    def row_at(self, y: float) -> Row | None:
        """The strip at a height."""
        for row in self._rows:
            if row.place.plot.top() <= y < row.place.plot.bottom():
                return row
        return None

    def hit(self, at: QPointF) -> Hit:
        """What is at a place."""
        row, sight = self.row_at(at.y()), self.sight
        time_s = min(max(0.0, sight.time(at.x())), self.axis.duration_s)
        found, edge, segment = None, "", None
        if row is not None and isinstance(row.strip, Marks | Tier):
            found, edge = self._item_at(row.strip, at, sight)
        elif row is not None and isinstance(row.strip, Speech) and row.channel is not None:
            segment = row.channel.segment_at(time_s)
        return Hit(row, time_s, found, edge, segment)

    def sizeHint(self) -> QSize:
        """What all strips need at least."""
        return QSize(self._look.grid(80), self._needed())

    def minimumSizeHint(self) -> QSize:
        """What all strips need at least."""
        return QSize(self._look.grid(40), self._needed())

    # ------------------------------------------------------------------------------------- events

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Share the height out."""
        super().resizeEvent(event)
        self._arrange()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        """Paint the strips, or copy them as they were; then what follows cursor and pointer."""
        if self._picture is None or self._picture.devicePixelRatio() != self.devicePixelRatioF():
            self._picture = self._painted()
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._picture)
        self._paint_over(painter)
        painter.end()

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Zoom at the pointer; sideways, or with Shift, pan; over the names scroll."""
        if event is None:
            return
        if event.position().x() < self.sight.left:
            event.ignore()
            return
        turn, pixels = event.angleDelta(), event.pixelDelta()
        smooth = not pixels.isNull()  # a touchpad moves by itself
        sideways = turn.x() if abs(turn.x()) > abs(turn.y()) else 0
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier and not sideways:
            sideways = turn.y()
        if sideways:
            self.axis.pan(-sideways / 1200.0 * self.axis.span_s, glide=not smooth)
        else:
            at_s = self.sight.time(event.position().x())
            self.axis.zoom(2.0 ** (-turn.y() / 240.0), at_s, glide=not smooth)
        event.accept()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Begin what the left button does here."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self._gestures.press(event.position(), event.modifiers())

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Go on with it, or read off the values."""
        if event is None:
            return
        self._pointer = event.position()
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._gestures.move(event.position())
            self.card.hide()
        else:
            self.setCursor(self._gestures.shape(event.position()))
            self._point()
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """End it."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self._gestures.release(event.position())
            self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Edit a marker or interval; see a segment whole."""
        if event is None:
            return
        hit = self.hit(event.position())
        if hit.item is not None:
            self.edit_wanted.emit(hit.item.number)
        elif hit.segment is not None:
            span = hit.segment.end_s - hit.segment.start_s
            self.axis.show(hit.segment.start_s - span / 4, hit.segment.end_s + span / 4, glide=True)

    def event(self, event: QEvent | None) -> bool:
        """Say what is under the pointer, or what can be done with the strip there."""
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            words = "" if self.card.isVisible() else self._words_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), words, self)
            return True
        return super().event(event)

    def _words_at(self, at: QPointF) -> str:
        hit = self.hit(at)
        if hit.segment is not None:
            estimate = hit.segment.estimate
            words = result_text(estimate.label, estimate.confidence, certain=estimate.certain)
            span = _span_text(hit.segment.start_s, hit.segment.end_s)
            item = self.annotations.correction(hit.segment)
            corrected = "" if item is None else f", corrected: {words_of(item.value)}"
            return f"segment {hit.segment.number}: {words}{corrected}, {span}"
        if hit.item is not None:
            span = _span_text(start_of(hit.item.value), end_of(hit.item.value))
            return f"{words_of(hit.item.value)}, {span}"
        return "" if hit.row is None else hit.row.strip.tip

    def contextMenuEvent(self, event: QContextMenuEvent | None) -> None:
        """Select what is under the pointer, and ask for what can be done with it."""
        if event is None:
            return
        if event.reason() is QContextMenuEvent.Reason.Mouse:
            hit = self.hit(QPointF(event.pos()))
            self.select(None if hit.item is None else hit.item.number, hit.segment)
        self.menu_wanted.emit(event.globalPos())

    def leaveEvent(self, event: QEvent | None) -> None:
        """The pointer is gone."""
        super().leaveEvent(event)
        self._pointer = None
        self.card.hide()
        self.update()

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        """Show the frame of the focus, where it came by a key."""
        super().focusInEvent(event)
        by_key = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        self._framed = event is not None and event.reason() in by_key
        self.update()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        """Hide the frame of the focus."""
        super().focusOutEvent(event)
        self._framed = False
        self.update()

    # ------------------------------------------------------------------------------------- layout

    def _rebuild(self) -> None:
        self._strips = channel_strips(self.content, self.annotations, self._plots)
        self.updateGeometry()
        self.setMinimumHeight(self._needed())
        self._arrange()

    def _plots(self, channel: ChannelContent) -> list[Strip]:
        reading = self._readings[channel.number]
        strips: list[Strip] = [
            Curves(reading, self.content.labels, self._style),
            Wave(reading, self._sound),
        ]
        return [*strips, Mel(reading, self._sound)] if self._sound.there else strips

    def _needed(self) -> int:
        gaps = self._gap() * len(self._strips)
        return sum(strip.height(self._look) for strip in self._strips) + gaps

    def _gap(self) -> int:
        return self._look.grid(0.25)

    def _plot_sides(self) -> tuple[float, float]:
        metrics = QFontMetricsF(self._look.small)
        left = float(self._look.grid(11))
        names = max(metrics.horizontalAdvance(name) for name in self.content.labels)
        right = names + metrics.horizontalAdvance("100 %") + self._look.grid(9)
        return left, max(10.0, round(self.width() - left - right))

    def _arrange(self) -> None:
        """Give each strip its place."""
        look, gap = self._look, self._gap()
        left, width = self._plot_sides()
        spare = max(0, self.height() - self._needed())
        weights = max(1, sum(strip.weight for strip in self._strips))
        top, self._rows = 0.0, []
        channel = None
        for strip in self._strips:
            if isinstance(strip, Speech):
                channel = strip.channel
            height = float(strip.height(look) + spare * strip.weight // weights)
            place = Place(
                QRectF(left, top, width, height),
                QRectF(0, top, left, height),
                QRectF(left + width, top, self.width() - left - width, height),
            )
            self._rows.append(Row(strip, place, channel))
            top += height + gap
        self.repaint_all()

    # ------------------------------------------------------------------------------------ painting

    def _painted(self) -> QPixmap:
        ratio = self.devicePixelRatioF()
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(QColor(self._look.theme.background))
        painter = QPainter(picture)
        sight = self.sight
        for row in self._rows:
            painter.save()
            painter.setClipRect(
                QRectF(0, row.place.plot.top(), self.width(), row.place.plot.height())
            )
            row.strip.draw(painter, row.place, sight, self._look)
            painter.restore()
        self._paint_grid(painter, sight)
        painter.end()
        return picture

    def _paint_grid(self, painter: QPainter, sight: Sight) -> None:
        """Lines across the plots, at markers."""
        pen = QPen(QColor(self._look.theme.text), self._look.scale)
        pen.setDashPattern([3.0, 3.0])
        painter.setPen(pen)
        plots = [row.place.plot for row in self._rows if row.strip.weight]
        visible = [
            start_of(item.value)
            for row in self._rows
            if isinstance(row.strip, Marks)
            for item in row.strip.items()
            if sight.start_s <= start_of(item.value) <= sight.end_s
        ]
        if len(visible) <= sight.columns // 8:
            for time_s in visible:
                x = round(sight.x(time_s)) + 0.5
                for box in plots:
                    painter.drawLine(QPointF(x, box.top()), QPointF(x, box.bottom()))

    def _paint_over(self, painter: QPainter) -> None:
        sight, theme = self.sight, self._look.theme
        plots = QRectF(sight.left, 0, sight.width, self._rows[-1].place.plot.bottom())
        self._paint_values(painter)
        painter.save()
        painter.setClipRect(plots)
        self._paint_selection(painter, sight, plots)
        draft = self._gestures.draft
        for row in self._rows:
            self._paint_picked(painter, row, sight, draft)
        if self._pointer is not None and plots.contains(self._pointer):
            x = round(self._pointer.x()) + 0.5
            painter.setPen(QPen(QColor(theme.muted), 1.0, Qt.PenStyle.DotLine))
            painter.drawLine(QPointF(x, 0), QPointF(x, plots.bottom()))
        x = round(sight.x(self.axis.cursor_s))
        painter.setPen(QPen(QColor(theme.accent), 2.0 * self._look.scale))
        painter.drawLine(QPointF(x, 0), QPointF(x, plots.bottom()))
        painter.restore()
        if self._framed:
            painter.setPen(QPen(QColor(theme.accent), 2.0))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(self.rect()).adjusted(1, 1, -1, -1))

    def _paint_values(self, painter: QPainter) -> None:
        """Names and values at the right of the curves: those at the pointer, or else the cursor."""
        sight = self.sight
        over = self._pointer is not None and sight.left <= self._pointer.x() <= (
            sight.left + sight.width
        )
        time_s = sight.time(self._pointer.x()) if self._pointer and over else self.axis.cursor_s
        for row in self._rows:
            if isinstance(row.strip, Curves) and row.channel is not None:
                moment = row.channel.moment(time_s)
                values = None if moment is None else moment.probabilities
                row.strip.draw_values(painter, row.place, self._look, values)

    def _paint_selection(self, painter: QPainter, sight: Sight, plots: QRectF) -> None:
        if self.axis.selection is None:
            return
        box = sight.span(*self.axis.selection, 0, plots.bottom())
        shade = QColor(self._look.theme.accent)
        shade.setAlpha(46)
        painter.fillRect(box, shade)
        painter.setPen(QPen(QColor(self._look.theme.accent), 1.0, Qt.PenStyle.DashLine))
        for x in (box.left(), box.right()):
            painter.drawLine(QPointF(round(x) + 0.5, 0), QPointF(round(x) + 0.5, plots.bottom()))

    def _paint_picked(self, painter: QPainter, row: Row, sight: Sight, draft: Item | None) -> None:
        """Outline what is selected in a strip, and show what is being dragged."""
        box = row.place.plot
        strip = row.strip
        outline = QPen(QColor(self._look.theme.accent), 2.0 * self._look.scale)
        if isinstance(strip, Speech) and self.segment is not None:
            if self.segment.channel == strip.channel.number:
                span = sight.span(self.segment.start_s, self.segment.end_s, box.top(), box.height())
                painter.setPen(outline)
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(span.adjusted(1, 1, -1, -1))
            return
        if not isinstance(strip, Marks | Tier):
            return
        item = self.annotations.get(self.selected)
        if draft is not None and self._gestures.row is row:
            if isinstance(strip, Tier):
                strip.draw_item(painter, box, sight, self._look, draft)
            item = draft
        elif item is not None and item.number not in {one.number for one in strip.items()}:
            item = None
        seen = item is not None and (
            start_of(item.value) <= sight.end_s and end_of(item.value) >= sight.start_s
        )
        if item is not None and seen:
            painter.setPen(outline)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            span = sight.span(start_of(item.value), end_of(item.value), box.top(), box.height())
            span.setWidth(max(span.width(), self._look.grid(1)))
            painter.drawRect(span.adjusted(1, 1, -1, -1))

    # --------------------------------------------------------------------------------- the pointer

    def _item_at(self, strip: Marks | Tier, at: QPointF, sight: Sight) -> tuple[Item | None, str]:
        """The topmost item at a place, and which of its edges is near."""
        near_s = _NEAR_PX / sight.px_per_s
        time_s = sight.time(at.x())
        words_s = self._look.grid(4) / sight.px_per_s if isinstance(strip, Marks) else 0.0
        for item in reversed(strip.items()):
            start, end = start_of(item.value), end_of(item.value)
            if not start - near_s <= time_s <= max(end, start + words_s) + near_s:
                continue
            if end - start < 3 * near_s:
                return item, ""
            if abs(time_s - end) <= near_s:
                return item, "end"
            return item, "start" if abs(time_s - start) <= near_s else ""
        return None, ""

    def _point(self) -> None:
        """Read off the values under the pointer, over the curves only."""
        at = self._pointer
        row = None if at is None else self.row_at(at.y())
        moment = None
        if at is not None and row is not None and isinstance(row.strip, Curves):
            sight = self.sight
            if sight.left <= at.x() <= sight.left + sight.width and row.channel is not None:
                moment = row.channel.moment(sight.time(at.x()))
        self.card.show_moment(moment, at)

    def _cursor_moved(self) -> None:
        self.setAccessibleDescription(self.described())
        self.update()

    def described(self) -> str:
        """What is heard at the cursor, in words."""
        return "; ".join(self._said())

    def _said(self) -> Iterator[str]:
        time_s = self.axis.cursor_s
        yield f"at {time_s:.2f} seconds"
        for channel in self.content.channels.values():
            segment = channel.segment_at(time_s)
            if segment is None:
                yield f"{channel.title}: no speech"
            else:
                estimate = segment.estimate
                sure = "" if estimate.certain else ", uncertain"
                yield f"{channel.title}: {estimate.label}{sure}"

    def _annotations_changed(self) -> None:
        if self.annotations.get(self.selected) is None:
            self.select(None, self.segment)
        shapes = [(type(strip), strip.title) for strip in self._strips]
        strips = channel_strips(self.content, self.annotations, self._plots)
        if [(type(strip), strip.title) for strip in strips] != shapes:
            self._rebuild()
        else:
            self.repaint_all()


def _span_text(start_s: float, end_s: float) -> str:
    """From when to when, and how long."""
    start = exact_clock(start_s, 0.01)
    if end_s <= start_s:
        return start
    return f"{start} – {exact_clock(end_s, 0.01)} ({end_s - start_s:.2f} s)"

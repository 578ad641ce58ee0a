"""All tracks of a session on one time axis, with cursor, selection and the items being dragged."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from PyQt6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, QSizeF, Qt, pyqtSignal
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
from realtime_ser.base.text import exact_clock, result_text, spoken_result
from realtime_ser.gui.theme.style_watcher import StyledWidget
from realtime_ser.gui.theme.theme import Style
from realtime_ser.gui.timeline.annotations import DEFAULT_TIER, Annotations
from realtime_ser.gui.timeline.axis import TimeAxis
from realtime_ser.gui.timeline.gestures import Gestures, Hit, TrackRow
from realtime_ser.gui.timeline.hover_card import HoverCard
from realtime_ser.gui.timeline.qt_surface import QtSurface, blank_picture, qrect, text_width
from realtime_ser.gui.timeline.sound_store import SoundStore
from realtime_ser.gui.timeline.track_painter import TrackPainter
from realtime_ser.gui.widgets.localised import local_numbers
from realtime_ser.session.store import Interval
from realtime_ser.timeline.content import (
    AnnotationItem,
    Content,
    annotation_text,
    end_of,
    start_of,
)
from realtime_ser.timeline.session_tracks import session_tracks
from realtime_ser.timeline.signal_tracks import ProbabilityTrack
from realtime_ser.timeline.style import Curves, CurveStyle
from realtime_ser.timeline.surface import Rect
from realtime_ser.timeline.tracks import (
    MarkerTrack,
    RulerTrack,
    SegmentTrack,
    TierTrack,
    Track,
    gutter_width,
)
from realtime_ser.timeline.viewport import Viewport

_NEAR_PX = 5.0
"""How far from an edge it can be taken hold of."""


class Canvas(StyledWidget):
    """The timeline.

    Parameters
    ----------
    content, annotations, sound, axis
        What is shown.

    Attributes
    ----------
    selected
        Number of the marker or interval that is selected; ``None``: none.
    segment
        The segment that is selected; ``None``: none.
    """

    #: A marker or interval, or a segment, was selected or let go.
    selection_changed = pyqtSignal()

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
        axis: TimeAxis,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.content = content
        self.annotations = annotations
        self.axis = axis
        self.selected: int | None = None
        self.segment: Segment | None = None
        self._sound = sound
        self._curve_style: CurveStyle = "areas"
        self._rows: list[TrackRow] = []
        self._names: dict[tuple[int, bool], QPixmap] = {}
        self._picture: QPixmap | None = None
        self._pointer: QPointF | None = None
        self._shows_focus = False
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
        sound.blocks_ready.connect(self.repaint_all)
        self._rebuild()

    # -------------------------------------------------------------------------------- what is shown

    @property
    def curve_style(self) -> CurveStyle:
        """How probabilities are drawn."""
        return self._curve_style

    def set_curve_style(self, curve_style: CurveStyle) -> None:
        """Draw probabilities in another way."""
        self._curve_style = curve_style
        self._rebuild()

    def restyle(self, style: Style) -> None:  # noqa: ARG002
        """Draw in another style."""
        self._rebuild()

    def repaint_all(self) -> None:
        """Paint everything anew with the next frame."""
        self._picture = None
        self._show_pointer_values()
        self.update()

    def select(self, number: int | None, segment: Segment | None = None) -> None:
        """Select a marker or interval, or a segment, or nothing."""
        if (number, segment) != (self.selected, self.segment):
            self.selected, self.segment = number, segment
            self.update()
            self.selection_changed.emit()

    @property
    def viewport(self) -> Viewport:
        """The visible stretch and where it is."""
        plot = self._rows[0].place.plot
        ratio = self.devicePixelRatioF()
        return Viewport.of(self.axis.start_s, self.axis.span_s, plot.left, plot.width, ratio)

    @property
    def rows(self) -> list[TrackRow]:
        """Tracks from the top down, with their places."""
        return self._rows

    def row_at(self, y: float) -> TrackRow | None:
        """The track at a height; ``None``: there is none."""
        for row in self._rows:
            if row.place.plot.top <= y < row.place.plot.bottom:
                return row
        return None

    def hit(self, at: QPointF) -> Hit:
        """Track, time and item at a place."""
        row, viewport = self.row_at(at.y()), self.viewport
        time_s = min(max(0.0, viewport.time(at.x())), self.axis.duration_s)
        found, edge, segment = None, "", None
        if row is not None and isinstance(row.track, MarkerTrack | TierTrack):
            found, edge = self._item_at(row.track, at, viewport)
        elif row is not None and isinstance(row.track, SegmentTrack) and row.channel is not None:
            segment = row.channel.segment_at(time_s)
        return Hit(row, time_s, found, edge, segment)

    def sizeHint(self) -> QSize:
        """Size that all tracks need at least."""
        return QSize(self._style.grid(80), self._minimum_height())

    def minimumSizeHint(self) -> QSize:
        """Size that all tracks need at least."""
        return QSize(self._style.grid(40), self._minimum_height())

    # ------------------------------------------------------------------------------------- events

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Share the height out."""
        super().resizeEvent(event)
        self._lay_out_rows()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        """Paint the tracks, or copy them as they were; then cursor, pointer and selection."""
        if self._picture is None or self._picture.devicePixelRatio() != self.devicePixelRatioF():
            self._picture = self._render()
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._picture)
        self._paint_overlay(painter)
        painter.end()

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Zoom at the pointer; sideways, or with Shift, pan; over the names scroll."""
        if event is None:
            return
        if event.position().x() < self.viewport.left:
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
            at_s = self.viewport.time(event.position().x())
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
        else:
            self.setCursor(self._gestures.shape(event.position()))
        self._show_pointer_values()
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """End it."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self._keep_drawn(self._gestures.release())
            self.setCursor(self._gestures.shape(event.position()))
            self.update()

    def _keep_drawn(self, drawn: AnnotationItem | None) -> None:
        if drawn is not None and drawn.number:
            self.annotations.change(drawn.number, drawn.value)
            self.select(drawn.number)
        elif drawn is not None and isinstance(drawn.value, Interval):
            value = drawn.value
            self.interval_drawn.emit(value.tier, value.channel, value.start_s, value.end_s)

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
        """Say what is under the pointer, or what can be done with the track there."""
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            words = "" if self.card.isVisible() else self._words_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), words, self)
            return True
        return super().event(event)

    def _words_at(self, at: QPointF) -> str:
        hit = self.hit(at)
        if hit.segment is not None:
            words = result_text(hit.segment.estimate)
            span = _span_text(hit.segment.start_s, hit.segment.end_s)
            item = self.annotations.correction(hit.segment)
            corrected = "" if item is None else f", corrected: {annotation_text(item.value)}"
            return f"segment {hit.segment.number}: {words}{corrected}, {span}"
        if hit.item is not None:
            span = _span_text(start_of(hit.item.value), end_of(hit.item.value))
            return f"{annotation_text(hit.item.value)}, {span}"
        return "" if hit.row is None else hit.row.track.tip

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
        self._shows_focus = event is not None and event.reason() in by_key
        self.update()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        """Hide the frame of the focus."""
        super().focusOutEvent(event)
        self._shows_focus = False
        self.update()

    # ------------------------------------------------------------------------------------- layout

    def _rebuild(self) -> None:
        self._tracks = TrackPainter(self._make_tracks(), self._style)
        self.updateGeometry()
        self.setMinimumHeight(self._minimum_height())
        self._lay_out_rows()

    def _make_tracks(self) -> list[Track]:
        channels, curves = self.content.channels, Curves(self._curve_style)
        tracks = session_tracks(
            channels, self.annotations, curves, self._sound, free_tiers=(DEFAULT_TIER,)
        )
        return [RulerTrack(), *tracks]

    def _minimum_height(self) -> int:
        gaps = self._style.grid(0.25) * len(self._tracks.rows)
        return sum(track.height(self._style) for track, _ in self._tracks.rows) + gaps

    def _plot_sides(self) -> tuple[float, float]:
        metrics = QFontMetricsF(self._style.small)
        measure = functools.partial(text_width, self._style.family)
        tracks = [track for track, _ in self._tracks.rows]
        left = gutter_width(tracks, measure, self._style, self._style.grid(11))
        names = max(metrics.horizontalAdvance(name) for name in self.content.labels)
        right = names + metrics.horizontalAdvance("100 %") + self._style.grid(9)
        return left, max(10.0, round(self.width() - left - right))

    def _lay_out_rows(self) -> None:
        """Give each track its place."""
        left, width = self._plot_sides()
        self._tracks.lay_out(left, width, self.width() - left - width, self.height())
        self._names.clear()
        self._rows, channel = [], None
        for track, place in self._tracks.rows:
            if isinstance(track, SegmentTrack):
                channel = track.channel
            self._rows.append(TrackRow(track, place, channel))
        self.repaint_all()

    # ------------------------------------------------------------------------------------ painting

    def _render(self) -> QPixmap:
        viewport = self.viewport
        background = self._style.theme.background
        picture = blank_picture(QSizeF(self.size()), viewport.ratio, background)
        painter = QPainter(picture)
        self._tracks.paint(painter, viewport)
        painter.end()
        return picture

    def _paint_overlay(self, painter: QPainter) -> None:
        viewport, theme = self.viewport, self._style.theme
        plots = QRectF(viewport.left, 0, viewport.width, self._rows[-1].place.plot.bottom)
        self._paint_values(painter)
        painter.save()
        painter.setClipRect(plots)
        self._paint_selection(painter, viewport, plots)
        draft = self._gestures.draft
        for row in self._rows:
            self._paint_selected_item(painter, row, viewport, draft)
        if self._pointer is not None and plots.contains(self._pointer):
            x = round(self._pointer.x()) + 0.5
            painter.setPen(QPen(QColor(theme.muted), 1.0, Qt.PenStyle.DotLine))
            painter.drawLine(QPointF(x, 0), QPointF(x, plots.bottom()))
        x = round(viewport.x(self.axis.cursor_s))
        painter.setPen(QPen(QColor(theme.accent), 2.0 * self._style.scale))
        painter.drawLine(QPointF(x, 0), QPointF(x, plots.bottom()))
        painter.restore()
        if self._shows_focus:
            painter.setPen(QPen(QColor(theme.accent), 2.0))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(self.rect()).adjusted(1, 1, -1, -1))

    def _paint_values(self, painter: QPainter) -> None:
        """Names and values at the right of the curves: those at the pointer, or else the cursor."""
        viewport = self.viewport
        over = self._pointer is not None and viewport.left <= self._pointer.x() <= (
            viewport.left + viewport.width
        )
        time_s = viewport.time(self._pointer.x()) if self._pointer and over else self.axis.cursor_s
        surface = QtSurface(painter, self._style.family)
        for row in self._rows:
            if isinstance(row.track, ProbabilityTrack):
                moment, box = row.track.channel.moment(time_s), row.place.margin
                values = None if moment is None else moment.probabilities
                names = self._names_picture(row.track, box, muted=values is None)
                painter.drawPixmap(QPointF(box.left, box.top), names)
                if values is not None:
                    row.track.draw_values(surface, box, self._style, values)

    def _names_picture(self, track: ProbabilityTrack, box: Rect, *, muted: bool) -> QPixmap:
        """Picture of the labels' names in a margin, which stay the same for long."""
        key, ratio = (track.channel.number, muted), self.devicePixelRatioF()
        names = self._names.get(key)
        if names is None or names.devicePixelRatio() != ratio:
            background = self._style.theme.background
            names = self._names[key] = blank_picture(
                QSizeF(box.width, box.height), ratio, background
            )
            painter = QPainter(names)
            surface, place = (
                QtSurface(painter, self._style.family),
                Rect(0, 0, box.width, box.height),
            )
            track.draw_names(surface, place, self._style, muted=muted)
            painter.end()
        return names

    def _paint_selection(self, painter: QPainter, viewport: Viewport, plots: QRectF) -> None:
        if self.axis.selection is None:
            return
        from_s, to_s = self.axis.selection
        box = qrect(viewport.span(from_s, to_s, 0, plots.bottom()))
        shade = QColor(self._style.theme.accent)
        shade.setAlpha(46)
        painter.fillRect(box, shade)
        painter.setPen(QPen(QColor(self._style.theme.accent), 1.0, Qt.PenStyle.DashLine))
        for time_s in filter(viewport.shows, (from_s, to_s)):
            x = round(viewport.x(time_s)) + 0.5
            painter.drawLine(QPointF(x, 0), QPointF(x, plots.bottom()))

    def _paint_selected_item(
        self, painter: QPainter, row: TrackRow, viewport: Viewport, draft: AnnotationItem | None
    ) -> None:
        """Outline the selected item of a track, and show the item being dragged."""
        box = row.place.plot
        track = row.track
        outline = QPen(QColor(self._style.theme.accent), 2.0 * self._style.scale)
        if isinstance(track, SegmentTrack) and self.segment is not None:
            if self.segment.channel == track.channel.number:
                span = viewport.span(self.segment.start_s, self.segment.end_s, box.top, box.height)
                painter.setPen(outline)
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(qrect(span).adjusted(1, 1, -1, -1))
            return
        if not isinstance(track, MarkerTrack | TierTrack):
            return
        item = self.annotations.get(self.selected)
        if draft is not None and self._gestures.row is row:
            if isinstance(track, TierTrack):
                surface = QtSurface(painter, self._style.family)
                track.draw_item(surface, box, viewport, self._style, draft)
            item = draft
        elif item is not None and item.number not in {one.number for one in track.items()}:
            item = None
        seen = item is not None and (
            start_of(item.value) <= viewport.end_s and end_of(item.value) >= viewport.start_s
        )
        if item is not None and seen:
            painter.setPen(outline)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            span = viewport.span(start_of(item.value), end_of(item.value), box.top, box.height)
            outer = qrect(span)
            outer.setWidth(max(outer.width(), self._style.grid(1)))
            painter.drawRect(outer.adjusted(1, 1, -1, -1))

    # --------------------------------------------------------------------------------- the pointer

    def _item_at(
        self, track: MarkerTrack | TierTrack, at: QPointF, viewport: Viewport
    ) -> tuple[AnnotationItem | None, str]:
        """The topmost item at a place, and which of its edges is near."""
        near_s = _NEAR_PX / viewport.px_per_s
        time_s = viewport.time(at.x())
        words_s = self._style.grid(4) / viewport.px_per_s if isinstance(track, MarkerTrack) else 0.0
        for item in reversed(track.items()):
            start, end = start_of(item.value), end_of(item.value)
            if not start - near_s <= time_s <= max(end, start + words_s) + near_s:
                continue
            if end - start < 3 * near_s:
                return item, ""
            if abs(time_s - end) <= near_s:
                return item, "end"
            return item, "start" if abs(time_s - start) <= near_s else ""
        return None, ""

    def _show_pointer_values(self) -> None:
        """Read off the values under the pointer, over the curves only, and not in a drag."""
        at = None if self._gestures.dragged else self._pointer
        row = None if at is None else self.row_at(at.y())
        moment = None
        if at is not None and row is not None and isinstance(row.track, ProbabilityTrack):
            viewport = self.viewport
            if (
                viewport.left <= at.x() <= viewport.left + viewport.width
                and row.channel is not None
            ):
                moment = row.channel.moment(viewport.time(at.x()))
        self.card.show_moment(moment, at)

    def _cursor_moved(self) -> None:
        self.setAccessibleDescription(self.cursor_description())
        self.update()

    def cursor_description(self) -> str:
        """Description of the cursor's moment for those who do not see."""
        return "; ".join(self._cursor_sentences())

    def _cursor_sentences(self) -> Iterator[str]:
        time_s = self.axis.cursor_s
        yield local_numbers(f"at {time_s:.2f} seconds")
        for channel in self.content.channels.values():
            segment = channel.segment_at(time_s)
            if segment is None:
                yield f"{channel.title}: no speech"
            else:
                yield f"{channel.title}: {spoken_result(segment.estimate)}"

    def _annotations_changed(self) -> None:
        if self.annotations.get(self.selected) is None:
            self.select(None, self.segment)
        shapes = [(type(track), track.title) for track, _ in self._tracks.rows]
        tracks = self._make_tracks()
        if [(type(track), track.title) for track in tracks] != shapes:
            self._rebuild()
        else:
            self.repaint_all()


def _span_text(start_s: float, end_s: float) -> str:
    """From when to when, and how long."""
    start = exact_clock(start_s, 0.01)
    if end_s <= start_s:
        return start
    length = local_numbers(f"{end_s - start_s:.2f} s")
    return f"{start} – {exact_clock(end_s, 0.01)} ({length})"

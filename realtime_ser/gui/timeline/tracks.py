"""Strips of words and boxes along the time axis: the ruler, markers, intervals, segments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from realtime_ser.base.records import Marker
from realtime_ser.base.text import result_text
from realtime_ser.exchange.tiers import CORRECTED
from realtime_ser.gui.review.annotations import (
    DEFAULT_TIER,
    AnnotationItem,
    Annotations,
    annotation_text,
    end_of,
    start_of,
)
from realtime_ser.gui.theme.theme import Style, contrast, line_style
from realtime_ser.gui.timeline.axis import exact_clock
from realtime_ser.gui.timeline.viewport import RowRect, Viewport, put_image
from realtime_ser.session.store import Interval
from realtime_ser.timeline.content import ChannelContent, Content
from realtime_ser.timeline.raster import blank

_TICKS_S = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0),
    *(60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10800.0, 21600.0, 43200.0),
)

_NARROW_PX = 16.0
"""Segments that are narrower on average are drawn as colours only."""

_MOST_BOXES = 300
"""Boxes with words that are drawn at most; more of them are only colours."""


class Track(Protocol):
    """A strip of the canvas."""

    title: str
    """What it is called, in the gutter and for those who do not see."""

    weight: int
    """Its share of the height that is left; 0: it needs no more than :meth:`height`."""

    tip: str
    """What can be done with it."""

    def height(self, style: Style) -> int:
        """Height that it needs at least, in logical pixels."""

    def draw(self, painter: QPainter, place: RowRect, viewport: Viewport, style: Style) -> None:
        """Paint everything that does not follow the pointer or the cursor."""


def readable_on(color: str) -> str:
    """Black or white, whichever is read more easily on a colour."""
    return max(("#000000", "#FFFFFF"), key=lambda text: contrast(text, color))


def rgb(color: str) -> int:
    """A colour as ``0xRRGGBB``."""
    return int(color.removeprefix("#"), 16)


def draw_title(
    painter: QPainter, box: QRectF, text: str, style: Style, *, strong: bool = False
) -> None:
    """Write the name of a strip, at the right of its gutter."""
    painter.setFont(style.font(style.small_px, bold=strong))
    painter.setPen(QColor(style.theme.text if strong else style.theme.muted))
    cell = box.adjusted(style.grid(1), 0, -style.grid(1), 0)
    metrics = QFontMetricsF(painter.font())
    text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, cell.width())
    painter.drawText(cell, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, text)


def draw_words(
    painter: QPainter, box: QRectF, text: str, style: Style, color: str, *, least: float = 0.0
) -> None:
    """Write words at the left of a box, cut off if need be, and not at all if that is too short."""
    metrics = QFontMetricsF(style.small)
    pad = style.grid(0.5)
    room = box.width() - 2 * pad
    if room < max(least, metrics.horizontalAdvance(text[:2])):
        return
    painter.setFont(style.small)
    painter.setPen(QColor(color))
    text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
    painter.drawText(
        box.adjusted(pad, 0, -pad, 0),
        Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
        text,
    )


def row_height(style: Style) -> int:
    """Height of a strip with one line of words."""
    return round(QFontMetricsF(style.small).height() + style.grid(0.75))


def ticks(viewport: Viewport, style: Style) -> tuple[float, list[int]]:
    """Distance of the ruler's ticks in seconds, and their visible numbers."""
    least_s = 9.0 * style.small_px / viewport.px_per_s
    spacing = next((s for s in _TICKS_S if s >= least_s), _TICKS_S[-1])
    first = max(0, int(np.ceil(viewport.start_s / spacing - 1e-9)))
    return spacing, list(range(first, int(viewport.end_s / spacing + 1e-9) + 1))


class RulerTrack:
    """Times."""

    title = "time"
    weight = 0
    tip = "Drag to select a stretch; a click lets it go"

    def height(self, style: Style) -> int:
        """A line of words and its ticks."""
        return row_height(style) + style.grid(0.5)

    def draw(self, painter: QPainter, place: RowRect, viewport: Viewport, style: Style) -> None:
        """Paint ticks with their times."""
        spacing, numbers = ticks(viewport, style)
        box = place.plot
        painter.setFont(style.small)
        metrics = QFontMetricsF(style.small)
        for number in numbers:
            x = round(viewport.x(number * spacing))
            painter.setPen(QPen(QColor(style.theme.border), 1.0))
            painter.drawLine(QPointF(x, box.bottom() - style.grid(0.75)), QPointF(x, box.bottom()))
            painter.setPen(QColor(style.theme.muted))
            text = exact_clock(number * spacing, spacing)
            left = x + style.grid(0.5)
            if left + metrics.horizontalAdvance(text) <= box.right():
                cell = QRectF(left, box.top(), box.right() - left, box.height())
                painter.drawText(cell, Qt.AlignmentFlag.AlignVCenter, text)
        draw_title(painter, place.gutter, self.title, style)


class MarkerTrack:
    """Markers: flags, and bars where they last."""

    title = "markers"
    weight = 0
    tip = "M sets a marker at the cursor; drag one to move it, double click to edit it"

    def __init__(self, annotations: Annotations) -> None:
        self.annotations = annotations

    def height(self, style: Style) -> int:
        """A line of words."""
        return row_height(style)

    def items(self) -> list[AnnotationItem]:
        """What is on it, in order of time."""
        return [item for item in self.annotations if isinstance(item.value, Marker)]

    def draw(self, painter: QPainter, place: RowRect, viewport: Viewport, style: Style) -> None:
        """Paint the flags; words end where the next flag stands."""
        draw_title(painter, place.gutter, self.title, style)
        visible = _visible(self.items(), viewport, style)
        box = place.plot
        painter.setClipRect(box)
        for number, item in enumerate(visible):
            x = round(viewport.x(start_of(item.value)))
            after = visible[number + 1 :]
            nexts = viewport.x(start_of(after[0].value)) if after else box.right()
            left = max(float(x), box.left())  # a stretch that began before keeps its words
            room = max(2.0, min(nexts, box.right()) - left - 1)
            cell = QRectF(left, box.top() + 1, room, box.height())
            cell.setHeight(box.height() - 2)
            if end_of(item.value) > start_of(item.value):
                bar = viewport.span(start_of(item.value), end_of(item.value), box.bottom() - 3, 2)
                painter.fillRect(bar, QColor(style.theme.text))
            pole = QRectF(x, box.top(), 1.5 * style.scale, box.height())
            painter.fillRect(pole, QColor(style.theme.text))
            metrics = QFontMetricsF(style.small)
            words = annotation_text(item.value).replace("\n", " ")
            width = metrics.horizontalAdvance(words) + style.grid(1.25)
            cell.setWidth(min(cell.width(), width))
            if len(visible) <= _MOST_BOXES and cell.width() > style.grid(2):
                painter.fillRect(cell, QColor(style.theme.raised))
                painter.fillRect(pole, QColor(style.theme.text))
                draw_words(painter, cell, words, style, style.theme.text)


class TierTrack:
    """Intervals of one tier."""

    weight = 0
    tip = "Drag over a free place to make an interval; drag one to move it, its edges to stretch it"

    def __init__(
        self, annotations: Annotations, tier: str, channel: int | None, labels: Sequence[str]
    ) -> None:
        self.annotations = annotations
        self.tier = tier
        self.channel = channel
        self.title = "corrected" if tier == CORRECTED else tier
        self._labels = tuple(labels)

    def height(self, style: Style) -> int:
        """A line of words."""
        return row_height(style)

    def items(self) -> list[AnnotationItem]:
        """What is on it, in order of time."""
        return [
            item
            for item in self.annotations
            if isinstance(item.value, Interval)
            and (item.value.tier, item.value.channel) == (self.tier, self.channel)
        ]

    def draw(self, painter: QPainter, place: RowRect, viewport: Viewport, style: Style) -> None:
        """Paint a box each, with its label's colour at its foot."""
        draw_title(painter, place.gutter, self.title, style)
        painter.setClipRect(place.plot)
        painter.fillRect(place.plot, QColor(style.theme.panel))
        visible = _visible(self.items(), viewport, style)
        for item in visible:
            self.draw_item(
                painter, place.plot, viewport, style, item, words=len(visible) <= _MOST_BOXES
            )

    def draw_item(
        self,
        painter: QPainter,
        row: QRectF,
        viewport: Viewport,
        style: Style,
        item: AnnotationItem,
        *,
        words: bool = True,
    ) -> None:
        """Paint one interval."""
        value = item.value
        box = viewport.span(start_of(value), end_of(value), row.top() + 1, row.height() - 2)
        painter.fillRect(box, QColor(style.theme.raised))
        color = style.theme.muted
        if isinstance(value, Interval) and value.label in self._labels:
            color = line_style(value.label, self._labels.index(value.label)).color
        foot = QRectF(box.left(), box.bottom() - 3, box.width(), 3)
        painter.fillRect(foot, QColor(style.theme.outline(color) or color))
        painter.setPen(QPen(QColor(style.theme.border), 1.0))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5))
        if words:
            above = box.adjusted(0, 0, 0, -2)
            draw_words(
                painter, above, annotation_text(value).replace("\n", " "), style, style.theme.text
            )


class SegmentTrack:
    """What the model said of each segment."""

    weight = 0
    tip = "Click a segment; then the key of a label, 1 to 8, corrects it and 0 withdraws that"

    def __init__(self, channel: ChannelContent, labels: Sequence[str]) -> None:
        self.channel = channel
        self.title = channel.title
        self._labels = tuple(labels)

    def height(self, style: Style) -> int:
        """A line of words over a bar of colour."""
        return row_height(style) + style.grid(0.5)

    def draw(self, painter: QPainter, place: RowRect, viewport: Viewport, style: Style) -> None:
        """Paint words over bars; where segments are too many, only bars."""
        draw_title(painter, place.gutter, self.title, style, strong=True)
        box, cap = place.plot, 4.0 * style.scale
        painter.setClipRect(box)
        segments = self.channel.segments_between(viewport.start_s, viewport.end_s)
        if len(segments) > viewport.width / _NARROW_PX:
            self._draw_dense(painter, box, viewport, style, cap)
            return
        for segment in segments:
            estimate = segment.estimate
            bar = viewport.span(segment.start_s, segment.end_s, box.bottom() - cap, cap)
            bar.setWidth(max(1.0, bar.width() - 1.0))
            color = line_style(estimate.label, self._labels.index(estimate.label)).color
            color = style.theme.outline(color) or color
            if estimate.certain:
                painter.fillRect(bar, QColor(color))
            else:  # a hollow bar
                painter.setPen(QPen(QColor(color), 1.0))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(bar.adjusted(0.5, 0.5, -0.5, -0.5))
            words = QRectF(bar.left(), box.top(), bar.width(), box.height() - cap)
            if words.width() < 3.0 * style.small_px:
                continue
            short = words.width() < 9.0 * style.small_px
            text = result_text(
                estimate.label, estimate.confidence, certain=estimate.certain, short=short
            )
            tone = style.theme.text if estimate.certain else style.theme.muted
            room = QFontMetricsF(style.small).horizontalAdvance(text)
            draw_words(painter, words, text, style, tone, least=room)

    def _draw_dense(
        self, painter: QPainter, box: QRectF, viewport: Viewport, style: Style, cap: float
    ) -> None:
        """Colour each column by the label of the segment that holds its middle, or the next."""
        middles = (viewport.edges_s[:-1] + viewport.edges_s[1:]) / 2
        place = np.searchsorted(self.channel.ends_s, middles)
        place = np.minimum(place, len(self.channel.segments) - 1)
        found = self.channel.starts_s[place] < viewport.edges_s[1:]
        codes = np.array(
            [rgb(line_style(label, number).color) for number, label in enumerate(self._labels)],
            np.uint32,
        )
        ground = np.uint32(rgb(style.theme.background))
        columns = np.full(viewport.columns, ground, np.uint32)
        columns[found] = codes[self.channel.codes[place[found]]]
        image = blank(max(1, round(cap * viewport.ratio)), columns)
        thin = ~self.channel.certain[place]  # half as high
        image[: len(image) // 2, thin] = ground | np.uint32(0xFF000000)
        put_image(painter, image, QPointF(box.left(), box.bottom() - cap), viewport.ratio)


def _visible(
    items: Sequence[AnnotationItem], viewport: Viewport, style: Style
) -> list[AnnotationItem]:
    """Those that leave ink on the screen; words reach to the right of a moment."""
    reach_s = 24.0 * style.body_px / viewport.px_per_s
    return [
        item
        for item in items
        if start_of(item.value) <= viewport.end_s
        and viewport.start_s <= max(end_of(item.value), start_of(item.value) + reach_s)
    ]


def channel_tracks(
    content: Content, annotations: Annotations, plots: Callable[[ChannelContent], list[Track]]
) -> list[Track]:
    """All strips of a session, from the top down."""
    intervals = [item.value for item in annotations if isinstance(item.value, Interval)]
    tiers = {(value.tier, value.channel) for value in intervals}
    labels = content.labels
    tracks: list[Track] = [RulerTrack(), MarkerTrack(annotations)]
    tracks += [
        TierTrack(annotations, name, None, labels)
        for name in annotations.tiers()
        if name != CORRECTED and ((name, None) in tiers or name == DEFAULT_TIER)
    ]
    if (CORRECTED, None) in tiers:
        tracks.append(TierTrack(annotations, CORRECTED, None, labels))
    for channel in content.channels.values():
        tracks += [
            SegmentTrack(channel, labels),
            TierTrack(annotations, CORRECTED, channel.number, labels),
        ]
        tracks += [
            TierTrack(annotations, name, channel.number, labels)
            for name in annotations.tiers()
            if name != CORRECTED and (name, channel.number) in tiers
        ]
        tracks += plots(channel)
    return tracks

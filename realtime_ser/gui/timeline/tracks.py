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
    FREE_TIER,
    Annotations,
    Item,
    end_of,
    start_of,
    words_of,
)
from realtime_ser.gui.theme.theme import Look, contrast, line_style
from realtime_ser.gui.timeline.axis import exact_clock
from realtime_ser.gui.timeline.viewport import Place, Sight, put_image
from realtime_ser.session.store import Interval
from realtime_ser.timeline.content import ChannelContent, Content
from realtime_ser.timeline.raster import blank

_TICKS_S = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0),
    *(60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10800.0, 21600.0, 43200.0),
)

_NARROW_PX = 16.0
"""Segments that are narrower on average are drawn as colours only."""

_MOST = 300
"""Boxes with words that are drawn at most; more of them are only colours."""


class Strip(Protocol):
    """A strip of the canvas."""

    title: str
    """What it is called, in the gutter and for those who do not see."""

    weight: int
    """Its share of the height that is left; 0: it needs no more than :meth:`height`."""

    tip: str
    """What can be done with it."""

    def height(self, look: Look) -> int:
        """Height that it needs at least, in logical pixels."""

    def draw(self, painter: QPainter, place: Place, sight: Sight, look: Look) -> None:
        """Paint everything that does not follow the pointer or the cursor."""


def on(color: str) -> str:
    """Black or white, whichever is read more easily on a colour."""
    return max(("#000000", "#FFFFFF"), key=lambda text: contrast(text, color))


def rgb(color: str) -> int:
    """A colour as ``0xRRGGBB``."""
    return int(color.removeprefix("#"), 16)


def draw_title(
    painter: QPainter, box: QRectF, text: str, look: Look, *, strong: bool = False
) -> None:
    """Write the name of a strip, at the right of its gutter."""
    painter.setFont(look.font(look.small_px, bold=strong))
    painter.setPen(QColor(look.theme.text if strong else look.theme.muted))
    cell = box.adjusted(look.grid(1), 0, -look.grid(1), 0)
    metrics = QFontMetricsF(painter.font())
    text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, cell.width())
    painter.drawText(cell, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, text)


def draw_words(
    painter: QPainter, box: QRectF, text: str, look: Look, color: str, *, least: float = 0.0
) -> None:
    """Write words at the left of a box, cut off if need be, and not at all if that is too short."""
    metrics = QFontMetricsF(look.small)
    pad = look.grid(0.5)
    room = box.width() - 2 * pad
    if room < max(least, metrics.horizontalAdvance(text[:2])):
        return
    painter.setFont(look.small)
    painter.setPen(QColor(color))
    text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
    painter.drawText(
        box.adjusted(pad, 0, -pad, 0),
        Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
        text,
    )


def row_height(look: Look) -> int:
    """Height of a strip with one line of words."""
    return round(QFontMetricsF(look.small).height() + look.grid(0.75))


def ticks(sight: Sight, look: Look) -> tuple[float, list[int]]:
    """Distance of the ruler's ticks in seconds, and their visible numbers."""
    least_s = 9.0 * look.small_px / sight.px_per_s
    spacing = next((s for s in _TICKS_S if s >= least_s), _TICKS_S[-1])
    first = max(0, int(np.ceil(sight.start_s / spacing - 1e-9)))
    return spacing, list(range(first, int(sight.end_s / spacing + 1e-9) + 1))


class Ruler:
    """Times."""

    title = "time"
    weight = 0
    tip = "Drag to select a stretch; a click lets it go"

    def height(self, look: Look) -> int:
        """A line of words and its ticks."""
        return row_height(look) + look.grid(0.5)

    def draw(self, painter: QPainter, place: Place, sight: Sight, look: Look) -> None:
        """Paint ticks with their times."""
        spacing, numbers = ticks(sight, look)
        box = place.plot
        painter.setFont(look.small)
        metrics = QFontMetricsF(look.small)
        for number in numbers:
            x = round(sight.x(number * spacing))
            painter.setPen(QPen(QColor(look.theme.border), 1.0))
            painter.drawLine(QPointF(x, box.bottom() - look.grid(0.75)), QPointF(x, box.bottom()))
            painter.setPen(QColor(look.theme.muted))
            text = exact_clock(number * spacing, spacing)
            left = x + look.grid(0.5)
            if left + metrics.horizontalAdvance(text) <= box.right():
                cell = QRectF(left, box.top(), box.right() - left, box.height())
                painter.drawText(cell, Qt.AlignmentFlag.AlignVCenter, text)
        draw_title(painter, place.gutter, self.title, look)


class Marks:
    """Markers: flags, and bars where they last."""

    title = "markers"
    weight = 0
    tip = "M sets a marker at the cursor; drag one to move it, double click to edit it"

    def __init__(self, annotations: Annotations) -> None:
        self.annotations = annotations

    def height(self, look: Look) -> int:
        """A line of words."""
        return row_height(look)

    def items(self) -> list[Item]:
        """What is on it, in order of time."""
        return [item for item in self.annotations if isinstance(item.value, Marker)]

    def draw(self, painter: QPainter, place: Place, sight: Sight, look: Look) -> None:
        """Paint the flags; words end where the next flag stands."""
        draw_title(painter, place.gutter, self.title, look)
        visible = _visible(self.items(), sight, look)
        box = place.plot
        painter.setClipRect(box)
        for number, item in enumerate(visible):
            x = round(sight.x(start_of(item.value)))
            after = visible[number + 1 :]
            nexts = sight.x(start_of(after[0].value)) if after else box.right()
            left = max(float(x), box.left())  # a stretch that began before keeps its words
            room = max(2.0, min(nexts, box.right()) - left - 1)
            cell = QRectF(left, box.top() + 1, room, box.height())
            cell.setHeight(box.height() - 2)
            if end_of(item.value) > start_of(item.value):
                bar = sight.span(start_of(item.value), end_of(item.value), box.bottom() - 3, 2)
                painter.fillRect(bar, QColor(look.theme.text))
            pole = QRectF(x, box.top(), 1.5 * look.scale, box.height())
            painter.fillRect(pole, QColor(look.theme.text))
            metrics = QFontMetricsF(look.small)
            words = words_of(item.value).replace("\n", " ")
            width = metrics.horizontalAdvance(words) + look.grid(1.25)
            cell.setWidth(min(cell.width(), width))
            if len(visible) <= _MOST and cell.width() > look.grid(2):
                painter.fillRect(cell, QColor(look.theme.raised))
                painter.fillRect(pole, QColor(look.theme.text))
                draw_words(painter, cell, words, look, look.theme.text)


class Tier:
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

    def height(self, look: Look) -> int:
        """A line of words."""
        return row_height(look)

    def items(self) -> list[Item]:
        """What is on it, in order of time."""
        return [
            item
            for item in self.annotations
            if isinstance(item.value, Interval)
            and (item.value.tier, item.value.channel) == (self.tier, self.channel)
        ]

    def draw(self, painter: QPainter, place: Place, sight: Sight, look: Look) -> None:
        """Paint a box each, with its label's colour at its foot."""
        draw_title(painter, place.gutter, self.title, look)
        painter.setClipRect(place.plot)
        painter.fillRect(place.plot, QColor(look.theme.panel))
        visible = _visible(self.items(), sight, look)
        for item in visible:
            self.draw_item(painter, place.plot, sight, look, item, words=len(visible) <= _MOST)

    def draw_item(
        self,
        painter: QPainter,
        row: QRectF,
        sight: Sight,
        look: Look,
        item: Item,
        *,
        words: bool = True,
    ) -> None:
        """Paint one interval."""
        value = item.value
        box = sight.span(start_of(value), end_of(value), row.top() + 1, row.height() - 2)
        painter.fillRect(box, QColor(look.theme.raised))
        color = look.theme.muted
        if isinstance(value, Interval) and value.label in self._labels:
            color = line_style(value.label, self._labels.index(value.label)).color
        foot = QRectF(box.left(), box.bottom() - 3, box.width(), 3)
        painter.fillRect(foot, QColor(look.theme.outline(color) or color))
        painter.setPen(QPen(QColor(look.theme.border), 1.0))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5))
        if words:
            above = box.adjusted(0, 0, 0, -2)
            draw_words(painter, above, words_of(value).replace("\n", " "), look, look.theme.text)


class Speech:
    """What the model said of each segment."""

    weight = 0
    tip = "Click a segment; then the key of a label, 1 to 8, corrects it and 0 withdraws that"

    def __init__(self, channel: ChannelContent, labels: Sequence[str]) -> None:
        self.channel = channel
        self.title = channel.title
        self._labels = tuple(labels)

    def height(self, look: Look) -> int:
        """A line of words over a bar of colour."""
        return row_height(look) + look.grid(0.5)

    def draw(self, painter: QPainter, place: Place, sight: Sight, look: Look) -> None:
        """Paint words over bars; where segments are too many, only bars."""
        draw_title(painter, place.gutter, self.title, look, strong=True)
        box, cap = place.plot, 4.0 * look.scale
        painter.setClipRect(box)
        segments = self.channel.between(sight.start_s, sight.end_s)
        if len(segments) > sight.width / _NARROW_PX:
            self._draw_many(painter, box, sight, look, cap)
            return
        for segment in segments:
            estimate = segment.estimate
            bar = sight.span(segment.start_s, segment.end_s, box.bottom() - cap, cap)
            bar.setWidth(max(1.0, bar.width() - 1.0))
            color = line_style(estimate.label, self._labels.index(estimate.label)).color
            color = look.theme.outline(color) or color
            if estimate.certain:
                painter.fillRect(bar, QColor(color))
            else:  # a hollow bar
                painter.setPen(QPen(QColor(color), 1.0))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(bar.adjusted(0.5, 0.5, -0.5, -0.5))
            words = QRectF(bar.left(), box.top(), bar.width(), box.height() - cap)
            if words.width() < 3.0 * look.small_px:
                continue
            short = words.width() < 9.0 * look.small_px
            text = result_text(
                estimate.label, estimate.confidence, certain=estimate.certain, short=short
            )
            tone = look.theme.text if estimate.certain else look.theme.muted
            room = QFontMetricsF(look.small).horizontalAdvance(text)
            draw_words(painter, words, text, look, tone, least=room)

    def _draw_many(
        self, painter: QPainter, box: QRectF, sight: Sight, look: Look, cap: float
    ) -> None:
        """Colour each column by the label of the segment that holds its middle, or the next."""
        middles = (sight.edges_s[:-1] + sight.edges_s[1:]) / 2
        place = np.searchsorted(self.channel.ends_s, middles)
        place = np.minimum(place, len(self.channel.segments) - 1)
        found = self.channel.starts_s[place] < sight.edges_s[1:]
        codes = np.array(
            [rgb(line_style(label, number).color) for number, label in enumerate(self._labels)],
            np.uint32,
        )
        ground = np.uint32(rgb(look.theme.background))
        columns = np.full(sight.columns, ground, np.uint32)
        columns[found] = codes[self.channel.codes[place[found]]]
        image = blank(max(1, round(cap * sight.ratio)), columns)
        thin = ~self.channel.certain[place]  # half as high
        image[: len(image) // 2, thin] = ground | np.uint32(0xFF000000)
        put_image(painter, image, QPointF(box.left(), box.bottom() - cap), sight.ratio)


def _visible(items: Sequence[Item], sight: Sight, look: Look) -> list[Item]:
    """Those that leave ink on the screen; words reach to the right of a moment."""
    reach_s = 24.0 * look.body_px / sight.px_per_s
    return [
        item
        for item in items
        if start_of(item.value) <= sight.end_s
        and sight.start_s <= max(end_of(item.value), start_of(item.value) + reach_s)
    ]


def channel_strips(
    content: Content, annotations: Annotations, plots: Callable[[ChannelContent], list[Strip]]
) -> list[Strip]:
    """All strips of a session, from the top down."""
    intervals = [item.value for item in annotations if isinstance(item.value, Interval)]
    tiers = {(value.tier, value.channel) for value in intervals}
    labels = content.labels
    strips: list[Strip] = [Ruler(), Marks(annotations)]
    strips += [
        Tier(annotations, name, None, labels)
        for name in annotations.tiers()
        if name != CORRECTED and ((name, None) in tiers or name == FREE_TIER)
    ]
    if (CORRECTED, None) in tiers:
        strips.append(Tier(annotations, CORRECTED, None, labels))
    for channel in content.channels.values():
        strips += [Speech(channel, labels), Tier(annotations, CORRECTED, channel.number, labels)]
        strips += [
            Tier(annotations, name, channel.number, labels)
            for name in annotations.tiers()
            if name != CORRECTED and (name, channel.number) in tiers
        ]
        strips += plots(channel)
    return strips

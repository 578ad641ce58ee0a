"""Tracks on Qt, whose time axis moves: painted anywhere, and as an item of a pyqtgraph plot.

What a column of most signal tracks shows never changes once its steps are there. So its pixels are
kept, and a frame draws the columns that are new and copies the others, which takes a tenth of the
time.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any

import numpy as np
from PyQt6.QtCore import QRectF, QSizeF
from PyQt6.QtGui import QColor, QImage, QPainter, QPixmap
from PyQt6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from realtime_ser.gui.theme.theme import Style
from realtime_ser.gui.timeline.qt_surface import QtSurface, blank_picture, qrect
from realtime_ser.timeline.raster import LINE_REACH
from realtime_ser.timeline.signal_tracks import SignalTrack
from realtime_ser.timeline.surface import Image, Rect
from realtime_ser.timeline.tracks import MarkerTrack, Track, lay_out, shared_heights
from realtime_ser.timeline.viewport import RowRect, Viewport

_CHUNK = 64
"""Columns that are drawn at once: no more than that is late for a frame."""

_NOWHERE = Rect(0, 0, 0, 0)

_UNSETTLED = 2 + LINE_REACH
"""Columns before the newest step that a later step still changes: lines join them."""


@dataclass(slots=True)
class _Ring:
    """Pixels of the visible columns; column ``n`` of the time axis lies at ``n`` modulo the width.

    Columns ``begin .. end - 1`` have been drawn, those before ``settled`` for good, when the
    content's revision was ``revision``. ``pixels`` is the memory of ``image``.
    """

    image: QImage
    pixels: Image
    begin: int = 0
    end: int = 0
    settled: int = 0
    revision: int = 0


class _ColumnCache:
    """Keeps the pixels of a signal track.

    Parameters
    ----------
    track
        The track.

    Attributes
    ----------
    incomplete
        Whether columns were left for the next painting.
    """

    def __init__(self, track: SignalTrack) -> None:
        self.track = track
        self.incomplete = False
        self._ring: _Ring | None = None
        self._scale = 0.0

    def paint(
        self,
        painter: QPainter,
        box: Rect,
        viewport: Viewport,
        style: Style,
        revision: int,
        end_s: float,
    ) -> None:
        """Draw columns that are new until a moment of the performance counter; copy all."""
        height = max(1, round(box.height * viewport.ratio))
        ring = self._ring
        first, stop = viewport.first, viewport.first + viewport.columns
        if ring is None or ring.pixels.shape != (height, viewport.columns):
            ring = self._ring = _blank(viewport.columns, height)
            self._scale = 0.0
        if self._scale != viewport.s_per_px or ring.end < first or ring.begin > stop:
            ring.begin = ring.end = ring.settled = stop
            self._scale = viewport.s_per_px
            if end_s < math.inf:  # some may stay blank
                ring.image.fill(QColor(style.theme.background))
        self._draw_new(ring, viewport, style, revision, end_s)
        _copy(painter, ring.image, box, viewport)

    def _draw_new(
        self, ring: _Ring, viewport: Viewport, style: Style, revision: int, end_s: float
    ) -> None:
        first, stop = viewport.first, viewport.first + viewport.columns
        ring.end = min(ring.end, stop)
        if ring.revision != revision:
            ring.end = max(ring.begin, min(ring.end, ring.settled))
        newest = math.floor(self.track.channel.end_s / viewport.s_per_px) - _UNSETTLED
        ring.begin = max(ring.begin, first)
        if ring.end < stop:
            self._draw(ring, viewport, max(ring.end, first), stop, style)
            ring.end = stop
        at_once = _CHUNK if end_s < math.inf else viewport.columns
        while ring.begin > first:  # once at least, however busy the machine is
            begin = max(first, ring.begin - at_once)
            self._draw(ring, viewport, begin, ring.begin, style)
            ring.begin = begin
            if time.perf_counter() >= end_s:
                break
        ring.settled, ring.revision = min(max(newest, ring.begin), stop), revision
        self.incomplete = ring.begin > first

    def _draw(self, ring: _Ring, viewport: Viewport, first: int, stop: int, style: Style) -> None:
        height, width = ring.pixels.shape
        image = self.track.column_image(viewport.part(first, stop - first), height, style)
        place = first % width
        right = min(stop - first, width - place)
        ring.pixels[:, place : place + right] = image[:, :right]
        ring.pixels[:, : stop - first - right] = image[:, right:]


class TrackPainter:
    """Paints tracks below each other, and keeps the pixels of their columns.

    Parameters
    ----------
    tracks
        From the top down.
    style
        Colours and sizes; another style needs another painter.

    Attributes
    ----------
    rows
        The tracks and their places.
    """

    def __init__(self, tracks: Sequence[Track], style: Style) -> None:
        self.rows = [(track, RowRect(_NOWHERE, _NOWHERE, _NOWHERE)) for track in tracks]
        self._style = style
        self._gutters: QPixmap | None = None
        self._caches = [
            _ColumnCache(track) if isinstance(track, SignalTrack) and track.settles else None
            for track in tracks
        ]

    @property
    def incomplete(self) -> bool:
        """Whether columns were left for the next painting, which must be asked for."""
        return any(cache is not None and cache.incomplete for cache in self._caches)

    def lay_out(self, left: float, plot: float, right: float, height: float) -> None:
        """Give each track its place, from the widths of gutter, plots and margin, and the height.

        What is left of the height goes to the tracks with weight.
        """
        tracks, gap = [track for track, _ in self.rows], self._style.grid(0.25)
        heights = shared_heights(tracks, self._style, height, gap)
        self.rows = list(zip(tracks, lay_out(heights, 0.0, gap, left, plot, right), strict=True))
        self._gutters = None

    def paint(
        self,
        painter: QPainter,
        viewport: Viewport,
        revision: int = 0,
        allowance_s: float = math.inf,
        exposed: QRectF | None = None,
    ) -> None:
        """Paint all of them, and lines at the markers.

        Parameters
        ----------
        painter
            The painter.
        viewport
            The visible stretch.
        revision
            Changes with the content.
        allowance_s
            How long columns of each track that are not new may be drawn: those that are left for
            later stay blank. A whole new window would otherwise hold up everything else.
        exposed
            What has to be painted; ``None``: everything.
        """
        style = self._style
        surface = QtSurface(painter, style.family)
        if viewport.left:
            self._paint_gutters(painter, viewport)
        rows = [replace(row, gutter=_NOWHERE) for _, row in self.rows]
        seen = [exposed is None or exposed.intersects(qrect(row.plot)) for row in rows]
        for row, cache in compress(zip(rows, self._caches, strict=True), seen):
            if cache is not None:
                end_s = time.perf_counter() + allowance_s
                cache.paint(painter, row.plot, viewport, style, revision, end_s)
        # Only then words, which look at all columns and not at the new ones.
        words = zip(self.rows, rows, self._caches, strict=True)
        for (track, _), row, cache in compress(words, seen):
            if cache is None:
                track.draw(surface, row, viewport, style)
            else:
                cache.track.draw_words(surface, row, viewport, style)
        plots = [row.plot for track, row in self.rows if isinstance(track, SignalTrack)]
        for track, _ in self.rows:
            if isinstance(track, MarkerTrack):
                track.draw_lines(surface, plots, viewport, style)

    def _paint_gutters(self, painter: QPainter, viewport: Viewport) -> None:
        """Copy what stands left of the plots, which is the same in every frame."""
        if self._gutters is None or self._gutters.devicePixelRatio() != viewport.ratio:
            # Less the last pixels: what stands at the left edge of the plots reaches into them.
            size = QSizeF(viewport.left - 2.0, self.rows[-1][1].plot.bottom)
            self._gutters = blank_picture(size, viewport.ratio, self._style.theme.background)
            once = QPainter(self._gutters)
            surface = QtSurface(once, self._style.family)
            for track, row in self.rows:
                if isinstance(track, SignalTrack):
                    track.draw_scale(surface, row, self._style)
                else:
                    track.draw(surface, row, viewport, self._style)
            once.end()
        painter.drawPixmap(0, 0, self._gutters)


class TrackItem(QGraphicsItem):
    """Shows tracks below each other, up to a moment at the right edge.

    Parameters
    ----------
    parent
        Item to fill.

    Attributes
    ----------
    allowance_s
        As in :meth:`TrackPainter.paint`.
    """

    def __init__(self, parent: QGraphicsItem) -> None:
        super().__init__(parent)
        self.allowance_s = math.inf
        self._painter: TrackPainter | None = None
        self._size = QRectF()
        self._span_s = 1.0
        self._right_s = 0.0
        self._revision = 0
        self.setZValue(-1)
        self.setFlag(self.GraphicsItemFlag.ItemUsesExtendedStyleOption)

    @property
    def rows(self) -> list[tuple[Track, RowRect]]:
        """The tracks and their places."""
        return [] if self._painter is None else self._painter.rows

    @property
    def incomplete(self) -> bool:
        """Whether columns were left for the next painting, which must be asked for."""
        return self._painter is not None and self._painter.incomplete

    def show_tracks(self, tracks: Sequence[Track], style: Style) -> None:
        """Show other tracks, or the same with another style: everything is drawn again."""
        self._painter = TrackPainter(tracks, style)
        self._lay_out()

    def resize(self, width: float, height: float, span_s: float) -> None:
        """Change the size, in logical pixels, and the length of the time axis."""
        self.prepareGeometryChange()
        self._size = QRectF(0, 0, width, height)
        self._span_s = span_s
        self._lay_out()

    def scroll_to(self, right_s: float, revision: int) -> None:
        """Move the right edge to a time; ``revision`` changes with the content."""
        self._right_s, self._revision = right_s, revision
        self.update()

    def renew(self, since_s: float, revision: int) -> None:
        """Paint what values changed from a time on."""
        self._revision = revision
        part = QRectF(self._size)
        unsettled = _UNSETTLED * self._span_s / max(1.0, part.width())
        since_x = part.width() * (1.0 - (self._right_s - since_s + unsettled) / self._span_s)
        part.setLeft(max(0.0, math.floor(since_x)))
        part.setTop(min(row.plot.top for track, row in self.rows if isinstance(track, SignalTrack)))
        self.update(part)

    def viewport(self, ratio: float) -> Viewport:
        """The visible stretch, on a device of so many pixels a logical pixel."""
        columns = max(1, round(self._size.width() * ratio))
        scale = self._span_s / columns
        first = round(self._right_s / scale) - columns
        return Viewport(0.0, columns / ratio, first, scale, ratio)

    def boundingRect(self) -> QRectF:
        """Size of all tracks."""
        return self._size

    def paint(
        self,
        painter: QPainter | None,
        option: QStyleOptionGraphicsItem | None,
        widget: QWidget | None = None,  # noqa: ARG002
    ) -> None:
        """Draw all tracks."""
        if painter is None or self._painter is None or self._size.isEmpty():
            return
        device = painter.device()
        viewport = self.viewport(device.devicePixelRatio() if device is not None else 1.0)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setClipRect(self._size)
        exposed = None if option is None else option.exposedRect
        self._painter.paint(painter, viewport, self._revision, self.allowance_s, exposed)
        painter.restore()

    def _lay_out(self) -> None:
        if self._painter is not None:
            self._painter.lay_out(0.0, self._size.width(), 0.0, self._size.height())
            self.update()


def _blank(width: int, height: int) -> _Ring:
    """A ring without columns."""
    image = QImage(width, height, QImage.Format.Format_RGB32)
    memory: Any = image.bits()
    memory.setsize(image.sizeInBytes())
    return _Ring(image, np.frombuffer(memory, np.uint32).reshape(height, width))


def _copy(painter: QPainter, image: QImage, box: Rect, viewport: Viewport) -> None:
    """Copy a ring to its place: what lies right of its seam, and then what lies left."""
    width, height = image.width(), image.height()
    seam, ratio = viewport.first % width, viewport.ratio
    right = QRectF(box.left, box.top, (width - seam) / ratio, height / ratio)
    painter.drawImage(right, image, QRectF(seam, 0, width - seam, height))
    if seam:
        left = QRectF(right.right(), box.top, seam / ratio, height / ratio)
        painter.drawImage(left, image, QRectF(0, 0, seam, height))

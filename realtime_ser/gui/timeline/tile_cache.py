"""A strip of paper that scrolls: what has been drawn once is only moved afterwards.

Stroking eight long antialiased lines takes Qt's raster engine 45 ms, which is too much for 30 times
a second. Steps never change once they are made, so the time axis is cut into tiles: a finished one
is kept as a pixmap, the newest grows at its right when a step arrives, and a frame costs a few
copies.
"""

from __future__ import annotations

import math
import time
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol

from PyQt6.QtCore import QRectF
from PyQt6.QtGui import QColor, QPainter, QPixmap
from PyQt6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

#: Width of a tile in logical pixels.
TILE = 64


@dataclass(frozen=True, slots=True)
class Tile:
    """A stretch of the time axis to draw.

    Attributes
    ----------
    start_s, end_s
        What it covers, in seconds.
    left
        Its left edge on the endless paper, in logical pixels.
    px_per_s, height
        Scale of the time axis, and height of the paper, in logical pixels.
    """

    start_s: float
    end_s: float
    left: float
    px_per_s: float
    height: float

    def x(self, time_s: float) -> float:
        """Horizontal place of a time within the tile."""
        return time_s * self.px_per_s - self.left


class Layer(Protocol):
    """What is on the paper."""

    def cache_key(self, tile: Tile) -> Hashable:
        """Value that changes when all of the tile must be drawn again."""

    def settled_px(self, tile: Tile) -> float:
        """Up to where, from the tile's left edge, more steps leave what is drawn as it is.

        In logical pixels; more than the tile is wide once all its steps are there.
        """

    def draw(self, painter: QPainter, tile: Tile) -> None:
        """Draw a tile, or a stretch of one, antialiased; what lies outside it is cut off."""

    @property
    def background(self) -> QColor:
        """Opaque colour of the blank paper."""


@dataclass(frozen=True, slots=True)
class _CachedTile:
    """A tile that was drawn: how far it was settled then, and what else it depends on."""

    cache_key: tuple[float, Hashable]
    settled_px: float
    pixmap: QPixmap


class TileCache(QGraphicsItem):
    """Shows the stretch of a drawing that ends at a given time.

    Parameters
    ----------
    parent
        Item to fill.
    layer
        What is on it.

    Attributes
    ----------
    allowance_s
        How long one painting may draw tiles: those that it leaves for later keep what they showed,
        or stay blank. A whole new window of tiles would otherwise hold up everything else.
    incomplete
        Whether tiles were left for the next painting, which must be asked for.
    """

    def __init__(self, parent: QGraphicsItem, layer: Layer) -> None:
        super().__init__(parent)
        self._layer = layer
        self._size = QRectF()
        self._px_per_s = 1.0
        self._right_s = 0.0
        self._tiles: dict[int, _CachedTile] = {}
        self.allowance_s = math.inf
        self.incomplete = False
        self.setZValue(-1)

    def resize(self, width: float, height: float, px_per_s: float) -> None:
        """Change the size, in logical pixels, and the scale; everything is drawn again."""
        self.prepareGeometryChange()
        self._size = QRectF(0, 0, width, height)
        self._px_per_s = px_per_s
        self._tiles.clear()
        self.update()

    def invalidate(self) -> None:
        """Draw everything again: the colours have changed."""
        self._tiles.clear()
        self.update()

    def scroll_to(self, right_s: float) -> None:
        """Move the right edge to a time."""
        self._right_s = right_s
        self.update()

    def boundingRect(self) -> QRectF:
        """Size of the paper."""
        return self._size

    def paint(
        self,
        painter: QPainter | None,
        option: QStyleOptionGraphicsItem | None,  # noqa: ARG002
        widget: QWidget | None = None,  # noqa: ARG002
    ) -> None:
        """Copy the visible tiles; draw those that have changed."""
        if painter is None or self._size.isEmpty():
            return
        device = painter.device()
        ratio = device.devicePixelRatio() if device is not None else 1.0
        right = self._right_s * self._px_per_s
        left = right - self._size.width()
        painter.save()
        painter.setClipRect(self._size)
        visible = range(math.floor(left / TILE), math.ceil(right / TILE))
        self.incomplete = False
        end_s = time.perf_counter() + self.allowance_s
        for number in reversed(visible):  # the newest first
            pixmap = self._pixmap(number, ratio, draw=time.perf_counter() < end_s)
            box = QRectF(number * TILE - left, 0, TILE, self._size.height())
            if pixmap is None:
                painter.fillRect(box, self._layer.background)
            else:
                painter.drawPixmap(box.topLeft(), pixmap)
        painter.restore()
        for number in [number for number in self._tiles if number not in visible]:
            del self._tiles[number]

    def _pixmap(self, number: int, ratio: float, *, draw: bool) -> QPixmap | None:
        """A tile as it is, drawn if need be and allowed; else what is there of it."""
        tile = self._tile(number * TILE)
        cache_key, settled_px = (ratio, self._layer.cache_key(tile)), self._layer.settled_px(tile)
        cached = self._tiles.get(number)
        begin = 0
        if cached is not None and cached.cache_key == cache_key and cached.settled_px <= settled_px:
            if cached.settled_px == settled_px or cached.settled_px >= TILE:
                return cached.pixmap
            begin = max(0, math.floor(cached.settled_px))
        if not draw:
            self.incomplete = True
            return cached.pixmap if cached is not None and cached.cache_key[0] == ratio else None
        pixmap = cached.pixmap if cached is not None else None
        width, height = math.ceil(TILE * ratio), math.ceil(tile.height * ratio)
        if pixmap is None or pixmap.width() != width or pixmap.height() != height:
            pixmap = QPixmap(width, height)
            pixmap.setDevicePixelRatio(ratio)
        painter = QPainter(pixmap)
        painter.setClipRect(QRectF(begin, 0, TILE + 1 - begin, tile.height + 1))
        painter.translate(begin, 0)
        painter.setBrushOrigin(-begin, 0)  # patterns go on
        # Opaque: copying needs no blending.
        painter.fillRect(QRectF(0, 0, TILE + 1, tile.height + 1), self._layer.background)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._layer.draw(painter, self._tile(number * TILE, begin))
        painter.end()
        self._tiles[number] = _CachedTile(cache_key, settled_px, pixmap)
        return pixmap

    def _tile(self, left: int, begin: int = 0) -> Tile:
        """The tile with a left edge, without its first pixels."""
        return Tile(
            start_s=(left + begin) / self._px_per_s,
            end_s=(left + TILE) / self._px_per_s,
            left=left + begin,
            px_per_s=self._px_per_s,
            height=self._size.height(),
        )

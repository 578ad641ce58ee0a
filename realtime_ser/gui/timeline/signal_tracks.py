"""Strips with values along the time axis: probabilities, waveform, spectrogram."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QBrush, QColor, QFontMetricsF, QImage, QPainter, QPen

from realtime_ser.base.records import FRAME, HOP, SAMPLE_RATE, STEP_S
from realtime_ser.base.text import percent_text
from realtime_ser.gui.review.sound_store import (
    BLOCK_S,
    MOST_BLOCKS,
    SoundStore,
    mel_between,
    samples_between,
)
from realtime_ser.gui.theme.theme import Style, line_style
from realtime_ser.gui.timeline.tracks import draw_title, readable_on, rgb
from realtime_ser.gui.timeline.viewport import RowRect, Viewport, put_image
from realtime_ser.recogniser.features import FeatureParams, mel_filterbank
from realtime_ser.timeline.content import ChannelContent, runs
from realtime_ser.timeline.live import CLIPPED
from realtime_ser.timeline.pyramid import Bins
from realtime_ser.timeline.raster import (
    Image,
    Stroke,
    blank,
    color_ramp,
    draw_areas,
    draw_band,
    draw_line,
)

CurveStyle = Literal["areas", "lines"]

_MOST_NAMES = 40
"""Names that are written into the areas at most."""

_LEAST_LEADING = 0.25
"""A label that leads with less is not named over its line."""

_QUIETEST_PEAK = 0.02
"""Samples are never made louder than so much would need."""

_SINGLE_WAVES_S = 0.005
"""Seconds of a pixel below which one looks at single waves."""


class PyramidView:
    """What the pyramid says of the visible columns; read once for all strips of a channel."""

    def __init__(self, channel: ChannelContent) -> None:
        self.channel = channel
        self._viewport: Viewport | None = None
        self._bins: Bins | None = None

    def bins(self, viewport: Viewport) -> Bins:
        """The visible columns."""
        if self._bins is None or viewport != self._viewport:
            self._bins = self.channel.pyramid.read(viewport.edges_s)
            self._viewport = viewport
        return self._bins


class ProbabilityTrack:
    """Probabilities, as stacked areas or a line each."""

    weight = 6
    tip = "Wheel: zoom; drag: move; click: put the cursor there"

    def __init__(
        self, pyramid_view: PyramidView, labels: Sequence[str], curve_style: CurveStyle
    ) -> None:
        self.pyramid_view = pyramid_view
        self.curve_style = curve_style
        self.title = "probability"
        self.labels = tuple(labels)

    def height(self, style: Style) -> int:
        """Room for a name each at the right."""
        return round(len(self.labels) * _line_height(style)) + style.grid(0.5)

    def draw(self, painter: QPainter, place: RowRect, viewport: Viewport, style: Style) -> None:
        """Paint shaded speech, hatched gaps, and the values."""
        box = place.plot.toAlignedRect().toRectF()
        bins = self.pyramid_view.bins(viewport)
        theme = style.theme
        shades = np.array([rgb(theme.background), rgb(theme.band)], np.uint32)
        image = blank(
            max(1, round(box.height() * viewport.ratio)), shades[bins.speech.astype(np.intp)]
        )
        values = bins.probabilities
        if self.curve_style == "lines":
            if viewport.s_per_px < STEP_S / 2:
                middles = (viewport.edges_s[:-1] + viewport.edges_s[1:]) / 2
                values = self.pyramid_view.channel.pyramid.curve(middles)
            self._draw_lines(image, values, viewport, style)
        else:
            colors = [rgb(self._color(number)) for number in range(len(self.labels))]
            draw_areas(image, values, colors, rgb(theme.background))
        put_image(painter, image, box.topLeft(), viewport.ratio)
        draw_gaps(painter, box, viewport, style, bins)
        self._draw_names(painter, box, viewport, style, values)
        self._draw_scale(painter, place, style)

    def draw_values(
        self,
        painter: QPainter,
        place: RowRect,
        style: Style,
        values: NDArray[np.float32] | None,
    ) -> None:
        """Write the names, in the order of the stack, and their values at a moment."""
        line = min(place.margin.height() / len(self.labels), 1.7 * _line_height(style))
        top = place.margin.top() + (place.margin.height() - line * len(self.labels)) / 2
        painter.setFont(style.small)
        swatch = float(style.grid(2 if self.curve_style == "areas" else 4.5))
        left = place.margin.left() + style.grid(1)
        for number, name in enumerate(self.labels):
            row = QRectF(left, top + number * line, place.margin.width() - style.grid(2.5), line)
            box = QRectF(left, row.center().y() - style.grid(0.6), swatch, style.grid(1.2))
            if self.curve_style == "areas":
                painter.fillRect(box, QColor(self._color(number)))
                rim = style.theme.outline(self._color(number))
                if rim is not None:
                    painter.setPen(QPen(QColor(rim), 1.0))
                    painter.setBrush(Qt.BrushStyle.NoBrush)
                    painter.drawRect(box)
            else:
                y = round(row.center().y()) + 0.5
                for pen in (style.rim(name, number), style.pen(name, number)):
                    if pen is not None:
                        painter.setPen(pen)
                        painter.drawLine(QPointF(left, y), QPointF(left + swatch, y))
            painter.setPen(QColor(style.theme.text if values is not None else style.theme.muted))
            words = row.adjusted(swatch + style.grid(0.75), 0, 0, 0)
            painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, name)
            if values is not None:
                right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
                painter.drawText(words, right, percent_text(float(values[number])))

    def _color(self, number: int) -> str:
        return line_style(self.labels[number], number).color

    def _draw_lines(
        self, image: Image, values: NDArray[np.float32], viewport: Viewport, style: Style
    ) -> None:
        theme, height = style.theme, len(image)
        for part in (0.25, 0.5, 0.75):
            image[round(part * height)] = np.uint32(rgb(theme.grid) | 0xFF000000)
        width = 2.0 * style.scale * viewport.ratio
        inner = height - 2 * width
        for number, name in enumerate(self.labels):
            curve_style = line_style(name, number)
            dashes = tuple(2.0 * style.scale * viewport.ratio * dash for dash in curve_style.dashes)
            ys = (width + inner * (1.0 - values[:, number])).astype(np.float32)
            rim = theme.outline(curve_style.color)
            if rim is not None:
                stroke = Stroke(rgb(rim), 1.75 * width, dashes)
                draw_line(image, ys, stroke, viewport.first)
            stroke = Stroke(rgb(curve_style.color), width, dashes)
            draw_line(image, ys, stroke, viewport.first)

    def _draw_names(
        self,
        painter: QPainter,
        box: QRectF,
        viewport: Viewport,
        style: Style,
        values: NDArray[np.float32],
    ) -> None:
        """Name the areas where there is room for that, and the lines where they lead."""
        painter.setFont(style.small)
        metrics = QFontMetricsF(style.small)
        lines = self.curve_style == "lines"
        rooms = self._line_name_places if lines else self._area_name_places
        for number, (left, right, y) in rooms(values, box.height(), viewport, metrics):
            cell = QRectF(
                box.left() + left / viewport.ratio,
                box.top() + y - metrics.height() / 2,
                (right - left) / viewport.ratio,
                metrics.height(),
            )
            painter.setPen(QColor(style.theme.text if lines else readable_on(self._color(number))))
            painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, self.labels[number])

    def _area_name_places(
        self, values: NDArray[np.float32], height: float, viewport: Viewport, metrics: QFontMetricsF
    ) -> Iterator[tuple[int, tuple[int, int, float]]]:
        """Where a label's area is high and wide enough for its name: columns and middle."""
        with np.errstate(invalid="ignore"):
            bottoms = np.cumsum(values, axis=1) * height
        tops = bottoms - values * height
        line, written = metrics.height(), 0
        for number, name in enumerate(self.labels):
            width = metrics.horizontalAdvance(name) + 6.0
            with np.errstate(invalid="ignore"):
                tall = bottoms[:, number] - tops[:, number] >= line
            free = 0
            for begin, end in runs(tall):
                if end - begin < width * viewport.ratio or begin < free or written >= _MOST_NAMES:
                    continue
                middle, half = (begin + end) // 2, round(width * viewport.ratio / 2)
                inside = slice(middle - half, middle + half)
                top, bottom = tops[inside, number].max(), bottoms[inside, number].min()
                if bottom - top >= line - 2:
                    written += 1
                    free = end + round(2 * width * viewport.ratio)
                    yield number, (middle - half, middle + half, float(top + bottom) / 2)

    def _line_name_places(
        self, values: NDArray[np.float32], height: float, viewport: Viewport, metrics: QFontMetricsF
    ) -> Iterator[tuple[int, tuple[int, int, float]]]:
        """Where a label leads for long enough to be named over its line: columns and middle."""
        known = np.nan_to_num(values)
        leader = known.argmax(axis=1)
        written, free = 0, 0
        edges = np.concatenate([[0], np.flatnonzero(np.diff(leader)) + 1, [len(leader)]])
        narrowest = min(metrics.horizontalAdvance(name) for name in self.labels) * viewport.ratio
        for run in np.flatnonzero(np.diff(edges) >= narrowest):
            begin, end = int(edges[run]), int(edges[run + 1])
            number = int(leader[begin])
            half = round(
                (metrics.horizontalAdvance(self.labels[number]) + 6.0) * viewport.ratio / 2
            )
            peak = begin + int(np.argmax(known[begin:end, number]))
            middle = min(max(peak, begin + half, free + half), end - half)
            if end - begin < 2 * half or middle - half < free or written >= _MOST_NAMES:
                continue
            highest = float(known[middle - half : middle + half, number].max())
            y = (1.0 - highest) * height - metrics.height() / 2 - 3.0
            if highest >= _LEAST_LEADING and y >= metrics.height() / 2:
                written, free = written + 1, middle + 3 * half
                yield number, (middle - half, middle + half, y)

    def _draw_scale(self, painter: QPainter, place: RowRect, style: Style) -> None:
        gutter = place.gutter
        line = _line_height(style)
        if self.curve_style == "lines":
            for value, y in ((1.0, 0.0), (0.5, 0.5), (0.0, 1.0)):
                top = gutter.top() + y * (gutter.height() - line)
                row = QRectF(gutter.left(), top, gutter.width(), line)
                draw_title(painter, row, percent_text(value), style)
            return
        draw_title(
            painter, QRectF(gutter.left(), gutter.top(), gutter.width(), line), self.title, style
        )


class WaveformTrack:
    """The waveform: of the kept sound where that is seen closely, else of each step's extremes."""

    weight = 1
    tip = "The kept sound, or the extremes of each 80 ms; red where it was clipped"

    def __init__(self, pyramid_view: PyramidView, sound: SoundStore) -> None:
        self.title = "waveform" if sound.available else "peaks"
        self._pyramid_view = pyramid_view
        self._sound = sound

    def height(self, style: Style) -> int:
        """Enough to see it."""
        return style.grid(4)

    @functools.cached_property
    def _session_gain(self) -> float:
        """The loudest sample of the session fills the strip."""
        bins = self._pyramid_view.channel.pyramid.read(np.array([0.0, 1e9]))
        return _gain(bins.lowest, bins.highest)

    def draw(self, painter: QPainter, place: RowRect, viewport: Viewport, style: Style) -> None:
        """Paint it."""
        box, theme = place.plot.toAlignedRect().toRectF(), style.theme
        bins = self._pyramid_view.bins(viewport)
        shades = np.array([rgb(theme.background), rgb(theme.band)], np.uint32)
        height = max(1, round(box.height() * viewport.ratio))
        image = blank(height, shades[bins.speech.astype(np.intp)])
        image[height // 2] = np.uint32(rgb(theme.grid) | 0xFF000000)
        middle, half = height / 2, height / 2 - 1
        samples = self._samples(viewport)
        low, high, drawn, gain = bins.lowest, bins.highest, bins.known, self._session_gain
        if samples is not None:
            low, high, gain = samples
            drawn = np.ones(len(low), np.bool_)
        tops = np.where(drawn, middle - half * np.clip(high * gain, -1, 1), np.nan)
        bottoms = np.where(drawn, middle - half * np.clip(low * gain, -1, 1), np.nan)
        draw_band(image, tops, bottoms, rgb(theme.voice))
        clipped = (np.abs(low) >= CLIPPED) | (np.abs(high) >= CLIPPED)
        image[:, clipped & drawn] = np.uint32(rgb(theme.danger) | 0xFF000000)
        put_image(painter, image, box.topLeft(), viewport.ratio)
        draw_gaps(painter, box, viewport, style, bins, words=False)
        draw_title(painter, place.gutter, self.title, style)
        words = f"\u00d7{gain:.1f}" if gain > 1.05 else ""
        if (clipped & drawn).any():
            painter.setPen(QColor(theme.danger))
            words = f"clipping  {words}"
        painter.drawText(
            place.margin.adjusted(style.grid(1), 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, words
        )

    def _samples(
        self, viewport: Viewport
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], float] | None:
        """Extremes of each column's samples, once they have been read, and what they are drawn by.

        Seen closely, the loudest sample of the seconds around fills the strip.
        """
        if not self._sound.available or viewport.s_per_px > STEP_S / 2:
            return None
        blocks = self._sound.blocks_between(
            viewport.start_s, viewport.end_s, self._pyramid_view.channel.number
        )
        numbers = _visible_blocks(viewport)
        if len(blocks) < len(numbers):
            return None
        origin, samples = samples_between(blocks, numbers[0], numbers[-1])
        edges = viewport.edges_s * SAMPLE_RATE - origin
        peak = np.array([samples.min(), samples.max()], np.float32) / np.float32(32767)
        gain = (
            _gain(peak[:1], peak[1:]) if viewport.s_per_px < _SINGLE_WAVES_S else self._session_gain
        )
        if viewport.s_per_px * SAMPLE_RATE < 2.0:
            at = np.interp(edges, np.arange(len(samples)), samples).astype(np.float32)
            at /= np.float32(32767)
            return np.minimum(at[:-1], at[1:]), np.maximum(at[:-1], at[1:]), gain
        starts = np.clip(edges.astype(np.intp), 0, len(samples) - 1)
        stop = int(starts[-1])
        part = samples[: max(stop, 1)]
        starts = np.minimum(starts[:-1], len(part) - 1)
        low = np.minimum.reduceat(part, starts).astype(np.float32)
        high = np.maximum.reduceat(part, starts).astype(np.float32)
        return low / np.float32(32767), high / np.float32(32767), gain


class SpectrumTrack:
    """Log-mel spectrum of the kept sound, in the bands that the model hears."""

    weight = 2
    title = "log-mel"

    def __init__(self, pyramid_view: PyramidView, sound: SoundStore) -> None:
        self._channel = pyramid_view.channel.number
        self._sound = sound
        bands = sound.features
        self.tip = (
            f"Energy in the {bands.n_mels} mel bands that the model hears, {bands.f_min:g} to "
            f"{bands.f_max:g} Hz, from \u221270 to 10 dB"
        )

    def height(self, style: Style) -> int:
        """Enough for the bands."""
        return style.grid(7)

    def draw(self, painter: QPainter, place: RowRect, viewport: Viewport, style: Style) -> None:
        """Paint what has been read."""
        box, theme = place.plot.toAlignedRect().toRectF(), style.theme
        painter.fillRect(box, QColor(theme.background))
        self._draw_scale(painter, place, style)
        numbers = _visible_blocks(viewport)
        if self._sound.fault:
            self._draw_message(painter, box, style, self._sound.fault)
            return
        if len(numbers) > MOST_BLOCKS:
            self._draw_message(
                painter, box, style, "Zoom in to ten minutes or closer to see the spectrogram."
            )
            return
        blocks = self._sound.blocks_between(viewport.start_s, viewport.end_s, self._channel)
        if blocks:
            self._draw_bands(
                painter, box, viewport, _palette(theme.name), *mel_between(blocks, numbers)
            )
        if len(blocks) < len(numbers):
            self._draw_message(painter, box, style, "Reading the sound…")

    def _draw_bands(
        self,
        painter: QPainter,
        box: QRectF,
        viewport: Viewport,
        palette: NDArray[np.uint32],
        origin: int,
        mel: NDArray[np.uint8],
    ) -> None:
        hop_s = HOP / SAMPLE_RATE
        shift_s = (FRAME - HOP) / 2 / SAMPLE_RATE  # a frame's middle is later than its hop's
        edges = (viewport.edges_s - shift_s) / hop_s - origin
        if viewport.s_per_px >= hop_s:
            starts = np.clip(edges.astype(np.intp), 0, len(mel) - 1)
            picked = np.maximum.reduceat(
                mel[: max(1, int(starts[-1]))],
                np.minimum(starts[:-1], max(0, int(starts[-1]) - 1)),
                axis=0,
            )
            source = QRectF(0, 0, len(picked), picked.shape[1])
        else:
            first = max(0, int(edges[0]) - 1)
            picked = mel[first : int(edges[-1]) + 2]
            source = QRectF(edges[0] - first, 0, edges[-1] - edges[0], picked.shape[1])
        image = palette[picked.T[::-1]]
        height, width = image.shape
        if not width:
            return
        pixels = image.tobytes()  # outlives the picture
        picture = QImage(pixels, width, height, 4 * width, QImage.Format.Format_RGB32)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setClipRect(box)
        painter.drawImage(box, picture, source)
        painter.restore()

    def _draw_scale(self, painter: QPainter, place: RowRect, style: Style) -> None:
        line = _line_height(style)
        gutter = place.gutter
        centres = _band_centres(self._sound.features)
        for hz, words in ((200.0, "200 Hz"), (1000.0, "1 kHz"), (4000.0, "4 kHz")):
            share = float(np.interp(hz, centres, (np.arange(len(centres)) + 0.5) / len(centres)))
            y = gutter.bottom() - share * gutter.height() - line / 2
            y = min(max(gutter.top(), y), gutter.bottom() - line)
            draw_title(painter, QRectF(gutter.left(), y, gutter.width(), line), words, style)

    def _draw_message(self, painter: QPainter, box: QRectF, style: Style, words: str) -> None:
        metrics = QFontMetricsF(style.small)
        size = metrics.horizontalAdvance(words) + style.grid(2)
        cell = QRectF(0, 0, min(size, box.width()), metrics.height() + style.grid(0.5))
        cell.moveCenter(box.center())
        painter.fillRect(cell, QColor(style.theme.background))
        painter.setFont(style.small)
        painter.setPen(QColor(style.theme.muted))
        painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, words)


def draw_gaps(
    painter: QPainter,
    box: QRectF,
    viewport: Viewport,
    style: Style,
    bins: Bins,
    *,
    words: bool = True,
) -> None:
    """Hatch what was lost or paused, and say which, where there is room."""
    hatch = QBrush(QColor(style.theme.border), Qt.BrushStyle.BDiagPattern)
    metrics = QFontMetricsF(style.small)
    for flags, word in ((bins.lost, "sound lost"), (bins.paused, "paused")):
        for begin, end in runs(flags) if flags.any() else ():
            gap = QRectF(
                box.left() + begin / viewport.ratio,
                box.top(),
                max(1.0, (end - begin) / viewport.ratio),
                box.height(),
            )
            painter.fillRect(gap, hatch)
            cell = QRectF(0, 0, metrics.horizontalAdvance(word) + 8, metrics.height() + 4)
            if words and cell.width() + 8 <= gap.width():
                cell.moveCenter(gap.center())
                painter.fillRect(cell, QColor(style.theme.background))
                painter.setFont(style.small)
                painter.setPen(QColor(style.theme.text))
                painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, word)


def _gain(lowest: NDArray[np.float32], highest: NDArray[np.float32]) -> float:
    """What makes the loudest of some samples fill a strip."""
    loudest = max(float(np.max(np.abs(part))) for part in (lowest, highest))
    return 1.0 / max(_QUIETEST_PEAK, loudest) if loudest else 1.0


def _line_height(style: Style) -> float:
    return QFontMetricsF(style.small).height()


def _visible_blocks(viewport: Viewport) -> range:
    """Blocks of sound that are seen."""
    return range(
        int(max(0.0, viewport.start_s) // BLOCK_S), int(max(0.0, viewport.end_s) // BLOCK_S) + 1
    )


@functools.cache
def _band_centres(params: FeatureParams) -> NDArray[np.float64]:
    """Frequency of each mel band in Hz, shape ``(n_mels,)``."""
    peaks = mel_filterbank(params).argmax(axis=1).astype(np.float64)
    centres: NDArray[np.float64] = peaks * (SAMPLE_RATE / params.n_fft)
    return centres


@functools.cache
def _palette(theme: str) -> NDArray[np.uint32]:
    """From the ground to the loudest, ever lighter in the dark and ever darker in the light."""
    if theme == "light":
        return color_ramp((0xFAFAF8, 0xC9DDE9, 0x5A9EC7, 0x0B5C8E, 0x06202F))
    return color_ramp((0x14161A, 0x17324A, 0x1F6F9F, 0x7CC7EE, 0xFFFFFF))

"""Tracks of values along the time axis: probabilities, level, voice, waveform, spectrum."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.records import FRAME, HOP, SAMPLE_RATE, STEP_S
from realtime_ser.base.text import percent_text
from realtime_ser.recogniser.features import FeatureParams, mel_filterbank
from realtime_ser.timeline.content import ChannelContent
from realtime_ser.timeline.pyramid import runs
from realtime_ser.timeline.raster import DASH_RUN, LINE_REACH, color_ramp
from realtime_ser.timeline.shapes import (
    FLAG_COLUMNS,
    Band,
    Flags,
    Ground,
    Lines,
    Shape,
    Stack,
    draw_shapes,
    draw_swatch,
    rasterise,
)
from realtime_ser.timeline.sound_blocks import (
    BLOCK_S,
    MOST_BLOCKS,
    SoundBlocks,
    mel_between,
    samples_between,
)
from realtime_ser.timeline.style import (
    CLIPPED,
    FLOOR_DB,
    GAP_WORDS,
    Curves,
    LineStyle,
    TrackStyle,
    line_style,
    outline,
    readable_on,
    rgb,
)
from realtime_ser.timeline.surface import Image, Rect, Stroke, Surface, write
from realtime_ser.timeline.tracks import (
    draw_title,
    line_height,
    small,
    tick_columns,
)
from realtime_ser.timeline.viewport import RowRect, Viewport

_MOST_NAMES = 40
"""Names that are written into the areas at most."""

_LEAST_LEADING = 0.25
"""A label that leads with less is not named over its line."""

_QUIETEST_PEAK = 0.02
"""Samples are never made louder than so much would need."""

_SINGLE_WAVES_S = 0.005
"""Seconds of a pixel below which one looks at single waves."""

_NEIGHBOURS = max(FLAG_COLUMNS, LINE_REACH)
"""Columns beside a picture that its edges depend on."""


class SignalTrack:
    """A track of values over shaded speech, hatched gaps and a grid.

    A subclass says in :meth:`shapes` what each column holds, in ``shares`` at which heights
    horizontal grid lines lie, in ``names_gaps`` whether words stand in gaps, and in ``settles``
    whether what a column shows never changes once its steps and those beside it are there.
    """

    title = ""
    weight = 1
    tip = "Wheel: zoom; drag: move; click: put the cursor there"
    shares: tuple[float, ...] = ()
    names_gaps = False
    settles = True

    def __init__(self, channel: ChannelContent) -> None:
        self.channel = channel

    def height(self, style: TrackStyle) -> int:
        """Enough to see the values."""
        return style.grid(4)

    def pad(self, style: TrackStyle) -> float:  # noqa: ARG002
        """Logical pixels above and below the values."""
        return 0.0

    def shapes(self, viewport: Viewport, style: TrackStyle) -> list[Shape]:
        """Shapes of a viewport's columns."""
        raise NotImplementedError

    def column_image(self, viewport: Viewport, height: int, style: TrackStyle) -> Image:
        """Columns as pixels; each depends on its own steps and on its neighbours' alone."""
        if viewport.start_s + min(STEP_S, viewport.s_per_px) / 2 >= self.channel.end_s:
            # Columns to come hold no step; the round end of a line in them comes with the next.
            return rasterise([], self._ground(viewport, style), viewport, style, height)
        wide = viewport.part(viewport.first - _NEIGHBOURS, viewport.columns + 2 * _NEIGHBOURS)
        shapes = self.shapes(wide, style)
        image = rasterise(shapes, self._ground(wide, style), wide, style, height)
        return image[:, _NEIGHBOURS:-_NEIGHBOURS]

    def draw(self, surface: Surface, row: RowRect, viewport: Viewport, style: TrackStyle) -> None:
        """Draw columns and words."""
        box = row.plot
        if surface.pixels:
            height = max(1, round(box.height * viewport.ratio))
            image = self.column_image(viewport, height, style)
            place = Rect(
                box.left, box.top, image.shape[1] / viewport.ratio, height / viewport.ratio
            )
            surface.image(image, place)
        else:
            ground = self._ground(viewport, style)
            shapes = self.shapes(viewport, style)
            draw_shapes(surface, box, shapes, ground, viewport, style)
        self.draw_words(surface, row, viewport, style)
        self.draw_scale(surface, row, style)

    def draw_words(
        self, surface: Surface, row: RowRect, viewport: Viewport, style: TrackStyle
    ) -> None:
        """Say in each gap which it is, where there is room."""
        if not self.names_gaps:
            return
        for gap in self.channel.gaps_between(viewport.start_s, viewport.end_s):
            span = viewport.span(gap.start_s, gap.end_s, row.plot.top, row.plot.height)
            words = GAP_WORDS[gap.kind]
            if surface.text_width(words, small(style)) + style.grid(2) <= span.width:
                _draw_message(surface, span, style, words, style.theme.text)

    def draw_scale(self, surface: Surface, row: RowRect, style: TrackStyle) -> None:
        """Write the title in the gutter."""
        draw_title(surface, row.gutter, self.title, style)

    def _ground(self, viewport: Viewport, style: TrackStyle) -> Ground:
        bins, columns = self.channel.bins(viewport), tick_columns(viewport, style)
        return Ground(bins, columns, self.shares, self.pad(style))


class ProbabilityTrack(SignalTrack):
    """Probabilities, as stacked areas, the first label at the foot, or as a line each.

    With ``names``, labels stand in their areas and over their lines.
    """

    title = "probability"
    weight = 6
    names_gaps = True
    shares = (0.0, 0.25, 0.5, 0.75, 1.0)

    def __init__(self, channel: ChannelContent, curves: Curves, *, names: bool = True) -> None:
        super().__init__(channel)
        self.curves = curves
        self._names = names
        self.labels = channel.labels
        self.shown = [n for n, name in enumerate(self.labels) if name not in curves.hidden]

    def height(self, style: TrackStyle) -> int:
        """Room for a name each at the right."""
        return round(len(self.labels) * line_height(style)) + style.grid(0.5)

    def pad(self, style: TrackStyle) -> float:
        """Half a line."""
        return 2.0 * style.scale if self.curves.style == "lines" else 0.0

    def y(self, rect: Rect, share: float, style: TrackStyle) -> float:
        """Place of a probability in the track's plot."""
        pad = self.pad(style)
        return rect.top + pad + (rect.height - 2 * pad) * (1.0 - share)

    def shapes(self, viewport: Viewport, style: TrackStyle) -> list[Shape]:
        """Areas, or lines with a rim where they would be too faint."""
        looks = [line_style(self.labels[number], number) for number in self.shown]
        lead = viewport.first % DASH_RUN if self.curves.style == "lines" else 0
        part = viewport.part(viewport.first - lead, viewport.columns + lead)
        values = self._values(part)[:, self.shown]
        if self.curves.style == "areas":
            return [Stack(values, tuple(looks))] if looks else []
        strokes = [line_strokes(look, style) for look in looks]
        return [Lines(values, strokes, lead)] if looks else []

    def draw_words(
        self, surface: Surface, row: RowRect, viewport: Viewport, style: TrackStyle
    ) -> None:
        """Name gaps, areas where there is room, and lines where they lead."""
        super().draw_words(surface, row, viewport, style)
        if not self._names or not self.shown:
            return
        values = self._values(viewport)[:, self.shown]
        lines = self.curves.style == "lines"
        widths = [
            surface.text_width(self.labels[number], small(style)) + 6.0 for number in self.shown
        ]
        places = _line_name_places if lines else _area_name_places
        high, pad = line_height(style), self.pad(style)
        height = row.plot.height - 2 * pad
        for place, (left, right, middle) in places(values, widths, height, viewport.ratio, high):
            x, y = row.plot.left + left / viewport.ratio, row.plot.top + pad + middle - high / 2
            cell = Rect(x, y, (right - left) / viewport.ratio, high)
            number = self.shown[place]
            name = self.labels[number]
            ink = style.theme.text if lines else readable_on(line_style(name, number).color)
            write(surface, cell, name, small(style), ink, "middle")

    def draw_scale(self, surface: Surface, row: RowRect, style: TrackStyle) -> None:
        """Write percentages in the gutter."""
        for share in (0.0, 0.5, 1.0):
            words = percent_text(share) if share else "0"
            _draw_scale_words(surface, row, self.y(row.plot, share, style), words, style)

    def draw_names(self, surface: Surface, box: Rect, style: TrackStyle, *, muted: bool) -> None:
        """Write the names into the margin at the right, in the order of the areas."""
        swatch = style.grid(2 if self.curves.style == "areas" else 4.5)
        ink = style.theme.muted if muted else style.theme.text
        for number, (name, cell) in enumerate(
            zip(self.labels, self._cells(box, style), strict=True)
        ):
            key = Rect(cell.left, cell.top, swatch, cell.height)
            draw_key(surface, key, name, number, self.curves, style)
            words = cell.inset(left=swatch + style.grid(0.75))
            write(surface, words, name, small(style), ink)

    def draw_values(
        self, surface: Surface, box: Rect, style: TrackStyle, values: NDArray[np.float32]
    ) -> None:
        """Write values at a moment beside the names."""
        for value, cell in zip(values.tolist(), self._cells(box, style), strict=True):
            write(surface, cell, percent_text(value), small(style), style.theme.text, "end")

    def _cells(self, box: Rect, style: TrackStyle) -> list[Rect]:
        """Places of the labels in the margin, in their order."""
        count = len(self.labels)
        high = min(box.height / count, 1.7 * line_height(style))
        top = box.top + (box.height - high * count) / 2
        cells = [
            Rect(box.left, top + place * high, box.width, high).inset(
                left=style.grid(1), right=style.grid(1.5)
            )
            for place in range(count)
        ]
        return cells[::-1] if self.curves.style == "areas" else cells

    def _values(self, viewport: Viewport) -> NDArray[np.float32]:
        if self.curves.style == "lines" and viewport.s_per_px < STEP_S / 2:
            edges = viewport.edges_s
            return self.channel.pyramid.curve((edges[:-1] + edges[1:]) / 2)
        return self.channel.bins(viewport).probabilities


class LevelTrack(SignalTrack):
    """Peaks and RMS level on a scale of decibels from −60 to 0 dBFS, mirrored; clipping in red."""

    title = "level"
    weight = 1
    tip = "Peaks and, darker, the level from \u221260 to 0 dBFS; red where it was clipped"

    def shapes(self, viewport: Viewport, style: TrackStyle) -> list[Shape]:
        """Peaks, level, and what was clipped."""
        bins, theme = self.channel.bins(viewport), style.theme
        low, high = bins.lowest, bins.highest
        if viewport.s_per_px < STEP_S:
            low, high = self.channel.pyramid.extremes(viewport.edges_s) or (low, high)
        heard = bins.known & ~bins.lost & ~bins.paused
        nothing = np.where(heard, 0.0, np.nan)
        level = 0.5 * level_share(bins.level_dbfs) + nothing
        return [
            Band(
                0.5 - 0.5 * _sample_share(-low) + nothing,
                0.5 + 0.5 * _sample_share(high) + nothing,
                theme.wave,
            ),
            Band(0.5 - level, 0.5 + level, theme.voice),
            Flags(heard & _clipped(low, high), theme.danger),
        ]


class VoiceTrack(SignalTrack):
    """Share of the voice detector's frames that were voiced."""

    title = "voice"
    weight = 0
    tip = "Where the voice detector hears a voice"

    def height(self, style: TrackStyle) -> int:
        """A strip."""
        return max(style.grid(1.5), round(line_height(style)))

    def shapes(self, viewport: Viewport, style: TrackStyle) -> list[Shape]:
        """A bar each."""
        voiced = self.channel.bins(viewport).voiced
        high = np.where(voiced > 0, voiced, np.nan)
        return [Band(np.where(voiced > 0, 0.0, np.nan), high, style.theme.voice)]


class WaveformTrack(SignalTrack):
    """The waveform: of the kept sound where that is seen closely, else of each step's extremes."""

    title = "waveform"
    settles = False  # sound that is read later, and a gain of what is visible
    tip = "The kept sound, or the extremes of each 80 ms; red where it was clipped"
    shares = (0.5,)

    def __init__(self, channel: ChannelContent, sound: SoundBlocks) -> None:
        super().__init__(channel)
        self._sound = sound

    @functools.cached_property
    def _session_gain(self) -> float:
        """The loudest sample of the session fills the track."""
        bins = self.channel.pyramid.read(np.array([0.0, 1e9]))
        return _gain(np.stack([bins.lowest, bins.highest]))

    def shapes(self, viewport: Viewport, style: TrackStyle) -> list[Shape]:
        """The samples, and what was clipped."""
        low, high, drawn, gain = self._columns(viewport)
        nothing = np.where(drawn, 0.0, np.nan)
        low_share, high_share = (
            0.5 + 0.5 * np.clip(part * gain, -1, 1) + nothing for part in (low, high)
        )
        return [
            Band(low_share, high_share, style.theme.voice),
            Flags(drawn & _clipped(low, high), style.theme.danger),
        ]

    def draw_words(
        self, surface: Surface, row: RowRect, viewport: Viewport, style: TrackStyle
    ) -> None:
        """Say by how much the samples are made louder, and whether any was clipped."""
        super().draw_words(surface, row, viewport, style)
        low, high, drawn, gain = self._columns(viewport)
        clipped = (drawn & _clipped(low, high)).any()
        words = f"\u00d7{gain:.1f}" if gain > 1.05 else ""
        ink = style.theme.danger if clipped else style.theme.text
        words = f"clipping  {words}" if clipped else words
        write(surface, row.margin.inset(left=style.grid(1)), words, small(style), ink)

    def _columns(
        self, viewport: Viewport
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], float]:
        """Extremes of each column, whether there are any, and what they are made louder by."""
        samples = self._samples(viewport)
        if samples is None:
            bins = self.channel.bins(viewport)
            return bins.lowest, bins.highest, bins.known, self._session_gain
        low, high, gain = samples
        return low, high, np.ones(len(low), np.bool_), gain

    def _samples(
        self, viewport: Viewport
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], float] | None:
        """Extremes of each column's samples, once they have been read, and their gain.

        Seen closely, the loudest sample of the seconds around fills the track.
        """
        if not self._sound.available or viewport.s_per_px > STEP_S / 2:
            return None
        blocks = self._sound.blocks_between(viewport.start_s, viewport.end_s, self.channel.number)
        numbers = _visible_blocks(viewport)
        if len(blocks) < len(numbers):
            return None
        origin, samples = samples_between(blocks, numbers[0], numbers[-1])
        edges = viewport.edges_s * SAMPLE_RATE - origin
        close = viewport.s_per_px < _SINGLE_WAVES_S
        gain = _gain(_scaled(samples)) if close else self._session_gain
        if viewport.s_per_px * SAMPLE_RATE < 2.0:
            at = _scaled(np.interp(edges, np.arange(len(samples)), samples))
            return np.minimum(at[:-1], at[1:]), np.maximum(at[:-1], at[1:]), gain
        low, high = (_scaled(_reduced(how, samples, edges)) for how in (np.minimum, np.maximum))
        return low, high, gain


class SpectrumTrack:
    """Log-mel spectrum of the kept sound, in the bands that the model hears."""

    weight = 2
    title = "log-mel"

    def __init__(self, channel: ChannelContent, sound: SoundBlocks) -> None:
        self._channel = channel.number
        self._sound = sound
        bands = sound.features
        self.tip = (
            f"Energy in the {bands.n_mels} mel bands that the model hears, {bands.f_min:g} to "
            f"{bands.f_max:g} Hz, from \u221270 to 10 dB"
        )

    def height(self, style: TrackStyle) -> int:
        """Enough for the bands."""
        return style.grid(7)

    def draw(self, surface: Surface, row: RowRect, viewport: Viewport, style: TrackStyle) -> None:
        """Draw what has been read."""
        box, theme = row.plot, style.theme
        surface.rectangle(box, theme.background)
        self._draw_scale(surface, row, style)
        numbers = _visible_blocks(viewport)
        if self._sound.fault:
            _draw_message(surface, box, style, self._sound.fault)
            return
        if len(numbers) > MOST_BLOCKS:
            words = "Zoom in to ten minutes or closer to see the spectrogram."
            _draw_message(surface, box, style, words)
            return
        blocks = self._sound.blocks_between(viewport.start_s, viewport.end_s, self._channel)
        if blocks:
            colors = _spectrum_colors(theme.background)
            self._draw_bands(surface, box, viewport, colors, *mel_between(blocks, numbers))
        if len(blocks) < len(numbers):
            _draw_message(surface, box, style, "Reading the sound…")

    def _draw_bands(
        self,
        surface: Surface,
        box: Rect,
        viewport: Viewport,
        colors: NDArray[np.uint32],
        origin: int,
        mel: NDArray[np.uint8],
    ) -> None:
        hop_s = HOP / SAMPLE_RATE
        shift_s = (FRAME - HOP) / 2 / SAMPLE_RATE  # a frame's middle is later than its hop's
        edges = (viewport.edges_s - shift_s) / hop_s - origin
        last = len(mel) - 1
        if viewport.s_per_px >= hop_s:
            picked = _reduced(np.maximum, mel, edges)
        else:
            at = np.clip((edges[:-1] + edges[1:] - 1.0) / 2, 0, last)
            before = at.astype(np.intp)
            share = (at - before).astype(np.float32)[:, None]
            after = mel[np.minimum(before + 1, last)]
            picked = np.round(mel[before] * (1 - share) + after * share).astype(np.uint8)
        surface.image(colors[picked.T[::-1]], box, smooth=True)

    def _draw_scale(self, surface: Surface, row: RowRect, style: TrackStyle) -> None:
        gutter, centres = row.gutter, _band_centres(self._sound.features)
        for hz, words in ((200.0, "200 Hz"), (1000.0, "1 kHz"), (4000.0, "4 kHz")):
            share = float(np.interp(hz, centres, (np.arange(len(centres)) + 0.5) / len(centres)))
            y = gutter.bottom - share * gutter.height
            _draw_scale_words(surface, row, y, words, style)


def draw_key(
    surface: Surface, box: Rect, label: str, position: int, curves: Curves, style: TrackStyle
) -> None:
    """Draw how a label's area or line looks, in the middle of a box."""
    look, background = line_style(label, position), style.theme.background
    middle = box.middle[1]
    if curves.style == "areas":
        swatch = Rect(box.left, round(middle - style.grid(0.6)), box.width, style.grid(1.2))
        draw_swatch(surface, swatch, look, style)
        surface.rectangle(swatch, None, Stroke(outline(look.color, background) or look.color))
        return
    y = round(middle) + 0.5
    for stroke in line_strokes(look, style):
        surface.line((box.left, y), (box.right, y), stroke)


def line_strokes(look: LineStyle, style: TrackStyle) -> list[Stroke]:
    """Strokes of a label's line: first a rim, where the line would be too faint."""
    width, rim = 2.0 * style.scale, outline(look.color, style.theme.background)
    dashes = tuple(width * dash for dash in look.dashes)
    rims = [] if rim is None else [Stroke(rim, 1.75 * width, dashes)]
    return [*rims, Stroke(look.color, width, dashes)]


def level_share(level_dbfs: NDArray[np.floating] | float) -> NDArray[np.floating]:
    """A level on the scale of decibels: 0 at the floor and below, 1 at full scale."""
    return np.clip(1.0 - np.asarray(level_dbfs) / FLOOR_DB, 0.0, 1.0)


def _clipped(lowest: NDArray[np.float32], highest: NDArray[np.float32]) -> NDArray[np.bool_]:
    return (-lowest >= CLIPPED) | (highest >= CLIPPED)


def _sample_share(samples: NDArray[np.float32]) -> NDArray[np.floating]:
    """Magnitude of samples on the scale of decibels."""
    return level_share(20.0 * np.log10(np.maximum(samples, 1e-6)))


def _area_name_places(
    values: NDArray[np.float32], widths: Sequence[float], height: float, ratio: float, line: float
) -> Iterator[tuple[int, tuple[int, int, float]]]:
    """Places where a label's area has room for its name: label, columns, middle in pixels."""
    with np.errstate(invalid="ignore"):
        tops = (1.0 - np.cumsum(values, axis=1)) * height
    bottoms = tops + values * height
    written = 0
    for place, width in enumerate(widths):
        with np.errstate(invalid="ignore"):
            tall = bottoms[:, place] - tops[:, place] >= line
        free = 0
        for begin, end in runs(tall, least=width * ratio):
            if begin < free or written >= _MOST_NAMES:
                continue
            middle, half = (begin + end) // 2, round(width * ratio / 2)
            inside = slice(middle - half, middle + half)
            top, bottom = tops[inside, place].max(), bottoms[inside, place].min()
            if bottom - top >= line - 2:
                written += 1
                free = end + round(2 * width * ratio)
                yield place, (middle - half, middle + half, float(top + bottom) / 2)


def _line_name_places(
    values: NDArray[np.float32], widths: Sequence[float], height: float, ratio: float, line: float
) -> Iterator[tuple[int, tuple[int, int, float]]]:
    """Places where a label leads long enough for its name: label, columns, middle in pixels."""
    known = np.nan_to_num(values)
    leader = known.argmax(axis=1)
    written, free = 0, 0
    edges = np.concatenate([[0], np.flatnonzero(np.diff(leader)) + 1, [len(leader)]])
    for run in np.flatnonzero(np.diff(edges) >= min(widths) * ratio):
        begin, end = int(edges[run]), int(edges[run + 1])
        place = int(leader[begin])
        half = round(widths[place] * ratio / 2)
        peak = begin + int(np.argmax(known[begin:end, place]))
        middle = min(max(peak, begin + half, free + half), end - half)
        if end - begin < 2 * half or middle - half < free or written >= _MOST_NAMES:
            continue
        highest = float(known[middle - half : middle + half, place].max())
        y = (1.0 - highest) * height - line / 2 - 3.0
        if highest >= _LEAST_LEADING and y >= line / 2:
            written, free = written + 1, middle + 3 * half
            yield place, (middle - half, middle + half, y)


def _draw_message(
    surface: Surface, box: Rect, style: TrackStyle, words: str, color: str | None = None
) -> None:
    """Write words on a ground of their own, in the middle of a box."""
    width = min(surface.text_width(words, small(style)) + style.grid(1), box.width)
    high = line_height(style) + style.grid(0.5)
    cell = Rect(box.middle[0] - width / 2, box.middle[1] - high / 2, width, high)
    surface.rectangle(cell, style.theme.background)
    write(surface, cell, words, small(style), color or style.theme.muted, "middle")


def _draw_scale_words(
    surface: Surface, row: RowRect, y: float, words: str, style: TrackStyle
) -> None:
    """Write words of a scale in the gutter, their middle at ``y``, or as near as they fit."""
    high, gutter = line_height(style), row.gutter
    top = min(max(gutter.top, y - high / 2), gutter.bottom - high)
    draw_title(surface, Rect(gutter.left, top, gutter.width, high), words, style)


def _reduced(how: np.ufunc, values: NDArray[Any], edges: NDArray[np.float64]) -> NDArray[Any]:
    """Values from each edge to the next, which are places among them, as one."""
    starts = np.clip(edges.astype(np.intp), 0, len(values) - 1)
    stop = max(1, int(starts[-1]))
    found: NDArray[Any] = how.reduceat(values[:stop], np.minimum(starts[:-1], stop - 1), axis=0)
    return found


def _scaled(samples: NDArray[np.number]) -> NDArray[np.float32]:
    """Samples of 16 bit as shares of full scale."""
    return samples.astype(np.float32) / np.float32(32767)


def _gain(samples: NDArray[np.float32]) -> float:
    """Factor by which the loudest of some samples fills a track."""
    loudest = float(np.max(np.abs(samples)))
    return 1.0 / max(_QUIETEST_PEAK, loudest) if loudest else 1.0


def _visible_blocks(viewport: Viewport) -> range:
    """Blocks of sound that are seen."""
    first, last = (
        int(max(0.0, time_s) // BLOCK_S) for time_s in (viewport.start_s, viewport.end_s)
    )
    return range(first, last + 1)


@functools.cache
def _band_centres(params: FeatureParams) -> NDArray[np.float64]:
    """Frequency of each mel band in Hz, shape ``(n_mels,)``."""
    peaks = mel_filterbank(params).argmax(axis=1).astype(np.float64)
    centres: NDArray[np.float64] = peaks * (SAMPLE_RATE / params.n_fft)
    return centres


@functools.cache
def _spectrum_colors(background: str) -> NDArray[np.uint32]:
    """From the ground to the loudest: ever lighter on dark, ever darker on light."""
    if readable_on(background) == "#000000":
        return color_ramp((rgb(background), 0xC9DDE9, 0x5A9EC7, 0x0B5C8E, 0x06202F))
    return color_ramp((rgb(background), 0x17324A, 0x1F6F9F, 0x7CC7EE, 0xFFFFFF))

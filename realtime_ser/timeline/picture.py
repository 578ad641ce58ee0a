"""The timeline of a session as a picture that prints well.

A session of more than a minute is broken into rows, as text into lines. It is drawn on white, and
nothing is told by colour alone: segments carry their labels, the areas lie in the order of the
legend, and lines have dashes of their own.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.labels import COLORS, DASHES, LABELS
from realtime_ser.base.records import STEP_S, Marker, Segment, State
from realtime_ser.base.text import UNNAMED_MARKER, channel_title, clock_text, one_line, percent_text
from realtime_ser.session.store import Columns, Interval, SessionInfo, Store
from realtime_ser.session.store.blobs import STATES
from realtime_ser.session.store.values import speaker_of
from realtime_ser.timeline.svg import Point, Svg, fitted, shortened, text_width

CurveStyle = Literal["areas", "lines"]
"""How probabilities are drawn: areas that are stacked on each other, or a line each."""

_ROWS = 8  # at most
_SPANS_S = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600, 43200)
_ONE_ROW_S = 60  # what is not longer is not broken
_TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
_BINS, _FEW_BINS = 960, 240  # at most, in a row of up to two minutes, and in a longer one
_SHORT_ROW_S = 120
_FLOOR_DB = -60.0

_WIDTH, _LEFT, _RIGHT = 1072.0, 78.0, 34.0
_PLOT = _WIDTH - _LEFT - _RIGHT
_HEADING, _LEGEND = 62.0, 22.0
_CHANNEL_HEIGHT, _LEVEL, _AXIS, _SPACE = 18.0, 26.0, 21.0, 18.0
_BAND, _NO_BAND = 20.0, 9.0  # segments are named where they are long enough
_AREA, _LOW_AREA, _FEW_ROWS = 100.0, 64.0, 3  # many rows are lower
_SIZE, _SMALL, _TITLE = 13.0, 12.0, 18.0
_INK, _MUTED, _GRID, _WAVE = "#1a1a1a", "#595959", "#d9d9d9", "#8c8c8c"
_SPARE = tuple(LABELS)
_GAPS = {State.LOST: "sound lost", State.PAUSED: "paused"}


def timeline_svg(store: Store, info: SessionInfo, style: CurveStyle = "areas") -> str:
    """Draw a session: probabilities, segments, markers, intervals labelled by hand, the level.

    Parameters
    ----------
    store, info
        The session.
    style
        How probabilities are drawn.

    Returns
    -------
    An SVG document of a fixed width, with title, date and model above. A stretch of time that is
    narrower than a dot shows the mean of its speech steps and the largest of its levels.
    """
    sheet = _TimelineFigure.of(store, info, style)
    top = _HEADING + _LEGEND
    height = top + sum(map(sheet.height, sheet.rows))
    svg = _new_svg(height, f"Timeline of {_title(info)}")
    _draw_heading(svg, info)
    _draw_legend(svg, info.metadata.labels, _HEADING, style)
    for row in sheet.rows:
        sheet.draw(svg, row, top)
        top += sheet.height(row)
    return svg.text()


def timeline_parts(store: Store, info: SessionInfo, style: CurveStyle = "areas") -> list[str]:
    """The same, without what stands above, as documents for the legend and each row.

    A page may break between them.
    """
    sheet = _TimelineFigure.of(store, info, style)
    legend = _new_svg(_LEGEND, "Legend")
    _draw_legend(legend, info.metadata.labels, 8.0, style)
    parts = [legend]
    for row in sheet.rows:
        words = f"Timeline from {clock_text(row.start_s)} to {clock_text(row.end_s)}"
        parts.append(_new_svg(sheet.height(row), words))
        sheet.draw(parts[-1], row, 0.0)
    return [part.text() for part in parts]


def _new_svg(height: float, title: str) -> Svg:
    svg = Svg(_WIDTH, height, title)
    svg.rect(0, 0, _WIDTH, height, fill="#ffffff")
    return svg


def svg_file(svg: str) -> str:
    """A drawing as a file of its own."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{svg}'


# --------------------------------------------------------------------------------------- what it is


@dataclass(frozen=True, slots=True)
class _TimeRow:
    """A line of the picture, in seconds."""

    start_s: float
    end_s: float

    def x(self, time_s: float) -> float:
        """Place of a time, within the row."""
        share = (time_s - self.start_s) / (self.end_s - self.start_s)
        return _LEFT + _PLOT * min(1.0, max(0.0, share))

    @property
    def is_short(self) -> bool:
        """Whether it is so short that single steps are seen."""
        return self.end_s - self.start_s <= _SHORT_ROW_S

    def overlaps(self, start_s: float, end_s: float) -> bool:
        """Whether something is seen of a stretch, or of a moment."""
        return start_s < self.end_s and (end_s > self.start_s or start_s >= self.start_s)


@dataclass(frozen=True, slots=True)
class _ChannelData:
    """What there is of one channel."""

    columns: Columns
    title: str
    segments: tuple[Segment, ...]

    @classmethod
    def of(cls, store: Store, info: SessionInfo, number: int) -> _ChannelData:
        """Read a channel; its title is empty where it is the only one and has no name."""
        title = speaker_of(info, number)
        segments = [s for s in store.segments(info.id) if s.channel == number]
        return cls(store.columns(info.id, number), title, tuple(segments))


@dataclass(frozen=True, slots=True)
class _Annotations:
    """What people marked."""

    markers: list[Marker]
    intervals: list[Interval]

    def tiers(self, row: _TimeRow) -> dict[tuple[str, int | None], list[Interval]]:
        """Intervals that a row shows, by tier and channel."""
        found: defaultdict[tuple[str, int | None], list[Interval]] = defaultdict(list)
        for interval in self.intervals:
            if row.overlaps(interval.start_s, interval.end_s):
                found[interval.tier, interval.channel].append(interval)
        return found

    def any_marker(self, row: _TimeRow) -> bool:
        """Whether a row shows a marker."""
        return any(row.overlaps(m.time_s, m.time_s + m.duration_s) for m in self.markers)


@dataclass(frozen=True, slots=True)
class _ChannelBins:
    """A channel in a row, by equal stretches of time.

    ``means`` has shape ``(bins, labels)``, NaN where nobody spoke; ``level`` and ``state`` have
    shape ``(bins,)``, the state -1 where there is no step.
    """

    means: NDArray[np.float64]
    level: NDArray[np.float64]
    state: NDArray[np.int64]


def _rows(info: SessionInfo, marks: _Annotations) -> Iterator[_TimeRow]:
    ends = [m.time_s + m.duration_s for m in marks.markers]
    end_s = max([info.duration_s, STEP_S, *ends, *(i.end_s for i in marks.intervals)])
    if end_s <= _ONE_ROW_S:
        span_s = 2 * math.ceil(end_s / 2)  # whole steps
    else:
        long = (span for span in _SPANS_S if span * _ROWS >= end_s)
        span_s = next(long, math.ceil(end_s / (86400 * _ROWS)) * 86400)
    start_s = 0
    while start_s < end_s:
        yield _TimeRow(start_s, start_s + span_s)
        start_s += span_s


@dataclass(frozen=True, slots=True)
class _TimelineFigure:
    """All rows of a picture, and what is on them."""

    info: SessionInfo
    style: CurveStyle
    channel_data: tuple[_ChannelData, ...]
    marks: _Annotations
    rows: tuple[_TimeRow, ...]

    @classmethod
    def of(cls, store: Store, info: SessionInfo, style: CurveStyle) -> _TimelineFigure:
        """Read a session and break it into rows."""
        channel_data = tuple(
            _ChannelData.of(store, info, channel.number) for channel in info.channels
        )
        marks = _Annotations(store.markers(info.id), store.intervals(info.id))
        return cls(info, style, channel_data, marks, tuple(_rows(info, marks)))

    @property
    def area(self) -> float:
        """Height of the probabilities."""
        return _AREA if len(self.rows) <= _FEW_ROWS else _LOW_AREA

    @property
    def band(self) -> float:
        """Height of the segments."""
        return _BAND if self.rows[0].is_short else _NO_BAND

    def height(self, row: _TimeRow) -> float:
        """Height of a row."""
        above = _CHANNEL_HEIGHT * (self.marks.any_marker(row) + len(self.marks.tiers(row)))
        return (
            above + len(self.channel_data) * (self.band + self.area + _LEVEL + 6.0) + _AXIS + _SPACE
        )

    def draw(self, svg: Svg, row: _TimeRow, top: float) -> None:
        """Draw a row."""
        _RowPainter(svg, row, self).draw(top)


def _bins(columns: Columns, row: _TimeRow) -> _ChannelBins:
    first, last = round(row.start_s / STEP_S), round(row.end_s / STEP_S)
    count = min(_BINS if row.is_short else _FEW_BINS, last - first)
    inside = slice(*np.searchsorted(columns.step, (first, last)))
    steps = columns.step[inside].astype(np.int64)
    place = (steps - first) * count // (last - first)
    labels = len(columns.labels)
    speech = columns.speech[inside]
    spoken = np.bincount(place[speech], minlength=count)
    sums = np.stack(
        [
            np.bincount(place[speech], columns.probabilities[inside][speech, index], count)
            for index in range(labels)
        ],
        axis=1,
    )
    means = np.full((count, labels), np.nan)
    means[spoken > 0] = sums[spoken > 0] / spoken[spoken > 0, None]
    level = np.full(count, _FLOOR_DB)
    np.maximum.at(level, place, columns.level_dbfs[inside])
    state = np.full(count, -1, np.int64)
    state[place] = columns.state[inside]
    return _ChannelBins(means, level, state)


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Half-open ranges in which a mask is true."""
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    return [(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def _title(info: SessionInfo) -> str:
    return one_line(info.metadata.title) or one_line(info.metadata.source.name) or info.id


def _color(label: str, position: int) -> str:
    return COLORS.get(label, COLORS[_SPARE[position % len(_SPARE)]])


def _tint(color: str) -> str:
    """A light tone of a colour, on which black text is read."""
    return _blend(color, 255, 0.35)


def _shade(color: str) -> str:
    """A dark tone of a colour."""
    return _blend(color, 0, 0.6)


def _blend(color: str, target: int, share: float) -> str:
    parts = bytes.fromhex(color.removeprefix("#"))
    return "#" + bytes(round(share * part + (1 - share) * target) for part in parts).hex()


def _dashes(label: str, position: int, width: float) -> dict[str, str]:
    dashes = DASHES.get(label, DASHES[_SPARE[position % len(_SPARE)]])
    pattern = " ".join(f"{dash * width:g}" for dash in dashes)
    return {"stroke_dasharray": pattern} if dashes else {}


# ------------------------------------------------------------------------------------------ drawing


def _draw_heading(svg: Svg, info: SessionInfo) -> None:
    metadata = info.metadata
    title = shortened(_title(info), _TITLE, _PLOT)
    svg.words(_LEFT, 26, title, _TITLE, fill=_INK, font_weight="bold")
    facts = [
        metadata.started.strftime("%Y-%m-%d %H:%M"),
        clock_text(info.duration_s),
        *([one_line(metadata.source.name)] if metadata.title else []),
        *(["synthesised speech"] if metadata.source.demo else []),
        *([info.state.value] if info.state.value != "complete" else []),
        f"model {metadata.model_text}",
    ]
    words = shortened("  ·  ".join(facts), _SIZE, _PLOT)
    svg.words(_LEFT, 46, words, _SIZE, fill=_MUTED)


def _draw_legend(svg: Svg, labels: Sequence[str], top: float, style: CurveStyle) -> None:
    """A swatch and a name each, in the order in which the areas are stacked from below."""
    gap = _PLOT / max(1, len(labels))
    for index, label in enumerate(labels):
        x, y, color = _LEFT + gap * index, top + 4, _color(label, index)
        if style == "areas":
            svg.rect(x, y - 8, 12, 10, fill=color, stroke=_INK, stroke_width=0.4)
        else:
            dashes = _dashes(label, index, 2.0)
            ends = ((x, y - 3), (x + 24, y - 3))
            svg.polyline(ends, stroke=_shade(color), stroke_width=3.0, **dashes)
            svg.polyline(ends, stroke=color, stroke_width=1.8, **dashes)
        left = 17 if style == "areas" else 30
        words = shortened(one_line(label), _SMALL, gap - left - 3)
        svg.words(x + left, y + 1, words, _SMALL, fill=_INK)


@dataclass(frozen=True, slots=True)
class _RowPainter:
    """Draws one row."""

    svg: Svg
    row: _TimeRow
    sheet: _TimelineFigure

    def draw(self, top: float) -> None:
        """Draw everything of the row, its upper edge at ``top``."""
        marks, area, band = self.sheet.marks, self.sheet.area, self.sheet.band
        bottom = top + self.sheet.height(self.row) - _AXIS - _SPACE - 6.0
        y = top
        if marks.any_marker(self.row):
            self._markers(marks.markers, top, bottom)
            y += _CHANNEL_HEIGHT
        for (tier, channel), intervals in marks.tiers(self.row).items():
            self._intervals(tier, channel, intervals, y)
            y += _CHANNEL_HEIGHT
        for data in self.sheet.channel_data:
            self._channel(data, y)
            self._marker_lines(marks.markers, y + band, y + band + area + _LEVEL)
            y += band + area + _LEVEL + 6.0
        self._axis(bottom)

    def _channel(self, data: _ChannelData, top: float) -> None:
        area = top + self.sheet.band
        bins = _bins(data.columns, self.row)
        self._grid(data.title, area)
        self._gaps(bins, area)
        if self.sheet.style == "areas":
            self._areas(bins, data.columns.labels, area)
        else:
            self._lines(bins, data.columns.labels, area)
        if self.row.is_short:
            self._segments(data, top)
        self._level(bins, area + self.sheet.area + 4.0)

    def _grid(self, title: str, area: float) -> None:
        end = self._visible_end
        for share in (0.0, 0.5, 1.0):
            y = area + self.sheet.area * (1.0 - share)
            self.svg.line((_LEFT, y), (end, y), stroke=_GRID, stroke_width=0.8)
            words = percent_text(share) if share else "0"
            self._margin_text(words, y + 4, _SMALL)
        if title:
            words = shortened(title, _SIZE, 0.85 * (_LEFT - 12))  # bold is wider
            self._margin_text(words, area - 8, _SIZE, fill=_INK, font_weight="bold")
        self._margin_text("level", area + self.sheet.area + _LEVEL - 6, _SMALL)

    def _margin_text(self, words: str, y: float, size: float, **attributes: str) -> None:
        attributes = {"fill": _MUTED, "text_anchor": "end"} | attributes
        self.svg.words(_LEFT - 8, y, words, size, **attributes)

    @property
    def _visible_end(self) -> float:
        """Where the session ends, or the row."""
        return max(self.row.x(max(self.sheet.info.duration_s, self.row.start_s)), _LEFT + 1.0)

    def _gaps(self, bins: _ChannelBins, area: float) -> None:
        for state, words in _GAPS.items():
            for start, end in _runs(bins.state == STATES.index(state)):
                left, right = self._edge(start, bins), self._edge(end, bins)
                self.svg.rect(left, area, right - left, self.sheet.area + _LEVEL, fill="#ececec")
                x = left + 4
                while x < right + self.sheet.area:
                    self._hatch(x, left, right, area)
                    x += 9
                if text_width(words, _SMALL) + 8 < right - left:
                    middle = (left + right) / 2
                    attributes = {"fill": _INK, "text_anchor": "middle"}
                    self.svg.words(middle, area + self.sheet.area / 2, words, _SMALL, **attributes)

    def _hatch(self, x: float, left: float, right: float, area: float) -> None:
        """A slanted line, cut off at the edges of a gap."""
        start, end = max(left, x - self.sheet.area), min(right, x)
        if start < end:
            points = ((start, area + x - start), (end, area + x - end))
            self.svg.line(*points, stroke="#bfbfbf", stroke_width=0.7)

    def _edge(self, index: int, bins: _ChannelBins) -> float:
        return _LEFT + _PLOT * index / len(bins.level)

    def _curve(self, start: int, end: int, bins: _ChannelBins) -> list[float]:
        """Places of the bins' middles, and of the outer edges."""
        middles = [
            self._edge(index, bins) + _PLOT / len(bins.level) / 2 for index in range(start, end)
        ]
        return [self._edge(start, bins), *middles, self._edge(end, bins)]

    def _areas(self, bins: _ChannelBins, labels: Sequence[str], area: float) -> None:
        for start, end in _runs(~np.isnan(bins.means[:, 0])):
            xs = self._curve(start, end, bins)
            edges = np.cumsum(np.pad(bins.means[start:end], ((0, 0), (1, 0))), axis=1)
            edges = np.pad(edges, ((1, 1), (0, 0)), mode="edge") / edges[:, -1].max()
            ys = area + self.sheet.area * (1.0 - edges)
            for index, label in enumerate(labels):
                lower = list(zip(xs, ys[:, index].tolist(), strict=True))
                upper = list(zip(xs, ys[:, index + 1].tolist(), strict=True))
                attributes = {"fill": _color(label, index)}
                if self.row.is_short:  # else there would be more white than colour
                    attributes |= {"stroke": "#ffffff", "stroke_width": "0.5"}
                self.svg.polygon([*lower, *reversed(upper)], **attributes)

    def _lines(self, bins: _ChannelBins, labels: Sequence[str], area: float) -> None:
        for start, end in _runs(~np.isnan(bins.means[:, 0])):
            xs = self._curve(start, end, bins)
            for index, label in enumerate(labels):
                values = np.pad(bins.means[start:end, index], 1, mode="edge")
                ys = (area + self.sheet.area * (1.0 - values)).tolist()
                points: list[Point] = list(zip(xs, ys, strict=True))
                dashes, color = _dashes(label, index, 1.6), _color(label, index)
                # A darker rim, since some colours are too faint on paper.
                self.svg.polyline(points, stroke=_shade(color), stroke_width=2.4, **dashes)
                self.svg.polyline(points, stroke=color, stroke_width=1.4, **dashes)

    def _segments(self, data: _ChannelData, top: float) -> None:
        """A box each, with its label; an uncertain one is dashed and has a question mark."""
        labels = data.columns.labels
        for segment in data.segments:
            if not self.row.overlaps(segment.start_s, segment.end_s):
                continue
            left, right = self.row.x(segment.start_s), self.row.x(segment.end_s)
            if right - left < 1.0:
                continue
            estimate = segment.estimate
            position = labels.index(estimate.label) if estimate.label in labels else 0
            fill = _tint(_color(estimate.label, position)) if estimate.certain else "#ffffff"
            attributes: dict[str, str | float] = {"fill": fill, "stroke": _INK, "stroke_width": 0.7}
            if not estimate.certain:
                attributes["stroke_dasharray"] = "3 2"
            self.svg.rect(left, top + 2, right - left, _BAND - 4, **attributes)
            mark = "" if estimate.certain else "?"
            name = one_line(estimate.label)
            words = (
                f"{name}{mark} {percent_text(estimate.confidence)}",
                f"{name}{mark}",
                f"{name[:3]}{mark}",
            )
            text = fitted(words, _SMALL, right - left - 4)
            middle = {"fill": _INK, "text_anchor": "middle"}
            self.svg.words((left + right) / 2, top + _BAND - 5.5, text, _SMALL, **middle)

    def _level(self, bins: _ChannelBins, top: float) -> None:
        height = _LEVEL - 4.0
        bottom = top + height
        heard = np.isin(bins.state, [STATES.index(s) for s in (State.SPEECH, State.SILENCE)])
        for start, end in _runs(heard):
            xs = self._curve(start, end, bins)
            loud = np.pad(bins.level[start:end], 1, mode="edge").clip(_FLOOR_DB, 0.0)
            ys = (bottom - height * (loud - _FLOOR_DB) / -_FLOOR_DB).tolist()
            points = [(xs[0], bottom), *zip(xs, ys, strict=True), (xs[-1], bottom)]
            self.svg.polygon(points, fill=_WAVE)
        self.svg.line((_LEFT, bottom), (self._visible_end, bottom), stroke=_GRID, stroke_width=0.8)

    def _axis(self, top: float) -> None:
        span_s = self.row.end_s - self.row.start_s
        step_s = next((s for s in _TICKS_S if s / span_s * _PLOT >= 90), _TICKS_S[-1])
        self.svg.line((_LEFT, top), (_LEFT + _PLOT, top), stroke=_MUTED, stroke_width=0.8)
        for tick in np.arange(self.row.start_s, self.row.end_s + step_s / 2, step_s):
            x = self.row.x(float(tick))
            self.svg.line((x, top), (x, top + 4), stroke=_MUTED, stroke_width=0.8)
            words = clock_text(float(tick))
            self.svg.words(x, top + 16, words, _SMALL, fill=_MUTED, text_anchor="middle")

    def _markers(self, markers: Sequence[Marker], top: float, bottom: float) -> None:
        """Texts, each with a line down through all channels; a stretch has a bar too."""
        shown = [m for m in markers if self.row.overlaps(m.time_s, m.time_s + m.duration_s)]
        shown.sort(key=lambda marker: marker.time_s)
        self._marker_lines(shown, top + 2, bottom)
        texts: dict[float, list[str]] = {}
        for marker in shown:
            x = self.row.x(marker.time_s)
            if marker.duration_s > 0:
                end = self.row.x(marker.time_s + marker.duration_s)
                self.svg.rect(x, top + _CHANNEL_HEIGHT - 3, end - x, 2.4, fill=_INK)
            name = ": ".join(w for t in (marker.code, marker.text) if (w := one_line(t)))
            texts.setdefault(round(x), []).append(name or UNNAMED_MARKER)
        for (x, names), end in zip(texts.items(), [*list(texts)[1:], _WIDTH - 4], strict=True):
            words = shortened("  ·  ".join(names), _SMALL, end - x - 8)
            self.svg.words(x + 4, top + 11, words, _SMALL, fill=_INK)

    def _marker_lines(self, markers: Sequence[Marker], top: float, bottom: float) -> None:
        for marker in markers:
            if self.row.start_s <= marker.time_s < self.row.end_s:
                x = self.row.x(marker.time_s)
                attributes = {"stroke": _INK, "stroke_dasharray": "4 3"}
                self.svg.line((x, top), (x, bottom), **attributes, stroke_width=0.9)

    def _intervals(
        self, tier: str, channel: int | None, intervals: Sequence[Interval], top: float
    ) -> None:
        names = self.sheet.info.metadata.names
        about = (
            ""
            if channel is None or len(self.sheet.info.channels) == 1
            else channel_title(channel, names)
        )
        words = ", ".join(w for w in (one_line(tier), one_line(about)) if w)
        title = shortened(words, _SMALL, _LEFT - 12)
        self._margin_text(title, top + 12, _SMALL, fill=_INK)
        for interval in intervals:
            left, right = self.row.x(interval.start_s), self.row.x(interval.end_s)
            attributes = {"fill": "#f5f5f5", "stroke": _INK}
            self.svg.rect(
                left,
                top + 1,
                max(1.0, right - left),
                _CHANNEL_HEIGHT - 4,
                **attributes,
                stroke_width=0.7,
            )
            name = one_line(interval.label) or one_line(interval.text)
            words = shortened(name, _SMALL, right - left - 6)
            self.svg.words(left + 3, top + 11.5, words, _SMALL, fill=_INK)

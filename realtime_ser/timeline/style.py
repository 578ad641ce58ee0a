"""Colours, dashes and patterns of everything that is drawn over time: the only place they are in.

Two patterns and two lines never look alike, so that labels are told apart without their colours.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Literal

from realtime_ser.base.labels import COLORS, DASHES, LABELS

Hatch = Literal["horizontal", "vertical", "rising", "falling", "dots", "dense dots"]
"""Lines or dots over an area, :data:`HATCH_PX` apart."""

HATCH_PX = 8

CurveStyle = Literal["areas", "lines"]
"""How probabilities are drawn: areas that are stacked on each other, or a line each."""

GAP_HATCH: tuple[Hatch, ...] = ("rising",)
GAP_WORDS = {"lost": "sound lost", "paused": "paused", "missing": "not shown"}
"""Words of a gap, by the fields of :class:`~realtime_ser.timeline.pyramid.Bins`."""

FLOOR_DB = -60.0
"""Lower end of the level's scale, in dBFS: what is quieter counts as silence."""

CLIPPED = 0.999
"""Magnitude from which a sample counts as clipped."""

TICKS_S = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0),
    *(60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10800.0, 21600.0, 43200.0),
)
"""Distances of the time axis' ticks; where none is far enough, they are whole days."""

_DAY_S = 86_400


def whole_days_s(least_s: float) -> int:
    """Seconds of the fewest whole days that are as long."""
    return _DAY_S * math.ceil(least_s / _DAY_S)


@dataclass(frozen=True, slots=True)
class LineStyle:
    """How one label is drawn.

    Attributes
    ----------
    color
        ``#rrggbb``.
    dashes
        Lengths of strokes and gaps of its line in turn, in widths of the line; empty: solid.
    pattern
        What is drawn over its area, in a darker tone; empty: nothing.
    """

    color: str
    dashes: tuple[float, ...] = ()
    pattern: tuple[Hatch, ...] = ()


_PATTERNS: dict[str, tuple[Hatch, ...]] = {
    "neutral": ("dots",),
    "calm": ("horizontal",),
    "happy": (),
    "sad": ("falling",),
    "angry": ("rising",),
    "fearful": ("dense dots",),
    "disgust": ("vertical",),
    "surprised": ("rising", "falling"),
}

LINES = {label: LineStyle(COLORS[label], DASHES[label], _PATTERNS[label]) for label in LABELS}

_FALLBACK_LINES = tuple(LINES.values())


def line_style(label: str, position: int) -> LineStyle:
    """Style of a label; a label other than the eight has the style at its position."""
    return LINES.get(label, _FALLBACK_LINES[position % len(_FALLBACK_LINES)])


@dataclass(frozen=True, slots=True)
class Curves:
    """How probabilities are shown: as areas or lines, and without which labels."""

    style: CurveStyle = "areas"
    hidden: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """Colours of a device, ``#rrggbb``. Text reaches 4.5:1 on each surface, graphics 3:1.

    Attributes
    ----------
    background, panel, raised
        Grounds of the plots, of a tier, and of a box.
    border
        Edge of a box, and hatching of a gap.
    grid, band
        Lines of the grid, and ground of speech.
    text, muted
        Words, and those that matter less.
    wave, voice
        Peaks of the samples; level, waveform and voice.
    danger
        What was clipped.
    """

    background: str
    panel: str
    raised: str
    border: str
    grid: str
    band: str
    text: str
    muted: str
    wave: str
    voice: str
    danger: str

    def outline(self, color: str) -> str | None:
        """Darker rim for a line that would be too faint here; ``None`` where it is clear enough."""
        return outline(color, self.background)


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme(Palette):
    """Colours of window and page: those of a timeline, and more."""

    name: Literal["dark", "light"]
    hover: str
    accent: str
    on_accent: str
    recording_light: str
    banner: str
    on_banner: str


DARK = Theme(
    name="dark",
    background="#14161A",
    panel="#1A1D22",
    raised="#262A31",
    hover="#31363F",
    border="#707885",
    grid="#272B32",
    band="#1E2229",
    text="#ECEEF1",
    muted="#A7AEB9",
    accent="#56B4E9",
    on_accent="#0B1117",
    wave="#4F5A69",
    voice="#8E9BAD",
    danger="#FF7B66",
    recording_light="#FF453A",
    banner="#3B3415",
    on_banner="#FBE9A6",
)

LIGHT = Theme(
    name="light",
    background="#FAFAF8",
    panel="#F2F2EF",
    raised="#FFFFFF",
    hover="#E9EAE6",
    border="#85878B",
    grid="#E3E3DF",
    band="#E9ECF0",
    text="#17191D",
    muted="#565B64",
    accent="#0067A3",
    on_accent="#FFFFFF",
    wave="#B3BAC4",
    voice="#69727F",
    danger="#B3261E",
    recording_light="#D70015",
    banner="#FFF1B8",
    on_banner="#4A3B00",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackStyle:
    """Colours and sizes that tracks are drawn with.

    Attributes
    ----------
    theme
        The colours.
    scale
        Width of a thin line, in logical pixels.
    small_px
        Size of the type, in logical pixels.
    """

    theme: Palette
    scale: float
    small_px: int

    def grid(self, units: float) -> int:
        """Multiples of the 8-pixel grid, in logical pixels."""
        return round(8 * units * self.scale)


def rgb(color: str) -> int:
    """A colour as ``0xRRGGBB``."""
    return int(color.removeprefix("#"), 16)


def contrast(first: str, second: str) -> float:
    """Contrast of two colours as WCAG 2 defines it, 1 to 21."""
    high, low = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def darker(color: str, factor: float) -> str:
    """A colour whose parts are ``factor`` times smaller."""
    return "#" + bytes(round(part / factor) for part in _parts(color)).hex()


def lighter(color: str, factor: float) -> str:
    """A colour whose parts are ``factor`` times nearer to white."""
    return "#" + bytes(round(255 - (255 - part) / factor) for part in _parts(color)).hex()


@functools.cache
def outline(color: str, background: str) -> str | None:
    """Rim of a shape too faint on a ground; ``None`` where 3:1 is reached without one.

    The rim is a darker shade of the colour on a light ground, and a lighter one on a dark ground.
    """
    if contrast(color, background) >= 3.0:
        return None
    shade = darker if readable_on(background) == "#000000" else lighter
    rim = color
    while contrast(rim, background) < 3.0:
        rim = shade(rim, 1.15)
    return rim


@functools.cache
def readable_on(color: str) -> str:
    """Black or white, whichever is read more easily on a colour."""
    return max(("#000000", "#ffffff"), key=lambda text: contrast(text, color))


def _parts(color: str) -> bytes:
    return bytes.fromhex(color.removeprefix("#"))


def _luminance(color: str) -> float:
    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(part / 255) for part in _parts(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

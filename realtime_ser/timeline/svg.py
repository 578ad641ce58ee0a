"""A surface that makes an SVG Tiny 1.2 document."""

from __future__ import annotations

import base64
import struct
import zlib
from unicodedata import east_asian_width
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from realtime_ser.timeline.surface import Anchor, Font, Image, Places, Point, Rect, Stroke

FONT_FAMILY = "Helvetica, Arial, 'DejaVu Sans', sans-serif"
_NARROW, _WIDE, _BOLD = 0.56, 1.0, 1.1  # widths of characters, in sizes of the type


class SvgSurface:
    """Collects shapes, the later ones above.

    Parameters
    ----------
    width, height
        In user units; the picture has no other size.
    title
        What the picture shows, for those who cannot see it.
    """

    pixels = False

    def __init__(self, width: float, height: float, title: str) -> None:
        size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
        about = f'font-family="{FONT_FAMILY}" role="img"'
        root = '<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny"'
        self._parts = [f"{root} {size} {about}>", f"<title>{escape(title)}</title>"]

    def document(self) -> str:
        """The document, without an XML declaration, so that a page can hold it."""
        return "\n".join([*self._parts, "</svg>"]) + "\n"

    def rectangle(self, rect: Rect, fill: str | None, stroke: Stroke | None = None) -> None:
        """Add a rectangle."""
        place = f'x="{rect.left:.2f}" y="{rect.top:.2f}" '
        place += f'width="{rect.width:.2f}" height="{rect.height:.2f}"'
        self._parts.append(f"<rect {place}{_fill(fill)}{_stroke(stroke)}/>")

    def line(self, start: Point, end: Point, stroke: Stroke) -> None:
        """Add a line."""
        place = 'x1="{:.2f}" y1="{:.2f}" x2="{:.2f}" y2="{:.2f}"'.format(*start, *end)
        self._parts.append(f"<line {place}{_stroke(stroke)}/>")

    def polyline(self, xs: Places, ys: Places, stroke: Stroke) -> None:
        """Add a line of several corners, or a path where there are gaps."""
        known = ~(np.isnan(xs) | np.isnan(ys))
        if known.all():
            place = f'polyline points="{_points(xs, ys)}"'
        else:
            commands, pen = [], "M"
            for x, y, drawn in zip(xs, ys, known, strict=True):
                commands += [f"{pen}{x:.1f} {y:.1f}"] if drawn else []
                pen = "L" if drawn else "M"
            place = f'path d="{"".join(commands)}"'
        self._parts.append(f'<{place} fill="none"{_stroke(stroke)}/>')

    def polygon(self, xs: Places, ys: Places, fill: str, stroke: Stroke | None = None) -> None:
        """Add a filled shape."""
        self._parts.append(f'<polygon points="{_points(xs, ys)}"{_fill(fill)}{_stroke(stroke)}/>')

    def text(self, words: str, at: Point, font: Font, color: str, anchor: Anchor = "start") -> None:
        """Add text."""
        look = f'font-size="{font.size:g}" fill="{color}"'
        look += ' font-weight="bold"' if font.bold else ""
        look += "" if anchor == "start" else f' text-anchor="{anchor}"'
        place = f'x="{at[0]:.2f}" y="{at[1]:.2f}"'
        self._parts.append(f"<text {place} {look}>{escape(words)}</text>")

    def image(self, image: Image, rect: Rect, *, smooth: bool = False) -> None:  # noqa: ARG002
        """Add a picture."""
        data = base64.b64encode(_png(image)).decode("ascii")
        place = f'x="{rect.left:.2f}" y="{rect.top:.2f}" '
        place += f'width="{rect.width:.2f}" height="{rect.height:.2f}" preserveAspectRatio="none"'
        place += ' xmlns:xlink="http://www.w3.org/1999/xlink"'
        self._parts.append(f'<image {place} xlink:href="data:image/png;base64,{data}"/>')

    def text_width(self, words: str, font: Font) -> float:
        """Roughly the width: a document names several fonts."""
        return text_width(words, font)


def text_width(words: str, font: Font) -> float:
    """Width of a line of words in most of the fonts that a document names, in user units."""
    wide = sum(east_asian_width(character) in "WF" for character in words)
    width = font.size * (_NARROW * (len(words) - wide) + _WIDE * wide)
    return _BOLD * width if font.bold else width


def _fill(color: str | None) -> str:
    return f" fill={quoteattr(color or 'none')}"


def _stroke(stroke: Stroke | None) -> str:
    if stroke is None:
        return ""
    dashes = " ".join(f"{length:g}" for length in stroke.dashes)
    pattern = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f' stroke="{stroke.color}" stroke-width="{stroke.width:g}"{pattern}'


def _points(xs: Places, ys: Places) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in zip(xs, ys, strict=True))


def _png(image: Image) -> bytes:
    """An image as an RGB PNG."""
    height, width = image.shape
    parts = np.stack([image >> shift & 0xFF for shift in (16, 8, 0)], axis=-1).astype(np.uint8)
    rows = np.pad(parts.reshape(height, -1), ((0, 0), (1, 0)))  # each row without a filter
    chunks = (
        (b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows.tobytes())),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )

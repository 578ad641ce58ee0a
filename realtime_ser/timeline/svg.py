"""The few shapes of SVG Tiny 1.2 that the timeline is drawn with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from unicodedata import east_asian_width
from xml.sax.saxutils import escape, quoteattr

FONT = "Helvetica, Arial, 'DejaVu Sans', sans-serif"
_NARROW, _WIDE = 0.56, 1.0  # widths of characters, in sizes of the type

Point = tuple[float, float]


class Svg:
    """Collects shapes, the later ones above.

    Parameters
    ----------
    width, height
        In user units; the picture has no other size.
    title
        What it shows, for those who cannot see it.
    """

    def __init__(self, width: float, height: float, title: str) -> None:
        size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
        about = f'font-family="{FONT}" role="img"'
        root = '<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny"'
        self._parts = [f"{root} {size} {about}>", f"<title>{escape(title)}</title>"]

    def text(self) -> str:
        """The document, without an XML declaration, so that a page can hold it."""
        return "\n".join([*self._parts, "</svg>"]) + "\n"

    def rect(
        self, x: float, y: float, width: float, height: float, **attributes: str | float
    ) -> None:
        """Add a rectangle."""
        place = f'x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}"'
        self._parts.append(f"<rect {place}{_attributes(attributes)}/>")

    def line(self, start: Point, end: Point, **attributes: str | float) -> None:
        """Add a line."""
        place = 'x1="{:.2f}" y1="{:.2f}" x2="{:.2f}" y2="{:.2f}"'.format(*start, *end)
        self._parts.append(f"<line {place}{_attributes(attributes)}/>")

    def polygon(self, points: Iterable[Point], **attributes: str | float) -> None:
        """Add a filled shape."""
        self._parts.append(f'<polygon points="{_points(points)}"{_attributes(attributes)}/>')

    def polyline(self, points: Iterable[Point], **attributes: str | float) -> None:
        """Add a line of several corners."""
        attributes = {"fill": "none", **attributes}
        self._parts.append(f'<polyline points="{_points(points)}"{_attributes(attributes)}/>')

    def words(self, x: float, y: float, words: str, size: float, **attributes: str | float) -> None:
        """Add text whose base line is at ``y``."""
        self._parts.append(
            f'<text x="{x:.2f}" y="{y:.2f}" font-size="{size:g}"{_attributes(attributes)}>'
            f"{escape(words)}</text>"
        )


def text_width(words: str, size: float) -> float:
    """Roughly how wide text is."""
    wide = sum(east_asian_width(character) in "WF" for character in words)
    return size * (_NARROW * (len(words) - wide) + _WIDE * wide)


def fitted(words: Sequence[str], size: float, width: float) -> str:
    """The first of several wordings that is not too wide; empty: none fits."""
    return next((text for text in words if text_width(text, size) <= width), "")


def shortened(words: str, size: float, width: float) -> str:
    """Text, cut where it becomes too wide; empty where not even a few letters fit."""
    if text_width(words, size) <= width:
        return words
    while words and text_width(f"{words}…", size) > width:
        words = words[:-1]
    return f"{words.rstrip()}…" if len(words) > 1 else ""


def _attributes(attributes: dict[str, str | float]) -> str:
    cells = {
        name.replace("_", "-"): f"{value:g}" if isinstance(value, float) else value
        for name, value in attributes.items()
    }
    return "".join(f" {name}={quoteattr(value)}" for name, value in cells.items())


def _points(points: Iterable[Point]) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in points)

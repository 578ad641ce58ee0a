"""Pages that need nothing but themselves: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from training.report import words

_TEMPLATES = Path(__file__).resolve().parent / "templates"


def render(template: str, **facts: Any) -> str:
    """Fill in a template of this room; every text is escaped."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "delay": words.delay,
        "language": words.language,
        "place": _place,
        "percent": words.percent,
        "points": words.points,
        "points_span": words.points_span,
        "ratio": words.ratio,
        "seconds": words.seconds,
        "size": words.size,
        "span": words.span,
        "tenth": words.tenth,
        "tenths": words.tenths,
    }
    return environment.get_template(template).render(**facts)


def _place(difference: float, limit: float) -> str:
    """Where a difference of shares lies on a scale from ``-limit`` to ``limit`` points."""
    return f"{50 + 50 * 100 * difference / limit:.1f}%"

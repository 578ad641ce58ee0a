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
        "place": _percent_position,
        "percent": words.percent,
        "points": words.points,
        "points_span": words.format_points_interval,
        "ratio": words.ratio,
        "seconds": words.seconds,
        "size": words.parameter_count,
        "span": words.format_interval,
        "tenth": words.one_decimal,
        "tenths": words.one_decimal_interval,
    }
    return environment.get_template(template).render(**facts)


def _percent_position(difference: float, limit: float) -> str:
    """Where a difference of shares lies on a scale from ``-limit`` to ``limit`` points."""
    return f"{50 + 50 * 100 * difference / limit:.1f}%"

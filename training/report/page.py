"""Pages that need nothing but themselves: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from training.report import formatting

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
        "delay": formatting.delay,
        "language": formatting.language,
        "place": _percent_position,
        "percent": formatting.percent,
        "points": formatting.points,
        "points_span": formatting.format_points_interval,
        "ratio": formatting.ratio,
        "seconds": formatting.seconds,
        "size": formatting.parameter_count,
        "span": formatting.format_interval,
        "tenth": formatting.one_decimal,
        "tenths": formatting.one_decimal_interval,
    }
    return environment.get_template(template).render(**facts)


def _percent_position(difference: float, limit: float) -> str:
    """Where a difference of shares lies on a scale from ``-limit`` to ``limit`` points."""
    return f"{50 + 50 * 100 * difference / limit:.1f}%"

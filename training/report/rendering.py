"""Templates of this room, filled in: HTML pages that load nothing from elsewhere, and Markdown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from training.corpora import title
from training.report import formatting
from training.tables import table

_TEMPLATES = Path(__file__).resolve().parent / "templates"


def render(template: str, **facts: Any) -> str:
    """Fill in a template of this room; in HTML, every text is escaped."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES, encoding="utf-8"),
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "bullet": _bullet,
        "delay": formatting.delay,
        "formatted": format,
        "group": formatting.language_group,
        "language": formatting.language,
        "names": formatting.join_names,
        "paragraph": _paragraph,
        "percent": formatting.percent,
        "place": _percent_position,
        "points": formatting.points,
        "points_span": formatting.format_points_interval,
        "ratio": formatting.ratio,
        "seconds": formatting.seconds,
        "size": formatting.parameter_count,
        "span": formatting.format_interval,
        "table": _aligned_table,
        "tenth": formatting.one_decimal,
        "tenths": formatting.one_decimal_interval,
        "title_of": title,
        "whole_percent": formatting.whole_percent,
    }
    return environment.get_template(template).render(**facts)


def render_markdown(template: str, **facts: Any) -> str:
    """Fill in a Markdown template; of several blank lines in a row, one remains."""
    return re.sub(r"\n{3,}", "\n\n", render(template, **facts)).strip()


def _percent_position(difference: float, limit: float) -> str:
    """CSS position of a difference of shares on a scale from ``-limit`` to ``limit`` points."""
    return f"{50 + 50 * 100 * difference / limit:.1f}%"


# ------------------------------------------------------------------------- filters for whole blocks


def _paragraph(text: str) -> str:
    words = " ".join(text.split())
    return f"{formatting.paragraph(words)}\n" if words else ""


def _bullet(text: str) -> str:
    return f"{formatting.bullet(' '.join(text.split()))}\n"


def _aligned_table(text: str, words: int = 1) -> str:
    """Markdown table with aligned columns; ``text`` holds the header and a line for each row."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    header, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return f"{table(header, rows, words=words)}\n"

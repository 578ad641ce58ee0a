"""Tables that read well on a terminal and in Markdown alike."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from realtime_ser.base.files import write_whole
from realtime_ser.base.paths import shipped

_TABLE = re.compile(r"(<!-- table: (?P<name>[a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1) -> str:
    """Lay out a table: the first ``words`` columns to the left, figures to the right."""
    widths = [max(len(row[k]) for row in (header, *rows)) for k in range(len(header))]
    rule = ["-" * width if k < words else "-" * (width - 1) + ":" for k, width in enumerate(widths)]
    lines = []
    for row in (header, rule, *rows):
        cells = [
            cell.ljust(width) if k < words else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def write_tables(page: str, tables: Mapping[str, str]) -> None:
    """Put tables into a page of the checkout's documentation, each between its marks.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    path = shipped("models").parent / "docs" / page
    text = _TABLE.sub(
        lambda found: f"{found[1]}{tables[found['name']]}\n{found[3]}", path.read_text("utf-8")
    )
    write_whole(path, text, "measure it in a checkout that can be written")

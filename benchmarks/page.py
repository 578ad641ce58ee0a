"""Tables of ``docs/benchmarks.md``, each written by the run that measured it.

``python -m benchmarks.page NAME ...`` measures and writes them between their marks. With ``--keep
FILE`` what was measured is kept there and not measured again, and ``--most N`` ends a run after so
many measurements, so that a long table can be made in pieces while a machine is quiet.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks import analysis, parts
from benchmarks.figures import ResultTable
from benchmarks.machine import describe
from benchmarks.measured import Measured, NotNowError
from realtime_ser.recogniser.bundle import STEP_MODEL, load_bundle

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"

END = "<!-- end of the run -->"

TABLES: Mapping[str, Callable[[Measured], ResultTable]] = {
    "parts": parts.end_to_end,
    "roofline": parts.roofline,
    "lengths": analysis.lengths,
    "files": analysis.files,
}


def begin(name: str) -> str:
    """Mark ahead of a table."""
    return f"<!-- run: {name} -->"


def machine_text(described: Mapping[str, str]) -> str:
    """The machine in words: processor, cores and versions, and nothing that names it."""
    left_out = {"processor", "cores", "load average at the start"}
    software = [f"{name} {value}" for name, value in described.items() if name not in left_out]
    cores = f"{described['cores']} cores of {described['processor']}"
    return ", ".join([cores, *software])


def models_text() -> str:
    """The models that ship, by version and the beginning of the hash of their step model."""
    manifests = [load_bundle(model).manifest for model in parts.MODELS]
    return ", ".join(
        f"`{one.name}` {one.version} ({one.files[STEP_MODEL][:8]})" for one in manifests
    )


def between_marks(text: str, first: str, last: str, lines: Iterable[str]) -> str:
    """A page with new lines between two marks.

    Raises
    ------
    ValueError
        The page lacks a mark.
    """
    before, begun, rest = text.partition(first)
    _, ended, after = rest.partition(last)
    if not (begun and ended):
        raise ValueError(f"the page has no place for this between '{first}' and '{last}'")
    body = "\n".join(lines).strip("\n")
    return f"{before}{first}\n\n{body}\n\n{last}{after}"


def table_lines(table: ResultTable) -> list[str]:
    """A table in Markdown, and how it was taken."""
    rows = [table.header, ["---"] + ["---:"] * (len(table.header) - 1), *table.rows]
    return [
        table.method,
        "",
        *("| " + " | ".join(row) + " |" for row in rows),
    ]


def others_text(cores: Sequence[float]) -> str:
    """In words what other work took while each of several things was measured, in cores."""
    least, most = min(cores), max(cores)
    return f"Other work took {least:.2f} to {most:.2f} cores meanwhile."


def write_table(
    page: Path, name: str, table: ResultTable, command: str, others: Sequence[float]
) -> None:
    """Write a table into its place in a page, with the cores that other work took meanwhile."""
    how = f"`{command}`, on {machine_text(describe())}; {models_text()}. {others_text(others)}"
    lines = [how, "", *table_lines(table)]
    text = between_marks(page.read_text(encoding="utf-8"), begin(name), END, lines)
    page.write_text(text, encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(TABLES)}")
    add_keeping(parser)
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - TABLES.keys())
    if unknown:
        parser.error(f"there is no table '{unknown[0]}'; choose of {', '.join(TABLES)}")
    measured = Measured(options.keep, options.most)
    for name in options.names or TABLES:
        before = len(measured.got)
        try:
            table = TABLES[name](measured)
        except NotNowError:
            print(f"{name}: more is to be measured; run the same command again.")
            return 0
        others = [measured.others(one) for one in measured.got[before:]]
        write_table(options.page, name, table, f"python -m benchmarks.page {name}", others)
    return 0


def add_keeping(parser: argparse.ArgumentParser) -> None:
    """Options of a run that writes tables."""
    parser.add_argument("--page", type=Path, default=PAGE, metavar="FILE.md")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="keep what was measured")
    parser.add_argument("--most", type=int, metavar="N", help="measure so many new things at most")


if __name__ == "__main__":
    sys.exit(main())

"""Tries inputs of all kinds, or of those that are named, and says what was found."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.machine import describe
from tests.fuzz.registry import KINDS
from tests.fuzz.trials import Tally, try_inputs

BEGIN, END = "<!-- fuzzing: written by the run -->", "<!-- end of the fuzzing -->"


def main() -> int:
    """Fuzz; 1: there are findings."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--kind", default="", metavar="A,B", help=f"of {', '.join(KINDS)}")
    parser.add_argument("--count", type=int, default=200, help="inputs of each (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"), metavar="DIR")
    parser.add_argument("--page", type=Path, metavar="PAGE", help="write the numbers into it")
    options = parser.parse_args()
    names = [name.strip() for name in options.kind.split(",") if name.strip()] or list(KINDS)
    unknown = [name for name in names if name not in KINDS]
    if unknown:
        parser.error(f"there is no kind '{unknown[0]}'; choose of {', '.join(KINDS)}")
    numbers = range(options.first, options.first + options.count)
    found = False
    for name in names:
        tally = try_inputs(KINDS[name], options.seed, numbers, options.keep.absolute(), _show)
        found |= bool(tally.findings)
        print(f"\r{name}: {_words(tally)}", flush=True)
        for finding in tally.findings:
            last = finding.words.strip().splitlines()[-1][:300]
            print(f"  {finding.command}\n    {last}", flush=True)
        if options.page is not None:
            write_page(options.page, tally, describe())
    if found:
        print(f"The inputs and what they did lie in {options.keep}.")
    return int(found)


def _words(tally: Tally) -> str:
    return (
        f"{tally.tried} inputs, {tally.refused} refused, {len(tally.findings)} findings, "
        f"{tally.seconds:.0f} s"
    )


def _show(tally: Tally) -> None:
    if sys.stdout.isatty() and tally.tried % 20 == 0:
        print(f"\r{tally.kind.name}: {tally.tried}", end="", flush=True)


_HEADER = "| kind | inputs | seed | refused in a sentence | findings | time | mended |"


def write_page(page: Path, tally: Tally, machine: dict[str, str]) -> None:
    """Write a kind's row into the table of a page, in the place of an earlier one."""
    before, _, rest = page.read_text("utf-8").partition(BEGIN)
    table, _, after = rest.partition(END)
    rows = {
        line.split("|")[1].strip(): line
        for line in table.splitlines()
        if line.startswith("| ") and line != _HEADER
    }
    rows[tally.kind.name] = _row(tally)
    ordered = [rows[name] for name in KINDS if name in rows]
    on = f"On processor {machine['processor']}, {machine['system']}, Python {machine['Python']}."
    lines = [BEGIN, "", on, "", _HEADER, "|---" * 7 + "|", *ordered, "", END]
    page.write_text(before + "\n".join(lines) + after, "utf-8")


def _row(tally: Tally) -> str:
    mended = ", ".join(f"`{test}`" for test in tally.kind.mended)
    cells = (
        tally.kind.name,
        f"{tally.tried:,}",
        tally.seed,
        f"{tally.refused:,}",
        len(tally.findings),
        f"{tally.seconds:.0f} s",
        mended,
    )
    return "".join(f"| {cell} " for cell in cells) + "|"


if __name__ == "__main__":
    sys.exit(main())

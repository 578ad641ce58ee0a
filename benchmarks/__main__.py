"""Measures everything, or what is named, and prints it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from benchmarks import footprint, latency, pages, speed, start, store, window
from benchmarks.figures import BenchmarkSection, show
from benchmarks.machine import describe

SECTIONS: dict[str, Callable[[], BenchmarkSection]] = {
    "steps": speed.steps,
    "analyze": speed.analyze,
    "start": start.window,
    "footprint": footprint.footprint,
    "latency": latency.latency,
    "store": store.store,
    "review": window.review,
    "live": window.live,
    "serve": pages.serve,
}

_WIDTH = 120
"""Characters of a line in a file or a pipe."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SECTIONS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - SECTIONS.keys())
    if unknown:
        parser.error(f"there is no benchmark '{unknown[0]}'; choose of {', '.join(SECTIONS)}")
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH
    machine = describe()
    console.print(", ".join(f"{name} {value}" for name, value in machine.items()))
    sections = {}
    for name in options.names or SECTIONS:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        sections[name] = SECTIONS[name]()
    console.print()
    show(console, list(sections.values()))
    if options.json is not None:
        data = {"machine": machine} | {name: part.as_data() for name, part in sections.items()}
        options.json.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

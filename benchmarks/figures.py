"""What a benchmark returns, and how it is printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

Values = Sequence[float] | NDArray[np.floating]


class UnavailableError(Exception):
    """A figure cannot be taken on this machine; the message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """A bound that a figure is to keep: at most ``limit``, or at least."""

    limit: float
    at_least: bool = False

    def met(self, value: float) -> bool:
        """Whether a value keeps it."""
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True, slots=True)
class Measurement:
    """One figure.

    Attributes
    ----------
    name
        What was measured.
    value, unit
        The figure.
    target
        What it is to reach, where something was set.
    note
        What a reader needs to know to judge it.
    """

    name: str
    value: float
    unit: str
    target: Target | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether it reaches its target; ``None`` where there is none."""
        return None if self.target is None else self.target.met(self.value)


@dataclass(frozen=True, slots=True)
class BenchmarkSection:
    """Figures that belong together, and how they were taken."""

    title: str
    method: str
    figures: tuple[Measurement, ...] = ()
    missing: str = ""

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        data = asdict(self)
        for figure, row in zip(self.figures, data["figures"], strict=True):
            row["met"] = figure.met
        return data


@dataclass(frozen=True, slots=True)
class ResultTable:
    """A table of a page, and how its figures were taken."""

    method: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def percentiles(name: str, values: Values, unit: str, **targets: Target) -> list[Measurement]:
    """Figures for the median, the 95th or 99th percentile, and the maximum.

    Parameters
    ----------
    name
        What the values are.
    values
        At least one.
    targets
        Bounds, by the name of the percentile: ``p50``, ``p95``, ``p99`` or ``max``. These are given
        and the median; without any, the 95th percentile with it; with the 99th alone, the maximum.
    """
    others = {(): ("p95",), ("p99",): ("p99", "max")}.get(tuple(targets), tuple(targets))
    wanted = dict.fromkeys(("p50", *others))
    shares = {"p50": 50, "p95": 95, "p99": 99, "max": 100}
    return [
        Measurement(f"{name}, {which}", float(np.percentile(values, shares[which])), unit, target)
        for which in wanted
        for target in [targets.get(which)]
    ]


def show(console: Console, sections: Sequence[BenchmarkSection]) -> None:
    """Print all sections as one table."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    table.add_column("figure", justify="right", no_wrap=True)
    table.add_column("target", justify="right", no_wrap=True)
    table.add_column("")
    table.add_column("", style="dim")
    marks = {True: "✓", False: "✗", None: ""}
    if not console.encoding.startswith("utf"):
        marks |= {True: "yes", False: "NO"}
    for section in sections:
        table.add_row(f"[bold]{section.title}[/]")
        for figure in section.figures:
            table.add_row(
                f"  {figure.name}",
                f"{number(figure.value)} {figure.unit}",
                _bound(figure),
                marks[figure.met],
                figure.note,
            )
        if section.missing:
            table.add_row(f"  not measured: {section.missing}")
        table.add_row()
    console.print(table)
    for section in sections:
        console.print(f"[bold]{section.title}:[/] {section.method}")


def number(value: float) -> str:
    """Three digits at least, and none that mean nothing."""
    size = abs(value)
    return f"{value:.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def _bound(figure: Measurement) -> str:
    if figure.target is None:
        return ""
    sign = ">=" if figure.target.at_least else "<="
    return f"{sign} {figure.target.limit:.3g} {figure.unit}"

"""What a long run has measured so far, kept in a file so that it can be made in pieces."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import psutil

Figures: TypeAlias = dict[str, float]


class NotNowError(Exception):
    """A run has measured as much as it was to measure."""


class Measured:
    """Figures by the name of what was measured, and how busy the machine was otherwise.

    Parameters
    ----------
    path
        File to keep them in; ``None``: they end with the process.
    most
        Number of new measurements after which :meth:`get` refuses; ``None``: no end.
    """

    def __init__(self, path: Path | None = None, most: int | None = None) -> None:
        self._path = path
        self._left = most
        self._figures: dict[str, Figures] = {}
        self._others: Figures = {}
        self._got: list[str] = []
        if path is not None and path.exists():
            kept = json.loads(path.read_text(encoding="utf-8"))
            self._figures, self._others = kept["figures"], kept["others"]

    def get(self, name: str, measure: Callable[[], Figures]) -> Figures:
        """What was measured under a name, or is measured now.

        Raises
        ------
        NotNowError
            It is not there, and no more is to be measured.
        """
        if name not in self._figures:
            if self._left == 0:
                raise NotNowError
            print(f"measuring {name} ...", file=sys.stderr, flush=True)
            before, began = _taken_by_others_s(), time.perf_counter()
            self._figures[name] = measure()
            took_s = _taken_by_others_s() - before
            self._others[name] = max(0.0, took_s / (time.perf_counter() - began))
            if self._left is not None:
                self._left -= 1
            if self._path is not None:
                kept = {"figures": self._figures, "others": self._others}
                self._path.write_text(json.dumps(kept, indent=1), encoding="utf-8")
        self._got.append(name)
        return self._figures[name]

    def others(self, name: str) -> float:
        """Cores that other work took while something was measured."""
        return self._others[name]

    @property
    def got(self) -> Sequence[str]:
        """Names of what :meth:`get` has returned so far, in order."""
        return tuple(self._got)


def _taken_by_others_s() -> float:
    """Processor time of all cores that neither this process nor those that it waited for took."""
    machine, own = psutil.cpu_times(), psutil.Process().cpu_times()
    busy = machine.user + machine.system + getattr(machine, "nice", 0.0)
    ours = own.user + own.system + own.children_user + own.children_system
    return float(busy - ours)

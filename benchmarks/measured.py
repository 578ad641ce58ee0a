"""What a long run has measured so far, kept in a file so that it can be made in pieces."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

Figures: TypeAlias = dict[str, float]


class NotNowError(Exception):
    """A run has measured as much as it was to measure."""


class Measured:
    """Figures by the name of what was measured.

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
        if path is not None and path.exists():
            self._figures = json.loads(path.read_text(encoding="utf-8"))

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
            self._figures[name] = measure()
            if self._left is not None:
                self._left -= 1
            if self._path is not None:
                self._path.write_text(json.dumps(self._figures, indent=1), encoding="utf-8")
        return self._figures[name]

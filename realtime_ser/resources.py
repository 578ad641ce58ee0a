"""Where the files that ship with the program lie, installed or in a checkout."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """Path of a shipped file or folder: ``config.yaml``, ``models`` or ``demo.flac``.

    In an installed program they lie in the package; in a checkout, the first two at its top level.
    """
    inside = PACKAGE / name
    return inside if inside.exists() else PACKAGE.parent / name

"""Finds known corpora by the names of their files, in folders of any name."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from training.corpora.files import audio_paths
from training.corpora.known import CORPORA

_FEWEST = 4
"""Files of a corpus by which it is recognised, or all of a folder."""


def named_after(path: Path, root: Path) -> str | None:
    """Name of the known corpus that a file is named after; ``None``: of none."""
    name = path.relative_to(root).with_suffix("").as_posix()
    return next((one.name for one in CORPORA.values() if one.pattern.search(name)), None)


def recognised_folder(root: Path, corpus: str, others: frozenset[Path]) -> Path | None:
    """Deepest folder below ``root`` that holds all files named after a corpus.

    Parameters
    ----------
    root
        The folder of the corpora.
    corpus
        Name of a known corpus.
    others
        Folders of other corpora, which are left out.
    """
    folders: Counter[Path] = Counter()
    total = 0
    for path in audio_paths(root, others):
        total += 1
        if named_after(path, root) == corpus:
            folders[path.parent] += 1
    found = sum(folders.values())
    if not found or found < min(_FEWEST, total):
        return None
    return Path(os.path.commonpath(folders))

"""Cache of computed arrays, a file for each recording and set of parameters."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.errors import AudioFileError, SerError, reason_text
from realtime_ser.base.files import whole_file, writing
from training.workers import map_in_processes

Arrays: TypeAlias = dict[str, NDArray[Any]]
Item = TypeVar("Item")


def content_hash(path: Path) -> bytes:
    """Hash of a recording's bytes.

    Raises
    ------
    AudioFileError
        The recording cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError as error:
        raise AudioFileError(f"{path} cannot be read: {reason_text(error)}.") from error


def combined_hash(*parts: bytes) -> bytes:
    """Hash of several byte strings that depends on where each ends."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.digest()


def compute_cached(
    compute: Callable[[Item], Arrays],
    items: Sequence[Item],
    digests: Sequence[bytes],
    folder: Path,
    jobs: int,
    title: str,
) -> list[Arrays]:
    """Results of a computation, from the cache where possible.

    Each entry is written whole: an interrupted run resumes, and any number of runs may share the
    folder. A damaged entry is computed anew.

    Parameters
    ----------
    compute
        Function that gives named arrays; can be pickled.
    items
        Arguments of the calls.
    digests
        Hashes of each item's content and of all parameters of the computation; items with equal
        hashes are computed once and share the result.
    folder
        Folder of the cache.
    jobs
        Number of processes.
    title
        Title of the progress bar.

    Raises
    ------
    OutputError
        The cache cannot be written; what is in it stays.
    SerError
        Recordings cannot be read; all others are in the cache by then.
    """
    names = [digest.hex() for digest in digests]
    entries = {name: folder / name[:2] / f"{name}.npz" for name in names}
    kept = {name: _read_if_whole(entry) for name, entry in entries.items()}
    missing = {name: item for name, item in zip(names, items, strict=True) if kept[name] is None}
    work = [(item, entries[name]) for name, item in missing.items()]
    faults = [
        fault
        for fault in map_in_processes(partial(_compute_entry, compute), work, jobs, title)
        if fault
    ]
    if faults:
        others = f" ({len(faults) - 1} other clips have faults too)" if len(faults) > 1 else ""
        raise SerError(f"{faults[0]}{others}")
    for name in missing:
        kept[name] = _read_entry(entries[name])
    return [arrays for name in names if (arrays := kept[name]) is not None]


def _compute_entry(compute: Callable[[Item], Arrays], work: tuple[Item, Path]) -> str | None:
    """Compute an entry and write it; returns the fault of a recording that cannot be read."""
    item, entry = work
    try:
        arrays = compute(item)
    except AudioFileError as error:
        return str(error)
    named: dict[str, Any] = arrays
    advice = "make room or name another folder, and what is cached already will be used"
    with writing(entry, advice), whole_file(entry, shared=True) as draft, draft.open("wb") as file:
        np.savez(file, **named)
    return None


def _read_if_whole(entry: Path) -> Arrays | None:
    """An entry; ``None`` if missing or damaged."""
    try:
        return _read_entry(entry)
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return None


def _read_entry(entry: Path) -> Arrays:
    with entry.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}

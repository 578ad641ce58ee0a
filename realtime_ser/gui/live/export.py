"""Copies of a session's files, also while they are being written."""

from __future__ import annotations

from pathlib import Path

from realtime_ser.base.errors import FileTakenError, OutputError
from realtime_ser.base.files import writing
from realtime_ser.session.sinks import TableFiles


def copy_session_files(files: TableFiles, to: Path) -> TableFiles:
    """Copy the session so far: frames to ``to``, segments, markers and JSON beside it.

    A row that is being written is left out; the copies hold whole rows only. What is at ``to`` is
    replaced, as the person agreed who chose it, with its companions; companions alone are not.

    Raises
    ------
    FileTakenError
        A file that nobody agreed to replace would be.
    OutputError
        A file cannot be read or written.
    """
    if to.suffix.lower() != ".csv":
        to = to.with_name(to.name + ".csv")
    copies = TableFiles(to)
    pairs = [
        (files.frames, copies.frames),
        (files.segments, copies.segments),
        (files.markers, copies.markers),
        (files.sidecar, copies.sidecar),
    ]
    if to.resolve() in [source.resolve() for source, _ in pairs]:
        raise OutputError(f"{to} is the session itself; choose another name.")
    taken = [target for _, target in pairs if target.exists()]
    if taken and to not in taken:
        raise FileTakenError(f"{taken[0]} exists already: choose another name, or delete it.")
    for source, target in pairs:
        with writing(target):
            data = source.read_bytes()
            target.write_bytes(data[: data.rfind(b"\n") + 1])
    return copies

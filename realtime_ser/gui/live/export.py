"""Copies of a session's files, also while they are being written."""

from __future__ import annotations

from pathlib import Path

from realtime_ser.errors import OutputError
from realtime_ser.session.recording import Files


def export_session(files: Files, to: Path) -> Files:
    """Copy the session so far: frames to ``to``, segments, markers and JSON beside it.

    A row that is being written is left out; the copies hold whole rows only.

    Raises
    ------
    OutputError
        A file cannot be read or written.
    """
    if to.suffix.lower() != ".csv":
        to = to.with_name(to.name + ".csv")
    copies = Files(to)
    if copies.frames.resolve() == files.frames.resolve():
        raise OutputError(f"{to} is the session itself; choose another name.")
    pairs = [
        (files.frames, copies.frames),
        (files.segments, copies.segments),
        (files.markers, copies.markers),
        (files.sidecar, copies.sidecar),
    ]
    for source, target in pairs:
        try:
            data = source.read_bytes()
            target.write_bytes(data[: data.rfind(b"\n") + 1])
        except OSError as error:
            raise OutputError(
                f"Cannot write {target} ({error.strerror}): choose a folder that you may write to "
                "and that has room."
            ) from error
    return copies

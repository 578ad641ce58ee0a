"""The files that an analysis leaves for each input."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self

from realtime_ser.base.errors import OutputError
from realtime_ser.base.records import Segment, Update
from realtime_ser.session import csv_rows
from realtime_ser.session.analysis.inputs import OutputPaths


class FilePlot(Protocol):
    """A picture of a file that grows with its records."""

    def feed(self, records: Sequence[Update | Segment]) -> None:
        """Take in what was heard."""

    def save(self, path: Path) -> None:
        """Write the picture."""


class FileTables:
    """Writes what is heard in a file; nothing is in its place before everything is complete.

    Parameters
    ----------
    outputs
        Where it goes. Results of an earlier analysis are replaced, nothing else is.
    labels
        Labels of the probabilities.
    sidecar
        What is written beside the tables as JSON.
    plot
        Draws the picture, if there is to be one.
    names
        Names of some or all channels.

    Raises
    ------
    OutputError
        Something cannot be written, or would replace what is not the result of an analysis.
    """

    def __init__(
        self,
        outputs: OutputPaths,
        labels: Sequence[str],
        sidecar: dict[str, Any],
        plot: FilePlot | None,
        names: csv_rows.Names = csv_rows.NO_NAMES,
    ) -> None:
        self._outputs = outputs
        self._names = names
        self._labels = labels
        self._sidecar = sidecar
        self._plot = plot
        self._stack = ExitStack()
        self._drafts: dict[Path, Path] = {}

    def __enter__(self) -> Self:
        try:
            require_free(self._outputs)
            self._outputs.folder.mkdir(parents=True, exist_ok=True)
            self._frames = csv_rows.csv_writer(self._draft(self._outputs.frames))
            self._segments = csv_rows.csv_writer(self._draft(self._outputs.segments))
            self._frames.writerow(csv_rows.frames_header(self._labels))
            self._segments.writerow(csv_rows.segments_header(self._labels))
        except OSError as error:
            self._discard()
            raise cannot_write(self._outputs.frames, error) from error
        return self

    def feed(self, records: Sequence[Update | Segment]) -> None:
        """Write what was heard."""
        try:
            for record in records:
                if isinstance(record, Update):
                    self._frames.writerow(csv_rows.frames_row(record, self._labels, self._names))
                else:
                    self._segments.writerow(
                        csv_rows.segments_row(record, self._labels, self._names)
                    )
        except OSError as error:
            raise cannot_write(self._outputs.frames, error) from error
        if self._plot is not None:
            self._plot.feed(records)

    def complete(self, **fields: Any) -> None:
        """Put into the sidecar what is known when all was heard."""
        self._sidecar |= fields

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is not None:
                return
            if self._plot is not None:
                self._plot.save(self._outputs.plot)
            json.dump(self._sidecar, self._draft(self._outputs.sidecar), indent=2)
            self._stack.close()
            for path, draft in self._drafts.items():
                draft.replace(path)
        except OSError as failure:
            raise cannot_write(self._outputs.frames, failure) from failure
        finally:
            self._discard()

    def _draft(self, path: Path) -> IO[str]:
        self._drafts[path] = draft = path.with_name(f"{path.name}.part")
        return self._stack.enter_context(draft.open("w", encoding="utf-8", newline=""))

    def _discard(self) -> None:
        with contextlib.suppress(OSError):  # what could not be written is thrown away
            self._stack.close()
        for draft in self._drafts.values():
            draft.unlink(missing_ok=True)


def require_free(outputs: OutputPaths) -> None:
    """Refuse to replace a session's segments or sidecar.

    Raises
    ------
    OutputError
        There is one, which is not the result of an analysis.
    """
    for path in (outputs.segments, outputs.sidecar):
        if path.exists() and not outputs.frames.exists():
            raise OutputError(
                f"{path} exists already and is not the result of an analysis: choose another "
                "folder with --out."
            )


def cannot_write(path: Path, error: OSError) -> OutputError:
    """Say why a result could not be written."""
    return OutputError(
        f"Cannot write {path} ({error.strerror}): choose a folder that you may write to and that "
        "has room, with --out."
    )

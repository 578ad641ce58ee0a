"""Files that are in their place only when all of them are complete."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import TracebackType
from typing import Self

import soundfile

from realtime_ser.base.errors import FileTakenError, OutputError

_SYSTEM_ERROR = 2  # of libsndfile


class AtomicFiles:
    """Gives out paths of drafts, and puts the drafts in their places at the end.

    When the body fails, nothing of it is left, and nothing that was there before is replaced.

    Parameters
    ----------
    to
        The file that a person named; what is said of a failure names it.

    Attributes
    ----------
    paths
        The files, in the order in which they were begun.

    Raises
    ------
    FileTakenError
        One of the files exists already.
    OutputError
        The body raised an error of the disk.
    """

    def __init__(self, to: Path) -> None:
        self._to = to
        self._drafts: dict[Path, Path] = {}

    @property
    def paths(self) -> list[Path]:
        """The files, in the order in which they were begun."""
        return list(self._drafts)

    def begin(self, path: Path) -> Path:
        """Where to write what will be ``path``."""
        self._check_free(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._drafts[path] = path.with_name(f"{path.name}.part")
        return self._drafts[path]

    def write(self, path: Path, text: str) -> None:
        """Write text as UTF-8, its line ends as they are."""
        with self.begin(path).open("w", encoding="utf-8", newline="") as file:
            file.write(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                for path in self._drafts:
                    self._check_free(path)
                for path, draft in self._drafts.items():
                    draft.replace(path)
        except OSError as failure:
            raise cannot_write(self._to, failure) from failure
        finally:
            for draft in self._drafts.values():
                with contextlib.suppress(OSError):
                    draft.unlink(missing_ok=True)
        if isinstance(error, OSError | soundfile.SoundFileError):
            raise cannot_write(self._to, error) from error

    @staticmethod
    def _check_free(path: Path) -> None:
        if path.exists():
            raise FileTakenError(f"{path} exists already: choose another name, or delete it.")


def cannot_write(path: Path, error: Exception) -> OutputError:
    """Say why a file could not be written."""
    if isinstance(error, FileExistsError):
        return FileTakenError(
            f"{error.filename} exists already: choose another name, or delete it."
        )
    reason = getattr(error, "strerror", None) or str(error)
    if isinstance(error, soundfile.LibsndfileError) and error.code == _SYSTEM_ERROR:
        reason = "the disk takes no more"  # libsndfile does not tell what the system said
    return OutputError(
        f"Cannot write {path} ({reason}): choose a folder that you may write to and that has room."
    )

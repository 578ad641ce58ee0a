"""Atomic writing of files, and the sentence for a disk that refuses.

A file is written under a temporary name beside its own, ``NAME.part``, and then takes its place in
one step: whoever reads meanwhile, or after a power cut, finds the old file or the new one.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import soundfile

from realtime_ser.base.errors import FileTakenError, OutputError, reason_text

_SYSTEM_ERROR = 2  # of libsndfile
_ADVICE = "choose a folder that you may write to and that has room"


def walk_links(
    top: Path, on_error: Callable[[OSError], None] | None = None
) -> Iterator[tuple[Path, list[str], list[str]]]:
    """``os.walk`` that follows linked folders too, each folder once: links may lead in circles.

    What lies in its place comes before what a link leads to. ``on_error`` is told which folder
    cannot be read.
    """
    seen: set[str] = set()
    tops = deque([top])
    while tops:
        for place, below, names in os.walk(tops.popleft(), onerror=on_error):
            real = os.path.realpath(place)
            if real in seen:
                below.clear()
                continue
            seen.add(real)
            below.sort()
            yield Path(place), below, names
            paths = (Path(place, name) for name in below)
            tops.extend(path for path in paths if path.is_symlink())


def draft_path(path: Path) -> Path:
    """Temporary name of a file or folder while it is written."""
    return path.with_name(f"{path.name}.part")


def numbered_path(path: Path, is_taken: Callable[[Path], object]) -> Path:
    """``path``, or the first of ``STEM_2``, ``STEM_3`` and so on that is not taken."""
    numbered = (path.with_stem(f"{path.stem}_{number}") for number in itertools.count(2))
    return next(one for one in itertools.chain([path], numbered) if not is_taken(one))


@contextlib.contextmanager
def whole_file(path: Path, *, shared: bool = False) -> Iterator[Path]:
    """Give out the path of a draft, and put the draft in the place of ``path`` at the end.

    When the body fails, the draft is removed and what was there before stays. With ``shared``,
    other processes may write the same file at the same time, each a draft of its own.
    """
    draft = draft_path(path.with_name(f"{path.name}.{os.getpid()}") if shared else path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _begin(draft)
    try:
        yield draft
        draft.replace(path)
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def _begin(draft: Path) -> None:
    """Make an empty draft; what a killed program left there goes, and so does a link elsewhere."""
    try:
        draft.touch(exist_ok=False)
    except FileExistsError:
        draft.unlink()
        draft.touch(exist_ok=False)


def write_whole(path: Path, text: str, advice: str = _ADVICE) -> None:
    """Write a file of UTF-8 text whole, its line ends as they are."""
    with writing(path, advice), whole_file(path) as draft:
        draft.write_text(text, encoding="utf-8", newline="")


@contextlib.contextmanager
def writing(path: Path, advice: str = _ADVICE) -> Iterator[None]:
    """Turn an error of the disk, while the body writes ``path``, into an :class:`OutputError`.

    ``advice`` ends its sentence.
    """
    try:
        yield
    except (OSError, soundfile.SoundFileError) as error:
        raise cannot_write(path, error, advice) from error


def cannot_write(path: Path, error: Exception, advice: str = _ADVICE) -> OutputError:
    """Error with the reason why a file could not be written, and with advice."""
    if isinstance(error, FileExistsError):
        taken = Path(error.filename or path)
        if taken not in path.parents:  # else a file stands where a folder should be made
            return _taken(taken)
    reason = reason_text(error)
    if isinstance(error, soundfile.LibsndfileError) and error.code == _SYSTEM_ERROR:
        reason = "the disk takes no more"  # libsndfile does not tell what the system said
    return OutputError(f"Cannot write {path} ({reason}): {advice}.")


def require_absent(path: Path) -> None:
    """Refuse to replace a file or folder."""
    if path.exists():
        raise _taken(path)


def _taken(path: Path) -> FileTakenError:
    return FileTakenError(f"{path} exists already: choose another name, or delete it.")


class AtomicFiles:
    """Files of one export: all are put in their places at the end, or none.

    When the body fails, no draft is left and no earlier file is replaced.

    Parameters
    ----------
    to
        The file that a person named, which the sentence of a failure names too.
    overwrite
        Whether files that exist already are replaced.
    """

    def __init__(self, to: Path, *, overwrite: bool = False) -> None:
        self._to = to
        self._overwrite = overwrite
        self._drafts: dict[Path, Path] = {}

    @property
    def paths(self) -> list[Path]:
        """The files, in the order in which they were begun."""
        return list(self._drafts)

    def begin(self, path: Path) -> Path:
        """Path of the draft of ``path``."""
        if not self._overwrite:
            require_absent(path)
        if all(path.parent != other.parent for other in self._drafts):
            path.parent.mkdir(parents=True, exist_ok=True)
        draft = draft_path(path)
        _begin(draft)
        self._drafts[path] = draft
        return draft

    def write(self, path: Path, text: str) -> None:
        """Write text as UTF-8, its line ends as they are."""
        self.begin(path).write_text(text, encoding="utf-8", newline="")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        left = dict(self._drafts)
        try:
            with writing(self._to):
                if error is None:
                    for path in () if self._overwrite else self._drafts:
                        require_absent(path)
                    for path, draft in self._drafts.items():
                        os.replace(draft, path)  # noqa: PTH105 - which makes no path of its own
                        del left[path]
        finally:
            for draft in left.values():
                with contextlib.suppress(OSError):
                    draft.unlink(missing_ok=True)
        if isinstance(error, OSError | soundfile.SoundFileError):
            raise cannot_write(self._to, error) from error

"""The process that tries inputs of a kind, one after the other, until one is a finding.

It tells each that it begins and ends on its standard output, a line of JSON each.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import IO, Any

from tests.fuzz.kind import FindingError, Kind, Place
from tests.fuzz.misbehaving import MISBEHAVING
from tests.fuzz.registry import KINDS

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = frozenset(
    {
        *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"),
        *("os.chmod", "os.chown", "os.utime", "shutil.rmtree", "shutil.move", "sqlite3.connect"),
    }
)


def main() -> int:
    """Try inputs; end at a finding."""
    name, seed, first, count, root = sys.argv[1:]
    kind, place = (KINDS | MISBEHAVING)[name], Place(Path(root))
    report = os.fdopen(os.dup(1), "w")
    log = os.open(Path(root) / "worker.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(log, stream)
    place.trouble = os.fdopen(os.dup(log), "w")  # which nobody silences
    faulthandler.enable(place.trouble)
    os.environ.update(place.variables)
    place.clear()
    if not any(place.whole.iterdir()):
        kind.prepare(place.whole)
    watch = Watch(Path(root))
    for number in range(int(first), int(first) + int(count)):
        _tell(report, at=number)
        finding = try_one(kind, place, f"{seed}/{name}/{number}", watch)
        if number == int(first):
            _limit_memory(kind.memory_mb)
        if finding is not None:
            _tell(report, finding=finding)
            return 1
        _tell(report, done=number, refused=place.refused)
    return 0


def try_one(kind: Kind, place: Place, seed: str, watch: Watch) -> str | None:
    """Make the input of a seed and let the program take it; what was wrong, or ``None``."""
    error = None
    for place.debug in (False, True):  # once more to see where it came from
        chance = Random(seed)
        place.clear()
        kind.make(place, chance)
        try:
            with place.watched(), _bounded(kind.processor_s, place.trouble), watch:
                kind.take(place, chance)
        except (Exception, SystemExit) as caught:  # noqa: BLE001 - whatever it is, it is a finding
            error = "".join(traceback.format_exception(caught))
            if isinstance(caught, FindingError):
                error = str(caught)
        else:
            return error
    return error


class Watch:
    """Sees what Python's own functions write outside a folder."""

    def __init__(self, root: Path) -> None:
        self._root = str(root.resolve())
        self._on = False
        self._outside: list[str] = []
        sys.addaudithook(self._hear)

    def __enter__(self) -> None:
        self._outside.clear()
        self._on = True

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._on = False
        if kind is None and self._outside:
            raise FindingError(f"written outside: {self._outside[0]}")

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._on:
            return
        if event == "open":
            if isinstance(arguments[2], int) and arguments[2] & _WRITES:
                self._check(event, arguments[0])
        elif event in _CHANGES and not any(
            isinstance(one, int) and one > 2 for one in arguments[1:]
        ):  # a folder's number: part of a tree that is removed
            self._check(event, arguments[0])

    def _check(self, event: str, path: object) -> None:
        if not isinstance(path, str | bytes | os.PathLike):
            return
        name = os.fsdecode(path).removeprefix("file:").partition("?")[0]
        place = os.path.realpath(name or ".")
        if name == ":memory:" or place == os.devnull or place.startswith(self._root):
            return
        if "__pycache__" not in place:
            self._outside.append(f"{event} {place}")


@contextlib.contextmanager
def _bounded(seconds: float, trouble: IO[str]) -> Iterator[None]:
    """End the process where the body takes more processor time; where it was goes to the log."""
    if not hasattr(signal, "setitimer"):  # Windows
        yield
        return
    faulthandler.register(signal.SIGPROF, trouble, chain=True)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _limit_memory(more_mb: int) -> None:
    """Allow the process so much more memory than it has."""
    if sys.platform != "linux":
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + more_mb * 1_000_000
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _tell(report: IO[str], **words: object) -> None:
    report.write(json.dumps(words) + "\n")
    report.flush()


if __name__ == "__main__":
    sys.exit(main())

"""What a kind of input is, and the place in which it is tried."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import IO, ParamSpec, TypeVar

from realtime_ser.base.errors import SerError
from realtime_ser.commands.main import PROGRAM, main

P = ParamSpec("P")
R = TypeVar("R")

_ERROR = f"{PROGRAM}: error: "
_LONGEST_SENTENCE = 4000
_KEPT = "what lies beside must stay as it is"


class FindingError(Exception):
    """The program did with an input what it must never do."""


@dataclass(frozen=True)
class Kind:
    """A kind of input.

    Attributes
    ----------
    name
        Name on the command line.
    prepare
        Writes whole inputs into a folder, once.
    make
        Makes a changed input of them in the place's ``input``.
    take
        Lets the program take it; any exception is a finding.
    processor_s, memory_mb
        Longest processor time of an input, and most memory beyond that of a whole one.
    mended
        Tests of what was found and mended.
    """

    name: str
    prepare: Callable[[Path], None]
    make: Callable[[Place, Random], None]
    take: Callable[[Place, Random], None]
    processor_s: float = 10.0
    memory_mb: int = 1000
    mended: tuple[str, ...] = ()


class Place:
    """Folders of a trial.

    Attributes
    ----------
    whole
        Whole inputs, which the kind has prepared.
    input
        The changed input.
    output, data
        Where the program may write: results, and its store.
    refused
        Whether the program has refused the input in a sentence.
    """

    def __init__(self, root: Path) -> None:
        self.whole = root / "whole"
        self.trial = root / "trial"
        names = ("input", "output", "data", "home", "work", "temp", "beside")
        self._folders = {name: self.trial / name for name in names}
        self.input, self.output, self.data = (
            self._folders[name] for name in ("input", "output", "data")
        )
        self.refused = False
        self.debug = False
        self.trouble: IO[str] = sys.stderr
        self.whole.mkdir(parents=True, exist_ok=True)

    @property
    def variables(self) -> dict[str, str]:
        """Environment of the program in this place."""
        home, data, temp = (str(self._folders[name]) for name in ("home", "data", "temp"))
        names = ("XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR", "KERAS_HOME")
        own = dict.fromkeys(names, data)
        homes = dict.fromkeys(("HOME", "USERPROFILE", "XDG_CONFIG_HOME"), home)
        return (
            own
            | homes
            | {"XDG_DOCUMENTS_DIR": home, "TMPDIR": temp, "QT_QPA_PLATFORM": "offscreen"}
        )

    def clear(self) -> None:
        """Empty all folders but that of the whole inputs, and go to an empty one."""
        shutil.rmtree(self.trial, ignore_errors=True)
        for folder in self._folders.values():
            folder.mkdir(parents=True)
        (self._folders["beside"] / "kept.txt").write_text(_KEPT)
        os.chdir(self._folders["work"])
        self.refused = False

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """See that the body changes nothing but results and the store."""
        before = _state(self.input)
        yield
        if _state(self.input) != before:
            raise FindingError("the input was changed")
        for name in ("home", "work", "temp"):
            for path in self._folders[name].rglob("*"):
                raise FindingError(f"{path.relative_to(self.trial)} was left")
        beside = self._folders["beside"]
        if [path.name for path in beside.iterdir()] != ["kept.txt"] or (
            (beside / "kept.txt").read_text() != _KEPT
        ):
            raise FindingError("what lies beside was changed")

    def call(self, function: Callable[P, R], *arguments: P.args, **options: P.kwargs) -> R | None:
        """Call a part of the program; ``None``: it refuses, in a sentence."""
        try:
            return function(*arguments, **options)
        except SerError as error:
            self.refused = True
            check_sentence(str(error))
            return None

    def command(self, *words: str | Path) -> int:
        """Run the command line in this process, and return its exit code."""
        arguments = [*map(str, words), *(["--debug"] if self.debug else [])]
        streams = [io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2)]
        with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
            code = main(arguments)
        for stream in streams:
            stream.flush()
        return self._judge(code, *(stream.buffer.getvalue().decode() for stream in streams))

    def process(self, *words: str | Path) -> int:
        """Run the command line as a user does, and return its exit code."""
        done = subprocess.run(
            [sys.executable, "-m", "realtime_ser", *map(str, words)],
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return self._judge(done.returncode, done.stdout, done.stderr)

    def _judge(self, code: int, out: str, err: str) -> int:
        if "Something unexpected" in err or "Traceback" in out + err:
            raise FindingError(err.strip()[-6000:])
        if code not in (0, 1, 2):
            raise FindingError(f"the exit code is {code}: {err.strip()[-2000:]}")
        if code:
            self.refused = True
            if _ERROR not in err:
                raise FindingError(f"the exit code is {code}, and no sentence tells why: {err!r}")
            check_sentence(err.rpartition(_ERROR)[2].removesuffix("\n"))
        return code


def check_sentence(text: str) -> None:
    """Refuse what is no sentence for people."""
    if not text.strip() or "\n" in text or len(text) > _LONGEST_SENTENCE:
        raise FindingError(f"this is no sentence: {text[:1000]!r}")
    if " object at 0x" in text or "<class" in text or "validation error" in text:
        raise FindingError(f"these are no words for people: {text[:1000]!r}")


def _state(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of all that lies in a folder."""
    found = {}
    for path in folder.rglob("*"):
        status = path.lstat()
        found[str(path)] = (status.st_size, status.st_mtime_ns)
    return found

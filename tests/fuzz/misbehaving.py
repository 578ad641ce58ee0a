"""Kinds with which all goes wrong, to see that it is found."""

from __future__ import annotations

import faulthandler
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

from realtime_ser.base.errors import UsageError
from tests.fuzz.kind import Kind, Place


def _nothing(_folder: Path) -> None:
    pass


def _make(place: Place, chance: Random) -> None:
    (place.input / "number.txt").write_text(str(chance.randrange(100)))


def _refuse(words: str) -> None:
    raise UsageError(words)


def _raise_error(_place: Place) -> None:
    raise KeyError("a key")


def _crash(_place: Place) -> None:
    faulthandler._sigsegv()  # type: ignore[attr-defined]


def _hang(_place: Place) -> None:
    while True:
        pass


def _take_memory(_place: Place) -> None:
    bytearray(10**12)


def _write_elsewhere(_place: Place) -> None:
    with tempfile.NamedTemporaryFile(dir="/var/tmp"):
        pass


def _leave_a_file(_place: Place) -> None:
    Path("left.txt").touch()


def _change_the_input(place: Place) -> None:
    (place.input / "number.txt").write_text("other")


def _change_what_lies_beside(place: Place) -> None:
    (place.input / "../beside/kept.txt").unlink()


def _talk_like_a_program(place: Place) -> None:
    place.call(_refuse, "The setting is wrong: <class 'dict'>.")


def _only_the_first(place: Place) -> None:
    place.call(_refuse, "The setting is wrong: mend it.")


_WAYS: Mapping[str, Callable[[Place], None]] = {
    "KeyError: 'a key'": _raise_error,
    "SIGSEGV": _crash,
    "too much processor time": _hang,
    "MemoryError": _take_memory,
    "written outside: ": _write_elsewhere,
    "work/left.txt was left": _leave_a_file,
    "the input was changed": _change_the_input,
    "what lies beside was changed": _change_what_lies_beside,
    "no words for people": _talk_like_a_program,
    "": _only_the_first,
}


def _kind(words: str, act: Callable[[Place], None]) -> Kind:
    def take(place: Place, _chance: Random) -> None:
        if int((place.input / "number.txt").read_text()) % 2 == 0:
            act(place)

    return Kind(words, _nothing, _make, take, processor_s=1.0)


MISBEHAVING = {words: _kind(words, act) for words, act in _WAYS.items()}
"""Kinds by the words with which they are found; every second input does it, about."""

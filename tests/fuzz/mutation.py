"""Changes bytes, texts and values at random, where formats break."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

INTEGERS = (
    *(0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 129, 255, 256, 257, 1000, 4095, 4096),
    *(32767, 32768, 65534, 65535, 65536, 2**24 - 1, 2**24, 2**31 - 1, 2**31, 2**32 - 1),
    *(2**32, 2**40, 2**63 - 1, 2**63, 2**64 - 1),
)
NUMBERS = (
    *("-1", "0", "-0", "0.0", "1e-400", "1e308", "1e999", "-1e999", "nan", "NaN", "inf", "-inf"),
    *("Infinity", "9" * 30, "9" * 5000, "0x7f", "1_000", "1,5", "1e5", "١٢٣", "00012", "1e", "--1"),
    *(str(value) for value in (127, 128, 255, 256, 32768, 65536, 2**31, 2**32, 2**63, 2**64)),
)
WORDS = (
    *("", " ", "\0", "\x07\x1b[2J", "\u202e", "\u2028", "\ufffe", "\ufeff", "é", "日本", "👩‍🔬"),
    *("true", "null", "~", "yes", "&a [*a, *a]", "*a", "!!python/object:os.system", "<<: *a"),
    *(
        "'",
        '"',
        '"""',
        "]]>",
        "&lt;",
        "&#0;",
        "&amp;&x;",
        "<",
        ">",
        "<!--",
        "\\",
        "%s%n",
        "{}",
        "$()",
    ),
    *("..", ".", "/", "../beside/kept.txt", "/dev/zero", "/proc/self/mem", "con", "a" * 300),
    *("=1+1", "-", "#", ":", "\t", "\r", "\n", "\n\n\n", "[" * 50, "{" * 50, "x" * 70_000),
)
LONGEST = 400_000
"""Bytes of a changed text: what is larger tells no more, and takes its time."""

_TOKEN = re.compile(r"\d+(?:\.\d+)?|\w+|\s+|.", re.DOTALL)
_ENCODINGS = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "latin-1", "cp037")


def changed_bytes(data: bytes, chance: Random, reach: int | None = None) -> bytes:
    """Change bytes in one to eight ways; with ``reach``, most of it among so many at the start."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 5, 8))):
        near = reach is not None and chance.random() < 0.85
        end = min(len(changed), reach or 0) if near else len(changed)
        if end:
            _change(changed, chance, chance.randrange(end))
    return bytes(changed)


def _change(data: bytearray, chance: Random, at: int) -> None:
    """Change bytes at a place."""
    length = min(len(data) - at, chance.choice((1, 2, 4, 8, 16, 64, 300, 2000)))
    match chance.randrange(10):
        case 0:
            data[at] ^= 1 << chance.randrange(8)
        case 1:
            data[at] = chance.choice((0, 1, 127, 128, 254, 255, chance.randrange(256)))
        case 2 | 3:  # an integer, such as a length
            size = chance.choice((1, 2, 4, 4, 8))
            value = chance.choice(INTEGERS) % 256**size
            data[at : at + size] = value.to_bytes(size, chance.choice(("big", "little")))
        case 4:  # an integer that is a little off
            size, order = chance.choice((2, 4)), chance.choice(("big", "little"))
            value = int.from_bytes(data[at : at + size], order) + chance.choice((-8, -1, 1, 2, 100))
            data[at : at + size] = (value % 256**size).to_bytes(size, order)
        case 5:
            del data[at : at + length]
        case 6:
            data[at:at] = data[at : at + length] * chance.choice((1, 2, 10))
        case 7:
            data[at : at + length] = chance.choice((bytes(length), b"\xff" * length))
        case 8:
            other = chance.randrange(len(data))
            data[at : at + length] = data[other : other + length]
        case _:
            if chance.random() < 0.5:
                data[at : at + length] = chance.randbytes(length)
            else:
                del data[at:]


def changed_text(text: str, chance: Random) -> bytes:
    """Change words, numbers and lines of a text, and sometimes how it is encoded."""
    for _ in range(chance.choice((1, 1, 2, 2, 3, 5))):
        text = chance.choice((_tokens_changed, _tokens_changed, _lines_changed))(text, chance)
        text = text[:LONGEST]
    encoding = chance.choice(_ENCODINGS) if chance.random() < 0.12 else "utf-8"
    data = text.encode(encoding, "replace" if encoding != "utf-8" else "surrogatepass")
    if chance.random() < 0.1:
        data = changed_bytes(data, chance)
    if chance.random() < 0.06:
        at = chance.randrange(len(data) + 1)
        data = data[:at] + chance.choice((b"\xff", b"\xc3", b"\xed\xa0\x80", b"\0")) + data[at:]
    return data[: chance.randrange(len(data) + 1)] if chance.random() < 0.06 else data


def _tokens_changed(text: str, chance: Random) -> str:
    tokens = _TOKEN.findall(text) or [""]
    at = chance.randrange(len(tokens))
    numbers = [place for place, token in enumerate(tokens) if token[0:1].isdigit()]
    match chance.randrange(6):
        case 0 | 1 if numbers:
            tokens[chance.choice(numbers)] = chance.choice(NUMBERS)
        case 2:
            tokens[at] = chance.choice(WORDS)
        case 3:
            tokens.insert(at, chance.choice((*WORDS, *NUMBERS)))
        case 4:
            del tokens[at : at + chance.choice((1, 1, 2, 5, 30))]
        case _:  # nested deep, where it is a bracket
            few = tokens[at : at + chance.choice((1, 2, 8))]
            times = chance.choice((1, 2, 30, 3000))
            tokens[at:at] = few * min(times, 1 + LONGEST // max(1, len("".join(few))))
    return "".join(tokens)


def _lines_changed(text: str, chance: Random) -> str:
    lines = text.splitlines(keepends=True) or [""]
    at = chance.randrange(len(lines))
    match chance.randrange(5):
        case 0:
            del lines[at : at + chance.choice((1, 1, 3, 10))]
        case 1:
            lines.insert(at, lines[at])
        case 2:
            lines.insert(at, lines.pop(chance.randrange(len(lines))))
        case 3:
            lines[at:at] = lines[at : at + chance.choice((1, 4, 20))] * chance.choice((1, 2, 200))
        case _:
            lines[at] = chance.choice((" ", "\t", "- ", "\ufeff")) + lines[at]
    return "".join(lines)


_VALUES: Sequence[Callable[[Random], Any]] = (
    lambda chance: chance.choice(INTEGERS),
    lambda chance: -chance.choice(INTEGERS),
    lambda chance: chance.choice((0.5, -0.5, 1e308, 1e-320, float("inf"), float("nan"))),
    lambda chance: chance.choice(WORDS),
    lambda _chance: None,
    lambda chance: chance.random() < 0.5,
    lambda _chance: [],
    lambda _chance: {},
    lambda chance: [chance.choice(INTEGERS)] * chance.choice((1, 3, 1000)),
    lambda chance: {chance.choice(WORDS): chance.choice(WORDS)},
)


def odd_value(chance: Random) -> Any:
    """Value of any of JSON's types that is seldom what was expected."""
    return chance.choice(_VALUES)(chance)


def changed_value(value: Any, chance: Random) -> Any:
    """Change one to three places of a value of JSON's types."""
    whole = json.loads(json.dumps(value))
    for _ in range(chance.choice((1, 1, 2, 3))):
        holders = [holder for holder in _holders(whole) if holder]
        if not holders:
            return odd_value(chance)
        holder = chance.choice(holders)
        key = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        match chance.randrange(5):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[chance.choice(WORDS)] = holder[key]
            case 2 if isinstance(holder, list):
                holder.insert(key, holder[key])
            case _:
                holder[key] = odd_value(chance)
    return whole


def _holders(value: Any) -> list[Any]:
    if not isinstance(value, dict | list):
        return []
    parts = value.values() if isinstance(value, dict) else value
    return [value, *(holder for part in parts for holder in _holders(part))]


def changed_json(value: Any, chance: Random) -> bytes:
    """Change a value of JSON's types, or the text that it is written in."""
    if chance.random() < 0.6:
        return json.dumps(changed_value(value, chance), indent=1).encode()
    return changed_text(json.dumps(value, indent=1), chance)

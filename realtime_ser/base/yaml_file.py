"""YAML as settings need it: small, flat, without repetition, and no key twice."""

from __future__ import annotations

import codecs
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

LONGEST = 1 << 20  # bytes of a file of settings
_DEEPEST = 20
_MOST_NODES = 20_000
_LONGEST_NUMBER = 40
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class YamlError(Exception):
    """A text is no YAML, or more than settings need.

    The message is what is to be said of the text, such as ``is not valid YAML near line 3``.
    """


def read_yaml(path: Path) -> Any:
    """Read a file of settings; ``None`` where it holds none.

    Raises
    ------
    OSError
        It cannot be read.
    YamlError
        It is no YAML, or more than settings need.
    """
    with path.open("rb") as file:
        data = file.read(LONGEST + 1)
    if len(data) > LONGEST:
        raise YamlError("is larger than a megabyte, so it holds no settings")
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise YamlError(f"is not UTF-8 near line {line}; save it as UTF-8") from error
    return parse_yaml(text)


def parse_yaml(text: str) -> Any:
    """Values of a YAML text; :class:`YamlError` where it is none, or more than settings need."""
    loader = None
    try:
        loader = _Loader(text)
        return loader.get_single_data()
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise YamlError(
            f"holds a character in line {line} that no text has ({error.character:#04x}); delete it"
        ) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line_text = f" near line {mark.line + 1}" if mark else ""
        raise YamlError(f"is not valid YAML{line_text}; mend it") from error
    finally:
        if loader is not None:
            loader.dispose()


_UNREADABLE = (AttributeError, LookupError, TypeError, ValueError, OverflowError)
"""What the library raises where a tag and its value do not go together."""


class _Loader(yaml.SafeLoader):
    """Refuses what has no place among settings, before it grows."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        self._depth += 1
        if self._depth > _DEEPEST:
            line = self.peek_event().start_mark.line + 1  # type: ignore[no-untyped-call]
            raise YamlError(f"has more than {_DEEPEST} levels in line {line}; settings have two")
        node: Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def get_single_data(self) -> Any:
        node = self.get_single_node()
        if node is None:
            return None
        if _size(node, {}) > _MOST_NODES:
            raise YamlError("repeats itself (by & and *) without end; write each value out")
        try:
            return self.construct_document(node)
        except _UNREADABLE as error:
            raise YamlError("has a value that cannot be read; mend it") from error

    def construct_object(self, node: Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except _UNREADABLE as error:
            line = node.start_mark.line + 1
            raise YamlError(f"has a value in line {line} that cannot be read; mend it") from error

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        lines: dict[Any, int] = {}
        for key_node, _ in node.value:
            if not isinstance(key_node, ScalarNode):
                continue
            line = key_node.start_mark.line + 1
            key = key_node.value
            if key != "<<" and key in lines:
                raise YamlError(
                    f"has '{key}' twice, in lines {lines[key]} and {line}; delete one of them"
                )
            lines[key] = line
        return super().construct_mapping(node, deep)

    def construct_number(self, node: ScalarNode) -> int | float:
        if len(node.value) > _LONGEST_NUMBER:
            line = node.start_mark.line + 1
            raise YamlError(f"has a number of {len(node.value)} digits in line {line}; shorten it")
        number: int | float = (
            self.construct_yaml_int(node)
            if node.tag.endswith(":int")
            else self.construct_yaml_float(node)
        )
        return number


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_number)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_number)


def _size(node: Node, known: dict[int, int]) -> int:
    """Nodes of a tree in which each alias counts as what it stands for."""
    if id(node) in known:
        return known[id(node)]
    known[id(node)] = _MOST_NODES + 1  # within itself, it has no end
    if isinstance(node, MappingNode):
        parts = [part for pair in node.value for part in pair]
    else:
        parts = node.value if isinstance(node, SequenceNode) else []
    known[id(node)] = size = 1 + sum(_size(part, known) for part in parts)
    return size

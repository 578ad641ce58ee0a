"""What messages and documents tell people to type is understood by the program.

Messages are the strings of the source, f-strings with something in the place of their fields.
"""

from __future__ import annotations

import ast
import itertools
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from realtime_ser.commands.main import SUMMARIES, main, program
from realtime_ser.commands.shared import LazyGroup
from training.cli import _parser

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "config.yaml")),
    *sorted(ROOT.glob("docs/*.md")),
    *sorted(ROOT.glob("models/*/CARD.md")),
    *sorted(ROOT.glob("training/recipes/*.yaml")),
]
SOURCE = sorted(
    path for folder in ("realtime_ser", "training") for path in ROOT.glob(f"{folder}/**/*.py")
)
PROGRAMS = ("realtime-ser", "realtime-ser-train", "make")

FIELDS = {"limit": "2026-01-01"}
"""What stands in the place of a field that must be more than a word."""

SHOWN_BY = {
    "engine/calibration.py": "calibrate",
    "engine/device_notes.py": "monitor",
    "exchange/audio.py": "sessions export",
    "exchange/csv_tables.py": "sessions export",
    "outputs/address.py": "monitor",
    "server/upload.py": "analyze",
    "session/analysis/analyzer.py": "analyze",
    "session/analysis/archive.py": "analyze",
    "session/analysis/dask_engine.py": "analyze",
    "session/analysis/shards.py": "analyze",
}
"""Command that shows the messages of a module which advise an option.

Other rooms serve several commands and the windows: they say the whole command, or no option.
"""


def strings(path: Path) -> Iterator[str]:
    """Texts of a module, those of an expression joined."""
    seen: set[int] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if id(node) not in seen and (text := text_of(node)):
            seen.update(id(part) for part in ast.walk(node))
            yield text


def text_of(node: ast.AST) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(map(text_of, parts))
        case ast.FormattedValue(value=ast.Name(id=name)):
            return FIELDS.get(name, "x")
        case ast.FormattedValue():
            return "x"
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return text_of(left) + text_of(right)
    return ""


def in_document(text: str) -> list[str]:
    """Commands in blocks for a shell, in code spans, in quotes, and in comments of YAML."""
    blocks = "\n".join(re.findall(r"```(?:sh)?\n(.*?)```", text, re.DOTALL)).replace("\\\n", " ")
    lines = [*blocks.splitlines(), *re.findall(r"^# {3,}(\S.*)$", text, re.MULTILINE)]
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return [*map(str.strip, lines), *re.findall(r"`([^`]+)`", prose), *in_message(prose)]


def in_message(text: str) -> list[str]:
    """Commands in quotes, in code spans, and at the end of a line."""
    name = "realtime-ser(?:-train)?"
    quoted = re.findall(rf"(?<!\w)'((?:export|{name}|make) [^']+)'", text)
    ending = re.findall(rf"(?:: |with )({name} .+?)$", text, re.MULTILINE)
    return [*quoted, *ending, *re.findall(r"``([^`]+)``", text)]


def command_lines(found: list[str]) -> set[tuple[str, ...]]:
    """Words of the commands among ``found``, each with its program first."""
    lines = set()
    for text in found:
        named = re.match(r"(?:\.venv/bin/)?(realtime-ser(?:-train)?|make|export)(?: |$)", text)
        if named is None or re.search(r" {3,}[\d─]", text):  # a row of a table of measurements
            continue
        words = shlex.split(text.removeprefix(".venv/bin/"), comments=True)
        words = list(itertools.takewhile(lambda word: word != "|", words))
        if words[0] == "export" and any(word.startswith("--") for word in words):
            words = ["realtime-ser", "sessions", *words]
        if words[0] in PROGRAMS and "..." not in words:
            lines.add(tuple(words))
    return lines


IN_DOCUMENTS = command_lines(
    [line for path in DOCUMENTS for line in in_document(path.read_text(encoding="utf-8"))]
)
IN_MESSAGES = command_lines(
    [line for path in SOURCE for text in strings(path) for line in in_message(text)]
)


@pytest.fixture
def parse_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command line be parsed and nothing run."""
    monkeypatch.setattr(click.Command, "invoke", lambda _command, _context: None)


def test_commands_are_found_where_they_are_known_to_be() -> None:
    assert len(IN_DOCUMENTS) > 80
    assert ("realtime-ser", "sessions", "repair") in IN_MESSAGES
    assert ("realtime-ser", "sessions", "delete", "--before", "2026-01-01") in IN_MESSAGES
    assert ("realtime-ser", "monitor", "--profile", "x") in IN_MESSAGES
    assert ("realtime-ser-train", "corpora", "--how", "NAME") in IN_MESSAGES
    assert any(words[:3] == ("realtime-ser", "sessions", "export") for words in IN_MESSAGES)


def test_the_summary_of_a_command_begins_its_own_help() -> None:
    for name, words in SUMMARIES.items():
        assert (command_named(name).help or "").startswith(words)


@pytest.mark.usefixtures("parse_alone")
@pytest.mark.parametrize("words", sorted(IN_DOCUMENTS | IN_MESSAGES), ids=" ".join)
def test_a_command_that_is_named_is_accepted(words: tuple[str, ...]) -> None:
    name, *arguments = words
    if name == "make":
        subprocess.run(["make", "-n", *arguments], cwd=ROOT, check=True, timeout=60)
        return
    if len(arguments) < 2 or arguments[-1] == "--classes":  # a name in a sentence
        assert set(arguments[1:]) <= options_of(program)
        arguments = [*arguments[:1], "--help"]
    assert exit_code(name, arguments) == 0


def exit_code(name: str, arguments: list[str]) -> int:
    try:
        if name == "realtime-ser":
            return main(arguments)
        _parser().parse_args(arguments)
    except SystemExit as end:  # argparse shows its help, or what is wrong
        return int(end.code or 0)
    return 0


def options_of(command: click.Command) -> set[str]:
    """Options of a command, and of all its actions."""
    own = {name for parameter in command.params for name in parameter.opts} | {"--help"}
    return own.union(*map(options_of, actions_of(command).values()))


def actions_of(command: click.Command) -> dict[str, click.Command]:
    if isinstance(command, LazyGroup):
        return {name: command.load(name) for name in command.commands}
    return dict(command.commands) if isinstance(command, click.Group) else {}


def command_named(name: str) -> click.Command:
    command: click.Command = program
    for word in name.split():
        command = actions_of(command)[word]
    return command


def advised(text: str) -> set[str]:
    """Options in a text, outside of whole commands; ``--name:`` is a property of CSS."""
    outside = text
    for command in in_message(text):
        outside = outside.replace(command, "")
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z]\b(?![:-])", outside))


@pytest.mark.parametrize(
    "path", [path for path in SOURCE if path.is_relative_to(ROOT / "realtime_ser")], ids=str
)
def test_an_option_that_is_advised_belongs_to_the_command(path: Path) -> None:
    module = path.relative_to(ROOT / "realtime_ser").as_posix()
    options = set().union(*map(advised, strings(path)))
    if module.startswith("commands/") and path.stem in program.commands:
        assert options <= options_of(command_named(path.stem))
    elif module.startswith("commands/"):
        assert options <= options_of(program)
    elif options:
        assert options <= options_of(command_named(SHOWN_BY[module]))


def test_options_that_documents_name_are_there() -> None:
    known = options_of(program) | set(re.findall(r"--[a-z-]+", _parser_help()))
    for path in DOCUMENTS:
        spans = re.findall(r"`(--[a-z-]+)[^`]*`", path.read_text(encoding="utf-8"))
        assert set(spans) <= known, path


def _parser_help() -> str:
    parser = _parser()
    groups = [action.choices for action in parser._actions if isinstance(action.choices, dict)]
    return "".join(one.format_help() for group in groups for one in group.values())

"""What the commands share: parsing, options that are settings, tables, bars, and a question."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial, wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

from realtime_ser.base.errors import UsageError
from realtime_ser.commands.plain_output import drawing_stream

if TYPE_CHECKING:
    from pathlib import Path

    from rich.progress import Progress, ProgressColumn

    from realtime_ser.base.config import Config

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any] | click.Command)

# ----------------------------------------------------------------------------------------- parsing


class Command(click.Command):
    """A command that names the first word too many, and what it may have been meant for."""

    allow_extra_args = True

    def __init__(self, *arguments: Any, surplus_hint: str = "", **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self._surplus_hint = surplus_hint
        self.params.append(_debug_option())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words behind the command's name."""
        try:
            surplus = super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise
        if surplus and not ctx.resilient_parsing:
            raise UsageError(f"'{surplus[0]}' is one word too many{self._surplus_hint}.")
        return surplus


class CommandGroup(click.Group):
    """Commands in the order in which they are added.

    The one named ``default`` runs where options begin at once, or nothing is said.
    """

    command_class = Command

    def __init__(self, *arguments: Any, default: str, **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self._default = default
        self.params.append(_debug_option())
        self.epilog = f"Without a command: {default}."

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Names of the commands."""
        return list(self.commands)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the group's own options, which end at a command's name."""
        own = {name for option in self.get_params(ctx) for name in option.opts}
        first = next((word for word in args if word != "--debug"), None)
        if first is None or (first.startswith("-") and first not in own):
            args = [self._default, *args]
        return super().parse_args(ctx, args)


class LazyGroup(CommandGroup):
    """Commands whose modules are imported when they run, so that help and one command are quick.

    Parameters
    ----------
    package
        Package with a module a command, which has a command of the same name.
    summaries
        What help says of each, in order.
    """

    def __init__(
        self, *arguments: Any, package: str, summaries: Mapping[str, str], **attributes: Any
    ) -> None:
        super().__init__(*arguments, **attributes)
        self._package = package
        for name, words in summaries.items():
            self.add_command(click.Command(name, short_help=words))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Command that the first word names, and the words behind it."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, None if name is None else self.load(name), rest

    def load(self, name: str) -> click.Command:
        """Command of a name."""
        command: click.Command = getattr(import_module(f"{self._package}.{name}"), name)
        return command


def _debug_option() -> click.Option:
    words = "Show where an error came from."
    return click.Option(["--debug"], is_flag=True, expose_value=False, help=words)


# ---------------------------------------------------------------------------------------- settings

MIX = "mix"
"""Name of the mean of all channels of a file, where ``--channels`` asks for it."""


class _Given:
    """Settings of a command line by their names in ``config.yaml``, and the options they had."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}
        self.options: dict[str, str] = {}
        self.file: Path | None = None


def setting(
    name: str, option: str, metavar: str, words: str, to: Callable[[str], object] = str
) -> Callable[[F], F]:
    """Option that takes precedence over a setting of the configuration.

    Parameters
    ----------
    name, option
        The setting, as ``section.key``, and the option.
    metavar, words
        What the help says of its value, and of itself.
    to
        Turns the text behind the option into the setting's value.
    """
    store = partial(_store, name, option, lambda given: given)
    return click.option(
        option, metavar=metavar, help=words, type=to, callback=store, expose_value=False
    )


def flag_setting(
    name: str, option: str, value: Callable[[], object], words: str
) -> Callable[[F], F]:
    """Flag that gives a setting of the configuration a certain value."""
    store = partial(_store, name, option, lambda _given: value())
    return click.option(
        option, is_flag=True, default=None, help=words, callback=store, expose_value=False
    )


def several_setting(name: str, option: str, metavar: str, words: str) -> Callable[[F], F]:
    """Option that may be repeated, and that takes precedence over a list of the configuration."""
    store = partial(_store, name, option, lambda given: given or None)
    return click.option(
        option, metavar=metavar, help=words, multiple=True, callback=store, expose_value=False
    )


def _store(
    name: str,
    option: str,
    value_of: Callable[[object], object],
    context: click.Context,
    _parameter: click.Parameter,
    given: object,
) -> None:
    value = None if given is None else value_of(given)
    if value is not None:
        settings = context.ensure_object(_Given)
        settings.values[name], settings.options[name] = value, option


def channels_or_mix(words: str) -> Callable[[F], F]:
    """Option ``--channels`` that may also say ``mix``: one channel of that name, and a true value.

    ``words`` are what the help says of it.
    """

    def store(context: click.Context, _parameter: click.Parameter, given: str | None) -> bool:
        settings = context.ensure_object(_Given)
        mixed = given == MIX
        if given is not None:
            settings.values["audio.channels"] = (1,) if mixed else channels(given)
            settings.options["audio.channels"] = "--channels"
        if mixed:
            settings.values["audio.channel_names"] = (MIX,)
        return mixed

    return click.option("--channels", "mixed", metavar="1,2", help=words, callback=store)


device_setting = setting(
    "audio.device", "--device", "NAME", "Part of a microphone's name, as 'devices' prints it."
)
model_setting = setting(
    "model", "--model", "auto|BUNDLE", "Name or folder of a model bundle (default: auto)."
)
profile_setting = setting(
    "profile", "--profile", "NAME", "Correct the model for this person; 'profiles' lists them."
)


def pass_config(function: Callable[Concatenate[Config, P], R]) -> Callable[P, R]:
    """Add ``--config``, and give the function all settings: the file's below the command line's."""

    def store(context: click.Context, _option: click.Parameter, file: Path | None) -> None:
        context.ensure_object(_Given).file = file

    @click.option(
        "--config",
        type=FILE,
        metavar="FILE",
        help="Settings, as in config.yaml.",
        callback=store,
        expose_value=False,
    )
    @wraps(function)
    def with_config(*arguments: P.args, **options: P.kwargs) -> R:
        given = click.get_current_context().ensure_object(_Given)
        return function(_merged(given), *arguments, **options)

    return with_config


def _merged(given: _Given) -> Config:
    from realtime_ser.base.config import Config, load_config, parse_config

    config = load_config(given.file) if given.file else Config()
    merged: dict[str, Any] = config.model_dump()
    for name, value in given.values.items():
        section, _, key = name.rpartition(".")
        (merged[section] if section else merged)[key] = value
    return parse_config(merged, "the command line", given.options)


# ------------------------------------------------------------------------------------ option types


class _PathType(click.Path):
    """A file or folder, which may be there or not; an empty word is not the current folder.

    A file whose name is ``-`` is given as ``./-``, as elsewhere.
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Turn a word of the command line into a path."""
        from pathlib import Path  # help does without

        if not value:
            self.fail("an empty word names no file or folder", param, ctx)
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        return Path.cwd() / path if value in ("./-", ".\\-") else path


FILE = _PathType()


def names(text: str) -> tuple[str, ...]:
    """Words separated by commas."""
    return tuple(part.strip() for part in text.split(","))


def channels(text: str) -> tuple[int, ...]:
    """Numbers of channels, separated by commas."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        words = f"'{text}' must be channel numbers separated by commas, such as 1,2."
        raise click.BadParameter(words) from error


def day(text: str) -> datetime:
    """Parse a date, or a time of one, at this place where it names no other."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"'{text}' must be a date such as 2026-03-01.") from error
    return moment if moment.tzinfo is not None else moment.astimezone()


# ---------------------------------------------------------------------------- output and questions


def print_aligned(rows: Sequence[Sequence[str]]) -> None:
    """Print a table whose columns stand below each other."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def progress_bar(*columns: ProgressColumn) -> Progress:
    """Bar on standard error that goes when it is done; no bar where nobody sees it.

    Without columns it has rich's own.
    """
    from rich.console import Console
    from rich.progress import Progress

    console = Console(file=drawing_stream(sys.stderr))
    hidden = not console.is_terminal
    return Progress(*columns, console=console, transient=True, disable=hidden)


def confirmed(question: str) -> bool:
    """Whether a person at the terminal agrees to delete something."""
    if not sys.stdin.isatty():
        raise UsageError("Deleting asks first, and nobody can answer here: add --yes.")
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")

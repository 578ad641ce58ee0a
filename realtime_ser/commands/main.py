"""The command line: ``realtime-ser``, also ``python -m realtime_ser``.

Each command has a file of its own, which is imported when it runs and imports what it needs then,
so that help and the device list come at once.
"""

from __future__ import annotations

import codecs
import gc
import io
import os
import sys
from collections.abc import Sequence

import click

from realtime_ser import __version__
from realtime_ser.base.errors import SerError, UsageError
from realtime_ser.commands.plain_output import plain_output
from realtime_ser.commands.shared import LazyGroup

PROGRAM = "realtime-ser"

SUMMARIES = {
    "monitor": "Listen to a microphone, or to a file that plays as one.",
    "analyze": "Analyse audio files and folders.",
    "merge": "Join the results of parts of an archive, and say what is missing.",
    "report": "Tell what an archive sounds like, by folder, speaker and time.",
    "serve": "Show a page in the browser that hears files and the browser's microphone.",
    "calibrate": "Listen to a normal voice, to correct the model for that person.",
    "profiles": "List the profiles that calibrating made, show and delete them.",
    "sessions": "List the kept sessions, show, export and delete them.",
    "devices": "List the microphones.",
    "doctor": "Check this machine, and say what to do about each fault.",
}
"""The commands in the order of help, each with the first sentence of its own help."""


@click.group(
    PROGRAM,
    cls=LazyGroup,
    package="realtime_ser.commands",
    summaries=SUMMARIES,
    default="monitor",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name=PROGRAM, message="%(prog)s %(version)s")
def program() -> None:
    """Which emotions a voice carries, shown and recorded while it speaks."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0: done; 1: the work failed; 2: the command line or the configuration is wrong.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    # Pydantic would read the metadata of every installed package at each start.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    _replace_unencodable()
    with plain_output():
        code = _explained(given)
    if arguments is None:
        gc.freeze()  # the process ends, and what there is need not be searched for cycles
    return code


def _explained(given: list[str]) -> int:
    """Run the command line; what goes wrong is said in a sentence."""
    debug = "--debug" in given
    try:
        return _run(given)
    except click.UsageError as error:
        return _print_error(_usage_text(error), UsageError.exit_code, debug=debug)
    except SerError as error:
        return _print_error(str(error), error.exit_code, debug=debug)
    except KeyboardInterrupt:
        return _print_error("Interrupted; what was done until then is kept.", 1, debug=debug)
    except BrokenPipeError:
        from realtime_ser.base.quiet import discard_output

        discard_output()  # Python would still flush at its end
        return 1
    except Exception as error:  # noqa: BLE001 - the last line of defence
        words = f"Something unexpected went wrong ({type(error).__name__}: {error})"
        return _print_error(f"{words}; --debug shows where.", 1, debug=debug)


def _run(given: list[str]) -> int:
    try:
        with program.make_context(PROGRAM, given) as context:
            program.invoke(context)
    except click.exceptions.Exit as done:
        return done.exit_code
    return 0


def _usage_text(error: click.UsageError) -> str:
    """What is wrong with the command line, with the nearest right word where there is one."""
    path = PROGRAM if error.ctx is None else error.ctx.command_path
    near = None
    if isinstance(error, click.NoSuchOption):
        words, near = f"There is no option '{error.option_name}'", error.possibilities
    elif isinstance(error, click.NoSuchCommand):
        kind = "command" if path == PROGRAM else "action"
        words, near = f"There is no {kind} '{error.command_name}'", error.possibilities
    else:
        words = error.format_message().rstrip(".")
    return f"{words}; " + (f"did you mean '{near[0]}'?" if near else f"'{path} --help' tells more.")


def _print_error(words: str, code: int, *, debug: bool) -> int:
    if debug:
        import traceback

        traceback.print_exc()
    print(f"{PROGRAM}: error: {words}", file=sys.stderr)
    return code


_ASCII_SUBSTITUTES = {"\u202f": " ", "−": "-", "–": "-", "·": ".", "…": "~"} | dict.fromkeys(
    "▏▎▍▌▋▊▉█", "#"
)
"""What is shown where a terminal lacks a character; else a question mark."""


def _replace_unencodable() -> None:
    """Let a terminal that does not know UTF-8 show something simpler."""

    def plain(error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeEncodeError)
        lacking = error.object[error.start : error.end]
        return "".join(_ASCII_SUBSTITUTES.get(character, "?") for character in lacking), error.end

    codecs.register_error("plain", plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain")

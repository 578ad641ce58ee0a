"""The command line: ``realtime-ser``, also ``python -m realtime_ser``.

What a command needs is imported when it runs, so that help and the device list come at once.
"""

from __future__ import annotations

import argparse
import codecs
import difflib
import importlib.util
import io
import os
import re
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from realtime_ser import __version__
from realtime_ser.base.errors import OutputError, SerError, UsageError
from realtime_ser.base.text import count_text
from realtime_ser.commands.profile_arguments import add_calibrate_options, add_profile_actions
from realtime_ser.commands.session_arguments import add_actions

if TYPE_CHECKING:
    from realtime_ser.audio.source import SourceInfo
    from realtime_ser.base.config import Config
    from realtime_ser.session.analysis.results import FilePlot
    from realtime_ser.session.live import LiveSession

PROGRAM = "realtime-ser"
COMMANDS = ("monitor", "analyze", "calibrate", "profiles", "sessions", "devices", "doctor")

Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0: done; 1: the work failed; 2: the command line or the configuration is wrong.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    _replace_unencodable()
    debug = "--debug" in given
    try:
        options = _parse(given)
        command: Command = options.run
        return command(options)
    except SerError as error:
        return _print_error(str(error), error.exit_code, debug=debug)
    except KeyboardInterrupt:
        return _print_error("Interrupted; what was done until then is kept.", 1, debug=debug)
    except BrokenPipeError:
        # Nobody reads on; what Python would still flush at its end goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - the last line of defence
        words = f"Something unexpected went wrong ({type(error).__name__}: {error})"
        return _print_error(f"{words}; --debug shows where.", 1, debug=debug)


def _print_error(words: str, code: int, *, debug: bool) -> int:
    if debug:
        import traceback

        traceback.print_exc()
    print(f"{PROGRAM}: error: {words}", file=sys.stderr)
    return code


def _print_note(words: str) -> None:
    print(f"{PROGRAM}: {words}", file=sys.stderr, flush=True)


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


# ------------------------------------------------------------------------------------- arguments


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, with the nearest right word where there is one."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Raise :class:`UsageError`."""
        _, colon, rest = message.partition("unrecognized arguments: ")
        if colon:
            word = rest.split()[0]
            if not word.startswith("-"):
                hint = "; a file is given as --input FILE" if self.prog.endswith("monitor") else ""
                raise UsageError(f"'{word}' is one word too many{hint}.")
            raise UsageError(f"There is no option '{word}'{_hint_for(word, self._options())}")
        for known in self._choices():
            if match := re.match(r"argument ACTION: invalid choice: '(.*?)'", message):
                raise UsageError(f"There is no action '{match[1]}'{_hint_for(match[1], known)}")
        raise UsageError(f"{message[0].upper()}{message[1:]}; '{self.prog} --help' tells more.")

    def _choices(self) -> list[list[str]]:
        """Names of the parsers below this one."""
        return [
            list(action.choices)
            for action in self._actions
            if isinstance(action, argparse._SubParsersAction)
        ]

    def _options(self) -> list[str]:
        """All options, those of the parsers below included."""
        names = [name for action in self._actions for name in action.option_strings]
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                for below in action.choices.values():
                    names += below._options()
        return names


def _hint_for(word: str, known: Sequence[str]) -> str:
    match = difflib.get_close_matches(word.partition("=")[0], known, n=1)
    return f"; did you mean '{match[0]}'?" if match else f"; '{PROGRAM} --help' lists them."


def _parse(given: list[str]) -> argparse.Namespace:
    parser, parsers = _parsers()
    name, rest = _command(given)
    if name is None:
        return parser.parse_args(rest)
    options = parsers[name].parse_args(rest)
    options.run = _HANDLERS[name]
    return options


def _command(given: list[str]) -> tuple[str | None, list[str]]:
    """The command and its arguments; ``monitor`` where options begin at once."""
    words = [word for word in given if word != "--debug"]
    if not words:
        return "monitor", given
    if words[0] in ("-h", "--help", "--version"):
        return None, words[:1]
    if words[0].startswith("-"):
        return "monitor", given
    if words[0] not in COMMANDS:
        raise UsageError(f"There is no command '{words[0]}'{_hint_for(words[0], COMMANDS)}")
    given.remove(words[0])
    return words[0], given


def _parsers() -> tuple[_Parser, dict[str, _Parser]]:
    parser = _Parser(
        prog=PROGRAM,
        description="Which emotions a voice carries, shown and recorded while it speaks.",
        epilog="Without a command: monitor.",
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    parsers = {
        name: commands.add_parser(name, help=words, description=f"{words}.")
        for name, words in {
            "monitor": "Listen to a microphone, or to a file that plays as one",
            "analyze": "Analyse audio files and folders",
            "calibrate": "Listen to a normal voice, to correct the model for that person",
            "profiles": "List the profiles that calibrating made, show and delete them",
            "sessions": "List the kept sessions, show, export and delete them",
            "devices": "List the microphones",
            "doctor": "Check this machine, and say what to do about each fault",
        }.items()
    }
    _monitor_options(parsers["monitor"])
    _analyze_options(parsers["analyze"])
    add_calibrate_options(parsers["calibrate"])
    _common_options(parsers["calibrate"])
    add_profile_actions(parsers["profiles"])
    add_actions(parsers["sessions"])
    _common_options(parsers["doctor"])
    for command in parsers.values():
        command.add_argument("--debug", action="store_true", help="show where an error came from")
    return parser, parsers


def _common_options(parser: _Parser) -> None:
    parser.add_argument("--model", metavar="BUNDLE", help="name or folder of a model bundle")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings, as in config.yaml")


def _profile_option(parser: _Parser) -> None:
    words = "correct the model for this person; 'profiles' lists them"
    parser.add_argument("--profile", metavar="NAME", help=words)


def _monitor_options(parser: _Parser) -> None:
    add = parser.add_argument
    add("--input", metavar="auto|mic|demo|FILE", help="what to listen to (default: auto)")
    add("--device", metavar="NAME", help="part of a microphone's name, as 'devices' prints it")
    add("--channels", type=_channels, metavar="1,2", help="channels to monitor (default: 1)")
    add("--channel-names", type=_names, metavar="a,b", help="what the channels are called")
    add("--headless", action="store_true", help="show it in the terminal, without a window")
    add("--duration", type=_seconds, metavar="S", help="end after so many seconds")
    add("--speed", type=float, metavar="X", help="pace of a file; 0: as fast as it goes")
    add("--export", type=Path, metavar="OUT.csv", help="where to write the session")
    add("--record-audio", action="store_true", help="keep the sound too, as FLAC")
    add("--no-keep", action="store_true", help="do not keep it among the sessions")
    add("--study", dest="study_name", metavar="NAME", help="the study that it belongs to")
    add("--participant", dest="study_participant", metavar="CODE", help="the participant's code")
    add("--condition", dest="study_condition", metavar="NAME", help="the study's condition")
    words = "the participant has agreed; the time is kept"
    now = datetime.now().astimezone()
    add("--consent", dest="study_consent", action="store_const", const=now, help=words)
    add("--screenshot", type=Path, metavar="OUT.png", help="picture of the window at the end")
    _profile_option(parser)
    _common_options(parser)


def _analyze_options(parser: _Parser) -> None:
    add = parser.add_argument
    add("paths", nargs="+", type=Path, metavar="PATH", help="audio file, or folder with such files")
    add("--out", type=Path, metavar="DIR", help="where to write; without it a table is printed")
    add("--plot", action="store_true", help="draw each file's timeline too, as PNG")
    add("--jobs", type=_jobs, metavar="N", help="processes (default: one a processor)")
    add("--classes", type=_names, default=(), metavar="a,b,c", help="restrict to these labels")
    _profile_option(parser)
    _common_options(parser)


def _channels(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        words = f"'{text}' must be channel numbers separated by commas, such as 1,2"
        raise argparse.ArgumentTypeError(words) from error


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"'{text}' must be a number of seconds above 0")
    return seconds


def _jobs(text: str) -> int:
    jobs = int(text) if text.isdecimal() else 0
    if jobs < 1:
        raise argparse.ArgumentTypeError(f"'{text}' must be a number of processes from 1")
    return jobs


def _config(options: argparse.Namespace) -> Config:
    """Settings of the file, and those of the command line above them."""
    from realtime_ser.base.config import Config, load_config, parse_config

    config = load_config(options.config) if options.config else Config()
    changes: dict[str, dict[str, Any]] = {
        "audio": {
            name: value
            for name in ("input", "device", "channels", "channel_names", "speed")
            if (value := getattr(options, name, None)) is not None
        },
        "session": {"record_audio": True} if getattr(options, "record_audio", False) else {},
        "sessions": {"keep": False} if getattr(options, "no_keep", False) else {},
        "study": {
            name: value
            for name in ("name", "participant", "condition", "consent")
            if (value := getattr(options, f"study_{name}", None)) is not None
        },
    }
    merged: dict[str, Any] = config.model_dump()
    for section, values in changes.items():
        merged[section] |= values
    for name in ("model", "profile"):
        if getattr(options, name, None) is not None:
            merged[name] = getattr(options, name)
    try:
        return parse_config(merged, "the command line")
    except UsageError as error:
        # Here a setting goes by the name of its option.
        raise UsageError(re.sub(r"'audio\.(\w+)(\.\d+)?'", r"'--\1'", str(error))) from error


# --------------------------------------------------------------------------------------- monitor


def _monitor(options: argparse.Namespace) -> int:
    config = _config(options)
    if options.screenshot is not None:
        _check_screenshot(options.screenshot)
    if options.headless or not _can_show_window():
        return _monitor_in_terminal(config, options)
    from realtime_ser.gui.app.run import run

    code = run(
        config,
        export=options.export,
        screenshot=options.screenshot,
        duration_s=options.duration,
        completed=_report,
    )
    if options.screenshot is not None and options.screenshot.exists():
        print(f"  {options.screenshot.resolve()}")
    return code


def _can_show_window() -> bool:
    """Whether there is a display and the window's libraries; says so where there is not."""
    from realtime_ser.base.display import display_answers

    if not display_answers():
        _print_note("there is no display, so the monitor runs in the terminal.")
        return False
    try:
        import realtime_ser.gui.app.run  # noqa: F401 - whether it can be imported is the question
    except ImportError as error:
        _print_note(
            f"the window cannot be shown ({error}), so the monitor runs in the terminal; "
            f"'{PROGRAM} doctor' tells more."
        )
        return False
    return True


def _check_screenshot(path: Path) -> None:
    """Find out before the session, not after it, that its picture cannot be made."""
    if path.suffix.lower() != ".png":
        raise UsageError(f"The screenshot '{path}' must have a name that ends in .png.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab"):
            pass
        if not path.stat().st_size:
            path.unlink()
    except OSError as error:
        raise OutputError(
            f"Cannot write the screenshot {path} ({error.strerror}): choose another place."
        ) from error
    if importlib.util.find_spec("PyQt6") is None:
        raise SerError("The screenshot needs PyQt6: install it with 'pip install PyQt6 pyqtgraph'.")


def _monitor_in_terminal(config: Config, options: argparse.Namespace) -> int:
    from collections import deque

    from rich.console import Console

    from realtime_ser.base.records import STEP_S, Record
    from realtime_ser.commands import terminal
    from realtime_ser.engine.status import Phase
    from realtime_ser.session.live import LiveSession

    session = LiveSession(config, options.export)
    for words in (session.notice, *session.notices):
        if words:
            _print_note(words)
    steps = (config.window.timeline_s + _SPARE_S) / STEP_S * len(config.audio.channels)
    last: deque[Record] | None = deque(maxlen=round(steps)) if options.screenshot else None
    terminal.run(session, Console(), duration_s=options.duration, keep=last)
    _report(session)
    if last is not None:
        _screenshot(session, list(last), options.screenshot)
    if session.error:
        raise SerError(session.error)
    if session.monitor.status.phase is Phase.FAILED:
        raise SerError("The engine stopped because of a fault in the program.")
    return 0


_SPARE_S = 40.0
"""Seconds of a screenshot that lie before what it shows: segments begin there."""


def _screenshot(session: LiveSession, records: Sequence[Any], path: Path) -> None:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from realtime_ser.gui.app.run import render_screenshot

    manifest = session.monitor.bundle.manifest
    render_screenshot(
        records,
        session.monitor.labels,
        session.monitor.status,
        path,
        source=session.monitor.source.info,
        model=f"model {manifest.name} {manifest.version}",
    )
    print(f"  {path.resolve()}")


def _report(session: LiveSession) -> None:
    from realtime_ser.commands.session_report import session_report

    print(session_report(session), flush=True)


# --------------------------------------------------------------------------------------- analyze


def _analyze(options: argparse.Namespace) -> int:
    from realtime_ser.commands.analyze import analyze
    from realtime_ser.session.analysis.analyzer import AnalysisSettings

    if options.plot and options.out is None:
        raise UsageError("--plot needs a folder for its pictures: add --out DIR.")
    settings = AnalysisSettings(
        _config(options), options.classes, draw_file if options.plot else None
    )
    analyze(options.paths, settings, out=options.out, jobs=options.jobs)
    return 0


def draw_file(info: SourceInfo, channels: Sequence[int], labels: Sequence[str]) -> FilePlot:
    """Begin the picture of a file."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from realtime_ser.gui.timeline.file_picture import FilePicture

    return FilePicture(info, channels, labels)


# -------------------------------------------------------------------------- calibrate and profiles


def _calibrate(options: argparse.Namespace) -> int:
    from realtime_ser.commands.calibrate import calibrate

    calibrate(options, _config(options))
    return 0


def _profiles(options: argparse.Namespace) -> int:
    from realtime_ser.commands.calibrate import profiles

    profiles(options, _config(options))
    return 0


# -------------------------------------------------------------------------------------- sessions


def _sessions(options: argparse.Namespace) -> int:
    from realtime_ser.commands.sessions import sessions

    sessions(options, _config(options), draw_png)
    return 0


def draw_png(svg: str, scale: float) -> bytes:
    """Paint a drawing; it needs no display."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    try:
        from realtime_ser.gui.theme.rasterise import png_of_svg
    except ImportError as error:
        raise SerError(f"A PNG needs Qt, which cannot be loaded ({error}): export .svg.") from error
    return png_of_svg(svg, scale)


# ------------------------------------------------------------------------------ devices and doctor


def _devices(_options: argparse.Namespace) -> int:
    from realtime_ser.audio.devices import NoMicrophoneError, input_devices

    devices = input_devices()
    if not devices:
        raise NoMicrophoneError
    for api in dict.fromkeys(device.host_api for device in devices):
        print(api)
        for device in devices:
            if device.host_api == api:
                mark = "*" if device.default else " "
                count = count_text(device.channels, "channel")
                print(f" {mark} {device.name}  ({device.rate} Hz, {count})")
    print("* the default")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from realtime_ser.engine.doctor import Verdict, run_checks

    faults = 0
    for finding in run_checks(_config(options)):
        print(f"{finding.verdict:6}{finding.subject:18}{finding.words}", flush=True)
        faults += finding.verdict is Verdict.FAULT
    if faults:
        raise SerError("The monitor cannot work here: mend what is marked as a FAULT.")
    return 0


_HANDLERS: dict[str, Command] = {
    "monitor": _monitor,
    "analyze": _analyze,
    "calibrate": _calibrate,
    "profiles": _profiles,
    "sessions": _sessions,
    "devices": _devices,
    "doctor": _doctor,
}

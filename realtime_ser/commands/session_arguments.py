"""What ``realtime-ser sessions`` understands."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path


def add_actions(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their options; without an action, the sessions are listed."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action")
    made = {
        name: actions.add_parser(name, help=words, description=f"{words}.")
        for name, words in {
            "list": "List the kept sessions",
            "show": "Show all that is known of a session",
            "rename": "Give a session a title",
            "note": "Add a note to a session",
            "export": "Write a session for other tools, or a tidy table of a study",
            "import": "Read markers and labelled intervals of other tools into a session",
            "delete": "Delete sessions, their sound included",
            "reanalyse": "Hear a session again, with another model, where its sound was kept",
        }.items()
    }
    for name in ("show", "rename", "note", "reanalyse"):
        made[name].add_argument("id", metavar="ID", help="as 'sessions list' prints it")
    _list_options(made["list"])
    made["rename"].add_argument("title", metavar="TITLE")
    made["note"].add_argument("text", metavar="TEXT")
    made["reanalyse"].add_argument(
        "--model", metavar="BUNDLE", required=True, help="name or folder of a model bundle"
    )
    _export_options(made["export"])
    _import_options(made["import"])
    _delete_options(made["delete"])
    for action in (parser, *made.values()):
        action.add_argument("--config", type=Path, metavar="FILE", help="settings, as config.yaml")
        if action is not parser:
            action.add_argument(
                "--debug", action="store_true", help="show where an error came from"
            )


def _list_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--search", metavar="TEXT", help="in titles, notes, markers, intervals, studies, dates")
    add("--study", metavar="NAME", help="of this study")
    add("--participant", metavar="CODE", help="of this participant")
    add("--label", metavar="LABEL", help="with a segment of this label")
    add("--since", type=_date, metavar="DATE", help="begun on this day or later")
    add("--json", action="store_true", help="print JSON")


def _export_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("id", nargs="?", metavar="ID", help="as 'sessions list' prints it")
    endings = ".csv .json .eaf .TextGrid .txt .png .svg .html .wav .flac"
    add(
        "--to",
        type=Path,
        metavar="FILE",
        help=f"where to write it; its ending tells how: {endings}",
    )
    words = "the format, whatever the ending; 'audacity' is .txt, 'corpus' a folder to train on"
    add("--format", metavar="NAME", help=words)
    words = "segments that nobody corrected too, with the model's label, in a corpus"
    add("--uncorrected", action="store_true", help=words)
    add("--lines", action="store_true", help="draw lines instead of stacked areas")
    add("--frames", action="store_true", help="the updates too, in a .json")
    add("--without-profile", action="store_true", help="what no profile has corrected, in a .csv")
    add("--segment", type=int, metavar="N", help="the sound of this segment alone")
    add("--start", type=_moment, metavar="TIME", help="sound from here, as 90.5 or 1:30.5")
    add("--end", type=_moment, metavar="TIME", help="sound until here")
    add("--channel", metavar="NAME", help="sound of this channel alone, by name or number")
    add("--study", metavar="NAME", help="all sessions of a study, with --tidy, or for a corpus")
    add("--tidy", type=Path, metavar="OUT.csv", help="a row for each interval and label")


def _import_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("file", type=Path, metavar="FILE", help="ELAN .eaf, Praat .TextGrid, Audacity labels .txt")
    add("--into", required=True, metavar="ID", help="the session, as 'sessions list' prints it")
    add("--format", metavar="NAME", help="elan, praat or audacity, whatever the ending")


def _delete_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("ids", nargs="*", metavar="ID", help="as 'sessions list' prints it")
    add("--participant", metavar="CODE", help="all of this participant")
    add("--before", type=_date, metavar="DATE", help="all begun before this day")
    add("--files", action="store_true", help="also the tables that --export named")
    add("--yes", action="store_true", help="do not ask")


def _date(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        words = f"'{text}' must be a date such as 2026-03-01"
        raise argparse.ArgumentTypeError(words) from error
    return moment if moment.tzinfo is not None else moment.astimezone()


def _moment(text: str) -> float:
    """Seconds from the start of the session, also as minutes or hours and so on."""
    try:
        seconds = 0.0
        for part in text.split(":"):
            seconds = 60.0 * seconds + float(part)
    except ValueError as error:
        words = f"'{text}' must be a time such as 90.5, 1:30.5 or 0:01:30.5"
        raise argparse.ArgumentTypeError(words) from error
    return seconds

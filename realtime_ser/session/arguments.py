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
            "export": "Write a session's tables, or a tidy table of a study",
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
    _delete_options(made["delete"])
    for action in (parser, *made.values()):
        action.add_argument("--config", type=Path, metavar="FILE", help="settings, as config.yaml")
        if action is not parser:
            action.add_argument(
                "--debug", action="store_true", help="show where an error came from"
            )


def _list_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--search", metavar="TEXT", help="in titles, notes, markers, sources and studies")
    add("--study", metavar="NAME", help="of this study")
    add("--participant", metavar="CODE", help="of this participant")
    add("--label", metavar="LABEL", help="with a segment of this label")
    add("--since", type=_date, metavar="DATE", help="begun on this day or later")
    add("--json", action="store_true", help="print JSON")


def _export_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("id", nargs="?", metavar="ID", help="as 'sessions list' prints it")
    add("--to", type=Path, metavar="OUT.csv", help="where to write the session's frames")
    add("--study", metavar="NAME", help="all sessions of a study, with --tidy")
    add("--tidy", type=Path, metavar="OUT.csv", help="a row for each interval and label")


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

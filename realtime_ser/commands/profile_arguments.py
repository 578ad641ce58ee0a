"""What ``realtime-ser calibrate`` and ``realtime-ser profiles`` understand."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_calibrate_options(parser: argparse.ArgumentParser) -> None:
    """Add what ``calibrate`` needs beside the model and the settings."""
    add = parser.add_argument
    add("name", metavar="NAME", help="what to call the person, on this microphone")
    add("--input", metavar="mic|FILE", help="what to listen to (default: mic)")
    add("--device", metavar="NAME", help="part of a microphone's name, as 'devices' prints it")
    words = "the channel that holds the voice (default: 1)"
    add("--channel", dest="channels", type=_channel, metavar="N", help=words)
    add("--replace", action="store_true", help="in place of a profile of that name")


def _channel(text: str) -> tuple[int]:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' must be the number of a channel")
    return (int(text),)


def add_profile_actions(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their options; without an action, the profiles are listed."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action")
    made = {
        name: actions.add_parser(name, help=words, description=f"{words}.")
        for name, words in {
            "list": "List the profiles",
            "show": "Show all that is known of a profile",
            "delete": "Delete a profile",
        }.items()
    }
    for name in ("show", "delete"):
        made[name].add_argument("name", metavar="NAME", help="as 'profiles list' prints it")
    made["delete"].add_argument("--yes", action="store_true", help="do not ask")
    for action in (parser, *made.values()):
        action.add_argument("--model", metavar="BUNDLE", help="name or folder of a model bundle")
        action.add_argument("--config", type=Path, metavar="FILE", help="settings, as config.yaml")
        if action is not parser:
            action.add_argument(
                "--debug", action="store_true", help="show where an error came from"
            )

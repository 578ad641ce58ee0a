"""``realtime-ser report``: what a whole archive sounds like."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from realtime_ser.base.text import printable
from realtime_ser.commands.shared import FILE, Command

if TYPE_CHECKING:
    from realtime_ser.exchange.archive_report import Period


@click.command(cls=Command)
@click.argument("folder", type=FILE, metavar="DIR")
@click.option(
    "--pattern",
    metavar="REGEX",
    help="On the paths; its named groups, such as (?P<speaker>...), group the files. year, month "
    "and day are their time.",
)
@click.option(
    "--by",
    "period",
    type=click.Choice(["day", "month", "year"]),
    default="month",
    help="Unit of time (default: month).",
)
def report(folder: Path, *, pattern: str | None, period: Period) -> None:
    """Tell what an archive sounds like, by folder, speaker and time.

    DIR is a folder that 'realtime-ser analyze' or 'realtime-ser merge' has written.
    """
    from realtime_ser.base.text import count_text
    from realtime_ser.exchange.archive_report import (
        ALL,
        PathPattern,
        report_archive,
        tally_text,
        write_report,
    )

    paths = PathPattern(pattern, period)
    groups, labels = report_archive(folder, paths)
    for path in write_report(folder, groups, labels):
        print(printable(str(path.resolve())))
    whole = groups[ALL][""]
    print(f"{count_text(whole.files, 'file')}: {tally_text(whole)}.", file=sys.stderr)
    if paths.unmatched:
        words = f"{count_text(paths.unmatched, 'path')} not matched by the pattern"
        print(f"{words}: they are in no group of it.", file=sys.stderr)

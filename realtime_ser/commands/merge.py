"""``realtime-ser merge``: the parts of an archive as one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from realtime_ser.base.errors import SerError
from realtime_ser.base.text import printable
from realtime_ser.commands.shared import FILE, Command, progress_bar


@click.command(cls=Command)
@click.argument("folders", nargs=-1, required=True, type=FILE, metavar="DIR...")
@click.option("--out", required=True, type=FILE, metavar="DIR", help="Where to join them.")
@click.option("--parquet", is_flag=True, help="Write the tables of all files as Parquet, too.")
def merge(folders: Sequence[Path], *, out: Path, parquet: bool) -> None:
    """Join the results of parts of an archive, and say what is missing.

    DIR is a folder that 'realtime-ser analyze' has written. --out may be one of them, where all
    parts were written into it.
    """
    from realtime_ser.base.text import count_text
    from realtime_ser.exchange.archive_merge import merge_archives
    from realtime_ser.exchange.parquet import require_parquet, write_parquet

    if parquet:
        require_parquet()
    with progress_bar() as bar:
        task = bar.add_task("", total=1.0)
        merged = merge_archives(
            folders, out, lambda share: bar.update(task, completed=share, refresh=False)
        )
    for path in merged.tables:
        print(printable(str(path.resolve())))
        if parquet:
            print(printable(str(write_parquet(path).resolve())))
    failed = f", {merged.failed:,} of them could not be analysed" if merged.failed else ""
    print(f"{count_text(merged.files, 'file')}{failed}.", file=sys.stderr)
    if merged.missing:
        raise SerError(" ".join(merged.missing))

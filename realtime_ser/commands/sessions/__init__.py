"""``realtime-ser sessions``."""

from __future__ import annotations

import click

from realtime_ser.commands.sessions.changes import (
    delete,
    import_file,
    note,
    reanalyse_session,
    rename,
    repair,
)
from realtime_ser.commands.sessions.export import export_session
from realtime_ser.commands.sessions.overview import list_sessions, show
from realtime_ser.commands.shared import CommandGroup


@click.group(cls=CommandGroup, default="list")
def sessions() -> None:
    """List the kept sessions, show, export and delete them.

    ID is a session's, as 'sessions list' prints it.
    """


for _action in (
    list_sessions,
    show,
    rename,
    note,
    export_session,
    import_file,
    delete,
    repair,
    reanalyse_session,
):
    sessions.add_command(_action)

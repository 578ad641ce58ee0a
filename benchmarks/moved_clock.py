"""Runs the program with a wall clock that a file moves: ``FILE ARGUMENTS...``.

The file says by how many seconds. The clock is moved where the program reads it, in
:func:`realtime_ser.base.timebase.local_now`: the machine's own belongs to all its programs.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path

from realtime_ser.base import timebase


def main() -> int:
    """Move the clock, and run the program."""
    file, *arguments = sys.argv[1:]
    real_now = timebase.local_now

    def moved_now() -> datetime:
        return real_now() + timedelta(seconds=float(Path(file).read_text("utf-8")))

    # Before anything imports it by its name.
    setattr(timebase, "local_now", moved_now)  # noqa: B010 - a function is assigned to nowhere else
    from realtime_ser.commands.main import main as run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())

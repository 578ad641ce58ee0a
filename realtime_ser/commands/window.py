"""The window as a menu starts it, ``realtime-ser-window``: what would be printed is shown."""

from __future__ import annotations

import contextlib
import io
import sys

from realtime_ser.commands import main as command_line


def main() -> int:
    """Run the monitor and return its exit code; an error becomes a dialog where nobody reads."""
    if sys.stderr is not None and sys.stderr.isatty():
        return command_line.main()
    printed = io.StringIO()
    # Windows gives a program without a console no streams at all.
    with (
        contextlib.redirect_stderr(printed),
        contextlib.redirect_stdout(sys.stdout or io.StringIO()),
    ):
        code = command_line.main()
    words = printed.getvalue()
    if sys.stderr is not None:
        sys.stderr.write(words)
    if code and words:
        from realtime_ser.gui.app.application import show_error

        show_error(words.splitlines()[-1].removeprefix(f"{command_line.PROGRAM}: error: "))
    return code

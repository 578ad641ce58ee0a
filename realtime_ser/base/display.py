"""Check of the display that a window would be opened on."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

_TIMEOUT_S = 2.0
_X_PORT = 6000


def display_answers() -> bool:
    """Whether a display server answers under the name that the environment gives.

    Qt ends the process when none does, so this is asked before Qt starts. macOS and Windows always
    have a display.
    """
    if sys.platform in ("darwin", "win32"):
        return True
    wayland, x = os.environ.get("WAYLAND_DISPLAY"), os.environ.get("DISPLAY")
    folder = Path(os.environ.get("XDG_RUNTIME_DIR", "/"))
    return bool((wayland and _unix_answers(str(folder / wayland))) or (x and _x_answers(x)))


def _x_answers(name: str) -> bool:
    """``host:display.screen``; without a host on this machine."""
    host, _, rest = name.rpartition(":")
    number = rest.partition(".")[0]
    if not number.isdecimal():
        return False
    if host in ("", "unix"):
        path = f"/tmp/.X11-unix/X{number}"
        return _unix_answers(path) or _unix_answers(f"\0{path}")
    try:
        with socket.create_connection((host, _X_PORT + int(number)), _TIMEOUT_S):
            return True
    except OSError:
        return False


def _unix_answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_TIMEOUT_S)
        try:
            connection.connect(path)
        except OSError:
            return False
    return True

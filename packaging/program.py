"""The frozen program: ``realtime-ser``, and by its other name ``realtime-ser-window``."""

import multiprocessing
import runpy
import sys
from pathlib import Path


def start() -> int:
    """Run what the name and the arguments ask for, and return the exit code."""
    if sys.argv[1:2] == ["-m"]:  # a process of its own: realtime_ser.base.processes.module_command
        del sys.argv[:2]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        return 0
    if Path(sys.argv[0]).stem == "realtime-ser-window":
        from realtime_ser.commands.window import main
    else:
        from realtime_ser.commands.main import main
    return main()


if __name__ == "__main__":
    multiprocessing.freeze_support()
    sys.exit(start())

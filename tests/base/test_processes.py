"""Ctrl+C is heard by the program alone, also while its processes still start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

PROGRAM = """
import time
from realtime_ser.base.processes import SpawnPool

def work(number):
    time.sleep(0.05)
    return number

if __name__ == "__main__":
    with SpawnPool(2, print, "ready") as pool:
        try:
            print("begins", flush=True)
            print(sum(pool.map(work, range(100))))
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            print("interrupted")
"""


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return [sys.executable, str(path)]


def test_what_the_processes_return_comes_in_order(program):
    done = subprocess.run(program, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == str(sum(range(100)))
    assert done.stdout.count("ready") == 2


@pytest.mark.skipif(sys.platform == "win32", reason="sends Ctrl+C to a process group")
@pytest.mark.parametrize("delay_s", [0.0, 0.05, 0.2, 0.6])
def test_an_interruption_is_heard_once(program, delay_s):
    pipe = subprocess.PIPE
    running = subprocess.Popen(program, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
    assert running.stdout is not None
    while running.stdout.readline() != "begins\n":
        pass
    time.sleep(delay_s)
    os.killpg(running.pid, signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert "interrupted" in out
    assert err == ""

"""Programs that are killed while they listen lose at most a second of what they heard."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from datetime import datetime

import numpy as np
import pytest

from realtime_ser.base.paths import shipped
from realtime_ser.gui.library.session_dialogs import offer_interrupted

_AT_ONCE, _ROUNDS = 10, 2

_HEARING_S = 0.25
"""What is younger has not been heard yet: a block of sound, a step, and the pipeline's work."""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")


def listen(code):
    """Start a program that hears the demo at live speed."""
    arguments = ["--headless", "--input", str(shipped("demo.flac")), "--participant", code]
    monitor = [sys.executable, "-m", "realtime_ser", "monitor", "--model", "default"]
    command = [*monitor, *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def kill_at_random(store, programs):
    """Kill each program up to two seconds after something of it is stored; tell when."""
    chance = random.Random()
    due, killed, end = {}, {}, time.monotonic() + 60
    try:
        while programs:
            assert time.monotonic() < end
            for info in store.sessions():
                code = info.metadata.study.participant
                if code in programs and code not in due and info.channels[0].updates:
                    due[code] = time.monotonic() + chance.uniform(0.0, 2.0)
            for code in [c for c in programs if time.monotonic() >= due.get(c, end)]:
                killed[code] = datetime.now().astimezone()
                os.kill(programs[code].pid, signal.SIGKILL)
                assert programs.pop(code).wait() == -signal.SIGKILL
            time.sleep(0.01)
    finally:
        for program in programs.values():
            program.kill()
            program.wait()
    return killed


def test_twenty_killed_sessions_are_offered_with_all_but_their_last_second(qtbot, store):
    killed = {}
    for number in range(_ROUNDS):
        codes = [f"K{number}{letter}" for letter in "abcdefghij"[:_AT_ONCE]]
        killed |= kill_at_random(store, {code: listen(code) for code in codes})
    dialog = offer_interrupted(store)
    offered = {one.row.info.metadata.study.participant: one.row.info for one in dialog.offers}
    assert offered.keys() == killed.keys()
    for code, info in offered.items():
        heard_s = (killed[code] - info.metadata.started).total_seconds()
        assert heard_s - info.duration_s < 1.0 + _HEARING_S
        columns = store.columns(info.id)
        np.testing.assert_array_equal(columns.step, np.arange(len(columns)))
        assert info.duration_s > 0
    dialog.keep_all.click()
    assert offer_interrupted(store) is None

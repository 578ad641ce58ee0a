"""The few lines that a script needs."""

from __future__ import annotations

import doctest
import subprocess
import sys

import pytest

import realtime_ser
from realtime_ser import open_monitor
from realtime_ser.base.errors import SerError, UsageError
from realtime_ser.base.labels import LABELS


def test_a_loop_over_a_monitor_gives_every_update(speech_wav):
    with open_monitor(speech_wav, speed=0) as monitor:
        updates = list(monitor)
    assert [update.step for update in updates] == list(range(len(updates)))
    spoken = [update for update in updates if update.estimate]
    assert spoken
    assert {update.estimate.label for update in spoken} <= set(LABELS)
    assert all(update.latency_ms is None for update in updates), "a file has no latency"


def test_a_loop_may_be_left(speech_wav):
    with open_monitor(speech_wav, speed=0) as monitor:
        for update in monitor:
            if update.estimate:
                break
    assert update.estimate.label in LABELS


def test_both_channels_are_heard(speech_stereo_wav):
    with open_monitor(speech_stereo_wav, channels=(1, 2), speed=0) as monitor:
        assert {update.channel for update in monitor if update.speech} == {1, 2}


def test_nothing_is_written_but_how_quick_the_machine_is(speech_wav, tmp_path):
    with open_monitor(speech_wav, speed=0) as monitor:
        list(monitor)
    written = [path.name for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert written == ["step_time.json"]


def test_mistakes_are_told_in_a_sentence(tmp_path):
    with pytest.raises(SerError, match="There is no audio file at"):
        open_monitor(tmp_path / "none.wav")
    with pytest.raises(SerError, match="There is no model bundle at"):
        open_monitor("demo", model=tmp_path / "none")
    with pytest.raises(UsageError, match=r"'audio\.speed' is -1"):
        open_monitor("demo", speed=-1)


@pytest.mark.parametrize("name", ["realtime_ser", "realtime_ser.api"])
def test_the_examples_in_the_documentation_run(name):
    result = doctest.testmod(sys.modules[name])
    assert result.attempted
    assert not result.failed


def test_importing_the_package_loads_nothing_that_takes_time():
    code = (
        "import sys, realtime_ser; print(*{'numpy', 'soundfile', 'pydantic'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "\n", done.stderr


def test_a_monitor_for_a_script_loads_nothing_that_keeps_sessions():
    code = "import sys, realtime_ser.api; print('realtime_ser.session' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


def test_an_unknown_name_is_an_error():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        realtime_ser.nonsense  # noqa: B018

"""What the tests of the outputs share: a session of recorded speech, and what it sends."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

from realtime_ser.base.config import Config
from realtime_ser.outputs import objects
from realtime_ser.outputs.delivery import LiveOutputs
from realtime_ser.session.live import LiveSession

SCHEMA = json.loads(Path(objects.__file__).with_name("live.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
KINDS = SCHEMA["$defs"]


def check_objects(found):
    """Objects are as the schema says, and those of a file's steps are of their ADC time."""
    assert found
    if found[0]["type"] == "hello":
        started_s = found[0]["clock"]["started_s"]
        for one in of_type(found, "update"):
            assert one["adc_s"] - started_s == pytest.approx(one["time_s"], abs=0.001)
    for one in found:
        VALIDATOR.validate(one)
        assert set(one) == set(KINDS[one["type"]]["properties"]), one


def of_type(found, kind):
    return [one for one in found if one["type"] == kind]


class Running:
    """A session in this process that plays a file, with its outputs."""

    def __init__(self, wav, folder, *outputs, speed=0.0, **sections):
        data = {
            "audio": {"input": str(wav), "speed": speed},
            "outputs": list(outputs),
            "sessions": {"folder": str(folder / "store")},
            **sections,
        }
        self.session = LiveSession(Config.model_validate(data), folder / "out.csv")
        self.monitor = self.session.monitor
        self.outputs = LiveOutputs(self.session)

    def __enter__(self):
        self.session.start()
        self.outputs.start()
        return self

    def __exit__(self, *_):
        self.session.stop()
        self.outputs.finish()

    def wait(self):
        """Until the file has been heard."""
        until(lambda: self.monitor.status.phase.value in ("ended", "failed"))

    @property
    def state(self):
        return self.outputs.states[0]


def until(condition, seconds=60.0):
    """Wait for a condition that will hold."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def answers(port):
    """Whether something listens at a TCP port of this computer."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def program(*arguments, **options):
    """The program in a process of its own, whose standard output is a pipe."""
    command = [sys.executable, "-W", "error", "-m", "realtime_ser", "--headless", "--no-keep"]
    command += ["--model", "default"]
    return subprocess.Popen(
        [*command, *map(str, arguments)],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options},
    )

"""``realtime-ser doctor`` tells what works here and what to do about the rest."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from realtime_ser.base.config import Config, SessionConfig, SessionsConfig
from realtime_ser.commands.main import main
from realtime_ser.engine.doctor import Verdict, run_checks


def findings(config=None):
    return {finding.subject: finding for finding in run_checks(config or Config())}


def test_a_machine_on_which_the_demo_can_be_monitored_is_sound():
    found = findings()
    assert not [finding for finding in found.values() if finding.verdict is Verdict.FAULT]
    for subject in (
        "python",
        "speech gate",
        "model",
        "model step",
        "session folder",
        "kept sessions",
    ):
        assert found[subject].verdict is Verdict.GOOD
    assert "ms" in found["model step"].words


def test_it_leaves_no_trace(tmp_path):
    folder = tmp_path / "sessions"
    assert "session folder" in findings(Config(session=SessionConfig(folder=folder)))
    assert not folder.exists()


def test_a_broken_model_is_a_fault_with_exit_code_1(bundle_folder, tmp_path, capsys):
    bundle = shutil.copytree(bundle_folder, tmp_path / "bundle")
    (bundle / "model.tflite").unlink()
    assert main(["doctor", "--model", str(bundle)]) == 1
    said = capsys.readouterr()
    fault = next(line for line in said.out.splitlines() if line.startswith("FAULT"))
    assert fault.split()[1] == "model"
    assert "lacks its file model.tflite" in fault
    assert "fetch the bundle again" in fault
    assert said.err.startswith("realtime-ser: error: The monitor cannot work here")
    assert "demo recording" in said.out, "the other checks go on"


def test_a_session_folder_that_cannot_be_written_is_a_fault(tmp_path):
    file = tmp_path / "file"
    file.touch()
    found = findings(Config(session=SessionConfig(folder=file / "below")))
    assert found["session folder"].verdict is Verdict.FAULT
    assert "--export" in found["session folder"].words


def test_a_place_for_kept_sessions_that_cannot_be_written_is_a_fault(tmp_path):
    file = tmp_path / "file"
    file.touch()
    found = findings(Config(sessions=SessionsConfig(folder=file / "below")))
    assert found["kept sessions"].verdict is Verdict.FAULT
    assert "--no-keep" in found["kept sessions"].words


def test_a_gate_unlike_the_one_of_the_training_is_noted():
    config = Config.model_validate({"gate": {"hangover_ms": 900, "mode": 1}})
    note = findings(config)["settings"]
    assert note.verdict is Verdict.NOTE
    assert "gate.mode, gate.hangover_ms" in note.words


def test_a_bare_machine_is_told_what_it_lacks_and_can_still_work(bare_machine):
    doctor = [sys.executable, "-m", "realtime_ser", "doctor"]
    done = subprocess.run(doctor, env=bare_machine, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    notes = [line for line in done.stdout.splitlines() if line.startswith("note")]
    assert any("No microphone found: plug one in" in note for note in notes)
    assert any("runs in the terminal" in note for note in notes)


@pytest.mark.parametrize("name", [":4711", "unix:4711", "nobody.invalid:0", "x", ""])
def test_a_display_that_nobody_serves_is_none(name, monkeypatch):
    from realtime_ser.base.display import display_answers

    if sys.platform != "linux":
        pytest.skip("macOS and Windows always have a display")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", name)
    assert not display_answers()

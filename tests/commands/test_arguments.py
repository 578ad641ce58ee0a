"""What the command line understands, and how it says that it does not."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from realtime_ser import __version__
from realtime_ser.commands.main import main

PROGRAM = "realtime-ser: error: "
COMMANDS = ("monitor", "analyze", "calibrate", "profiles", "sessions", "devices", "doctor")


def refused(arguments, capsys):
    """The sentence with which arguments are refused."""
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(PROGRAM)
    assert said.err.count("\n") == 1
    return said.err.removeprefix(PROGRAM)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["moniter"], "There is no command 'moniter'; did you mean 'monitor'?"),
        (["--inptu", "demo"], "There is no option '--inptu'; did you mean '--input'?"),
        (["analyze", "x.wav", "--job=2"], "There is no option '--job'; did you mean '--jobs'?"),
        (["monitor", "talk.wav"], "a file is given as --input FILE"),
        (["--duration", "soon"], "'soon' must be a number of seconds above 0"),
        (["--duration", "-1"], "'-1' must be a number of seconds above 0"),
        (["--duration", "nan"], "'nan' must be a number of seconds above 0"),
        (["--channels", "left"], "must be channel numbers separated by commas, such as 1,2"),
        (["--channels", "0"], "'--channels' is 0, but input should be greater than or equal to 1"),
        (["--channels", "1,1"], "channels must differ from each other"),
        (["--speed", "-2"], "'--speed' is -2.0"),
        (["--speed", "fast"], "'--speed': 'fast' must be a number"),
        (["--input"], "Option '--input' requires an argument"),
        (["analyze"], "Missing argument 'PATH"),
        (["devices", "--xy"], "no option '--xy'; 'realtime-ser devices --help' tells more."),
        (["analyze", "x.wav", "--jobs", "0"], "'0' must be a number of processes from 1"),
        (["analyze", "x.wav", "--plot"], "add --out DIR"),
        (["analyze", "x.wav", "--classes", "happy,sadd"], "The model has no class 'sadd'"),
        (["analyze", "x.wav", "--classes", "happy"], "at least two different classes"),
        (["--headless", "--input", "demo", "--export", "out.txt"], "ends in .csv"),
        (["--headless", "--input", "demo", "--screenshot", "out.jpg"], "ends in .png"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_gets_one_sentence_and_exit_code_2(arguments, sentence, capsys):
    assert sentence in refused(arguments, capsys)


def test_debug_shows_where_an_error_came_from(capsys):
    assert main(["--headless", "--input", "no.wav", "--debug"]) == 1
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert said.rstrip().splitlines()[-1].startswith(PROGRAM)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(command, capsys):
    assert main([command, "--help"]) == main([command, "-h"]) == 0
    assert command in capsys.readouterr().out


def test_the_help_names_all_commands(capsys):
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(command in said for command in COMMANDS)


def test_the_version_is_told(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"realtime-ser {__version__}\n"


def test_help_loads_nothing_that_takes_time():
    code = (
        "import sys\n"
        "from realtime_ser.commands.main import main\n"
        "for command in ('monitor', 'analyze', 'calibrate', 'profiles', 'sessions', 'doctor'):\n"
        "    assert main([command, '--help']) == 0\n"
        "heavy = {'numpy', 'sounddevice', 'soundfile', 'rich', 'pydantic', 'PyQt6'}\n"
        "print(*heavy & sys.modules.keys(), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == "\n"


def test_a_terminal_without_utf_8_shows_something_simpler(monkeypatch, speech_wav, tmp_path):
    screen = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", screen)
    arguments = ["--headless", "--input", str(speech_wav), "--speed", "0"]
    assert main([*arguments, "--export", str(tmp_path / "x.csv")]) == 0
    screen.flush()
    said = screen.buffer.getvalue().decode("ascii")
    assert " %" in said
    assert "?%" not in said


def test_without_a_microphone_devices_says_what_to_do(bare_machine):
    command = [sys.executable, "-m", "realtime_ser", "devices"]
    done = subprocess.run(command, env=bare_machine, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(PROGRAM + "No microphone found: plug one in")

"""The command line is laid over the configuration file, setting by setting."""

from __future__ import annotations

import click
import pytest

from realtime_ser.base.config import Config
from realtime_ser.base.errors import UsageError
from realtime_ser.commands.shared import Command, channels, flag_setting, pass_config, setting


@pytest.fixture
def read():
    """Read the settings of some words."""
    seen = []

    @click.command(cls=Command)
    @setting("audio.speed", "--speed", "X", "Pace of a file.", float)
    @setting("audio.channels", "--channel", "1,2", "Channels.", channels)
    @flag_setting("sessions.keep", "--no-keep", lambda: False, "Keep nothing.")
    @pass_config
    def command(config):
        seen.append(config)

    def run(*words):
        with command.make_context("command", [str(word) for word in words]) as context:
            command.invoke(context)
        return seen.pop()

    return run


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("audio: {speed: 2, channels: [3]}\nmodel: open\n")
    return path


def test_without_words_the_defaults_hold(read):
    assert read() == Config()


def test_the_command_line_wins_and_the_rest_of_the_file_stays(read, file):
    config = read("--config", file, "--speed", "0", "--no-keep")
    assert (config.audio.speed, config.audio.channels) == (0.0, (3,))
    assert config.model == "open"
    assert not config.sessions.keep
    assert read("--config", file).sessions.keep


def test_a_value_of_an_option_goes_by_the_options_name(read):
    with pytest.raises(UsageError, match=r"^In the command line: '--speed' is -1\.0"):
        read("--speed", "-1")
    with pytest.raises(UsageError, match=r"^In the command line: '--channel' is 99"):
        read("--channel", "2,99")


def test_a_value_of_the_file_goes_by_the_settings_name(read, file):
    file.write_text("audio: {speed: -1}")
    with pytest.raises(UsageError, match=r"mine\.yaml: 'audio\.speed' is -1"):
        read("--config", file, "--speed", "2")

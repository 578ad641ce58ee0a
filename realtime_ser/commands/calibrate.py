"""``realtime-ser calibrate``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from realtime_ser.base.errors import SerError, UsageError
from realtime_ser.commands.shared import (
    Command,
    device_setting,
    model_setting,
    pass_config,
    progress_bar,
    setting,
)

if TYPE_CHECKING:
    from realtime_ser.base.config import Config


def _channel(text: str) -> tuple[int]:
    if not text.isdecimal():
        raise click.BadParameter(f"'{text}' must be the number of a channel.")
    return (int(text),)


@click.command(cls=Command)
@click.argument("name", metavar="NAME")
@setting("audio.input", "--input", "mic|FILE", "What to listen to (default: mic).")
@device_setting
@setting("audio.channels", "--channel", "N", "Channel of the voice (default: 1).", _channel)
@click.option("--replace", is_flag=True, help="In place of a profile of that name.")
@model_setting
@pass_config
def calibrate(config: Config, *, name: str, replace: bool) -> None:
    """Listen to a normal voice, to correct the model for that person.

    NAME is what to call the person, on this microphone.
    """
    from realtime_ser.engine.calibration import calibration_audio, make_profile
    from realtime_ser.engine.model_choice import for_live
    from realtime_ser.engine.open import open_source
    from realtime_ser.recogniser.bundle import load_bundle
    from realtime_ser.recogniser.profiles import profile_path, require_baseline, write_profile
    from realtime_ser.recogniser.speaker_calibration import SPEECH_S

    path = profile_path(config, name)
    if path.exists() and not replace:
        raise UsageError(
            f"There is a profile '{name}' already: choose another name, or add --replace."
        )
    config = for_live(config).config
    bundle = load_bundle(config.model)
    require_baseline(bundle)
    config = config.model_copy(update={"audio": calibration_audio(config.audio)})
    source = open_source(config.audio).source
    if source.info.live:
        print(
            f"Listening to {source.info.name}: say or read something in your normal voice, until "
            f"{SPEECH_S:.0f} s of it were heard.",
            flush=True,
        )
    try:
        with _progress(SPEECH_S) as advance:
            profile = make_profile(name, source, bundle, config, advance)
    except KeyboardInterrupt as error:
        raise SerError("Interrupted, so no profile was made.") from error
    write_profile(config, profile)
    print(f"The profile '{profile.name}' was made of {profile.seconds:.1f} s of voice.")
    if profile.seconds < SPEECH_S:
        print(f"{SPEECH_S:.0f} s would make a steadier one.")
    print(f"Choose it for a session: realtime-ser monitor --profile '{profile.name}'")


@contextmanager
def _progress(total_s: float) -> Iterator[Callable[[float], None]]:
    """A bar on standard error that is told how many seconds were heard."""
    from rich.progress import BarColumn, TextColumn

    words = TextColumn("{task.completed:.0f} of {task.total:.0f} s of voice")
    with progress_bar(BarColumn(), words) as bar:
        task = bar.add_task("", total=total_s)
        yield lambda heard_s: bar.update(task, completed=heard_s)

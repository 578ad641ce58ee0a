"""Runs ``realtime-ser calibrate`` and ``realtime-ser profiles``."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from realtime_ser.base.config import Config
from realtime_ser.base.errors import SerError, UsageError
from realtime_ser.base.text import aligned_lines
from realtime_ser.engine.open import open_source
from realtime_ser.recogniser.bundle import load_bundle
from realtime_ser.recogniser.speaker_calibration import SPEECH_S, Profile
from realtime_ser.session.profiles.calibration import (
    calibration_audio,
    make_profile,
    measure_neutral_speech,
)
from realtime_ser.session.profiles.folder import (
    delete_profile,
    is_compatible,
    profile_path,
    profile_paths,
    read_profile,
    read_profile_file,
    require_baseline,
    require_compatible,
    write_profile,
)


def calibrate(options: argparse.Namespace, config: Config) -> None:
    """Listen to somebody's normal voice, and keep their profile.

    Raises
    ------
    SerError
        It cannot be done; nothing is kept.
    """
    path = profile_path(config, options.name)
    if path.exists() and not options.replace:
        raise UsageError(
            f"There is a profile '{options.name}' already: choose another name, or add --replace."
        )
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
        with _progress() as advance:
            neutral_speech = measure_neutral_speech(source, bundle, config, SPEECH_S, advance)
    except KeyboardInterrupt as error:
        raise SerError("Interrupted, so no profile was made.") from error
    profile = make_profile(options.name, source, bundle, neutral_speech)
    write_profile(config, profile)
    print(f"The profile '{profile.name}' was made of {neutral_speech.seconds:.1f} s of voice.")
    if neutral_speech.seconds < SPEECH_S:
        print(f"{SPEECH_S:.0f} s would make a steadier one.")
    print(f"Choose it for a session: realtime-ser monitor --profile '{profile.name}'")


@contextmanager
def _progress() -> Iterator[Callable[[float], None]]:
    """A bar on standard error that is told how much was heard."""
    console = Console(stderr=True)
    words = TextColumn("{task.completed:.0f} of {task.total:.0f} s of voice")
    quiet = not console.is_terminal
    with Progress(BarColumn(), words, console=console, transient=True, disable=quiet) as bar:
        task = bar.add_task("", total=SPEECH_S)
        yield lambda heard_s: bar.update(task, completed=heard_s)


# ---------------------------------------------------------------------------------------- profiles


def profiles(options: argparse.Namespace, config: Config) -> None:
    """Do what the command line says.

    Raises
    ------
    SerError
        It cannot be done.
    """
    _ACTIONS[options.action or "list"](options, config)


def _list(_options: argparse.Namespace, config: Config) -> None:
    rows = [("name", "made", "voice", "model", "device", "")]
    bundle = load_bundle(config.model)
    for path in profile_paths(config):
        try:
            profile = read_profile_file(path)
        except SerError as error:
            print(error, file=sys.stderr)
            continue
        rows.append(
            (
                profile.name,
                f"{profile.made:%Y-%m-%d %H:%M}",
                f"{profile.seconds:.1f} s",
                f"{profile.model.name} {profile.model.version}",
                profile.device,
                "" if is_compatible(bundle, profile) else "not for the present model",
            )
        )
    if len(rows) > 1:
        for line in aligned_lines(rows):
            print(line)
    else:
        print("There are no profiles; 'realtime-ser calibrate NAME' makes one.")


def _show(options: argparse.Namespace, config: Config) -> None:
    profile = read_profile(config, options.name)
    heard = profile.model
    rows = [
        ("made", profile.made.isoformat(" ", timespec="seconds")),
        ("device", profile.device),
        ("voice", f"{profile.seconds:.1f} s"),
        ("model", f"{heard.name} {heard.version}  {heard.sha256}"),
        ("file", str(profile_path(config, profile.name))),
    ]
    print(profile.name)
    for line in aligned_lines([("", *row) for row in rows]):
        print(line)
    factors, fault = _factors(profile, config)
    print(f"Mean log-probabilities{'' if fault else ', and the factors that correct'}:")
    values = profile.log_probabilities.items()
    for line in aligned_lines(
        [("", name, f"{x:7.3f}", factors.get(name, "")) for name, x in values]
    ):
        print(line)
    if fault:
        print(fault)


def _factors(profile: Profile, config: Config) -> tuple[Mapping[str, str], str]:
    """What each probability is multiplied by before they are renormalised, or why it is not."""
    bundle = load_bundle(config.model)
    try:
        require_compatible(bundle, profile)
    except UsageError as error:
        return {}, str(error)
    shift = bundle.shift(profile)
    factors = zip(bundle.labels, shift, strict=True)
    return {label: f"x {math.exp(value):.2f}" for label, value in factors}, ""


def _delete(options: argparse.Namespace, config: Config) -> None:
    path = profile_path(config, options.name)
    if path.exists() and not options.yes and not _confirmed(options.name):
        print("Nothing was deleted.")
        return
    delete_profile(config, options.name)
    print(f"The profile '{options.name}' was deleted; sessions that it corrected keep its numbers.")


def _confirmed(name: str) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("Deleting asks first, and nobody can answer here: add --yes.")
    asked = f"Delete the profile '{name}' for good? [y/N] "
    return input(asked).strip().lower() in ("y", "yes")


_ACTIONS: Mapping[str, Callable[[argparse.Namespace, Config], None]] = {
    "list": _list,
    "show": _show,
    "delete": _delete,
}

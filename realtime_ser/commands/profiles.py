"""``realtime-ser profiles``."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from realtime_ser.commands.shared import (
    CommandGroup,
    confirmed,
    model_setting,
    pass_config,
    print_aligned,
)

if TYPE_CHECKING:
    from realtime_ser.base.config import Config
    from realtime_ser.recogniser.speaker_calibration import Profile


@click.group(cls=CommandGroup, default="list")
def profiles() -> None:
    """List the profiles that calibrating made, show and delete them."""


@profiles.command("list")
@model_setting
@pass_config
def _list(config: Config) -> None:
    """List the profiles."""
    from realtime_ser.engine.model_choice import for_live
    from realtime_ser.recogniser.profiles import profile_choices

    config = for_live(config).config
    rows = [("name", "made", "voice", "model", "device", "")]
    for choice in profile_choices(config, lambda error: print(error, file=sys.stderr)):
        profile = choice.profile
        rows.append(
            (
                profile.name,
                f"{profile.made:%Y-%m-%d %H:%M}",
                f"{profile.seconds:.1f} s",
                f"{profile.model.name} {profile.model.version}",
                profile.device,
                "" if choice.fault is None else "not for the present model",
            )
        )
    if len(rows) > 1:
        print_aligned(rows)
    else:
        print("There are no profiles; 'realtime-ser calibrate NAME' makes one.")


@profiles.command("show")
@click.argument("name", metavar="NAME")
@model_setting
@pass_config
def _show(config: Config, *, name: str) -> None:
    """Show all that is known of a profile."""
    from realtime_ser.recogniser.profiles import profile_path, read_profile

    profile = read_profile(config, name)
    heard = profile.model
    rows = [
        ("made", profile.made.isoformat(" ", timespec="seconds")),
        ("device", profile.device),
        ("voice", f"{profile.seconds:.1f} s"),
        ("model", f"{heard.name} {heard.version}  {heard.sha256}"),
        ("file", str(profile_path(config, profile.name))),
    ]
    print(profile.name)
    print_aligned([("", *row) for row in rows])
    factors, fault = _factors(profile, config)
    print(f"Mean log-probabilities{'' if fault else ', and the factors that correct'}:")
    values = profile.log_probabilities.items()
    print_aligned([("", label, f"{x:7.3f}", factors.get(label, "")) for label, x in values])
    if fault:
        print(fault)


def _factors(profile: Profile, config: Config) -> tuple[Mapping[str, str], str]:
    """What each probability is multiplied by before they are renormalised, or why it is not."""
    from realtime_ser.engine.model_choice import for_live
    from realtime_ser.recogniser.bundle import load_bundle
    from realtime_ser.recogniser.profiles import incompatibility

    bundle = load_bundle(for_live(config).config.model)
    fault = incompatibility(bundle, profile)
    if fault is not None:
        return {}, fault
    shift = bundle.shift(profile)
    factors = zip(bundle.labels, shift, strict=True)
    return {label: f"x {math.exp(value):.2f}" for label, value in factors}, ""


@profiles.command("delete")
@click.argument("name", metavar="NAME")
@click.option("--yes", is_flag=True, help="Do not ask.")
@model_setting
@pass_config
def _delete(config: Config, *, name: str, yes: bool) -> None:
    """Delete a profile."""
    from realtime_ser.recogniser.profiles import delete_profile, profile_path

    question = f"Delete the profile '{name}' for good?"
    if profile_path(config, name).exists() and not yes and not confirmed(question):
        print("Nothing was deleted.")
        return
    delete_profile(config, name)
    print(f"The profile '{name}' was deleted; sessions that it corrected keep its numbers.")

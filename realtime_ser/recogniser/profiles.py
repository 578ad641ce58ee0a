"""Speaker profiles by name: their folder, and the choice of a profile for a bundle."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from realtime_ser.base.config import Config
from realtime_ser.base.errors import OutputError, SerError, UsageError, reason_text
from realtime_ser.base.files import whole_file, writing
from realtime_ser.base.paths import store_folder
from realtime_ser.base.text import nearest_hint
from realtime_ser.recogniser.bundle import Bundle, Decoder, load_bundle, shipped_name
from realtime_ser.recogniser.speaker_calibration import Profile

FOLDER = "profiles"  # beside the kept sessions; one JSON file a profile
_NAME = re.compile(r"\w([\w .-]{0,38}\w)?")


def profile_path(config: Config, name: str) -> Path:
    """Path of a profile's file; names that differ in case alone share a file."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"'{name}' cannot name a profile: take up to 40 letters, digits, spaces, dots, hyphens."
        )
    # No file may be called 'con' on Windows, but a person may.
    return store_folder(config.sessions) / FOLDER / f"profile-{name.casefold()}.json"


def profile_paths(config: Config) -> list[Path]:
    """Files of all profiles, by name."""
    return sorted((store_folder(config.sessions) / FOLDER).glob("profile-*.json"))


def read_profile(config: Config, name: str) -> Profile:
    """Read the profile of a name."""
    path = profile_path(config, name)
    if not path.exists():
        raise UsageError(f"There is no profile '{name}'{_hint(config, name)}")
    return read_profile_file(path)


def read_profile_file(path: Path) -> Profile:
    """Read the profile in a file."""
    try:
        return Profile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SerError(f"The profile {path} cannot be read: {reason_text(error)}.") from error
    except ValidationError as error:
        raise SerError(f"The profile {path} is damaged: delete it, and calibrate again.") from error


def write_profile(config: Config, profile: Profile) -> Path:
    """Write a profile in place of an earlier one of the same name, in one step."""
    path = profile_path(config, profile.name)
    advice = "make room there, or name another folder as sessions.folder"
    with writing(path, advice):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with whole_file(path) as draft:
            draft.write_text(profile.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return path


def delete_profile(config: Config, name: str) -> None:
    """Delete a profile, even a damaged one."""
    path = profile_path(config, name)
    try:
        path.unlink()
    except FileNotFoundError as error:
        raise UsageError(f"There is no profile '{name}'{_hint(config, name)}") from error
    except OSError as error:
        raise OutputError(f"The profile {path} cannot be deleted: {reason_text(error)}.") from error


def _hint(config: Config, name: str) -> str:
    known = [path.stem.removeprefix("profile-") for path in profile_paths(config)]
    return nearest_hint(name.casefold(), known, ": 'realtime-ser profiles' lists them.")


# ---------------------------------------------------------------------------------------- choosing


@dataclass(frozen=True, slots=True)
class ProfileChoice:
    """A profile and, where the model cannot use it, the reason in a sentence."""

    profile: Profile
    fault: str | None = None


def profile_choices(
    config: Config, report_damaged: Callable[[SerError], object] = lambda _: None
) -> Iterator[ProfileChoice]:
    """All readable profiles, to choose from; ``report_damaged`` is told of each other one."""
    bundle = load_bundle(config.model)
    for path in profile_paths(config):
        try:
            profile = read_profile_file(path)
        except SerError as error:
            report_damaged(error)
        else:
            yield ProfileChoice(profile, incompatibility(bundle, profile))


def with_profile(config: Config, name: str | None) -> Config:
    """The settings of a session for which a profile was chosen, or none."""
    return config.model_copy(update={"profile": name})


def chosen_model(config: Config, classes: Sequence[str] = ()) -> tuple[Bundle, Decoder]:
    """The bundle that the settings name, and its decoder with the profile that was chosen.

    ``classes`` are the labels to which the probabilities are restricted; empty: all.
    """
    bundle = load_bundle(config.model)
    if config.profile is None:
        return bundle, bundle.decoder(classes)
    if len(config.audio.channels) > 1:
        raise UsageError("A profile is of one person: choose one channel, or no profile.")
    profile = read_profile(config, config.profile)
    require_compatible(bundle, profile)
    return bundle, bundle.decoder(classes, profile)


def require_baseline(bundle: Bundle) -> None:
    """Refuse a model that cannot be corrected for a person."""
    model, baseline = bundle.manifest.name, bundle.manifest.baseline
    if baseline is None:
        raise UsageError(
            f"The model {model} has no reference of neutral speech, so it cannot be corrected for "
            "a person: choose another model."
        )
    if not baseline.enabled:
        raise UsageError(
            f"The model {model} did not gain from personal profiles when it was measured, so it "
            "offers none: choose another model."
        )


def require_compatible(bundle: Bundle, profile: Profile) -> None:
    """Refuse a profile that was made with another model."""
    require_baseline(bundle)
    made_with, manifest = profile.model, bundle.manifest
    if made_with.sha256 != bundle.digest:
        name = shipped_name(made_with.sha256)
        or_that = "" if name is None else f", or choose the model {name}"
        raise UsageError(
            f"The profile '{profile.name}' was made with another model, {made_with.name} "
            f"{made_with.version} ({made_with.sha256[:8]}), and this is {manifest.name} "
            f"{manifest.version} ({bundle.digest[:8]}): calibrate again with this one{or_that}."
        )
    if profile.log_probabilities.keys() != set(bundle.labels):
        raise UsageError(
            f"The profile '{profile.name}' is damaged, for it has other labels than its model: "
            "delete it, and calibrate again."
        )


def incompatibility(bundle: Bundle, profile: Profile) -> str | None:
    """Reason why a model cannot be corrected by a profile, in a sentence; ``None``: it can."""
    try:
        require_compatible(bundle, profile)
    except UsageError as error:
        return str(error)
    return None

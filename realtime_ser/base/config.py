"""Settings: ``config.yaml`` documents each one with its default; this module holds their types.

A configuration is immutable. Unknown keys, wrong types and values out of range raise
:class:`~realtime_ser.base.errors.UsageError` with one sentence that names the setting.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from realtime_ser.base.errors import UsageError, reason_text
from realtime_ser.base.text import nearest

AUTO = "auto"
"""Model of the settings that leaves the choice to the program."""

_SHORT = reprlib.Repr()  # shows a wrong value, whatever its size


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _home_expanded(value: object) -> object:
    """A path whose ``~`` stands for a home folder, as shells read it."""
    if not isinstance(value, str | Path) or not str(value).startswith("~"):
        return value
    try:
        return type(value)(Path(value).expanduser())
    except RuntimeError:
        raise ValueError(f"there is no home folder of {Path(value).parts[0]}") from None


_Path = Annotated[Annotated[Path, Field(strict=False)] | None, BeforeValidator(_home_expanded)]
_PathText = Annotated[str, BeforeValidator(_home_expanded), Field(min_length=1)]
_Number = Annotated[float, Field(strict=False, allow_inf_nan=False)]
_Texts = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(strict=False)]


class AudioConfig(_Settings):
    """Source of the samples: input, device, channels, pace."""

    input: _PathText = "auto"
    device: str | None = Field(default=None, min_length=1)
    channels: tuple[Annotated[int, Field(ge=1, le=64)], ...] = Field(
        default=(1,), min_length=1, max_length=8, strict=False
    )
    channel_names: tuple[Annotated[str, Field(min_length=1, max_length=32)], ...] = Field(
        default=(), strict=False
    )
    buffer_s: _Number = Field(default=10.0, ge=1, le=120)
    speed: _Number = Field(default=1.0, ge=0, le=1000)

    @model_validator(mode="after")
    def _check_distinct(self) -> Self:
        if len(set(self.channels)) != len(self.channels):
            raise ValueError("channels must differ from each other")
        if self.channel_names and len(self.channel_names) != len(self.channels):
            raise ValueError("channel_names must name each of the channels, or none")
        if len(set(self.channel_names)) != len(self.channel_names):
            raise ValueError("channel_names must differ from each other")
        return self

    @property
    def names(self) -> dict[int, str]:
        """Names of the channels by their numbers; empty without names."""
        return dict(zip(self.channels, self.channel_names, strict=False))


class GateConfig(_Settings):
    """Speech gate: see :mod:`realtime_ser.recogniser.gate`."""

    mode: int = Field(default=2, ge=0, le=3)
    onset_frames: int = Field(default=10, ge=4, le=50)
    onset_voiced: int = Field(default=8, ge=4, le=50)
    hangover_ms: int = Field(default=500, ge=80, le=5000)
    preroll_ms: int = Field(default=200, ge=0, le=1000)
    max_segment_s: _Number = Field(default=30.0, ge=2, le=600)
    target_dbfs: _Number = Field(default=-24.0, ge=-60, le=0)
    max_gain_db: _Number = Field(default=40.0, ge=0, le=60)
    release_s: _Number = Field(default=4.0, ge=0.1, le=60)
    noise_window_s: _Number = Field(default=3.0, ge=0.5, le=60)
    noise_margin_db: _Number = Field(default=4.0, ge=0, le=40)

    @model_validator(mode="after")
    def _check_reachable(self) -> Self:
        if self.onset_voiced > self.onset_frames:
            raise ValueError("onset_voiced must not exceed onset_frames")
        return self


class SessionConfig(_Settings):
    """Tables and sound of a session."""

    folder: _Path = None
    record_audio: bool = False


class SessionsConfig(_Settings):
    """Store of all sessions: see :mod:`realtime_ser.session.store`."""

    keep: bool = True
    folder: _Path = None
    retention_days: _Number | None = Field(default=None, gt=0, le=36500)


class VoiceConfig(_Settings):
    """What the voice does: see :mod:`realtime_ser.recogniser.voice_measures`."""

    measures: bool = True


class StudyConfig(_Settings):
    """Study, participant, condition and consent of a session."""

    name: str | None = Field(default=None, min_length=1)
    participant: str | None = Field(default=None, min_length=1)
    condition: str | None = Field(default=None, min_length=1)
    consent: datetime | None = Field(default=None, strict=False)

    @field_validator("consent")
    @classmethod
    def _assume_local(cls, moment: datetime | None) -> datetime | None:
        """Give a moment without a UTC offset that of this place."""
        return moment.astimezone() if moment is not None and moment.tzinfo is None else moment


class NetworkConfig(_Settings):
    """Who may hear a session and mark it from elsewhere."""

    remote: bool = False
    token: SecretStr | None = Field(default=None, min_length=16)
    password: SecretStr | None = Field(default=None, min_length=1)
    ca_file: _Path = None

    @property
    def secret(self) -> str | None:
        """The token as text."""
        return None if self.token is None else self.token.get_secret_value()


class WindowConfig(_Settings):
    """Theme, timeline and smoothing of the live window."""

    theme: Literal["system", "dark", "light"] = "system"
    timeline_s: _Number = Field(default=60.0, ge=10, le=3600)
    smoothing_s: _Number = Field(default=0.4, ge=0, le=5)


class Config(_Settings):
    """All settings.

    ``profile`` is no setting of a file: a profile is chosen anew for each session.
    """

    audio: AudioConfig = AudioConfig()
    gate: GateConfig = GateConfig()
    model: _PathText = AUTO
    voice: VoiceConfig = VoiceConfig()
    profile: str | None = Field(default=None, min_length=1)
    session: SessionConfig = SessionConfig()
    sessions: SessionsConfig = SessionsConfig()
    study: StudyConfig = StudyConfig()
    outputs: _Texts = ()
    markers_from: _Texts = ()
    network: NetworkConfig = NetworkConfig()
    window: WindowConfig = WindowConfig()


def load_config(path: Path) -> Config:
    """Read a configuration file; settings that it leaves out keep their defaults."""
    from realtime_ser.base.yaml_file import YamlError, read_yaml  # a start without a file is quick

    try:
        data = read_yaml(path)
    except OSError as error:
        raise UsageError(f"Cannot read the configuration {path}: {reason_text(error)}.") from error
    except YamlError as error:
        raise UsageError(f"The configuration {path} {error}.") from error
    config = parse_config({} if data is None else data, str(path))
    if config.profile is not None:
        raise UsageError(
            f"A profile is chosen for each session: leave 'profile' out of {path}, and "
            f"choose it for a session: 'realtime-ser monitor --profile {config.profile}'."
        )
    return config


def parse_config(data: Any, origin: str, shown: Mapping[str, str] = MappingProxyType({})) -> Config:
    """Check sections of settings by name.

    Parameters
    ----------
    origin
        Where they come from, for the error.
    shown
        What the error calls some settings, by their names.
    """
    if not isinstance(data, dict):
        raise UsageError(f"The configuration {origin} must hold settings such as 'model: default'.")
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        raise UsageError(f"In {origin}: {_error_text(error.errors()[0], shown)}") from error


def _error_text(error: ErrorDetails, shown: Mapping[str, str]) -> str:
    name = ".".join(str(part) for part in error["loc"])
    # What an option holds goes by the option's name.
    name = next((text for known, text in shown.items() if f"{name}.".startswith(f"{known}.")), name)
    if error["type"] == "extra_forbidden":
        near = _nearest_setting(error["loc"])
        hint = f"; did you mean '{near}'?" if near else "; config.yaml lists the known ones."
        return f"unknown setting '{name}'{hint}"
    given = _SHORT.repr(error["input"])
    if error["type"] in ("model_type", "model_attributes_type"):
        what = "is empty" if error["input"] is None else f"is {given}"
        return f"the section '{name}' {what}: put settings below it, or leave it out."
    if error["type"] == "string_type" and not isinstance(error["input"], dict | list):
        return f"'{name}' is {given}, but it must be text: put it in quotes."
    message = error["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    if error["type"] == "value_error":  # several settings do not go together
        return f"{message}."
    return f"'{name}' is {given}, but {message}." if name else f"{message}."


def _nearest_setting(location: tuple[int | str, ...]) -> str | None:
    """The known setting that resembles an unknown one, in its own section first, then anywhere."""
    *sections, key = (str(part) for part in location)
    known = _setting_names(Config)
    prefix = "".join(f"{part}." for part in sections)
    here = [name.removeprefix(prefix) for name in known if name.startswith(prefix)]
    if match := nearest(key, here):
        return prefix + match
    leaves = {name.rpartition(".")[2]: name for name in known}
    return leaves.get(nearest(key, leaves) or "")


def _setting_names(model: type[BaseModel], prefix: str = "") -> list[str]:
    names: list[str] = []
    for name, info in model.model_fields.items():
        names.append(prefix + name)
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            names += _setting_names(info.annotation, f"{prefix}{name}.")
    return names
